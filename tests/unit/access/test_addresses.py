"""What comes without a valid token is paid for by the network that it comes from."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from chalicelib.access.addresses import Addresses, network_of
from chalicelib.entrypoints import websocket
from chalicelib.entrypoints.http import rest
from chalicelib.entrypoints.socketio import polling
from chalicelib.kernel.rates import DEFAULT_LIMITS, Rate
from chalicelib.kernel.settings import Settings
from chalicelib.model.access import Address
from chalicelib.model.identifiers import ConnectionId
from tests.support.counting import counted
from tests.support.world import World

ONE, OTHER = "192.0.2.1", "192.0.2.2"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1 ", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("127.0.0.1", ""),
        ("::1", ""),
        ("::ffff:127.0.0.1", ""),
        ("", ""),
        ("unknown", ""),
        ("192.0.2.1, 192.0.2.2", ""),
    ],
)
def test_the_network_of_an_address(address: str, network: str) -> None:
    assert network_of(Address(address)) == network
    assert network_of(Address(address, shared=True)) == ""


def limited(burst: int = 3, per_s: float = 1.0, **settings: Any) -> World:
    return World(limits={**DEFAULT_LIMITS, "address": Rate(per_s, burst)}, **settings)


def connects(world: World, ip: str, **query: str) -> int:
    event = world.connect_event(f"conn-{world.ids.token()}=", None)
    event["requestContext"]["identity"]["sourceIp"] = ip
    event["queryStringParameters"] = query or None
    return int(websocket.connect(world.services, event)["statusCode"])


def polls(world: World, ip: str, method: str = "GET", body: str = "", **query: str) -> Any:
    query = {"EIO": "4", "transport": "polling", **query}
    return polling.handle(
        world.services, rest.HttpRequest({}, query, {}, body, source_ip=ip), method
    )


def asks(world: World, ip: str, token: str = "") -> rest.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = rest.HttpRequest(headers, {}, {}, "", source_ip=ip)
    return rest.handle(world.services, request, rest.list_rooms)


def test_handshakes_without_a_valid_token() -> None:
    world = limited()
    assert [connects(world, ONE) for _ in range(5)] == [401] * 3 + [429] * 2
    assert connects(world, ONE, token="nonsense") == 429
    assert connects(world, OTHER) == 401
    assert connects(world, ONE, token=world.token("alice")) == 200, "its user pays"
    world.clock.ms += 1000
    assert connects(world, ONE) == 401


def test_sessions_whose_user_is_unknown() -> None:
    world = limited()
    query = {"EIO": "4", "transport": "websocket"}
    assert [connects(world, ONE, **query) for _ in range(3)] == [200] * 3
    ports = counted(world)
    assert connects(world, ONE, **query) == 429
    assert ports["sessions"].calls == ports["outbound"].calls == []
    assert polls(world, ONE).status == 429
    assert polls(world, OTHER).status == 200
    known = {**query, "token": world.token("alice")}
    assert connects(world, ONE, **known) == 200


def test_a_token_that_nobody_verifies_pays_for_nothing() -> None:
    world = limited()
    query = {"EIO": "4", "transport": "websocket", "token": "nonsense", "sid": "unknown"}
    assert [connects(world, ONE, **query) for _ in range(4)] == [200] * 3 + [429]
    assert [polls(world, OTHER, token="nonsense").status for _ in range(4)] == [401] * 3 + [429]


def opened(world: World, ip: str, **query: str) -> str:
    """The sid of a new polling session."""
    return str(json.loads(polls(world, ip, **query).text[1:])["sid"])


@pytest.mark.parametrize("connected", [False, True])
def test_a_session_pays_for_what_comes_after_its_handshake(connected: bool) -> None:
    world = limited(burst=2, per_s=0.001)
    sid = opened(world, ONE)
    if connected:
        packet = "40" + json.dumps({"token": world.token("alice")})
        assert polls(world, ONE, "POST", packet, sid=sid).status == 200
    assert polls(world, ONE).status == 200
    assert polls(world, ONE).status == 429, "the network has paid for two handshakes"
    assert [polls(world, ONE, sid=sid).status for _ in range(3)] == [200] * 3
    upgrade = {"EIO": "4", "transport": "websocket", "sid": sid}
    assert connects(world, ONE, **upgrade) == 200
    assert world.pump() is None
    assert world.poster.closed == []


def test_a_session_whose_handshake_had_a_token_charges_no_network() -> None:
    world = limited(burst=1, per_s=0.001)
    sid = opened(world, ONE, token=world.token("alice"))
    assert [polls(world, ONE, sid=sid).status for _ in range(3)] == [200] * 3
    assert connects(world, ONE, EIO="4", transport="websocket", sid=sid) == 200
    assert polls(world, ONE).status == 200, "its one token is still there"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_requests_of_no_session_are_charged_to_the_network(method: str) -> None:
    world = limited(per_s=0.001)
    statuses = [polls(world, ONE, method, "6", sid=f"s{n}").status for n in range(5)]
    assert statuses == [400] * 3 + [429] * 2
    assert polls(world, OTHER, method, "6", sid="x" * 10_000).status == 400


def test_upgrades_of_no_session_are_charged_to_the_network() -> None:
    world = limited(per_s=0.001)
    upgrade = {"EIO": "4", "transport": "websocket"}
    assert [connects(world, ONE, **upgrade, sid=f"s{n}") for n in range(4)] == [200] * 3 + [429]


def test_an_upgrade_is_charged_to_its_session() -> None:
    world = World(limits={**DEFAULT_LIMITS, "packet": Rate(0.001, 50)})
    upgrade = {"EIO": "4", "transport": "websocket", "sid": opened(world, ONE)}
    assert [connects(world, ONE, **upgrade) for _ in range(4)] == [200] * 2 + [429] * 2


@pytest.mark.parametrize(
    "token",
    [{"expires_in_s": -3_600}, {"nbf": 4_000_000_000}, {"expires_in_s": 100 * 366 * 86_400}],
)
def test_a_token_that_was_ours_is_refused_as_one_although_the_network_has_used_up_its_rate(
    token: dict[str, Any],
) -> None:
    """A client gets a new token if it hears that it needs one."""
    world = limited(burst=2, per_s=0.001)
    old = world.token("alice", **token)
    assert [asks(world, ONE, old).status for _ in range(4)] == [401] * 4
    assert connects(world, ONE, token=old) == 401
    assert [asks(world, ONE, "nonsense").status, connects(world, ONE)] == [429] * 2


def test_requests_without_a_valid_token() -> None:
    world = limited()
    answers = [asks(world, ONE, token) for token in ("", "nonsense", "", "")]
    assert [each.status for each in answers] == [401, 401, 401, 429]
    assert answers[-1].headers == {"Retry-After": "1"}
    assert asks(world, OTHER).status == 401
    assert asks(world, ONE, world.token("alice")).status == 200


def test_without_redis_nobody_is_limited() -> None:
    world = limited(burst=1)
    world.cache.down = True
    assert [asks(world, ONE).status for _ in range(3)] == [401] * 3


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Tidings-Viewer", "CloudFront-Viewer-IP"])
def test_an_address_in_a_header_is_not_believed(header: str) -> None:
    world = limited(burst=1)
    statuses = []
    for claimed in ("198.51.100.1", "198.51.100.2", "127.0.0.1", "nonsense"):
        request = rest.HttpRequest({header: claimed}, {}, {}, "", source_ip=ONE)
        statuses.append(rest.handle(world.services, request, rest.list_rooms).status)
    assert statuses == [401, 429, 429, 429]


def test_behind_a_proxy_nobody_is_limited_by_its_address() -> None:
    world = limited(burst=1, behind_proxy=True)
    assert [asks(world, ONE).status for _ in range(3)] == [401] * 3
    assert [polls(world, ONE).status for _ in range(3)] == [200] * 3


OLD, NEW = "o" * 36, "n" * 36
PROOFS = tuple(hashlib.sha256(each.encode()).hexdigest() for each in (OLD, NEW))
EDGE = "198.51.100.7"  # where CloudFront calls from, for everybody


def through_the_edge(viewer: str, proof: str = NEW) -> dict[str, str]:
    """Headers as CloudFront sends them."""
    return {"X-Tidings-Proof": proof, "x-tidings-viewer": viewer}


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        (through_the_edge(ONE, OLD), ONE),
        (through_the_edge(ONE, NEW), ONE),
        (through_the_edge("2001:db8::1"), "2001:db8::1"),
        (through_the_edge(ONE, "guessed"), EDGE),
        (through_the_edge(ONE, PROOFS[0]), EDGE),
        (through_the_edge(ONE, ""), EDGE),
        (through_the_edge(ONE, "\ud800"), EDGE),
        ({"x-tidings-viewer": ONE}, EDGE),
        ({"x-tidings-proof": NEW}, ""),
        ({}, EDGE),
    ],
)
def test_whoever_proves_to_be_the_edge_is_believed(headers: dict[str, str], address: str) -> None:
    assert Addresses(Settings(edge_proofs=PROOFS)).of(headers, EDGE) == Address(address)


def test_without_a_proof_in_the_settings_nobody_can_be_the_edge() -> None:
    for proof in ("", "x", hashlib.sha256(b"").hexdigest()):
        headers = through_the_edge(ONE, proof)
        assert Addresses(Settings()).of(headers, EDGE) == Address(EDGE)
        known = Addresses(Settings(behind_proxy=True)).of(headers, EDGE)
        assert known == Address(EDGE, shared=True)


def test_behind_the_edge_each_client_pays_by_itself_on_every_door() -> None:
    world = limited(burst=1, per_s=0.001, edge_proofs=PROOFS)

    def statuses(viewer: str, proof: str = NEW) -> list[int]:
        """Of a request, a poll without a session, and two handshakes, which share a bucket."""
        headers = through_the_edge(viewer, proof)
        request = rest.HttpRequest(headers, {}, {}, "", source_ip=EDGE)
        query = {"EIO": "4", "transport": "polling"}
        poll = rest.HttpRequest(headers, query, {}, "", source_ip=EDGE)
        event = world.connect_event(f"conn-{world.ids.token()}=", None)
        event["requestContext"]["identity"]["sourceIp"] = EDGE
        event["headers"] = headers
        stock = {**event, "queryStringParameters": {**query, "transport": "websocket"}}
        return [
            rest.handle(world.services, request, rest.list_rooms).status,
            polling.handle(world.services, poll, "GET").status,
            websocket.connect(world.services, event)["statusCode"],
            websocket.connect(world.services, stock)["statusCode"],
        ]

    assert statuses(ONE) == [401, 429, 429, 429]
    assert statuses(OTHER) == [401, 429, 429, 429], "another client, the same edge"
    assert statuses(ONE, OLD) == [429] * 4, "the same client, while the proof is replaced"
    assert statuses("192.0.2.9", "guessed") == [401, 429, 429, 429], "whoever calls without it"
    assert statuses("192.0.2.10", "guessed") == [429] * 4, "pays where they call from"


def test_a_device_has_the_address_of_its_client() -> None:
    world = limited(edge_proofs=PROOFS)
    for number, (proof, address) in enumerate([(NEW, ONE), ("guessed", EDGE)]):
        event = world.connect_event(f"conn-{number}=", world.token("alice"))
        event["requestContext"]["identity"]["sourceIp"] = EDGE
        event["headers"] = through_the_edge(ONE, proof)
        assert websocket.connect(world.services, event)["statusCode"] == 200
        connection = world.adapters.connections.get(ConnectionId(f"conn-{number}="))
        assert connection is not None
        assert connection.device_info["ip"] == address


def test_who_connects_or_is_refused_is_logged_with_the_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "chalicelib")
    world = limited(edge_proofs=PROOFS)
    headers = through_the_edge(ONE)
    for token in (world.token("alice"), None):
        event = world.connect_event(f"conn-{world.ids.token()}=", token)
        event["headers"] = headers
        websocket.connect(world.services, event)
    request = rest.HttpRequest(headers, {}, {}, "", source_ip=EDGE)
    rest.handle(world.services, request, rest.list_rooms)
    poll = rest.HttpRequest(
        headers, {"EIO": "4", "transport": "polling", "sid": "x"}, {}, "", source_ip=EDGE
    )
    polling.handle(world.services, poll, "GET")
    lines = [json.loads(each) for each in caplog.messages]
    told = [(line["event"], line["ip"]) for line in lines if "ip" in line]
    assert told == [
        ("connected", ONE),
        ("connect_refused", ONE),
        ("request_refused", ONE),
        ("request_refused", ONE),
    ]


def test_the_address_comes_with_the_event() -> None:
    event = {"requestContext": {"identity": {"sourceIp": ONE}}}
    assert rest.from_event(event).source_ip == ONE
    assert rest.from_event({}).source_ip == ""
