"""The twin of the script that takes tokens from buckets."""

from __future__ import annotations

import math

from ...model.access import MOST_OWED, Charge, Paid

# The buckets of one payer: their levels, and as of when (ms).
Buckets = dict[str, tuple[float, int]]

_REFUSED = "refused"


def take(buckets: Buckets, charge: Charge, now_ms: int) -> Paid:
    """Take the charge's tokens; of a charge that is refused or invalid, one of the refusals."""
    level = _level(buckets, charge.name, charge.per_s, charge.burst, now_ms)
    tokens, most_owed = charge.tokens, 0
    if charge.owed:
        most_owed = MOST_OWED * charge.burst
        needs = 0 if charge.refused_in_debt else -most_owed
    else:
        needs = tokens = min(tokens, charge.burst)
    wait_ms = 0
    if level < needs:
        wait_ms = math.ceil((needs - level) * 1000 / charge.per_s)
    else:
        buckets[charge.name] = max(level - tokens, -float(most_owed)), now_ms
    if not wait_ms and not charge.invalid:
        return Paid()
    left = _level(buckets, _REFUSED, charge.refusals_per_s, charge.refusals_burst, now_ms)
    if left < 1:
        return Paid(wait_ms, exhausted=True)
    buckets[_REFUSED] = left - 1, now_ms
    return Paid(wait_ms)


def _level(buckets: Buckets, name: str, per_s: float, burst: int, now_ms: int) -> float:
    level, at_ms = buckets.get(name, (float(burst), now_ms))
    return min(float(burst), level + max(0, now_ms - at_ms) * per_s / 1000)
