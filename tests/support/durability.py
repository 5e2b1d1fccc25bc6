"""Rooms whose messages may be `global`, for tests that lose a region."""

from __future__ import annotations

from typing import Any

from chalicelib.entrypoints.http import rest
from chalicelib.model.identifiers import Region
from tests.support.deployment import Deployment
from tests.support.world import World

COPY_S = 6  # by then the copy was looked at


def lobby(*regions: Region, **settings: Any) -> Deployment:
    deployment = Deployment(*regions, triggers=True, **settings)
    deployment.room("alice", "bob", "carol")
    return deployment


def heard(world: World, device: str) -> list[str]:
    return [data["content"] for data in world.poster.to(device, "message_received")]


def history(world: World, user: str = "bob") -> list[Any]:
    answer = world.http(rest.list_messages, user, room_id="lobby")
    return [each["content"] for each in answer.body["messages"]]


def sync(world: World, position: str) -> Any:
    device = world.connect("bob")
    found = world.act(device, "sync", positions={"lobby": position})["conversations"]["lobby"]
    world.disconnect(device)
    return found


def state(part: Any) -> tuple[list[str], bool, bool]:
    contents = [message["content"] for message in part["messages"]]
    return contents, part["recovered"], part["more"]


def send_to(world: World, text: str, **more: Any) -> Any:
    body = {"message_type": "text", "content": text, **more}
    return world.http(rest.post_message, "alice", body, room_id="lobby")
