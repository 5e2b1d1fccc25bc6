"""The stores on DynamoDB. Table layout: `terraform/resources.json`; promises: `ports`."""

from .connections import DynamoConnectionStore
from .friends import DynamoFriendStore
from .log import DynamoCursors, DynamoMessageLog
from .revocations import DynamoRevocationStore
from .rooms import DynamoRoomStore

__all__ = [
    "DynamoConnectionStore",
    "DynamoCursors",
    "DynamoFriendStore",
    "DynamoMessageLog",
    "DynamoRevocationStore",
    "DynamoRoomStore",
]
