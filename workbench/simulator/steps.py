"""What a step of a plan does: the names in `plan.Step.what`, and how they are carried out."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from chalicelib.entrypoints.http import rest

from .devices import Refused
from .plan import Step

if TYPE_CHECKING:
    from .run import Run

OLDER_US = 3_000_000  # a replica lacks up to the last three seconds
SHARDS = 3


def _connect(this: Run, step: Step, name: str) -> None:
    this.devices[step.who].connect()


def _disconnect(this: Run, step: Step, name: str) -> None:
    this.devices[step.who].disconnect(step.args[0])


def _send(this: Run, step: Step, name: str) -> None:
    room, key, *changed = step.args
    again = f"text {key} changed" if changed else None
    device = this.devices[step.who]
    as_task(this, name, lambda: device.send(room, key, f"text {key}", again))


def _join(this: Run, step: Step, name: str) -> None:
    device = this.devices[step.who]
    as_task(this, name, lambda: device.join(step.args[0]))


def _leave(this: Run, step: Step, name: str) -> None:
    device = this.devices[step.who]
    as_task(this, name, lambda: device.leave(step.args[0]))


def _typing(this: Run, step: Step, name: str) -> None:
    device = this.devices[step.who]
    as_task(
        this, name, lambda: device.act("typing_start", {"conversation_id": step.args[0]}, tries=1)
    )


def _kick(this: Run, step: Step, name: str) -> None:
    room, user = step.args
    this.changed.add((room, user))
    client = this.client(step.who)
    kick = functools.partial(client.insist, name, rest.remove_member, room_id=room, user_id=user)
    as_task(this, name, kick)


def _add(this: Run, step: Step, name: str) -> None:
    room, user = step.args
    this.changed.add((room, user))
    client, body = this.client(step.who), {"user_id": user}
    add = functools.partial(client.insist, name, rest.add_member, body, room_id=room)
    as_task(this, name, add)


def _post(this: Run, step: Step, name: str) -> None:
    room, key, way = step.args
    client = this.client(step.who)
    as_task(this, name, functools.partial(client.post, name, room, key, way))


def _read(this: Run, step: Step, name: str) -> None:
    room, limit = step.args
    client = this.client(step.who)
    as_task(this, name, functools.partial(client.read, name, room, int(limit)))


def _end(this: Run, step: Step, name: str) -> None:
    """The operator ends a user's connections; they may connect again at once."""
    [user] = step.args
    client = this.client(step.who, roles=["admin"])
    as_task(
        this, name, functools.partial(client.insist, name, rest.disconnect_user, {}, user_id=user)
    )


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
    "post": _post,
    "read": _read,
    "empty": _empty,
    "older": _older,
    "shard": _shard,
}


def as_task(this: Run, name: str, act: Callable[[], object]) -> None:
    def attempt() -> None:
        try:
            act()
        except Refused as refusal:
            this.world.trace.note(f"   {name}: {refusal.code}")

    this.world.scheduler.spawn(name, attempt)
