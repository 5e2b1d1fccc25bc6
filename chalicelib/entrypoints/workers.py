"""The worker of each kind of job: one table for each queue, from class to function.

A Lambda function has the permissions that the workers in its table need
(`terraform/modules/app/permissions.json`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..jobs import Job
from ..jobs.delivery import (
    AnnounceRoomChange,
    AnnounceToPart,
    DeliverDirect,
    DeliverEntry,
    DeliverPart,
    DeliverToRecovering,
    DeliverToTargets,
    IntroduceFriend,
    SetAside,
    SettlePresence,
    StartRecovery,
)
from ..jobs.foreign import DeliverForeign, ForeignChange, KeepSpare, NoteCopies, PassHole
from ..jobs.outbound import (
    BlockChanged,
    CheckPresence,
    CheckRoomChange,
    CloseConnection,
    DisconnectUser,
    DrainBucket,
    DropGhosts,
    EndSilent,
    EndTyping,
    ExpireConnection,
    FriendshipChanged,
    InvalidateMembership,
    LeaveRooms,
    LookForRooms,
    RegisterConnection,
    RepairViews,
    RetryEvent,
    SweepBucket,
    TellInvitation,
    TellRoomView,
    TellTyping,
    WatchExpiry,
)
from ..jobs.receipts import TellDelivered, TellRead, TellReadCounts
from ..jobs.relayed import RelayDelivered, RelayRoomView, RelayTyping
from ..jobs.sessions import (
    CleanUp,
    EndWithoutNamespace,
    FinishUpgrade,
    GiveUpParts,
    GreetSession,
    Heartbeat,
    RefuseSession,
    ReviveHeartbeat,
)
from ..services import Services
from . import schedules
from .socketio import packets

# Takes a job (for a kind in TOGETHER: a list of jobs) and the number of the attempt, from 1.
# Returns None when the job is settled, or the seconds until its retry.
Worker = Callable[[Services, Any, int], int | None]

# Consecutive jobs of these kinds in a group go to their worker together, all others one by one.
TOGETHER: frozenset[type[Job]] = frozenset({DeliverEntry, DeliverForeign})
# If an entry of these jobs cannot be delivered, it is set aside. DeliverEntry and DeliverPart
# do this themselves, together with the cursor.
SET_ASIDE = (DeliverToTargets, DeliverDirect, DeliverToRecovering)


def entries(services: Services, jobs: Sequence[DeliverEntry], attempt: int) -> None:
    services.delivery.entries(jobs, attempt)


def foreign_entries(services: Services, jobs: Sequence[DeliverForeign], attempt: int) -> int | None:
    return services.foreign_streams.entries(jobs, attempt)


# The tables of the triggers `deliver`, `outbound` and `relay`.
DELIVER: Mapping[type[Job], Worker] = {
    DeliverEntry: entries,
    DeliverForeign: foreign_entries,
    DeliverPart: lambda services, job, attempt: services.parts.deliver(job, attempt),
    DeliverToTargets: lambda services, job, attempt: services.delivery.to_targets(job, attempt),
    DeliverDirect: lambda services, job, attempt: services.slow.direct(job, attempt),
    AnnounceRoomChange: lambda services, job, _: services.room_changes.announce(job),
    AnnounceToPart: lambda services, job, _: services.room_changes.announce_to_part(job),
    # Its dead letters are in this queue's dead-letter queue; a redrive brings them back here.
    SetAside: lambda services, job, attempt: services.delivery.again(job, attempt),
    StartRecovery: lambda services, job, attempt: services.recovery.start(job, attempt),
    DeliverToRecovering: lambda services, job, attempt: services.recovery.deliver(job, attempt),
    SettlePresence: lambda services, job, _: services.presences.settle(job),
    IntroduceFriend: lambda services, job, _: services.presences.introduce(job),
}
OUTBOUND: Mapping[type[Job], Worker] = {
    # Its dead letters are in this queue's dead-letter queue; a redrive brings them back here.
    DeliverDirect: lambda services, job, attempt: services.slow.direct(job, attempt),
    InvalidateMembership: lambda services, job, _: services.room_changes.invalidate_again(job),
    CheckRoomChange: lambda services, job, _: services.room_changes.check(job),
    RepairViews: lambda services, job, _: services.views.repair(job),
    RetryEvent: lambda services, job, _: services.telling.retry(job),
    CheckPresence: lambda services, job, _: services.presence_jobs.check(job),
    FriendshipChanged: lambda services, job, _: services.presences.befriended(job),
    BlockChanged: lambda services, job, _: services.room_changes.block_changed(job),
    TellInvitation: lambda services, job, attempt: services.room_changes.invited(job, attempt),
    TellTyping: lambda services, job, attempt: services.ephemeral.tell_typing(job, attempt),
    EndTyping: lambda services, job, attempt: services.ephemeral.end_typing(job, attempt),
    TellRoomView: lambda services, job, _: services.ephemeral.tell_room_view(job),
    LeaveRooms: lambda services, job, attempt: services.ephemeral.leave_all(job, attempt),
    TellRead: lambda services, job, _: services.receipts.tell_read(job),
    TellReadCounts: lambda services, job, _: services.receipts.tell_counts(job),
    TellDelivered: lambda services, job, attempt: services.receipts.tell_delivered(job, attempt),
    RegisterConnection: lambda services, job, _: services.connections.register_again(job),
    WatchExpiry: lambda services, job, attempt: services.expiry.watch(job, attempt),
    ExpireConnection: lambda services, job, _: services.expiry.expire(job),
    EndSilent: lambda services, job, _: services.silence.end(job),
    DisconnectUser: lambda services, job, _: services.connections.disconnect_user(job),
    GreetSession: lambda services, job, _: services.engine.greet(job),
    CloseConnection: lambda services, job, _: services.closing.repeat(job),
    RefuseSession: lambda services, job, _: services.closing.once_open(job.target),
    FinishUpgrade: lambda services, job, _: services.upgrades.finish(job),
    CleanUp: lambda services, job, _: services.engine.clean_up(job.connection_id),
    Heartbeat: lambda services, job, _: services.heartbeats.beat(job),
    ReviveHeartbeat: lambda services, job, _: services.heartbeats.revive(job),
    GiveUpParts: lambda services, job, _: packets.give_up(services, job),
    EndWithoutNamespace: lambda services, job, _: services.engine.end_without_namespace(job),
    DropGhosts: lambda services, job, _: services.connections.drop_ghosts_again(job),
    SweepBucket: lambda services, job, _: schedules.sweep_bucket(services, job),
    DrainBucket: lambda services, job, _: services.draining.bucket(job),
    LookForRooms: lambda services, job, _: services.late_rooms.look(job),
    ForeignChange: lambda services, job, _: services.foreign.apply(job),
    NoteCopies: lambda services, job, _: services.foreign_streams.note_copies(job),
    KeepSpare: lambda services, job, _: services.foreign_streams.keep(job),
    PassHole: lambda services, job, _: services.foreign_streams.pass_hole(job),
}
# None of these publishes, and the function may not: what crossed once does not cross again.
RELAY: Mapping[type[Job], Worker] = {
    RelayTyping: lambda services, job, attempt: services.relaying.typing(job, attempt),
    RelayRoomView: lambda services, job, _: services.relaying.room_view(job),
    RelayDelivered: lambda services, job, attempt: services.relaying.delivered(job, attempt),
}
