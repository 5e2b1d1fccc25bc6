"""All ports together: what the services are composed on."""

from __future__ import annotations

from dataclasses import dataclass

from .access import ClusterBus, Issuer, PeerHealth, Probes, RevocationStore, Secrets
from .cache import Cache
from .connections import ConnectionStore, Drains
from .delivery import Cursors, Poster
from .friends import ConsentStore, FriendStore
from .log import MessageLog
from .presence import PresenceStore
from .queues import PeerQueues, Queue, Topic
from .receipts import Markers
from .replication import Arrivals
from .rooms import RoomStore
from .sessions import CheckpointStore, EngineSessions, Trails
from .system import Clock, Ids, Metrics, Parallel


@dataclass(frozen=True, slots=True)
class Adapters:
    """One implementation of every port."""

    log: MessageLog
    cursors: Cursors
    rooms: RoomStore
    friends: FriendStore
    consents: ConsentStore
    revocations: RevocationStore
    presence: PresenceStore
    markers: Markers
    connections: ConnectionStore
    drains: Drains
    checkpoints: CheckpointStore
    sessions: EngineSessions
    trails: Trails
    cache: Cache
    poster: Poster
    delivery: Queue
    delivery_dead: Queue
    outbound: Queue
    outbound_dead: Queue
    peer_outbound: PeerQueues
    inbox: Queue
    inbox_dead: Queue
    topic: Topic
    peers: PeerHealth
    probes: Probes
    arrivals: Arrivals
    metrics: Metrics
    cluster: ClusterBus
    secrets: Secrets
    issuer: Issuer
    clock: Clock
    ids: Ids
    parallel: Parallel
