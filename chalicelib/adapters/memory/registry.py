"""The twin of the registry of connections in Redis; see `ports.Registry`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...kernel.ids import BUCKETS, user_bucket
from ...model.connections import BucketState, Connection, Devices, Online, Silent, Target
from ...model.identifiers import ConnectionId, UserId
from .expiring import Expiring

ONLINE_MS, CONNECTION_MS, BUCKET_MS, WARM_MS = 300_000, 3_600_000, 3_600_000, 180_000


@dataclass
class _Bucket:
    """A bucket's connections by user; no epoch until something is to vouch for it.

    Attributes:
        heard: When connections without a heartbeat were heard of.
        asked: When silent ones of these were asked whether they are there.
    """

    users: dict[UserId, dict[ConnectionId, Target]] = field(default_factory=dict)
    epoch: str | None = None
    heard: dict[tuple[UserId, ConnectionId], int] = field(default_factory=dict)
    asked: dict[tuple[UserId, ConnectionId], int] = field(default_factory=dict)

    def forget(self, target: Target) -> None:
        self.heard.pop(_member(target), None)
        self.asked.pop(_member(target), None)

    def target(self, member: tuple[UserId, ConnectionId]) -> Target | None:
        return self.users.get(member[0], {}).get(member[1])


class MemoryRegistry(Expiring):
    def register(self, connection: Connection) -> int:
        with self._call():
            return self._register(connection)

    def restore(self, connections: Sequence[Connection], heard_ms: int = 0) -> Sequence[Connection]:
        with self._call():
            hidden = []
            for connection in connections:
                if self._hidden(connection.target):
                    hidden.append(connection)
                self._register(connection, heard_ms=heard_ms)
            return hidden

    def renew(self, connection: Connection) -> None:
        with self._call():
            entry = self._get(f"connection:{connection.connection_id}")
            if entry is not None:
                end, roles = connection.expires_at_s, connection.roles
                entry["connection"] = replace(entry["connection"], expires_at_s=end, roles=roles)

    def unregister(self, target: Target, now_ms: int) -> bool:
        with self._call():
            self._drop(f"connection:{target.connection_id}")
            self._hide(target, now_ms)
            bucket = self._bucket(user_bucket(target.user_id))
            bucket.forget(target)
            users = bucket.users
            devices = users.get(target.user_id, {})
            known = devices.pop(target.connection_id, None) is not None
            if known and not devices:
                del users[target.user_id]
            return known and not devices

    def move(self, old: Target, new: Connection) -> None:
        with self._call():
            self._drop(f"connection:{old.connection_id}")
            self._bucket(user_bucket(old.user_id)).users.get(old.user_id, {}).pop(
                old.connection_id, None
            )
            (self._get(f"user:online:{old.user_id}") or {}).pop(old.connection_id, None)
            self._register(new, grants=False)

    def devices(self, user_id: UserId) -> Devices | None:
        with self._call():
            number = user_bucket(user_id)
            if not self._warm(number):
                return None
            connected = len(self._bucket(number).users.get(user_id, {}))
            return Devices(connected, None if connected else self._get(f"user:left:{user_id}"))

    def refresh(self, targets: Sequence[Target], heard_ms: int = 0) -> list[Target]:
        with self._call():
            return [target for target in targets if not self._refreshed(target, heard_ms)]

    def beat(
        self, connection_ids: Sequence[ConnectionId], now_ms: int, every_ms: int
    ) -> dict[ConnectionId, int | None]:
        with self._call():
            return {
                each: entry["connection"].expires_at_s if entry is not None else None
                for each in connection_ids
                for entry in [self._get(f"connection:{each}")]
                if entry is None or self._beat(entry, now_ms, every_ms)
            }

    def note(self, target: Target, heard_ms: int, stored: bool) -> bool:
        with self._call():
            bucket = self._kept(user_bucket(target.user_id))
            member = _member(target)
            if bucket.target(member) is not None and bucket.heard.get(member, 0) < heard_ms:
                bucket.heard[member] = heard_ms
                bucket.asked.pop(member, None)
            entry = self._get(f"connection:{target.connection_id}")
            if entry is not None and entry.get("heard", 0) < heard_ms:
                entry["heard"] = heard_ms
                if stored:
                    entry["connection"] = replace(entry["connection"], last_ping_ms=heard_ms)
            if bucket.target(member) is None or entry is None:
                return False
            self._show(target)
            return self._refreshed(target, heard_ms)

    def silent(
        self, buckets: Sequence[int], heard_ms: int, asked_ms: int, most: int
    ) -> list[list[Silent]]:
        with self._call():
            return [self._silent(each, heard_ms, asked_ms)[:most] for each in buckets]

    def note_asked(self, targets: Sequence[Target], heard_ms: int, asked_ms: int) -> None:
        with self._call():
            held = self._bucket(user_bucket(targets[0].user_id))
            for member in map(_member, targets):
                if member in held.heard and held.heard[member] <= heard_ms:
                    held.asked[member] = asked_ms

    def heard_ms(self, target: Target) -> int | None:
        with self._call():
            number = user_bucket(target.user_id)
            last_ms = self._bucket(number).heard.get(_member(target))
            if last_ms is None or not self._warm(number):
                return None
            noted_ms: int = (self._get(f"connection:{target.connection_id}") or {}).get("heard", 0)
            return max(last_ms, noted_ms)

    def online(self, users: Sequence[UserId], trips: int = 1) -> Online:
        with self._call(trips):
            found: list[Target] = []
            unknown: list[UserId] = []
            held: list[Target] = []
            for user_id in users:
                number = user_bucket(user_id)
                targets = self._bucket(number).users.get(user_id, {}).values()
                if self._warm(number):
                    found += targets
                else:
                    unknown.append(user_id)
                    held += targets
            return Online(found, unknown, held)

    def begin(self, bucket: int) -> str:
        with self._call():
            held = self._kept(bucket)
            held.epoch = held.epoch or self._ids.token()
            return self._epoch(held)

    def vouch(self, bucket: int, epoch: str) -> bool:
        with self._call():
            held = self._bucket(bucket)
            if held.epoch is None or epoch != self._epoch(held):
                return False
            self._kept(bucket)
            if self._get(f"online:{{{bucket}}}:warm") != epoch:
                held.asked.clear()
            self._put(f"online:{{{bucket}}}:warm", epoch, WARM_MS)
            return True

    def keep_warm(self) -> list[BucketState]:
        with self._call():
            states = []
            for number in range(BUCKETS):
                warm, users = self._warm(number), self._bucket(number).users
                if warm:
                    self._kept(number)
                    epoch = self._get(f"online:{{{number}}}:warm")
                    self._put(f"online:{{{number}}}:warm", epoch, WARM_MS)
                states.append(BucketState(number, warm, sum(map(len, users.values()))))
            return states

    def held(self, bucket: int, cursor: str) -> tuple[list[Target], str]:
        with self._call():
            users = self._bucket(bucket).users.values()
            return [target for devices in users for target in devices.values()], ""

    def _register(self, connection: Connection, grants: bool = True, heard_ms: int = 0) -> int:
        user_id, device = connection.user_id, connection.connection_id
        bucket = self._kept(user_bucket(user_id))
        if not connection.target.has_heartbeat:
            last_ms = max(connection.last_ping_ms, heard_ms)
            bucket.heard.setdefault(_member(connection.target), last_ms)
        devices = bucket.users.setdefault(user_id, {})
        devices[device] = connection.target
        self._show(connection.target)
        known = self._get(f"connection:{device}") or {"grants": {}}
        entry = {
            "connection": connection,
            "grants": known["grants"] if grants else {},
            "heard": known.get("heard", 0),
        }
        self._put(f"connection:{device}", entry, CONNECTION_MS)
        return len(devices)

    def _hidden(self, target: Target) -> bool:
        """Whether readers take the connection for absent."""
        number = user_bucket(target.user_id)
        return self._warm(number) and self._bucket(number).target(_member(target)) is None

    def _show(self, target: Target) -> None:
        user_id = target.user_id
        shown = {**(self._get(f"user:online:{user_id}") or {}), target.connection_id: target}
        self._put(f"user:online:{user_id}", shown, ONLINE_MS)
        self._drop(f"user:left:{user_id}")

    def _hide(self, target: Target, now_ms: int) -> None:
        shown = self._get(f"user:online:{target.user_id}") or {}
        if shown.pop(target.connection_id, None) is not None and not shown:
            self._drop(f"user:online:{target.user_id}")
            self._put(f"user:left:{target.user_id}", now_ms, ONLINE_MS)

    def _refreshed(self, target: Target, heard_ms: int) -> bool:
        bucket = self._kept(user_bucket(target.user_id))
        held = target.connection_id in bucket.users.get(target.user_id, {})
        if held and not target.has_heartbeat:
            bucket.heard.setdefault(_member(target), heard_ms)
        for key, ttl_ms in (
            (f"user:online:{target.user_id}", ONLINE_MS),
            (f"connection:{target.connection_id}", CONNECTION_MS),
        ):
            value = self._get(key)
            held = held and value is not None
            if value is not None:
                self._put(key, value, ttl_ms)
        return held

    def _silent(self, bucket: int, heard_ms: int, asked_ms: int) -> list[Silent]:
        held = self._bucket(bucket)
        if not self._warm(bucket):
            return []
        return [
            Silent(target, held.asked.get(member))
            for member, last_ms in sorted(held.heard.items(), key=lambda each: each[1])
            if last_ms <= heard_ms and held.asked.get(member, 0) <= asked_ms
            for target in [held.target(member)]
            if target is not None
        ]

    def _beat(self, entry: dict[str, Any], now_ms: int, every_ms: int) -> bool:
        connection_id = entry["connection"].connection_id
        self._put(f"connection:{connection_id}", entry, CONNECTION_MS)
        if now_ms - entry["connection"].last_ping_ms < every_ms:
            return False
        entry["connection"] = replace(entry["connection"], last_ping_ms=now_ms)
        return True

    def _bucket(self, number: int) -> _Bucket:
        held: _Bucket | None = self._get(f"online:{{{number}}}")
        return held or _Bucket()

    def _kept(self, number: int) -> _Bucket:
        """The bucket, which is stored for another while."""
        held = self._bucket(number)
        self._put(f"online:{{{number}}}", held, BUCKET_MS)
        return held

    def _epoch(self, bucket: _Bucket) -> str:
        return f"{bucket.epoch}|{self._replication}"

    def _warm(self, number: int) -> bool:
        held = self._bucket(number)
        mark = self._get(f"online:{{{number}}}:warm")
        return mark is not None and mark == self._epoch(held)


def _member(target: Target) -> tuple[UserId, ConnectionId]:
    return target.user_id, target.connection_id
