"""Credentials as botocore finds them."""

from __future__ import annotations

from pathlib import Path

import pytest

from chalicelib.adapters.apigateway.credentials import botocore_credentials
from chalicelib.adapters.apigateway.sigv4 import Credentials
from chalicelib.kernel.errors import Unavailable


@pytest.fixture(autouse=True)
def nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No file, role or metadata service has credentials."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def test_none_is_a_failure_that_passes_once_there_are_some(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    current = botocore_credentials()
    with pytest.raises(Unavailable):
        current()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    assert current() == Credentials("key", "secret", "token")
