"""A client for Python programs that reconnects, resends and recovers."""

from .client import TidingsClient
from .errors import ActionError, NoAnswer
from .inbox import Event, Inbox
from .times import Times

__all__ = ["ActionError", "Event", "Inbox", "NoAnswer", "TidingsClient", "Times"]
