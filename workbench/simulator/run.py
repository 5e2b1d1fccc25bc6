"""Carries a plan out: prepares the world, takes the steps, waits for quiet, probes, and checks.

The probes at the end are requests of ordinary clients: each room's owner types and writes, and each
device that was removed from a room tries to write to it.
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
from .checks import Finding
from .devices import Device, Refused
from .history import Record
from .injection import Fault
from .plan import Plan, Step
from .scheduler import START_MS, Result
from .speech import JsonSpeech, SocketIoSpeech
from .world import World

OLDER_US = 3_000_000  # a replica lacks up to the last three seconds
SHARDS = 3
PROBE_S = 30

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
        self.probe_s = float("inf")
        for name, protocol in plan.devices.items():
            self.devices[name] = Device(
                name,
                functools.partial(self.world.token, name.split("/")[0]),
                SocketIoSpeech() if protocol == "socketio" else JsonSpeech(),
                self.world.gateway,
                self.world.scheduler,
                self.record,
                [room for room, users in plan.rooms.items() if name.split("/")[0] in users],
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


# -- steps


def _connect(this: Run, step: Step, name: str) -> None:
    this.devices[step.who].connect()


def _disconnect(this: Run, step: Step, name: str) -> None:
    this.devices[step.who].disconnect(step.args[0])


def _send(this: Run, step: Step, name: str) -> None:
    room, key, *changed = step.args
    again = f"text {key} changed" if changed else None
    device = this.devices[step.who]
    _as_task(this, name, lambda: device.send(room, key, f"text {key}", again))


def _join(this: Run, step: Step, name: str) -> None:
    device = this.devices[step.who]
    _as_task(this, name, lambda: device.join(step.args[0]))


def _leave(this: Run, step: Step, name: str) -> None:
    device = this.devices[step.who]
    _as_task(this, name, lambda: device.leave(step.args[0]))


def _typing(this: Run, step: Step, name: str) -> None:
    device = this.devices[step.who]
    _as_task(
        this, name, lambda: device.act("typing_start", {"conversation_id": step.args[0]}, tries=1)
    )


def _kick(this: Run, step: Step, name: str) -> None:
    room, user = step.args
    this.changed.add((room, user))

    def insist() -> None:
        endpoint = rest.remove_member
        _insist(this, name, step.who, endpoint, None, room_id=room, user_id=user)

    _as_task(this, name, insist)


def _add(this: Run, step: Step, name: str) -> None:
    room, user = step.args

    def insist() -> None:
        _insist(this, name, step.who, rest.add_member, {"user_id": user}, room_id=room)

    _as_task(this, name, insist)


def _end(this: Run, step: Step, name: str) -> None:
    """The operator ends a user's connections; they may connect again at once."""
    [user] = step.args

    def insist() -> None:
        for _ in range(6):
            answer = this.world.http(
                name, "operator", rest.disconnect_user, {}, {"roles": ["admin"]}, user_id=user
            )
            if _status(this, answer) == 200:
                return
            this.world.scheduler.pause(1_000_000)

    _as_task(this, name, insist)


def _empty(this: Run, step: Step, name: str) -> None:
    this.world.redis.empty()


def _older(this: Run, step: Step, name: str) -> None:
    """A replica takes over that lacks the last seconds."""
    restore = this.world.redis.save()
    this.world.scheduler.after(OLDER_US, "redis is older", restore)


def _shard(this: Run, step: Step, name: str) -> None:
    this.world.redis.empty_shard(int(step.at_s) % SHARDS, SHARDS)


STEPS: dict[str, Callable[[Run, Step, str], None]] = {
    "connect": _connect,
    "disconnect": _disconnect,
    "send": _send,
    "join": _join,
    "leave": _leave,
    "typing": _typing,
    "kick": _kick,
    "add": _add,
    "end": _end,
    "empty": _empty,
    "older": _older,
    "shard": _shard,
}


def _as_task(this: Run, name: str, act: Callable[[], object]) -> None:
    def attempt() -> None:
        try:
            act()
        except Refused as refusal:
            this.world.trace.note(f"   {name}: {refusal.code}")

    this.world.scheduler.spawn(name, attempt)


def _insist(
    this: Run, name: str, user: str, endpoint: rest.Endpoint, body: object, **path: str
) -> None:
    """Call an endpoint until it answers."""
    for _ in range(12):
        status = _status(this, this.world.http(name, user, endpoint, body, {}, **path))
        if status is not None and status < 500:
            return
        this.world.scheduler.pause(1_500_000)


def _status(this: Run, answer: Result[rest.Response]) -> int | None:
    this.world.scheduler.wait(answer)
    try:
        return answer.value().status
    except Exception:  # noqa: BLE001 - the function failed: no answer
        return None


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
        _as_task(this, f"{name} typing {room}", typing)


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
        _as_task(this, f"probe message {room}", send)
        for user in members:
            if (room, user) in this.kicked:
                for name in [each for each in this.devices if each.split("/")[0] == user]:
                    _as_task(
                        this, f"probe {name} {room}", functools.partial(_try, this, name, room)
                    )


def _try(this: Run, name: str, room: str) -> None:
    """A removed member tries to write."""
    data = {"conversation_id": room, "message_type": "text", "content": "still here"}
    this.devices[name].act("send_message", data, tries=3)
    this.accepted.append((name, room))
