"""An admin ends a user's connections, and may keep him out for a time."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.access.claims import LEEWAY_S
from chalicelib.composition import compose
from chalicelib.entrypoints import queues, websocket
from chalicelib.entrypoints.http import operating, rest
from tests.support.world import START_MS, World, record


@pytest.fixture
def world() -> World:
    return World()


def end(world: World, user: str, body: Any = None) -> rest.Response:
    return world.http(operating.disconnect_user, "root", body, user_id=user, roles=["admin"])


def connects(world: World, user: str) -> int:
    token = world.token(user)
    event = world.connect_event(f"new-{user}=", token)
    return int(websocket.connect(world.services, event)["statusCode"])


def test_all_devices_are_closed_at_once(world: World) -> None:
    phone, laptop, other = world.connect("eve"), world.connect("eve"), world.connect("bob")
    assert end(world, "eve").status == 200
    world.pump()
    assert sorted(set(world.poster.closed)) == sorted([phone, laptop])
    assert world.adapters.connections.get(phone) is None
    assert world.act(other, "hello")


def test_without_a_time_he_may_come_back_and_stays(world: World) -> None:
    world.connect("eve")
    end(world, "eve")
    world.clock.ms += 1
    assert connects(world, "eve") == 200
    world.pump()
    assert world.adapters.connections.get("new-eve=") is not None, "the second look spares it"


def test_with_a_time_he_is_refused_until_then(world: World) -> None:
    eve = world.connect("eve")
    answer = end(world, "eve", {"for_s": 60})
    assert answer.body == {"user_id": "eve", "revoked_until": "2027-01-15T08:02:00.000Z"}
    assert world.clock.ms == START_MS
    assert connects(world, "eve") == 403
    fresh = world.token("eve")
    assert world.ask(eve, "refresh_token", token=fresh)["data"]["code"] == "permission_denied"
    assert world.http(rest.list_rooms, "eve").status == 403
    assert connects(world, "bob") == 200
    assert end(world, "eve", {"for_s": 5}).body == answer.body, "a shorter one ends nothing"
    world.clock.ms += (60 + LEEWAY_S) * 1000 - 1
    assert connects(world, "eve") == 403
    world.clock.ms += 1
    assert connects(world, "eve") == 200


def test_a_revocation_for_a_token_s_lifetime_outlasts_it(world: World) -> None:
    """A token is accepted for a minute after its end, which the revocation covers, too."""
    end_s = START_MS // 1000 + 600
    token = world.token("eve", exp=end_s)
    assert end(world, "eve", {"for_s": 600}).status == 200
    statuses = set()
    for after_s in (0, 599, 600, 600 + LEEWAY_S - 1, 600 + LEEWAY_S):
        world.clock.ms = START_MS + after_s * 1000
        event = world.connect_event(f"new-{after_s}=", token)
        statuses.add(int(websocket.connect(world.services, event)["statusCode"]))
    assert statuses == {403, 401}, "it is never let in"


def test_no_renewal_even_where_nobody_heard_of_the_revocation(world: World) -> None:
    eve = world.connect("eve")
    world.sync.down = world.cache.down = True
    assert end(world, "eve", {"for_s": 60}).status == 200
    world.cache.down = False
    world.services = compose(world.settings, world.adapters)  # another process
    assert world.act(eve, "hello"), "it is not closed yet"
    fresh = world.token("eve")
    assert world.ask(eve, "refresh_token", token=fresh)["data"]["code"] == "permission_denied"


def test_one_who_was_connecting_meanwhile_is_closed_by_the_second_look(world: World) -> None:
    end(world, "eve")
    second, third, first = world.adapters.outbound.jobs
    assert [job.delay_s for job in (first, second, third)] == [0, 5, 30]
    queues.outbound(world.services, {"Records": [record(first)]})
    late = world.connect("eve")  # its handshake began no later than the revocation
    queues.outbound(world.services, {"Records": [record(second)]})
    assert world.poster.closed == [late]


@pytest.mark.parametrize("body", [{"for_s": -1}, {"for_s": 10**9}, {"for_s": "1"}, {"x": 1}, []])
def test_bad_bodies(world: World, body: Any) -> None:
    assert end(world, "eve", body).status == 400


def test_an_admin_does_not_lock_himself_out(world: World) -> None:
    body = {"for_s": 60}
    answer = world.http(operating.disconnect_user, "root", body, user_id="root", roles=["admin"])
    assert (answer.status, answer.body["error"]["code"]) == (409, "conflict")
    assert (
        world.http(operating.disconnect_user, "root", user_id="root", roles=["admin"]).status == 200
    )
