"""A client for Python programs that reconnects, resends and recovers.

`TidingsClient` is for asyncio, `tidings_client.sync.Client` for programs without it.
"""

from .client import TidingsClient
from .errors import ActionError, NoAnswer
from .inbox import Event, Inbox
from .outbox import QueueLimits
from .times import Times

__all__ = [
    "ActionError",
    "Event",
    "Inbox",
    "NoAnswer",
    "QueueLimits",
    "TidingsClient",
    "Times",
]
