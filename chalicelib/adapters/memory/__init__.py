"""In-memory twins of the stores, the queues and Redis, for tests and the simulator."""

from .arrivals import MemoryArrivals
from .checkpoints import MemoryCheckpointStore
from .connections import MemoryConnectionStore
from .consents import MemoryConsentStore
from .cursors import MemoryCursors
from .drains import MemoryDrains
from .friends import MemoryFriendStore
from .issuer import MemoryIssuer
from .log import MemoryMessageLog
from .markers import MemoryMarkers
from .presence import MemoryPresenceStore
from .probes import MemoryProbes
from .queue import MemoryPeerQueues, MemoryQueue
from .revocations import MemoryRevocationStore
from .rooms import MemoryRoomStore
from .topic import MemoryTopic

__all__ = [
    "MemoryArrivals",
    "MemoryCheckpointStore",
    "MemoryConnectionStore",
    "MemoryConsentStore",
    "MemoryCursors",
    "MemoryDrains",
    "MemoryFriendStore",
    "MemoryIssuer",
    "MemoryMarkers",
    "MemoryMessageLog",
    "MemoryPeerQueues",
    "MemoryPresenceStore",
    "MemoryProbes",
    "MemoryQueue",
    "MemoryRevocationStore",
    "MemoryRoomStore",
    "MemoryTopic",
]
