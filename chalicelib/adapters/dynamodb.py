"""The stores on DynamoDB. Table layout: `terraform/resources.json`; promises: `ports`.

In `messages` a stream is a partition `{room}#{region}` with its entries (`e#{message_id}`) and
its `head`; `{room}#dedupe` holds the dedupe items. In `room_connections` an entry is
`{user}#{connection}`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..errors import NotFound, Unavailable
from ..model import (
    CommitResult,
    Committed,
    Connection,
    ConnectionId,
    Duplicate,
    Entry,
    EntryKind,
    Head,
    Member,
    MessageId,
    Region,
    Role,
    Room,
    RoomId,
    RoomType,
    Taken,
    Target,
    UserId,
)
from .aws import unavailable

Item = dict[str, Any]
Stream = tuple[RoomId, Region]

_DEDUPE_S = 24 * 3600
_CONNECTION_S = 3 * 3600
_ENDED_S = 3600
_TRANSACTION_ITEMS = 100
_GET_ITEMS, _WRITE_ITEMS, _BATCH_TRIES = 100, 25, 6
_CREATE_TRIES = 3
_FAILED, _CONFLICT = "ConditionalCheckFailed", "TransactionConflict"
_THROTTLED = {"ThrottlingError", "ProvisionedThroughputExceeded"}


def _s(value: str) -> dict[str, str]:
    return {"S": value}


def _n(value: int) -> dict[str, str]:
    return {"N": str(value)}


def _int(item: Item, name: str) -> int:
    return int(item.get(name, {"N": "0"})["N"])


def _str(item: Item, name: str) -> str:
    return str(item.get(name, {"S": ""})["S"])


class _Table:
    """One table: named with the prefix, queried in full pages."""

    def __init__(self, client: Any, name: str) -> None:
        self.client = client
        self.name = name

    def get(self, key: Item) -> Item | None:
        with unavailable("the store"):
            answer = self.client.get_item(TableName=self.name, Key=key, ConsistentRead=True)
        item: Item | None = answer.get("Item")
        return item

    def put(self, item: Item, **more: Any) -> bool:
        """False when a condition given in `more` failed."""
        return self._write(self.client.put_item, Item=item, **more) is not None

    def update(self, key: Item, expression: str, values: Item, **more: Any) -> Item | None:
        """The answer, None when a condition given in `more` failed."""
        return self._write(
            self.client.update_item,
            Key=key,
            UpdateExpression=expression,
            ExpressionAttributeValues=values,
            **more,
        )

    def delete(self, key: Item) -> Item:
        """The attributes it had, {} when it was not there."""
        answer = self._write(self.client.delete_item, Key=key, ReturnValues="ALL_OLD") or {}
        attributes: Item = answer.get("Attributes", {})
        return attributes

    def query(self, **arguments: Any) -> Iterator[Item]:
        return self._pages(self.client.query, **arguments)

    def scan(self, **arguments: Any) -> Iterator[Item]:
        return self._pages(self.client.scan, **arguments)

    def batch_get(self, keys: Sequence[Item]) -> list[Item]:
        found: list[Item] = []
        for start in range(0, len(keys), _GET_ITEMS):
            wanted = {self.name: {"Keys": keys[start : start + _GET_ITEMS], "ConsistentRead": True}}
            for answer in self._all(self.client.batch_get_item, wanted, "UnprocessedKeys"):
                found += answer["Responses"].get(self.name, [])
        return found

    def batch_put(self, items: Sequence[Item]) -> None:
        for start in range(0, len(items), _WRITE_ITEMS):
            puts = [{"PutRequest": {"Item": item}} for item in items[start : start + _WRITE_ITEMS]]
            for _ in self._all(self.client.batch_write_item, {self.name: puts}, "UnprocessedItems"):
                pass

    def _all(self, call: Any, wanted: Item, left_over: str) -> Iterator[Item]:
        """The answers of a batch call, asked again with backoff for what was left over."""
        for attempt in range(_BATCH_TRIES):
            if attempt:
                time.sleep(0.01 * 2**attempt)
            with unavailable("the store"):
                answer = call(RequestItems=wanted)
            yield answer
            wanted = answer.get(left_over) or {}
            if not wanted:
                return
        raise Unavailable("the store is overloaded, try again")

    def _write(self, call: Any, **arguments: Any) -> Item | None:
        try:
            with unavailable("the store"):
                answer: Item = call(TableName=self.name, **arguments)
                return answer
        except self.client.exceptions.ConditionalCheckFailedException:
            return None

    def _pages(self, call: Any, **arguments: Any) -> Iterator[Item]:
        limit = arguments.get("Limit")
        while True:
            with unavailable("the store"):
                page = call(TableName=self.name, **arguments)
            for item in page["Items"]:
                yield item
                if limit is not None:
                    limit -= 1
                    if limit <= 0:
                        return
            if "LastEvaluatedKey" not in page:
                return
            arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]
            if limit is not None:
                arguments["Limit"] = limit


class DynamoMessageLog:
    def __init__(self, client: Any, prefix: str) -> None:
        self._table = _Table(client, f"{prefix}-messages")

    def commit(self, entry: Entry, previous: Head, dedupe: str | None, now_ms: int) -> CommitResult:
        """One transaction; see `ports.MessageLog.commit`.

        https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
        """
        if entry.seq != previous.seq + 1:
            raise ValueError("an entry follows its stream's head")
        client = self._table.client
        writes = {
            "head": self._head_write(entry, previous),
            "entry": self._entry_write(entry),
        }
        if dedupe is not None:
            writes["dedupe"] = self._dedupe_write(entry, dedupe, now_ms)
        if entry.kind is EntryKind.DELETION:
            writes["target"] = self._deletion_write(entry)
        try:
            # The SDK adds a ClientRequestToken: its own retries never write twice.
            with unavailable("the store"):
                client.transact_write_items(TransactItems=list(writes.values()))
            return Committed()
        except client.exceptions.TransactionCanceledException as refusal:
            reasons = dict(zip(writes, _reasons(refusal), strict=False))
            answer = self._refused(entry, dedupe, now_ms, reasons)
            if answer is None:
                raise _cancelled(refusal) from refusal
            return answer

    def find(self, room_id: RoomId, dedupe: str, now_ms: int) -> Duplicate | None:
        item = self._table.get({"stream": _s(f"{room_id}#dedupe"), "entry": _s(dedupe)})
        if item is None or _int(item, "expires_ms") <= now_ms:
            return None
        return _duplicate(item)

    def restore(self, entry: Entry) -> None:
        self._table.put(
            _entry_item(entry),
            ConditionExpression="attribute_not_exists(#entry)",
            ExpressionAttributeNames={"#entry": "entry"},
        )

    def heads(self, streams: Sequence[Stream]) -> dict[Stream, Head]:
        keys = {_stream(*stream): stream for stream in streams}
        items = self._table.batch_get([{"stream": _s(k), "entry": _s("head")} for k in keys])
        found = {_str(item, "stream"): item for item in items}
        return {stream: _head(found.get(key, {})) for key, stream in keys.items()}

    def get(self, room_id: RoomId, region: Region, message_id: MessageId) -> Entry | None:
        key = {"stream": _s(_stream(room_id, region)), "entry": _s(f"e#{message_id}")}
        item = self._table.get(key)
        return _entry(item) if item is not None else None

    def after(
        self, room_id: RoomId, region: Region, message_id: MessageId, limit: int
    ) -> list[Entry]:
        return self._range(room_id, region, f"e#{message_id}", "e#~", limit, forward=True)

    def before(
        self, room_id: RoomId, region: Region, message_id: MessageId | None, limit: int
    ) -> list[Entry]:
        high = f"e#{message_id}" if message_id is not None else "e#~"
        return self._range(room_id, region, "e#", high, limit, forward=False)

    def _range(
        self, room_id: RoomId, region: Region, low: str, high: str, limit: int, forward: bool
    ) -> list[Entry]:
        """Entries strictly between the keys: one more is read, as BETWEEN includes its ends."""
        if low >= high:
            return []
        items = self._table.query(
            KeyConditionExpression="#stream = :stream AND #entry BETWEEN :low AND :high",
            ExpressionAttributeNames={"#stream": "stream", "#entry": "entry"},
            ExpressionAttributeValues={
                ":stream": _s(_stream(room_id, region)),
                ":low": _s(low),
                ":high": _s(high),
            },
            ConsistentRead=True,
            ScanIndexForward=forward,
            Limit=limit + 1,
        )
        inside = [item for item in items if low < _str(item, "entry") < high]
        return [_entry(item) for item in inside[:limit]]

    def _refused(
        self, entry: Entry, dedupe: str | None, now_ms: int, reasons: Mapping[str, Item]
    ) -> CommitResult | None:
        """What the cancellation means, None when it is a fault.

        A failed condition brings the item it failed on; only after a conflict with a
        transaction still under way (nothing is known then) a read is needed.
        """
        codes = {name: reason.get("Code") for name, reason in reasons.items()}
        if dedupe is not None and codes.get("dedupe") != "None":
            item = reasons.get("dedupe", {}).get("Item")
            known = _duplicate(item) if item else self.find(entry.room_id, dedupe, now_ms)
            if known is not None:
                return known
        if codes.get("head") == _FAILED and reasons["head"].get("Item"):
            return Taken(_head(reasons["head"]["Item"]))
        if _FAILED in (codes.get("head"), codes.get("entry")) or _CONFLICT in codes.values():
            stream = (entry.room_id, entry.region)
            return Taken(self.heads([stream])[stream])
        if codes.get("target") == _FAILED:
            raise NotFound("no such message")
        return None

    def _head_write(self, entry: Entry, previous: Head) -> Item:
        empty = "attribute_not_exists(seq)"
        follows = "seq = :previous AND last_id < :id"
        values = {":seq": _n(entry.seq), ":id": _s(entry.message_id)}
        if previous.seq:
            values[":previous"] = _n(previous.seq)
        return {
            "Update": {
                "TableName": self._table.name,
                "Key": {"stream": _s(_stream(entry.room_id, entry.region)), "entry": _s("head")},
                "UpdateExpression": "SET seq = :seq, last_id = :id",
                "ConditionExpression": follows if previous.seq else empty,
                "ExpressionAttributeValues": values,
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def _entry_write(self, entry: Entry) -> Item:
        return {
            "Put": {
                "TableName": self._table.name,
                "Item": _entry_item(entry),
                "ConditionExpression": "attribute_not_exists(#entry)",
                "ExpressionAttributeNames": {"#entry": "entry"},
            }
        }

    def _dedupe_write(self, entry: Entry, dedupe: str, now_ms: int) -> Item:
        item = {
            "stream": _s(f"{entry.room_id}#dedupe"),
            "entry": _s(dedupe),
            "message_id": _s(entry.message_id),
            "region": _s(entry.region),
            "seq": _n(entry.seq),
            "timestamp_ms": _n(entry.timestamp_ms),
            "expires_ms": _n(now_ms + _DEDUPE_S * 1000),
            "ttl": _n(now_ms // 1000 + _DEDUPE_S + 3600),
        }
        return {
            "Put": {
                "TableName": self._table.name,
                "Item": item,
                "ConditionExpression": "attribute_not_exists(#entry) OR expires_ms <= :now",
                "ExpressionAttributeNames": {"#entry": "entry"},
                "ExpressionAttributeValues": {":now": _n(now_ms)},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def _deletion_write(self, entry: Entry) -> Item:
        stream = _stream(entry.room_id, Region(entry.content["region"]))
        return {
            "Update": {
                "TableName": self._table.name,
                "Key": {"stream": _s(stream), "entry": _s(f"e#{entry.target_id}")},
                "UpdateExpression": "SET deleted = :yes REMOVE content",
                "ConditionExpression": "attribute_exists(#entry)",
                "ExpressionAttributeNames": {"#entry": "entry"},
                "ExpressionAttributeValues": {":yes": {"BOOL": True}},
            }
        }


class DynamoCursors:
    def __init__(self, client: Any, prefix: str) -> None:
        self._table = _Table(client, f"{prefix}-deliveries")

    def get(self, room_id: RoomId, region: Region) -> tuple[int, int] | None:
        item = self._table.get({"stream": _s(_stream(room_id, region))})
        return (_int(item, "seq"), _int(item, "split_at_ms")) if item is not None else None

    def advance(self, room_id: RoomId, region: Region, seq: int, split_at_ms: int) -> None:
        self._table.update(
            {"stream": _s(_stream(room_id, region))},
            "SET seq = :seq, split_at_ms = :split",
            {":seq": _n(seq), ":split": _n(split_at_ms)},
            ConditionExpression="attribute_not_exists(seq) OR seq < :seq",
        )


class DynamoRoomStore:
    def __init__(self, client: Any, prefix: str) -> None:
        self._rooms = _Table(client, f"{prefix}-rooms")
        self._members = _Table(client, f"{prefix}-memberships")

    def create(self, room: Room, members: Sequence[Member]) -> bool:
        """One transaction for the room and up to 99 members; the others follow in batches."""
        room_item = {
            "room_id": _s(room.room_id),
            "room_type": _s(room.room_type),
            "created_by": _s(room.created_by),
            "created_at_ms": _n(room.created_at_ms),
            "metadata": _s(_json(dict(room.metadata))),
        }
        writes: list[Item] = [
            {
                "Put": {
                    "TableName": self._rooms.name,
                    "Item": room_item,
                    "ConditionExpression": "attribute_not_exists(room_id)",
                }
            }
        ]
        items = [_member_item(m) for m in {m.user_id: m for m in members}.values()]
        first, later = items[: _TRANSACTION_ITEMS - 1], items[_TRANSACTION_ITEMS - 1 :]
        writes += [{"Put": {"TableName": self._members.name, "Item": item}} for item in first]
        if not self._transact(writes):
            return False
        self._members.batch_put(later)
        return True

    def _transact(self, writes: list[Item]) -> bool:
        """False when the first one's condition failed; a conflict says nothing: ask again."""
        client = self._rooms.client
        for _ in range(_CREATE_TRIES):
            try:
                with unavailable("the store"):
                    client.transact_write_items(TransactItems=writes)
                return True
            except client.exceptions.TransactionCanceledException as refusal:
                codes = [reason.get("Code") for reason in _reasons(refusal)]
                if codes[:1] == [_FAILED]:
                    return False
                if _CONFLICT not in codes:
                    raise _cancelled(refusal) from refusal
        raise Unavailable("the room is being written to, try again")

    def get(self, room_id: RoomId) -> Room | None:
        item = self._rooms.get({"room_id": _s(room_id)})
        return _room(item) if item is not None else None

    def get_many(self, room_ids: Sequence[RoomId]) -> list[Room]:
        keys = [{"room_id": _s(room_id)} for room_id in dict.fromkeys(room_ids)]
        found = {_str(item, "room_id"): _room(item) for item in self._rooms.batch_get(keys)}
        return [found[room_id] for room_id in room_ids if room_id in found]

    def member(self, room_id: RoomId, user_id: UserId) -> Member | None:
        item = self._members.get({"room_id": _s(room_id), "user_id": _s(user_id)})
        return _member(item) if item is not None else None

    def members(self, room_id: RoomId) -> list[Member]:
        items = self._members.query(
            KeyConditionExpression="room_id = :room",
            ExpressionAttributeValues={":room": _s(room_id)},
            ConsistentRead=True,
        )
        return [_member(item) for item in items]

    def rooms_of(self, user_id: UserId) -> list[RoomId]:
        items = self._members.query(
            IndexName="user_id-room_id-index",
            KeyConditionExpression="user_id = :user",
            ExpressionAttributeValues={":user": _s(user_id)},
        )
        return [RoomId(_str(item, "room_id")) for item in items]

    def add_member(self, member: Member) -> bool:
        return self._members.put(
            _member_item(member), ConditionExpression="attribute_not_exists(room_id)"
        )

    def remove_member(self, room_id: RoomId, user_id: UserId) -> bool:
        return bool(self._members.delete({"room_id": _s(room_id), "user_id": _s(user_id)}))


