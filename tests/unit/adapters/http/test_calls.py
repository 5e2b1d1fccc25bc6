"""Blocking keep-alive sockets against a server that is anything but kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from chalicelib.adapters.http.calls import MOST_BYTES, Sockets, Unanswered
from chalicelib.adapters.http.origin import IDLE_MS, Origin
from tests.support.hostile import Act, Hostile, answer, certificate, close, hang, raw
from tests.support.world import FakeClock
from workbench.stack.children import free_port

REQUEST = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"
OK = b"HTTP/1.1 200 OK\r\n"
SHORT_S, LONG_S = 0.1, 30.0

Make = Callable[..., Sockets]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def make(clock: FakeClock) -> Iterator[Make]:
    made: list[Sockets] = []

    def build(url: str, read_s: float = LONG_S) -> Sockets:
        made.append(Sockets(Origin(url), clock, LONG_S, read_s))
        return made[-1]

    yield build
    for each in made:
        each.close()


def fault(sockets: Sockets) -> tuple[str, bool]:
    with pytest.raises(Unanswered) as raised:
        sockets.exchange(REQUEST)
    return raised.value.reason, raised.value.stale


def test_one_socket_carries_many_calls(make: Make) -> None:
    with Hostile(answer({"n": 1}), answer({"n": 2}, 400)) as server:
        sockets = make(server.url)
        found = [sockets.exchange(REQUEST) for _ in range(3)]
        assert [(each.status, each.body) for each in found] == [
            (200, b'{"n": 1}'),
            (400, b'{"n": 2}'),
            (200, b"{}"),
        ]
        assert [each.socket for each in server.received] == [1, 1, 1]
        assert [each.body for each in server.received] == [b"{}"] * 3


def test_an_answer_in_pieces_and_in_chunks_is_one(make: Make) -> None:
    chunked = OK + b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n1;a=b\r\n}\r\n0\r\nx: y\r\n\r\n"
    with Hostile() as server:
        server.acts = [server.drip(chunked, 0.0001), raw(chunked), answer({"n": 1})]
        sockets = make(server.url)
        bodies = [sockets.exchange(REQUEST).body for _ in range(3)]
        assert bodies == [b"{}", b"{}", b'{"n": 1}']
        assert server.accepted == 1


def test_a_socket_that_was_closed_while_idle_is_not_used(make: Make) -> None:
    with Hostile(answer(keep=False)) as server:
        sockets = make(server.url)
        sockets.exchange(REQUEST)
        assert server.ended.wait(LONG_S)
        assert sockets.exchange(REQUEST).status == 200
        assert [each.socket for each in server.received] == [1, 2]


def test_a_socket_that_was_idle_for_long_is_not_used(make: Make, clock: FakeClock) -> None:
    with Hostile() as server:
        sockets = make(server.url)
        for passed_ms in (0, IDLE_MS, IDLE_MS + 1):
            clock.ms += passed_ms
            sockets.exchange(REQUEST)
        assert [each.socket for each in server.received] == [1, 1, 2]


def test_only_a_reused_socket_that_closes_before_any_byte_is_stale(make: Make) -> None:
    with Hostile(close, answer(), close, answer(), raw(OK, keep=False)) as server:
        sockets = make(server.url)
        assert fault(sockets) == ("closed", False)
        sockets.exchange(REQUEST)
        assert fault(sockets) == ("closed", True)
        sockets.exchange(REQUEST)
        assert fault(sockets) == ("closed", False)
        assert len(server.received) == 5, "nothing is sent twice here"


def test_a_fresh_socket_may_be_asked_for(make: Make) -> None:
    with Hostile() as server:
        sockets = make(server.url)
        sockets.exchange(REQUEST)
        sockets.exchange(REQUEST, fresh=True)
        assert server.accepted == 2


def test_silence_is_a_timeout(make: Make) -> None:
    with Hostile(hang, answer(), hang) as server:
        sockets = make(server.url, SHORT_S)
        assert fault(sockets) == ("timeout", False)
        sockets.exchange(REQUEST)
        assert fault(sockets) == ("timeout", False), "the call may be under way: not stale"


def test_an_answer_that_drips_for_ever_is_a_timeout(make: Make) -> None:
    with Hostile() as server:
        server.acts = [server.drip(OK + b"x: " + b"y" * 10_000, SHORT_S / 10)]
        assert fault(make(server.url, SHORT_S)) == ("timeout", False)


@pytest.mark.parametrize(
    "act",
    [
        raw(b"SSH-2.0-x\r\n\r\n"),
        raw(b"HTTP/1.1 100 Continue\r\n\r\n"),
        raw(OK + b"\r\n{}"),  # without a length: it could be cut off unnoticed
        raw(OK + b"content-length: -1\r\n\r\n"),
        raw(OK + b"content-length: 1e3\r\n\r\n"),
        raw(OK + b"content-length: %d\r\n\r\n" % (MOST_BYTES + 1)),
        raw(OK + b"content-length: %s\r\n\r\n" % (b"9" * 30)),
        raw(OK + b"transfer-encoding: gzip\r\n\r\n"),
        raw(OK + b"transfer-encoding: chunked\r\n\r\n%x\r\n" % (MOST_BYTES + 1)),
        raw(OK + b"transfer-encoding: chunked\r\n\r\n+5\r\n"),
        raw(OK + b"transfer-encoding: chunked\r\n\r\n1\r\nabc\r\n"),
        raw(OK + b"transfer-encoding: chunked\r\n\r\n" + b"0" * 70_000),
        raw(OK + b"x" * 70_000),
    ],
)
def test_what_is_no_answer_or_too_long_is_malformed(make: Make, act: Act) -> None:
    with Hostile(act) as server:
        sockets = make(server.url)
        assert fault(sockets) == ("malformed", False)
        sockets.exchange(REQUEST)
        assert [each.socket for each in server.received] == [1, 2]


def test_half_an_answer_is_none(make: Make) -> None:
    halves = [
        OK + b"content-le",
        OK + b"content-length: 9\r\n\r\n{}",
        OK + b"transfer-encoding: chunked\r\n\r\n9\r\n{}",
    ]
    with Hostile(*(raw(half, keep=False) for half in halves)) as server:
        sockets = make(server.url)
        for _ in halves:
            assert fault(sockets) == ("closed", False)


def test_bytes_behind_an_answer_are_not_the_next_one(make: Make) -> None:
    with Hostile(raw(OK + b"content-length: 2\r\n\r\n{}HTTP/1.1 200 X\r\n")) as server:
        sockets = make(server.url)
        assert sockets.exchange(REQUEST).body == b"{}"
        assert sockets.exchange(REQUEST).status == 200
        assert [each.socket for each in server.received] == [1, 2]


@pytest.mark.parametrize("head", [b"HTTP/1.0 200 OK\r\n", OK + b"Connection: Close\r\n"])
def test_an_announced_end_is_believed(make: Make, head: bytes) -> None:
    with Hostile(raw(head + b"content-length: 0\r\n\r\n")) as server:
        sockets = make(server.url)
        sockets.exchange(REQUEST)
        sockets.exchange(REQUEST)
        assert server.accepted == 2


@pytest.mark.parametrize("host", ["127.0.0.1", f"{'x' * 70}.invalid"])
def test_nobody_there_is_refused(make: Make, host: str) -> None:
    assert fault(make(f"http://{host}:{free_port()}")) == ("refused", False)


def test_threads_have_sockets_of_their_own_and_leave_them_to_others(make: Make) -> None:
    together = 8
    barrier = Barrier(together)

    def act(link: object) -> bool:
        barrier.wait(LONG_S)
        return answer()(link)  # type: ignore[arg-type]

    with Hostile(*[act] * together * 2) as server:
        sockets = make(server.url)
        with ThreadPoolExecutor(together) as threads:
            for _ in range(2):
                calls = [threads.submit(sockets.exchange, REQUEST) for _ in range(together)]
                assert {call.result().status for call in calls} == {200}
        assert server.accepted == together


def test_tls_is_verified(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    own = certificate(tmp_path)
    with Hostile(context=own.context) as server:
        assert fault(make(server.url)) == ("untrusted", False)
        monkeypatch.setenv("AWS_CA_BUNDLE", str(own.path))
        sockets = make(server.url)
        assert [sockets.exchange(REQUEST).status for _ in range(2)] == [200, 200]
        assert server.accepted == 2
        assert fault(make(server.url.replace("127.0.0.1", "localhost"))) == ("untrusted", False)
