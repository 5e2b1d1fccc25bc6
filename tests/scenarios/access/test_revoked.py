"""A revoked user is out on every path: what was queued, renewed or moved, in every environment."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.access.revocations import FRESH_MS
from chalicelib.adapters.memory import MemoryConnectionStore, MemoryRevocationStore
from chalicelib.composition import compose
from chalicelib.entrypoints import websocket
from chalicelib.entrypoints.http import operating
from chalicelib.jobs.delivery import StartRecovery
from chalicelib.jobs.outbound import DisconnectUser
from chalicelib.model.connections import Connection
from chalicelib.model.identifiers import UserId
from tests.support.socketio import Client, Device, Poller
from tests.support.world import World

FOR_S = 600


@pytest.fixture
def world() -> World:
    return World()


def revoke(world: World, user: str = "eve", for_s: int = FOR_S) -> None:
    body = {"for_s": for_s}
    answer = world.http(operating.disconnect_user, "root", body, user_id=user, roles=["admin"])
    assert answer.status == 200


def fresh(world: World) -> None:
    """From here on, another environment serves, which has heard of nothing."""
    world.services = compose(world.settings, world.adapters)


def sockets_of(world: World, user: str) -> list[str]:
    """The connections of a user that are registered anywhere."""
    stored = world.adapters.connections.of_user(UserId(user))
    online = world.cache.online([UserId(user)])
    held = [*online.targets, *online.held]
    return sorted({each.connection_id for each in [*stored, *held]})


def test_a_connect_that_waited_in_a_queue_is_refused(world: World) -> None:
    """The jobs that close a user's connections have all run before it."""
    eve = Device(world, "eve")
    eve.ask()
    waiting = [job for job in world.adapters.delivery.jobs if isinstance(job, StartRecovery)]
    world.adapters.delivery.jobs.clear()
    revoke(world)
    world.wait(60)
    world.adapters.delivery.jobs += waiting
    world.pump(until_ms=world.clock.ms)
    frames = [text for sid, text in world.poster.raw if sid.startswith(eve.id)]
    refusal = json.loads(frames[-1].removeprefix("44"))
    assert refusal["data"]["code"] == "permission_denied"
    assert "connect" not in eve.read()
    assert sockets_of(world, "eve") == []


def test_a_queued_connect_of_an_earlier_version_is_checked(world: World) -> None:
    eve = Device(world, "eve")
    eve.ask()
    [job] = [each for each in world.adapters.delivery.jobs if isinstance(each, StartRecovery)]
    record = job.record()
    assert record.pop("checked_ms")
    old = StartRecovery.of_record(record)
    assert old.checked_ms == 0
    world.adapters.revocations.put(UserId("eve"), world.clock.ms + FOR_S * 1000)
    world.adapters.delivery.jobs[:] = [replace(old, token="again")]
    world.pump(until_ms=world.clock.ms)
    assert sockets_of(world, "eve") == []


def test_a_connect_that_was_just_checked_is_not_checked_again(world: World) -> None:
    """The jobs of a revocation would close it: see `LATECOMERS_S`."""
    eve = Device(world, "eve")
    eve.ask()
    revoke(world)
    held, world.adapters.outbound.jobs[:] = list(world.adapters.outbound.jobs), []
    world.pump(until_ms=world.clock.ms)
    assert "connect" in eve.read()
    world.adapters.outbound.jobs += held
    world.wait(1)
    assert sockets_of(world, "eve") == []
    assert eve.closed


class Reads(MemoryRevocationStore):
    """Revokes right after a check has read that there is no revocation."""

    def __init__(self, then: Callable[[], None]) -> None:
        super().__init__()
        self.then: Callable[[], None] | None = then

    def until_ms(self, user_id: UserId) -> int:
        found = super().until_ms(user_id)
        then, self.then = self.then, None
        if then is not None:
            then()
        return found


def test_a_handshake_that_stops_between_its_check_and_the_write(world: World) -> None:
    """Its process goes on when all jobs of the revocation are done."""

    def stops() -> None:
        revoke(world)
        world.wait(60)

    world.adapters = replace(world.adapters, revocations=Reads(stops))
    fresh(world)
    event = world.connect_event("late=", world.token("eve"))
    assert websocket.connect(world.services, event)["statusCode"] == 403
    assert sockets_of(world, "eve") == []


