"""Redis: the shared cache. Every method is one round trip (in cluster mode one per node).

Two exceptions: a script that the server does not know is sent a second time, in full; and a grant
goes with the next round trip. `keys` documents what each key holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ...kernel import telemetry
from ...kernel.records import entry_from_json
from ...model.access import PAID, Charge, Paid
from ...model.connections import Connection, FrameContext, Target, Viewers
from ...model.delivery import ROOM_SHARE, Delivering, most_taken
from ...model.identifiers import ConnectionId, MessageId, Region, RoomId, UserId
from ...model.log import Entry
from ...model.metrics import Traffic
from ...model.rooms import LARGE, Role, SmallRoom
from ...ports.presence import ELSEWHERE_S
from ...ports.system import Ids
from . import keys, scripts
from .buckets import paid, revoke, spend
from .client import Command, RedisClient, evaluate
from .keys import ACK_S, CONNECTION_S, ONLINE_S, ROOM_S, TRAFFIC_S, TYPING_S
from .leases import RedisLeases, cache_recent, count_delivered
from .lines import RedisLines, draw, drawn
from .membership import COMPLETE, RedisMembership, members_of, read_members
from .registry import RedisRegistry, dump, target_of

# What a frame needs of its connection; grants are as many as the rooms it was used in.
_FRAME_FIELDS = (
    *("target", "device_info", "connected_at", "last_ping", "expires_at", "roles", "rooms"),
    "heard",
)


class RedisCache(RedisRegistry, RedisMembership, RedisLines, RedisLeases):
    """See `ports.Cache`."""

    def __init__(self, client: RedisClient, ids: Ids) -> None:
        super().__init__(client, ids)
        self._client = client

    @property
    def round_trips(self) -> int:
        """The client's round trips, including those of other adapters."""
        return self._client.round_trips

    @property
    def away(self) -> bool:
        return self._client.away

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

    def spend(self, charge: Charge) -> Paid:
        (answer,) = self._run(_spend(charge))
        return paid(answer)

    def spend_for_address(self, address: str, charge: Charge) -> Paid:
        (answer,) = self._run(spend(keys.address_limits(address), charge))
        return paid(answer)

    def note_revoked(self, user_id: UserId, until_ms: int) -> None:
        self._run(revoke(keys.limits(user_id), until_ms))

    def owner(self, connection_id: ConnectionId) -> UserId | None:
        (user_id,) = self._run(("HGET", keys.connection(connection_id), "user_id"))
        return UserId(user_id) if user_id else None

    def frame(
        self,
        connection_id: ConnectionId,
        room_id: RoomId | None,
        turn_region: Region | None,
        charge: Charge | None = None,
    ) -> FrameContext:
        key, grant = keys.connection(connection_id), f"m:{room_id}"
        names = (*_FRAME_FIELDS, grant) if room_id is not None else _FRAME_FIELDS
        commands: list[Command] = [("HMGET", key, *names), ("EXPIRE", key, CONNECTION_S)]
        if charge is not None:
            commands.insert(0, _spend(charge))
        payer = (charge.payer if charge is not None else None) or ""
        turn = self._ids.token(), payer
        if room_id is not None:
            held = [keys.room_version(room_id), keys.room_members(room_id)]
            most = LARGE if turn_region is not None else 0
            fields = payer, self._ids.token(), ROOM_S, most
            commands.append(evaluate(scripts.ROLE, held, *fields))
            if turn_region is not None:
                rate = charge.room if charge is not None else None
                commands.append(draw((room_id, turn_region), turn[0], rate, turn[1]))
        answers = [*self._run(*commands), None, None]
        settled = paid(answers.pop(0)) if charge is not None else PAID
        found, (version, member, users) = answers[0], answers[2] or (None, None, None)
        known = {name: text for name, text in zip(names, found, strict=True) if text is not None}
        room = SmallRoom(str(version), tuple(map(UserId, users))) if users else None
        context = FrameContext(
            None, None, version, drawn(answers[3], *turn, room) if answers[3] else None, settled
        )
        if "target" not in known:
            return context
        granted, _, role = known.get(grant, "").rpartition("|")
        current = role if granted and granted == version else member
        noted_ms = int(known.get("heard", 0))
        role_ = Role(current) if current else None
        return replace(context, connection=_connection(known), role=role_, noted_ms=noted_ms)

    def join(self, room_id: RoomId, target: Target) -> bool:
        (first,) = self._run(_join(room_id, "", [target]))
        return bool(first)

    def leave(self, room_id: RoomId, target: Target) -> bool | None:
        held = [keys.room_joined(room_id), keys.room_left(room_id)]
        arguments = (target.user_id, target.connection_id, ROOM_S)
        (last,) = self._run(evaluate(scripts.LEAVE, held, *arguments))
        return bool(last) if last >= 0 else None

    def joined(self, room_id: RoomId) -> Viewers:
        held = [keys.room_joined(room_id), keys.room_left(room_id)]
        known = [keys.room_version(room_id), keys.room_members(room_id)]
        ((flat, as_of, members),) = self._run(evaluate(scripts.AUDIENCE, [*held, *known]))
        fields = dict(zip(flat[0::2], flat[1::2], strict=True))
        complete = fields.pop(COMPLETE, None) is not None
        held_by_user = (json.loads(each) for each in fields.values())
        targets = [target_of(text) for of_user in held_by_user for text in of_user.values()]
        return Viewers(
            targets=tuple(targets) if complete else None,
            members=frozenset(map(UserId, members)) if members is not None else None,
            as_of=str(as_of),
        )

    def fill_joined(self, room_id: RoomId, as_of: str, targets: Iterable[Target]) -> bool:
        (stored,) = self._run(_join(room_id, as_of, targets))
        return bool(stored != -1)

    def deliver(self, room_id: RoomId, entries: Sequence[Entry]) -> Delivering:
        noted = [cache_recent(room_id, entries), count_delivered(len(entries))] if entries else []
        answers = self._run(read_members(room_id), *noted)
        return Delivering(*members_of(room_id, answers[0]))

    def recent(self, room_ids: Sequence[RoomId]) -> dict[RoomId, list[Entry]]:
        commands = [("ZRANGE", keys.conversation_recent(each), 0, -1) for each in room_ids]
        answers = self._run(*commands)
        return {room_id: _entries(texts) for room_id, texts in zip(room_ids, answers, strict=True)}

    def start_typing(self, room_id: RoomId, user_id: UserId, at_ms: int, again_ms: int) -> bool:
        fields = user_id, at_ms, again_ms, TYPING_S
        (told,) = self._run(evaluate(scripts.START_TYPING, [keys.typing(room_id)], *fields))
        return bool(told)

    def stop_typing(self, room_id: RoomId, user_id: UserId, at_ms: int) -> bool:
        key = keys.typing(room_id)
        (stopped,) = self._run(evaluate(scripts.STOP_TYPING, [key], user_id, at_ms))
        return bool(stopped)

    def newest_view(self, room_id: RoomId, user_id: UserId, at_ms: int) -> bool:
        key = keys.views_elsewhere(room_id)
        (newest,) = self._run(evaluate(scripts.NEWEST, [key], user_id, at_ms, ROOM_S))
        return bool(newest)

    def elsewhere(self, user_ids: Sequence[UserId]) -> dict[UserId, frozenset[Region]]:
        answers = self._run(*(("GET", keys.user_elsewhere(each)) for each in user_ids))
        return {
            user_id: frozenset(map(Region, filter(None, text.split(","))))
            for user_id, text in zip(user_ids, answers, strict=True)
            if text is not None
        }

    def note_elsewhere(self, regions: Mapping[UserId, frozenset[Region]]) -> None:
        held = {keys.user_elsewhere(each): ",".join(sorted(of)) for each, of in regions.items()}
        self._run(*(("SET", key, names, "EX", ELSEWHERE_S) for key, names in held.items()))

    def forget_elsewhere(self, user_id: UserId) -> None:
        self._run(("DEL", keys.user_elsewhere(user_id)))

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
        take = evaluate(scripts.TRAFFIC, [keys.stats_traffic()], now_ms, TRAFFIC_S)
        connections, (messages, since) = self._run(("GET", keys.stats_connections()), take)
        seconds = (now_ms - int(since)) / 1000 if since is not None else None
        known = int(connections) if connections is not None else None
        return Traffic(known, int(messages or 0), seconds)

    def ping(self) -> None:
        self._run(("GET", keys.stats_connections()))


