"""The stores on DynamoDB. Table layout: `terraform/resources.json`; guarantees: `ports`."""

from .arrivals import DynamoArrivals
from .checkpoints import DynamoCheckpointStore
from .connections import DynamoConnectionStore
from .consents import DynamoConsentStore
from .cursors import DynamoCursors
from .drains import DynamoDrains
from .friends import DynamoFriendStore
from .log import DynamoMessageLog
from .markers import DynamoMarkers
from .presence import DynamoPresenceStore
from .revocations import DynamoRevocationStore
from .rooms import DynamoRoomStore

__all__ = [
    "DynamoArrivals",
    "DynamoCheckpointStore",
    "DynamoConnectionStore",
    "DynamoConsentStore",
    "DynamoCursors",
    "DynamoDrains",
    "DynamoFriendStore",
    "DynamoMarkers",
    "DynamoMessageLog",
    "DynamoPresenceStore",
    "DynamoRevocationStore",
    "DynamoRoomStore",
]
