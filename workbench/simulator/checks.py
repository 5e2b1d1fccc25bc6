"""Judges a run: each promise, by what clients saw and by what the region holds when all is quiet.

Pure: the checks read the run and change nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from chalicelib.kernel.ids import BUCKETS
from chalicelib.model.identifiers import UserId
from chalicelib.model.log import Entry, EntryKind
from chalicelib.model.presence import Presence, Status, merged
from workbench.drills import checker
from workbench.drills.history import (
    Acked,
    Client,
    History,
    Key,
    LogEntry,
    MessageId,
    Room,
    Seen,
    Sent,
)

from . import event_checks, gaps, region_checks, region_losses, revocation_checks
from .devices import Device
from .finding import Finding
from .history import HandedOn
from .lines import Line
from .queues import kind_of

if TYPE_CHECKING:
    from .run import Run
    from .world import World

# A slow connection that was closed leaves such a letter, by design: its client syncs.
RECONNECT_US = 60_000_000  # a connection may end and begin anew at any time
IN_FLIGHT = 8  # messages that may be on their way to one client at the same time
_ALLOWED_LETTERS = frozenset({"direct", "retry"})


def check(this: Run) -> list[Finding]:
    """All findings of a finished run."""
    found = [
        *_messages(this),
        *_late(this),
        *handed_on_again(
            gaps.handed_on(this),
            worker_died=region_checks.worker_died(this),
            may_lack=gaps.come_back(this),
        ),
        *_reads(this),
        *_contents(this),
        *_log(this),
        *_recovery(this),
        *_membership(this),
        *event_checks.check(this),
        *_ghosts(this),
        *_presence(this),
        *_connections(this),
        *_dead_letters(this),
        *_stuck(this),
        *region_checks.check(this),
        *revocation_checks.check(this),
    ]
    return sorted(set(found), key=lambda finding: (finding.promise, finding.why))


def counts(this: Run) -> dict[str, int]:
    """How much there was to judge."""
    kinds = Counter(type(event).__name__.lower() for event in this.record.events)
    return {
        **{name: kinds[name] for name in ("sent", "acked", "pushed", "seen", "connected")},
        "faults": len(this.deployment.struck),
        "steps": this.scheduler.steps,
    }


def _history(this: Run) -> History:
    """Messages as drills judge them. Users whose membership changed are judged by the probes."""
    log, members = {}, {}
    events = this.record.events
    sent = {(e.room, e.key) for e in events if isinstance(e, Sent)}
    for name, users in this.members.items():
        room = Room(name)
        entries = this.entries[name]
        copies = region_checks.second_copies(entries) if this.deployment.several else {}
        events = region_checks.as_first(events, copies)
        log[room] = tuple(
            LogEntry(MessageId(entry.message_id), _key(entry), str(entry.region))
            for entry in entries
            if entry.kind is EntryKind.MESSAGE
            and (room, _key(entry)) in sent
            and entry.message_id not in copies
        )
        away = this.locked_out
        stayed = [user for user in users if (name, user) not in this.changed and user not in away]
        members[room] = frozenset(
            Client(device) for device in this.devices if device.split("/")[0] in stayed
        )
    return History(members, log, tuple(events))


def _key(entry: Entry) -> Key:
    """The key of a message; one without an id has its key in its text."""
    return Key(entry.client_message_id or str(entry.content).removeprefix("text "))


def _messages(this: Run) -> Iterator[Finding]:
    for fault in checker.check(_history(this)).faults:
        who = fault.client or "log"
        if fault.client is not None and fault.kind is not checker.Kind.DOUBLED:
            user = str(fault.client).split("/")[0]
            if (str(fault.room), user) in this.changed:
                continue
        if this.deployment.several and region_checks.is_documented(this, fault):
            continue
        if region_losses.is_allowed(this, fault) or gaps.is_known(this, fault):
            continue
        yield Finding(str(fault.kind), f"{fault.message_id} in {fault.room} at {who}: {fault.why}")


def _late(this: Run) -> Iterator[Finding]:
    """A message that was acked while Redis was up needs no later one to reach who is connected."""
    if not this.plan.redis_stays_up or region_checks.is_sender_lost(this):
        return
    history = _history(this)
    acked = {e.message_id for e in history.events if isinstance(e, Acked) and e.at_s < this.probe_s}
    seen = {
        (e.client, e.message_id)
        for e in history.events
        if isinstance(e, Seen) and e.at_s < this.probe_s
    }
    gone = {str(e.message_id) for entries in this.entries.values() for e in entries if e.deleted}
    for room, clients in checker.due(history).items():
        for client, ids in clients.items():
            for message_id in sorted((ids & acked) - gone):
                if client in this.ready and (client, message_id) not in seen:
                    yield Finding("late", f"{message_id} in {room} at {client}: not until later")


def handed_on_again(
    record: Sequence[HandedOn], *, worker_died: bool = False, may_lack: Collection[str] = ()
) -> Iterator[Finding]:
    """A stock client gets a message once, in each life.

    Three cases are documented: what was in flight when a connection broke may come again over the
    next one, and so may what a process had posted that died before it stored that; and one frame
    may come twice when the process that changes the transport dies.

    Args:
        may_lack: Devices whose next connection may have lacked the message's room or region.
    """
    lives: dict[tuple[str, int], list[HandedOn]] = {}
    for each in record:
        lives.setdefault((each.device, each.life), []).append(each)
    for handed_on in lives.values():
        first: dict[str, int] = {}
        again_of_line: Counter[int] = Counter()
        for number, each in enumerate(handed_on):
            before = first.setdefault(each.message_id, number)
            if before == number:
                continue
            if handed_on[before].line == each.line:
                again_of_line[each.line] += 1
                if each.upgraded and again_of_line[each.line] == 1:
                    continue
            elif (
                each.device in may_lack or _line_before(handed_on, each) == handed_on[before].line
            ) and (worker_died or _since(handed_on, before) < IN_FLIGHT):
                continue
            why = f"{each.device} was handed {each.message_id} again"
            yield Finding("doubled", f"{why}, over line {each.line} after {handed_on[before].line}")


def _line_before(handed_on: Sequence[HandedOn], later: HandedOn) -> int:
    """The last line before this one's that brought anything: one may end before it opens."""
    return max(each.line for each in handed_on if each.line < later.line)


