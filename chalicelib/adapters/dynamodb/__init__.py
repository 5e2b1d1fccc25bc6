"""The stores on DynamoDB. Table layout: `terraform/resources.json`; promises: `ports`."""

from .connections import DynamoConnectionStore
from .friends import DynamoFriendStore
from .log import DynamoCursors, DynamoMessageLog
from .markers import DynamoMarkers
from .presence import DynamoPresenceStore
from .revocations import DynamoRevocationStore
from .rooms import DynamoRoomStore

__all__ = [
    "DynamoConnectionStore",
    "DynamoCursors",
    "DynamoFriendStore",
    "DynamoMarkers",
    "DynamoMessageLog",
    "DynamoPresenceStore",
    "DynamoRevocationStore",
    "DynamoRoomStore",
]
