"""Clients of emulators are nobody's."""

from __future__ import annotations

import pytest

from operate.deploy import clients


def test_neither_profile_nor_proxy_of_the_user_s_counts(
    emulator_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "gone")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    clients._session.cache_clear()
    identity = clients.client("sts", emulator_url, "us-east-1").get_caller_identity()
    assert identity["Account"] == "000000000000"
