"""What entries receive: the domain, composed. Built by `wiring`, or by tests on twins."""

from __future__ import annotations

from dataclasses import dataclass

from .access.cluster import Cluster
from .access.limits import Limits
from .access.revocations import Revocations
from .access.routing import Router
from .access.tokens import Tokens
from .connections.registry import Connections
from .kernel.settings import Settings
from .membership.friends import Friends
from .membership.rooms import Rooms
from .messaging.backlog import Backlog
from .messaging.delivery import Delivery
from .messaging.messages import Messages
from .model.identifiers import Region
from .ports.access import PeerHealth, RevocationStore, Secrets, Sync
from .ports.cache import Cache
from .ports.connections import ConnectionStore
from .ports.delivery import Cursors, Poster
from .ports.friends import FriendStore
from .ports.log import MessageLog
from .ports.presence import PresenceStore
from .ports.queues import Queue
from .ports.receipts import Markers
from .ports.rooms import RoomStore
from .ports.sessions import CheckpointStore, EngineSessions, Trails
from .ports.system import Clock, Ids, Metrics
from .sessions.engine import Engine
from .sessions.recovery import Recovery
from .sessions.upgrades import Upgrades
from .social.ephemeral import Ephemeral
from .social.feeds import Feeds
from .social.presence import Presences
from .social.receipts import Receipts


@dataclass(frozen=True, slots=True)
class Adapters:
    """One implementation of every port."""

    log: MessageLog
    cursors: Cursors
    rooms: RoomStore
    friends: FriendStore
    revocations: RevocationStore
    presence: PresenceStore
    markers: Markers
    connections: ConnectionStore
    checkpoints: CheckpointStore
    sessions: EngineSessions
    trails: Trails
    cache: Cache
    poster: Poster
    delivery: Queue
    delivery_dead: Queue
    outbound: Queue
    outbound_dead: Queue
    peers: PeerHealth
    metrics: Metrics
    sync: Sync
    secrets: Secrets
    clock: Clock
    ids: Ids


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    tokens: Tokens
    cluster: Cluster
    revocations: Revocations
    limits: Limits
    friends: Friends
    rooms: Rooms
    messages: Messages
    connections: Connections
    engine: Engine
    upgrades: Upgrades
    backlog: Backlog
    delivery: Delivery
    ephemeral: Ephemeral
    feeds: Feeds
    presences: Presences
    receipts: Receipts
    recovery: Recovery
    router: Router
    adapters: Adapters

    @property
    def region(self) -> Region:
        return Region(self.settings.region)


def compose(settings: Settings, a: Adapters) -> Services:
    """The domain on these adapters. Does no I/O."""
    region = Region(settings.region)
    cluster = Cluster(a.sync, a.clock)
    revocations = Revocations(a.revocations, cluster, a.outbound, a.clock)
    friends = Friends(a.friends, a.cache, a.outbound, a.clock)
    rooms = Rooms(
        a.rooms,
        friends,
        a.cache,
        a.delivery,
        a.clock,
        a.ids,
        max_rooms=settings.max_rooms,
        max_members=settings.max_members,
    )
    messages = Messages(a.log, a.cache, a.delivery, a.clock, a.ids, region, (region,))
    connections = Connections(
        a.connections,
        a.cache,
        a.delivery,
        a.outbound,
        a.poster,
        a.clock,
        a.ids,
        settings.max_connections,
    )
    backlog = Backlog(messages, a.cursors, a.delivery_dead, a.clock)
    delivery = Delivery(
        rooms=rooms,
        connections=connections,
        cache=a.cache,
        cursors=a.cursors,
        poster=a.poster,
        queue=a.delivery,
        backlog=backlog,
        outbound=a.outbound,
        outbound_dead=a.outbound_dead,
        clock=a.clock,
        split_over=settings.split_over,
    )
    ephemeral = Ephemeral(connections, delivery, a.cache, a.outbound, a.clock)
    receipts = Receipts(
        markers=a.markers,
        messages=messages,
        rooms=rooms,
        delivery=delivery,
        cache=a.cache,
        outbound=a.outbound,
        clock=a.clock,
        region=region,
        regions=(region,),
    )
    presences = Presences(
        store=a.presence,
        connections=connections,
        friends=friends,
        rooms=rooms,
        delivery=delivery,
        cache=a.cache,
        outbound=a.outbound,
        clock=a.clock,
        region=region,
        regions=(region,),
    )
    engine = Engine(settings, a.sessions, connections, a.poster, a.outbound, a.clock)
    upgrades = Upgrades(engine, a.sessions, connections, a.trails, a.outbound, a.clock, a.ids)
    recovery = Recovery(
        store=a.checkpoints,
        trails=a.trails,
        rooms=rooms,
        messages=messages,
        connections=connections,
        backlog=backlog,
        delivery=delivery,
        engine=engine,
        upgrades=upgrades,
        poster=a.poster,
        queue=a.delivery,
        clock=a.clock,
        ids_=a.ids,
    )
    return Services(
        settings=settings,
        tokens=Tokens(settings, a.secrets),
        cluster=cluster,
        revocations=revocations,
        limits=Limits(settings, a.cache, a.clock),
        friends=friends,
        rooms=rooms,
        messages=messages,
        connections=connections,
        engine=engine,
        upgrades=upgrades,
        backlog=backlog,
        delivery=delivery,
        ephemeral=ephemeral,
        feeds=Feeds(rooms, friends, messages),
        presences=presences,
        receipts=receipts,
        recovery=recovery,
        router=Router(settings.endpoints, settings.shards, region, a.peers, a.clock),
        adapters=a,
    )
