"""Run a world's delivery queue job by job, and read what devices received."""

from __future__ import annotations

from typing import Any

from chalicelib.entrypoints import queues
from chalicelib.model.identifiers import ConnectionId, Region, RoomId
from chalicelib.model.jobs import QueuedJob
from tests.support.world import Killed, World, record

LOBBY, HERE = RoomId("lobby"), Region("us-east-1")
USERS = [f"user{number}" for number in range(24)]


def large(users: int = len(USERS), split_over: int = 2) -> tuple[World, str, list[str]]:
    """A world with a large room; the sender's device, and those of the others."""
    world = World(split_over=split_over)
    world.room("alice", *USERS[:users])
    alice = world.connect("alice")
    devices = [world.connect(user) for user in USERS[:users]]
    world.pump(until_ms=world.clock.ms)
    return world, alice, devices


def send(world: World, connection: str, *texts: str) -> None:
    for text in texts:
        body = {"conversation_id": "lobby", "message_type": "text", "content": text}
        world.act(connection, "send_message", **body)


def jobs(world: World, kind: str) -> list[QueuedJob]:
    return [job for job in world.adapters.delivery.jobs if job.kind == kind]


def serve(world: World, *served: QueuedJob, receives: int = 1) -> bool:
    """Pass these jobs of a group as one batch; return whether all are settled."""
    for job in served:
        world.adapters.delivery.jobs.remove(job)
    records = [record(job, receives) for job in served]
    try:
        settled = not queues.deliver(world.services, {"Records": records})["batchItemFailures"]
    except Killed:
        settled = False
    if not settled:
        world.adapters.delivery.jobs[:0] = served
    return settled


def got(world: World, device: str) -> list[str]:
    """The messages that a device shows, in the order of first arrival."""
    return list(dict.fromkeys(each["content"] for each in arrived(world, device)))


def arrived(world: World, device: str) -> list[dict[str, Any]]:
    return world.poster.to(device, "message_received")


def behind(world: World, part: int | None = None) -> dict[ConnectionId, int]:
    """Who is noted as behind with the stream, or with a part of it."""
    stream, parts = world.adapters.cursors.parts(LOBBY, HERE, [] if part is None else [part])
    return dict((parts or [stream])[0].behind)
