"""Connections, and the rooms they joined: `{user}#{connection}` in `room_connections`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...kernel.ids import user_bucket
from ...model.connections import Connection, Devices, Target
from ...model.identifiers import ConnectionId, Region, RoomId, UserId
from .keys import joined_key
from .table import Item, Table, integer, n, s, text

_CONNECTION_S, _ENDED_S = 3 * 3600, 3600
_OLD_CODE_MS = 15 * 60_000  # longest time in which two versions run side by side
_INDEXED = {"connection_id": s("#indexed")}  # no connection has such an id


class DynamoConnectionStore:
    def __init__(self, client: Any, prefix: str) -> None:
        self._table = Table(client, f"{prefix}-connections")
        self._joined = Table(client, f"{prefix}-room_connections")

    def put(self, connection: Connection) -> None:
        self._table.put(connection_item(connection))

    def get(self, connection_id: ConnectionId) -> Connection | None:
        item = self._table.get({"connection_id": s(connection_id)})
        return _connection(item) if item is not None and _live(item) else None

    def live(self, connection_ids: Sequence[ConnectionId]) -> dict[ConnectionId, Connection]:
        items = self._table.batch_get([{"connection_id": s(each)} for each in connection_ids])
        found = (_connection(item) for item in items if _live(item))
        return {connection.connection_id: connection for connection in found}

    def disconnect(self, connection_id: ConnectionId, now_ms: int) -> Connection | None:
        answer = self._table.update(
            {"connection_id": s(connection_id)},
            "SET #status = :off, #ttl = :ttl, left_ms = :now REMOVE #bucket, due",
            {
                ":now": n(now_ms),
                ":off": s("disconnected"),
                ":on": s("connected"),
                ":ttl": n(now_ms // 1000 + _ENDED_S),
            },
            ConditionExpression="#status = :on",
            ExpressionAttributeNames={"#status": "status", "#ttl": "ttl", "#bucket": "bucket"},
            ReturnValues="ALL_OLD",
        )
        return _connection(answer["Attributes"]) if answer is not None else None

    def renew(
        self, connection_id: ConnectionId, expires_at_s: int, roles: Sequence[str], due_ms: int
    ) -> bool:
        answer = self._update(
            connection_id,
            "SET expires_at = :end, #roles = :roles, due = :due",
            {
                ":end": n(expires_at_s),
                ":roles": {"L": [s(role) for role in roles]},
                ":due": n(due_ms),
            },
            {"#roles": "roles"},
        )
        return answer is not None

    def touch(self, connection_id: ConnectionId, now_ms: int, due_ms: int) -> None:
        values = {":now": n(now_ms), ":due": n(due_ms)}
        self._update(connection_id, "SET last_ping = :now, due = :due", values)

    def look_later(self, connection_id: ConnectionId, due_ms: int) -> None:
        self._update(connection_id, "SET due = :due", {":due": n(due_ms)})

    def of_user(self, user_id: UserId) -> list[Connection]:
        items = self._table.query(
            IndexName="user_id-connection_id-index",
            KeyConditionExpression="user_id = :user",
            ExpressionAttributeValues={":user": s(user_id)},
        )
        return [_connection(item) for item in items if _live(item)]

    def devices(self, user_id: UserId) -> Devices:
        items = list(
            self._table.query(
                IndexName="user_id-connection_id-index",
                KeyConditionExpression="user_id = :user",
                ExpressionAttributeValues={":user": s(user_id)},
            )
        )
        left = [integer(item, "left_ms") for item in items if not _live(item)]
        return Devices(sum(map(_live, items)), max(left, default=None))

    def index_all(self, now_ms: int) -> None:
        """Index until a while after the first complete scan: old code may still run until then."""
        done = self._table.get(_INDEXED)
        if done is not None and now_ms - integer(done, "indexed_ms") > _OLD_CODE_MS:
            return
        for item in self._table.scan(
            FilterExpression="attribute_not_exists(#bucket) AND #status = :on",
            ExpressionAttributeNames={"#bucket": "bucket", "#status": "status"},
            ExpressionAttributeValues={":on": s("connected")},
        ):
            user_id = UserId(text(item, "user_id"))
            self._update(
                ConnectionId(text(item, "connection_id")),
                "SET #bucket = :bucket, due = :due",
                {":bucket": n(user_bucket(user_id)), ":due": n(0)},
                {"#bucket": "bucket"},
            )
        if done is None:
            self._table.put({**_INDEXED, "indexed_ms": n(now_ms)})

    def in_bucket(self, bucket: int) -> Iterator[Connection]:
        return map(
            _connection,
            self._table.query(
                IndexName="bucket-due-index",
                KeyConditionExpression="#bucket = :bucket",
                ExpressionAttributeNames={"#bucket": "bucket"},
                ExpressionAttributeValues={":bucket": n(bucket)},
            ),
        )

    def due(self, buckets: Sequence[int], now_ms: int) -> Iterator[Connection]:
        for bucket in buckets:
            for item in self._table.query(
                IndexName="bucket-due-index",
                KeyConditionExpression="#bucket = :bucket AND due <= :now",
                ExpressionAttributeNames={"#bucket": "bucket"},
                ExpressionAttributeValues={":bucket": n(bucket), ":now": n(now_ms)},
            ):
                yield _connection(item)

    def join(self, room_id: RoomId, target: Target) -> bool:
        """Write the connection's own list first, so that its end finds what to clean up.

        The answer comes from what is written last: if a call dies halfway, the next one joins.
        """
        if self._rooms_update(target, "ADD", room_id) is None:
            return False
        now_s = target.connected_at_ms // 1000
        before = self._joined.replace(
            {
                **_joined_item(room_id, target),
                **_target_item(target),
                "ttl": n(now_s + _CONNECTION_S),
            }
        )
        return not before

    def leave(self, room_id: RoomId, target: Target) -> bool:
        """Update the connection's own list last; a call after one that died halfway leaves."""
        was_joined = bool(self._joined.delete(_joined_item(room_id, target)))
        before = self._rooms_update(target, "DELETE", room_id)
        return was_joined or room_id in (before or [])

    def joined(self, room_id: RoomId) -> list[Target]:
        items = self._joined.query(
            KeyConditionExpression="room_id = :room",
            ExpressionAttributeValues={":room": s(room_id)},
            ConsistentRead=True,
        )
        return [_target(item) for item in items]

    def _rooms_update(self, target: Target, verb: str, room_id: RoomId) -> list[str] | None:
        """Change the rooms of an open connection; return those before, None if it has ended."""
        answer = self._update(
            target.connection_id,
            f"{verb} rooms :room",
            {":room": {"SS": [room_id]}},
            ReturnValues="UPDATED_OLD",
        )
        if answer is None:
            return None
        rooms: list[str] = answer.get("Attributes", {}).get("rooms", {}).get("SS", [])
        return rooms

    def _update(
        self,
        connection_id: ConnectionId,
        expression: str,
        values: Item,
        names: Mapping[str, str] | None = None,
        **more: Any,
    ) -> Item | None:
        """Change an open connection; return the answer, None if it has ended."""
        return self._table.update(
            {"connection_id": s(connection_id)},
            expression,
            {**values, ":on": s("connected")},
            ConditionExpression="#status = :on",
            ExpressionAttributeNames={**(names or {}), "#status": "status"},
            **more,
        )


