"""Sockets to one host: reused, bounded, replaced."""

from __future__ import annotations

import socket

import pytest

from chalicelib.model.delivery import Outcome
from tests.support.fake_gateway import FakeGateway, Make, post
from tests.support.world import FakeClock


def test_one_socket_carries_many_posts(gateway: FakeGateway, make: Make) -> None:
    poster = make(gateway, concurrency=1)
    for _ in range(3):
        assert set(poster.post([post("200-")] * 20)) == {Outcome.DELIVERED}
    assert (gateway.sockets, len(gateway.requests)) == (1, 60)
    assert poster.counts == {200: 60}


def test_posts_run_side_by_side_up_to_the_bound(make: Make) -> None:
    with FakeGateway(together=4) as gateway:
        poster = make(gateway, concurrency=4)
        assert set(poster.post([post(f"meet-{n}") for n in range(40)])) == {Outcome.DELIVERED}
        assert gateway.most_open == 4
        poster.stop()


def test_a_post_on_a_socket_closed_while_idle_goes_once_more_on_a_fresh_one(
    gateway: FakeGateway, make: Make
) -> None:
    poster = make(gateway, concurrency=1)
    assert poster.post([post("200-"), post("stale-")]) == [Outcome.DELIVERED] * 2
    assert [request.socket for request in gateway.requests] == [1, 1, 2]


@pytest.mark.parametrize(("before", "attempts"), [([], 1), (["200-"], 2)])
def test_a_fresh_socket_s_failure_is_final(
    gateway: FakeGateway, make: Make, before: list[str], attempts: int
) -> None:
    outcomes = make(gateway, concurrency=1).post([post(name) for name in [*before, "drop-"]])
    assert outcomes[-1] is Outcome.FAILED
    assert sum(request.connection_id == "drop-" for request in gateway.requests) == attempts


def test_a_started_answer_is_never_asked_for_again(gateway: FakeGateway, make: Make) -> None:
    make(gateway, concurrency=1).post([post("200-"), post("cut-")])
    assert [request.connection_id for request in gateway.requests] == ["200-", "cut-"]


def test_a_socket_idle_for_a_minute_is_not_trusted(
    gateway: FakeGateway, make: Make, clock: FakeClock
) -> None:
    poster = make(gateway)
    poster.post([post("200-")])
    clock.ms += 60_000
    poster.post([post("200-")])
    assert [request.socket for request in gateway.requests] == [1, 2]


def test_a_hanging_post_fails_alone(gateway: FakeGateway, make: Make) -> None:
    poster = make(gateway, concurrency=2, timeout_s=0.3)
    outcomes = poster.post([post("hang-")] + [post("200-")] * 20)
    assert outcomes == [Outcome.FAILED] + [Outcome.DELIVERED] * 20
    assert poster.counts == {"timeout": 1, 200: 20}


def test_nobody_listening_fails_all(make: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    poster = make(f"http://127.0.0.1:{port}", concurrency=3)
    assert poster.post([post(f"200-{n}") for n in range(50)]) == [Outcome.FAILED] * 50
    assert poster.counts == {"refused": 50}


def test_a_socket_the_server_has_closed_is_replaced(gateway: FakeGateway, make: Make) -> None:
    poster = make(gateway, concurrency=1)
    assert poster.post([post("leave-")]) == [Outcome.DELIVERED]
    assert poster.post([post("200-")]) == [Outcome.DELIVERED]
    assert [request.socket for request in gateway.requests] == [1, 2]
