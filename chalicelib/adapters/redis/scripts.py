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
# A room without a version gets one. Members that are left without a version are outdated.
# Arguments: user ("" for nobody), new version, expiry, up to how many members are returned. A room
# without members has the member "" only.
ROLE = script("""
local v = redis.call('GET', KEYS[1])
if v then
  local role, members, most = false, false, tonumber(ARGV[4])
  if ARGV[1] ~= '' then role = redis.call('HGET', KEYS[2], ARGV[1]) end
  if most > 0 and redis.call('HEXISTS', KEYS[2], '') == 0 then
    local size = redis.call('HLEN', KEYS[2])
    if size > 0 and size <= most then members = redis.call('HKEYS', KEYS[2]) end
  end
  return {v, role, members}
end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
redis.call('DEL', KEYS[2])
return {ARGV[2], false, false}
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
# INFO may be refused or have no replication id: then a failover is not noticed here.
REPLICATION = """
local function replication()
  local info = redis.pcall('INFO', 'replication')
  return type(info) == 'string' and string.match(info, 'master_replid:(%w+)') or ''
end
"""
# A room's audience names the primary on which it was begun, in a field beside the users. On another
# primary it is dropped: it may lack the last joins and leaves.
_AUDIENCE = (
    REPLICATION
    + """
local primary = '\\n' .. replication()
if redis.call('HEXISTS', KEYS[1], primary) == 0 then redis.call('DEL', KEYS[1]) end
local function as_of() return (redis.call('GET', KEYS[2]) or '0') .. primary end
"""
)
# Adds targets, by user and connection; true if the (last) user had no connection before. A fill is
# refused (-1) if a connection left or Redis failed over since its targets were read. Joins do not
# extend the hash's life: an hour after the fill it is read from the store again.
JOIN = script(
    _AUDIENCE
    + """
local fill = ARGV[2] ~= ''
if fill and as_of() ~= ARGV[2] then return -1 end
local held
for i = 3, #ARGV, 2 do
  held = redis.call('HGET', KEYS[1], ARGV[i])
  local all = held and cjson.decode(held) or {}
  for connection, target in pairs(cjson.decode(ARGV[i + 1])) do all[connection] = target end
  redis.call('HSET', KEYS[1], ARGV[i], cjson.encode(all))
end
redis.call('HSET', KEYS[1], primary, '{}')
if fill then redis.call('HSET', KEYS[1], '', '1') end
if fill or redis.call('TTL', KEYS[1]) < 0 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return held and 0 or 1
"""
)
# -1 if nothing is known of the user, and the hash is not complete.
LEAVE = script(
    _AUDIENCE
    + """
redis.call('INCR', KEYS[2])
redis.call('EXPIRE', KEYS[2], ARGV[3])
local held = redis.call('HGET', KEYS[1], ARGV[1])
local all = held and cjson.decode(held) or {}
if all[ARGV[2]] == nil then
  return (held or redis.call('HEXISTS', KEYS[1], '') == 1) and 0 or -1
end
all[ARGV[2]] = nil
if next(all) then
  redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(all))
  return 0
end
redis.call('HDEL', KEYS[1], ARGV[1])
return 1
"""
)
# The joined connections, what a fill has to show, and which of their users are members (if those
# are cached).
AUDIENCE = script(
    _AUDIENCE
    + """
local joined, members = redis.call('HGETALL', KEYS[1]), false
if redis.call('EXISTS', KEYS[3]) == 1 and redis.call('EXISTS', KEYS[4]) == 1 then
  members = {}
  for i = 1, #joined, 2 do
    local user = joined[i]
    if user ~= '' and redis.call('HEXISTS', KEYS[4], user) == 1 then
      table.insert(members, user)
    end
  end
