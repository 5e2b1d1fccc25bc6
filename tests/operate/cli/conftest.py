from tests.operate.deploy.conftest import emulator_url, stand_in  # noqa: F401
