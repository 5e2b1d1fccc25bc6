"""Who may do what: every action and every route, asked by everyone.

The tables in `support.access` name them; one that is added and not listed there fails the last
test.
"""

from __future__ import annotations

import jwt
import pytest

from chalicelib.actions import ACTIONS
from chalicelib.entrypoints import websocket
from chalicelib.entrypoints.http import rest
from chalicelib.model.identifiers import RoomId, UserId
from chalicelib.model.rooms import Member, Role
from tests.support.access import (
    ADMIN,
    ALLOWED,
    MEMBER,
    OWNER,
    PEOPLE,
    ROLES,
    ROUTES,
    SERVICE_ADMIN,
    STRANGER,
    message,
    staffed,
)
from tests.support.world import SECRET, START_MS, World


@pytest.fixture
def world() -> World:
    return staffed()


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize("action", ALLOWED)
def test_actions(world: World, action: str, person: str) -> None:
    data, allowed = ALLOWED[action]
    device = world.connect(person, roles=ROLES.get(person, []))
    answer = world.ask(device, action, **data(world))
    if person in allowed:
        assert answer["event"] == "ack", answer
    else:
        assert answer["data"]["code"] == "permission_denied", answer


@pytest.mark.parametrize("action", ALLOWED)
def test_actions_after_the_token_s_end(world: World, action: str) -> None:
    device = world.connect(MEMBER)
    data = ALLOWED[action][0](world)
    world.clock.ms += 8 * 86_400_000
    before = world.adapters.log.heads([(RoomId("lobby"), world.services.region)])
    world.adapters.delivery.jobs.clear()
    assert world.ask(device, action, **data)["data"]["code"] == "unauthorized"
    assert world.adapters.log.heads([(RoomId("lobby"), world.services.region)]) == before
    assert world.adapters.delivery.jobs == world.adapters.outbound.jobs == []


@pytest.mark.parametrize("action", ALLOWED)
def test_actions_on_a_connection_that_is_not_known(world: World, action: str) -> None:
    answer = world.ask("never-seen=", action, **ALLOWED[action][0](world))
    assert answer["data"]["code"] == "unauthorized"


def test_a_stranger_s_sync_of_a_room_says_nothing_of_it(world: World) -> None:
    message(world)
    eve = world.connect(STRANGER)
    answer = world.act(eve, "sync", positions={"lobby": ""})["conversations"]["lobby"]
    assert (answer["messages"], answer["position"]) == ([], "")
    assert answer["error"]["code"] == "permission_denied"


def test_one_may_delete_one_s_own_message(world: World) -> None:
    mia = world.connect(MEMBER)
    body = {"conversation_id": "lobby", "message_type": "text", "content": "x"}
    mine = world.act(mia, "send_message", **body)["message_id"]
    assert world.act(mia, "delete_message", conversation_id="lobby", message_id=mine) == {}


OPEN = {("GET", "/v1/health"), ("GET", "/v1/openapi.json")}
# Its clients show who they are with the CONNECT of a namespace: test_socketio.py.
POLLING = {(method, "/socket.io") for method in ("GET", "POST", "PUT")}


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
def test_routes(world: World, route: tuple[str, str], person: str) -> None:
    make, allowed = ROUTES[route]
    token = world.token(person, roles=ROLES.get(person, []))
    answer = make(world, {"Authorization": f"Bearer {token}"})
    if person in allowed:
        assert answer.status in (200, 201), answer
    else:
        assert (answer.status, answer.body["error"]["code"]) == (403, "permission_denied")


@pytest.mark.parametrize(
    ("person", "whom", "status"),
    [
        (ADMIN, MEMBER, 200),
        (ADMIN, "ada", 403),
        (ADMIN, OWNER, 403),
        (OWNER, "ada", 200),
        (SERVICE_ADMIN, "ada", 200),
        (SERVICE_ADMIN, OWNER, 403),
        (ADMIN, ADMIN, 200),  # himself
        (OWNER, OWNER, 403),
    ],
)
def test_who_removes_whom(world: World, person: str, whom: str, status: int) -> None:
    other = Member(RoomId("lobby"), UserId("ada"), Role.ADMIN, START_MS)
    world.adapters.rooms.add_member(other)
    roles = ROLES.get(person, [])
    answer = world.http(rest.remove_member, person, room_id="lobby", user_id=whom, roles=roles)
    assert answer.status == status
    kept = world.adapters.rooms.member(RoomId("lobby"), UserId(whom)) is not None
    assert kept == (status == 403)


def tokens(world: World) -> dict[str, str]:
    """Tokens that must not be taken, by what is wrong with them."""
    claims = {"sub": OWNER, "exp": START_MS // 1000 + 7 * 86_400}
    return {
        "expired": world.token(OWNER, expires_in_s=-3600),
        "forged": jwt.encode(
            claims,
            "another-secret-of-more-than-32-bytes-which-is-what-HS256-asks-for",
            algorithm="HS256",
        ),
        "unsigned": jwt.encode(claims, "", algorithm="none"),
        "another algorithm": jwt.encode(claims, SECRET, algorithm="HS512"),
        "without an end": jwt.encode({"sub": OWNER}, SECRET, algorithm="HS256"),
        "without a user": jwt.encode({"exp": claims["exp"]}, SECRET, algorithm="HS256"),
        "nonsense": "x.y.z",
        "empty": "",
    }


BAD = ("expired", "forged", "unsigned", "another algorithm", "without an end", "without a user")


@pytest.mark.parametrize("fault", [*BAD, "nonsense", "empty"])
@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
def test_routes_with_a_bad_token(world: World, route: tuple[str, str], fault: str) -> None:
    headers = {"Authorization": f"Bearer {tokens(world)[fault]}"}
    answer = ROUTES[route][0](world, headers)
    assert (answer.status, answer.body["error"]["code"]) == (401, "unauthorized")


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
def test_routes_without_a_token(world: World, route: tuple[str, str]) -> None:
    assert ROUTES[route][0](world, {}).status == 401


@pytest.mark.parametrize("fault", [*BAD, "nonsense", "empty"])
def test_a_connection_with_a_bad_token(world: World, fault: str) -> None:
    event = world.connect_event("c=", tokens(world)[fault])
    assert websocket.connect(world.services, event)["statusCode"] == 401
    assert world.adapters.connections.get("c=") is None


def test_the_tables_are_complete() -> None:
    import app

    assert set(ALLOWED) == set(ACTIONS)
    routes = {(method, path) for path, by in app.app.routes.items() for method in by}
    preflights = {("OPTIONS", path) for _, path in routes}
    assert routes == set(ROUTES) | OPEN | POLLING | preflights