def _join(room_id: RoomId, as_of: str, targets: Iterable[Target]) -> Command:
    users: dict[str, dict[str, str]] = {}
    for target in targets:
        users.setdefault(target.user_id, {})[target.connection_id] = dump(target)
    flat = [text for user, held in users.items() for text in (user, json.dumps(held))]
    held = [keys.room_joined(room_id), keys.room_left(room_id)]
    return evaluate(scripts.JOIN, held, ROOM_S, as_of, *flat)


def _spend(charge: Charge) -> Command:
    assert charge.payer is not None, "the user is known before anything is charged"
    return spend(keys.limits(charge.payer), charge)


def _entries(texts: Iterable[str]) -> list[Entry]:
    """A room's cached entries; none if one cannot be read, as the log has them too."""
    try:
        return [entry_from_json(json.loads(text.partition("|")[2])) for text in texts]
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as fault:
        telemetry.error("cache_unreadable", fault)
        return []


def _connection(fields: Mapping[str, str]) -> Connection:
    return Connection(
        target=target_of(fields["target"]),
        device_info=json.loads(fields["device_info"]),
        connected_at_ms=int(fields["connected_at"]),
        last_ping_ms=int(fields["last_ping"]),
        expires_at_s=int(fields["expires_at"]),
        roles=tuple(json.loads(fields["roles"])),
        rooms=tuple(json.loads(fields["rooms"])),
    )
