"""A leader fails at each of its calls in turn: what it and the others wait with is there once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from chalicelib.messaging.combining import Combiner
from chalicelib.model.identifiers import ConnectionId, MessageId, UserId
from chalicelib.model.lines import Draft, InLine, TurnId
from chalicelib.model.log import Entry, EntryKind
from tests.support.deliveries import HERE, LOBBY
from tests.support.faults import How, Plan, at_every_call
from tests.support.world import Killed, World

MESSAGE = {"conversation_id": LOBBY, "message_type": "text", "client_message_id": "c1"}


def waiting(name: str) -> Draft:
    fields: dict[str, Any] = {"sender_id": UserId(name), "timestamp_ms": 0, "content": name}
    entry = Entry(LOBBY, HERE, 0, MessageId(""), EntryKind.MESSAGE, **fields)
    return Draft(TurnId(name), entry, f"#draft#{name}")


def in_line(world: World) -> list[Draft]:
    """Bob and Carol wait for a leader who died."""
    assert world.cache.frame(ConnectionId("dead="), LOBBY, HERE).turn.leads  # type: ignore[union-attr]
    drafts = [waiting("bob"), waiting("carol")]
    assert all(isinstance(world.cache.enter_line(each), InLine) for each in drafts)
    return drafts


@pytest.mark.parametrize("how", How)
@pytest.mark.parametrize("lost", ["nothing", "redis"])
def test_everything_is_there_once(how: How, lost: str) -> None:
    def case(planted: Callable[[World], Plan]) -> None:
        world = World()
        world.room("alice", "bob", "carol")
        alice = world.connect("alice")
        world.act(alice, "join_room", room_id=LOBBY)
        drafts = in_line(world)
        plan = planted(world)
        acks = []
        with suppress(Killed):
            acks.append(world.ask(alice, "send_message", content="alice", **MESSAGE))
        plan.over = True
        if lost == "redis":
            world.cache.flush()
        combiner = Combiner(world.adapters.log, world.cache, world.clock, world.ids)
        ends = {each.entry.content: combiner.append(each, None) for each in drafts}
        acks.append(world.ask(alice, "send_message", content="alice", **MESSAGE))
        entries = world.adapters.log.after(LOBBY, HERE, MessageId(""), 99)
        assert [entry.seq for entry in entries] == [1, 2, 3]
        stored = {entry.content: entry.message_id for entry in entries}
        assert set(stored) == {"alice", "bob", "carol"}
        assert all(end.at and end.at.message_id == stored[name] for name, end in ends.items())
        acked = [each["data"]["message_id"] for each in acks if each["event"] == "ack"]
        assert acked
        assert set(acked) == {stored["alice"]}
        [turn] = [world.cache.frame(ConnectionId("x="), LOBBY, HERE).turn]
        assert turn is not None
        world.clock.ms += 300
        assert world.cache.frame(ConnectionId("x="), LOBBY, HERE).turn.leads  # type: ignore[union-attr]

    struck = at_every_call(how, case)
    expected = ["cache.frame", "cache.enter_line", "cache.wait_in_line", "log.commit_all"]
    assert set(expected) <= set(struck)
