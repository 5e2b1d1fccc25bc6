"""How long connections live: grace times, token expiry, and the jobs that end them. Pure."""

from __future__ import annotations

from ..jobs.outbound import CheckPresence, ExpireConnection, WatchExpiry
from ..model.connections import STALE_MS, Connection, Target
from ..model.identifiers import UserId

TOKEN_GRACE_S = 25  # a connection stays open this long after its token has expired
EXPIRING_S = 120  # clients are warned this long before expiry
YOUNG_MS = 5_000
LIFE_S = 7_200  # API Gateway closes a websocket then, so later expiries need no warning
MOST_DELAY_S = 900  # the limit of SQS
GRACE_MS = 10_000  # a user who reconnects within this time is not shown as offline
# Signs of life of JSON clients are noted in Redis this often. For a client that shows one within
# three minutes, the one noted is never so old that it would be taken for stale.
NOTED_EVERY_MS = STALE_MS // 4
# While they cannot be noted, they are stored this often.
UNNOTED_EVERY_MS = STALE_MS // 2
# Otherwise signs of life are stored this often: Redis, or the heartbeat of a session, finds out
# who is silent. The store finds those who were lost by both when nothing was stored for so long.
STORED_EVERY_MS, STORED_STALE_MS = 900_000, 1_200_000


def expired(connection: Connection, now_ms: int) -> bool:
    """Whether the token has expired and the grace time after it is over."""
    return now_ms >= (connection.expires_at_s + TOKEN_GRACE_S) * 1000


def expires_soon(expires_at_s: int, now_ms: int) -> bool:
    """Whether the token expires so soon that the client is warned and the closing is queued."""
    return expires_at_s * 1000 - now_ms <= EXPIRING_S * 1000


def due_ms(expires_at_s: int, stored_ms: int, stale_ms: int = STORED_STALE_MS) -> int:
    """When the sweep has to look at a connection: it may be stale then, or its token expires."""
    return min(stored_ms + stale_ms, (expires_at_s - EXPIRING_S) * 1000)


def expiry_job(connection: Connection, now_ms: int) -> ExpireConnection:
    """Return the job that closes the connection after the grace time. A second one is harmless."""
    left_ms = (connection.expires_at_s + TOKEN_GRACE_S) * 1000 - now_ms
    return ExpireConnection(
        connection_id=connection.connection_id, delay_s=max(0, -(-left_ms // 1000))
    )


def watch_job(connection: Connection, now_ms: int) -> WatchExpiry | None:
    """Return the job that warns the client, or that waits on; None if nobody will need it.

    It is delayed by a second at least, so that the answer to a handshake comes first.
    """
    end_s = connection.expires_at_s
    if end_s * 1000 > connection.target.connected_at_ms + LIFE_S * 1000:
        return None
    left_s = end_s - EXPIRING_S - now_ms // 1000
    return WatchExpiry(
        connection_id=connection.connection_id,
        expires_at_s=end_s,
        delay_s=max(1, min(MOST_DELAY_S, left_s)),
    )


def young(target: Target, now_ms: int) -> bool:
    """Whether a 410 may mean "not yet": a websocket exists only after `$connect` has returned.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
    """
    return now_ms - target.connected_at_ms < YOUNG_MS


def check_presence(user_id: UserId, wait_ms: int) -> CheckPresence:
    """Return the job that updates a user's presence after a wait and sends held-back changes."""
    return CheckPresence(user_id=user_id, delay_s=max(0, -(-wait_ms // 1000)))
