"""Trails of sockets that can recover, in Redis: see `ports.Trails`.

A trail is a hash: target, pid, checkpoint, since, doubt, attempt, epoch; for each stream
`s:{room}:{region}`, the seq sent, and `f:{room}:{region}` while a delivery posts its entries. The
epoch identifies the data of a server: it changes when the server restarts, and when a replica,
which may lag, becomes the primary. If it has changed since the trail was started, the trail may be
an older one. https://valkey.io/commands/info/
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...kernel.records import target_from_json, target_to_json
from ...model.connections import Target
from ...model.identifiers import ConnectionId, Region, RoomId, Stream
from ...model.sessions import StreamsSent, Trail
from . import keys
from .client import RedisClient, evaluate
from .keys import TRAIL_S
from .scripts import script

# A server that does not say who it is has one epoch: then an older trail is not noticed.
_EPOCH = """
local function epoch()
  local server, replication = redis.pcall('INFO', 'server'), redis.pcall('INFO', 'replication')
  if type(server) ~= 'string' or type(replication) ~= 'string' then return '' end
  local run = string.match(server, 'run_id:(%x+)') or ''
  return run .. ':' .. (string.match(replication, 'master_replid:(%x+)') or '')
end
"""
_START = script(
    _EPOCH
    + """
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'epoch', epoch())
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return 1
"""
)
_READ = """
local function read(...)
  return redis.call('HMGET', KEYS[1], 'target', 'pid', 'checkpoint', 'since', 'doubt', 'attempt',
    'epoch', ...)
end
"""
_HOLD = script(
    _EPOCH
    + _READ
    + """
local held = read()
if not held[1] then return {epoch()} end
redis.call('HSET', KEYS[1], 'doubt', '1')
return {epoch(), unpack(held, 1, 7)}
"""
)
# ARGV: the fields of the stream, after ('' for any), up to, mark, and whether to say the epoch,
# which is the same for all keys of a node.
_BEGIN = script(
    _EPOCH
    + _READ
    + """
local now = ARGV[6] == '1' and epoch() or ''
local held = read(ARGV[1], ARGV[2])
if not held[1] then return {now} end
local seq = tonumber(held[8] or 0)
local next = seq < tonumber(ARGV[4]) and (ARGV[3] == '' or seq >= tonumber(ARGV[3]))
local begun = next and held[5] ~= '1' and not held[9]
if begun then redis.call('HSET', KEYS[1], ARGV[2], ARGV[5]) end
return {now, held[1], held[2], held[3], held[4], held[5], held[6], held[7], held[8],
  held[9] and 1 or 0, begun and 1 or 0}
