"""The composition of the domain on adapters. `wiring` uses it on AWS, tests on twins."""

from __future__ import annotations

from .access.addresses import Addresses
from .access.cluster import Cluster
from .access.drain_switch import DrainSwitch
from .access.health import RegionHealth
from .access.limits import Limits
from .access.revocations import Revocations
from .access.routing import Router
from .access.tokens import Tokens
from .connections.closing import Closing
from .connections.draining import Draining
from .connections.expiry import TokenExpiry
from .connections.frames import Frames
from .connections.missed import MissedPushes
from .connections.presence_jobs import PresenceJobs
from .connections.registry import Connections
from .connections.restoring import Restorer
from .connections.silence import Silence
from .connections.sweep import Sweep
from .connections.views import RoomViews
from .connections.whereabouts import Whereabouts
from .kernel.settings import Settings
from .membership.changes import MembershipChanges
from .membership.consent import Consent
from .membership.friends import Friends
from .membership.invitations import Invitations
from .membership.room_pages import RoomPages
from .membership.rooms import Rooms
from .messaging.backlog import Backlog
from .messaging.broadcast import Broadcast
from .messaging.catch_up import CatchUp
from .messaging.checkpoints import Checkpoints
from .messaging.confirmations import Confirmations
from .messaging.delivery import Delivery
from .messaging.durability import SecondRegion, Sending
from .messaging.foreign import ForeignStreams
from .messaging.history import History
from .messaging.holding import Holding
from .messaging.lane import FastLane
from .messaging.outbox import Outbox
from .messaging.parts import Parts
from .messaging.postage import Postage
from .messaging.posting import Posting
from .messaging.reading import MessageReader
from .messaging.recovering import RecoveringSockets
from .messaging.room_changes import RoomChanges
from .messaging.runs import Runs
from .messaging.serving import Serving
from .messaging.shares import Shares
from .messaging.slow import SlowConnections
from .messaging.telling import Telling
from .messaging.writing import MessageWriter
from .model.identifiers import Region
from .ports.adapters import Adapters
from .regions.changes import ForeignChanges
from .regions.relaying import Relaying
from .services import Services
from .sessions.binary import BinaryPackets
from .sessions.engine import Engine
from .sessions.heartbeats import Heartbeats
from .sessions.late_rooms import LateRooms
from .sessions.missed import MissedEntries
from .sessions.polls import Polls
from .sessions.recovery import Recovery
from .sessions.upgrades import Upgrades
from .social.ephemeral import Ephemeral
from .social.feeds import Feeds
from .social.presence import Presences
from .social.read_state import ReadState
from .social.receipts import Receipts


