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
    replicas = this.deployment.replication.replicas
    return [
        entry
        for entry in written
        if not any(
            ("entries", ((entry.room_id, entry.region), entry.message_id))
            in replicas[each.region].times
            for each in this.worlds
        )
    ]


def is_allowed(this: Run, fault: checker.Fault) -> bool:
    """Whether a message is missing that died with its region, or was seen there before.

    A `global` one never does: its region acked it when another region had it.
    """
    ids = {
        str(entry.message_id)
        for world in this.lost_worlds
        for entry in gone(this, str(fault.room), world)
    }
    if fault.message_id not in ids:
        return False
    if fault.kind is checker.Kind.MADE_UP:
        return True
    acks = [each for each in this.record.events if isinstance(each, Acked)]
    is_global = any(
        (each.message_id, each.durability) == (fault.message_id, Durability.GLOBAL) for each in acks
    )
    return fault.kind is checker.Kind.LOST and fault.client is None and not is_global


def waiting(this: Run) -> list[str]:
    """The jobs that still wait for another region."""
    queues = [queue for world in this.worlds for queue in (world.delivery, world.outbound)]
    kinds = [kind_of(each.body) for queue in queues for each in queue.messages]
    return sorted(kind for kind in kinds if kind in WAITING)


def check(this: Run) -> Iterator[Finding]:
    """Nobody waits for ever for a region, whether it is lost or was parted."""
    for kind in sorted(set(this.waiting)):
        yield Finding("stuck", f"{kind} still waits for another region")
