"""Redis scripts of the registry.

Those of a bucket have its keys: online, users, warm, heard, asked. `heard` and `asked` have only
connections without a heartbeat. Their member is an argument; for others it is "".
"""

from __future__ import annotations

from .scripts import REPLICATION, script

# A field of the bucket's hash beside its users; no user has such an id.
COUNT = "\n"

_WARM = (
    REPLICATION
    + """
local function warm()
  local mark = redis.call('GET', KEYS[3])
  return mark and mark == (redis.call('HGET', KEYS[1], '') or '') .. '|' .. replication()
    and redis.call('SISMEMBER', KEYS[2], '') == 1 and redis.call('ZSCORE', KEYS[4], '')
end
"""
)
_DEVICES = """
local function devices(user)
  local held = redis.call('HGET', KEYS[1], user)
  return held and cjson.decode(held) or {}
end
local function keep(user, all)
  redis.call('HSET', KEYS[1], user, cjson.encode(all))
  redis.call('SADD', KEYS[2], user)
end
local function count(change)
  redis.call('HINCRBY', KEYS[1], '\\n', change)
end
"""
_EXTEND = """
local function extend(seconds)
  redis.call('EXPIRE', KEYS[1], seconds)
  redis.call('EXPIRE', KEYS[2], seconds)
  redis.call('EXPIRE', KEYS[4], seconds)
end
"""

# User, connection, target, expiry, member, when it was heard: how many the user has now, and
# whether it was missing in a warm bucket.
REGISTER = script(
    _WARM
    + _DEVICES
    + _EXTEND
    + """
local all = devices(ARGV[1])
local missing = not all[ARGV[2]]
local hidden = missing and warm()
if missing then count(1) end
all[ARGV[2]] = ARGV[3]
keep(ARGV[1], all)
if ARGV[5] ~= '' then redis.call('ZADD', KEYS[4], 'NX', ARGV[6], ARGV[5]) end
extend(ARGV[4])
local number = 0
for _ in pairs(all) do number = number + 1 end
return {number, hidden and 1 or 0}
"""
)
# User, connection, member. True if it was the user's last.
UNREGISTER = script(
    _DEVICES
    + _EXTEND
    + """
local all = devices(ARGV[1])
redis.call('ZREM', KEYS[4], ARGV[3])
redis.call('ZREM', KEYS[5], ARGV[3])
if not all[ARGV[2]] then return 0 end
all[ARGV[2]] = nil
count(-1)
if next(all) then
  keep(ARGV[1], all)
  return 0
end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('SREM', KEYS[2], ARGV[1])
return 1
"""
)
# User, old connection, new connection, target, expiry.
MOVE = script(
    _DEVICES
    + _EXTEND
    + """
local all = devices(ARGV[1])
if all[ARGV[2]] then count(-1) end
all[ARGV[2]] = nil
if not all[ARGV[3]] then count(1) end
all[ARGV[3]] = ARGV[4]
keep(ARGV[1], all)
extend(ARGV[5])
return 1
"""
)
# User, connection, expiry, member, when it was heard if that is unknown: whether it is held.
HOLDS = script(
    _DEVICES
    + _EXTEND
    + """
extend(ARGV[3])
if not devices(ARGV[1])[ARGV[2]] then return 0 end
if ARGV[4] ~= '' then redis.call('ZADD', KEYS[4], 'NX', ARGV[5], ARGV[4]) end
return redis.call('SISMEMBER', KEYS[2], ARGV[1])
"""
)
# User, connection, expiry, member, when it was heard: whether the bucket has it.
HEARD = script(
    _DEVICES
    + _EXTEND
    + """
extend(ARGV[3])
if not devices(ARGV[1])[ARGV[2]] then return 0 end
local last = redis.call('ZSCORE', KEYS[4], ARGV[4])
if not last or tonumber(last) < tonumber(ARGV[5]) then
  redis.call('ZADD', KEYS[4], ARGV[5], ARGV[4])
  redis.call('ZREM', KEYS[5], ARGV[4])
end
return redis.call('SISMEMBER', KEYS[2], ARGV[1])
"""
)
# Times, the most to return: targets and when they were asked, "" if they were not. Members
# without a connection are removed.
SILENT = script(
    _WARM
    + _DEVICES
    + """
if not warm() then return {} end
local found, ended, most, start = {}, {}, tonumber(ARGV[3]), 0
repeat
  local page = redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', ARGV[1], 'LIMIT', start, most)
  for _, member in ipairs(page) do
    local ids = cjson.decode(member)
    local target = devices(ids[1])[ids[2]]
    local asked = redis.call('ZSCORE', KEYS[5], member)
    if not target then
      ended[#ended + 1] = member
    elseif not asked or tonumber(asked) <= tonumber(ARGV[2]) then
      found[#found + 1] = target
      found[#found + 1] = asked or ''
    end
  end
  start = start + #page
until #page < most or #found >= 2 * most
for _, member in ipairs(ended) do
  redis.call('ZREM', KEYS[4], member)
  redis.call('ZREM', KEYS[5], member)
end
return found
"""
)
# Times, expiry, members.
ASKED = script("""
for i = 4, #ARGV do
  local last = redis.call('ZSCORE', KEYS[4], ARGV[i])
  if last and tonumber(last) <= tonumber(ARGV[1]) then
    redis.call('ZADD', KEYS[5], ARGV[2], ARGV[i])
  end
end
redis.call('EXPIRE', KEYS[5], ARGV[3])
return 1
""")
# Member: when it was heard; nothing unless the bucket is warm.
LAST_HEARD = script(
    _WARM
    + """
return warm() and redis.call('ZSCORE', KEYS[4], ARGV[1])
"""
)
# Whether the bucket is warm, and the devices that it has of these users.
ONLINE = script(
    _WARM
    + """
local found = {warm() and 1 or 0}
for i = 1, #ARGV, 5000 do
  for _, held in ipairs(redis.call('HMGET', KEYS[1], unpack(ARGV, i, math.min(i + 4999, #ARGV)))) do
    found[#found + 1] = held
  end
end
return found
"""
)
# With a sixth key, the room's members in this bucket: the devices of those who are online; 0 if
# the bucket is cold, 1 if the members are not cached.
ONLINE_IN = script(
    _WARM
    + """
if not warm() then return 0 end
local users, found, filled = {}, {}, false
for _, user in ipairs(redis.call('SINTER', KEYS[6], KEYS[2])) do
  if user == '' then filled = true else users[#users + 1] = user end
end
if not filled then return 1 end
for i = 1, #users, 5000 do
  local last = math.min(i + 4999, #users)
  for _, held in ipairs(redis.call('HMGET', KEYS[1], unpack(users, i, last))) do
    if held then found[#found + 1] = held end
  end
end
return found
"""
)
# A new epoch's name, expiry: the epoch with the replication id.
BEGIN = script(
    _WARM
    + _EXTEND
    + """
local epoch = redis.call('HGET', KEYS[1], '')
local complete = redis.call('SISMEMBER', KEYS[2], '') == 1 and redis.call('ZSCORE', KEYS[4], '')
if not epoch or not complete then
  epoch = ARGV[1]
  redis.call('HSET', KEYS[1], '', epoch)
  redis.call('SADD', KEYS[2], '')
  redis.call('ZADD', KEYS[4], '+inf', '')
end
extend(ARGV[2])
return epoch .. '|' .. replication()
"""
)
# What BEGIN returned, expiries: true if both are unchanged. Under another mark than before,
# answers may have been lost: nobody counts as asked.
VOUCH = script(
    _WARM
    + _EXTEND
    + """
local epoch = redis.call('HGET', KEYS[1], '')
if not epoch or redis.call('SISMEMBER', KEYS[2], '') == 0 then return 0 end
if not redis.call('ZSCORE', KEYS[4], '') then return 0 end
if epoch .. '|' .. replication() ~= ARGV[1] then return 0 end
if redis.call('GET', KEYS[3]) ~= ARGV[1] then redis.call('DEL', KEYS[5]) end
redis.call('SET', KEYS[3], ARGV[1], 'EX', ARGV[2])
extend(ARGV[3])
return 1
"""
)
# Expiries: whether the bucket is warm, and how many connections it has.
KEEP = script(
    _WARM
    + _EXTEND
    + """
local count = redis.call('HGET', KEYS[1], '\\n') or 0
if not warm() then return {0, count} end
redis.call('EXPIRE', KEYS[3], ARGV[1])
extend(ARGV[2])
return {1, count}
"""
)

