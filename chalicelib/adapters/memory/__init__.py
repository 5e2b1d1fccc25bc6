"""In-memory twins of the stores, the queues and Redis, for tests and the simulator."""

from .checkpoints import MemoryCheckpointStore
from .connections import MemoryConnectionStore
from .cursors import MemoryCursors
from .friends import MemoryFriendStore
from .log import MemoryMessageLog
from .markers import MemoryMarkers
from .presence import MemoryPresenceStore
from .queue import MemoryQueue
from .revocations import MemoryRevocationStore
from .rooms import MemoryRoomStore

__all__ = [
    "MemoryCheckpointStore",
    "MemoryConnectionStore",
    "MemoryCursors",
    "MemoryFriendStore",
    "MemoryMarkers",
    "MemoryMessageLog",
    "MemoryPresenceStore",
    "MemoryQueue",
    "MemoryRevocationStore",
    "MemoryRoomStore",
]
