"""Identifiers of users, rooms, connections, messages and regions."""

from __future__ import annotations

from typing import NewType

UserId = NewType("UserId", str)


RoomId = NewType("RoomId", str)


ConnectionId = NewType("ConnectionId", str)


MessageId = NewType("MessageId", str)


Region = NewType("Region", str)


Stream = tuple[RoomId, Region]
