"""Whose account it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from operate.deploy.account import account
from operate.deploy.errors import DeployError


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment without credentials."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)


def test_the_account_is_that_of_the_credentials(
    emulator_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "123456789012")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    assert str(account(endpoint_url=emulator_url)).startswith("AWS account 123456789012 (as arn:")


def test_no_credentials_are_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DeployError, match="no valid AWS credentials: Unable to locate"):
        account()
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(DeployError, match=r"profile \(nobody\)"):
        account()
