"""Redis: the shared cache. Every method is one round trip (in cluster mode one per node).

Two exceptions: a script that the server does not know is sent a second time, in full; and a grant
goes with the next round trip. `keys` documents what each key holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ...kernel import telemetry
from ...kernel.records import entry_from_json, entry_to_json, target_from_json, target_to_json
from ...model.access import Charge
from ...model.connections import Connection, Devices, FrameContext, Target, Viewers
from ...model.delivery import ROOM_SHARE, Delivering, most_taken
from ...model.identifiers import ConnectionId, MessageId, Region, RoomId, UserId
from ...model.log import Entry
from ...model.metrics import Traffic
from ...model.rooms import Role
from ...ports.system import Ids
from . import keys, scripts
from .client import Command, RedisClient, evaluate
from .keys import ACK_S, CONNECTION_S, LIMITS_S, ONLINE_S, ROOM_S, TYPING_S, WARM_S
from .lines import RedisLines, draw, drawn

RECENT = 50
_COMPLETE = ""  # a marker field in a hash by user id; no user has this id


class RedisCache(RedisLines):
    """See `ports.Cache`."""

    def __init__(self, client: RedisClient, ids: Ids) -> None:
        super().__init__(client)
        self._ids = ids

    @property
    def round_trips(self) -> int:
        """The client's round trips, including those of other adapters."""
        return self._client.round_trips

    def register(self, connection: Connection) -> bool:
        target = connection.target
        held = (f"c:{target.connection_id}", _dump(target), connection.last_ping_ms, ONLINE_S)
        first, *_ = self._run(
            evaluate(scripts.REGISTER, [keys.user_online(target.user_id)], *held),
            *_remember(connection),
            once=True,
        )
        return bool(first)

    def move(self, old: Target, new: Connection) -> None:
        fields = (f"c:{old.connection_id}", f"c:{new.connection_id}", _dump(new.target))
        self._run(
            evaluate(scripts.MOVE, [keys.user_online(old.user_id)], *fields, ONLINE_S),
            *_remember(new),
            ("DEL", keys.connection(old.connection_id)),
        )

    def unregister(self, target: Target, now_ms: int) -> bool:
        device = f"c:{target.connection_id}"
        last, _ = self._run(
            evaluate(
                scripts.UNREGISTER, [keys.user_online(target.user_id)], device, now_ms, ONLINE_S
            ),
            ("DEL", keys.connection(target.connection_id)),
        )
        return bool(last)

    def devices(self, user_id: UserId) -> Devices | None:
        warm, fields = self._run(
            ("GET", keys.online_warm()), ("HGETALL", keys.user_online(user_id))
        )
        if warm is None:
            return None
        connected = sum(name.startswith("c:") for name in fields)
        return Devices(connected, int(fields["left"]) if "left" in fields else None)

    def claim(self, name: str, seconds: int) -> bool:
        (claimed,) = self._run(("SET", keys.claim(name), "1", "NX", "EX", seconds), once=True)
        return claimed is not None

    def expect_acks(self, messages: Mapping[int, tuple[RoomId, MessageId]]) -> None:
        held = {keys.ack(number): json.dumps(message) for number, message in messages.items()}
        self._run(*(("SET", key, message, "EX", ACK_S) for key, message in held.items()))

    def acked(self, ack_id: int) -> tuple[RoomId, MessageId] | None:
        (held,) = self._run(("GET", keys.ack(ack_id)))
        if held is None:
            return None
        room_id, message_id = json.loads(held)
        return RoomId(room_id), MessageId(message_id)

    def spend(self, charge: Charge) -> int:
        assert charge.payer is not None, "a request is a known user's"
        (wait_ms,) = self._run(_spend(charge, keys.limits(charge.payer), LIMITS_S))
        return int(wait_ms)

    def frame(
        self,
        connection_id: ConnectionId,
        room_id: RoomId | None,
        turn_region: Region | None,
        charge: Charge | None = None,
    ) -> FrameContext:
        key = keys.connection(connection_id)
        commands: list[Command] = [("HGETALL", key), ("EXPIRE", key, CONNECTION_S)]
        if charge is not None and charge.payer is not None:
            commands.insert(0, _spend(charge, keys.limits(charge.payer), LIMITS_S))
        elif charge is not None:
            commands.insert(0, _spend(charge, key, 0))
        paid = int(charge is not None)
        turn = (self._ids.token(), charge.shared_by(connection_id) if charge is not None else "")
        if room_id is not None:
            held = [keys.room_version(room_id), keys.room_members(room_id)]
            payer = charge.payer if charge is not None else None
            commands.append(evaluate(scripts.ROLE, held, payer or "", self._ids.token(), ROOM_S))
            if turn_region is not None:
                rate = charge.room if charge is not None else None
                commands.append(draw((room_id, turn_region), turn[0], rate, turn[1]))
        answers = [*self._run(*commands), None, None]
        wait_ms = int(answers.pop(0)) if paid else 0
        fields, (version, member) = answers[0], answers[2] or (None, None)
        context = FrameContext(
            None, None, version, drawn(answers[3], *turn) if answers[3] else None, wait_ms
        )
        if "target" not in fields:
            return context
        granted, _, role = fields.get(f"m:{room_id}", "").rpartition("|")
        current = role if granted and granted == version else member
        return replace(
            context, connection=_connection(fields), role=Role(current) if current else None
        )

    def grant(self, connection_id: ConnectionId, room_id: RoomId, version: str, role: Role) -> None:
        key = keys.connection(connection_id)
        self._client.later(
            evaluate(scripts.GRANT, [key], f"m:{room_id}", f"{version}|{role.value}")
        )

    def refresh(self, targets: Sequence[Target]) -> list[Target]:
        commands: list[Command] = []
        for target in targets:
            online = keys.user_online(target.user_id)
            commands += [
                ("HEXISTS", online, f"c:{target.connection_id}"),
                ("EXPIRE", online, ONLINE_S),
                ("EXPIRE", keys.connection(target.connection_id), CONNECTION_S),
            ]
        answers = self._run(*commands)
        held = zip(answers[0::3], answers[1::3], answers[2::3], strict=True)
        return [target for target, each in zip(targets, held, strict=True) if not all(each)]

    def members(self, room_id: RoomId) -> tuple[str | None, dict[UserId, Role] | None]:
        return _members(*self._run(*_read_members(room_id)))

    def version(self, room_id: RoomId) -> str | None:
        version: str | None
        (version,) = self._run(("GET", keys.room_version(room_id)))
        return version

    def fill_members(
        self, room_id: RoomId, version: str | None, members: Mapping[UserId, Role]
    ) -> str | None:
        held = [keys.room_version(room_id), keys.room_members(room_id)]
        flat = [text for user, role in members.items() for text in (user, role.value)]
        arguments = (version or "", self._ids.token(), ROOM_S, *(flat or (_COMPLETE, "1")))
        (stored,) = self._run(evaluate(scripts.FILL_MEMBERS, held, *arguments))
        return str(stored) if stored else None

    def bump(self, room_id: RoomId) -> None:
        held = [keys.room_version(room_id), keys.room_members(room_id)]
        self._run(evaluate(scripts.BUMP, held, self._ids.token(), ROOM_S))

    def online(self, users: Sequence[UserId]) -> dict[UserId, list[Target]] | None:
        hashes = [("HGETALL", keys.user_online(user)) for user in users]
        warm, *answers = self._run(("GET", keys.online_warm()), *hashes)
        if warm is None:
            return None
        found = {}
        for user, fields in zip(users, answers, strict=True):
            targets = [_target(text) for name, text in fields.items() if name.startswith("c:")]
            if targets:
                found[user] = targets
        return found

    def set_warm(self, warm: bool) -> None:
        self._run(
            ("SET", keys.online_warm(), "1", "EX", WARM_S) if warm else ("DEL", keys.online_warm())
        )

    def join(self, room_id: RoomId, target: Target) -> bool:
        (first,) = self._run(_join(room_id, "", [target]))
        return bool(first)

    def leave(self, room_id: RoomId, target: Target) -> bool:
        held = [keys.room_joined(room_id), keys.room_left(room_id)]
        arguments = (target.user_id, target.connection_id, ROOM_S)
        (last,) = self._run(evaluate(scripts.LEAVE, held, *arguments))
        return bool(last)

    def joined(self, room_id: RoomId) -> Viewers:
        held = [keys.room_joined(room_id), keys.room_left(room_id)]
        known = [keys.room_version(room_id), keys.room_members(room_id)]
        ((flat, left, members),) = self._run(evaluate(scripts.AUDIENCE, [*held, *known]))
        fields = dict(zip(flat[0::2], flat[1::2], strict=True))
        complete = fields.pop(_COMPLETE, None) is not None
        targets = [_target(text) for each in fields.values() for text in json.loads(each).values()]
        return Viewers(
            targets=tuple(targets) if complete else None,
            members=frozenset(map(UserId, members)) if members is not None else None,
            left=int(left),
        )

    def fill_joined(self, room_id: RoomId, left: int, targets: Iterable[Target]) -> bool:
        (stored,) = self._run(_join(room_id, str(left), targets))
        return bool(stored != -1)

    def deliver(self, room_id: RoomId, entries: Sequence[Entry]) -> Delivering:
        flat = [t for e in entries for t in (f"{e.message_id}|", json.dumps(entry_to_json(e)))]
        recent = evaluate(
            scripts.RECENT, [keys.conversation_recent(room_id)], RECENT, ROOM_S, *flat
        )
        count = ("HINCRBY", keys.stats_traffic(), "messages", len(entries))
        answers = self._run(*_read_members(room_id), *([recent, count] if entries else []))
        return Delivering(*_members(*answers[:2]))

    def recent(self, room_ids: Sequence[RoomId]) -> dict[RoomId, list[Entry]]:
        commands = [("ZRANGE", keys.conversation_recent(each), 0, -1) for each in room_ids]
        answers = self._run(*commands)
        return {room_id: _entries(texts) for room_id, texts in zip(room_ids, answers, strict=True)}

    def typing(self, room_id: RoomId, user_id: UserId, started_ms: int | None) -> None:
        key = keys.typing(room_id)
        if started_ms is None:
            self._run(("HDEL", key, user_id))
        else:
            self._run(evaluate(scripts.TYPING, [key], user_id, started_ms, TYPING_S))

    def typing_since(self, room_id: RoomId, user_id: UserId) -> int | None:
        (since,) = self._run(("HGET", keys.typing(room_id), user_id))
        return int(since) if since is not None else None

    def lease_posts(self, wanted: int, rate_per_s: int, room_id: RoomId | None = None) -> int:
        share = max(1, rate_per_s // ROOM_SHARE) if room_id is not None else 0
        buckets = [keys.posts_budget(), keys.posts_of_room(room_id or "")]
        (granted,) = self._run(evaluate(scripts.LEASE, buckets, wanted, rate_per_s, share))
        return int(granted)

    def note_posts(self, taken: int, refused: int) -> None:
        self._run(evaluate(scripts.NOTE_POSTS, [keys.posts_outcomes()], taken, refused))

    def posts_pass(self) -> bool:
        fields = "taken", "taken_before", "refused", "refused_before"
        (held,) = self._run(("HMGET", keys.posts_outcomes(), *fields))
        taken, taken_before, refused, refused_before = (int(count or 0) for count in held)
        return most_taken(taken + taken_before, refused + refused_before)

    def tally(self, name: str, seconds: int) -> int:
        (count,) = self._run(evaluate(scripts.TALLY, [keys.tally(name)], seconds))
        return int(count)

    def forget(self, name: str) -> None:
        self._run(("DEL", keys.tally(name)))

    def note_connections(self, count: int) -> None:
        self._run(("SET", keys.stats_connections(), count, "EX", ONLINE_S))

    def traffic(self, now_ms: int) -> Traffic:
        take = evaluate(scripts.TRAFFIC, [keys.stats_traffic()], now_ms, LIMITS_S)
        connections, (messages, since) = self._run(("GET", keys.stats_connections()), take)
        seconds = (now_ms - int(since)) / 1000 if since is not None else None
        known = int(connections) if connections is not None else None
        return Traffic(known, int(messages or 0), seconds)

    def ping(self) -> None:
        self._run(("GET", keys.online_warm()))


def _remember(connection: Connection) -> tuple[Command, Command]:
    fields = {
        "user_id": connection.user_id,
        "rooms": json.dumps(list(connection.rooms)),
        "device_info": json.dumps(dict(connection.device_info)),
        "target": _dump(connection.target),
        "roles": json.dumps(list(connection.roles)),
        "expires_at": connection.expires_at_s,
        "connected_at": connection.connected_at_ms,
        "last_ping": connection.last_ping_ms,
    }
    key = keys.connection(connection.connection_id)
    flat = (each for pair in fields.items() for each in pair)
    return ("HSET", key, *flat), ("EXPIRE", key, CONNECTION_S)


def _read_members(room_id: RoomId) -> tuple[Command, Command]:
    """Read the version first: members newer than it are harmless, as its grants become invalid.

    Members older than the version would pass as current.
    """
    return ("GET", keys.room_version(room_id)), ("HGETALL", keys.room_members(room_id))


def _members(
    version: str | None, roles: dict[str, str]
) -> tuple[str | None, dict[UserId, Role] | None]:
    if version is None or not roles:
        return version, None
    roles.pop(_COMPLETE, None)
    return version, {UserId(user): Role(role) for user, role in roles.items()}


def _join(room_id: RoomId, left: str, targets: Iterable[Target]) -> Command:
    users: dict[str, dict[str, str]] = {}
    for target in targets:
        users.setdefault(target.user_id, {})[target.connection_id] = _dump(target)
    flat = [text for user, held in users.items() for text in (user, json.dumps(held))]
    held = [keys.room_joined(room_id), keys.room_left(room_id)]
    return evaluate(scripts.JOIN, held, ROOM_S, left, *flat)


def _spend(charge: Charge, key: str, ttl_s: int) -> Command:
    fields = (f"l:{charge.name}", str(charge.per_s), charge.burst, ttl_s)
    return evaluate(scripts.SPEND, [key], *fields)


def _dump(target: Target) -> str:
    return json.dumps(target_to_json(target))


def _target(text: str) -> Target:
    return target_from_json(json.loads(text))


def _entries(texts: Iterable[str]) -> list[Entry]:
    """A room's cached entries; none if one cannot be read, as the log has them too."""
    try:
        return [entry_from_json(json.loads(text.partition("|")[2])) for text in texts]
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as fault:
        telemetry.error("cache_unreadable", fault)
        return []


def _connection(fields: Mapping[str, str]) -> Connection:
    return Connection(
        target=_target(fields["target"]),
        device_info=json.loads(fields["device_info"]),
        connected_at_ms=int(fields["connected_at"]),
        last_ping_ms=int(fields["last_ping"]),
        expires_at_s=int(fields["expires_at"]),
        roles=tuple(json.loads(fields["roles"])),
        rooms=tuple(json.loads(fields["rooms"])),
    )
