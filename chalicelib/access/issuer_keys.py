"""The issuer's public keys, kept between tokens.

The issuer is asked for its key set every five minutes. It is also asked when a token names a key
that the kept set does not have: so a new key is found. Anybody can make up such names, so there are
30 s between two fetches. While the issuer does not answer, the last set is used for up to a day.

A process of Lambda handles one request at a time, so a fetch that hangs delays the token that
caused it. Tokens of known keys therefore cause one fetch in five minutes, also if it fails.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..kernel import telemetry
from ..kernel.errors import TokenFault, Unauthorized, Unavailable
from ..ports.access import Issuer
from ..ports.system import Clock

if TYPE_CHECKING:
    from jwt import PyJWK

FRESH_MS = 300_000
STALE_MS = 86_400_000
PAUSE_MS = 30_000
_FIRST_PAUSE_MS = 5_000  # after a failure, while there are no keys at all
ALGORITHMS = ("RS256", "ES256")
_KEY_TYPES = ("RSA", "EC")

# By the token's `kid`, or None if it has none, and algorithm.
Keys = Mapping[tuple[str | None, str], "PyJWK"]


class IssuerKeys:
    """Thread-safe. While one thread asks the issuer, those that find their key go on without."""

    def __init__(self, issuer: Issuer, clock: Clock) -> None:
        self._issuer = issuer
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: Keys = {}
        self._fetched_ms: int | None = None
        self._refresh_ms = 0  # when tokens of known keys cause a fetch
        self._ask_again_ms = 0  # when any token may
        self._begun = 0  # fetches
        self._answered = 0  # the number of the last fetch that the issuer answered

    def find(self, kid: str | None, algorithm: str) -> PyJWK:
        """Return the key with this id for this algorithm; without an id, the only one there is.

        Raises:
            Unauthorized: The issuer has no such key: a fetch said so that began after this call.
            Unavailable: The issuer does not answer, or was asked less than 30 s ago: the key may be
                newer than its answer.
        """
        begun = self._begun
        key = self._known(kid, algorithm)
        if key is not None and self._clock.now_ms() < self._refresh_ms:
            return key
        self._refresh(wait=key is None)
        is_answered = self._answered > begun  # before the look at the keys that it brought
        key = self._known(kid, algorithm)
        if key is not None:
            return key
        if is_answered:
            raise Unauthorized(
                "the issuer publishes no key with the token's `kid` for its `alg`",
                TokenFault.UNKNOWN_KEY,
            )
        wait_ms = max(1, self._ask_again_ms - self._clock.now_ms())
        raise Unavailable(
            "the token's key is not known, and its issuer cannot be asked now; try again", wait_ms
        )

    def _known(self, kid: str | None, algorithm: str) -> PyJWK | None:
        keys = self._keys
        return keys.get((kid, algorithm)) if self._age_ms() < STALE_MS else None

    def _age_ms(self) -> int:
        fetched_ms = self._fetched_ms
        return STALE_MS if fetched_ms is None else self._clock.now_ms() - fetched_ms

    def _refresh(self, *, wait: bool) -> None:
        """Ask the issuer, unless it was just asked. Waits for another thread that asks, or not."""
        if not self._lock.acquire(blocking=wait):
            return
        try:
            if self._clock.now_ms() >= self._ask_again_ms:
                self._ask()
        finally:
            self._lock.release()

    def _ask(self) -> None:
        self._begun += 1
        keys = self._read()
        now_ms = self._clock.now_ms()
        if keys is not None:
            self._keys, self._fetched_ms = keys, now_ms
            self._answered = self._begun
        elif (age_ms := self._age_ms()) < STALE_MS:
            telemetry.log("WARNING", "issuer_keys_stale", age_s=age_ms // 1000)
        self._refresh_ms = now_ms + FRESH_MS
        self._ask_again_ms = now_ms + (PAUSE_MS if self._age_ms() < STALE_MS else _FIRST_PAUSE_MS)

    def _read(self) -> Keys | None:
        try:
            return parse(self._issuer.key_set())
        except Unavailable:
            return None  # the adapter has logged why
        except (ValueError, RecursionError) as fault:
            telemetry.error("issuer_keys_not_usable", fault)
            return None


def parse(text: str) -> Keys:
    """The keys of a key set that can verify tokens. Others are for other uses, and left out.

    If there is one key only, it is also the key of tokens without `kid`.

    Raises:
        ValueError: It is not a key set, or has none that can be used.
    """
    known = json.loads(text)
    listed = known.get("keys") if isinstance(known, dict) else None
    if not isinstance(listed, list):
        raise ValueError("not a key set")
    usable = list(_usable(listed))
    keys: dict[tuple[str | None, str], PyJWK] = {
        (key.key_id, key.algorithm_name): key for key in usable if key.key_id is not None
    }
    if len(usable) == 1:
        keys[None, usable[0].algorithm_name] = usable[0]
    if not keys:
        raise ValueError("no key that can be used")
    return keys


def _usable(listed: Iterable[Any]) -> Iterable[PyJWK]:
    """The public keys of our algorithms. What cannot be read must not hide the others."""
    import jwt

    unreadable: list[str] = []
    for each in listed:
        if not isinstance(each, dict) or each.get("use", "sig") != "sig":
            continue
        if each.get("kty") not in _KEY_TYPES:
            continue
        try:
            if not isinstance(each.get("kid"), str | None) or "d" in each:
                raise ValueError("not a public key with a `kid` that is a text")
            key = jwt.PyJWK(each)
        except Exception as fault:  # noqa: BLE001 - PyJWT raises what its parsing happens to meet
            unreadable.append(type(fault).__name__)
            continue
        if key.algorithm_name in ALGORITHMS:
            yield key
    if unreadable:
        why = ", ".join(sorted(set(unreadable)))
        telemetry.log("WARNING", "issuer_keys_left_out", count=len(unreadable), why=why)
