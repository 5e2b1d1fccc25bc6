"""A drain moves every client to another region, and nobody back afterwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chalicelib.access.routing import shard_of
from chalicelib.connections.closing import Reason
from chalicelib.connections.draining import FIRST_MS, TURN_MS
from chalicelib.entrypoints import websocket
from chalicelib.entrypoints.http import rest
from chalicelib.jobs.outbound import DrainBucket
from chalicelib.kernel.ids import user_bucket
from chalicelib.model.identifiers import ConnectionId, UserId
from chalicelib.wire import engineio
from tests.support import faults
from tests.support.draining import ENDPOINTS, HERE, NEAR, deployed, open_to, start, stop
from tests.support.faults import How
from tests.support.socketio import Client, Poller
from tests.support.world import World

KNOWN_S = 6  # how long a health check and the drain may be old, together
DONE_S = FIRST_MS // 1000 + TURN_MS // 1000


def regions(world: World) -> list[str]:
    answer = world.http(rest.endpoint, "alice")
    assert answer.status == 200, answer
    return [answer.body["region"], *(each["region"] for each in answer.body["fallbacks"])]


def refused(world: World) -> int:
    event = world.connect_event("new=", world.token("newcomer"))
    return int(websocket.connect(world.services, event)["statusCode"])


def test_every_client_is_told_where_to_go_and_is_closed() -> None:
    world = deployed(shards=4)
    devices = {world.connect(user): user for user in ("alice", "bob", "carol")}
    client = Client(world, "sio=")
    client.connect("dave")
    assert start(world).status == 200
    world.wait(DONE_S)
    for device, user in devices.items():
        [told] = world.poster.to(device, "reconnect")
        shard = shard_of(UserId(user), 4)
        assert told["reason"] == "draining"
        assert told["endpoint"] == f"wss://{NEAR}.chat/{shard}", "of the nearest healthy region"
        assert 0 <= told["after_ms"] < 2_000
        assert world.poster.closed.count(device) == 1
    [[name, told]] = client.events()
    assert (name, told["reason"]) == ("reconnect", "draining")
    assert client.closed
    assert open_to(world) == set()


def test_a_polling_client_ends_as_well() -> None:
    world = deployed()
    poller = Poller(world)
    poller.connect("alice")
    start(world)
    world.wait(DONE_S)
    assert poller.ask("GET", sid=poller.sid).status == 400
    assert open_to(world) == set()


def test_a_poll_that_waits_at_the_close_gets_no_close_packet() -> None:
    """Stock Python clients never reconnect after one."""
    world = deployed()
    poller = Poller(world)
    poller.connect("alice")
    sid = ConnectionId(poller.sid)
    [socket] = [each for each in world.adapters.connections.in_bucket(user_bucket(UserId("alice")))]
    assert world.adapters.sessions.poll(sid, "p1", world.clock.ms + 20_000, world.clock.ms)
    world.services.connections.end(socket.target, Reason.DRAINING)
    assert world.adapters.sessions.take(sid, "p1") == [engineio.EnginePacketKind.NOOP.value]
    assert poller.ask("GET", sid=poller.sid).status == 400


def test_no_more_clients_than_the_others_take_go_in_any_second() -> None:
    world = deployed(drain_per_s=10)
    for number in range(150):
        world.connect(f"user-{number}")
    start(world)
    before, went = 150, []
    for _ in range(60):
        world.wait(1)
        went.append(before - len(open_to(world)))
        before = len(open_to(world))
    assert max(went) <= 11, went  # buckets take their turns in whole seconds
    assert max(sum(went[n : n + 10]) for n in range(50)) <= 100, went
    assert before == 0


def test_a_region_that_drains_takes_no_new_clients_and_says_so() -> None:
    world = deployed()
    alice = world.connect("alice")
    polling = Poller(world)
    start(world)
    world.wait(KNOWN_S)
    answer = rest.health(world.services)
    assert (answer.status, answer.body["status"]) == (503, "draining")
    assert set(answer.body["checks"].values()) == {"ok"}
    assert HERE not in regions(world)
    assert refused(world) == 503
    assert Client(world, "sio=").answer["statusCode"] == 503
    assert polling.ask("GET").status == 503
    upgrade = Client(world, "up=", sid=polling.sid)
    assert upgrade.answer["statusCode"] == 200, "it is no new client"
    assert world.act(alice, "hello")["region"] == HERE, "who is here is served until the end"


def test_a_region_that_comes_back_is_taken_in_and_nobody_loses_a_connection() -> None:
    world = deployed()
    start(world)
    world.wait(DONE_S)
    stop(world)
    world.wait(KNOWN_S)
    assert rest.health(world.services).status == 200
    assert HERE in regions(world)
    alice = world.connect("alice")
    world.wait(120)
    world.sweep()
    world.wait(120)
    assert open_to(world) == {alice}
    assert alice not in world.poster.closed


def test_a_drain_that_is_stopped_halfway_ends_no_further_connection() -> None:
    world = deployed(drain_per_s=7)
    for number in range(100):
        world.connect(f"user-{number % 5}")
    start(world)
    world.wait(DONE_S)
    stop(world)
    left = open_to(world)
    assert 0 < len(left) < 100
    world.wait(120)
    world.sweep()
    world.wait(120)
    assert open_to(world) == left


def test_the_last_region_keeps_its_clients_and_takes_all_others() -> None:
    """The other regions were lost while this one drained."""
    world = deployed()
    alice = world.connect("alice")
    start(world)
    world.peers.up.clear()
    world.wait(DONE_S + 60)
    assert open_to(world) == {alice}
    assert regions(world) == [HERE]
    assert refused(world) == 200


def test_other_regions_are_found_with_their_own_health() -> None:
    world = deployed()
    world.peers.up = {ENDPOINTS[NEAR].health}
    world.probes.hanging.add("dynamodb")
    assert regions(world) == [NEAR], "this one answers, but does not work"
    world.probes.hanging.clear()
    world.clock.ms += 10_000
    assert sorted(regions(world)) == sorted([HERE, NEAR])


@pytest.mark.parametrize("how", list(How))
def test_everybody_goes_whatever_call_fails(how: How) -> None:
    def case(plant: Callable[[World], faults.Plan]) -> None:
        world = deployed()
        devices = {world.connect("alice"), world.connect("alice")}
        world.pump(until_ms=world.clock.ms)
        plan = plant(world)
        faults.again(lambda: _started(world))
        _drop_empty_buckets(world)
        world.wait(60)
        plan.over = True
        world.sweep()
        world.wait(90)
        assert open_to(world) == set(), plan.made[-1]
        assert set(world.poster.closed) == devices

    struck = faults.at_every_call(how, case)
    assert {"drains.start", "drains.take_turn", "connections.in_bucket"} <= set(struck)
    assert "connections.disconnect" in struck


def _started(world: World) -> None:
    assert start(world).status == 200


def _drop_empty_buckets(world: World) -> None:
    """Keep the number of calls small: jobs of buckets without connections do nothing."""
    bucket = user_bucket(UserId("alice"))
    world.adapters.outbound.jobs[:] = [
        job
        for job in world.adapters.outbound.jobs
        if not isinstance(job, DrainBucket) or job.bucket == bucket
    ]
