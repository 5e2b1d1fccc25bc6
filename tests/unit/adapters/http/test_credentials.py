"""Credentials as botocore finds them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from chalicelib.adapters.http.credentials import credentials
from chalicelib.adapters.http.sigv4 import Credentials
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
    current = credentials()
    with pytest.raises(Unavailable):
        current()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    assert current() == Credentials("key", "secret", "token")


def test_those_of_the_environment_are_read_without_botocore(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    for name in [name for name in sys.modules if name.partition(".")[0] == "botocore"]:
        monkeypatch.delitem(sys.modules, name)
    assert credentials()() == Credentials("key", "secret")
    assert "botocore" not in sys.modules


def test_half_of_a_pair_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    with pytest.raises(Unavailable):
        credentials()()


def test_what_expires_is_refreshed_before_it_does(tmp_path: Path) -> None:
    """botocore asks again when less than ten minutes are left."""
    script = tmp_path / "keys.py"
    script.write_text(
        f"""
import datetime, json, pathlib
count = pathlib.Path({str(tmp_path / "count")!r})
number = int(count.read_text()) + 1 if count.exists() else 1
count.write_text(str(number))
assert number < 3
end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=11 - 5 * number)
print(json.dumps({{"Version": 1, "AccessKeyId": f"key{{number}}", "SecretAccessKey": "secret",
                  "SessionToken": "token", "Expiration": end.isoformat()}}))
"""
    )
    process = f"{sys.executable} {script}"
    (tmp_path / "config").write_text(f"[default]\ncredential_process = {process}\n")
    current = credentials()
    assert current() == Credentials("key2", "secret", "token")
    with pytest.raises(Unavailable):
        current()
