from tests.deployed.conftest import emulator_url  # noqa: F401
