"""Pages of other origins: who may read which answers, and what a preflight allows."""

from __future__ import annotations

import pytest

from chalicelib.entrypoints.http import cors
from chalicelib.kernel.settings import Settings

ONE, OTHER = "https://chat.example.com", "http://localhost:3000"
READABLE = {"Access-Control-Expose-Headers": "ETag"}  # of the OpenAPI document


def told(allowed: str, origin: str | None, method: str = "GET") -> dict[str, str]:
    settings = Settings.from_env({"TIDINGS_ALLOWED_ORIGINS": allowed})
    return cors.headers(settings, {"origin": origin} if origin is not None else {}, method)


def test_by_default_nobody_is_allowed() -> None:
    assert told("", ONE) == {}
    assert told("", ONE, "OPTIONS") == {}


@pytest.mark.parametrize("origin", [ONE, OTHER])
def test_an_allowed_origin_is_named(origin: str) -> None:
    answer = told(f"{ONE}, {OTHER}", origin)
    assert answer == {"Access-Control-Allow-Origin": origin, "Vary": "Origin", **READABLE}


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example.com", f"{ONE}.evil.com", f"{ONE}:8443", "null", "", ONE.upper()],
)
def test_another_is_not(origin: str) -> None:
    for method in ("GET", "OPTIONS"):
        assert told(ONE, origin, method) == {"Vary": "Origin"}


def test_all() -> None:
    assert told("*", "null") == {"Access-Control-Allow-Origin": "*", **READABLE}


def test_a_preflight_is_told_what_may_be_sent() -> None:
    answer = told(ONE, ONE, "OPTIONS")
    assert answer["Access-Control-Allow-Origin"] == ONE
    assert answer["Access-Control-Allow-Headers"] == "Authorization, Content-Type, If-None-Match"
    assert {"GET", "POST", "PUT", "DELETE"} == set(
        answer["Access-Control-Allow-Methods"].split(", ")
    )
    assert "Access-Control-Allow-Credentials" not in answer


def test_a_request_of_no_page_is_told_nothing() -> None:
    assert told(ONE, None) == {}


@pytest.mark.parametrize("text", ["null", "chat.example.com", f"{ONE}/", "https://*.example.com"])
def test_what_is_no_origin_is_refused_at_start(text: str) -> None:
    with pytest.raises(ValueError, match="TIDINGS_ALLOWED_ORIGINS"):
        Settings.from_env({"TIDINGS_ALLOWED_ORIGINS": text})
