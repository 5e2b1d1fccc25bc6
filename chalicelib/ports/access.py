"""Secrets, the token issuer, revocations, rate limits, and messages to every running process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ..model.access import Charge, Paid
from ..model.identifiers import UserId


class Secrets(Protocol):
    """The deployment's secrets: `jwt_secret`, `jwt_secret_previous`, `redis_password`.

    Guarantee: a value is at most five minutes old while the store answers; otherwise it is the
    last one read. Nothing is read before the first `get`.
    """

    def get(self, name: str) -> str:
        """The secret of that name, "" if there is none.

        Raises:
            Unavailable: The secrets cannot be read, and never were before.
        """


class Issuer(Protocol):
    """The issuer of tokens that are signed with RS256 or ES256."""

    def key_set(self) -> str:
        """Fetch its public keys: the text of a JSON Web Key Set (RFC 7517), of 256 KB at most.

        Every call asks the issuer once, and ends within some seconds.

        Raises:
            Unavailable: There is no complete answer.
        """


class RevocationStore(Protocol):
    """Until when users are revoked: the latest time that any region has written."""

    def put(self, user_id: UserId, until_ms: int) -> None:
        """Revoke until this time; no change if the stored time is later."""

    def until_ms(self, user_id: UserId) -> int:
        """When the revocation ends, 0 if there is none. Strongly consistent in this region."""


class RevokedUsers(Protocol):
    """Revocations as the cache knows them, so that no frame has to read the store."""

    def note_revoked(self, user_id: UserId, until_ms: int) -> None:
        """From now on, say so of each charge of the user, for an hour (atomic).

        A later time that is noted stays. Raises `CacheDown`.
        """


class ClusterBus(Protocol):
    """`cluster:sync`: messages to every running process of the region, best effort."""

    def publish(self, event: str, data: Mapping[str, Any]) -> None:
        """Send to all processes that listen. Raises `CacheDown`."""

    def listen(self, heard: Callable[[str, Mapping[str, Any]], None]) -> None:
        """From now on, call `heard` with each event and its data, on another thread. Idempotent."""

    def close(self) -> None:
        """Stop listening."""


class PeerHealth(Protocol):
    def healthy(self, url: str) -> bool:
        """Whether the region's health URL answers 200 within two seconds. Never raises."""


class Probes(Protocol):
    """Calls that find out whether the systems that a region needs are there."""

    def answering(self, calls: Mapping[str, Callable[[], object]]) -> dict[str, bool]:
        """Make the calls side by side, and say of each whether it returned in time.

        The time is a second; for the first calls of a process, which make clients, four. A call
        that takes longer is not interrupted. While it goes on, no call of its name is made, and
        that name is False. Never raises.
        """

    def ask_connections(self, api_id: str, stage: str) -> None:
        """Ask @connections of an API for a connection that does not exist; changes nothing.

        Raises:
            Unavailable: It did not answer as it does for such a connection.
        """


class Buckets(Protocol):
    """Token buckets that limit what users do."""

    def spend(self, charge: Charge) -> Paid:
        """Take tokens from the payer's bucket (atomic).

        A bucket holds `burst` tokens and gains `per_s` per second.
        """

    def spend_for_address(self, address: str, charge: Charge) -> Paid:
        """Take tokens from the bucket of a network address (atomic)."""