def _since(handed_on: Sequence[HandedOn], before: int) -> int:
    """How many messages came after this one over the same line."""
    return sum(each.line == handed_on[before].line for each in handed_on[before + 1 :])


def _reads(this: Run) -> Iterator[Finding]:
    """Pages of the history show the log, in its order, with all that was acked before."""
    acked = [e for e in this.record.events if isinstance(e, Acked)]
    for read in this.record.reads:
        if this.deployment.several:
            if list(read.messages) != sorted(set(read.messages)):
                yield Finding("history", f"{read.client} read {read.messages}: not in order")
            continue  # what has not been replicated yet is missing: `region_checks` asks later
        entries = this.entries[read.room]
        ids = [str(entry.message_id) for entry in entries if entry.kind is EntryKind.MESSAGE]
        start = ids.index(read.after) + 1 if read.after in ids else 0
        end = start + len(read.messages)
        if list(read.messages) != ids[start:end]:
            yield Finding("history", f"{read.client} read {read.messages}, the log is {ids}")
        for each in acked:
            if (
                each.room == read.room
                and each.at_s <= read.began_s
                and each.message_id in ids[end:]
            ):
                yield Finding("history", f"{read.client} did not read {each.key}, acked before")


def _contents(this: Run) -> Iterator[Finding]:
    """What devices are shown is what is stored."""
    stored = {
        str(entry.message_id): str(entry.content)
        for entries in this.entries.values()
        for entry in entries
        if not entry.deleted
    }
    for shown in this.record.shown:
        text = stored.get(shown.message_id)
        if text not in (None, shown.text):
            yield Finding("stored", f"{shown.device} was shown {shown.text!r}, stored is {text!r}")


def _log(this: Run) -> Iterator[Finding]:
    for name, entries in this.entries.items():
        for world in this.deployment.worlds.values():
            seqs = [entry.seq for entry in entries if entry.region == world.region]
            seqs += [each.seq for each in region_losses.gone(this, name, world)]
            if sorted(seqs) != list(range(1, len(seqs) + 1)):
                yield Finding("log", f"{name} has a hole or a fork: {seqs}")


def _recovery(this: Run) -> Iterator[Finding]:
    for device, room in this.record.not_recovered:
        if any(region_losses.gone(this, room, each) for each in this.lost_worlds):
            continue  # documented: what followed what was lost comes as a snapshot
        yield Finding("recovery", f"{device} got a snapshot of {room} although it had a position")


def _membership(this: Run) -> Iterator[Finding]:
    for device, room in this.accepted:
        if region_losses.died_with(this, "memberships", room, device.split("/")[0]):
            continue  # documented: so may be removals that no other region, or not all, had got
        yield Finding("membership", f"{device} was removed from {room} and can still use it")
    for name, user in sorted(this.kicked):
        if region_losses.died_with(this, "memberships", name, user):
            continue
        for device in [each for each in this.devices if each.split("/")[0] == user]:
            got = [e for e in this.record.events if isinstance(e, Seen)]
            if any(e.client == device and e.room == name and e.at_s >= this.probe_s for e in got):
                yield Finding("membership", f"{device} was removed from {name} and gets messages")
    seen = {
        (e.client, e.room)
        for e in this.record.events
        if isinstance(e, Seen) and e.at_s >= this.probe_s
    }
    for name, user in sorted(this.changed - this.kicked):
        for device in sorted(this.ready):
            owner = this.members[name][0]
            if device.split("/")[0] == user != owner and (device, name) not in seen:
                yield Finding("membership", f"{device} was added to {name} and gets no messages")