"""
)
# ARGV: the fields of the stream, mark, the seq ('' for nothing sent), room, region, seconds.
_SETTLE = script("""
if redis.call('HGET', KEYS[1], ARGV[2]) ~= ARGV[3] then return -1 end
redis.call('HDEL', KEYS[1], ARGV[2])
local since = cjson.decode(redis.call('HGET', KEYS[1], 'since'))
local seq = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or 0)
if ARGV[4] ~= '' and tonumber(ARGV[4]) > seq then
  local kept = {}
  for _, each in ipairs(since) do
    if each[1] ~= ARGV[5] or each[2] ~= ARGV[6] then kept[#kept + 1] = each end
  end
  kept[#kept + 1] = {ARGV[5], ARGV[6], ARGV[4]}
  since = kept
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[4], 'since', cjson.encode(since))
end
redis.call('EXPIRE', KEYS[1], ARGV[7])
return #since
""")
# ARGV: checkpoint, seconds; then room, region and seq of the streams that it covers.
_REBASE = script("""
local held = redis.call('HGET', KEYS[1], 'since')
if not held then return 0 end
local covered, kept = {}, {}
for i = 3, #ARGV, 3 do covered[ARGV[i] .. ':' .. ARGV[i + 1]] = tonumber(ARGV[i + 2]) end
for _, each in ipairs(cjson.decode(held)) do
  if tonumber(each[3]) > (covered[each[1] .. ':' .. each[2]] or -1) then kept[#kept + 1] = each end
end
local since = #kept > 0 and cjson.encode(kept) or '[]'
redis.call('HSET', KEYS[1], 'checkpoint', ARGV[1], 'since', since)
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
""")
_RELEASE = script("""
if redis.call('HEXISTS', KEYS[1], 'target') == 0 then return 0 end
redis.call('HSET', KEYS[1], 'doubt', '0')
redis.call('EXPIRE', KEYS[1], ARGV[1])
return 1
""")
# ARGV: the old connection, the new target, seconds.
_FOLLOW = script("""
local held = redis.call('HGET', KEYS[1], 'target')
if not held or cjson.decode(held)[1] ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'target', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
""")


class RedisTrails:
    def __init__(self, client: RedisClient) -> None:
        self._client = client
        self._run = client.run

    def start(self, sid: str, trail: Trail, seen: Mapping[Stream, int]) -> None:
        fields: dict[str, str | int] = {
            "target": json.dumps(target_to_json(trail.target)),
            "pid": trail.pid,
            "checkpoint": trail.checkpoint_id,
            "since": json.dumps(trail.since),
            "doubt": _flag(trail.in_doubt),
            "attempt": trail.attempt,
            **{_sent(stream): seq for stream, seq in seen.items()},
        }
        flat = (each for pair in fields.items() for each in pair)
        self._run(evaluate(_START, [keys.trail(sid)], TRAIL_S, *flat))

    def hold(self, sid: str) -> Trail | None:
        (found,) = self._run(evaluate(_HOLD, [keys.trail(sid)]))
        return _Found.of(found).trail(found[0])

    def release(self, sid: str) -> None:
        self._run(evaluate(_RELEASE, [keys.trail(sid)], TRAIL_S))

    def begin(
        self, sids: Sequence[str], stream: Stream, after: int | None, upto: int, mark: str
    ) -> list[Trail | None]:
        named = [keys.trail(sid) for sid in sids]
        leaders = self._client.leaders(named)
        start = "" if after is None else after
        fields = _sent(stream), _mark(stream)
        found = self._run(
            *(
                evaluate(_BEGIN, [key], *fields, start, upto, mark, _flag(leaders[index] == index))
                for index, key in enumerate(named)
            )
        )
        return [
            _Found.of(each).trail(found[leader][0])
            for each, leader in zip(found, leaders, strict=True)
        ]

    def settle(self, stream: Stream, mark: str, sent: Mapping[str, int | None]) -> dict[str, int]:
        fields = _sent(stream), _mark(stream), mark
        counts = self._run(
            *(
                evaluate(
                    _SETTLE,
                    [keys.trail(sid)],
                    *fields,
                    "" if seq is None else seq,
                    *stream,
                    TRAIL_S,
                )
                for sid, seq in sent.items()
            )
        )
        return {sid: count for sid, count in zip(sent, counts, strict=True) if count >= 0}

    def sent(self, sids: Sequence[str]) -> dict[str, StreamsSent]:
        found = self._run(*(("HGETALL", keys.trail(sid)) for sid in sids))
        return {
            sid: StreamsSent(
                {_stream(name): int(n) for name, n in fields.items() if name.startswith("s:")},
                _since(fields["since"]),
            )
            for sid, fields in zip(sids, found, strict=True)
            if "since" in fields
        }

    def rebase(self, names: Mapping[str, str], sent: Mapping[str, StreamsSent]) -> None:
        self._run(
            *(
                evaluate(
                    _REBASE,
                    [keys.trail(sid)],
                    name,
                    TRAIL_S,
                    *(part for covered in sent[sid].since for part in covered),
                )
                for sid, name in names.items()
            )
        )

    def follow(self, sid: str, old: ConnectionId, target: Target) -> None:
        there = json.dumps(target_to_json(target))
        self._run(evaluate(_FOLLOW, [keys.trail(sid)], old, there, TRAIL_S))


@dataclass(frozen=True, slots=True)
class _Found:
    """A trail as the scripts answer it, and the epoch in which it was started."""

    known: Trail | None
    epoch: str | None = None

    @staticmethod
    def of(answer: Sequence[Any]) -> _Found:
        if len(answer) < 2:
            return _Found(None)
        _, target, pid, checkpoint, since, doubt, attempt, epoch, *stream = answer
        seq, held, begun = stream if stream else (None, 0, 0)
        trail = Trail(
            target=target_from_json(json.loads(target)),
            pid=pid,
            checkpoint_id=checkpoint,
            since=_since(since),
            seq=int(seq) if seq is not None else None,
            in_doubt=doubt == _flag(True),
            attempt=attempt or "",
            begun=begun == 1,
            held=held == 1,
        )
        return _Found(trail, epoch)

    def trail(self, epoch: str) -> Trail | None:
        """The trail in this epoch of the server; in doubt if it was started in another one."""
        if self.known is None or self.epoch in (None, epoch):
            return self.known
        return replace(self.known, in_doubt=True, begun=False)


def _flag(on: bool) -> str:
    return "1" if on else "0"


def _since(text: str) -> tuple[tuple[RoomId, Region, int], ...]:
    return tuple((RoomId(room), Region(region), int(n)) for room, region, n in json.loads(text))


def _sent(stream: Stream) -> str:
    return f"s:{stream[0]}:{stream[1]}"


def _mark(stream: Stream) -> str:
    return f"f:{stream[0]}:{stream[1]}"


def _stream(field: str) -> Stream:
    _, room, region = field.split(":")
    return RoomId(room), Region(region)
