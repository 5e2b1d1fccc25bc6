"""Engine.IO sessions in Redis: see `ports.EngineSessions`."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ...kernel.errors import Conflict, NotFound, TooLarge
from ...kernel.records import target_from_json, target_to_json
from ...model.connections import Target
from ...model.identifiers import ConnectionId, UserId
from ...model.sessions import EngineSession, PacketPart
from . import keys
from .client import RedisClient, evaluate
from .keys import PARTS_S, SESSION_S
from .scripts import script

# A socket's timeout is one second, so a poll waits in steps shorter than that.
LONGEST_WAIT_S, UPGRADED_S, MAX_FRAMES, STALLED_MS = 0.8, 120, 1_000, 10_000
MAX_PARTS = 66  # two packets with the maximum number of attachments

_PING = script("""
if redis.call('HGET', KEYS[1], 'ping') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'ping', ARGV[2])
return 1
""")
_PONG = script("""
if redis.call('EXISTS', KEYS[1]) == 0 then return {} end
redis.call('HSET', KEYS[1], 'pong', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return redis.call('HGETALL', KEYS[1])
""")
_CONNECT = script("""
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], ARGV[1], '1') end
return 1
""")
# Parts are fields "<number>" = "<at>|<wanted>|<part>", and `n` counts them. Returns the parts
# that wait, as "<number>|<at>|<wanted>".
_GATHERED = """
local held = {}
local fields = redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  if fields[i] ~= 'n' then
    held[#held + 1] = fields[i] .. '|' .. string.match(fields[i + 1], '^%d+|%d*')
  end
end
"""
_GATHER = script(
    """
local n = redis.call('HINCRBY', KEYS[1], 'n', 1)
local at = ARGV[1] == '' and n or ARGV[1]
redis.call('HSET', KEYS[1], n, at .. '|' .. ARGV[2] .. '|' .. ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
"""
    + _GATHERED
    + """
if #held <= tonumber(ARGV[5]) then return held end
redis.call('DEL', KEYS[1])
return 'full'
"""
)
_WAITING = script(_GATHERED + "return held")
_HAND_OUT = script("""
local parts = redis.call('HMGET', KEYS[1], unpack(ARGV))
for i = 1, #ARGV do
  if not parts[i] then return false end
  parts[i] = string.match(parts[i], '^%d+|%d*|(.*)$')
end
redis.call('HDEL', KEYS[1], unpack(ARGV))
return parts
""")


# Keys: session, outbox, bell, farewell, parts. A poll blocks on the bell; if an element of the
# bell is lost, the poll sees its frames a second later.
_PUSH = script("""
local s = redis.call('HMGET', KEYS[1], 'target', 'to', 'upgraded')
if not s[1] then return 0 end
if s[3] then return s[2] end
if redis.call('LLEN', KEYS[2]) + #ARGV - 1 > tonumber(ARGV[1]) then return 0 end
for i = 2, #ARGV do redis.call('RPUSH', KEYS[2], ARGV[i]) end
redis.call('EXPIRE', KEYS[2], 10800)
redis.call('RPUSH', KEYS[3], '1')
redis.call('LTRIM', KEYS[3], -1, -1)
redis.call('EXPIRE', KEYS[3], 60)
return 1
""")
_POLL = script("""
local s = redis.call('HMGET', KEYS[1], 'target', 'to', 'poll', 'until')
if not s[1] or s[2] then return -1 end
if s[3] and s[3] ~= '' and tonumber(ARGV[3]) < tonumber(s[4]) then return 0 end
redis.call('HSET', KEYS[1], 'poll', ARGV[1], 'until', ARGV[2])
return 1
""")
_TAKE = script("""
local s = redis.call('HMGET', KEYS[1], 'target', 'to', 'poll')
if not s[1] or s[3] ~= ARGV[1] then return {redis.call('GETDEL', KEYS[4]) or '1'} end
if s[2] then
  redis.call('HSET', KEYS[1], 'poll', '')
  return {'6'}
end
local held = redis.call('LRANGE', KEYS[2], 0, -1)
if #held == 0 then return false end
redis.call('DEL', KEYS[2], KEYS[3])
redis.call('HSET', KEYS[1], 'poll', '')
return held
""")
_CLOSE = script("""
local known = redis.call('DEL', KEYS[1])
redis.call('DEL', KEYS[2], KEYS[5])
if known == 1 then
  redis.call('SET', KEYS[4], ARGV[1], 'EX', 2)
  redis.call('RPUSH', KEYS[3], '1')
  redis.call('EXPIRE', KEYS[3], 60)
end
return 1
""")
_PROBE = script("""
local s = redis.call('HMGET', KEYS[1], 'target', 'poll')
if not s[1] then return 0 end
redis.call('HSET', KEYS[1], 'probed', ARGV[1])
if ARGV[1] ~= '0' and s[2] and s[2] ~= '' then
  redis.call('RPUSH', KEYS[2], '6')
  redis.call('RPUSH', KEYS[3], '1')
end
return 1
""")
_FAREWELL = script("""
if redis.call('GET', KEYS[4]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[4])
""")
_DRAIN = script("""
local s = redis.call('HMGET', KEYS[1], 'target', 'to', 'mover', 'moved')
if not s[1] then return {} end
if s[2] and cjson.decode(s[2])[1] ~= cjson.decode(ARGV[1])[1] then return {} end
if s[3] and s[3] ~= ARGV[2] and tonumber(ARGV[3]) - tonumber(s[4]) < tonumber(ARGV[4]) then
  return 'busy'
end
redis.call('HSET', KEYS[1], 'to', ARGV[1], 'mover', ARGV[2], 'moved', ARGV[3])
redis.call('RPUSH', KEYS[3], '1')
redis.call('EXPIRE', KEYS[3], 60)
return redis.call('HGETALL', KEYS[1])
""")
_QUEUED = script("""
if redis.call('HGET', KEYS[1], 'mover') ~= ARGV[3] then return false end
redis.call('HSET', KEYS[1], 'moved', ARGV[4])
redis.call('LTRIM', KEYS[2], ARGV[1], -1)
local held = redis.call('LRANGE', KEYS[2], 0, -1)
if #held == 0 then
  redis.call('HSET', KEYS[1], 'upgraded', '1')
  redis.call('EXPIRE', KEYS[1], ARGV[2])
end
return held
""")


class RedisSessions:
    def __init__(self, client: RedisClient) -> None:
        self._run, self._wait = client.run, client.wait

    def open(self, session: EngineSession) -> None:
        key = keys.engine(session.target.connection_id)
        fields = {
            "target": json.dumps(target_to_json(session.target)),
            "device_info": json.dumps(dict(session.device_info)),
            "user_id": session.user_id or "",
            "expires_at": session.expires_at_s,
            "roles": json.dumps(list(session.roles)),
            "ping": session.ping_ms,
            "pong": session.pong_ms,
            "upgrades": session.upgrades or "",
            "probed": session.probed_ms,
            "recovers": "1" if session.recovers else "",
            **{f"ns:{namespace}": "1" for namespace in session.namespaces},
        }
        flat = (each for pair in fields.items() for each in pair)
        self._run(("HSET", key, *flat), ("EXPIRE", key, SESSION_S))

    def get(self, sid: ConnectionId) -> EngineSession | None:
        (fields,) = self._run(("HGETALL", keys.engine(sid)))
        return _session(fields) if "to" not in fields else None

    def ping(self, sid: ConnectionId, before_ms: int, now_ms: int) -> bool:
        (done,) = self._run(evaluate(_PING, [keys.engine(sid)], before_ms, now_ms))
        return bool(done)

    def pong(self, sid: ConnectionId, now_ms: int) -> EngineSession | None:
        (flat,) = self._run(evaluate(_PONG, [keys.engine(sid)], now_ms, SESSION_S))
        return _session(dict(zip(flat[::2], flat[1::2], strict=True)))

    def connect(self, sid: ConnectionId, namespace: str) -> None:
        self._run(evaluate(_CONNECT, [keys.engine(sid)], f"ns:{namespace}"))

    def gather(self, sid: ConnectionId, at_ms: int | None, part: str) -> list[PacketPart]:
        at = at_ms if at_ms is not None else ""
        wanted = "" if part.startswith("b") else part[1:].partition("-")[0]
        limits = PARTS_S, MAX_PARTS
        (found,) = self._run(
            evaluate(_GATHER, [keys.engine_parts(sid)], at, wanted, part, *limits), once=True
        )
        if found == "full":
            raise TooLarge("attachments: too many parts of incomplete packets")
        return [_part(each) for each in found]

    def gathered(self, sid: ConnectionId) -> list[PacketPart]:
        (found,) = self._run(evaluate(_WAITING, [keys.engine_parts(sid)]))
        return [_part(each) for each in found]

    def hand_out(self, sid: ConnectionId, parts: Sequence[PacketPart]) -> list[str] | None:
        numbers = [part.number for part in parts]
        (texts,) = self._run(evaluate(_HAND_OUT, [keys.engine_parts(sid)], *numbers), once=True)
        return list(texts) if texts else None

    def close(self, sid: ConnectionId, last: str = "1") -> None:
        self._run(evaluate(_CLOSE, _keys(sid), last))

    def farewell(self, sid: ConnectionId, last: str) -> bool:
        (had,) = self._run(evaluate(_FAREWELL, _keys(sid), last))
        return bool(had)

    def push(self, sid: ConnectionId, frames: Sequence[str]) -> Target | bool:
        (kept,) = self._run(evaluate(_PUSH, _keys(sid), MAX_FRAMES, *frames), once=True)
        return target_from_json(json.loads(kept)) if isinstance(kept, str) else bool(kept)

    def poll(self, sid: ConnectionId, poll: str, until_ms: int, now_ms: int) -> bool:
        (begun,) = self._run(evaluate(_POLL, _keys(sid), poll, until_ms, now_ms), once=True)
        if begun < 0:
            raise NotFound("the session does not exist or has ended; open a new one")
        return bool(begun)

    def take(self, sid: ConnectionId, poll: str) -> list[str] | None:
        (frames,) = self._run(evaluate(_TAKE, _keys(sid), poll), once=True)
        return list(frames) if frames else None

    def wait(self, sid: ConnectionId, seconds: float) -> None:
        self._wait(keys.engine_bell(sid), min(seconds, LONGEST_WAIT_S))

    def probe(self, sid: ConnectionId, now_ms: int) -> None:
        self._run(evaluate(_PROBE, _keys(sid), now_ms))

    def drain(self, sid: ConnectionId, to: Target, mover: str, now_ms: int) -> EngineSession | None:
        fields = json.dumps(target_to_json(to)), mover, now_ms, STALLED_MS
        (flat,) = self._run(evaluate(_DRAIN, _keys(sid), *fields))
        if flat == "busy":
            raise Conflict("another worker is moving this session's frames")
        return _session(dict(zip(flat[::2], flat[1::2], strict=True)))

    def queued(self, sid: ConnectionId, mover: str, done: int, now_ms: int) -> list[str] | None:
        (frames,) = self._run(
            evaluate(_QUEUED, _keys(sid), done, UPGRADED_S, mover, now_ms), once=True
        )
        return list(frames) if frames is not None else None


def _part(text: str) -> PacketPart:
    number, at, wanted = text.split("|")
    return PacketPart(int(number), int(at), int(wanted) if wanted else None)


def _keys(sid: ConnectionId) -> list[str]:
    return [
        keys.engine(sid),
        keys.engine_outbox(sid),
        keys.engine_bell(sid),
        keys.engine_farewell(sid),
        keys.engine_parts(sid),
    ]


def _session(fields: dict[str, str]) -> EngineSession | None:
    if "target" not in fields:
        return None
    return EngineSession(
        target=target_from_json(json.loads(fields["target"])),
        device_info=json.loads(fields["device_info"]),
        user_id=UserId(fields["user_id"]) if fields["user_id"] else None,
        expires_at_s=int(fields["expires_at"]),
        roles=tuple(json.loads(fields["roles"])),
        ping_ms=int(fields["ping"]),
        pong_ms=int(fields["pong"]),
        probed_ms=int(fields["probed"]),
        recovers=bool(fields["recovers"]),
        upgrades=ConnectionId(fields["upgrades"]) if fields["upgrades"] else None,
        namespaces=frozenset(name[3:] for name in fields if name.startswith("ns:")),
    )
