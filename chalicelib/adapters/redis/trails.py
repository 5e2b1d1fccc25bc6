"""Trails of sockets that can recover, in Redis: see `ports.Trails`.

A trail is a hash: target, pid, checkpoint, since, doubt, attempt, epoch, and `s:{room}:{region}`
for each stream. The epoch identifies the data of a server: it changes when the server restarts,
and when a replica, which may lag, becomes the primary. If it has changed since the trail was
started, the trail may be an older one.
https://valkey.io/commands/info/
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from ...kernel.records import target_from_json, target_to_json
from ...model.connections import Target
from ...model.identifiers import Region, RoomId, Stream
from ...model.sessions import Trail
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
_BEGIN = script(
    _EPOCH
    + """
local held = redis.call('HMGET', KEYS[1], 'target', 'pid', 'checkpoint', 'since', 'doubt',
  'attempt', ARGV[1], 'epoch')
if not held[1] then return false end
redis.call('HSET', KEYS[1], 'doubt', '1')
if held[8] and held[8] ~= epoch() then held[5] = '1' end
return {held[1], held[2], held[3], held[4], held[5], held[6] or '', held[7]}
"""
)
_SET = script("""
if redis.call('HEXISTS', KEYS[1], 'target') == 0 then return 0 end
for i = 1, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('EXPIRE', KEYS[1], 10800)
return 1
""")


class RedisTrails:
    def __init__(self, client: RedisClient) -> None:
        self._run = client.run

    def start(self, sid: str, trail: Trail, seen: Mapping[Stream, int]) -> None:
        fields: dict[str, str | int] = {
            "target": json.dumps(target_to_json(trail.target)),
            "pid": trail.pid,
            "checkpoint": trail.checkpoint_id,
            "since": json.dumps(trail.since),
            "doubt": _flag(trail.in_doubt),
            "attempt": trail.attempt,
            **{_field(stream): seq for stream, seq in seen.items()},
        }
        flat = (each for pair in fields.items() for each in pair)
        self._run(evaluate(_START, [keys.trail(sid)], TRAIL_S, *flat))

    def begin(self, sid: str, stream: Stream) -> Trail | None:
        (held,) = self._run(evaluate(_BEGIN, [keys.trail(sid)], _field(stream)))
        if not held:
            return None
        target, pid, checkpoint, since, doubt, attempt, *seq = held
        return Trail(
            target=target_from_json(json.loads(target)),
            pid=pid,
            checkpoint_id=checkpoint,
            since=tuple((RoomId(r), Region(g), int(n)) for r, g, n in json.loads(since)),
            seq=int(seq[0]) if seq and seq[0] is not None else None,
            in_doubt=doubt == _flag(True),
            attempt=attempt,
        )

    def done(self, sid: str, trail: Trail, stream: Stream, seq: int) -> None:
        known = ("checkpoint", trail.checkpoint_id, "since", json.dumps(trail.since))
        settled = ("doubt", _flag(False), _field(stream), seq)
        self._run(evaluate(_SET, [keys.trail(sid)], *known, *settled))

    def undo(self, sid: str) -> None:
        self._run(evaluate(_SET, [keys.trail(sid)], "doubt", _flag(False)))

    def seen(self, sid: str) -> dict[Stream, int]:
        (fields,) = self._run(("HGETALL", keys.trail(sid)))
        return {_stream(name): int(n) for name, n in fields.items() if name.startswith("s:")}

    def follow(self, sid: str, target: Target) -> None:
        self._run(evaluate(_SET, [keys.trail(sid)], "target", json.dumps(target_to_json(target))))


def _flag(on: bool) -> str:
    return "1" if on else "0"


def _field(stream: Stream) -> str:
    return f"s:{stream[0]}:{stream[1]}"


def _stream(field: str) -> Stream:
    _, room, region = field.split(":")
    return RoomId(room), Region(region)