def test_a_revocation_whose_write_took_long_looks_for_latecomers_again(world: World) -> None:
    class Slow(MemoryRevocationStore):
        def put(self, user_id: UserId, until_ms: int) -> None:
            world.wait(60)
            world.connect("eve")
            super().put(user_id, until_ms)

    world.adapters = replace(world.adapters, revocations=Slow())
    fresh(world)
    revoke(world)
    delays = [
        job.delay_s for job in world.adapters.outbound.jobs if isinstance(job, DisconnectUser)
    ]
    assert delays == [5, 30, 0]
    world.wait(31)
    assert sockets_of(world, "eve") == []


@pytest.mark.parametrize("for_s", [FOR_S, 0])
def test_a_socket_that_is_moved_meanwhile_is_closed(world: World, for_s: int) -> None:
    """Its process read it before the revocation, and stores it when all jobs have run."""

    class Stops(MemoryConnectionStore):
        def put(self, connection: Connection) -> None:
            if connection.connection_id.startswith("w1="):
                revoke(world, for_s=for_s)
                world.wait(60)
            super().put(connection)

    world.adapters = replace(world.adapters, connections=Stops())
    fresh(world)
    eve = Poller(world)
    eve.connect("eve")
    websocket_ = Client(world, "w1=", sid=eve.sid)
    websocket_.say("2probe")
    websocket_.say("5")
    assert sockets_of(world, "eve") == []
    assert websocket_.closed


def _json(world: World) -> Callable[[], Any]:
    device = world.connect("eve")
    return lambda: world.ask(device, "hello")["data"].get("code")


def _stock(world: World) -> Callable[[], Any]:
    client = Client(world, "s1=")
    client.connect("eve")
    return lambda: client.act("hello", {}).get("error", {}).get("code")


def _polling(world: World) -> Callable[[], Any]:
    poller = Poller(world)
    poller.connect("eve")

    def asks() -> Any:
        assert poller.post('421["hello",{}]') == 200
        return json.loads(poller.poll().removeprefix("431"))[0].get("error", {}).get("code")

    return asks


@pytest.mark.parametrize(
    ("protocol", "lost"),
    [
        *((each, lost) for each in (_json, _stock) for lost in ("", "note", "away", "emptied")),
        *((_polling, lost) for lost in ("", "note")),  # without Redis there is no such session
    ],
)
def test_no_environment_serves_a_frame(
    world: World, protocol: Callable[[World], Callable[[], Any]], lost: str
) -> None:
    """Before the jobs run, in an environment that heard of nothing, whatever Redis has."""
    asks = protocol(world)
    assert asks() is None
    world.sync.down = True
    revoke(world)
    fresh(world)
    world.cache.down = lost == "away"
    if lost == "emptied":
        world.cache.flush()
    if lost == "note":  # nothing was noted, and the first job runs
        world.cache.flush(lambda key: key.startswith("revoked:"))
        world.services.revocations.repeat(UserId("eve"))
    assert asks() == "permission_denied"


def test_what_the_jobs_find_undone_is_noted_in_redis(world: World) -> None:
    eve = world.connect("eve")
    world.cache.down = world.sync.down = True
    revoke(world)
    world.cache.down = False
    fresh(world)
    [*_, now] = world.adapters.outbound.jobs
    assert world.services.revocations.repeat(now.user_id)
    assert world.ask(eve, "hello")["data"]["code"] == "permission_denied"


def test_a_poll_that_is_held_returns_and_the_next_one_finds_nothing(world: World) -> None:
    eve = Poller(world)
    eve.connect("eve")
    world.clock.at(1_000, lambda: (revoke(world), world.pump(until_ms=world.clock.ms)))
    eve.ask("GET", sid=eve.sid)
    assert eve.ask("GET", sid=eve.sid).status == 400
    assert eve.post('421["hello",{}]') == 400
    assert sockets_of(world, "eve") == []


def test_a_session_from_before_cannot_connect_a_namespace(world: World) -> None:
    """Its handshake carried the token, so that its CONNECT need not."""
    client = Client(world, "s1=", token=world.token("eve"))
    revoke(world)
    fresh(world)
    answer = client.say("40")
    assert json.loads(answer.removeprefix("44"))["data"]["code"] == "permission_denied"
    assert sockets_of(world, "eve") == []


def test_afterwards_the_user_is_let_in_again(world: World) -> None:
    revoke(world)
    device = Device(world, "eve")
    world.clock.ms += FOR_S * 1000 + 60_000 + FRESH_MS
    assert device.come().sid
    assert world.act(world.connect("eve"), "hello")
