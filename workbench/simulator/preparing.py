"""What there is before a run begins: rooms, friendships, and messages of an hour ago."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from chalicelib.kernel import ids
from chalicelib.kernel.ids import BUCKETS
from chalicelib.messaging.combining import stamped
from chalicelib.model.identifiers import MessageId, RoomId, UserId
from chalicelib.model.log import Entry, EntryKind
from chalicelib.model.rooms import Member, Role, Room, RoomType
from workbench.drills import history as drill

from .plan import API
from .scheduler import START_MS

if TYPE_CHECKING:
    from .run import Run
    from .world import World

HOUR_MS = 3_600_000


def prepare(this: Run) -> None:
    """Rooms and friendships exist before the run, and Redis knows who is connected: nobody."""
    twins = this.deployment.first.twins
    for name, members in this.members.items():
        room = Room(RoomId(name), RoomType.GROUP_CHAT, UserId(members[0]), START_MS)
        roles = [Role.OWNER, *[Role.MEMBER] * (len(members) - 1)]
        twins["rooms"].create(
            room,
            [
                Member(room.room_id, UserId(user), role, START_MS)
                for user, role in zip(members, roles, strict=True)
            ],
        )
    for one, other in this.plan.friends:
        twins["friends"].put(UserId(one), UserId(other), START_MS)
        twins["friends"].put(UserId(other), UserId(one), START_MS)
    for world in this.deployment.worlds.values():
        cache = world.twins["cache"]
        for bucket in range(BUCKETS):
            cache.vouch(bucket, cache.begin(bucket))
    for number in range(this.plan.past):
        for world in this.deployment.worlds.values():
            for name in this.members:
                _write_past(this, world, RoomId(name), number)
    this.deployment.replication.start()


def _write_past(this: Run, world: World, room: RoomId, number: int) -> None:
    """Write a message that a room got an hour ago in a region."""
    log, sender = world.twins["log"], UserId(this.members[room][0])
    key, place = f"past-{room}-{world.region}-{number}", list(this.deployment.worlds).index
    now_ms = START_MS - HOUR_MS + 1_000 * number + place(world.region)
    draft = Entry(
        room,
        world.region,
        0,
        MessageId(""),
        EntryKind.MESSAGE,
        sender,
        0,
        "text",
        f"text {key}",
        client_message_id=key,
    )
    [head] = log.heads([(room, world.region)]).values()
    entry = stamped(draft, head, now_ms, zlib.crc32(key.encode()))
    log.commit(entry, head, ids.message_dedupe(sender, key, None), now_ms)
    sent = drill.Client(f"{sender}/{API}"), drill.Room(room), drill.Key(key)
    acked = drill.Acked(0, *sent, drill.MessageId(entry.message_id))
    this.record.events += [drill.Sent(0, *sent), acked]
