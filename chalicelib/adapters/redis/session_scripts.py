"""Scripts on the keys of one Engine.IO session. Those that change its state follow its lifecycle.

The table of `model.lifecycle` is part of each such script, as far as the script needs it.
"""

from __future__ import annotations

from ...model import lifecycle
from ...model.lifecycle import Input
from .scripts import Script, script

PING = script("""
if redis.call('HGET', KEYS[1], 'ping') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'ping', ARGV[2])
return 1
""")
# Parts are fields "<number>" = "<at>|<wanted>|<part>", and `n` counts them. Returns the parts
# that wait, as "<number>|<at>|<wanted>".
_GATHERED = """
local held, bytes = {}, 0
local fields = redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  if fields[i] ~= 'n' then
    local about = string.match(fields[i + 1], '^%d+|%d*')
    bytes = bytes + #fields[i + 1] - #about - 1
    held[#held + 1] = fields[i] .. '|' .. about
  end
end
"""
GATHER = script(
    """
local n = redis.call('HINCRBY', KEYS[1], 'n', 1)
local at = ARGV[1] == '' and n or ARGV[1]
redis.call('HSET', KEYS[1], n, at .. '|' .. ARGV[2] .. '|' .. ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
"""
    + _GATHERED
    + """
if #held <= tonumber(ARGV[5]) and bytes <= tonumber(ARGV[6]) then return held end
redis.call('DEL', KEYS[1])
return 'full'
"""
)
WAITING = script(_GATHERED + "return held")
HAND_OUT = script("""
local parts = redis.call('HMGET', KEYS[1], unpack(ARGV))
for i = 1, #ARGV do
  if not parts[i] then return false end
  parts[i] = string.match(parts[i], '^%d+|%d*|(.*)$')
end
redis.call('HDEL', KEYS[1], unpack(ARGV))
return parts
""")


def _life(text: str, *events: Input) -> Script:
    """A script that may ask `step(event)` for the effect of these events on the session KEYS[1].

    `step` also writes the next state; `value` is what this state's field gets. Keys: session,
    write buffer, bell, farewell, parts. A poll blocks on the bell; if an element of the bell is
    lost, the poll sees its frames a second later.
    """
    known = "".join(
        f"['{state} {event}'] = {{'{found.state}', '{found.effect}'}},\n"
        for state, event, found in lifecycle.rows()
        if event in events
    )
    return script(f"local LIFE = {{\n{known}}}\n{_STEP}{text}")


