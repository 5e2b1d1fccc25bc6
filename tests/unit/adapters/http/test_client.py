"""One thread for all callers, and its end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from chalicelib.adapters.http.client import HttpClient
from chalicelib.model.delivery import Outcome
from tests.support.fake_gateway import FakeGateway, Make, post
from tests.support.world import FakeClock


def test_many_threads_share_sockets_and_get_their_own_answers(
    gateway: FakeGateway, make: Make
) -> None:
    poster = make(gateway, concurrency=5)
    statuses = [f"{status}-{n}" for n in range(10) for status in (200, 410, 429, 413)]
    want = [Outcome.DELIVERED, Outcome.GONE, Outcome.THROTTLED, Outcome.TOO_LARGE] * 10

    def call(shift: int) -> bool:
        posts = [post(name) for name in statuses[shift:]]
        return poster.post(posts) == want[shift:]

    with ThreadPoolExecutor(12) as threads:
        assert all(threads.map(call, range(24)))
    assert gateway.most_open <= 5


def test_stopping_fails_what_is_under_way_and_what_waits(gateway: FakeGateway, make: Make) -> None:
    poster = make(gateway, concurrency=1, timeout_s=60)
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(poster.post, [post("hang-"), post("200-")])
        assert gateway.hanging.wait(30)
        poster.stop()
        assert call.result() == [Outcome.FAILED] * 2
    assert poster.post([post("200-")]) == [Outcome.DELIVERED]


def test_a_host_has_one_pool() -> None:
    client = HttpClient(4, 1.0, FakeClock())
    pool = client.pool("https://a.execute-api.us-east-1.amazonaws.com")
    assert client.pool("https://a.execute-api.us-east-1.amazonaws.com") is pool
    assert client.pool("https://b.execute-api.us-east-1.amazonaws.com") is not pool
