"""Judges a run: each promise, by what clients saw and by what the region holds when all is quiet.

Pure: the checks read the run and change nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.kernel.ids import BUCKETS
from chalicelib.model.identifiers import Region, RoomId, UserId
from chalicelib.model.log import Entry, EntryKind
from chalicelib.model.presence import Status
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

from .devices import Device
from .history import HandedOn
from .injection import FREEZES, KILLS
from .lines import Line
from .queues import kind_of

if TYPE_CHECKING:
    from .run import Run

# A slow connection that was closed leaves such a letter, by design: its client syncs.
RECONNECT_US = 60_000_000  # a connection may end and begin anew at any time
IN_FLIGHT = 8  # messages that may be on their way to one client at the same time
_ALLOWED_LETTERS = frozenset({"direct", "retry"})


@dataclass(frozen=True, slots=True)
class Finding:
    """A promise that was broken: which, and how."""

    promise: str
    why: str


def check(this: Run) -> list[Finding]:
    """All findings of a finished run."""
    found = [
        *_messages(this),
        *_late(this),
        *handed_on_again(this.record.handed_on, worker_died=_worker_died(this)),
        *_reads(this),
        *_contents(this),
        *_log(this),
        *_recovery(this),
        *_membership(this),
        *_audiences(this),
        *_presence(this),
        *_connections(this),
        *_dead_letters(this),
        *_stuck(this),
    ]
    return sorted(set(found), key=lambda finding: (finding.promise, finding.why))


def counts(this: Run) -> dict[str, int]:
    """How much there was to judge."""
    kinds = Counter(type(event).__name__.lower() for event in this.record.events)
    return {
        **{name: kinds[name] for name in ("sent", "acked", "pushed", "seen", "connected")},
        "faults": len(this.world.injector.struck),
        "steps": this.world.scheduler.steps,
    }


def _history(this: Run) -> History:
    """Messages as drills judge them. Users whose membership changed are judged by the probes."""
    log, members = {}, {}
    sent = {(e.room, e.key) for e in this.record.events if isinstance(e, Sent)}
    region = Region(this.world.settings.region)
    for name, users in this.plan.rooms.items():
        room = Room(name)
        entries = this.world.twins["log"].after(RoomId(name), region, "", 100_000)
        log[room] = tuple(
            LogEntry(MessageId(entry.message_id), _key(entry))
            for entry in entries
            if entry.kind is EntryKind.MESSAGE and (room, _key(entry)) in sent
        )
        stayed = [user for user in users if (name, user) not in this.changed]
        members[room] = frozenset(
            Client(device) for device in this.devices if device.split("/")[0] in stayed
        )
    return History(members, log, tuple(this.record.events))


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
        yield Finding(str(fault.kind), f"{fault.message_id} in {fault.room} at {who}: {fault.why}")


def _late(this: Run) -> Iterator[Finding]:
    """A message that was acked while Redis was up needs no later one to reach who is connected."""
    if not _redis_stays_up(this):
        return
    history = _history(this)
    acked = {e.message_id for e in history.events if isinstance(e, Acked) and e.at_s < this.probe_s}
    seen = {
        (e.client, e.message_id)
        for e in history.events
        if isinstance(e, Seen) and e.at_s < this.probe_s
    }
    for room, clients in checker.due(history).items():
        for client, ids in clients.items():
            for message_id in sorted(ids & acked):
                if client in this.ready and (client, message_id) not in seen:
                    yield Finding("late", f"{message_id} in {room} at {client}: not until later")


def _redis_stays_up(this: Run) -> bool:
    plan = this.plan.fault_plan
    strikes = any(plan.rates.values()) and (not plan.only or "redis" in plan.only)
    away = any(each.service == "redis" for each in plan.outages)
    return not strikes and not away and all(step.who != "redis" for step in this.plan.steps)


def _worker_died(this: Run) -> bool:
    """Whether a delivery worker died or stopped, so that it is unknown what it had posted."""
    ends = (*KILLS, *FREEZES)
    return any(
        each.kind in ends and each.task.startswith("delivery ")
        for each in this.world.injector.struck
    )


def handed_on_again(record: Sequence[HandedOn], *, worker_died: bool = False) -> Iterator[Finding]:
    """A stock client gets a message once, in each life.

    Three cases are documented: what was in flight when a connection broke may come again over the
    next one, and so may what a process had posted that died before it stored that; and one frame
    may come twice when the process that changes the transport dies.
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
            elif _line_before(handed_on, each) == handed_on[before].line and (
                worker_died or _since(handed_on, before) < IN_FLIGHT
            ):
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
    region = Region(this.world.settings.region)
    acked = [e for e in this.record.events if isinstance(e, Acked)]
    for read in this.record.reads:
        entries = this.world.twins["log"].after(RoomId(read.room), region, "", 100_000)
        ids = [entry.message_id for entry in entries if entry.kind is EntryKind.MESSAGE]
        start = ids.index(MessageId(read.after)) + 1 if read.after in ids else 0
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
    region = Region(this.world.settings.region)
    stored = {
        entry.message_id: str(entry.content)
        for name in this.plan.rooms
        for entry in this.world.twins["log"].after(RoomId(name), region, "", 100_000)
    }
    for shown in this.record.shown:
        text = stored.get(shown.message_id)
        if text is not None and text != shown.text:
            yield Finding("stored", f"{shown.device} was shown {shown.text!r}, stored is {text!r}")