def _joined_item(room_id: RoomId, target: Target) -> Item:
    return {
        "room_id": s(room_id),
        "entry": s(joined_key(target.user_id, target.connection_id)),
    }


def _target_item(target: Target) -> Item:
    return {
        "connection_id": s(target.connection_id),
        "user_id": s(target.user_id),
        "api_id": s(target.api_id),
        "stage": s(target.stage),
        "region": s(target.region),
        "protocol": s(target.protocol),
        "transport": s("websocket"),
        "connected_at": n(target.connected_at_ms),
        "sid": s(target.sid),
        **({"takes_arrays": {"BOOL": True}} if target.takes_arrays else {}),
    }


def _target(item: Item) -> Target:
    return Target(
        ConnectionId(text(item, "connection_id")),
        UserId(text(item, "user_id")),
        text(item, "api_id"),
        text(item, "stage"),
        Region(text(item, "region")),
        text(item, "protocol"),
        integer(item, "connected_at"),
        text(item, "sid"),
        "takes_arrays" in item,
    )


def connection_item(connection: Connection) -> Item:
    item = {
        **_target_item(connection.target),
        "device_info": {"M": {name: s(value) for name, value in connection.device_info.items()}},
        "last_ping": n(connection.last_ping_ms),
        "bucket": n(user_bucket(connection.user_id)),
        "due": n(connection.last_ping_ms),
        "status": s("connected"),
        "expires_at": n(connection.expires_at_s),
        "roles": {"L": [s(role) for role in connection.roles]},
        "ttl": n(connection.connected_at_ms // 1000 + _CONNECTION_S),
    }
    if connection.rooms:
        item["rooms"] = {"SS": sorted(set(connection.rooms))}
    return item


def _connection(item: Item) -> Connection:
    return Connection(
        target=_target(item),
        device_info={name: value["S"] for name, value in item["device_info"]["M"].items()},
        connected_at_ms=integer(item, "connected_at"),
        last_ping_ms=integer(item, "last_ping"),
        expires_at_s=integer(item, "expires_at"),
        roles=tuple(role["S"] for role in item.get("roles", {"L": []})["L"]),
        rooms=tuple(RoomId(room) for room in sorted(item.get("rooms", {"SS": []})["SS"])),
    )


def _live(item: Item) -> bool:
    return text(item, "status") == "connected"
