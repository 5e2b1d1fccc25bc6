"""What the doctor makes of what the service says of itself."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from operate.checks import Check
from operate.doctor import outside
from operate.proof import Given, Tokens
from tests.support.documents import anchors
from tests.support.paths import ROOT

WELL = {"dynamodb": "ok", "redis": "ok", "sqs": "ok", "secret": "ok", "connections": "ok"}
Answers = dict[str, tuple[int, dict[str, Any]]]


@contextmanager
def service(answers: Answers) -> Iterator[str]:
    """A service that answers this, by path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers[self.path]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def health(status: str = "ok", **checks: str) -> Answers:
    body = {
        "status": status,
        "region": "us-east-1",
        "version": "1.2.3",
        "checks": {**WELL, **checks},
    }
    return {"/v1/health": (200 if status in ("ok", "degraded") else 503, body)}


def endpoint(*fallbacks: str, unhealthy: tuple[str, ...] = ()) -> Answers:
    def named(names: tuple[str, ...]) -> list[dict[str, str]]:
        return [{"region": name} for name in names]

    body = {
        "region": "us-east-1",
        "fallbacks": named(fallbacks),
        "unhealthy": named(unhealthy),
    }
    return {"/v1/endpoint": (200, body)}


def checked(answers: Answers, who: Tokens | Given | None = None) -> list[Check]:
    with service(answers) as url:
        return asyncio.run(outside.check(url, who))


def test_all_that_answer() -> None:
    (check,) = checked(health())
    assert check.result == "ok"
    assert check.found == "dynamodb, redis, sqs, secret, connections answer; version 1.2.3"


@pytest.mark.parametrize("part", WELL)
def test_a_part_that_does_not_answer_has_its_own_words(part: str) -> None:
    (check,) = checked(health("unavailable", **{part: "unavailable"}))
    assert (check.name, check.result) == ("health", "fault")
    assert check.found.startswith(f"{part}: ")
    path, _, section = check.guide.partition("#")
    assert section in anchors((ROOT / path).read_text())


def test_a_draining_region_says_since_when_to_an_admin() -> None:
    drain = {"since": "2026-11-30T10:00:00.000Z", "connections": 12}
    answers = {**health("draining"), **endpoint(), "/v1/admin/drain": (200, drain)}
    asked: list[list[str]] = []

    async def issue(user: str, roles: list[str]) -> str:
        asked.append(roles)
        return "token"

    well, found = checked(answers, Tokens(issue))
    assert well.result == "ok"
    assert (found.name, found.result) == ("drain", "fault")
    assert found.found.endswith("since 2026-11-30T10:00:00.000Z; 12 connections are left")
    assert asked == [["admin"], []], "no more rights than each question needs"
    (_, found) = checked({**health("draining"), **endpoint()}, Given("token"))
    assert found.found == "the region takes no new clients"


def test_a_region_that_is_left_out_is_a_fault() -> None:
    answers = {**health(), **endpoint("eu-west-1", unhealthy=("ap-southeast-1",))}
    _, found = checked(answers, Given("token"))
    assert (found.name, found.result) == ("regions", "fault")
    assert found.found.startswith("ap-southeast-1 is not healthy")
    _, found = checked({**health(), **endpoint("eu-west-1")}, Given("token"))
    assert found.found == "eu-west-1, us-east-1 take clients"


def test_who_answers_something_else_is_no_service() -> None:
    (check,) = checked({"/v1/health": (200, {"hello": "world"})})
    assert (check.name, check.result) == ("health", "fault")
    assert "is not Tidings" in check.found


def test_an_address_without_a_service_is_a_fault() -> None:
    (check,) = asyncio.run(outside.check("http://127.0.0.1:9", None))
    assert (check.name, check.result) == ("health", "fault")
    assert "nothing answers at http://127.0.0.1:9" in check.found
