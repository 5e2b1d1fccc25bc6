"""Items of connections, as another version may have written them."""

from __future__ import annotations

from chalicelib.adapters.dynamodb import connections
from chalicelib.model.connections import Connection, Target
from chalicelib.model.identifiers import ConnectionId, Region, RoomId, UserId

TARGET = Target(
    ConnectionId("c="), UserId("alice"), "api", "prod", Region("us-east-1"), "sio:/", 5, "sid"
)


def test_an_item_with_an_unknown_attribute() -> None:
    known = Connection(TARGET, {"platform": "web"}, 5, 6, 7, ("admin",), (RoomId("lobby"),))
    item = {**connections.connection_item(known), "added": {"S": "x"}}
    assert connections._connection(item) == known
