"""Secrets, revocations, and what every running process has to hear of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ..model.access import Charge
from ..model.identifiers import UserId


class Secrets(Protocol):
    """What nobody else may know: `jwt_secret`, `jwt_secret_previous`, `redis_password`.

    Guarantee: a value is at most five minutes old while the store answers, and the last one
    read when it does not. Nothing is read before the first `get`.
    """

    def get(self, name: str) -> str:
        """The secret of that name, "" when there is none.

        Raises:
            Unavailable: It was never read and cannot be.
        """


class RevocationStore(Protocol):
    def put(self, user_id: UserId, until_ms: int) -> None:
        """Revoke until then; an earlier end than stored changes nothing."""

    def until_ms(self, user_id: UserId) -> int:
        """0 for none. Strongly consistent in this region."""


class ClusterBus(Protocol):
    """`cluster:sync`: news to every running process of the region, best effort."""

    def publish(self, event: str, data: Mapping[str, Any]) -> None:
        """Raises `CacheDown`."""

    def listen(self, heard: Callable[[str, Mapping[str, Any]], None]) -> None:
        """Call `heard` with event and data, on a thread of its own, from now on. Idempotent."""

    def close(self) -> None:
        """Listen no more."""


class PeerHealth(Protocol):
    def healthy(self, url: str) -> bool:
        """Whether a region's health URL answers 200 within a second. Never raises."""


class Buckets(Protocol):
    """Token buckets that limit what users do."""

    def spend(self, charge: Charge) -> int:
        """Take a token of the payer's bucket (atomic); 0, or the milliseconds until there is one.

        A bucket holds `burst` tokens and gains `per_s` a second.
        """
