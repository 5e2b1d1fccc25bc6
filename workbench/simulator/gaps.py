"""Known gaps (docs/plan.md): what a client may see, and the checks do not report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from chalicelib.messaging.backlog import RECENT_MS
from chalicelib.model.log import Entry
from workbench.drills import checker
from workbench.drills.history import Acked

from .history import HandedOn
from .injection import KILLS, Kind
from .scheduler import START_MS
from .twins import Overlooked

if TYPE_CHECKING:
    from .run import Run

_REGISTERED_S = 30  # a job tries again after 1, 2, 4 … s


def is_known(this: Run, fault: checker.Fault) -> bool:
    """Whether a client saw what a known gap says, of an entry of the log."""
    entries = this.entries[str(fault.room)]
    entry = next((each for each in entries if str(each.message_id) == fault.message_id), None)
    if fault.client is None or entry is None:
        return False
    if fault.kind is checker.Kind.MISORDERED and (
        # Who hears of a deletion first is shown that there was a message when a sync says so.
        entry.deleted
        or _was_overlooked(this, str(fault.client), entry)
        or _was_unregistered(this, str(fault.client), entry)
    ):
        return True
    missing = fault.kind in (checker.Kind.LOST, checker.Kind.MISORDERED)
    device = this.devices.get(str(fault.client))
    if missing and device is not None and device.was_early:
        return True
    if this.plan.settings.get("outbox"):
        return False
    return missing and _is_first_without_job(this, str(fault.client), entry)


def handed_on(this: Run) -> list[HandedOn]:
    """What programs of stock clients were handed, without what may come again.

    An entry that a region has passed over is posted when it arrives, to all sockets: also to one
    that has come from another region, where it got the entry.
    """
    late = {
        str(entry.message_id)
        for _, room, origin in this.deployment.replication.passed_over
        for entry in this.entries[str(room)]
        if entry.region == origin
    }
    late |= {  # likewise what was in flight to a socket when its region was lost for good
        str(entry.message_id)
        for world in this.lost_worlds
        for entries in this.entries.values()
        for entry in entries
        if entry.region == world.region and entry.kept
    }
    return [
        each
        for each in this.record.handed_on
        if each.message_id not in late or not this.devices[each.device].has_moved
    ]


def come_back(this: Run) -> set[str]:
    """Devices that have moved, or whose user was removed from a room and added again.

    A socket that recovers tells what it has of the rooms and regions that are there. Of others its
    next offset says nothing: what had been in flight to it may come when they are.
    """
    added = {user for _, user in this.changed}
    return {name for name, each in this.devices.items() if each.has_moved or each.user in added}


def _was_overlooked(this: Run, device: str, entry: Entry) -> bool:
    """Whether a delivery without Redis found no connection of the device, as the index lagged.

    A client with a hole gets it by `sync`, after the message that showed the hole.
    """
    return any(
        each.connection_id.rpartition("-")[0] == device
        and entry.timestamp_ms <= START_MS + each.at_us // 1000
        and _is_without_redis(this, world.region, each)
        for world in this.worlds
        for each in world.twins["connections"].overlooked
    )


def _was_unregistered(this: Run, device: str, entry: Entry) -> bool:
    """Whether a device had connected while Redis was away, which has just come back."""
    connects = [s.at_s for s in this.plan.steps if (s.who, s.what) == (device, "connect")]
    entry_s = (entry.timestamp_ms - START_MS) / 1000
    return any(
        each.service == "redis"
        and any(each.from_s <= at_s < each.to_s for at_s in connects)
        and each.to_s - 1 <= entry_s < each.to_s + _REGISTERED_S
        for each in this.plan.fault_plan.outages
    )


def _is_without_redis(this: Run, region: str, overlooked: Overlooked) -> bool:
    if " delivery " not in f" {overlooked.task}":
        return False
    at_s = overlooked.at_us / 1e6
    away = any(
        each.service == "redis"
        and each.region in ("", region)
        and each.from_s <= at_s < each.to_s + 1
        for each in this.plan.fault_plan.outages
    )
    return away or any(
        each.kind in (Kind.REFUSED, Kind.LOST) and f"{overlooked.task}/".startswith(f"{each.task}/")
        for each in this.deployment.struck
    )


def _is_first_without_job(this: Run, device: str, entry: Entry) -> bool:
    """Whether the entry began its stream, has no job, and the next one came minutes later.

    Its writer died, and nobody sent it again there: a resend to another region queues no job in
    this one. This concerns devices of the region that wrote it: the others get it from their
    replica.
    """
    acks = [each for each in this.record.events if isinstance(each, Acked)]
    by = [str(each.client) for each in acks if each.message_id == str(entry.message_id)]
    was_there = this.devices[device].has_moved or this.home(device).region == entry.region
    if entry.seq != 1 or not all(_may_ask_elsewhere(this, each) for each in by) or not was_there:
        return False
    died = any(
        each.kind in KILLS and "delivery " not in each.task for each in this.deployment.struck
    )
    return died and any(
        each.timestamp_ms - entry.timestamp_ms >= RECENT_MS for each in _following(this, entry)
    )


def _may_ask_elsewhere(this: Run, client: str) -> bool:
    """Whether a client may have been acked by another region: a program tries each in turn."""
    known = this.devices.get(client)
    return this.deployment.several and (known is None or known.has_moved)


def _following(this: Run, entry: Entry) -> Iterator[Entry]:
    """The entry that follows in the same stream, if there is one."""
    for each in this.entries[str(entry.room_id)]:
        if each.region == entry.region and each.seq == entry.seq + 1:
            yield each