def _log(this: Run) -> Iterator[Finding]:
    region = Region(this.world.settings.region)
    for name in this.plan.rooms:
        entries = this.world.twins["log"].after(RoomId(name), region, "", 100_000)
        if [entry.seq for entry in entries] != list(range(1, len(entries) + 1)):
            yield Finding("log", f"{name} has a hole or a fork: {[e.seq for e in entries]}")


def _recovery(this: Run) -> Iterator[Finding]:
    for device, room in this.record.not_recovered:
        yield Finding("recovery", f"{device} got a snapshot of {room} although it had a position")


def _membership(this: Run) -> Iterator[Finding]:
    for device, room in this.accepted:
        yield Finding("membership", f"{device} was removed from {room} and can still use it")
    for name, user in sorted(this.kicked):
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
            owner = this.plan.rooms[name][0]
            if device.split("/")[0] == user != owner and (device, name) not in seen:
                yield Finding("membership", f"{device} was added to {name} and gets no messages")


def _audiences(this: Run) -> Iterator[Finding]:
    """Ephemeral events go to those who joined and are members, and to nobody else."""
    for name, users in this.plan.rooms.items():
        receivers = {
            heard.device
            for heard in this.record.heard
            if heard.name == "typing" and heard.room == name and heard.at_s >= this.probe_s
        }
        for device in this.devices.values():
            is_out = (name, device.user) in this.kicked
            if device.name in receivers and is_out:
                yield Finding("audience", f"{device.name} was removed from {name}, sees typing")
            stayed = (name, device.user) not in this.changed and device.user != users[0]
            if name in device.rooms and device.is_ready and stayed and device.name not in receivers:
                yield Finding("audience", f"{device.name} joined {name}, sees no typing")
    for connection_id in this.world.gateway.posts_to_ended:
        yield Finding("ghost", f"{connection_id} ended long ago and is still posted to")


def _presence(this: Run) -> Iterator[Finding]:
    region = Region(this.world.settings.region)
    users = sorted({device.user for device in this.devices.values()})
    for user in users:
        connected = any(
            socket.is_open and socket.is_alive
            for socket in this.world.gateway.sockets.values()
            if socket.connection_id.split("/")[0] == user
        ) or any(_line(each) is not None for each in this.devices.values() if each.user == user)
        held = this.world.twins["presence"].get(UserId(user), region)
        if (held.status is not Status.OFFLINE) != connected:
            state = "connected" if connected else "away"
            yield Finding("presence", f"{user} is {state} and shown as {held.status}")
        if held.announced is not held.status:
            yield Finding("presence", f"{user} is {held.status}, friends saw {held.announced}")


def _connections(this: Run) -> Iterator[Finding]:
    """Each device is connected, and the server knows the connection."""
    store = this.world.twins["connections"]
    known = {each.connection_id for n in range(BUCKETS) for each in store.in_bucket(n)}
    known = {connection_id.partition("|")[0] for connection_id in known}
    for device in this.devices.values():
        lost_us = this.world.scheduler.now_us - device.unready_us
        if device.wants and not device.is_ready:
            if lost_us > RECONNECT_US:
                yield Finding("connection", f"{device.name} cannot connect")
        elif (line := _line(device)) is not None and line.connection_id not in known:
            yield Finding("connection", f"{device.name} has a connection the server forgot")
    alive = {socket.connection_id for socket in this.world.gateway.sockets.values()}
    lines = [_line(device) for device in this.devices.values()]
    alive |= {line.connection_id for line in lines if line is not None}
    for connection_id in sorted(known - alive):
        yield Finding("ghost", f"{connection_id} ended and is still stored")


def _line(device: Device) -> Line | None:
    """The connection that a device has."""
    return device.line if device.line is not None and not device.line.ended.is_set else None


def _dead_letters(this: Run) -> Iterator[Finding]:
    for queue in (this.world.delivery_dead, this.world.outbound_dead):
        for message in queue.messages:
            if kind_of(message.body) not in _ALLOWED_LETTERS:
                reason = json.loads(message.body).get("reason", "")
                yield Finding("dead letter", f"{kind_of(message.body)} {reason}".strip())


def _stuck(this: Run) -> Iterator[Finding]:
    for message in this.world.delivery.messages:
        if message.receives > 1:
            yield Finding("stuck", f"{kind_of(message.body)} is received again and again")