def compose(settings: Settings, a: Adapters) -> Services:
    """Compose the domain on these adapters. Does no I/O."""
    region, regions = Region(settings.region), settings.own_first
    cluster = Cluster(a.cluster, a.clock)
    revocations = Revocations(a.revocations, a.cache, cluster, a.outbound, a.clock)
    friends = Friends(a.friends, a.cache, a.presence, a.delivery, a.outbound, a.clock, region)
    consent = Consent(a.consents, friends, a.cache, a.outbound, a.clock, settings.added_by)
    invitations = Invitations(a.consents, a.rooms, consent, a.outbound, a.clock)
    membership = MembershipChanges(a.rooms, a.cache, a.delivery, a.outbound, a.clock)
    rooms = Rooms(
        store=a.rooms,
        friends=friends,
        consent=consent,
        invitations=invitations,
        changes=membership,
        cache=a.cache,
        outbound=a.outbound,
        parallel=a.parallel,
        clock=a.clock,
        ids_=a.ids,
        several=len(regions) > 1,
        max_rooms=settings.max_rooms,
        max_members=settings.max_members,
    )
    views = RoomViews(a.connections, a.cache, rooms, a.outbound)
    presence_jobs = PresenceJobs(a.delivery, a.ids)
    restorer = Restorer(a.connections, a.cache, a.outbound, a.clock)
    closing = Closing(a.poster, a.outbound, a.clock)
    connections = Connections(
        store=a.connections,
        registry=a.cache,
        restorer=restorer,
        missed=MissedPushes(a.log, rooms, regions),
        views=views,
        presence_jobs=presence_jobs,
        outbound=a.outbound,
        closing=closing,
        revocations=revocations,
        claims=a.cache,
        parallel=a.parallel,
        clock=a.clock,
        max_connections=settings.max_connections,
    )
    expiry = TokenExpiry(a.connections, connections, a.poster, a.outbound, a.clock)
    silence = Silence(
        store=a.connections,
        registry=a.cache,
        connections=connections,
        poster=a.poster,
        outbound=a.outbound,
        clock=a.clock,
    )
    sweep = Sweep(
        store=a.connections,
        registry=a.cache,
        counts=a.cache,
        restorer=restorer,
        connections=connections,
        expiry=expiry,
        silence=silence,
        presence_jobs=presence_jobs,
        outbound=a.outbound,
        parallel=a.parallel,
        clock=a.clock,
    )
    switch = DrainSwitch(a.drains, a.clock, usable=len(settings.endpoints) > 1)
    health = RegionHealth(
        settings, a.rooms, a.cache, a.delivery, a.secrets, a.probes, switch, a.clock
    )
    router = Router(
        settings.endpoints, settings.shards, region, a.peers, health, a.clock, a.parallel
    )
    draining = Draining(
        drains=a.drains,
        switch=switch,
        store=a.connections,
        registry=a.cache,
        connections=connections,
        router=router,
        outbound=a.outbound,
        parallel=a.parallel,
        clock=a.clock,
        per_s=settings.drain_per_s,
    )
    reader = MessageReader(a.log, regions)
    catch_up = CatchUp(a.log, reader, a.cache, a.cursors, a.clock)
    backlog = Backlog(reader, a.cursors, a.delivery_dead, a.clock)
    posting = Posting(a.poster, connections, a.cache, rooms, a.clock)
    confirmations = Confirmations(posting, a.cache)
    telling = Telling(posting, views, a.outbound, a.outbound_dead)
    whereabouts = Whereabouts(a.presence, a.cache, regions[1:])
    broadcast = Broadcast(a.topic, whereabouts, rooms, a.cache, a.clock, several=len(regions) > 1)
    slow = SlowConnections(
        cursors=a.cursors,
        tallies=a.cache,
        budget=a.cache,
        posting=posting,
        confirmations=confirmations,
        backlog=backlog,
        queue=a.delivery,
        outbound_dead=a.outbound_dead,
    )
    checkpoints = Checkpoints(a.checkpoints, a.trails, a.parallel, a.clock, a.ids)
    serving = Serving(
        cursors=a.cursors,
        posting=posting,
        slow=slow,
        recovering=RecoveringSockets(a.trails, checkpoints, a.delivery, a.ids),
        confirmations=confirmations,
        backlog=backlog,
        copies=reader.copies,
        clock=a.clock,
    )
    holding = Holding(a.cache, a.clock, a.ids, is_needed=settings.fast_lane > 0)
    runs = Runs(backlog, holding, a.delivery, a.clock)
    shares = Shares(rooms, a.cache)
    parts = Parts(
        shares=shares,
        cursors=a.cursors,
        posting=posting,
        serving=serving,
        slow=slow,
        confirmations=confirmations,
        runs=runs,
        queue=a.delivery,
        clock=a.clock,
        split_over=settings.split_over,
    )
    delivery = Delivery(
        rooms=rooms,
        recents=a.cache,
        cursors=a.cursors,
        confirmations=confirmations,
        backlog=backlog,
        runs=runs,
        serving=serving,
        parts=parts,
        slow=slow,
        posting=posting,
    )
    writer = MessageWriter(
        log=a.log,
        reader=reader,
        lines=a.cache,
        delivery=a.delivery,
        cursors=a.cursors,
        clock=a.clock,
        ids_=a.ids,
        region=region,
        lane=FastLane(holding, a.cache, backlog, confirmations, serving, a.parallel, settings),
        has_outbox=settings.outbox,
    )
    second = SecondRegion(a.peer_outbound, regions[1:], a.clock)
    limits = Limits(settings, a.cache, a.cache, a.clock)
    postage = Postage(limits, a.cache, rooms)
    sending = Sending(writer, postage, second, settings, region)
    room_changes = RoomChanges(
        rooms=rooms,
        changes=membership,
        consent=consent,
        invitations=invitations,
        claims=a.cache,
        connections=connections,
        views=views,
        posting=posting,
        telling=telling,
        shares=shares,
        delivery=a.delivery,
        outbound=a.outbound,
        split_over=settings.split_over,
    )
    presences = Presences(
        store=a.presence,
        connections=connections,
        presence_jobs=presence_jobs,
        friends=friends,
        consent=consent,
        rooms=rooms,
        telling=telling,
        room_changes=room_changes,
        registry=a.cache,
        outbound=a.outbound,
        clock=a.clock,
        region=region,
        regions=regions,
    )
    receipts = Receipts(
        markers=a.markers,
        reader=reader,
        rooms=rooms,
        consent=consent,
        presences=presences,
        telling=telling,
        broadcast=broadcast,
        claims=a.cache,
        numbers=a.cache,
        outbound=a.outbound,
        clock=a.clock,
        region=region,
        regions=regions,
    )
    engine = Engine(
        settings, a.sessions, connections, closing, a.poster, a.outbound, a.clock, limits
    )
    upgrades = Upgrades(engine, a.sessions, connections, a.trails, a.outbound, a.clock, a.ids)
    late_rooms = LateRooms(
        rooms=rooms,
        reader=reader,
        trails=a.trails,
        telling=telling,
        delivery=a.delivery,
        outbound=a.outbound,
        clock=a.clock,
    )
    recovery = Recovery(
        trails=a.trails,
        checkpoints=checkpoints,
        connections=connections,
        backlog=backlog,
        confirmations=confirmations,
        missed=MissedEntries(a.checkpoints, rooms, reader, a.cursors, a.cache, a.trails),
        late_rooms=late_rooms,
        store=a.checkpoints,
        engine=engine,
        upgrades=upgrades,
        poster=a.poster,
        queue=a.delivery,
        clock=a.clock,
        ids_=a.ids,
    )
    ephemeral = Ephemeral(views, rooms, telling, a.cache, broadcast, a.outbound, a.clock, region)
    return Services(
        settings=settings,
        region=region,
        tokens=Tokens(settings, a.secrets, a.issuer, a.clock),
        cluster=cluster,
        revocations=revocations,
        addresses=Addresses(settings),
        limits=limits,
        router=router,
        health=health,
        friends=friends,
        consent=consent,
        invitations=invitations,
        rooms=rooms,
        room_pages=RoomPages(a.rooms, friends),
        views=views,
        presence_jobs=presence_jobs,
        closing=closing,
        connections=connections,
        expiry=expiry,
        silence=silence,
        frames=Frames(a.connections, a.cache, a.cache, connections, a.clock),
        sweep=sweep,
        draining=draining,
        reader=reader,
        writer=writer,
        outbox=Outbox(a.cursors, a.delivery),
        sending=sending,
        catch_up=catch_up,
        history=History(reader, catch_up),
        backlog=backlog,
        delivery=delivery,
        parts=parts,
        slow=slow,
        telling=telling,
        room_changes=room_changes,
        ephemeral=ephemeral,
        feeds=Feeds(rooms, friends, reader, sending),
        presences=presences,
        receipts=receipts,
        read_state=ReadState(a.markers, reader, rooms, consent, regions),
        engine=engine,
        heartbeats=Heartbeats(engine, a.sessions, connections, engine.pace, a.outbound, a.clock),
        polls=Polls(engine, a.sessions, engine.pace, a.clock, limits, settings.poll_slots),
        binary=BinaryPackets(a.sessions, a.outbound, a.clock),
        upgrades=upgrades,
        recovery=recovery,
        late_rooms=late_rooms,
        foreign=ForeignChanges(
            changes=membership,
            invitations=invitations,
            friends=friends,
            revocations=revocations,
            presence_jobs=presence_jobs,
            room_changes=room_changes,
            telling=telling,
            whereabouts=whereabouts,
        ),
        foreign_streams=ForeignStreams(
            delivery=delivery,
            cursors=a.cursors,
            log=a.log,
            reader=reader,
            writer=writer,
            second=second,
            claims=a.cache,
            queue=a.delivery,
            outbound=a.outbound,
            clock=a.clock,
        ),
        relaying=Relaying(ephemeral, receipts, a.clock),
        adapters=a,
    )
