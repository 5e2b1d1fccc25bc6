"""Token buckets in Redis: those of one payer are fields "level|at" of one hash."""

from __future__ import annotations

from collections.abc import Sequence

from ...model.access import MOST_OWED, Charge, Paid
from .client import Command, evaluate
from .keys import REVOKED_S
from .scripts import NOW, script

# Takes tokens if there are enough. A charge that is refused, or whose frame is invalid, takes one
# of the bucket of refusals. Arguments: field, rate, burst, tokens; of the refusals field, rate and
# burst; 1 for an invalid frame; the most that may be owed, and then all of the tokens are taken; 1
# if that is refused while the bucket lacks tokens. With a second key, nothing happens unless that
# exists. Returns the milliseconds to wait, 1 if the bucket of refusals is empty, and until when the
# payer is revoked. A bucket is kept until it is full again, which is what one that is not there
# counts as.
_SPEND = script(
    NOW
    + """
if KEYS[2] and redis.call('EXISTS', KEYS[2]) == 0 then return {0, 0, 0} end
local revoked = tonumber(redis.call('HGET', KEYS[1], 'revoked') or '0')
local function level_of(field, rate, burst)
  local level, at = burst, now
  local held = redis.call('HGET', KEYS[1], field)
  if held then
    local bar = string.find(held, '|', 1, true)
    level = tonumber(string.sub(held, 1, bar - 1))
    at = math.min(now, tonumber(string.sub(held, bar + 1)))
  end
  return math.min(burst, level + (now - at) * rate / 1000)
end
local function set_level(field, level, rate, burst)
  local text = string.format('%.17g', level) .. '|' .. string.format('%.0f', now)
  redis.call('HSET', KEYS[1], field, text)
  local full_s = math.ceil((burst - math.min(level, 0)) / rate) + 1
  if redis.call('TTL', KEYS[1]) < full_s then redis.call('EXPIRE', KEYS[1], full_s) end
end
local rate, burst = tonumber(ARGV[2]), tonumber(ARGV[3])
local level, wait = level_of(ARGV[1], rate, burst), 0
local tokens, most_owed = tonumber(ARGV[4]), tonumber(ARGV[9])
local needs = 0
if most_owed == 0 then
  tokens = math.min(tokens, burst)
  needs = tokens
elseif ARGV[10] == '0' then needs = -most_owed end
if level < needs then wait = math.ceil((needs - level) * 1000 / rate)
else set_level(ARGV[1], math.max(level - tokens, -most_owed), rate, burst) end
if wait == 0 and ARGV[8] == '0' then return {0, 0, revoked} end
rate, burst = tonumber(ARGV[6]), tonumber(ARGV[7])
local left = level_of(ARGV[5], rate, burst)
if left < 1 then return {wait, 1, revoked} end
set_level(ARGV[5], left - 1, rate, burst)
return {wait, 0, revoked}
"""
)


# Notes until when the payer is revoked, unless a later time is noted. Arguments: the time, how long
# the note is kept (s).
_REVOKE = script(
    """
local held = tonumber(redis.call('HGET', KEYS[1], 'revoked') or '0')
if tonumber(ARGV[1]) > held then redis.call('HSET', KEYS[1], 'revoked', ARGV[1]) end
if redis.call('TTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
return 1
"""
)


def revoke(key: str, until_ms: int) -> Command:
    """The command that notes that the payer of the buckets of this key is revoked."""
    return evaluate(_REVOKE, [key], until_ms, REVOKED_S)


def spend(key: str, charge: Charge, *only_with: str) -> Command:
    """The command that takes a charge from the buckets of this key; only if `only_with` exists."""
    own = f"l:{charge.name}", str(charge.per_s), charge.burst, charge.tokens
    refusals = "l:refused", str(charge.refusals_per_s), charge.refusals_burst
    debt = MOST_OWED * charge.burst if charge.owed else 0, int(charge.refused_in_debt)
    return evaluate(_SPEND, [key, *only_with], *own, *refusals, int(charge.invalid), *debt)


def paid(answer: Sequence[int]) -> Paid:
    """What became of the charge, from the command's answer."""
    wait_ms, exhausted, revoked_ms = answer
    return Paid(int(wait_ms), bool(exhausted), int(revoked_ms))
