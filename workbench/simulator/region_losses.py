"""What may be gone with a region that is lost for good: what no other region had got. Pure.

Messages that were acked as `global` are never among it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from chalicelib.model.identifiers import RoomId
from chalicelib.model.log import Durability, Entry
from workbench.drills import checker
from workbench.drills.history import Acked

from .finding import Finding
from .queues import kind_of

if TYPE_CHECKING:
    from .run import Run
    from .world import World

# Jobs that wait for what another region has written. When all is quiet, there is none.
WAITING = frozenset({"foreign_entry", "hole", "foreign_copies", "spare", "foreign_change"})


def gone(this: Run, room: str, world: World) -> list[Entry]:
    """The entries that a region that is lost for good wrote, and that came to no other."""
    if world not in this.lost_worlds:
        return []
    written = world.twins["log"].after(RoomId(room), world.region, "", 100_000)
    return [e for e in written if not any(_has(this, each, e) for each in this.worlds)]


def is_allowed(this: Run, fault: checker.Fault) -> bool:
    """Whether a message is missing that died with its region, or was seen there before.

    Or whether its region died when one of two others had it, and a client of the other one misses
    it: regions do not pass on what they have got. A `global` one is never missing: its region acked
    it when another one had it, which writes it to its own stream.
    """
    if fault.kind is checker.Kind.LOST and _is_global(this, fault.message_id):
        return fault.client is not None and _is_behind_a_loss(this, fault)
    if fault.kind is checker.Kind.LOST and fault.client is not None:
        return _came_to_others(this, fault)
    if fault.kind is checker.Kind.MADE_UP and _is_of_a_removed(this, fault):
        return True
    ids = {
        str(entry.message_id)
        for world in this.lost_worlds
        for entry in gone(this, str(fault.room), world)
    }
    return fault.kind in (checker.Kind.LOST, checker.Kind.MADE_UP) and fault.message_id in ids


def _is_behind_a_loss(this: Run, fault: checker.Fault) -> bool:
    """Whether a message before it is gone: who was away gets it when nobody waits for that one."""
    return any(
        str(entry.message_id) == fault.message_id
        and entry.region == lost.region
        and any(each.seq < entry.seq for each in gone(this, str(fault.room), lost))
        for entry in this.entries[str(fault.room)]
        for lost in this.lost_worlds
    )


def _came_to_others(this: Run, fault: checker.Fault) -> bool:
    """Whether a lost region's message never came to the region that this client is in."""
    lost = {each.region for each in this.lost_worlds}
    return any(
        str(entry.message_id) == fault.message_id
        and entry.region in lost
        and not _has(this, this.home(str(fault.client)), entry)
        for entry in this.entries[str(fault.room)]
    )


def _is_of_a_removed(this: Run, fault: checker.Fault) -> bool:
    """Whether its sender's removal is one that not all other regions had got."""
    return any(
        str(entry.message_id) == fault.message_id
        and died_with(this, "memberships", str(fault.room), entry.sender_id)
        for entry in this.entries[str(fault.room)]
    )


def died_with(this: Run, table: str, *names: str) -> bool:
    """Whether a region that is lost for good wrote an item of these names that others lack."""
    replicas = this.deployment.replication.replicas
    for lost in this.lost_worlds:
        for (kind, key), at in replicas[lost.region].times.items():
            if kind != table or at[1] != lost.region or any(n not in str(key) for n in names):
                continue
            if any(replicas[each.region].times.get((kind, key)) != at for each in this.worlds):
                return True
    return False


def _has(this: Run, world: World, entry: Entry) -> bool:
    key = ("entries", ((entry.room_id, entry.region), entry.message_id))
    return key in this.deployment.replication.replicas[world.region].times


def _is_global(this: Run, message_id: str) -> bool:
    return any(
        isinstance(each, Acked)
        and (each.message_id, each.durability) == (message_id, Durability.GLOBAL)
        for each in this.record.events
    )


def waiting(this: Run) -> list[str]:
    """The jobs that still wait for another region."""
    queues = [queue for world in this.worlds for queue in (world.delivery, world.outbound)]
    kinds = [kind_of(each.body) for queue in queues for each in queue.messages]
    return sorted(kind for kind in kinds if kind in WAITING)


def check(this: Run) -> Iterator[Finding]:
    """Nobody waits for ever for a region, whether it is lost or was parted."""
    for kind in sorted(set(this.waiting)):
        yield Finding("stuck", f"{kind} still waits for another region")
