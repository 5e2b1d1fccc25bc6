"""The composed domain, which entrypoints call. `composition` makes it."""

from __future__ import annotations

from dataclasses import dataclass

from .access.addresses import Addresses
from .access.cluster import Cluster
from .access.health import RegionHealth
from .access.limits import Limits
from .access.revocations import Revocations
from .access.routing import Router
from .access.tokens import Tokens
from .connections.closing import Closing
from .connections.draining import Draining
from .connections.expiry import TokenExpiry
from .connections.frames import Frames
from .connections.presence_jobs import PresenceJobs
from .connections.registry import Connections
from .connections.silence import Silence
from .connections.sweep import Sweep
from .connections.views import RoomViews
from .kernel.settings import Settings
from .membership.consent import Consent
from .membership.friends import Friends
from .membership.invitations import Invitations
from .membership.room_pages import RoomPages
from .membership.rooms import Rooms
from .messaging.backlog import Backlog
from .messaging.catch_up import CatchUp
from .messaging.delivery import Delivery
from .messaging.durability import Sending
from .messaging.foreign import ForeignStreams
from .messaging.history import History
from .messaging.outbox import Outbox
from .messaging.parts import Parts
from .messaging.reading import MessageReader
from .messaging.room_changes import RoomChanges
from .messaging.slow import SlowConnections
from .messaging.telling import Telling
from .messaging.writing import MessageWriter
from .model.identifiers import Region
from .ports.adapters import Adapters
from .regions.changes import ForeignChanges
from .regions.relaying import Relaying
from .sessions.binary import BinaryPackets
from .sessions.engine import Engine
from .sessions.heartbeats import Heartbeats
from .sessions.late_rooms import LateRooms
from .sessions.polls import Polls
from .sessions.recovery import Recovery
from .sessions.upgrades import Upgrades
from .social.ephemeral import Ephemeral
from .social.feeds import Feeds
from .social.presence import Presences
from .social.read_state import ReadState
from .social.receipts import Receipts


@dataclass(frozen=True, slots=True)
class Services:
    """The composed domain: what entrypoints and actions call."""

    settings: Settings
    region: Region
    tokens: Tokens
    cluster: Cluster
    revocations: Revocations
    addresses: Addresses
    limits: Limits
    router: Router
    health: RegionHealth
    friends: Friends
    consent: Consent
    invitations: Invitations
    rooms: Rooms
    room_pages: RoomPages
    views: RoomViews
    presence_jobs: PresenceJobs
    closing: Closing
    connections: Connections
    expiry: TokenExpiry
    silence: Silence
    frames: Frames
    sweep: Sweep
    draining: Draining
    reader: MessageReader
    writer: MessageWriter
    outbox: Outbox
    sending: Sending
    catch_up: CatchUp
    history: History
    backlog: Backlog
    delivery: Delivery
    parts: Parts
    slow: SlowConnections
    telling: Telling
    room_changes: RoomChanges
    ephemeral: Ephemeral
    feeds: Feeds
    presences: Presences
    receipts: Receipts
    read_state: ReadState
    engine: Engine
    heartbeats: Heartbeats
    polls: Polls
    binary: BinaryPackets
    upgrades: Upgrades
    recovery: Recovery
    late_rooms: LateRooms
    foreign: ForeignChanges
    foreign_streams: ForeignStreams
    relaying: Relaying
    adapters: Adapters
