"""The default rates of all limits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket: it holds `burst` tokens and gains `per_s` a second."""

    per_s: float
    burst: int


# By action; "*" is for all others. `connect`: for a connection or a namespace; `refused`: for each
# refused frame; `packet`: what a session sends beside actions, charged to it and not to its user;
# `address`: what comes without a valid token, charged to the network that it comes from.
DEFAULT_LIMITS = {
    "*": Rate(100, 500),
    "connect": Rate(5, 100),
    "address": Rate(20, 1000),
    "packet": Rate(100, 1000),
    "refused": Rate(20, 500),
    "send_message": Rate(100, 500),
    "delete_message": Rate(20, 100),
    "typing_start": Rate(20, 100),
    "typing_stop": Rate(20, 100),
    "message_read": Rate(50, 200),
    "message_delivered": Rate(100, 500),
    "set_status": Rate(5, 20),
    "sync": Rate(100, 1000),  # a token for each 25 conversations, and what it owes for its reads
}
# DynamoDB writes 1,000 units a second to one partition, which a stream is. A message of up to 1 KB
# costs it two: with this rate half of them remain for larger ones.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
DEFAULT_ROOM_RATE = Rate(250, 500)
