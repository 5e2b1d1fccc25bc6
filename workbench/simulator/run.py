"""Carries a plan out: prepares the world, takes the steps, waits for quiet, probes, and checks.

The probes at the end are requests of ordinary clients: each room's owner types and writes, and each
device that was removed from a room tries to write to it, and its user to read it.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt

from chalicelib.entrypoints.http import rest
from chalicelib.model.identifiers import RoomId, UserId
from chalicelib.model.log import Entry

from . import checks, preparing, region_losses, region_probes, revocation_checks
from .api_clients import ApiClient
from .deployment import Deployment, Distort
from .devices import Device
from .finding import Finding
from .history import Record
from .injection import NEVER_S, Fault
from .links import region_of
from .plan import API, Plan, Step
from .reading_checks import Glance, Mark
from .scheduler import START_MS
from .speech import JsonSpeech, SocketIoSpeech, Transports
from .steps import STEPS, as_task
from .world import SECRET, World

PROBE_S = 30
APART_US = 300_000  # a user may type in several regions, one after the other
TYPES_AGAIN_US = 3_000_000
GOES_US = 5_000_000  # `after_ms` and some more


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    Attributes:
        digest: The same for two runs that went the same way.
        trace: A readable record, if one was asked for.
    """

    plan: Plan
    findings: tuple[Finding, ...]
    struck: tuple[Fault, ...]
    steps: int
    digest: int
    counts: dict[str, int]
    trace: tuple[str, ...] = ()