# The state is kept in the fields that it needs. A session without `target` is not there.
_STEP = """
local function state()
  local s = redis.call('HMGET', KEYS[1], 'target', 'to', 'upgraded', 'probed')
  if not s[1] then return 'closed' end
  if s[3] then return 'upgraded' end
  if s[2] then return 'draining' end
  return s[4] and s[4] ~= '0' and 'probed' or 'open'
end
local function step(event, value)
  local before = state()
  local after, effect = unpack(LIFE[before .. ' ' .. event])
  if after ~= before then
    if after == 'closed' then redis.call('DEL', KEYS[1], KEYS[2], KEYS[5])
    elseif after == 'upgraded' then redis.call('HSET', KEYS[1], 'upgraded', '1')
    elseif after == 'draining' then redis.call('HSET', KEYS[1], 'to', value)
    else redis.call('HSET', KEYS[1], 'probed', value) end
  end
  return effect
end
local function ring()
  redis.call('RPUSH', KEYS[3], '1')
  redis.call('LTRIM', KEYS[3], -1, -1)
  redis.call('EXPIRE', KEYS[3], 60)
end
"""
LOOK = _life(
    """
return step('look') == 'show' and redis.call('HGETALL', KEYS[1]) or {}
""",
    Input.LOOK,
)
PONG = _life(
    """
if step('note') ~= 'store' then return {} end
redis.call('HSET', KEYS[1], 'pong', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return redis.call('HGETALL', KEYS[1])
""",
    Input.NOTE,
)
CONNECT = _life(
    """
if step('note') ~= 'store' then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], '1')
return 1
""",
    Input.NOTE,
)
PUSH = _life(
    """
local effect = step('push')
if effect == 'forward' then return redis.call('HGET', KEYS[1], 'to') end
if effect ~= 'keep' then return 0 end
if redis.call('LLEN', KEYS[2]) + #ARGV - 2 > tonumber(ARGV[1]) then return 0 end
local bytes = tonumber(redis.call('HGET', KEYS[1], 'bytes') or '0')
for i = 3, #ARGV do bytes = bytes + #ARGV[i] end
if bytes > tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], 'bytes', bytes)
for i = 3, #ARGV do redis.call('RPUSH', KEYS[2], ARGV[i]) end
redis.call('EXPIRE', KEYS[2], 10800)
ring()
return 1
""",
    Input.PUSH,
)
POLL = _life(
    """
local effect = step('poll')
if effect ~= 'wait' and effect ~= 'wait_briefly' then return -1 end
local s = redis.call('HMGET', KEYS[1], 'poll', 'until', 'given')
if s[3] == ARGV[1] then return 0 end
if s[1] and s[1] ~= '' and tonumber(ARGV[3]) < tonumber(s[2]) then return 0 end
redis.call('HSET', KEYS[1], 'poll', ARGV[1], 'until', ARGV[2])
return 1
""",
    Input.POLL,
)
POLLING = script("""
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[2])
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return redis.call('ZCARD', KEYS[1])
""")
TAKE = _life(
    """
local effect = step('take')
if effect == 'farewell' or redis.call('HGET', KEYS[1], 'poll') ~= ARGV[1] then
  return {redis.call('GETDEL', KEYS[4]) == '1' and '1' or '6'}
end
local held = effect == 'noop' and {'6'} or redis.call('LRANGE', KEYS[2], 0, -1)
if #held == 0 then return false end
if effect == 'give' then
  redis.call('DEL', KEYS[2], KEYS[3])
  redis.call('HSET', KEYS[1], 'bytes', 0)
end
redis.call('HSET', KEYS[1], 'poll', '')
if #held > 1 or held[1] ~= '6' then redis.call('HSET', KEYS[1], 'given', ARGV[1]) end
return held
""",
    Input.TAKE,
)
CLOSE = _life(
    """
if step('close') == 'end' then
  redis.call('SET', KEYS[4], ARGV[1], 'EX', 2)
  ring()
else
  redis.call('DEL', KEYS[2], KEYS[5])
end
return 1
""",
    Input.CLOSE,
)
PROBE = _life(
    """
if step('probe', ARGV[1]) ~= 'release' then return 0 end
redis.call('HSET', KEYS[1], 'probed', ARGV[1])
local poll = redis.call('HGET', KEYS[1], 'poll')
if poll and poll ~= '' then
  redis.call('RPUSH', KEYS[2], '6')
  ring()
end
return 1
""",
    Input.PROBE,
)
PROBE_ENDED = _life(
    """
step('probe_ended', '0')
return 1
""",
    Input.PROBE_ENDED,
)
DRAIN = _life(
    """
local s = redis.call('HMGET', KEYS[1], 'to', 'mover', 'moved')
local same = s[1] and cjson.decode(s[1])[1] == cjson.decode(ARGV[1])[1]
local moving = s[2] and s[2] ~= ARGV[2]
if same and moving and tonumber(ARGV[3]) - tonumber(s[3]) < tonumber(ARGV[4]) then
  return 'busy'
end
if step(same and 'upgrade' or 'other_upgrade', ARGV[1]) ~= 'drain' then return {} end
redis.call('HSET', KEYS[1], 'to', ARGV[1], 'mover', ARGV[2], 'moved', ARGV[3])
ring()
return redis.call('HGETALL', KEYS[1])
""",
    Input.UPGRADE,
    Input.OTHER_UPGRADE,
)
QUEUED = _life(
    """
if redis.call('HGET', KEYS[1], 'mover') ~= ARGV[3] then return false end
redis.call('HSET', KEYS[1], 'moved', ARGV[4])
if ARGV[1] ~= '0' then
  local bytes = tonumber(redis.call('HGET', KEYS[1], 'bytes') or '0')
  local done = redis.call('LRANGE', KEYS[2], 0, ARGV[1] - 1)
  for _, frame in ipairs(done) do bytes = bytes - #frame end
  redis.call('HSET', KEYS[1], 'bytes', math.max(0, bytes))
end
redis.call('LTRIM', KEYS[2], ARGV[1], -1)
local held = redis.call('LRANGE', KEYS[2], 0, -1)
if #held == 0 and step('emptied') == 'store' then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
return held
""",
    Input.EMPTIED,
)

FAREWELL = script("""
if redis.call('GET', KEYS[4]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[4])
""")
