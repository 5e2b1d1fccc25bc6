"""Judges events that no table holds: typing, views of rooms, receipts of delivery.

They may be lost while anything fails. When all is quiet each must reach whom it is for, in every
region; and at no time anybody else. Pure, as `checks`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.jobs.relayed import RelayDelivered, RelayedJob, RelayRoomView, RelayTyping

from .devices import Device
from .finding import Finding
from .injection import FREEZES
from .scheduler import START_MS

if TYPE_CHECKING:
    from .run import Run

# From a start of typing until it is shown: 15 s in its region or 10 s to another one, and the calls
# of the worker that posts it, by clocks that differ.
LATEST_TYPING_S = 40.0
VIEWS = ("user_joined", "user_left")


def check(this: Run) -> Iterator[Finding]:
    """All findings about these events."""
    yield from _typing(this)
    yield from _strangers(this)
    if this.deployment.several:
        yield from _views(this)
        yield from _receipts(this)
        yield from _old(this)
        yield from _loops(this)


def _typing(this: Run) -> Iterator[Finding]:
    """Who has joined a room sees who types there, in whatever region; who was removed does not."""
    for room in this.rooms():
        heard = {
            (each.device, each.user)
            for each in this.record.heard
            if each.name == "typing" and each.room == room and each.at_s >= this.probe_s
        }
        receivers = {device for device, _ in heard}
        typing = {device.user for device in this.typists(room)}
        for device in this.devices.values():
            if device.name in receivers and (room, device.user) in this.kicked:
                yield Finding("audience", f"{device.name} was removed from {room}, sees typing")
            if (room, "user_joined", device.user) in this.viewed:
                continue  # others began to type before it opened the room, and say so every 3 s
            for user in sorted(typing - {device.user} if _is_viewer(this, device, room) else ()):
                if (device.name, user) not in heard:
                    yield Finding("audience", f"{device.name} joined {room}, sees no typing")


def _is_viewer(this: Run, device: Device, room: str) -> bool:
    is_viewing = room in device.rooms and _has_stayed(this, device)
    return is_viewing and (room, device.user) not in this.changed


def _has_stayed(this: Run, device: Device) -> bool:
    """Whether a device has had one connection since the probes began: no table keeps events."""
    return device.is_ready and device.opened_us < this.probe_s * 1e6


def _strangers(this: Run) -> Iterator[Finding]:
    """Nobody hears of a room of which they were never a member, nor of others' messages."""
    senders = {str(e.message_id): e.sender_id for each in this.entries.values() for e in each}
    for heard in this.record.heard:
        user = heard.device.split("/")[0]
        known = heard.name == "typing" or heard.name in VIEWS
        if known and user not in this.plan.rooms.get(heard.room, (user,)):
            yield Finding("audience", f"{heard.device} hears {heard.name} of {heard.room}")
        if heard.name == "message_delivered" and senders.get(heard.detail, user) != user:
            yield Finding("audience", f"{heard.device} hears who got {heard.detail}")


def _views(this: Run) -> Iterator[Finding]:
    """A room that is opened or closed when all is quiet is told to all who have it open."""
    for room, name, user in this.viewed:
        heard = {
            each.device
            for each in this.record.heard
            if (each.name, each.room, each.user) == (name, room, user) and each.at_s >= this.probe_s
        }
        for device in this.devices.values():
            if device.user == user or not _is_viewer(this, device, room):
                continue
            if device.name not in heard:
                yield Finding("audience", f"{device.name} joined {room}, sees no {name} of {user}")


def _receipts(this: Run) -> Iterator[Finding]:
    """The sender of a message is told whom it reached, wherever that was, but for a block."""
    for sender, message_id, user in sorted(this.confirmed):
        heard = {
            each.device
            for each in this.record.heard
            if (each.name, each.detail, each.user) == ("message_delivered", message_id, user)
        }
        blocked = this.views.get(f"blocks of {user}", {}).values()
        if any(this.devices[sender].user in each for each in blocked):
            if heard:
                yield Finding("blocked", f"{sender} is told what {user} got")
        elif _has_stayed(this, this.devices[sender]) and sender not in heard:
            yield Finding("receipt", f"{sender} does not know that {user} got {message_id}")


def _old(this: Run) -> Iterator[Finding]:
    """A start of typing is dropped when it is old, or when a newer start or stop was shown."""
    if any(each.kind in FREEZES for each in this.deployment.struck):
        return  # a process may stop between its look at the clock and its post
    for heard in this.record.heard:
        if heard.name == "typing" and heard.detail == "True" and heard.said:
            age_s = heard.at_s - _at_s(heard.said)
            if age_s > LATEST_TYPING_S:
                why = f"{heard.device} sees typing of {heard.user} in {heard.room}"
                yield Finding("old", f"{why}, {age_s:.0f} s late")


def _at_s(said: str) -> float:
    """A time of an event, in seconds since the run began."""
    return datetime.fromisoformat(said).timestamp() - START_MS / 1000


def _loops(this: Run) -> Iterator[Finding]:
    """An event crosses once: it is published by the region in which it happened, and no other."""
    places: dict[tuple[object, ...], set[str]] = {}
    for each in this.deployment.links.published:
        if each.job.region != each.region:
            yield Finding("loop", f"{each.region} publishes an event of {each.job.region}")
        if not _may_happen_twice(this, each.job):
            places.setdefault(_event(each.job), set()).add(each.region)
    for event, regions in places.items():
        if len(regions) > 1:
            yield Finding("loop", f"{event} was published by {', '.join(sorted(regions))}")


def _may_happen_twice(this: Run, job: RelayedJob) -> bool:
    """Whether two devices in two regions may have done it in the same millisecond."""
    if isinstance(job, RelayTyping | RelayRoomView):
        devices = [each for each in this.devices if each.split("/")[0] == job.user_id]
        return len({this.home(each).region for each in devices}) > 1
    return isinstance(job, RelayDelivered)


def _event(job: RelayedJob) -> tuple[object, ...]:
    """What tells an event from all others, whoever publishes it."""
    names = (each for each in ("room_id", "user_id", "message_id", "is_typing", "name"))
    what = tuple(getattr(job, name) for name in names if hasattr(job, name))
    return (job.kind, job.at_ms, *what)
