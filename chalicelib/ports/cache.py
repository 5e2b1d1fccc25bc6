"""All of Redis that one adapter implements. Features depend on the parts that they use."""

from __future__ import annotations

from typing import Protocol

from .access import Buckets, RevokedUsers
from .audience import Audience, TypingState
from .connections import FrameContexts, Registry
from .delivery import PostBudget, Tallies
from .leases import DeliveryLeases
from .lines import Lines, RoomBuckets
from .log import Recents
from .membership import MembershipCache
from .presence import ElsewhereCache
from .receipts import AckNumbers, Claims
from .system import Reachable, TrafficCounts


class Cache(
    Registry,
    FrameContexts,
    Audience,
    MembershipCache,
    Lines,
    RoomBuckets,
    Recents,
    Claims,
    AckNumbers,
    TypingState,
    Buckets,
    RevokedUsers,
    PostBudget,
    Tallies,
    DeliveryLeases,
    TrafficCounts,
    Reachable,
    ElsewhereCache,
    Protocol,
):
    """Every method is one round trip and may raise `CacheDown`.

    `grant` goes with the next one. `settle` and `give_up_turn` make another one when they wake
    the next in line.

    docs/reference/redis.md says what is rebuilt after a loss, and from what.
    """
