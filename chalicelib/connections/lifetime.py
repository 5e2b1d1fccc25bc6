"""How long connections live: grace times, token expiry, and the jobs that end them. Pure."""

from __future__ import annotations

from ..jobs.outbound import CheckPresence, ExpireConnection
from ..model.connections import STALE_MS, Connection, Target
from ..model.identifiers import UserId

TOKEN_GRACE_S = 25  # a connection stays open this long after its token has expired
EXPIRING_S = 120  # two sweeps: clients are warned this long before expiry
YOUNG_MS = 5_000
GRACE_MS = 10_000  # a user who reconnects within this time is not shown as offline
# Signs of life are written to the store this often. Half of STALE_MS: for a client that shows one
# in this time, the one written is never so old that it would be taken for stale.
SEEN_EVERY_MS = STALE_MS // 2
# A session with a heartbeat of its own is found silent by that. The sweep only restarts heartbeats
# that have stopped.
BEATING_EVERY_MS, BEATING_STALE_MS = 900_000, 1_200_000


def expired(connection: Connection, now_ms: int) -> bool:
    """Whether the token has expired and the grace time after it is over."""
    return now_ms >= (connection.expires_at_s + TOKEN_GRACE_S) * 1000


def expires_soon(expires_at_s: int, now_ms: int) -> bool:
    """Whether the token expires so soon that the client is warned and the closing is queued."""
    return expires_at_s * 1000 - now_ms <= EXPIRING_S * 1000


def due_ms(expires_at_s: int, heard_ms: int, stale_ms: int = STALE_MS) -> int:
    """When the sweep has to look at a connection: it may be stale then, or its token expires."""
    return min(heard_ms + stale_ms, (expires_at_s - EXPIRING_S) * 1000)


def expiry_job(connection: Connection, now_ms: int) -> ExpireConnection:
    """Return the job that closes the connection after the grace time. A second one is harmless."""
    left_ms = (connection.expires_at_s + TOKEN_GRACE_S) * 1000 - now_ms
    return ExpireConnection(
        connection_id=connection.connection_id, delay_s=max(0, -(-left_ms // 1000))
    )


def young(target: Target, now_ms: int) -> bool:
    """Whether a 410 may mean "not yet": a websocket exists only after `$connect` has returned.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
    """
    return now_ms - target.connected_at_ms < YOUNG_MS


def check_presence(user_id: UserId, wait_ms: int) -> CheckPresence:
    """Return the job that updates a user's presence after a wait and sends held-back changes."""
    return CheckPresence(user_id=user_id, delay_s=max(0, -(-wait_ms // 1000)))
