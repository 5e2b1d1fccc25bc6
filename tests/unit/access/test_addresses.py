"""What comes without a valid token is paid for by the network that it comes from."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.access.addresses import network_of
from chalicelib.entrypoints import websocket
from chalicelib.entrypoints.http import rest
from chalicelib.entrypoints.socketio import polling
from chalicelib.kernel.rates import DEFAULT_LIMITS, Rate
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
    assert network_of(address, {}, "") == network


def test_a_header_is_trusted_only_if_it_is_configured() -> None:
    headers = {"X-Viewer-Address": OTHER, "X-Forwarded-For": "192.0.2.3"}
    assert network_of(ONE, headers, "") == ONE
    assert network_of(ONE, headers, "x-viewer-address") == OTHER
    assert network_of(ONE, {}, "x-viewer-address") == ONE


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


def test_polls_of_a_session_without_a_namespace() -> None:
    world = limited(burst=4, per_s=0.001)
    sid = str(polls(world, ONE).text.split('"sid":"')[1].split('"')[0])
    assert [polls(world, ONE, sid=sid).status for _ in range(3)] == [200] * 3
    before_ms = world.clock.ms
    assert [polls(world, ONE, sid=sid).status for _ in range(3)] == [429] * 3
    assert world.clock.ms == before_ms, "they do not wait"


def test_polls_of_a_connected_session_are_the_session_s() -> None:
    world = limited(burst=2)
    sid = str(polls(world, ONE).text.split('"sid":"')[1].split('"')[0])
    token = world.token("alice")
    assert polls(world, ONE, "POST", f'40{{"token":"{token}"}}', sid=sid).status == 200
    assert [polls(world, ONE, sid=sid).status for _ in range(5)] == [200] * 5


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


def test_behind_a_proxy_its_clients_pay_each_for_itself() -> None:
    world = limited(burst=1, viewer_header="x-viewer-address")
    statuses = []
    for viewer in ("198.51.100.1", "198.51.100.2", "198.51.100.1"):
        request = rest.HttpRequest({"X-Viewer-Address": viewer}, {}, {}, "", source_ip=ONE)
        statuses.append(rest.handle(world.services, request, rest.list_rooms).status)
    assert statuses == [401, 401, 429]


def test_the_address_comes_with_the_event() -> None:
    event = {"requestContext": {"identity": {"sourceIp": ONE}}}
    assert rest.from_event(event).source_ip == ONE
    assert rest.from_event({}).source_ip == ""