end
return {joined, as_of(), members}
"""
)
# Members are "<message_id>|{...}", and "~" sorts after "{".
# Who writes an entry late does not replace what was deleted since.
RECENT = script("""
for i = 3, #ARGV, 2 do
  local from, to = '[' .. ARGV[i], '(' .. ARGV[i] .. '~'
  local held = redis.call('ZRANGEBYLEX', KEYS[1], from, to)[1]
  local read, entry = pcall(cjson.decode, held and string.sub(held, #ARGV[i] + 1) or '{}')
  if not (read and entry.deleted) then
    redis.call('ZREMRANGEBYLEX', KEYS[1], from, to)
    redis.call('ZADD', KEYS[1], 0, ARGV[i] .. ARGV[i + 1])
  end
end
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -(tonumber(ARGV[1]) + 1))
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
""")
# Users with their newest start; with a line feed before them, the last one that others were told.
START_TYPING = script("""
local since = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0')
local at, again = tonumber(ARGV[2]), tonumber(ARGV[3])
if since > at then return 0 end
local told = since > 0 and tonumber(redis.call('HGET', KEYS[1], '\\n' .. ARGV[1]) or '0') or 0
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[4])
if at - told < again then return 0 end
redis.call('HSET', KEYS[1], '\\n' .. ARGV[1], ARGV[2])
return 1
""")
STOP_TYPING = script("""
local since = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0')
if since == 0 or since > tonumber(ARGV[2]) then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1], '\\n' .. ARGV[1])
return 1
""")
NEWEST = script("""
local held = redis.call('HGET', KEYS[1], ARGV[1])
if held and tonumber(held) > tonumber(ARGV[2]) then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
""")
# Milliseconds by the server's clock. Callers' clocks differ: with the time of one that is ahead, a
# bucket would gain nothing until the others get there.
NOW = """
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
"""
# Token buckets that hold one second's rate: the region's, and a room's share of it. What a room
# takes beyond its share must leave the region's bucket half full.
LEASE = script(
    NOW
    + """
local function filled(key, rate)
  local b = redis.call('HMGET', key, 'level', 'at')
  local level, at = tonumber(b[1]) or rate, math.min(tonumber(b[2]) or now, now)
  return math.min(rate, level + (now - at) * rate / 1000)
end
local function keep(key, level)
  redis.call('HSET', key, 'level', string.format('%.17g', level), 'at', string.format('%.0f', now))
  redis.call('EXPIRE', key, 60)
end
local want, rate, share = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local level = filled(KEYS[1], rate)
local granted
if share == 0 then
  granted = math.min(want, math.floor(level))
else
  local own = filled(KEYS[2], share)
  local within = math.min(want, math.floor(own), math.floor(level))
  local beyond = math.floor(math.max(0, level - within - rate / 2))
  granted = within + math.min(want - within, beyond)
  keep(KEYS[2], own - within)
end
keep(KEYS[1], level - granted)
return granted
"""
)
# Counts of the current ten seconds and of the ten before.
NOTE_POSTS = script(
    NOW
    + """
local window = math.floor(now / 10000)
local held = redis.call('HMGET', KEYS[1], 'window', 'taken', 'refused')
local taken, refused = tonumber(held[2]) or 0, tonumber(held[3]) or 0
local at = tonumber(held[1])
if at ~= window then
  if at ~= window - 1 then taken, refused = 0, 0 end
  redis.call('HSET', KEYS[1], 'window', window, 'taken_before', taken, 'refused_before', refused)
  taken, refused = 0, 0
end
redis.call('HSET', KEYS[1], 'taken', taken + ARGV[1], 'refused', refused + ARGV[2])
redis.call('EXPIRE', KEYS[1], 20)
return 1
"""
)
TALLY = script("""
local count = redis.call('INCR', KEYS[1])
redis.call('EXPIRE', KEYS[1], ARGV[1])
return count
""")
TRAFFIC = script("""
local held = redis.call('HMGET', KEYS[1], 'messages', 'since')
redis.call('HSET', KEYS[1], 'messages', 0, 'since', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return held
""")
