"""Engine.IO sessions in Redis: see `ports.EngineSessions`."""

from __future__ import annotations

import json
from dataclasses import astuple

from ..errors import TooLarge
from ..model import ConnectionId, EngineSession, Target, UserId
from .redis_client import RedisClient, evaluate
from .redis_scripts import script

SESSION_S, PARTS_S = 3 * 3600, 10
MAX_PARTS = 66  # two packets with all the attachments that one may have

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
# Parts are "<at_ms>|<part>". Of one time, a packet's text stands before its attachments, and
# these as they came.
_GATHER = script("""
redis.call('RPUSH', KEYS[1], ARGV[1] .. '|' .. ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
local held = {}
for i, each in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  local bar = string.find(each, '|', 1, true)
  local part = string.sub(each, bar + 1)
  held[i] = {at = tonumber(string.sub(each, 1, bar - 1)), part = part, text = each, i = i,
    kind = string.sub(part, 1, 1) == 'b' and 1 or 0}
end
if #held > tonumber(ARGV[4]) then
  redis.call('DEL', KEYS[1])
  return 'full'
end
table.sort(held, function(a, b)
  if a.at ~= b.at then return a.at < b.at end
  if a.kind ~= b.kind then return a.kind < b.kind end
  return a.i < b.i
end)
for i, head in ipairs(held) do
  if head.kind == 0 then
    local wanted = tonumber(string.match(head.part, '^%d+'))
    local found = {string.sub(head.part, string.find(head.part, '|', 1, true) + 1)}
    local taken = {head.text}
    for j = i + 1, #held do
      if held[j].kind == 0 or #found > wanted then break end
      found[#found + 1] = held[j].part
      taken[#taken + 1] = held[j].text
    end
    if #found <= wanted then return false end
    for _, each in ipairs(taken) do redis.call('LREM', KEYS[1], 1, each) end
    return found
  end
end
return false
""")


class RedisSessions:
    def __init__(self, client: RedisClient) -> None:
        self._run = client.run

    def open(self, session: EngineSession) -> None:
        key = _key(session.target.connection_id)
        fields = {
            "target": json.dumps(astuple(session.target)),
            "device_info": json.dumps(dict(session.device_info)),
            "user_id": session.user_id or "",
            "expires_at": session.expires_at_s,
            "roles": json.dumps(list(session.roles)),
            "ping": session.ping_ms,
            "pong": session.pong_ms,
            **{f"ns:{namespace}": "1" for namespace in session.namespaces},
        }
        flat = (each for pair in fields.items() for each in pair)
        self._run(("HSET", key, *flat), ("EXPIRE", key, SESSION_S))

    def get(self, sid: ConnectionId) -> EngineSession | None:
        (fields,) = self._run(("HGETALL", _key(sid)))
        return _session(fields)

    def ping(self, sid: ConnectionId, before_ms: int, now_ms: int) -> bool:
        (done,) = self._run(evaluate(_PING, [_key(sid)], before_ms, now_ms))
        return bool(done)

    def pong(self, sid: ConnectionId, now_ms: int) -> EngineSession | None:
        (flat,) = self._run(evaluate(_PONG, [_key(sid)], now_ms, SESSION_S))
        return _session(dict(zip(flat[::2], flat[1::2], strict=True)))

    def connect(self, sid: ConnectionId, namespace: str) -> None:
        self._run(evaluate(_CONNECT, [_key(sid)], f"ns:{namespace}"))

    def gather(self, sid: ConnectionId, at_ms: int, part: str) -> list[str] | None:
        script_ = evaluate(
            _GATHER, [f"{_key(sid)}:parts"], at_ms, _marked(part), PARTS_S, MAX_PARTS
        )
        (found,) = self._run(script_)
        if found == "full":
            raise TooLarge("attachments: too many parts of packets wait for others")
        return list(found) if found else None

    def close(self, sid: ConnectionId) -> None:
        self._run(("DEL", _key(sid)), ("DEL", f"{_key(sid)}:parts"))


def _marked(part: str) -> str:
    """A packet's text with the number of its attachments before it, for the script to read."""
    if part.startswith("b"):
        return part
    return f"{part[1:].partition('-')[0]}|{part}"


def _key(sid: ConnectionId) -> str:
    return f"engine:{sid}"


def _session(fields: dict[str, str]) -> EngineSession | None:
    if "target" not in fields:
        return None
    return EngineSession(
        target=Target(*json.loads(fields["target"])),
        device_info=json.loads(fields["device_info"]),
        user_id=UserId(fields["user_id"]) if fields["user_id"] else None,
        expires_at_s=int(fields["expires_at"]),
        roles=tuple(json.loads(fields["roles"])),
        ping_ms=int(fields["ping"]),
        pong_ms=int(fields["pong"]),
        namespaces=frozenset(name[3:] for name in fields if name.startswith("ns:")),
    )
