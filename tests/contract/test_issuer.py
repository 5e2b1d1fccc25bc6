"""The contract of the issuer: in memory, and over HTTP with a server on loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

import pytest

from chalicelib.adapters.issuer import MOST_BYTES, HttpIssuer
from chalicelib.adapters.memory import MemoryIssuer
from chalicelib.kernel.errors import Unavailable
from chalicelib.ports.access import Issuer
from tests.support.issuers import FakeIssuer, Respond, answer, serving

KEYS = FakeIssuer().key_set()


@contextmanager
def over_http(text: str | None) -> Iterator[Issuer]:
    if text is None:
        with socket.socket() as unheard:
            unheard.bind(("127.0.0.1", 0))
            yield HttpIssuer(f"http://127.0.0.1:{unheard.getsockname()[1]}/keys")
    else:
        with serving(answer(lambda: text)) as server:
            yield HttpIssuer(server.url)


@contextmanager
def in_memory(text: str | None) -> Iterator[Issuer]:
    yield MemoryIssuer(text)


@pytest.mark.parametrize("made", [in_memory, over_http])
def test_the_key_set_is_fetched_or_it_is_unavailable(
    made: Callable[[str | None], Iterator[Issuer]],
) -> None:
    with made(KEYS) as issuer:  # type: ignore[attr-defined]
        assert issuer.key_set() == KEYS
        assert issuer.key_set() == KEYS
    with made(None) as issuer, pytest.raises(Unavailable) as raised:  # type: ignore[attr-defined]
        issuer.key_set()
    assert raised.value.retryable


def test_it_says_who_asks() -> None:
    with serving(answer(lambda: KEYS)) as server:
        HttpIssuer(server.url).key_set()
    [headers] = server.asked
    assert headers["user-agent"].startswith("tidings/")
    assert headers["accept"] == "application/json"


def chunked(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for part in (KEYS[:10].encode(), KEYS[10:].encode(), b""):
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))


def until_closed(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(KEYS.encode())


@pytest.mark.parametrize("respond", [chunked, until_closed])
def test_other_framings(respond: Respond) -> None:
    with serving(respond) as server:
        assert HttpIssuer(server.url).key_set() == KEYS


def cut_off(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(KEYS)))
    handler.end_headers()
    handler.wfile.write(KEYS[:10].encode())


def no_http(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"SSH-2.0-x\r\n")


@pytest.mark.parametrize(
    "respond",
    [
        answer(lambda: KEYS, 500),
        answer(lambda: KEYS, 404),
        answer(lambda: "x" * (MOST_BYTES + 1)),
        cut_off,
        no_http,
    ],
    ids=["500", "404", "too long", "cut off", "not HTTP"],
)
def test_everything_else_is_unavailable(respond: Respond) -> None:
    with serving(respond) as server, pytest.raises(Unavailable):
        HttpIssuer(server.url).key_set()
    assert len(server.asked) == 1


def test_the_longest_key_set_is_taken() -> None:
    with serving(answer(lambda: "x" * MOST_BYTES)) as server:
        assert len(HttpIssuer(server.url).key_set()) == MOST_BYTES


def test_a_redirection_is_not_followed() -> None:
    with (
        serving(answer(lambda: KEYS)) as other,
        serving(answer(str, 302, {"Location": other.url})) as server,
        pytest.raises(Unavailable),
    ):
        HttpIssuer(server.url).key_set()
    assert (len(server.asked), other.asked) == (1, [])


@pytest.mark.parametrize("begun", [False, True])
def test_an_issuer_that_hangs_is_not_waited_for(begun: bool) -> None:
    def hang(handler: BaseHTTPRequestHandler) -> None:
        if begun:
            cut_off(handler)
            handler.wfile.flush()
        handler.connection.recv(1)  # until the client closes

    with serving(hang) as server, pytest.raises(Unavailable):
        HttpIssuer(server.url, silence_s=0.05).key_set()


LONGEST_S = 0.3


class Endless:
    """An answer of which each part comes in time, until it is stopped."""

    def __init__(self, begin: bytes, part: bytes) -> None:
        self.begin, self.part = begin, part
        self.begun, self.stop = threading.Event(), threading.Event()
        self.sent_bytes = 0

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(self.begin)
        try:
            while not self.stop.wait(0.01):
                handler.wfile.write(self.part)
                self.sent_bytes += len(self.part)
                self.begun.set()
        except OSError:
            return


HEADERS = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEADERS + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("begin", "part"),
    [
        (b"", b"H"),
        (HEADERS + b"X-Long: ", b"x"),
        (HEADERS + b"\r\n", b"x"),
        (CHUNKED, b"1\r\nx\r\n"),
        (CHUNKED, b"0"),
    ],
    ids=["status", "header", "body", "chunks", "length of a chunk"],
)
def test_an_answer_that_trickles_is_not_waited_for(begin: bytes, part: bytes) -> None:
    """Whatever part of it trickles. The limits of length are far away."""
    endless = Endless(begin, part)
    with serving(endless) as server:
        issuer = HttpIssuer(server.url, silence_s=30.0, longest_s=LONGEST_S)
        with pytest.raises(Unavailable):
            issuer.key_set()
        assert endless.begun.wait(30)
        endless.stop.set()
    assert endless.sent_bytes < 65_536


def test_there_is_one_fetch_at_a_time(caplog: pytest.LogCaptureFixture) -> None:
    """One that hangs is left behind: there are not more and more of them."""
    endless = Endless(b"", b"H")
    responses: list[Respond] = [endless, answer(lambda: KEYS)]
    with serving(lambda handler: responses.pop(0)(handler)) as server:
        issuer = HttpIssuer(server.url, silence_s=30.0, longest_s=LONGEST_S)
        for _ in range(3):
            with pytest.raises(Unavailable):
                issuer.key_set()
        assert len([each for each in caplog.messages if "issuer_keys_not_read" in each]) == 3
        assert endless.begun.wait(30)
        endless.stop.set()
        assert issuer._running is not None
        issuer._running.join(30)
        issuer._longest_s = 30.0
        assert issuer.key_set() == KEYS
        assert len(server.asked) == 2


def test_a_key_set_on_this_machine_is_not_fetched_by_a_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving(answer(lambda: KEYS)) as server:
        assert HttpIssuer(server.url).key_set() == KEYS
