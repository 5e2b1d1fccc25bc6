"""How people are assumed to use it, and how large things are assumed to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

DAYS = 30.4  # of a month
MONTH_S = DAYS * 86_400

# `network.egress` of terraform/; "none" is a cache of your own outside a VPC.
Egress = Literal["nat", "nat-single", "ipv6", "none"]

# Memory as in .chalice/config.json, and how long one invocation is billed; not measured on AWS.
FUNCTIONS = {
    "websocket_connect": (1024, 60),
    "websocket_message": (1024, 30),
    "websocket_disconnect": (1024, 40),
    "api_handler": (512, 60),
    "deliver": (1769, 60),
    "outbound": (1024, 40),
    "sweep": (1024, 1000),
    "report": (512, 100),
}


@dataclass(frozen=True, slots=True)
class Usage:
    """A month of one region.

    Attributes:
        users: Who come every day.
        hours_connected: A day and device.
        devices: Of a user, connected at the same time.
        connects: New connections of a device a day.
        socketio_share: Of them, by Socket.IO: websocket first, recovering. The others are of the
            JSON protocol and `sync` at once.
        rooms: Of a user.
        messages: A user sends a day.
        room_members: Of the room a message goes to.
        online_share: Of the other members, who are connected when it comes.
        typing: Times a user begins to type for a message; this and its end go to who has the
            room open.
        open_share: Of the other members, who have the room open.
        reads: Read receipts of a user a day.
        friends_online: Who are told that a user came or went.
        http_requests: A user makes a day.
        heartbeat_s: Between two pings of a connection.
        event_bytes: Of an event or an answer to a client.
        http_bytes: Of an HTTP answer.
        entry_bytes: Of a message in the log, its deduplication item apart.
        months_kept: Of history.
        redis_bytes: In Redis for each user.
        ecpus: Of one round trip to Redis: a script, 1 to 2 KB.
        log_bytes: Of log lines for each invocation, Lambda's own included.
        access_log_bytes: Of API Gateway's log line for each frame, connection and HTTP request.
        egress: The functions' way out, to @connections and to SQS.
        zones: Availability zones of the network.
        post_bytes: Of a post beside the event itself, answer included: headers, mostly the
            signature and the role's session token.
        send_bytes: Of a send to SQS, answer included.
        post_ms: Of a function's time for each post.
        functions: (MB of memory, milliseconds billed) by function.
    """

    users: int
    hours_connected: float = 4
    devices: float = 1.2
    connects: float = 6
    socketio_share: float = 0.5
    rooms: float = 10
    messages: float = 20
    room_members: float = 5
    online_share: float = 0.5
    typing: float = 1
    open_share: float = 0.3
    reads: float = 20
    friends_online: float = 10
    http_requests: float = 10
    heartbeat_s: float = 240
    event_bytes: int = 500
    http_bytes: int = 3000
    entry_bytes: int = 600
    months_kept: float = 12
    redis_bytes: int = 20_000
    ecpus: float = 5
    log_bytes: int = 700
    access_log_bytes: int = 300
    egress: Egress = "nat"
    zones: int = 2
    post_bytes: int = 2000
    send_bytes: int = 3000
    post_ms: float = 1
    functions: Mapping[str, tuple[int, int]] = field(default_factory=lambda: FUNCTIONS)

    @property
    def connections(self) -> float:
        """Open at once, on average."""
        return self.users * self.devices * self.hours_connected / 24
