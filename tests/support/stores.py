"""All stores, in memory and on DynamoDB, and values that contract tests write to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from chalicelib.adapters.dynamodb import (
    DynamoCheckpointStore,
    DynamoConnectionStore,
    DynamoConsentStore,
    DynamoCursors,
    DynamoDrains,
    DynamoFriendStore,
    DynamoMarkers,
    DynamoMessageLog,
    DynamoPresenceStore,
    DynamoRevocationStore,
    DynamoRoomStore,
)
from chalicelib.adapters.memory import (
    MemoryCheckpointStore,
    MemoryConnectionStore,
    MemoryConsentStore,
    MemoryCursors,
    MemoryDrains,
    MemoryFriendStore,
    MemoryMarkers,
    MemoryMessageLog,
    MemoryPresenceStore,
    MemoryRevocationStore,
    MemoryRoomStore,
)
from chalicelib.adapters.memory.items import Items
from chalicelib.adapters.memory.rooms import RoomTables
from chalicelib.model.connections import Connection, Target
from chalicelib.model.consents import Decided
from chalicelib.model.decisions import Decision
from chalicelib.model.identifiers import ConnectionId, MessageId, Region, RoomId, UserId
from chalicelib.model.log import Committed, Entry, EntryKind, Head
from chalicelib.model.presence import Presence
from chalicelib.model.rooms import Member, Role, Room, RoomType
from chalicelib.ports.access import RevocationStore
from chalicelib.ports.connections import ConnectionStore, Drains
from chalicelib.ports.delivery import Cursors
from chalicelib.ports.friends import ConsentStore, FriendStore
from chalicelib.ports.log import MessageLog
from chalicelib.ports.presence import PresenceStore
from chalicelib.ports.receipts import Markers
from chalicelib.ports.rooms import RoomStore
from chalicelib.ports.sessions import CheckpointStore

NOW = 1_800_000_000_000
HERE, THERE = Region("us-east-1"), Region("eu-west-1")
LOBBY, OTHER = RoomId("lobby"), RoomId("other")
ANNA, BEN = UserId("anna"), UserId("ben")
EMPTY = Head(0, MessageId(""))
RACERS = 12
C1 = ConnectionId("c1=")


@dataclass
class Stores:
    log: MessageLog
    cursors: Cursors
    rooms: RoomStore
    connections: ConnectionStore
    friends: FriendStore
    consents: ConsentStore
    revocations: RevocationStore
    presence: PresenceStore
    markers: Markers
    checkpoints: CheckpointStore
    drains: Drains


@dataclass
class MemoryTables:
    """The tables behind stores in memory that merge what regions write."""

    rooms: RoomTables = field(default_factory=RoomTables)
    friends: Items[Decision[int]] = field(default_factory=Items)
    consents: Items[Decided] = field(default_factory=Items)
    revocations: Items[int] = field(default_factory=Items)
    presence: Items[Presence] = field(default_factory=Items)


def in_memory(*regions: Region, tables: MemoryTables | None = None) -> Stores:
    """The stores of a region, by default the only one; `regions` has it first."""
    regions = regions or (HERE,)
    tables = tables or MemoryTables()
    return Stores(
        MemoryMessageLog(),
        MemoryCursors(),
        MemoryRoomStore(regions, tables.rooms),
        MemoryConnectionStore(),
        MemoryFriendStore(regions, tables.friends),
        MemoryConsentStore(regions, tables.consents),
        MemoryRevocationStore(regions, tables.revocations),
        MemoryPresenceStore(tables.presence),
        MemoryMarkers(),
        MemoryCheckpointStore(),
        MemoryDrains(),
    )


def on_dynamodb(dynamodb: Any, prefix: str, *regions: Region) -> Stores:
    """The stores of a region, by default the only one; `regions` has it first."""
    regions = regions or (HERE,)
    return Stores(
        DynamoMessageLog(dynamodb, prefix),
        DynamoCursors(dynamodb, prefix),
        DynamoRoomStore(dynamodb, prefix, regions),
        DynamoConnectionStore(dynamodb, prefix),
        DynamoFriendStore(dynamodb, prefix, regions),
        DynamoConsentStore(dynamodb, prefix, regions),
        DynamoRevocationStore(dynamodb, prefix, regions),
        DynamoPresenceStore(dynamodb, prefix),
        DynamoMarkers(dynamodb, prefix),
        DynamoCheckpointStore(dynamodb, prefix),
        DynamoDrains(dynamodb, prefix),
    )


def mid(number: int) -> MessageId:
    return MessageId(f"{number:026d}")


def message(seq: int, number: int | None = None, **more: Any) -> Entry:
    fields: dict[str, Any] = {
        "room_id": LOBBY,
        "region": HERE,
        "seq": seq,
        "message_id": mid(seq * 10 if number is None else number),
        "kind": EntryKind.MESSAGE,
        "sender_id": ANNA,
        "timestamp_ms": NOW + seq,
        "message_type": "text",
        "content": {"text": f"number {seq}"},
    }
    return Entry(**{**fields, **more})


def deletion(seq: int, target: Entry, **more: Any) -> Entry:
    return message(
        seq,
        kind=EntryKind.DELETION,
        message_type="",
        content={"region": target.region},
        target_id=target.message_id,
        **more,
    )


def head_of(entry: Entry) -> Head:
    return Head(entry.seq, entry.message_id)


def write(log: MessageLog, *entries: Entry) -> None:
    """Commit entries, each on the present head of its stream."""
    for entry in entries:
        stream = (entry.room_id, entry.region)
        assert log.commit(entry, log.heads([stream])[stream], None, NOW) == Committed()


def head(log: MessageLog, room_id: RoomId = LOBBY, region: Region = HERE) -> Head:
    return log.heads([(room_id, region)])[(room_id, region)]


def room(room_id: RoomId = LOBBY, **more: Any) -> Room:
    return Room(room_id, RoomType.GROUP_CHAT, ANNA, NOW, **more)


def member(user_id: str, room_id: RoomId = LOBBY, role: Role = Role.MEMBER) -> Member:
    return Member(room_id, UserId(user_id), role, NOW)


def connection(name: str = "c1=", user: UserId = ANNA, **more: Any) -> Connection:
    target = Target(ConnectionId(name), user, "api", "prod", HERE, "json", NOW)
    fields: dict[str, Any] = {
        "device_info": {"platform": "ios", "version": "", "ip": "::1"},
        "connected_at_ms": NOW,
        "last_ping_ms": NOW,
        "expires_at_s": NOW // 1000 + 3600,
    }
    return Connection(target, **{**fields, **more})
