"""What changes nothing is announced to nobody, neither at once nor by a job that runs later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.entrypoints.http import rest
from tests.support.world import World

Act = Callable[[World, dict[str, str]], Any]


def http(endpoint: rest.Endpoint, who: str, body: Any = None, **parts: Any) -> Act:
    def act(world: World, devices: dict[str, str]) -> Any:
        answer = world.http(endpoint, who, body, **parts)
        assert answer.status < 300, answer
        return answer.body

    return act


def action(who: str, name: str, **data: Any) -> Act:
    return lambda world, devices: world.act(devices[who], name, **data)


def remove(who: str, whom: str, **parts: Any) -> Act:
    return http(rest.remove_member, who, room_id="lobby", user_id=whom, **parts)


def add(who: str, whom: str, **parts: Any) -> Act:
    return http(rest.add_member, who, {"user_id": whom}, room_id="lobby", **parts)


CHAT = {"room_type": "private_chat", "participants": ["bob"]}
LOBBY = {"room_id": "lobby"}
# By what is done: first (which is announced, if it is a change), and then without a change.
UNCHANGED: dict[str, tuple[list[Act], Act]] = {
    "remove somebody who never was a member": ([], remove("alice", "eve")),
    "the same, as a service admin": ([], remove("root", "eve", roles=["admin"])),
    "remove a member again": ([remove("alice", "bob")], remove("alice", "bob")),
    "add a member who is one": ([], add("alice", "bob")),
    "add a member again": ([add("alice", "eve")], add("alice", "eve")),
    "add the owner": ([], add("root", "alice", roles=["admin"])),
    "create a private chat again": (
        [http(rest.create_room, "alice", CHAT)],
        http(rest.create_room, "alice", CHAT),
    ),
    "ask for a friendship again": (
        [http(rest.put_friend, "alice", user_id="eve")],
        http(rest.put_friend, "alice", user_id="eve"),
    ),
    "accept a friendship again": (
        [
            http(rest.put_friend, "alice", user_id="eve"),
            http(rest.put_friend, "eve", user_id="alice"),
        ],
        http(rest.put_friend, "alice", user_id="eve"),
    ),
    "end a friendship that never was": ([], http(rest.remove_friend, "alice", user_id="eve")),
    "choose the same status": (
        [
            http(rest.put_friend, "alice", user_id="bob"),
            http(rest.put_friend, "bob", user_id="alice"),
            action("alice", "set_status", status="away"),
        ],
        action("alice", "set_status", status="away"),
    ),
    "choose the status that one has": (
        [
            http(rest.put_friend, "alice", user_id="bob"),
            http(rest.put_friend, "bob", user_id="alice"),
        ],
        action("alice", "set_status", status="online"),
    ),
    "join a room again": (
        [action("bob", "join_room", **LOBBY), action("alice", "join_room", **LOBBY)],
        action("alice", "join_room", **LOBBY),
    ),
    "leave a room again": (
        [
            action("bob", "join_room", **LOBBY),
            action("alice", "join_room", **LOBBY),
            action("alice", "leave_room", **LOBBY),
        ],
        action("alice", "leave_room", **LOBBY),
    ),
    "leave a room that one never joined": (
        [action("bob", "join_room", **LOBBY)],
        action("alice", "leave_room", **LOBBY),
    ),
}


def settled(world: World) -> int:
    """Let all jobs run, also those that look again later; return how many posts there were."""
    world.pump(until_ms=world.clock.ms + 120_000)
    return len(world.poster.raw)


def people(world: World) -> dict[str, str]:
    world.room("alice", "bob")
    devices = {name: world.connect(name) for name in ("alice", "bob", "eve")}
    settled(world)
    return devices


def done(name: str) -> tuple[World, Callable[[], object]]:
    """A world in which a change was made, and what asks for it again."""
    first, again = UNCHANGED[name]
    world = World()
    devices = people(world)
    for act in first:
        act(world, devices)
        settled(world)
    return world, lambda: again(world, devices)


@pytest.mark.parametrize("name", UNCHANGED)
def test_nobody_is_told(name: str) -> None:
    world, again = done(name)
    before = settled(world)
    again()
    assert settled(world) == before, world.poster.raw[before:]


@pytest.mark.parametrize("name", [name for name in UNCHANGED if "room" in name])
@pytest.mark.parametrize("lost", ["away", "emptied"])
def test_nobody_is_told_when_redis_does_not_know_who_joined(name: str, lost: str) -> None:
    world, again = done(name)
    before = settled(world)
    if lost == "away":
        world.cache.down = True
    else:
        world.cache.flush(lambda key: key == "room:lobby:joined")
    again()
    world.cache.down = False
    assert settled(world) == before, world.poster.raw[before:]
