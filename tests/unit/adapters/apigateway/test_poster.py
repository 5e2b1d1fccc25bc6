"""Posts and closes on the wire: outcomes in their order, requests signed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

from chalicelib.adapters.apigateway.batch import Batch, SignedRequest
from chalicelib.adapters.http.sigv4 import Credentials
from chalicelib.kernel.errors import Unavailable
from chalicelib.model.delivery import Outcome
from chalicelib.model.identifiers import RoomId
from tests.support.fake_gateway import FakeGateway, Make, Request, post
from tests.support.world import FakeClock


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


def test_outcomes_come_in_the_order_of_the_posts(gateway: FakeGateway, make: Make) -> None:
    names = ["200-a", "410-b", "429-c", "413-d", "500-e", "drop-f", "hang-g", "200-h"]
    assert make(gateway, timeout_s=1.0).post([post(name) for name in names]) == [
        Outcome.DELIVERED,
        Outcome.GONE,
        Outcome.THROTTLED,
        Outcome.TOO_LARGE,
        Outcome.FAILED,
        Outcome.FAILED,
        Outcome.FAILED,
        Outcome.DELIVERED,
    ]


def test_what_is_not_begun_in_time_is_left(gateway: FakeGateway, make: Make) -> None:
    """What no socket has sent yet is not sent later: its caller has handed it to somebody else."""
    poster = make(gateway, timeout_s=1.0, concurrency=1)
    assert poster.post([post("200-first")]) == [Outcome.DELIVERED]
    names = ["hang-a", "200-b", "200-c"]
    outcomes = poster.post([post(name) for name in names], within_ms=100)
    assert outcomes == [Outcome.FAILED, Outcome.UNSENT, Outcome.UNSENT]
    poster.stop()
    assert [request for request in gateway.requests if "200-b" in str(request)] == []


def test_what_was_begun_in_time_is_waited_for(
    gateway: FakeGateway, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow region: nobody may take a post that arrives for one that failed."""
    begin_no_more = Batch.begin_no_more

    def over(self: Batch, requests: Sequence[SignedRequest]) -> None:
        begin_no_more(self, requests)
        gateway.answer.set()

    monkeypatch.setattr(Batch, "begin_no_more", over)
    poster = make(gateway, timeout_s=5.0)
    assert poster.post([post("200-first")]) == [Outcome.DELIVERED]
    outcomes = poster.post([post("held-a")], within_ms=50)
    assert gateway.answer.is_set(), "the answer came when the time was over"
    assert outcomes == [Outcome.DELIVERED]


def test_after_a_post_that_was_begun_in_time_the_next_one_is_not_begun(
    gateway: FakeGateway, make: Make
) -> None:
    poster = make(gateway, timeout_s=1.0)
    outcomes = poster.post([post("hang-a"), post("hang-a"), post("200-b")], within_ms=200)
    assert outcomes == [Outcome.FAILED, Outcome.UNSENT, Outcome.DELIVERED]
    assert len(gateway.requests) == 2


def test_close_deletes(gateway: FakeGateway, make: Make) -> None:
    assert make(gateway).close(post("204-").target) is Outcome.DELIVERED
    (request,) = gateway.requests
    assert (request.method, request.path, request.body) == (
        "DELETE",
        "/prod/@connections/204-",
        b"",
    )


@pytest.mark.parametrize(
    ("status", "reached"),
    [("410", True), ("400", True), ("429", True), ("403", False), ("500", False)],
)
def test_a_connection_that_does_not_exist_shows_whether_the_api_answers(
    gateway: FakeGateway, make: Make, status: str, reached: bool
) -> None:
    gateway.unknown = status
    assert make(gateway).reaches("a1", "prod") is reached
    [request] = gateway.requests
    assert (request.method, request.path.partition("AAA")[0]) == ("GET", "/prod/@connections/")
    assert "authorization" in request.headers


def test_an_api_that_is_away_is_not_reached(make: Make) -> None:
    assert make("http://127.0.0.1:1").reaches("a1", "prod") is False


def test_nothing_to_post_is_no_work(make: Make) -> None:
    assert make("http://127.0.0.1:1").post([]) == []


def test_without_credentials_nothing_is_sent(gateway: FakeGateway, make: Make) -> None:
    def none() -> Credentials:
        raise Unavailable("no AWS credentials")

    assert (
        make(gateway, credentials=none).post([post("200-"), post("200-b")]) == [Outcome.FAILED] * 2
    )
    assert gateway.requests == []


def test_a_410_on_a_young_connection_is_counted_apart(
    gateway: FakeGateway, make: Make, clock: FakeClock
) -> None:
    poster = make(gateway, young_ms=5000)
    young, old = clock.ms - 4000, clock.ms - 6000
    posts = [post("410-", connected_at_ms=young), post("410-b", connected_at_ms=old)]
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


def test_posts_to_one_connection_are_sent_in_order_and_hold_up_no_other(
    gateway: FakeGateway, make: Make
) -> None:
    names = ["hang-a", "200-b", "413-c", "500-d"]
    posts = [post(name, body) for body in (b"1", b"2", b"3") for name in names]
    outcomes = make(gateway, concurrency=4, timeout_s=0.5).post(posts)
    held, ok, large = Outcome.HELD, Outcome.DELIVERED, Outcome.TOO_LARGE
    assert outcomes[:4] == [Outcome.FAILED, ok, large, Outcome.FAILED]
    assert outcomes[4:] == [held, ok, large, held] * 2
    for name, bodies in (("200-b", [b"1", b"2", b"3"]), ("413-c", [b"1", b"2", b"3"])):
        sent = [request.body for request in gateway.requests if request.connection_id == name]
        assert sent == bodies


def test_what_there_is_no_budget_for_is_unsent_also_in_a_chain(
    gateway: FakeGateway, make: Make
) -> None:
    granted = iter([3])
    poster = make(gateway, budget=lambda wanted, room_id: next(granted, 0))
    outcomes = poster.post([post(name) for name in ["200-a", "500-b"] * 3])
    held, unsent = Outcome.HELD, Outcome.UNSENT
    assert outcomes[:3] == [Outcome.DELIVERED, Outcome.FAILED, Outcome.DELIVERED]
    assert outcomes[3] in (held, unsent), "whichever is known first"
    assert outcomes[4:] == [unsent, held]


def test_refusals_are_counted_for_the_region_at_once_and_what_was_taken_now_and_then(
    gateway: FakeGateway, make: Make, clock: FakeClock
) -> None:
    noted: list[tuple[int, int]] = []
    poster = make(gateway, note=lambda taken, refused: noted.append((taken, refused)))
    for _ in range(3):
        poster.post([post("200-a")])
    assert noted == [(1, 0)]
    poster.post([post("200-a"), post("429-b"), post("410-c"), post("500-d")])
    assert noted == [(1, 0), (3, 2)]
    clock.ms += 1_000
    poster.post([post("200-a")])
    assert noted[2:] == [(1, 0)]


def test_posts_of_a_room_use_its_share(gateway: FakeGateway, make: Make) -> None:
    asked: list[tuple[int, str | None]] = []

    def grant(wanted: int, room_id: str | None) -> int:
        asked.append((wanted, room_id))
        return wanted

    rooms = [RoomId("loud"), RoomId("loud"), None]
    posts = [replace(post(f"200-{n}"), room_id=room) for n, room in enumerate(rooms)]
    assert make(gateway, budget=grant).post(posts) == [Outcome.DELIVERED] * 3
    assert asked == [(2, "loud"), (1, None)]
