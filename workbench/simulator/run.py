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

from chalicelib.entrypoints.http import rest
from chalicelib.kernel.ids import BUCKETS
from chalicelib.model.identifiers import RoomId, UserId
from chalicelib.model.rooms import Member, Role, Room, RoomType

from . import checks
from .api_clients import ApiClient
from .checks import Finding
from .devices import Device
from .history import Record
from .injection import Fault
from .plan import Plan, Step
from .scheduler import START_MS
from .speech import JsonSpeech, SocketIoSpeech, Transports
from .steps import STEPS, as_task
from .world import World

PROBE_S = 30
API = "api"  # the protocol of a program that uses the HTTP API

Distort = Callable[[dict[str, Any]], None]


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
    """

    def __init__(self, plan: Plan, is_traced: bool = False, distort: Distort | None = None) -> None:
        self.plan = plan
        self.world = World(
            plan.seed,
            plan.fault_plan,
            plan.configured,
            only=plan.faults,
            is_traced=is_traced,
            distort=distort,
        )
        self.record = Record()
        self.devices: dict[str, Device] = {}
        self.kicked: set[tuple[str, str]] = set()
        self.changed: set[tuple[str, str]] = set()
        self.accepted: list[tuple[str, str]] = []
        self.ready: set[str] = set()
        self.probe_s = float("inf")
        for name, protocol in plan.devices.items():
            if protocol != API:
                self.devices[name] = self._device(name, protocol)

    def client(self, name: str, **claims: Any) -> ApiClient:
        """A program of a user that uses the HTTP API, with these claims in its token."""
        token = functools.partial(self.world.token, name.split("/")[0], **claims)
        return ApiClient(name, token, self.world.http, self.world.scheduler, self.record)

    def _device(self, name: str, protocol: str) -> Device:
        user = name.split("/")[0]
        return Device(
            name,
            functools.partial(self.world.token, user),
            JsonSpeech() if protocol == "json" else SocketIoSpeech(Transports(protocol)),
            self.world.gateway,
            self.world.http,
            self.world.scheduler,
            self.record,
            [room for room, users in self.plan.rooms.items() if user in users],
        )

    def outcome(self) -> Outcome:
        world, plan = self.world, self.plan
        _prepare(self)
        for number, step in enumerate(plan.steps):
            world.scheduler.at(
                int(step.at_s * 1e6), f"step {number}", functools.partial(self._take, step)
            )
        calm_s = plan.fault_plan.calm_s
        world.run(calm_s)
        world.trace.note("faults have ended")
        for device in self.devices.values():
            device.connect()
        world.run(calm_s + plan.quiet_s - PROBE_S)
        _type(self, "last")
        world.run(calm_s + plan.quiet_s)
        self.probe_s = world.scheduler.now_us / 1e6
        world.trace.note("the probes begin")
        world.gateway.posts_to_ended.clear()
        self.ready = {device.name for device in self.devices.values() if device.is_ready}
        _probe(self)
        world.run(self.probe_s + PROBE_S)
        found = checks.check(self)
        outcome = Outcome(
            plan,
            tuple(found),
            tuple(world.injector.struck),
            world.scheduler.steps,
            world.scheduler.digest,
            checks.counts(self),
            tuple(world.trace.lines),
        )
        world.scheduler.close()
        return outcome

    def _take(self, step: Step) -> None:
        name = f"{step.who} {step.what} {' '.join(step.args)}"
        self.world.trace.note(f"== {name}")
        STEPS[step.what](self, step, name)


def run(plan: Plan, is_traced: bool = False, distort: Distort | None = None) -> Outcome:
    """Run a plan. The product's log is silent, unless the run is traced."""
    logger = logging.getLogger("chalicelib")
    before = logger.level, logger.propagate, list(logger.handlers)
    this = Run(plan, is_traced, distort)
    logger.setLevel(logging.WARNING if is_traced else logging.CRITICAL)
    logger.propagate = False
    logger.handlers = [_Lines(this.world.trace.note)] if is_traced else [logging.NullHandler()]
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


# -- before and after


def _prepare(this: Run) -> None:
    """Rooms and friendships exist before the run, and Redis knows who is connected: nobody."""
    twins = this.world.twins
    for room_id, members in this.plan.rooms.items():
        room = Room(RoomId(room_id), RoomType.GROUP_CHAT, UserId(members[0]), START_MS)
        roles = [Role.OWNER, *[Role.MEMBER] * (len(members) - 1)]
        twins["rooms"].create(
            room,
            [
                Member(room.room_id, UserId(user), role, START_MS)
                for user, role in zip(members, roles, strict=True)
            ],
        )
    for one, other in this.plan.friends:
        twins["friends"].put(UserId(one), UserId(other), START_MS)
        twins["friends"].put(UserId(other), UserId(one), START_MS)
    for bucket in range(BUCKETS):
        twins["cache"].vouch(bucket, twins["cache"].begin(bucket))


def _type(this: Run, name: str) -> None:
    """Each room's owner types. A post to a connection that has ended is how that is found out."""
    for room, members in this.plan.rooms.items():
        device = next(d for d in this.devices.values() if d.user == members[0])
        typing = functools.partial(device.act, "typing_start", {"conversation_id": room}, tries=3)
        as_task(this, f"{name} typing {room}", typing)


def _probe(this: Run) -> None:
    """Ask what must be right when all is quiet."""
    _type(this, "probe")
    rooms = this.world.twins["rooms"]
    this.kicked = {
        (room, user)
        for room, user in this.changed
        if rooms.member(RoomId(room), UserId(user)) is None
    }
    for room, members in this.plan.rooms.items():
        owner = next(name for name in this.devices if name.split("/")[0] == members[0])
        device = this.devices[owner]
        key = f"probe-{room}"
        send = functools.partial(device.send, room, key, f"text {key}")
        as_task(this, f"probe message {room}", send)
        for user in members:
            if (room, user) in this.kicked:
                reading = functools.partial(_try_to_read, this, user, room)
                as_task(this, f"probe {user} reads {room}", reading)
                for name in [each for each in this.devices if each.split("/")[0] == user]:
                    as_task(this, f"probe {name} {room}", functools.partial(_try, this, name, room))


def _try(this: Run, name: str, room: str) -> None:
    """A removed member tries to write."""
    data = {"conversation_id": room, "message_type": "text", "content": "still here"}
    this.devices[name].act("send_message", data, tries=3)
    this.accepted.append((name, room))


def _try_to_read(this: Run, user: str, room: str) -> None:
    """A removed member tries to read over HTTP."""
    client = this.client(f"{user}/{API}")
    if client.insist(f"probe {user} {room}", rest.list_messages, room_id=room).status == 200:
        this.accepted.append((client.name, room))
