"""Names that every JavaScript object has are nobody's."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.actions import ACTIONS
from chalicelib.contract import commands
from chalicelib.entrypoints import websocket
from chalicelib.entrypoints.http import openapi, operating, rest
from chalicelib.kernel import names
from chalicelib.model.identifiers import RoomId, UserId
from chalicelib.model.rooms import Member, Role, Room, RoomType
from tests.support.node import node
from tests.support.socketio import Client
from tests.support.world import World

# Fields that take any text of a form, and of which nobody else's client gets to see anything.
FREE = {
    "token": "a JWT",
    "region": "compared with the region's own name",
}
# Fields that name what exists, which may be older than the list of reserved names.
EXISTING = {
    *("conversation_id", "positions", "after_room"),
    *("join_room.room_id", "leave_room.room_id", "list_presence.user_id"),
}


@pytest.mark.parametrize("name", ["alice", "a|b=~:@+-_", "x" * 128, "Constructor", "proto"])
def test_users(name: str) -> None:
    assert names.is_user(name)


@pytest.mark.parametrize("name", [*sorted(names.RESERVED), "", ".a", "x" * 129, "a b", "a\n", "ä"])
def test_no_users(name: str) -> None:
    assert not names.is_user(name)


def test_all_names_of_every_object_are_reserved() -> None:
    script = "console.log(JSON.stringify(Object.getOwnPropertyNames(Object.prototype)))"
    done = subprocess.run([node(), "-e", script], capture_output=True, check=True, timeout=60)
    assert set(json.loads(done.stdout)) <= names.RESERVED


def schemas() -> Iterator[tuple[str, dict[str, Any]]]:
    """The schema of every field that a client can send, named after its command or route."""
    for name, action in ACTIONS.items():
        yield from fields(name, action.command.model_json_schema())
    for each in openapi.OPERATIONS:
        for model in (each.body, each.query):
            if model is not None:
                yield from fields(each.name, model.model_json_schema())


def fields(name: str, schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for field, of_field in schema.get("properties", {}).items():
        yield f"{name}.{field}", of_field


def texts(schema: Any) -> Iterator[dict[str, Any]]:
    """All schemas of texts and of names of fields in a schema."""
    if isinstance(schema, list):
        for each in schema:
            yield from texts(each)
    if isinstance(schema, dict):
        if schema.get("type") == "string" or "propertyNames" in schema:
            yield schema.get("propertyNames", schema)
        for each in schema.values():
            yield from texts(each)


def takes(schema: dict[str, Any], name: str) -> bool:
    if "enum" in schema or "const" in schema:
        return name in [*schema.get("enum", []), schema.get("const")]
    if name in schema.get("not", {}).get("enum", []):
        return False
    return re.search(schema.get("pattern", ""), name) is not None


def test_no_field_that_names_something_new_takes_a_reserved_name() -> None:
    found = dict(schemas())
    assert len(found) > 40
    for name, schema in found.items():
        if not {name, name.partition(".")[2]} & (FREE.keys() | EXISTING):
            for each in texts(schema):
                assert not any(takes(each, reserved) for reserved in names.RESERVED), name


@pytest.mark.parametrize("name", ["__proto__", "constructor"])
def test_every_door_refuses_them_as_new_names(name: str) -> None:
    world = World()
    world.room("alice", "bob")
    alice = world.connect("alice")
    text = {"message_type": "text", "content": "x"}
    for data in ({"message_type": name, "content": "x"}, {**text, "client_message_id": name}):
        answer = world.ask(alice, "send_message", conversation_id="lobby", **data)
        assert answer["data"]["code"] == "bad_request", data
    for endpoint, body, path in (
        (rest.create_room, {"room_type": "group_chat", "participants": [name]}, {}),
        (rest.create_room, {"room_type": "group_chat", "participants": [], "room_id": name}, {}),
        (rest.add_member, {"user_id": name}, {"room_id": "lobby"}),
        (rest.put_friend, None, {"user_id": name}),
        (rest.post_message, {**text, "client_message_id": name}, {"room_id": "lobby"}),
        (rest.post_moment, {"content": "x", "message_type": name}, {}),
    ):
        answer = world.http(endpoint, "alice", body, **path)
        assert (answer.status, answer.body["error"]["code"]) == (400, "bad_request"), endpoint
    token = world.token(name)
    refused = websocket.connect(world.services, world.connect_event("c=", token))
    assert refused["statusCode"] == 401
    assert world.http(rest.list_rooms, name).status == 401
    client = Client(world, "sio=")
    assert client.say("40" + json.dumps({"token": token})).startswith("44")


def older_room(world: World, room_id: str, *users: str) -> None:
    """Store a room as a version without reserved names did."""
    room = Room(RoomId(room_id), RoomType.GROUP_CHAT, UserId(users[0]), world.clock.ms)
    members = [
        Member(room.room_id, UserId(user), Role.OWNER if user == users[0] else Role.MEMBER, 0)
        for user in users
    ]
    assert world.adapters.rooms.create(room, members)


@pytest.mark.parametrize("name", ["__proto__", "prototype"])
def test_a_room_that_has_such_a_name_is_served(name: str) -> None:
    world = World()
    world.room("alice", "bob")
    older_room(world, name, "alice", "bob")
    alice = world.connect("alice")
    for room in ("lobby", name):
        sent = {"conversation_id": room, "message_type": "text", "content": room}
        world.act(world.connect("bob"), "send_message", **sent)
    listed = world.http(rest.list_rooms, "alice").body["rooms"]
    assert {room["room_id"] for room in listed} == {"lobby", name}
    caught = world.act(alice, "sync", positions={"lobby": "", name: ""})["conversations"]
    got = {room: [m["content"] for m in each["messages"]] for room, each in caught.items()}
    assert got == {"lobby": ["lobby"], name: [name]}
    for action in ("join_room", "leave_room"):
        assert world.act(alice, action, room_id=name)["room_id"] == name
    assert world.http(rest.remove_member, "alice", room_id=name, user_id="bob").status == 200


def test_sync_pages_past_a_room_that_has_such_a_name() -> None:
    world = World()
    before = [f"a{number:03}" for number in range(commands.MAX_SYNCED - 1)]
    for room in (*before, "prototype", "z"):
        older_room(world, room, "alice")
    alice = world.connect("alice")
    first = world.act(alice, "sync", positions={})
    assert first["after_room"] == "prototype"
    rest_of_them = world.act(alice, "sync", positions={}, after_room=first["after_room"])
    assert set(rest_of_them["conversations"]) == {"z"}


def test_a_user_who_has_such_a_name_can_be_removed() -> None:
    world = World()
    name = "constructor"
    older_room(world, "lobby", "alice", name)
    assert world.http(rest.list_presence, "alice", multi={"user_id": [name]}).status == 200
    world.adapters.friends.put(UserId("alice"), UserId(name), world.clock.ms)
    removed = world.http(rest.remove_member, "alice", room_id="lobby", user_id=name)
    assert removed.status == 200, removed
    assert world.http(rest.remove_friend, "alice", user_id=name).status == 200
    assert world.http(rest.list_friends, "alice").body == {"friends": []}
    refused = world.http(
        operating.disconnect_user, "root", {"for_s": 60}, user_id=name, roles=["admin"]
    )
    assert (refused.status, refused.body["user_id"]) == (200, name)
