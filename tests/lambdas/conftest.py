from tests.deployed.conftest import emulator, emulator_url, lambda_url  # noqa: F401