def _ghosts(this: Run) -> Iterator[Finding]:
    for world in this.worlds:
        for connection_id in world.gateway.posts_to_ended:
            yield Finding("ghost", f"{connection_id} ended long ago and is still posted to")


def _presence(this: Run) -> Iterator[Finding]:
    users = sorted({device.user for device in this.devices.values()})
    for world in this.worlds:
        where = f" in {world.region}" if this.deployment.several else ""
        for user in users:
            if any(_just_lost(each) for each in _devices_in(this, world, user)):
                continue
            connected = any(
                socket.is_open and socket.is_alive
                for socket in world.gateway.sockets.values()
                if socket.connection_id.split("/")[0] == user
            ) or any(_line(each) is not None for each in _devices_in(this, world, user))
            held = world.twins["presence"].get(UserId(user), world.region)
            # Whose CONNECT is refused has a websocket for a moment.
            connected = connected and user not in this.locked_out
            if (held.status is not Status.OFFLINE) != connected:
                state = "connected" if connected else "away"
                yield Finding("presence", f"{user} is {state}{where} and shown as {held.status}")
            yield from _announced(this, world, held)


def _announced(this: Run, world: World, held: Presence) -> Iterator[Finding]:
    """Friends were sent what holds now: of all regions, if there are several."""
    known = world.twins["presence"].get_many([held.user_id], world.settings.own_first)
    status = merged(known).status if known else held.status
    if held.announced is not status:
        yield Finding("presence", f"{held.user_id} is {status}, friends saw {held.announced}")


def _just_lost(device: Device) -> bool:
    """Whether its connection ended a moment ago, so that the server may not know yet."""
    lost_us = device.scheduler.now_us - device.unready_us
    return device.wants and not device.is_ready and lost_us < RECONNECT_US


def _devices_in(this: Run, world: World, user: str) -> list[Device]:
    devices = [each for each in this.devices.values() if each.user == user]
    return [each for each in devices if this.home(each.name) is world]


def _connections(this: Run) -> Iterator[Finding]:
    """Each device is connected, and the server knows the connection."""
    for device in this.devices.values():
        lost_us = this.scheduler.now_us - device.unready_us
        may_connect = device.wants and device.user not in this.locked_out
        if may_connect and not device.is_ready and lost_us > RECONNECT_US:
            yield Finding("connection", f"{device.name} cannot connect")
    for name in this.record.answered_again:
        yield Finding("connection", f"{name} got a second socket for one CONNECT")
    for world in this.worlds:
        store = world.twins["connections"]
        known = {each.connection_id for n in range(BUCKETS) for each in store.in_bucket(n)}
        known = {connection_id.partition("|")[0] for connection_id in known}
        devices = [each for each in this.devices.values() if this.home(each.name) is world]
        lines = [line for device in devices if (line := _line(device)) is not None]
        for device in devices:
            line = _line(device)
            is_settled = not device.wants or device.is_ready
            if is_settled and line is not None and line.connection_id not in known:
                yield Finding("connection", f"{device.name} has a connection the server forgot")
        alive = set(world.gateway.sockets) | {line.connection_id for line in lines}
        alive |= {
            f"{device.name}-{device.connections}=" for device in devices if _just_lost(device)
        }
        for connection_id in sorted(known - alive):
            yield Finding("ghost", f"{connection_id} ended and is still stored")


def _line(device: Device) -> Line | None:
    """The connection that a device has."""
    return device.line if device.line is not None and not device.line.ended.is_set else None


def _dead_letters(this: Run) -> Iterator[Finding]:
    for world in this.worlds:
        dead = (world.delivery_dead, world.outbound_dead, world.inbox_dead)
        for message in [each for queue in dead for each in queue.messages]:
            if kind_of(message.body) not in _ALLOWED_LETTERS:
                reason = json.loads(message.body).get("reason", "")
                yield Finding("dead letter", f"{kind_of(message.body)} {reason}".strip())


def _stuck(this: Run) -> Iterator[Finding]:
    for world in this.worlds:
        for message in world.delivery.messages:
            if message.receives > 1:
                yield Finding("stuck", f"{kind_of(message.body)} is received again and again")
