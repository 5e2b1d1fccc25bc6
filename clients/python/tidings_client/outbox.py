"""Messages without an ack: how many there may be, and their order. Sans I/O."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from .errors import ActionError


@dataclass(frozen=True)
class QueueLimits:
    """The most messages without an ack, and their bytes as frames.

    Attributes:
        messages: The most messages.
        bytes: The most bytes, of the frames as JSON in UTF-8.
    """

    messages: int = 1_000
    bytes: int = 4 * 1024 * 1024


class Outbox:
    def __init__(self, limits: QueueLimits) -> None:
        self._limits = limits
        self._messages = 0
        self._bytes = 0
        self._turns: dict[str, tuple[asyncio.Lock, int]] = {}  # by conversation, and who wants it

    def add(self, size: int) -> None:
        """Count a message of this many bytes.

        Raises:
            ActionError: `queue_full`: the limits leave no room for it.
        """
        limits = self._limits
        if self._messages >= limits.messages or self._bytes + size > limits.bytes:
            raise ActionError(
                "queue_full",
                f"not sent: {self._messages} messages ({self._bytes} bytes) wait for their acks, "
                f"the limit is {limits.messages} messages and {limits.bytes} bytes",
                True,
            )
        self._messages += 1
        self._bytes += size

    def remove(self, size: int) -> None:
        self._messages -= 1
        self._bytes -= size

    @asynccontextmanager
    async def place(self, conversation_id: str, size: int) -> AsyncIterator[None]:
        """Count a message, and wait for its conversation's earlier ones.

        Raises:
            ActionError: `queue_full`.
        """
        self.add(size)
        lock, wanted = self._turns.get(conversation_id, (asyncio.Lock(), 0))
        self._turns[conversation_id] = lock, wanted + 1
        try:
            async with lock:
                yield
        finally:
            self.remove(size)
            lock, wanted = self._turns.pop(conversation_id)
            if wanted > 1:
                self._turns[conversation_id] = lock, wanted - 1