class DynamoConnectionStore:
    def __init__(self, client: Any, prefix: str) -> None:
        self._table = _Table(client, f"{prefix}-connections")
        self._joined = _Table(client, f"{prefix}-room_connections")

    def put(self, connection: Connection) -> None:
        self._table.put(_connection_item(connection))

    def get(self, connection_id: ConnectionId) -> Connection | None:
        item = self._table.get({"connection_id": _s(connection_id)})
        return _connection(item) if item is not None and _live(item) else None

    def disconnect(self, connection_id: ConnectionId, now_ms: int) -> Connection | None:
        answer = self._table.update(
            {"connection_id": _s(connection_id)},
            "SET #status = :off, #ttl = :ttl",
            {
                ":off": _s("disconnected"),
                ":on": _s("connected"),
                ":ttl": _n(now_ms // 1000 + _ENDED_S),
            },
            ConditionExpression="#status = :on",
            ExpressionAttributeNames={"#status": "status", "#ttl": "ttl"},
            ReturnValues="ALL_OLD",
        )
        return _connection(answer["Attributes"]) if answer is not None else None

    def touch(self, connection_id: ConnectionId, now_ms: int) -> None:
        self._table.update(
            {"connection_id": _s(connection_id)},
            "SET last_ping = :now",
            {":now": _n(now_ms), ":on": _s("connected")},
            ConditionExpression="#status = :on",
            ExpressionAttributeNames={"#status": "status"},
        )

    def of_user(self, user_id: UserId) -> list[Connection]:
        items = self._table.query(
            IndexName="user_id-connection_id-index",
            KeyConditionExpression="user_id = :user",
            ExpressionAttributeValues={":user": _s(user_id)},
        )
        return [_connection(item) for item in items if _live(item)]

    def scan(self) -> Iterator[Connection]:
        for item in self._table.scan():
            if _live(item):
                yield _connection(item)

    def join(self, room_id: RoomId, target: Target) -> None:
        """The connection's own list first: whoever ends it then knows what to clean up."""
        if self._rooms_update(target, "ADD", room_id):
            now_s = target.connected_at_ms // 1000
            item = {"room_id": _s(room_id), "entry": _s(f"{target.user_id}#{target.connection_id}")}
            self._joined.put({**item, **_target_item(target), "ttl": _n(now_s + _CONNECTION_S)})

    def leave(self, room_id: RoomId, target: Target) -> None:
        self._joined.delete(
            {"room_id": _s(room_id), "entry": _s(f"{target.user_id}#{target.connection_id}")}
        )
        self._rooms_update(target, "DELETE", room_id)

    def joined(self, room_id: RoomId) -> list[Target]:
        items = self._joined.query(
            KeyConditionExpression="room_id = :room",
            ExpressionAttributeValues={":room": _s(room_id)},
            ConsistentRead=True,
        )
        return [_target(item) for item in items]

    def _rooms_update(self, target: Target, verb: str, room_id: RoomId) -> bool:
        answer = self._table.update(
            {"connection_id": _s(target.connection_id)},
            f"{verb} rooms :room",
            {":room": {"SS": [room_id]}, ":on": _s("connected")},
            ConditionExpression="#status = :on",
            ExpressionAttributeNames={"#status": "status"},
        )
        return answer is not None


def _stream(room_id: str, region: str) -> str:
    return f"{room_id}#{region}"


def _reasons(refusal: Any) -> list[Item]:
    """Why each write of a transaction was refused, in the order of the writes."""
    reasons: list[Item] = refusal.response.get("CancellationReasons") or []
    return reasons


def _cancelled(refusal: Any) -> Exception:
    """The error for a transaction that no condition cancelled: throttled, or a fault of ours."""
    if any(reason.get("Code") in _THROTTLED for reason in _reasons(refusal)):
        return Unavailable("the store is overloaded, try again")
    fault: Exception = refusal
    return fault


def _json(value: Any) -> str:
    """As UTF-8 (half the bytes of escapes for most scripts) where that can carry it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return json.dumps(value, separators=(",", ":"))
    return text


def _head(item: Item) -> Head:
    return Head(_int(item, "seq"), MessageId(_str(item, "last_id")))


def _duplicate(item: Item) -> Duplicate:
    return Duplicate(
        MessageId(_str(item, "message_id")),
        Region(_str(item, "region")),
        _int(item, "seq"),
        _int(item, "timestamp_ms"),
    )


def _entry_item(entry: Entry) -> Item:
    item: Item = {
        "stream": _s(_stream(entry.room_id, entry.region)),
        "entry": _s(f"e#{entry.message_id}"),
        "room_id": _s(entry.room_id),
        "region": _s(entry.region),
        "seq": _n(entry.seq),
        "kind": _s(entry.kind),
        "sender_id": _s(entry.sender_id),
        "timestamp_ms": _n(entry.timestamp_ms),
        "message_type": _s(entry.message_type),
        "content": _s(_json(entry.content)),
        "deleted": {"BOOL": entry.deleted},
    }
    for name in ("reply_to_message_id", "client_message_id", "target_id", "origin_id"):
        value = getattr(entry, name)
        if value is not None:
            item[name] = _s(value)
    return item


def _entry(item: Item) -> Entry:
    def text(name: str) -> str | None:
        return _str(item, name) if name in item else None

    content = text("content")
    reply, target, origin = text("reply_to_message_id"), text("target_id"), text("origin_id")
    return Entry(
        room_id=RoomId(_str(item, "room_id")),
        region=Region(_str(item, "region")),
        seq=_int(item, "seq"),
        message_id=MessageId(_str(item, "entry")[2:]),
        kind=EntryKind(_str(item, "kind")),
        sender_id=UserId(_str(item, "sender_id")),
        timestamp_ms=_int(item, "timestamp_ms"),
        message_type=_str(item, "message_type"),
        content=json.loads(content) if content is not None else None,
        reply_to_message_id=MessageId(reply) if reply else None,
        client_message_id=text("client_message_id"),
        target_id=MessageId(target) if target else None,
        deleted=bool(item["deleted"]["BOOL"]),
        origin_id=ConnectionId(origin) if origin else None,
    )


def _room(item: Item) -> Room:
    return Room(
        RoomId(_str(item, "room_id")),
        RoomType(_str(item, "room_type")),
        UserId(_str(item, "created_by")),
        _int(item, "created_at_ms"),
        json.loads(_str(item, "metadata")),
    )


def _member_item(member: Member) -> Item:
    return {
        "room_id": _s(member.room_id),
        "user_id": _s(member.user_id),
        "role": _s(member.role),
        "joined_at_ms": _n(member.joined_at_ms),
    }


def _member(item: Item) -> Member:
    return Member(
        RoomId(_str(item, "room_id")),
        UserId(_str(item, "user_id")),
        Role(_str(item, "role")),
        _int(item, "joined_at_ms"),
    )


def _target_item(target: Target) -> Item:
    return {
        "connection_id": _s(target.connection_id),
        "user_id": _s(target.user_id),
        "api_id": _s(target.api_id),
        "stage": _s(target.stage),
        "region": _s(target.region),
        "protocol": _s(target.protocol),
        "transport": _s("websocket"),
        "connected_at": _n(target.connected_at_ms),
    }


def _target(item: Item) -> Target:
    return Target(
        ConnectionId(_str(item, "connection_id")),
        UserId(_str(item, "user_id")),
        _str(item, "api_id"),
        _str(item, "stage"),
        Region(_str(item, "region")),
        _str(item, "protocol"),
        _int(item, "connected_at"),
    )


def _connection_item(connection: Connection) -> Item:
    item = {
        **_target_item(connection.target),
        "device_info": {"M": {name: _s(value) for name, value in connection.device_info.items()}},
        "last_ping": _n(connection.last_ping_ms),
        "status": _s("connected"),
        "expires_at": _n(connection.expires_at_s),
        "roles": {"L": [_s(role) for role in connection.roles]},
        "ttl": _n(connection.connected_at_ms // 1000 + _CONNECTION_S),
    }
    if connection.rooms:
        item["rooms"] = {"SS": sorted(set(connection.rooms))}
    return item


def _connection(item: Item) -> Connection:
    return Connection(
        target=_target(item),
        device_info={name: value["S"] for name, value in item["device_info"]["M"].items()},
        connected_at_ms=_int(item, "connected_at"),
        last_ping_ms=_int(item, "last_ping"),
        expires_at_s=_int(item, "expires_at"),
        roles=tuple(role["S"] for role in item.get("roles", {"L": []})["L"]),
        rooms=tuple(RoomId(room) for room in sorted(item.get("rooms", {"SS": []})["SS"])),
    )


def _live(item: Item) -> bool:
    return _str(item, "status") == "connected"