class Run:
    """One run of a plan.

    Attributes:
        changed: The (room, user) whose membership a step changes.
        kicked: Those of them who are no members when the probes begin.
        accepted: The (client, room) of those who could do what only members may.
        ready: The devices that are connected, and have what they missed, when the probes begin.
        probe_s: When the probes began; infinite before.
        locked_out: Those who are revoked when the probes begin.
        views: What each region answers when all is quiet, by what was asked.
        worlds: Of all regions that are not lost for good.
        lost_worlds: Of the others.
        members: Who was added to each room first, its owner before the others; a room that a step
            creates is there when the probes begin, if it was created.
        viewed: The rooms that are opened or closed when all is quiet: (room, event, user).
        confirmed: The messages confirmed then: (sending device, message id, receiving user).
        created: The answers to creations of rooms: (room, user, status).
        marks: What users have read.
        followed: The positions that programs keep: (program, room, position, messages).
        glances: What came after positions when all is quiet.
        drained: Regions that an operator drains, and has not stopped draining.
        waiting: The jobs that wait for another region when the probes begin.
    """

    def __init__(self, plan: Plan, is_traced: bool = False, distort: Distort | None = None) -> None:
        self.plan = plan
        self.deployment = Deployment(plan, is_traced, distort)
        self.scheduler, self.trace = self.deployment.scheduler, self.deployment.trace
        forever = {each.region for each in plan.fault_plan.outages if each.to_s >= NEVER_S}
        everywhere = self.deployment.worlds.values()
        self.worlds = [each for each in everywhere if each.region not in forever]
        self.lost_worlds = [each for each in everywhere if each.region in forever]
        made = {step.args[0] for step in plan.steps if step.what == "create"}
        self.members = {room: users for room, users in plan.rooms.items() if room not in made}
        self.homes = dict(plan.homes)
        self.record = Record()
        self.devices: dict[str, Device] = {}
        self.kicked: set[tuple[str, str]] = set()
        self.changed: set[tuple[str, str]] = set()
        self.accepted: list[tuple[str, str]] = []
        self.ready: set[str] = set()
        self.probe_s = float("inf")
        self.locked_out: frozenset[str] = frozenset()
        self.views: dict[str, dict[str, Any]] = {}
        self.viewed: list[tuple[str, str, str]] = []
        self.confirmed: set[tuple[str, str, str]] = set()
        self.created: list[tuple[str, str, int]] = []
        self.marks: list[Mark] = []
        self.followed: list[tuple[str, str, str, frozenset[str]]] = []
        self.glances: list[Glance] = []
        self.drained: set[str] = set()
        self.waiting: list[str] = []
        for name, protocol in plan.devices.items():
            if protocol != API:
                self.devices[name] = self._device(name, protocol)

    @property
    def entries(self) -> dict[str, list[Entry]]:
        """The log of each room: the streams of all regions, each as its own region holds it.

        Of the stream of a region that is lost for good: what the others have of it.
        """
        found: dict[str, dict[str, Entry]] = {room: {} for room in self.plan.rooms}
        for world in self.deployment.worlds.values():
            for holder in [world] if world in self.worlds else self.worlds:
                for room, entries in found.items():
                    held = holder.twins["log"].after(RoomId(room), world.region, "", 100_000)
                    entries.update({entry.message_id: entry for entry in held})
        return {
            room: sorted(entries.values(), key=lambda entry: entry.message_id)
            for room, entries in found.items()
        }

    def rooms(self) -> list[str]:
        """The rooms that there are."""
        return sorted(self.members)

    def home(self, name: str) -> World:
        """The world of a device, a program or a user."""
        region = self.homes.get(name)
        return self.deployment.worlds[region] if region is not None else self.deployment.first

    def client(self, name: str, at: World | None = None, **claims: Any) -> ApiClient:
        """A program of a user that uses the HTTP API, with these claims in its token.

        Args:
            at: The world that it asks, and no other; by default its home first.
        """
        token = functools.partial(_token, name.split("/")[0], **claims)
        home = at or self.home(name)
        everywhere = self.deployment.worlds.values()
        others = [each for each in everywhere if each is not home] if at is None else []
        apis = [each.http for each in (home, *others)]
        return ApiClient(name, token, apis, self.scheduler, self.record)

    def _device(self, name: str, protocol: str) -> Device:
        user = name.split("/")[0]
        home = self.home(name)
        device = Device(
            name,
            functools.partial(_token, user),
            JsonSpeech() if protocol == "json" else SocketIoSpeech(Transports(protocol)),
            home.gateway,
            home.http,
            self.scheduler,
            self.record,
            [room for room, users in self.plan.rooms.items() if user in users],
        )
        if self.deployment.several:
            device.roam = functools.partial(self._roam, name)
            device.directed = functools.partial(self._direct, name)
        return device

    def _roam(self, name: str) -> None:
        """A device that cannot connect tries the next region."""
        everywhere = list(self.deployment.worlds.values())
        number = everywhere.index(self.home(name))
        self.move(name, everywhere[(number + 1) % len(everywhere)].region)

    def _direct(self, name: str, url: str) -> None:
        """The server has named the region for a device's next connection, and closes this one.

        A client closes it by itself if the server, which may die in between, does not.
        """
        self.homes[name] = region_of(url)
        device = self.devices[name]
        line = device.line
        device.move(self.home(name).gateway, self.home(name).http, at_once=False)

        def go() -> None:
            if line is not None and device.line is line and not line.ended.is_set:
                line.leave()

        self.scheduler.after(GOES_US, f"{name} goes", go)

    def typists(self, room: str) -> list[Device]:
        """Who types when all is quiet: in each region the owner, or else one who stayed."""
        owner, *others = self.members[room]  # an owner is never revoked
        away = revocation_checks.locked_out(self)
        stayed = [u for u in others if (room, u) not in self.changed and u not in away]
        found: dict[str, Device] = {}
        for user in [owner, *stayed]:
            for device in self.devices.values():
                if device.user == user:
                    found.setdefault(self.home(device.name).region, device)
        return list(found.values())

    def move(self, name: str, region: str) -> None:
        """Let a device, a program or a user use another region from now on."""
        self.homes[name] = region
        if (device := self.devices.get(name)) is not None:
            device.move(self.home(name).gateway, self.home(name).http)

    def _look_for_rooms(self) -> None:
        """Learn who owns the rooms that steps have created."""
        for room in self.plan.rooms:
            stored = self.worlds[0].twins["rooms"].get(RoomId(room))
            if room not in self.members and stored is not None:
                known = self.worlds[0].twins["rooms"].members(RoomId(room))
                others = sorted({each.user_id for each in known} - {stored.created_by})
                self.members[room] = (stored.created_by, *others)

    def outcome(self) -> Outcome:
        plan, run = self.plan, self.deployment.run
        preparing.prepare(self)
        for number, step in enumerate(plan.steps):
            self.scheduler.at(
                int(step.at_s * 1e6), f"step {number}", functools.partial(self._take, step)
            )
        calm_s = plan.fault_plan.calm_s
        run(calm_s)
        self.trace.note("faults have ended")
        for device in self.devices.values():
            device.connect()
        run(calm_s + plan.quiet_s - PROBE_S)
        self._look_for_rooms()
        _type(self, "last")
        run(calm_s + plan.quiet_s)
        self.probe_s = self.scheduler.now_us / 1e6
        self.trace.note("the probes begin")
        for world in self.worlds:
            world.gateway.posts_to_ended.clear()
        self.waiting = region_losses.waiting(self)
        self.locked_out = revocation_checks.locked_out(self)
        self.ready = {device.name for device in self.devices.values() if device.is_ready}
        _probe(self)
        if self.deployment.several:
            region_probes.ask(self)
        run(self.probe_s + PROBE_S)
        found = checks.check(self)
        outcome = Outcome(
            plan,
            tuple(found),
            tuple(self.deployment.struck),
            self.scheduler.steps,
            self.scheduler.digest,
            checks.counts(self),
            tuple(self.trace.lines),
        )
        self.scheduler.close()
        return outcome

    def _take(self, step: Step) -> None:
        name = f"{step.who} {step.what} {' '.join(step.args)}"
        self.trace.note(f"== {name}")
        STEPS[step.what](self, step, name)


