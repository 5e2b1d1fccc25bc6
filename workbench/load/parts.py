"""Count what a message to a large room costs: `python -m workbench.load.parts [--members 10000]`.

Runs the product's workers on the in-memory adapters, and counts their calls, the jobs and the
sizes of the jobs. Redis commands are those that the calls take: one for each user asked for, two
for the members of a room; "members read" is how many members those return.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from chalicelib.adapters.apigateway.engine import EnginePoster
from chalicelib.adapters.system import SystemClock, SystemIds, SystemThreads
from chalicelib.composition import compose
from chalicelib.entrypoints import queues
from chalicelib.jobs.delivery import DeliverEntry
from chalicelib.kernel.ids import BUCKETS
from chalicelib.kernel.records import job_to_text
from chalicelib.kernel.settings import Settings
from chalicelib.model.connections import Connection, Target
from chalicelib.model.delivery import Outcome, Post
from chalicelib.model.identifiers import ConnectionId, MessageId, Region, RoomId, UserId
from chalicelib.model.jobs import QueuedJob
from chalicelib.model.log import Entry, EntryKind, Head
from chalicelib.model.rooms import Member, Role, Room, RoomType
from chalicelib.ports.adapters import Adapters
from chalicelib.services import Services
from workbench import twins

ROOM, HERE = RoomId("large"), Region("us-east-1")


class _Poster:
    """Takes every post."""

    def __init__(self) -> None:
        self.posts: Counter[ConnectionId] = Counter()

    def post(self, posts: Sequence[Post], within_ms: int | None = None) -> list[Outcome]:
        self.posts.update(post.target.connection_id for post in posts)
        return [Outcome.DELIVERED] * len(posts)

    def close(self, target: Target) -> Outcome:
        raise AssertionError("nobody is closed")


class _Counted:
    """A port that counts its calls, and for Redis what they carry."""

    def __init__(self, name: str, inner: Any, counts: Counter[str], members: int) -> None:
        self._name, self._inner, self._counts, self._members = name, inner, counts, members

    def __getattr__(self, method: str) -> Any:
        target = getattr(self._inner, method)
        if not callable(target):
            return target

        def call(*given: Any, **more: Any) -> Any:
            self._count(method, given)
            return target(*given, **more)

        return call

    def _count(self, method: str, given: tuple[Any, ...]) -> None:
        counts = self._counts
        if self._name in twins.REDIS:
            counts["Redis trips"] += 1
            counts["Redis commands"] += len(given[0]) if method == "online" else 2
            counts["members read"] += self._members if method in ("deliver", "members") else 0
        elif method == "send":
            counts["SQS jobs"] += len(given[0])
        elif self._name not in ("delivery", "outbound"):
            counts[f"DynamoDB {self._name}.{method}"] += 1


def _services(poster: _Poster, counts: Counter[str], members: int) -> Services:
    clock, ids = SystemClock(), SystemIds()
    ports = {**twins.ports(clock, ids, ""), "parallel": SystemThreads()}
    ports["poster"] = EnginePoster(poster, ports["sessions"])
    counted: dict[str, Any] = {
        name: inner if name in twins.LOCAL else _Counted(name, inner, counts, members)
        for name, inner in ((each.name, ports.get(each.name)) for each in fields(Adapters))
    }
    return compose(Settings(), Adapters(**counted))


def _people(services: Services, members: int, connected: int) -> None:
    adapters, now_ms = services.adapters, services.adapters.clock.now_ms()
    users = [UserId(f"user-{number:06}") for number in range(members)]
    people = [Member(ROOM, user, Role.MEMBER, now_ms) for user in users]
    adapters.rooms.create(Room(ROOM, RoomType.GROUP_CHAT, users[0], now_ms), people)
    for user in users[:connected]:
        target = Target(
            ConnectionId(f"{user}-connection="), user, "abcdefghij", "prod", HERE, "json", now_ms
        )
        connection = Connection(target, {}, now_ms, now_ms, now_ms // 1000 + 3600)
        adapters.connections.put(connection)
        adapters.cache.register(connection)
    for bucket in range(BUCKETS):
        adapters.cache.vouch(bucket, adapters.cache.begin(bucket))
    services.rooms.members(ROOM)


def _send(services: Services, seq: int, before: Head, bytes_: int) -> Head:
    adapters = services.adapters
    entry = Entry(
        ROOM, HERE, seq, MessageId(f"{seq:026}"), EntryKind.MESSAGE, UserId("user-000000"),
        adapters.clock.now_ms(), "text", "x" * bytes_,
    )  # fmt: skip
    adapters.log.commit(entry, before, None, adapters.clock.now_ms())
    adapters.delivery.send([DeliverEntry(entry=entry)])
    return Head(seq, entry.message_id)


def _serve(services: Services, counts: Counter[str]) -> None:
    waiting: list[QueuedJob] = services.adapters.delivery.jobs  # type: ignore[attr-defined]
    while waiting:
        job = waiting.pop(0)
        size = len(job_to_text(job))
        counts["job bytes"] += size
        counts["largest job"] = max(size, counts["largest job"])
        record = {
            "messageId": "m",
            "receiptHandle": "r",
            "body": json.dumps(job.record()),
            "attributes": {"ApproximateReceiveCount": "1", "MessageGroupId": job.group},
        }
        failed = queues.deliver(services, {"Records": [record]})["batchItemFailures"]
        if failed:
            raise RuntimeError(f"{job.kind} failed")


def measure(members: int, connected: int, content_bytes: int) -> dict[str, int]:
    """Count the second message to the room: the first one also splits it."""
    counts: Counter[str] = Counter()
    poster = _Poster()
    services = _services(poster, counts, members)
    _people(services, members, connected)
    head = _send(services, 1, Head(0, MessageId("")), content_bytes)
    _serve(services, counts)
    counts.clear()
    poster.posts.clear()
    _send(services, 2, head, content_bytes)
    counts.clear()
    _serve(services, counts)
    if len(poster.posts) != connected or set(poster.posts.values()) != {1}:
        raise RuntimeError("not every device was posted to once")
    return {**counts, "posts": poster.posts.total()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=10_000)
    parser.add_argument("--connected", type=int, default=10_000)
    parser.add_argument("--bytes", type=int, default=200, help="size of the message's text")
    given = parser.parse_args()
    for name, count in sorted(measure(given.members, given.connected, given.bytes).items()):
        print(f"{name:32} {count:>12,}")


if __name__ == "__main__":
    main()
