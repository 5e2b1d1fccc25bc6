"""Assumed usage, and assumed sizes of messages, logs and traffic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

DAYS = 30.4  # in a month
MONTH_S = DAYS * 86_400

# The values of `network.egress` in terraform/; "none" is your own cache, outside a VPC.
Egress = Literal["nat", "nat-single", "ipv6", "none"]

# Memory as in .chalice/config.json, and the billed time of an invocation, not measured on AWS. This
# is more than `python -m workbench.load.memory` computes from measured CPU, or about as much: the
# time of `websocket_message` is that of a message that its sender delivers.
FUNCTIONS = {
    "websocket_connect": (512, 60),
    "websocket_message": (512, 60),
    "websocket_disconnect": (256, 60),
    "api_handler": (512, 60),
    "deliver": (1024, 60),
    "outbound": (512, 40),
    "relay": (512, 40),
    "replicated": (512, 30),
    "sweep": (512, 1000),
    "report": (256, 100),
}


@dataclass(frozen=True, slots=True)
class Usage:
    """A month.

    Attributes:
        users: Daily users, of all regions together.
        regions: Regions of the deployment. Users are spread evenly over them, whoever they talk to.
        hours_connected: Hours a day that a device is connected.
        devices: Devices of a user that are connected at the same time.
        connects: New connections of a device, a day.
        socketio_share: Share of them that use Socket.IO (websocket first, with recovery). The
            others use the JSON protocol and call `sync` at once.
        rooms: Rooms of a user.
        messages: Messages that a user sends a day.
        room_members: Members of the room that a message goes to.
        online_share: Share of the other members who are connected when it comes.
        typing: Times a user begins to type for each message; the begin and the end are both
            announced to members who have the room open.
        open_share: Share of the other members who have the room open.
        reads: Read receipts of a user, a day.
        friends_online: Friends who get each change of a user's presence.
        http_requests: HTTP requests of a user, a day.
        heartbeat_s: Seconds between two pings of a connection.
        event_bytes: Size of an event or an answer to a client.
        http_bytes: Size of an HTTP answer.
        entry_bytes: Size of a message in the log, without its dedupe item.
        months_kept: Months of history.
        redis_bytes: Bytes in Redis for each user.
        ecpus: ElastiCache processing units of a round trip to Redis: a script, 1 to 2 KB.
        log_bytes: The log line of one invocation, with its ids and metrics, and the 26 bytes that
            CloudWatch adds. A test compares it with the lines of a message. Lambda's own lines are
            off.
        access_log_bytes: API Gateway's log line for each frame, connection and HTTP request.
        egress: How the functions reach @connections and SQS.
        zones: Availability zones of the network.
        post_bytes: Bytes of a post beyond the event, answer included: headers, mostly the
            signature and the role's session token.
        send_bytes: Bytes of a send to SQS, answer included.
        post_ms: A function's time for each post.
        functions: (MB of memory, milliseconds billed) by function.
    """

    users: int
    regions: int = 1
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
    log_bytes: int = 350
    access_log_bytes: int = 300
    egress: Egress = "nat"
    zones: int = 2
    post_bytes: int = 2000
    send_bytes: int = 3000
    post_ms: float = 1
    functions: Mapping[str, tuple[int, float]] = field(default_factory=lambda: FUNCTIONS)

    @property
    def connections(self) -> float:
        """Connections that are open at the same time, on average."""
        return self.users * self.devices * self.hours_connected / 24