def _token(user: str, **claims: Any) -> str:
    far = START_MS // 1000 + 7 * 86_400
    return jwt.encode({"sub": user, "exp": far, **claims}, SECRET, algorithm="HS256")


def run(plan: Plan, is_traced: bool = False, distort: Distort | None = None) -> Outcome:
    """Run a plan. The product's log is silent, unless the run is traced."""
    logger = logging.getLogger("chalicelib")
    before = logger.level, logger.propagate, list(logger.handlers)
    this = Run(plan, is_traced, distort)
    logger.setLevel(logging.WARNING if is_traced else logging.CRITICAL)
    logger.propagate = False
    logger.handlers = [_Lines(this.trace.note)] if is_traced else [logging.NullHandler()]
    try:
        return this.outcome()
    finally:
        logger.level, logger.propagate, logger.handlers = before


class _Lines(logging.Handler):
    """Puts the product's log into the trace."""

    def __init__(self, note: Callable[[str], None]) -> None:
        super().__init__()
        self._note = note

    def emit(self, record: logging.LogRecord) -> None:
        self._note(f"    log: {record.getMessage()}")


# -- after


def _type(this: Run, name: str) -> None:
    """In each room somebody types, and goes on typing: clients say so again every three seconds.

    A region that is told at first does not know yet where else the room is open. A post to a
    connection that has ended shows that it has.
    """
    for room in this.rooms():
        for number, device in enumerate(this.typists(room)):
            act = functools.partial(device.act, "typing_start", {"conversation_id": room}, tries=3)
            task = functools.partial(as_task, this, f"{name} typing {room} {number or ''}", act)
            for at_us in (number * APART_US, number * APART_US + TYPES_AGAIN_US):
                this.scheduler.after(at_us, task.args[1], task)


def _probe(this: Run) -> None:
    """Ask what must be right when all is quiet."""
    _type(this, "probe")
    revocation_checks.knock(this)
    rooms = this.worlds[0].twins["rooms"]
    this.kicked = {
        (room, user)
        for room, user in this.changed
        if rooms.member(RoomId(room), UserId(user)) is None
    }
    for room, members in this.members.items():
        owner = next(name for name in this.devices if name.split("/")[0] == members[0])
        home = this.home(owner)
        others = [each for each in this.typists(room) if this.home(each.name) is not home]
        for device in (this.devices[owner], *others):
            where = "" if device.name == owner else f"-{this.home(device.name).region}"
            key = f"probe-{room}{where}"
            more = {"delivery_receipt": True} if this.deployment.several else {}
            send = functools.partial(device.send, room, key, f"text {key}", None, more)
            as_task(this, f"probe message {room}{where}", send)
        for user in members:
            if (room, user) in this.kicked:
                for world in this.worlds:
                    reading = functools.partial(_try_to_read, this, user, room, world)
                    as_task(this, f"probe {user} reads {room}", reading)
                for name in [each for each in this.devices if each.split("/")[0] == user]:
                    as_task(this, f"probe {name} {room}", functools.partial(_try, this, name, room))


def _try(this: Run, name: str, room: str) -> None:
    """A removed member tries to write."""
    data = {"conversation_id": room, "message_type": "text", "content": "still here"}
    this.devices[name].act("send_message", data, tries=3)
    this.accepted.append((name, room))


def _try_to_read(this: Run, user: str, room: str, world: World) -> None:
    """A removed member tries to read over HTTP."""
    client = this.client(f"{user}/{API}", world)
    if client.insist(f"probe {user} {room}", rest.list_messages, room_id=room).status == 200:
        this.accepted.append((client.name, room))
