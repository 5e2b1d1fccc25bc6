"""The leases of deliveries in Redis: see `ports.DeliveryLeases`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ...kernel.records import entry_to_json
from ...model.connections import Online
from ...model.delivery import Lane, Lease
from ...model.identifiers import Stream, UserId
from ...model.log import Entry
from . import keys, scripts
from .client import Command, RedisClient, evaluate
from .keys import RECENT, ROOM_S
from .registry import online_of, read_online

# Takes the lease, if it is free or one's own. Keys: lease, delivered, line. Arguments: token,
# lease_ms, expiry; the seq at which the cursor must be, and then nobody may stand in line.
# Returns what the last holder left, or how long the present one has it.
_TAKE = scripts.script("""
local holder = redis.call('GET', KEYS[1])
local left = redis.call('HMGET', KEYS[2], 'fence', 'at', 'plain')
if ARGV[4] then
  if left[2] and left[2] ~= ARGV[4] then return {0, 0} end
  if redis.call('EXISTS', KEYS[3]) == 1 then return {0, 0} end
end
if holder and holder ~= ARGV[1] then
  return {0, math.max(1, redis.call('PTTL', KEYS[1]))}
end
local time = redis.call('TIME')
local fence = math.max((tonumber(left[1]) or 0) + 1, time[1] * 1000000 + time[2])
fence = string.format('%.0f', fence)
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('HSET', KEYS[2], 'fence', fence)
redis.call('HDEL', KEYS[2], 'at', 'plain')
redis.call('EXPIRE', KEYS[2], ARGV[3])
return {1, fence, left[2], left[3]}
""")
# Keys: lease, delivered. Arguments: token, expiry, the cursor's seq ('' if unknown), and whether
# the cursor is plain.
_RELEASE = scripts.script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
if ARGV[3] ~= '' then redis.call('HSET', KEYS[2], 'at', ARGV[3], 'plain', ARGV[4]) end
redis.call('EXPIRE', KEYS[2], ARGV[2])
return 1
""")


class RedisLeases:
    def __init__(self, client: RedisClient) -> None:
        self._run = client.run

    def take_lease(self, stream: Stream, token: str, lease_ms: int) -> Lease | int:
        (answer,) = self._run(evaluate(_TAKE, _keys(stream), token, lease_ms, ROOM_S))
        return _taken(answer)

    def take_lane(
        self,
        stream: Stream,
        token: str,
        lease_ms: int,
        entries: Sequence[Entry],
        users: Sequence[UserId],
    ) -> Lane | None:
        before = entries[0].seq - 1
        asked, online = read_online(users)
        answer, _, version, *found = self._run(
            evaluate(_TAKE, _keys(stream), token, lease_ms, ROOM_S, before),
            cache_recent(stream[0], entries),
            ("GET", keys.room_version(stream[0])),
            *online,
        )
        lease = _taken(answer)
        if isinstance(lease, int):
            return None
        known: Online = online_of(asked, found)
        return Lane(lease, version, known)

    def release_lease(
        self, stream: Stream, token: str, at: int | None, plain: bool, delivered: int = 0
    ) -> None:
        left = "" if at is None else at, int(plain)
        release = evaluate(_RELEASE, _keys(stream)[:2], token, ROOM_S, *left)
        self._run(release, *([count_delivered(delivered)] if delivered else []))


def cache_recent(room_id: str, entries: Sequence[Entry]) -> Command:
    """Add entries to the newest of a room."""
    flat = [t for e in entries for t in (f"{e.message_id}|", json.dumps(entry_to_json(e)))]
    return evaluate(scripts.RECENT, [keys.conversation_recent(room_id)], RECENT, ROOM_S, *flat)


def count_delivered(entries: int) -> Command:
    """Count delivered entries for the metrics."""
    return ("HINCRBY", keys.stats_traffic(), "messages", entries)


def _taken(answer: Any) -> Lease | int:
    if not answer[0]:
        return int(answer[1])
    _, fence, *left = answer
    at, plain = (*left, None, None)[:2]
    return Lease(int(fence), int(at) if at is not None else None, plain == "1")


def _keys(stream: Stream) -> list[str]:
    return [
        keys.delivery_lease(*stream),
        keys.stream_delivered(*stream),
        keys.stream_line(*stream),
    ]
