"""Clients of emulators are nobody's."""

from __future__ import annotations

from pathlib import Path

import pytest

from operate import clients


def test_neither_profile_nor_proxy_of_the_user_s_counts(
    emulator_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "gone")
    (tmp_path / "config").write_text("[default\nno config at all")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    clients._session.cache_clear()
    identity = clients.client("sts", emulator_url, "us-east-1").get_caller_identity()
    assert identity["Account"] == "000000000000"
