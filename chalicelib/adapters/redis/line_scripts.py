"""Redis scripts of the lines of writers: see `ports.Lines`. All keys of one are of one room."""

from __future__ import annotations

from .scripts import script

# Gives the lease to the next in line, whose draft is still there, and returns its turn; frees the
# lease if nobody waits. Keys are `lease`, `line` and `drafts`, and `lease_ms` is set.
_PASS_ON = """
local function pass_on()
  local next = redis.call('LINDEX', line, 0)
  while next do
    if redis.call('HEXISTS', drafts, next) == 1 then
      redis.call('SET', lease, next, 'PX', lease_ms)
      return next
    end
    redis.call('LPOP', line)
    next = redis.call('LINDEX', line, 0)
  end
  redis.call('DEL', lease)
  return false
end
"""
_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""
# A bucket's level now, and the wait until it has a token.
_BUCKET = (
    _NOW
    + """
local function level_of(key, rate, burst)
  local held = redis.call('HMGET', key, 'level', 'at')
  local level, at = tonumber(held[1]) or burst, tonumber(held[2]) or now
  level = math.min(burst, level + math.max(0, now - at) * rate / 1000)
  if level >= 1 then return level, 0 end
  return level, math.ceil((1 - level) * 1000 / rate)
end
local function set_level(key, level)
  redis.call('HSET', key, 'level', string.format('%.17g', level), 'at', string.format('%.0f', now))
  redis.call('EXPIRE', key, ARGV[1])
end
local rates = {tonumber(ARGV[2]), tonumber(ARGV[4])}
local bursts = {tonumber(ARGV[3]), tonumber(ARGV[5])}
local function spend()
  local all, wait = level_of(KEYS[1], rates[1], bursts[1])
  local own, own_wait = level_of(KEYS[2], rates[2], bursts[2])
  wait = math.max(wait, own_wait)
  if wait == 0 then
    set_level(KEYS[1], all - 1)
    set_level(KEYS[2], own - 1)
  end
  return wait
end
"""
)

# Keys: rate, share. Arguments: expiry, rate and burst of the room, rate and burst of the member.
SPEND_ROOM = script(_BUCKET + "return spend()")
# Keys: rate, share, lease, head. Arguments: as above, turn, lease_ms. Without rates, no charge.
DRAW = script(
    _BUCKET
    + """
local wait = rates[1] and spend() or 0
if wait > 0 then return {wait, 0, false} end
local free = redis.call('SET', KEYS[3], ARGV[6], 'NX', 'PX', ARGV[7])
return {0, free and 1 or 0, redis.call('GET', KEYS[4])}
"""
)
# Keys: lease, head, line, drafts, answer. Arguments: turn, draft, lease_ms, batch, draft_ms,
# line_s. Returns the draft's end, or the lease's remaining milliseconds, or the head and a batch.
ENTER = script(
    _NOW
    + """
local answer = redis.call('LPOP', KEYS[5])
while answer == 'lead' do answer = redis.call('LPOP', KEYS[5]) end
if answer then return {'settled', answer} end
if redis.call('HEXISTS', KEYS[4], ARGV[1]) == 0 then
  redis.call('HSET', KEYS[4], ARGV[1], string.format('%.0f', now) .. '|' .. ARGV[2])
  redis.call('RPUSH', KEYS[3], ARGV[1])
end
redis.call('EXPIRE', KEYS[3], ARGV[6])
redis.call('EXPIRE', KEYS[4], ARGV[6])
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return {'wait', redis.call('PTTL', KEYS[1])} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
local found = {'lead', redis.call('GET', KEYS[2]) or ''}
for _, turn in ipairs(redis.call('LRANGE', KEYS[3], 0, -1)) do
  local held = redis.call('HGET', KEYS[4], turn)
  local since = held and tonumber(string.match(held, '^%d+'))
  if not held or now - since > tonumber(ARGV[5]) then
    redis.call('HDEL', KEYS[4], turn)
    redis.call('LREM', KEYS[3], 1, turn)
  else
    found[#found + 1] = string.match(held, '|(.*)$')
    if #found - 2 >= tonumber(ARGV[4]) then return found end
  end
end
return found
"""
)
# Keys: lease, head, line, drafts, an answer for each draft. Arguments: turn, seq ('' for no head),
# message id, lease_ms, head_s, answer_s, a turn and an answer for each draft ('' for no answer).
SETTLE = script(
    """
local lease, line, drafts, lease_ms = KEYS[1], KEYS[3], KEYS[4], ARGV[4]
"""
    + _PASS_ON
    + """
for i = 5, #KEYS do
  local turn, answer = ARGV[2 * i - 3], ARGV[2 * i - 2]
  if redis.call('HDEL', drafts, turn) == 1 then
    redis.call('LREM', line, 1, turn)
    if answer ~= '' then
      redis.call('RPUSH', KEYS[i], answer)
      redis.call('EXPIRE', KEYS[i], ARGV[6])
    end
  end
end
local leads = redis.call('GET', lease) == ARGV[1]
if ARGV[2] ~= '' then
  local held = redis.call('GET', KEYS[2])
  local seq = held and tonumber(string.match(held, '^%d+')) or 0
  if leads or seq < tonumber(ARGV[2]) then
    redis.call('SET', KEYS[2], ARGV[2] .. '|' .. ARGV[3], 'EX', ARGV[5])
  end
end
return leads and pass_on()
"""
)
# Keys: lease, line, drafts. Arguments: turn, lease_ms.
LEAVE = script(
    """
local lease, line, drafts, lease_ms = KEYS[1], KEYS[2], KEYS[3], ARGV[2]
"""
    + _PASS_ON
    + """
if redis.call('HDEL', drafts, ARGV[1]) == 1 then redis.call('LREM', line, 1, ARGV[1]) end
return redis.call('GET', lease) == ARGV[1] and pass_on()
"""
)
# A bucket that does not exist is full already.
REFUND = script("""
for i = 1, #KEYS do
  local level = redis.call('HGET', KEYS[i], 'level')
  if level then redis.call('HSET', KEYS[i], 'level', string.format('%.17g', level + 1)) end
end
return 1
""")
