"""Each error that protocol.md lists for an action is what that action really answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.actions import ACTIONS
from chalicelib.adapters.memory.log import MemoryMessageLog
from chalicelib.composition import compose
from chalicelib.contract.commands import MAX_CONTENT_BYTES
from chalicelib.entrypoints.http import rest
from chalicelib.model.log import BatchResult, Entry, Head, Taken
from tests.support.world import World
from workbench.reference import protocol

NOWHERE = "00000000000000000000000001"
ROOM, CONVERSATION = {"room_id": "lobby"}, {"conversation_id": "lobby"}
TEXT = {**CONVERSATION, "message_type": "text", "content": "x"}
NO_MESSAGE = {**CONVERSATION, "message_id": NOWHERE}

# By action and code: the sender and the data. Bob is a member of the room, carol is not.
MET: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {
    ("send_message", "permission_denied"): ("carol", TEXT),
    ("send_message", "not_found"): ("bob", {**TEXT, "reply_to_message_id": NOWHERE}),
    ("send_message", "too_large"): ("bob", {**TEXT, "content": "x" * MAX_CONTENT_BYTES}),
    ("delete_message", "permission_denied"): ("carol", NO_MESSAGE),
    ("delete_message", "not_found"): ("bob", NO_MESSAGE),
    ("join_room", "permission_denied"): ("carol", ROOM),
    ("leave_room", "permission_denied"): ("carol", ROOM),
    ("typing_start", "permission_denied"): ("carol", CONVERSATION),
    ("typing_stop", "permission_denied"): ("carol", CONVERSATION),
    ("message_read", "permission_denied"): ("carol", NO_MESSAGE),
    ("message_read", "not_found"): ("bob", NO_MESSAGE),
    ("message_delivered", "permission_denied"): ("carol", NO_MESSAGE),
    ("message_delivered", "not_found"): ("bob", NO_MESSAGE),
    ("sync", "bad_request"): ("bob", {"positions": {"lobby": "anywhere"}}),
    ("refresh_token", "unauthorized"): ("bob", {"token": "none of ours"}),
}


class Contended(MemoryMessageLog):
    """A log in which another writer always appends first."""

    def commit_all(
        self, entries: Sequence[tuple[Entry, str | None]], previous: Head, now_ms: int
    ) -> BatchResult:
        last, _ = entries[-1]
        return Taken(Head(last.seq, last.message_id))


def named() -> set[tuple[str, str]]:
    return {(action, code) for action in ACTIONS for code in protocol.raises(action)}


def test_the_table_is_what_is_named() -> None:
    elsewhere = {("send_message", "unavailable"), ("refresh_token", "permission_denied")}
    assert set(MET) == named() - elsewhere


@pytest.mark.parametrize(("action", "code"), MET)
def test_an_error_that_is_named_is_met(action: str, code: str) -> None:
    world = World()
    world.room("alice", "bob")
    user, data = MET[action, code]
    answer = world.ask(world.connect(user), action, **data)
    assert answer["data"]["code"] == code


def test_a_room_to_which_too_many_write_is_unavailable() -> None:
    world = World()
    world.room("alice", "bob")
    bob = world.connect("bob")
    world.adapters = replace(world.adapters, log=Contended())
    world.services = compose(world.settings, world.adapters)
    answer = world.ask(bob, "send_message", **TEXT)
    assert answer["data"]["code"] == "unavailable"
    assert answer["data"]["retryable"] is True
    assert answer["data"]["retry_after_ms"] == 1000


def test_a_token_of_another_user_does_not_refresh() -> None:
    world = World()
    token = world.token("alice", exp=world.clock.ms // 1000 + 3600)
    answer = world.ask(world.connect("bob"), "refresh_token", token=token)
    assert answer["data"]["code"] == "permission_denied"


def test_a_reader_does_not_write() -> None:
    world = World()
    for one, other in (("alice", "bob"), ("bob", "alice")):
        world.http(rest.put_friend, one, user_id=other)
    moment = world.http(rest.post_moment, "alice", {"content": "x"}).body
    world.pump(until_ms=world.clock.ms)
    data = {**TEXT, "conversation_id": moment["conversation_id"]}
    answer = world.ask(world.connect("bob"), "send_message", **data)
    assert answer["data"]["code"] == "permission_denied"
