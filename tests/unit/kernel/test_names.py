"""Names that every JavaScript object has are nobody's."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import TypeAdapter

from chalicelib.actions import ACTIONS
from chalicelib.contract.commands import RoomIdText, UserIdText
from chalicelib.entrypoints import websocket
from chalicelib.entrypoints.http import openapi, rest
from chalicelib.kernel import names
from tests.support.node import node
from tests.support.socketio import Client
from tests.support.world import World

# Fields that take any text of a form, and of which nobody else's client gets to see anything.
FREE = {
    "token": "a JWT",
    "region": "compared with the region's own name",
    "positions": "a position is parsed: tests/unit/contract/test_positions.py",
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
    for part, kind in (("room_id", RoomIdText), ("user_id", UserIdText)):
        yield f"path.{part}", TypeAdapter(kind).json_schema()


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


def test_no_field_takes_a_reserved_name() -> None:
    found = dict(schemas())
    assert len(found) > 40
    for name, schema in found.items():
        if name.partition(".")[2] not in FREE:
            for each in texts(schema):
                assert not any(takes(each, reserved) for reserved in names.RESERVED), name


@pytest.mark.parametrize("name", ["__proto__", "constructor"])
def test_every_door_refuses_them(name: str) -> None:
    world = World()
    world.room("alice", "bob")
    alice = world.connect("alice")
    text = {"message_type": "text", "content": "x"}
    for action, data in {
        "join_room": {"room_id": name},
        "sync": {"positions": {name: ""}},
        "typing_start": {"conversation_id": name},
        "send_message": {"conversation_id": "lobby", "message_type": name, "content": "x"},
    }.items():
        assert world.ask(alice, action, **data)["data"]["code"] == "bad_request", action
    named = {"conversation_id": "lobby", **text, "client_message_id": name}
    assert world.ask(alice, "send_message", **named)["data"]["code"] == "bad_request"
    for endpoint, body, path in (
        (rest.create_room, {"room_type": "group_chat", "participants": [name]}, {}),
        (rest.create_room, {"room_type": "group_chat", "participants": [], "room_id": name}, {}),
        (rest.add_member, {"user_id": name}, {"room_id": "lobby"}),
        (rest.get_room, None, {"room_id": name}),
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
