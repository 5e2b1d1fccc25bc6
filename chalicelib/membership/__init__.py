"""Rooms and friendships: who belongs where. Knows nothing of messages."""
