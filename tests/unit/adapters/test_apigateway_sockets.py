"""The post client on the wire: sockets reused, bounded, replaced; requests signed; leases taken."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.adapters.apigateway.poster import ApiGatewayPoster, parse_answer
from chalicelib.adapters.apigateway.sigv4 import Credentials, Signer, paths
from chalicelib.kernel.errors import CacheDown, Unavailable
from chalicelib.model.connections import Target
from chalicelib.model.delivery import Outcome, Post
from chalicelib.model.identifiers import ConnectionId, Region, UserId
from tests.support.world import FakeClock

EMPTY = b"HTTP/1.1 %s X\r\nContent-Length: 0\r\n\r\n"
CHUNKED = (
    b"HTTP/1.1 410 Gone\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"2;a=b\r\nhe\r",
    b"\n3\r\nllo\r\n0\r\nX-",
    b"Trailer: 1\r\n\r\n",
)


@dataclass(frozen=True)
class Request:
    socket: int
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def connection_id(self) -> str:
        return unquote(self.path.rpartition("/")[2])


class FakeGateway:
    """@connections in a thread; the word before "-" in a connection id says what happens.

    A number is the status; `hang` never answers, `drop` closes unanswered, `stale` does so on
    a reused socket only, `cut` closes mid-answer, `meet` answers when `together` have come.
    """

    def __init__(self, together: int = 1) -> None:
        self.requests: list[Request] = []
        self.hanging = threading.Event()
        self.sockets = 0
        self.open = self.most_open = 0
        self._together = together
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> FakeGateway:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> asyncio.Server:
        self._barrier = asyncio.Barrier(self._together)
        return await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def _end(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.sockets += 1
        self.open += 1
        self.most_open = max(self.open, self.most_open)
        number, served = self.sockets, 0
        try:
            while await self._one(number, served, reader, writer):
                served += 1
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        except asyncio.CancelledError:  # the test is over
            return
        finally:
            self.open -= 1
            writer.close()

    async def _one(
        self, number: int, served: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(headers["content-length"]))
        request = Request(number, method, path, headers, body)
        self.requests.append(request)
        match request.connection_id.partition("-")[0]:
            case "hang":
                self.hanging.set()
                await reader.read()
            case "drop":
                return False
            case "stale" if served:
                return False
            case "cut":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
                return False
            case "bad":
                writer.write(b"SSH-2.0-OpenSSH_9.6\r\n")
            case "last":
                writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
                return False
            case "endless":
                writer.write(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")
            case "chunked":
                for part in CHUNKED:
                    writer.write(part)
                    await writer.drain()
            case "meet":
                await self._barrier.wait()
                writer.write(EMPTY % b"200")
            case status:
                writer.write(EMPTY % (b"200" if status == "stale" else status.encode()))
        return True


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    with FakeGateway() as gateway:
        yield gateway


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def make(clock: FakeClock) -> Iterator[Callable[..., ApiGatewayPoster]]:
    made: list[ApiGatewayPoster] = []

    def build(gateway: FakeGateway | str, **more: Any) -> ApiGatewayPoster:
        url = gateway if isinstance(gateway, str) else gateway.url
        options = {"credentials": lambda: Credentials("AK", "SK", "TOKEN"), "clock": clock, **more}
        made.append(ApiGatewayPoster("us-east-1", url, **options))
        return made[-1]

    yield build
    for poster in made:
        poster.stop()


Make = Callable[..., ApiGatewayPoster]


def post(name: str, body: bytes = b"{}", connected_at_ms: int = 0) -> Post:
    region = Region("eu-west-1")
    target = Target(ConnectionId(name), UserId("u"), "a1", "prod", region, "json", connected_at_ms)
    return Post(target, body)


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("200-", Outcome.DELIVERED),
        ("410-", Outcome.GONE),
        ("429-", Outcome.THROTTLED),
        ("413-", Outcome.TOO_LARGE),
        ("403-", Outcome.FAILED),
        ("500-", Outcome.FAILED),
        ("100-", Outcome.FAILED),
        ("cut-", Outcome.FAILED),
        ("bad-", Outcome.FAILED),
        ("last-", Outcome.DELIVERED),
        ("endless-", Outcome.DELIVERED),
        ("chunked-", Outcome.GONE),
    ],
)
def test_every_answer_has_its_outcome_and_the_next_post_works(
    gateway: FakeGateway, make: Make, name: str, outcome: Outcome
) -> None:
    poster = make(gateway, concurrency=1)
    assert poster.post([post(name), post("200-")]) == [outcome, Outcome.DELIVERED]


def test_close_deletes(gateway: FakeGateway, make: Make) -> None:
    assert make(gateway).close(post("204-").target) is Outcome.DELIVERED
    (request,) = gateway.requests
    assert (request.method, request.path, request.body) == (
        "DELETE",
        "/prod/@connections/204-",
        b"",
    )


def test_nothing_to_post_is_no_work(make: Make) -> None:
    assert make("http://127.0.0.1:1").post([]) == []


def test_one_socket_carries_many_posts(gateway: FakeGateway, make: Make) -> None:
    poster = make(gateway, concurrency=1)
    for _ in range(3):
        assert set(poster.post([post("200-")] * 20)) == {Outcome.DELIVERED}
    assert (gateway.sockets, len(gateway.requests)) == (1, 60)
    assert poster.counts == {200: 60}


def test_posts_run_side_by_side_up_to_the_bound(make: Make) -> None:
    with FakeGateway(together=4) as gateway:
        poster = make(gateway, concurrency=4)
        assert set(poster.post([post("meet-")] * 40)) == {Outcome.DELIVERED}
        assert gateway.most_open == 4
        poster.stop()


def test_many_threads_share_sockets_and_get_their_own_answers(
    gateway: FakeGateway, make: Make
) -> None:
    poster = make(gateway, concurrency=5)
    statuses = ["200-", "410-", "429-", "413-"] * 10
    want = [Outcome.DELIVERED, Outcome.GONE, Outcome.THROTTLED, Outcome.TOO_LARGE] * 10

    def call(shift: int) -> bool:
        posts = [post(name) for name in statuses[shift:]]
        return poster.post(posts) == want[shift:]

    with ThreadPoolExecutor(12) as threads:
        assert all(threads.map(call, range(24)))
    assert gateway.most_open <= 5


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


def test_stopping_fails_what_is_under_way_and_what_waits(gateway: FakeGateway, make: Make) -> None:
    poster = make(gateway, concurrency=1, timeout_s=60)
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(poster.post, [post("hang-"), post("200-")])
        assert gateway.hanging.wait(30)
        poster.stop()
        assert call.result() == [Outcome.FAILED] * 2
    assert poster.post([post("200-")]) == [Outcome.DELIVERED]


def test_nobody_listening_fails_all(make: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    poster = make(f"http://127.0.0.1:{port}", concurrency=3)
    assert poster.post([post("200-")] * 50) == [Outcome.FAILED] * 50
    assert poster.counts == {"refused": 50}


def test_without_credentials_nothing_is_sent(gateway: FakeGateway, make: Make) -> None:
    def none() -> Credentials:
        raise Unavailable("no AWS credentials")

    assert make(gateway, credentials=none).post([post("200-")] * 2) == [Outcome.FAILED] * 2
    assert gateway.requests == []


def test_a_410_on_a_young_connection_is_counted_apart(
    gateway: FakeGateway, make: Make, clock: FakeClock
) -> None:
    poster = make(gateway, young_ms=5000)
    young, old = clock.ms - 4000, clock.ms - 6000
    posts = [post("410-", connected_at_ms=young), post("410-", connected_at_ms=old)]
    assert poster.post(posts) == [Outcome.GONE] * 2
    assert poster.counts == {"410_young": 1, 410: 1}


def botocore_signature(request: Request, host: str) -> str:
    date = request.headers["x-amz-date"]
    headers = {"x-amz-date": date, "x-amz-security-token": request.headers["x-amz-security-token"]}
    rebuilt = AWSRequest(
        request.method, f"http://{host}{request.path}", headers=headers, data=request.body
    )
    rebuilt.context["timestamp"] = date
    auth = SigV4Auth(BotoCredentials("AK", "SK", "TOKEN"), "execute-api", "eu-west-1")
    return auth.signature(auth.string_to_sign(rebuilt, auth.canonical_request(rebuilt)), rebuilt)


def test_the_server_finds_the_signature_right(gateway: FakeGateway, make: Make) -> None:
    poster = make(gateway)
    names = ["200-L0SM9cOFvHcCIhw=", "200-a/b+c==", "200-ä ~%2F"]
    poster.post([post(name, body) for name in names for body in (b"", b"one", b"x" * 70_000)])
    poster.close(post("204-x=").target)
    assert {request.connection_id for request in gateway.requests} == {*names, "204-x="}
    for request in gateway.requests:
        host = gateway.url.removeprefix("http://")
        assert request.headers["host"] == host
        signature = request.headers["authorization"].rpartition("Signature=")[2]
        assert signature == botocore_signature(request, host)


WORD = st.text("abcXYZ0189", min_size=1, max_size=12)


@settings(deadline=None)
@given(
    method=st.sampled_from(["POST", "DELETE"]),
    region=WORD,
    token=st.none() | st.text("abc+/=019", min_size=1),
    stage=WORD,
    connection=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).filter(
        lambda name: name not in (".", "..")
    ),
    body=st.binary(max_size=99),
)
def test_any_request_is_signed_as_botocore_signs_it(
    method: str, region: str, token: str | None, stage: str, connection: str, body: bytes
) -> None:
    wire, canonical = paths(stage, connection)
    host = f"a1.execute-api.{region.lower()}.amazonaws.com"
    request = AWSRequest(method, f"https://{host}{wire}", data=body)
    SigV4Auth(BotoCredentials("AK", "S/K+", token), "execute-api", region).add_auth(request)
    signer = Signer(host, region, Credentials("AK", "S/K+", token), request.headers["X-Amz-Date"])
    ours = signer.authorization(method, canonical, hashlib.sha256(body).hexdigest())
    assert ours == request.headers["Authorization"]


class Budget:
    """Records what was asked for, grants as told."""

    def __init__(self, *grants: int, then: int = 0) -> None:
        self.asked: list[int] = []
        self._grants, self._then = list(grants), then

    def __call__(self, wanted: int) -> int:
        self.asked.append(wanted)
        return self._grants.pop(0) if self._grants else self._then


def test_a_short_budget_sends_what_it_grants_and_waits_for_more(
    gateway: FakeGateway, make: Make, clock: FakeClock
) -> None:
    budget, start_ms = Budget(3, 0, 0, 2), clock.ms
    outcomes = make(gateway, concurrency=1, budget=budget).post([post("200-")] * 5)
    assert outcomes == [Outcome.DELIVERED] * 5
    assert len(budget.asked) == 4
    assert clock.ms - start_ms < 100


def test_an_exhausted_budget_refuses_the_rest_after_two_seconds(
    gateway: FakeGateway, make: Make, clock: FakeClock
) -> None:
    start_ms = clock.ms
    poster = make(gateway, budget=Budget(2))
    outcomes = poster.post([post("410-")] * 5)
    assert outcomes == [Outcome.GONE] * 2 + [Outcome.UNSENT] * 3
    assert len(gateway.requests) == 2
    assert poster.counts == {410: 2, "no_budget": 3}
    assert 1900 <= clock.ms - start_ms <= 2100


def test_leftovers_of_a_lease_last_a_second(
    gateway: FakeGateway, make: Make, clock: FakeClock
) -> None:
    budget = Budget(then=4)
    poster = make(gateway, budget=budget)
    poster.post([post("200-")])
    clock.ms += 999
    poster.post([post("200-")])
    assert budget.asked == [1]
    clock.ms += 1
    poster.post([post("200-")])
    assert len(budget.asked) == 2


def test_a_busy_process_leases_ahead_a_quiet_one_what_it_needs(
    gateway: FakeGateway, make: Make, clock: FakeClock
) -> None:
    asked: list[int] = []

    def grant_all(wanted: int) -> int:
        asked.append(wanted)
        return wanted

    poster = make(gateway, budget=grant_all)
    for _ in range(8):
        poster.post([post("200-")])
    assert asked == [1, 1, 2, 4]
    clock.ms += 1000
    poster.post([post("200-")])
    assert asked[-1] == 1


def test_without_the_cache_a_local_bucket_sets_the_pace(
    gateway: FakeGateway, make: Make, clock: FakeClock
) -> None:
    def away(wanted: int) -> int:
        raise CacheDown("away")

    poster = make(gateway, budget=away, fallback_per_s=10)
    outcomes = poster.post([post("200-")] * 100)
    sent = outcomes.count(Outcome.DELIVERED)
    assert sent == len(gateway.requests)
    assert 10 + 10 <= sent <= 10 + 10 * (clock.ms - FakeClock().ms) / 1000


ANSWERS = [
    (b"HTTP/1.1 200 OK\r\nDate: x\r\ncontent-length:3\r\n\r\nabc", (200, True)),
    (b"HTTP/1.1 204 No Content\r\n\r\n", (204, True)),
    (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", (200, False)),
    (b"HTTP/1.1 429 \r\nConnection: Close\r\nContent-Length: 0\r\n\r\n", (429, False)),
    (b"".join(CHUNKED), (410, True)),
    (b"HTTP/1.1 500 X\r\n\r\n", (500, False)),
]


@pytest.mark.parametrize(("data", "answer"), ANSWERS)
def test_an_answer_is_complete_at_its_last_byte_and_not_before(
    data: bytes, answer: tuple[int, bool]
) -> None:
    assert [parse_answer(data[:end]) for end in range(len(data))] == [None] * len(data)
    assert parse_answer(data) == answer
    assert parse_answer(data + b"H") == (answer[0], False)


@pytest.mark.parametrize(
    "data",
    [
        b"ICY 200 OK",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x" * 70_000,
    ],
)
def test_what_is_no_answer_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        parse_answer(data)


@given(st.binary(max_size=200))
def test_garbage_never_breaks_the_parser_otherwise(tail: bytes) -> None:
    for start in (b"", b"HTTP/1.1 200 OK\r\n", ANSWERS[4][0][:52]):
        try:
            answer = parse_answer(start + tail)
        except ValueError:
            continue
        assert answer is None or 200 <= answer[0] <= 999
