"""Redis scripts: atomic operations on keys of one slot. Sent by their digest.

https://valkey.io/topics/eval-intro/
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Script:
    text: str
    sha: str


def script(text: str) -> Script:
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


# User, a new version, expiry: the version and the user's role.
MEMBER = script("""
local v = redis.call('GET', KEYS[1])
if not v then
  v = ARGV[2]
  redis.call('SET', KEYS[1], v, 'EX', ARGV[3])
end
return {v, redis.call('HGET', KEYS[2], ARGV[1])}
""")
# The version and the members with their roles; if they are more than the argument, their number.
MEMBERS = script("""
local v, n = redis.call('GET', KEYS[1]), redis.call('HLEN', KEYS[2])
if not v or n == 0 then return {v, false} end
if n > tonumber(ARGV[1]) then return {v, n} end
return {v, redis.call('HGETALL', KEYS[2])}
""")
FILL_BUCKET = script("""
redis.call('DEL', KEYS[1])
for i = 2, #ARGV, 1000 do
  redis.call('SADD', KEYS[1], unpack(ARGV, i, math.min(i + 999, #ARGV)))
end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return 1
""")
FILL_MEMBERS = script("""
local v = redis.call('GET', KEYS[1])
if (v or '') ~= ARGV[1] then return false end
if not v then v = ARGV[2] end
redis.call('SET', KEYS[1], v, 'EX', ARGV[3])
redis.call('DEL', KEYS[2])
for i = 4, #ARGV, 1000 do
  redis.call('HSET', KEYS[2], unpack(ARGV, i, math.min(i + 999, #ARGV)))
end
redis.call('EXPIRE', KEYS[2], ARGV[3])
return v
""")
# Atomic: a reader in between would take the old members for those of the new version.
BUMP = script("""
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
redis.call('DEL', KEYS[2])
return 1
""")
GRANT = script("""
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end
return 1
""")
# Adds targets, by user and connection; true if the (last) user had no connection before.
JOIN = script("""
local held
for i = 3, #ARGV, 2 do
  held = redis.call('HGET', KEYS[1], ARGV[i])
  local all = held and cjson.decode(held) or {}
  for connection, target in pairs(cjson.decode(ARGV[i + 1])) do all[connection] = target end
  redis.call('HSET', KEYS[1], ARGV[i], cjson.encode(all))
end
if ARGV[2] == 'complete' then redis.call('HSET', KEYS[1], '', '1') end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return held and 0 or 1
""")
LEAVE = script("""
local held = redis.call('HGET', KEYS[1], ARGV[1])
local all = held and cjson.decode(held) or {}
if all[ARGV[2]] == nil then return 0 end
all[ARGV[2]] = nil
if next(all) then
  redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(all))
  return 0
end
redis.call('HDEL', KEYS[1], ARGV[1])
return 1
""")
# Members are "<message_id>|{...}", and "~" sorts after "{".
RECENT = script("""
for i = 3, #ARGV, 2 do
  redis.call('ZREMRANGEBYLEX', KEYS[1], '[' .. ARGV[i], '(' .. ARGV[i] .. '~')
  redis.call('ZADD', KEYS[1], 0, ARGV[i] .. ARGV[i + 1])
end
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -(tonumber(ARGV[1]) + 1))
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
""")
TYPING = script("""
local held = redis.call('HGET', KEYS[1], ARGV[1])
if not held or tonumber(held) < tonumber(ARGV[2]) then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
""")
# A token bucket that holds one second's rate.
LEASE = script("""
local b = redis.call('HMGET', KEYS[1], 'level', 'at')
local want, rate, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local level, at = tonumber(b[1]) or rate, tonumber(b[2]) or now
level = math.min(rate, level + math.max(0, now - at) * rate / 1000)
local granted = math.min(want, math.floor(level))
redis.call('HSET', KEYS[1], 'level', string.format('%.17g', level - granted),
  'at', string.format('%.0f', math.max(now, at)))
redis.call('EXPIRE', KEYS[1], 60)
return granted
""")
# A token bucket as a field "level|at"; returns the milliseconds to wait. Without an expiry, the
# bucket is a field of a connection's hash, which it must not recreate.
SPEND = script("""
if ARGV[5] == '0' and redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local rate, burst, now = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local level, at = burst, now
local held = redis.call('HGET', KEYS[1], ARGV[1])
if held then
  local bar = string.find(held, '|', 1, true)
  level, at = tonumber(string.sub(held, 1, bar - 1)), tonumber(string.sub(held, bar + 1))
end
level = math.min(burst, level + math.max(0, now - at) * rate / 1000)
if level < 1 then return math.ceil((1 - level) * 1000 / rate) end
local text = string.format('%.17g', level - 1) .. '|' .. string.format('%.0f', math.max(now, at))
redis.call('HSET', KEYS[1], ARGV[1], text)
if ARGV[5] ~= '0' then redis.call('EXPIRE', KEYS[1], ARGV[5]) end
return 0
""")
RETURN_TICKET = script("""
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DECR', KEYS[1]) end
return 1
""")
TRAFFIC = script("""
local held = redis.call('HMGET', KEYS[1], 'messages', 'since')
redis.call('HSET', KEYS[1], 'messages', 0, 'since', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return held
""")
