"""A small asyncio client of the JSON websocket: acks, reconnects, resends, recovery."""

from .client import ActionError, TidingsClient

__all__ = ["ActionError", "TidingsClient"]
