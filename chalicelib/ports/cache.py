"""Redis as a whole: what one adapter serves. Features ask for the parts they use."""

from __future__ import annotations

from typing import Protocol

from .access import Buckets
from .audience import Audience
from .connections import FrameContexts, Registry
from .delivery import PostBudget
from .log import Recents, Tickets
from .membership import MembershipCache
from .receipts import AckNumbers, Claims
from .system import Reachable, TrafficCounts
from .typing import TypingState


class Cache(
    Registry,
    FrameContexts,
    Audience,
    MembershipCache,
    Tickets,
    Recents,
    Claims,
    AckNumbers,
    TypingState,
    Buckets,
    PostBudget,
    TrafficCounts,
    Reachable,
    Protocol,
):
    """Every method is one round trip and raises `CacheDown`.

    What is rebuilt after a loss, and from what, is in docs/reference/redis.md.
    """
