"""Markers that an earlier version has moved."""

from __future__ import annotations

from typing import Any

from chalicelib.adapters.dynamodb import DynamoMarkers
from chalicelib.model.identifiers import MessageId, Region, RoomId, UserId
from chalicelib.model.receipts import Marker

ITEM = {"room_id": {"S": "lobby"}, "reader": {"S": "anna#here"}, "read_ms": {"N": "7"}}


class OneItem:
    """A client whose table has one item."""

    def __init__(self, item: dict[str, Any]) -> None:
        self._item = item

    def batch_get_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:
        [table] = RequestItems
        return {"Responses": {table: [self._item]}, "UnprocessedKeys": {}}


def test_a_seq_of_another_message_is_not_believed() -> None:
    seq = {"seq": {"N": "3"}, "seq_of": {"S": "B"}, "stream_region": {"S": "here"}}
    here, lobby, anna = Region("here"), RoomId("lobby"), UserId("anna")
    for moved_to, known in (("B", (here, 3)), ("C", (Region(""), 0))):
        markers = DynamoMarkers(OneItem({**ITEM, **seq, "message_id": {"S": moved_to}}), "p")
        found = markers.of_user(anna, [lobby], [here])[lobby]
        assert found == Marker(anna, MessageId(moved_to), 7, *known)
