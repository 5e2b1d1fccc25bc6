"""Judges what regions have in common: after all has been replicated, they must show the same.

Pure, as `checks`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.model.identifiers import MessageId, Region, RoomId, UserId
from chalicelib.model.log import Entry, EntryKind
from workbench.drills import checker
from workbench.drills import history as drill
from workbench.drills.history import Acked, Event, Pushed, Room, Seen, Sent

from . import reading_checks, region_losses
from .finding import Finding
from .injection import FREEZES, KILLS
from .replication import differences

if TYPE_CHECKING:
    from .run import Run


def second_copies(entries: Sequence[Entry]) -> dict[str, str]:
    """The message that each second copy repeats, by id.

    A resend to another region before replication makes a second copy. Two in one region are no
    copies, but an error.
    """
    first: dict[tuple[str, str], Entry] = {}
    found: dict[str, str] = {}
    for entry in entries:
        if entry.kind is EntryKind.MESSAGE and entry.client_message_id is not None:
            known = first.setdefault((entry.sender_id, entry.client_message_id), entry)
            if known.region != entry.region:
                found[entry.message_id] = known.message_id
    return found


def as_first(events: Sequence[Event], copies: dict[str, str]) -> list[Event]:
    """Name the first copy wherever clients saw the second one."""
    if not copies:
        return list(events)
    return [
        replace(event, message_id=drill.MessageId(copies[event.message_id]))
        if isinstance(event, (Acked, Pushed, Seen)) and event.message_id in copies
        else event
        for event in events
    ]


def is_documented(this: Run, fault: checker.Fault) -> bool:
    """Whether what a client saw is documented.

    A copy from another region comes in that region's order. An entry that came 30 s after those
    that follow it is delivered alone. A snapshot shows the newest messages that are here: what was
    missing among them comes later.

    Of two copies of a message, a device may get the second by a push and the first by `sync`, or
    by recovery after it has moved. It may be pushed both if the process that delivered one died or
    was held up, or if both arrive in a third region at once.
    """
    if fault.client is None:
        return False
    if fault.kind is checker.Kind.LOST:  # deleted before the client got it
        entries = this.entries[str(fault.room)]
        return any(str(each.message_id) == fault.message_id and each.deleted for each in entries)
    copies = second_copies(this.entries[str(fault.room)])
    if fault.kind is checker.Kind.DOUBLED:  # as two copies, each once
        events = [each for each in this.record.events if isinstance(each, (Seen, Pushed))]
        mine = [each for each in events if each.client == fault.client]
        seen = {each.message_id for each in mine if isinstance(each, Seen)}
        pushed = {each.message_id for each in mine if isinstance(each, Pushed)}
        second = [one for one, first in copies.items() if first == fault.message_id and one in seen]
        if not second or fault.message_id not in seen:
            return False
        by_push = pushed >= {fault.message_id, *second}
        moved = this.devices[str(fault.client)].has_moved
        return not by_push or moved or worker_died(this) or len(this.worlds) > 2
    if fault.kind is not checker.Kind.MISORDERED:
        return False
    if any(str(room) == fault.room for _, room, _ in this.deployment.replication.passed_over):
        return True
    if _follows_as_deleted(this, fault):
        return True
    snapshots = [
        each.messages
        for each in this.record.snapshots
        if (each.device, each.room) == (str(fault.client), str(fault.room))
    ]
    if any(
        fault.message_id not in each and max(each, default="") > fault.message_id
        for each in snapshots
    ):
        return True
    return any(
        isinstance(event, Seen)
        and (event.client, event.room) == (fault.client, Room(str(fault.room)))
        and event.message_id in copies
        for event in this.record.events
    )


def _follows_as_deleted(this: Run, fault: checker.Fault) -> bool:
    """Whether a later message of the stream came before: as deleted, in another region's stream."""
    entries = this.entries[str(fault.room)]
    origin = next((e.region for e in entries if str(e.message_id) == fault.message_id), None)
    deletions = {e.target_id for e in entries if e.region != origin}
    gone = {str(e.message_id) for e in entries if e.region == origin and e.message_id in deletions}
    texts = {s.message_id: s.text for s in reversed(this.record.shown) if s.device == fault.client}
    return any(each > fault.message_id and texts.get(each) == "None" for each in gone)


