"""A client for people and tests: reconnects, resends, recovers."""

from .client import TidingsClient, Times
from .errors import ActionError
from .inbox import Event, Inbox

__all__ = ["ActionError", "Event", "Inbox", "TidingsClient", "Times"]
