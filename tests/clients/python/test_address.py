"""What a refused handshake means, with what the server says of it."""

from __future__ import annotations

import json

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Response

from tidings_client.address import refusal

URL = "wss://chat.example.com/ws"


def refused(status: int, body: bytes = b"", *, first: bool = True) -> str | None:
    error = refusal(URL, Response(status, "", Headers(), body), first=first)
    return error.message if error is not None else None


def said(message: object) -> bytes:
    return json.dumps({"error": {"code": "unauthorized", "message": message}}).encode()


def test_a_refused_token_says_why_if_the_server_does() -> None:
    why = f"{URL} refused the token (401: the token has expired)"
    assert refused(401, said("the token has expired")) == why
    assert refused(403, said("revoked"), first=False) == f"{URL} refused the token (403: revoked)"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"Unauthorized",
        b"[]",
        b"{}",
        b'{"error": 1}',
        b"[" * 9000,
        said(1),
        said("\x1b[2J"),
    ],
)
def test_an_answer_that_says_nothing_useful(body: bytes) -> None:
    assert refused(401, body) == f"{URL} refused the token (401)"


def test_a_long_message_is_cut() -> None:
    assert len(refused(401, said("x" * 10_000)) or "") < 300


def test_other_statuses() -> None:
    assert refused(404) == f"{URL} answers 404: check the address"
    assert refused(404, first=False) is None
    assert refused(503) is None
