"""From polling to a websocket: nothing is lost, doubled or overtaken."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.composition import compose
from chalicelib.entrypoints import queues
from chalicelib.entrypoints.http import rest
from chalicelib.model.connections import Target
from chalicelib.model.delivery import Outcome, Post
from chalicelib.model.identifiers import ConnectionId, UserId
from tests.support.socketio import LONG, REFUSED, Client, Poller, contents
from tests.support.world import Killed, World, record
from workbench.simulator.twins import RedisState


@pytest.fixture
def world() -> World:
    return World()


def test_an_upgrade_loses_and_doubles_nothing_wherever_its_job_has_to_finish_it(
    world: World,
) -> None:
    """The process dies at each of the posts of the hand-over; the job does the rest."""
    world.room("alice", "bob")
    bob = world.connect("bob")
    for dies_at in range(4):
        client = Poller(world)
        client.connect("alice")
        for number in range(3):
            body = {"conversation_id": "lobby", "message_type": "text", "content": str(number)}
            world.act(bob, "send_message", **body)
        world.pump(until_ms=world.clock.ms)
        websocket = Client(world, f"w{dies_at}=", sid=client.sid)
        assert websocket.say("2probe") == "3probe"
        world.poster.dies_in(dies_at)
        with contextlib.suppress(Killed):
            websocket.say("5")
        world.poster.dies_in(None)
        world.act(bob, "send_message", **{**body, "content": "late"})
        world.wait(12)
        assert client.ask("GET", sid=client.sid).status == 400
        got = contents(websocket.posted)
        assert list(dict.fromkeys(got)) == ["0", "1", "2", "late"], dies_at
        assert len(got) <= 5, "at most what was in flight comes twice"
        assert websocket.act("hello", {})["ok"] is True
        assert len(world.adapters.connections.of_user("alice")) == 1
        world.disconnect(websocket.sid)
        world.wait(15)


class DuringPost:
    """A poster; right after the first message to a websocket something else happens."""

    def __init__(self, inner: Any, sid: str, act: Callable[[], Any]) -> None:
        self._inner, self._sid, self._act = inner, sid, act

    def post(self, posts: list[Post], within_ms: int | None = None) -> list[Outcome]:
        outcomes: list[Outcome] = self._inner.post(posts, within_ms)
        if any(p.target.connection_id == self._sid and b"42[" in p.data for p in posts):
            act, self._act = self._act, lambda: None
            act()
        return outcomes

    def close(self, target: Target) -> Outcome:
        return Outcome(self._inner.close(target))


def probed(world: World, messages: int) -> tuple[Poller, Client]:
    """A session whose messages wait for a poll, and a websocket that is about to take it over."""
    world.room("alice", "bob")
    bob, client = world.connect("bob"), Poller(world)
    client.connect("alice")
    for number in range(messages):
        body = {"conversation_id": "lobby", "message_type": "text", "content": str(number)}
        world.act(bob, "send_message", **body)
    world.pump(until_ms=world.clock.ms)
    websocket = Client(world, "w=", sid=client.sid)
    assert websocket.say("2probe") == "3probe"
    return client, websocket


@pytest.mark.parametrize("stalls_ms", [0, 9_000, 20_000])
def test_two_hand_overs_of_one_upgrade_keep_the_order_and_double_nothing(
    world: World, stalls_ms: int
) -> None:
    """The job comes while the first is at work, or has stalled for so long that it takes over."""
    client, websocket = probed(world, 4)
    usual = world.services
    answers = []

    def again() -> None:
        world.clock.ms += stalls_ms
        [job] = [job for job in world.adapters.outbound.jobs if job.kind == "engine_upgrade"]
        answers.append(queues.outbound(usual, {"Records": [record(job)]}))

    poster = DuringPost(world.adapters.poster, "w=", again)
    world.services = compose(world.settings, replace(world.adapters, poster=poster))
    assert websocket.say("5") == ""
    assert bool(answers[0]["batchItemFailures"]) is (stalls_ms < 10_000), "it comes again"
    world.services = usual
    world.wait(30)
    got = contents(websocket.posted)
    assert list(dict.fromkeys(got)) == ["0", "1", "2", "3"]
    in_flight = 1 if stalls_ms >= 10_000 else 0
    assert got == ["0"] * in_flight + ["0", "1", "2", "3"]
    assert websocket.act("hello", {})["ok"] is True
    session = world.sessions.get(ConnectionId("w="))
    assert session is not None
    assert session.namespaces == {"/"}
    assert world.sessions.get(client.sid) is None


@pytest.mark.parametrize("method", ["drain", "queued", "open"])
def test_an_upgrade_that_dies_between_its_steps_is_finished_by_its_job(
    world: World, method: str
) -> None:
    client = Poller(world)
    client.connect("alice")
    websocket = Client(world, "w=", sid=client.sid)
    assert websocket.say("2probe") == "3probe"

    def die() -> None:
        raise Killed

    died = Interrupted(world.sessions, method, die)
    usual = world.services
    world.services = compose(world.settings, replace(world.adapters, sessions=died))
    with pytest.raises(Killed):
        websocket.say("5")
    world.services = usual
    world.wait(30)
    assert websocket.act("hello", {})["ok"] is True
    session = world.sessions.get(ConnectionId("w="))
    assert session is not None
    assert session.upgrades is None
    assert session.namespaces == {"/"}


@pytest.mark.parametrize("method", ["queued", "open"])
def test_a_websocket_that_ends_after_its_hand_over_died_leaves_nothing(
    world: World, method: str
) -> None:
    client = Poller(world)
    client.connect("alice")
    websocket = Client(world, "w=", sid=client.sid)
    assert websocket.say("2probe") == "3probe"

    def die() -> None:
        raise Killed

    died = Interrupted(world.sessions, method, die)
    usual = world.services
    world.services = compose(world.settings, replace(world.adapters, sessions=died))
    with pytest.raises(Killed):
        websocket.say("5")
    world.services = usual
    world.disconnect("w=")
    assert world.adapters.connections.get(ConnectionId(client.sid)) is None
    assert world.adapters.connections.get(ConnectionId("w=")) is None
    assert world.sessions.push(ConnectionId(client.sid), []) is False


def test_a_websocket_that_ends_in_mid_hand_over_ends_the_session(world: World) -> None:
    _, websocket = probed(world, 3)
    world.poster.script["w="] = [Outcome.DELIVERED, Outcome.GONE]
    websocket.say("5")
    assert contents(websocket.posted) == ["0"], "none after the one that was missed"
    assert websocket.closed
    assert world.adapters.connections.of_user("alice") == []
    assert world.sessions.get(ConnectionId("w=")) is None
    world.wait(30)
    assert contents(websocket.posted) == ["0"]


class Interrupted:
    """A port; before the first call of one method something else happens."""

    def __init__(self, inner: Any, method: str, act: Callable[[], Any]) -> None:
        self._inner, self._method, self._act = inner, method, act

    def __getattr__(self, name: str) -> Any:
        if name == self._method:
            self._method = ""
            self._act()
        return getattr(self._inner, name)


@pytest.mark.parametrize("outcomes", [[Outcome.GONE], [Outcome.BUSY] * 20 + [Outcome.GONE]])
def test_a_socket_that_is_moved_after_the_end_of_its_websocket_is_removed_by_the_job(
    world: World, outcomes: list[Outcome]
) -> None:
    client = Poller(world)
    client.connect("alice")
    websocket = Client(world, "w=", sid=client.sid)
    assert websocket.say("2probe") == "3probe"
    usual = world.services

    def ends() -> None:
        mine, world.services = world.services, usual
        world.disconnect("w=")
        world.services = mine
        world.poster.script["w="] = outcomes

    def die() -> None:
        raise Killed

    connections = Interrupted(world.adapters.connections, "put", ends)
    trails = Interrupted(world.adapters.trails, "follow", die)
    ports = replace(world.adapters, connections=connections, trails=trails)
    world.services = compose(world.settings, ports)
    with pytest.raises(Killed):
        websocket.say("5")
    world.services = usual
    assert world.adapters.connections.get(ConnectionId("w=")) is not None
    world.wait(30)
    assert world.adapters.connections.of_user("alice") == []
    assert world.cache.online([UserId("alice")]).targets == []


def test_a_hand_over_that_begins_after_the_end_of_its_websocket_and_dies_leaves_nothing(
    world: World,
) -> None:
    """While that end is handled the session still polls, so it is left alone."""
    client = Poller(world)
    client.connect("alice")
    websocket = Client(world, "w=", sid=client.sid)
    assert websocket.say("2probe") == "3probe"
    usual = world.services

    def ends() -> None:
        mine, world.services = world.services, usual
        world.disconnect("w=")
        world.services = mine

    def die() -> None:
        raise Killed

    sessions = Interrupted(Interrupted(world.sessions, "queued", die), "drain", ends)
    world.services = compose(world.settings, replace(world.adapters, sessions=sessions))
    with pytest.raises(Killed):
        websocket.say("5")
    world.services = usual
    assert world.adapters.connections.of_user("alice") != []
    world.wait(30)
    assert world.adapters.connections.of_user("alice") == []
    assert world.cache.online([UserId("alice")]).targets == []
    assert world.sessions.push(client.sid, []) is False


def test_a_hand_over_that_a_fail_over_of_redis_undoes_ends_the_session(world: World) -> None:
    """What was posted waits again: the job would post all of it a second time."""
    client, websocket = probed(world, 3)
    older = RedisState(world.cache, world.sessions, world.adapters.trails).save()
    poster = DuringPost(world.adapters.poster, "w=", older)
    usual = world.services
    world.services = compose(world.settings, replace(world.adapters, poster=poster))
    websocket.say("5")
    world.services = usual
    assert websocket.closed
    world.wait(30)
    assert contents(websocket.posted) == ["0"]
    assert world.adapters.connections.of_user("alice") == []
    assert world.sessions.push(client.sid, []) is False


@pytest.mark.parametrize(
    ("port", "method"), [("connections", "put"), ("cache", "register"), ("sessions", "connect")]
)
def test_an_upgrade_while_a_namespace_is_being_connected(
    world: World, port: str, method: str
) -> None:
    world.room("alice", "bob")
    bob, client = world.connect("bob"), Poller(world)
    websocket = Client(world, "w=", sid=client.sid)
    assert websocket.say("2probe") == "3probe"
    usual = world.services

    def upgrade() -> None:
        world.services = usual
        assert websocket.say("5") == ""

    inner = getattr(world.adapters, port)
    changed = replace(world.adapters, **{port: Interrupted(inner, method, upgrade)})
    world.services = compose(world.settings, changed)
    assert client.post("40" + json.dumps({"token": world.token("alice")})) == 200
    assert websocket.posted[-1].startswith("40{")
    assert websocket.act("hello", {})["data"]["user_id"] == "alice"
    online = world.cache.online([UserId("alice")])
    assert [target.connection_id for target in online.targets] == ["w="]
    world.act(bob, "send_message", conversation_id="lobby", message_type="text", content="x")
    world.pump(until_ms=world.clock.ms)
    assert contents(websocket.posted) == ["x"]


def test_an_upgrade_is_seen_by_nobody(world: World) -> None:
    for one, other in (("alice", "bob"), ("bob", "alice")):
        world.http(rest.put_friend, one, user_id=other)
    bob, client = world.connect("bob"), Poller(world)
    client.connect("alice")
    world.pump(until_ms=world.clock.ms)
    told = len(world.poster.to(bob, "friend_status_update"))
    websocket = Client(world, "w=", sid=client.sid)
    assert websocket.say("2probe") == "3probe"
    assert websocket.say("5") == ""
    world.wait(30)
    assert len(world.poster.to(bob, "friend_status_update")) == told


def test_a_connection_that_an_upgrade_left_behind_is_removed(world: World) -> None:
    client = Poller(world)
    client.connect("alice")
    left = world.adapters.connections.get(ConnectionId(client.sid))
    assert left is not None
    websocket = Client(world, "w=", sid=client.sid)
    assert websocket.say("2probe") == "3probe"
    assert websocket.say("5") == ""
    world.adapters.connections.put(left)  # by a process that died while it moved the socket
    world.wait(241)
    assert world.adapters.connections.get(left.connection_id) is None
    assert websocket.act("hello", {})["ok"] is True


def upgraded(world: World, refusals: list[Outcome]) -> Client:
    """A websocket that took a session over while its posts were refused; three messages waited."""
    _, websocket = probed(world, 3)
    world.poster.script["w="] = [Outcome.DELIVERED, *refusals]
    assert websocket.say("5") == ""
    return websocket


def test_a_hand_over_whose_posts_are_refused_goes_on_at_once(world: World) -> None:
    websocket = upgraded(world, REFUSED)
    assert contents(websocket.posted) == ["0", "1", "2"]
    assert websocket.act("hello", {})["ok"] is True
    assert not world.poster.closed


def test_a_hand_over_whose_posts_are_refused_for_long_is_finished_by_its_job(world: World) -> None:
    websocket = upgraded(world, LONG)
    assert contents(websocket.posted) == ["0"]
    world.poster.script.clear()
    world.wait(12)
    assert contents(websocket.posted) == ["0", "1", "2"]
    assert websocket.act("hello", {})["ok"] is True
    assert not world.poster.closed


@pytest.mark.parametrize("dies", [False, True])
def test_a_hand_over_that_a_fail_over_undoes_later_is_not_repeated(
    world: World, dies: bool
) -> None:
    client, websocket = probed(world, 3)
    older = RedisState(world.cache, world.sessions, world.adapters.trails).save()
    world.poster.dies_in(2 if dies else None)
    with contextlib.suppress(Killed):
        websocket.say("5")
    world.poster.dies_in(None)
    older()
    world.wait(30)
    assert contents(websocket.posted) == ["0", "1", "2"][: 2 if dies else 3]
    assert websocket.closed
    assert world.adapters.connections.of_user("alice") == []
    assert world.sessions.push(client.sid, []) is False


def test_a_fail_over_that_leaves_nothing_to_post_ends_no_session(world: World) -> None:
    client, websocket = probed(world, 0)
    older = RedisState(world.cache, world.sessions, world.adapters.trails).save()
    assert websocket.say("5") == ""
    older()
    world.wait(30)
    assert not websocket.closed
    assert websocket.act("hello", {})["ok"] is True
    assert world.sessions.get(client.sid) is None