def worker_died(this: Run) -> bool:
    """Whether it is unknown what a delivery worker had posted: it died, stopped, or could not store
    it.
    """
    if any("trails.settle" in world.calls.failed for world in this.worlds):
        return True
    ends = (*KILLS, *FREEZES)
    return any(each.kind in ends and "delivery " in each.task for each in this.deployment.struck)


def is_sender_lost(this: Run) -> bool:
    """Whether a process may have died between a message and its job, and nobody queues that.

    The outbox does, and a resend to the same region. One to another region does not: then the
    message is pushed with the room's next one.
    """
    outages, struck = this.plan.fault_plan.outages, this.deployment.struck
    is_lost = any(each.service == "region" for each in outages)
    died = any(each.kind in KILLS and "delivery " not in each.task for each in struck)
    forgotten = died and not this.plan.settings.get("outbox")
    return this.deployment.several and (is_lost or forgotten)


def check(this: Run) -> Iterator[Finding]:
    """All findings between the regions of a deployment; none if there is one region."""
    if this.deployment.several:
        yield from _replicas(this)
        yield from _views(this)
        yield from _answers(this)
        yield from _removed(this)
        yield from _created(this)
        yield from _blocked(this)
        yield from _drained(this)
        yield from region_losses.check(this)
        copies = [second_copies(each) for each in this.entries.values()]
        yield from reading_checks.check(this, {k: v for each in copies for k, v in each.items()})


def _replicas(this: Run) -> Iterator[Finding]:
    """This concerns the simulation: every write has arrived, and the later one has won."""
    for key in _differences(this):
        yield Finding("replica", f"{key} is not the same in all regions")


def _differences(this: Run) -> list[str]:
    """Items that are not the same everywhere, but those that a lost region wrote."""
    replicas = this.deployment.replication.replicas
    return differences(
        {each.region: replicas[each.region] for each in this.worlds},
        {each.region for each in this.lost_worlds},
    )


def _is_torn(this: Run) -> bool:
    """Whether a region was lost for good when only some others had what it wrote last."""
    replicas = this.deployment.replication.replicas
    kept = {each.region: replicas[each.region] for each in this.worlds}
    return bool(this.lost_worlds) and bool(differences(kept))


def _views(this: Run) -> Iterator[Finding]:
    if _is_torn(this):
        return
    for what, shown in this.views.items():
        if len({str(each) for each in shown.values()}) > 1:
            told = "; ".join(f"{region}: {each}" for region, each in sorted(shown.items()))
            yield Finding("regions", f"{what} differ: {told}")
    for room, entries in this.entries.items():
        copies = second_copies(entries)
        log = [
            entry.message_id
            for entry in entries
            if entry.kind is EntryKind.MESSAGE and entry.message_id not in copies
        ]
        for region, shown in sorted(this.views.get(f"history of {room}", {}).items()):
            if [message_id for message_id, _ in shown] != log:
                yield Finding("history", f"{room} in {region} is {shown}, the log is {log}")


def _blocked(this: Run) -> Iterator[Finding]:
    """Whom a user has blocked is no friend of theirs, whichever came first and wherever."""
    for what, shown in this.views.items():
        kind, _, user = what.partition(" of ")
        if kind != "blocks" or _is_torn(this):
            continue
        for region, blocked in shown.items():
            friends = this.views.get(f"friends of {user}", {}).get(region, [])
            for other, status, _ in friends:
                if status == "friends" and other in blocked:
                    yield Finding("blocked", f"{user} has blocked {other}, a friend in {region}")


