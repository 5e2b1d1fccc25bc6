"""The stores on DynamoDB. Table layout: `terraform/resources.json`; guarantees: `ports`."""

from .checkpoints import DynamoCheckpointStore
from .connections import DynamoConnectionStore
from .cursors import DynamoCursors
from .friends import DynamoFriendStore
from .log import DynamoMessageLog
from .markers import DynamoMarkers
from .presence import DynamoPresenceStore
from .revocations import DynamoRevocationStore
from .rooms import DynamoRoomStore

__all__ = [
    "DynamoCheckpointStore",
    "DynamoConnectionStore",
    "DynamoCursors",
    "DynamoFriendStore",
    "DynamoMarkers",
    "DynamoMessageLog",
    "DynamoPresenceStore",
    "DynamoRevocationStore",
    "DynamoRoomStore",
]