# `user:online`: the connection fields start with "c:". When the last one is removed, `left`
# stores the time.
SHOW = script("""
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2], 'status', 'online', 'last_seen', ARGV[3])
redis.call('HDEL', KEYS[1], 'left')
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
""")
MOVE_SHOWN = script("""
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3], 'status', 'online')
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
""")
HIDE = script("""
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
for _, f in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.sub(f, 1, 2) == 'c:' then return 0 end
end
redis.call('HSET', KEYS[1], 'status', 'offline', 'left', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
""")

# Sets fields of a connection that exists.
RENEW = script("""
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], unpack(ARGV)) end
return 1
""")
# When it was heard, whether that is stored, expiry: whether it exists.
NOTE = script("""
if redis.call('EXPIRE', KEYS[1], ARGV[3]) == 0 then return 0 end
local heard = redis.call('HGET', KEYS[1], 'heard')
if not heard or tonumber(heard) < tonumber(ARGV[1]) then
  redis.call('HSET', KEYS[1], 'heard', ARGV[1])
  if ARGV[2] == '1' then redis.call('HSET', KEYS[1], 'last_ping', ARGV[1]) end
end
return 1
""")
# Time, interval, expiry: the end of the token if the sign of life has to be stored; 0 if unknown.
BEAT = script("""
local held = redis.call('HMGET', KEYS[1], 'last_ping', 'expires_at')
if not held[1] then return 0 end
redis.call('EXPIRE', KEYS[1], ARGV[3])
if tonumber(ARGV[1]) - tonumber(held[1]) < tonumber(ARGV[2]) then return false end
redis.call('HSET', KEYS[1], 'last_ping', ARGV[1])
return held[2]
""")
