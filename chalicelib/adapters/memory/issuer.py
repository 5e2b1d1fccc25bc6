"""An issuer in memory."""

from __future__ import annotations

from ...kernel.errors import Unavailable


class MemoryIssuer:
    """See `ports.Issuer`.

    Attributes:
        text: The key set; None while the issuer is away.
        fetches: How often it was asked for.
    """

    def __init__(self, text: str | None = None) -> None:
        self.text = text
        self.fetches = 0

    def key_set(self) -> str:
        self.fetches += 1
        if self.text is None:
            raise Unavailable("the issuer's keys cannot be read, try again")
        return self.text