def _answers(this: Run) -> Iterator[Finding]:
    """What a device sends follows all that it has seen, whatever the clocks of regions say."""
    regions = {e.message_id: e.region for each in this.entries.values() for e in each}
    ids = {(e.room_id, e.client_message_id): e.message_id for r in this.entries.values() for e in r}
    newest: dict[tuple[str, str], str] = {}
    for event in this.record.events:
        if isinstance(event, Seen):
            place = (event.client, event.room)
            newest[place] = max(newest.get(place, ""), event.message_id)
        elif isinstance(event, Sent) and event.client in this.devices:
            own = ids.get((RoomId(event.room), event.key), MessageId(""))
            device = this.devices[event.client]
            is_here = regions.get(own) == this.home(device.name).region
            if (
                is_here
                and not device.has_moved
                and own < newest.get((event.client, event.room), "")
            ):
                yield Finding("order", f"{event.key} is before what {event.client} had seen")


def _removed(this: Run) -> Iterator[Finding]:
    """A removal wins over every addition that was decided without knowing it."""
    for (region, room, user), is_in in _members_by_knowledge(this).items():
        for world in [each for each in this.worlds if each.region == region]:
            member = world.twins["rooms"].member(RoomId(room), UserId(user))
            if (member is not None) != is_in:
                rule = "in" if is_in else "out"
                yield Finding("membership", f"{user} should be {rule} in {world.region}: {room}")


def _created(this: Run) -> Iterator[Finding]:
    """A room has one creator, and whoever was acked is that; its members are those that they named.

    A region that is lost for good may take it along.
    """
    for room, user, status in this.created:
        stored = [each.twins["rooms"].get(RoomId(room)) for each in this.worlds]
        by = {each.created_by if each is not None else None for each in stored}
        if status == 201 and not this.lost_worlds and by != {user} and not room.startswith("p-"):
            yield Finding("creation", f"{user} has created {room}, but it is of {by}")
        if status not in (201, 409):
            yield Finding("creation", f"{user} cannot create {room}: {status}")


def _drained(this: Run) -> Iterator[Finding]:
    """A drained region has no clients when all is quiet, if there is another one to go to."""
    if len(this.drained) == len(this.worlds):
        return  # two operators at the same moment: each saw that the other region was healthy
    for world in this.worlds:
        if world.region not in this.drained:
            continue
        for device in this.devices.values():
            if device.is_ready and this.home(device.name) is world:
                yield Finding("drain", f"{device.name} is still in {world.region}")
        for connection_id in sorted(world.gateway.sockets):
            yield Finding("drain", f"{connection_id} is still open in {world.region}")


def _members_by_knowledge(this: Run) -> dict[tuple[Region, str, str], bool]:
    """Who is in each room in each region, by what each region knew when it wrote: nothing but its
    own writes and what had arrived, with all that those had known.
    """
    known: dict[
        tuple[Region, str, str], frozenset[int]
    ] = {}  # region, room, user: numbers of writes
    numbers: dict[tuple[object, object], int] = {}
    pasts: dict[tuple[str, str], list[tuple[bool, int, frozenset[int]]]] = {}
    for region, item in this.deployment.replication.memberships:
        room, sort = item.key
        user = sort.partition("#")[0]
        before = known.get((region, room, user), frozenset())
        writes = pasts.setdefault((room, user), [])
        number = numbers.setdefault((item.key, item.at), len(writes))
        if number == len(writes):
            writes.append((item.value is None or item.value.removed, number, before))
        known[region, room, user] = before | {number} | writes[number][2]
    found: dict[tuple[Region, str, str], bool] = {}
    for (region, room, user), numbers_known in known.items():
        writes = [pasts[room, user][number] for number in sorted(numbers_known)]
        removals = {number for is_removal, number, _ in writes if is_removal}
        additions = [past for is_removal, _, past in writes if not is_removal]
        found[region, room, user] = any(removals <= past for past in additions)
    return found
