"""Connection state recovery, on the twins: a socket comes back and gets exactly what it missed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import nesting, recovery
from chalicelib.entry import queues, rest, websocket
from chalicelib.entry.engineio import understands_recovery
from chalicelib.model import Outcome, Region, RoomId
from chalicelib.protocol import socketio
from tests.support.world import Killed, World, record

FOREVER_S = 10**9


class Device:
    """A stock client's side of recovery: its pid, and the last text that ended an event.

    Attributes:
        got: Contents of messages, in order, over all its connections.
    """

    def __init__(self, world: World, user: str, namespace: str = "/") -> None:
        self.world, self.user, self.namespace = world, user, namespace
        self.sid, self.pid, self.offset = "", None, None
        self.recovered = False
        self.got: list[Any] = []
        self._connections = 0
        self._read = 0

    @property
    def _prefix(self) -> str:
        return "" if self.namespace == "/" else f"{self.namespace},"

    def come(self, **payload: Any) -> Device:
        """A new connection; its CONNECT, answered."""
        self.ask(**payload)
        self.world.pump(until_ms=self.world.clock.ms)
        self.read()
        return self

    def ask(self, **payload: Any) -> None:
        self._connections += 1
        self.id = f"{self.user}-{self._connections}="
        event = self.world.connect_event(self.id, None)
        event["queryStringParameters"] = {"EIO": "4", "transport": "websocket"}
        assert websocket.connect(self.world.services, event)["statusCode"] == 200
        token = {"token": self.world.token(self.user, FOREVER_S), "recovery": True}
        known = {"pid": self.pid, "offset": self.offset} if self.pid else {}
        body = json.dumps({**known, **token, **payload})
        assert self.world.say(self.id, f"40{self._prefix}{body}") == ""

    def read(self) -> list[str]:
        """What was posted since; answers names of events and `connect`."""
        frames = [frame for sid, frame in self.world.poster.raw if sid.split("|")[0] == self.id]
        fresh, self._read = frames[self._read :], len(frames)
        names, events = [], []
        for frame in fresh:
            text = frame[2:].removeprefix(self._prefix)
            if frame.startswith("40"):
                answer = json.loads(text)
                self.recovered = self.pid is not None and self.pid == answer.get("pid")
                self.sid, self.pid = answer["sid"], answer.get("pid")
                names.append("connect")
            elif frame.startswith("42"):
                events.append(socketio.decode(frame[1:]).data)
                names.append(events[-1][0])
        for name, data, *rest_ in events:
            if name in ("message_received", "moment_posted"):
                self.got.append(data["content"])
            if rest_:
                self.offset = rest_[0]
        return names

    def hear(self) -> list[Any]:
        """All messages so far, after the queues have come to rest."""
        self.world.pump(until_ms=self.world.clock.ms)
        self.read()
        return self.got

    def cut(self) -> None:
        """The transport goes; the server is told."""
        self.world.disconnect(self.id)
        self._read = 0

    def lose(self) -> None:
        """The transport goes, and nobody notices."""
        self._read = 0

    @property
    def closed(self) -> bool:
        return self.id in {each.split("|")[0] for each in self.world.poster.closed}


@pytest.fixture
def world() -> World:
    world = World()
    for room in ("one", "two", "three"):
        world.room("alice", "bob", room_id=room)
    return world


@pytest.fixture
def alice(world: World) -> str:
    return world.connect("alice")


def say(world: World, who: str, content: str, room: str = "one") -> None:
    body = {"conversation_id": room, "message_type": "text", "content": content}
    world.act(who, "send_message", **body)
    world.pump(until_ms=world.clock.ms)


def test_the_answer_has_a_pid_and_comes_after_an_offset(world: World) -> None:
    bob = Device(world, "bob")
    bob.ask()
    world.pump(until_ms=world.clock.ms)
    assert bob.read() == ["session", "connect"]
    assert bob.pid
    assert bob.offset


def test_a_device_gets_exactly_what_it_missed(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    say(world, alice, "1")
    say(world, alice, "2", "two")
    assert bob.hear() == ["1", "2"]
    pid, sid = bob.pid, bob.sid
    bob.cut()
    say(world, alice, "3", "two")
    say(world, alice, "4")
    say(world, alice, "5", "three")
    bob.come()
    assert (bob.recovered, bob.pid, bob.sid) == (True, pid, sid)
    assert bob.got == ["1", "2", "3", "4", "5"]
    say(world, alice, "6")
    assert bob.hear()[5:] == ["6"]


def test_what_was_posted_and_never_arrived_comes_again(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    say(world, alice, "1")
    assert bob.hear() == ["1"]
    say(world, alice, "2")
    say(world, alice, "3", "two")
    bob.lose()  # the server believes that both were delivered
    bob.come()
    assert bob.recovered
    assert bob.got == ["1", "2", "3"]


def test_one_that_never_got_an_event_recovers_too(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    bob.cut()
    say(world, alice, "1")
    assert bob.come().recovered
    assert bob.got == ["1"]


def test_again_and_again_through_many_rooms(world: World, alice: str) -> None:
    for number in range(12):
        world.room("alice", "bob", room_id=f"room-{number}")
    bob = Device(world, "bob").come()
    sent = []
    for number in range(60):
        sent.append(str(number))
        say(world, alice, sent[-1], f"room-{number * 5 % 12}")
        if number % 3 == 0:
            bob.hear()
        if number % 4 == 0:
            bob.lose()
            assert bob.come().recovered, number
    assert bob.hear() == sent


def test_after_redis_was_emptied(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    say(world, alice, "1")
    assert bob.hear() == ["1"]
    bob.cut()
    world.cache.flush()
    world.sessions.flush()
    world.trails.flush()
    say(world, alice, "2")
    assert bob.come().recovered
    assert bob.got == ["1", "2"]


def test_a_session_that_redis_forgot_is_cut_and_comes_back_whole(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    world.trails.flush()
    say(world, alice, "1")
    assert bob.hear() == []
    assert bob.closed
    bob.cut()
    assert bob.come().recovered
    assert bob.got == ["1"]


def test_after_hours(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    bob.cut()
    say(world, alice, "1")
    world.clock.ms += 30 * 3_600_000
    assert bob.come().recovered
    assert bob.got == ["1"]


def test_its_own_messages_do_not_come_back(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    body = {"conversation_id": "one", "message_type": "text", "content": "mine"}
    assert world.say(bob.id, "421" + json.dumps(["send_message", body])).startswith("431[")
    bob.cut()
    say(world, alice, "1")
    assert bob.come().recovered
    assert bob.got == ["1"]
    other = Device(world, "bob").come()
    world.say(bob.id, "422" + json.dumps(["send_message", {**body, "content": "again"}]))
    assert other.hear() == ["again"]
    assert bob.hear() == ["1"]


def test_what_a_lost_hint_told_of_comes_with_the_next(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    send = world.adapters.delivery.send
    kept = lambda jobs: send([job for job in jobs if job.kind != "recovery_entry"])  # noqa: E731
    world.adapters.delivery.send = kept  # type: ignore[method-assign]
    say(world, alice, "1")
    world.adapters.delivery.send = send  # type: ignore[method-assign]
    assert bob.hear() == []
    say(world, alice, "2")
    assert bob.hear() == ["1", "2"]


def test_a_job_that_comes_twice_is_posted_once(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    send = world.adapters.delivery.send
    world.adapters.delivery.send = lambda jobs: send([*jobs, *jobs])  # type: ignore[method-assign]
    say(world, alice, "1")
    say(world, alice, "2", "two")
    assert bob.hear() == ["1", "2"]


def test_a_death_at_the_post_cuts_and_doubles_nothing(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    body = {"conversation_id": "one", "message_type": "text", "content": "1"}
    world.act(alice, "send_message", **body)
    world.poster.dies_in(0)
    with pytest.raises(AssertionError):
        world.pump(rounds=3)
    world.poster.dies_in(None)
    world.pump(until_ms=world.clock.ms)
    assert bob.closed
    bob.cut()
    assert bob.come().recovered
    assert bob.got == ["1"]


@pytest.mark.parametrize("outcome", [Outcome.THROTTLED, Outcome.BUSY, Outcome.UNSENT])
def test_a_post_that_was_refused_does_not_cut_the_session(
    world: World, alice: str, outcome: Outcome
) -> None:
    bob = Device(world, "bob").come()
    say(world, alice, "1")
    world.pump(until_ms=world.clock.ms)
    for content in ("2", "3"):
        body = {"conversation_id": "one", "message_type": "text", "content": content}
        world.act(alice, "send_message", **body)
    entries, world.adapters.delivery.jobs[:] = list(world.adapters.delivery.jobs), []
    queues.deliver(world.services, {"Records": [record(job) for job in entries]})
    del world.adapters.delivery.jobs[0]  # the next one sends both
    world.poster.script[bob.id] = [Outcome.DELIVERED, outcome]
    world.wait(5)
    bob.read()
    assert not bob.closed
    assert bob.got == ["1", "2", "3"]


def test_what_was_missed_is_posted_again_when_it_is_refused(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    bob.cut()
    say(world, alice, "1")
    say(world, alice, "2")
    world.poster.script["bob-2="] = [Outcome.DELIVERED, *[Outcome.UNSENT, Outcome.BUSY] * 3]
    assert bob.come().recovered
    assert bob.got == ["1", "2"]
    assert not bob.closed


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.THROTTLED, Outcome.GONE])
def test_posts_that_fail(world: World, alice: str, outcome: Outcome) -> None:
    bob = Device(world, "bob").come()
    world.poster.script[bob.id] = [outcome]
    world.clock.ms += 1 if outcome is Outcome.GONE else 60_000  # a 410 soon says "not yet"
    say(world, alice, "1")
    world.wait(5)
    bob.read()
    if outcome is Outcome.FAILED:  # it may have arrived
        assert bob.closed
        bob.cut()
        assert bob.come().recovered
    assert bob.hear() == ["1"]


def test_one_who_was_removed_gets_nothing_of_that_room(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    bob.cut()
    say(world, alice, "1", "one")
    say(world, alice, "2", "two")
    answer = world.http(rest.remove_member, "alice", room_id="one", user_id="bob")
    assert answer.status in (200, 204), answer
    world.pump(until_ms=world.clock.ms)
    assert bob.come().recovered
    assert bob.got == ["2"]


def test_a_room_that_was_joined_meanwhile_is_replayed(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    bob.cut()
    world.clock.ms += 1000
    world.room("alice", "bob", room_id="new")
    say(world, alice, "1", "new")
    assert bob.come().recovered
    assert bob.got == ["1"]


def test_of_others_nobody_recovers(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    thief = Device(world, "mallory")
    thief.pid, thief.offset = bob.pid, bob.offset
    say(world, alice, "1")
    assert not thief.come().recovered
    assert thief.got == []
    assert thief.pid != bob.pid


def test_an_offset_alone_is_not_enough(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    known = bob.pid
    bob.cut()
    say(world, alice, "1")
    bob.pid = "another"
    bob.come()
    assert bob.got == []
    assert bob.pid not in (known, "another")


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_what_the_log_lacks_is_an_honest_failure(world: World, alice: str, lost: int) -> None:
    bob = Device(world, "bob").come()
    bob.cut()
    for text in ("1", "2", "3"):
        say(world, alice, text)
    log, stream = world.adapters.log, (RoomId("one"), Region("us-east-1"))
    entries = log._entries[stream]
    del entries[sorted(entries)[lost]]
    bob.come()
    assert not bob.recovered
    assert bob.got == []


@pytest.mark.parametrize("offset", ["", "x", ";;", "{}", None, 5, "x;one:us-east-1:z", "é;"])
def test_offsets_that_are_none(world: World, offset: Any) -> None:
    bob = Device(world, "bob").come()
    bob.cut()
    bob.offset = offset
    assert not bob.come().recovered
    assert bob.pid


def test_a_forged_offset_is_an_honest_failure(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    say(world, alice, "1")
    bob.hear()
    for forged in (":us-east-1:99999", ":us-east-1:1x", ""):
        bob.cut()
        bob.offset = f"{str(bob.offset).partition(';')[0]};one{forged}"
        bob.come()
        assert not bob.recovered, forged


def test_an_offset_brings_entries_once(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    offset = bob.offset
    bob.cut()
    say(world, alice, "1")
    assert bob.come().recovered
    bob.cut()
    bob.offset = offset  # as if the answer had been cut before its end
    bob.come()
    assert not bob.recovered
    assert bob.got == ["1"]


def test_too_much_missed_is_an_honest_failure(
    world: World, alice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "MOST_MISSED", 3)
    bob = Device(world, "bob").come()
    bob.cut()
    for number in range(4):
        say(world, alice, str(number))
    assert not bob.come().recovered
    assert bob.got == []
    say(world, alice, "live")
    assert bob.hear() == ["live"]


def test_a_revoked_user_does_not_come_back(world: World) -> None:
    bob = Device(world, "bob").come()
    parts = {"user_id": "bob", "roles": ["admin"]}
    assert world.http(rest.disconnect_user, "root", {"for_s": 60}, **parts).status == 200
    world.pump(until_ms=world.clock.ms)
    event = world.connect_event("again=", None)
    event["queryStringParameters"] = {"EIO": "4", "transport": "websocket"}
    websocket.connect(world.services, event)
    payload = {"token": world.token("bob", FOREVER_S), "pid": bob.pid, "offset": bob.offset}
    assert world.say("again=", "40" + json.dumps(payload)).startswith("44{")


def test_while_redis_is_away_it_is_let_in_without_recovery(world: World, alice: str) -> None:
    world.trails.down = True
    bob = Device(world, "bob").come()
    assert (bob.pid, bob.offset) == (None, None)
    say(world, alice, "1")
    assert bob.hear() == ["1"]


def test_who_loses_redis_meanwhile_is_cut_in_the_end(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    world.trails.down = True
    say(world, alice, "1")
    world.wait(20)
    assert bob.closed
    world.trails.down = False
    bob.cut()
    assert bob.come().recovered
    assert bob.got == ["1"]


def test_a_death_in_the_answer_is_no_silent_hole(world: World, alice: str) -> None:
    bob = Device(world, "bob").come()
    bob.cut()
    say(world, alice, "1")
    say(world, alice, "2")
    world.poster.dies_in(1)
    bob.ask()
    with pytest.raises((AssertionError, Killed)):
        world.pump(rounds=3)
    world.poster.dies_in(None)
    world.pump(until_ms=world.clock.ms)
    assert bob.closed
    bob._read = 0
    assert not bob.come().recovered


def test_namespaces_recover_theirs(world: World) -> None:
    for one, other in (("alice", "bob"), ("bob", "alice")):
        world.http(rest.put_friend, one, user_id=other)
    world.http(rest.post_moment, "alice", {"message_type": "text", "content": "0"})
    bob = Device(world, "bob", "/moments").come()
    bob.cut()
    world.http(rest.post_moment, "alice", {"message_type": "text", "content": "1"})
    world.pump(until_ms=world.clock.ms)
    assert bob.come().recovered
    assert bob.got == ["1"]
    assert world.adapters.delivery.jobs == []  # type: ignore[attr-defined]


def test_who_refuses_it_has_none(world: World, alice: str) -> None:
    connection = "plain="
    event = world.connect_event(connection, None)
    event["queryStringParameters"] = {"EIO": "4", "transport": "websocket"}
    event["headers"] = {"User-Agent": "Mozilla/5.0"}
    websocket.connect(world.services, event)
    payload = {"token": world.token("bob", FOREVER_S), "recovery": False}
    answer = world.say(connection, "40" + json.dumps(payload))
    assert list(json.loads(answer[2:])) == ["sid"]


@pytest.mark.parametrize(
    ("headers", "understands"),
    [
        ({"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}, True),
        ({"user-agent": "node-XMLHttpRequest"}, True),
        ({"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}, True),
        ({"User-Agent": "Python/3.11 aiohttp/3.9"}, False),
        (
            {
                "User-Agent": "Dart/3.4 (dart:io)",
                "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
            },
            False,
        ),
        ({}, False),
    ],
)
def test_who_is_known_to_understand_it(headers: dict[str, str], understands: bool) -> None:
    assert understands_recovery(headers) is understands


def test_a_socket_that_comes_back_is_sent_the_greatest_depth() -> None:
    world = World()
    world.room("alice", "bob")
    bob = Device(world, "bob").come()
    alice = world.connect("alice")
    body = {"conversation_id": "lobby", "message_type": "text"}
    world.act(alice, "send_message", content="first", **body)
    assert bob.hear() == ["first"]
    bob.cut()
    deepest: Any = "x"
    for _ in range(nesting.MAX_DEPTH):
        deepest = [deepest]
    world.act(alice, "send_message", content=deepest, **body)
    bob.come()
    assert bob.recovered
    assert bob.got == ["first", deepest]


def test_a_recovery_that_cannot_be_encoded_begins_afresh() -> None:
    """What is not JSON stands for whatever an encoder refuses."""
    world = World()
    world.room("alice", "bob")
    bob = Device(world, "bob").come()
    alice = world.connect("alice")
    body = {"conversation_id": "lobby", "message_type": "text"}
    world.act(alice, "send_message", content="first", **body)
    assert bob.hear() == ["first"]
    bob.cut()
    world.act(alice, "send_message", content="second", **body)
    log: Any = world.adapters.log
    [entries] = log._entries.values()
    newest = max(entries)
    entries[newest] = replace(entries[newest], content=float("nan"))
    bob.come()
    assert bob.offset
    assert not bob.recovered
    world.act(alice, "send_message", content="third", **body)
    assert bob.hear()[-1] == "third"


def test_an_entry_that_cannot_be_encoded_ends_the_socket_and_has_a_letter() -> None:
    world = World()
    world.room("alice", "bob")
    bob = Device(world, "bob").come()
    alice = world.connect("alice")
    world.pump(until_ms=world.clock.ms)
    body = {"conversation_id": "lobby", "message_type": "text"}
    world.act(alice, "send_message", content="poison", **body)
    for job in world.adapters.delivery.jobs:
        dict.__setitem__(job.body["entry"], "content", float("nan"))  # type: ignore[arg-type]
    bob.hear()
    letters = [job for job in world.adapters.delivery_dead.jobs if job.kind == "set_aside"]
    assert [job.body["seq"] for job in letters] == [1]
    assert bob.id in world.poster.closed
    bob.come()
    world.act(alice, "send_message", content="next", **body)
    assert bob.hear()[-1] == "next"
