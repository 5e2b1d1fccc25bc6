"""Posts and closes on the wire: outcomes in their order, requests signed."""

from __future__ import annotations

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

from chalicelib.adapters.apigateway.sigv4 import Credentials
from chalicelib.kernel.errors import Unavailable
from chalicelib.model.delivery import Outcome
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
