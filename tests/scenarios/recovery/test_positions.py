"""Positions: a client that follows the rule loses nothing, whatever overtakes what.

The rule is in docs/reference/protocol.md (Positions); the clients' `Inbox` implements it.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.world import World
from tidings_client.inbox import Inbox

STEPS = ("alice sends", "bob sends", "bob deletes", "deliver", "join", "connection breaks")
TEXT = {"conversation_id": "lobby", "message_type": "text"}


class Device:
    """Alice's device: it keeps its position by the rule, and shows messages by id."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.shown: dict[str, Any] = {}
        self.recovered: list[bool] = []
        self.inbox = Inbox(self._show)
        self.inbox.follow("lobby", "")
        self.connect()

    def connect(self) -> None:
        self.id, self._read = self.world.connect("alice"), 0
        positions = self.inbox.positions()
        self.inbox.begin(positions)
        while positions:
            found = self.world.act(self.id, "sync", positions=positions, limit=2)["conversations"]
            next_ = {room: self.inbox.page(room, part) for room, part in found.items()}
            positions = {room: at for room, at in next_.items() if at is not None}

    def read(self) -> None:
        posts = [data for target, data in self.world.poster.posts if target == self.id]
        for frame in posts[self._read :]:
            self.inbox.take(frame["event"], frame["data"])
        self._read = len(posts)

    def send(self, text: str) -> None:
        ack = self.world.act(self.id, "send_message", content=text, **TEXT)
        self.shown[ack["message_id"]] = text
        self.inbox.have("lobby", ack["position"])

    def join(self) -> None:
        ack = self.world.act(self.id, "join_room", room_id="lobby")
        self.inbox.start("lobby", ack["position"])

    def breaks(self) -> None:
        """What was posted and not read is lost."""
        self.inbox.interrupt()
        self.world.disconnect(self.id)
        self.connect()

    def _show(self, name: str, data: dict[str, Any]) -> None:
        if name == "recovered":
            self.recovered.append(data["recovered"])
        elif name == "message_received":
            self.shown[data["message_id"]] = data["content"]
        elif name == "message_deleted":
            self.shown[data["message_id"]] = None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(STEPS), max_size=25))
def test_nothing_is_lost_by_the_rule(steps: list[str]) -> None:
    world = World()
    world.room("bob", "alice")
    bob = world.connect("bob")
    world.act(bob, "send_message", content="first", **TEXT)
    device = Device(world)
    sent: dict[str, Any] = {}
    for number, step in enumerate(steps):
        if step == "alice sends":
            device.send(str(number))
        elif step == "bob sends":
            ack = world.act(bob, "send_message", content=str(number), **TEXT)
            sent[ack["message_id"]] = str(number)
        elif step == "bob deletes" and sent:
            message_id = next(reversed(sent))
            world.act(bob, "delete_message", conversation_id="lobby", message_id=message_id)
            sent[message_id] = None
        elif step == "deliver":
            world.pump(until_ms=world.clock.ms)
            device.read()
        elif step == "join":
            device.join()
        elif step == "connection breaks":
            device.breaks()
    device.breaks()
    assert all(device.recovered[1:]), "the first sync had no position"
    assert {each: device.shown.get(each, "missing") for each in sent} == sent


def test_the_ack_of_an_own_message_does_not_hide_an_earlier_one_that_was_not_pushed() -> None:
    world = World()
    world.room("alice", "bob")
    bob, device = world.connect("bob"), Device(world)
    ack = world.act(bob, "send_message", content="not pushed yet", **TEXT)
    device.send("mine")
    device.breaks()
    assert device.shown[ack["message_id"]] == "not pushed yet"
