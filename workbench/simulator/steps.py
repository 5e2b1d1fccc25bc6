"""What a step of a plan does: the names in `plan.Step.what`, and how they are carried out."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from chalicelib.entrypoints.http import consents, operating, rest
from workbench.drills.history import Acked, Seen

from . import revocation_checks
from .lines import Refused
from .plan import Step
from .reading_checks import Mark

if TYPE_CHECKING:
    from .run import Run
    from .world import World

OLDER_US = 3_000_000  # a replica lacks up to the last three seconds
SHARDS = 3
DRAIN_TRIES, DRAIN_AGAIN_US = 40, 4_000_000
LOOKS_US, ANSWERS_WITHIN = 50_000, 400


def _connect(this: Run, step: Step, name: str) -> None:
    this.devices[step.who].connect()


def _disconnect(this: Run, step: Step, name: str) -> None:
    this.devices[step.who].disconnect(step.args[0])


def _send(this: Run, step: Step, name: str) -> None:
    room, key, *ways = step.args
    again = f"text {key} changed" if "changed" in ways else None
    more: dict[str, object] = {"durability": "global"} if "global" in ways else {}
    if "receipt" in ways:
        more["delivery_receipt"] = True
    device = this.devices[step.who]
    as_task(this, name, lambda: device.send(room, key, f"text {key}", again, more))


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


def _block(this: Run, step: Step, name: str) -> None:
    client = this.client(step.who)
    block = functools.partial(client.insist, name, consents.put_block, user_id=step.args[0])
    as_task(this, name, block)


def _unblock(this: Run, step: Step, name: str) -> None:
    client = this.client(step.who)
    unblock = functools.partial(client.insist, name, consents.remove_block, user_id=step.args[0])
    as_task(this, name, unblock)


def _consent(this: Run, step: Step, name: str) -> None:
    """A user says who may add them to rooms."""
    client, body = this.client(step.who), {"added_by": step.args[0]}
    as_task(this, name, functools.partial(client.insist, name, consents.put_consent, body))


def _accept(this: Run, step: Step, name: str) -> None:
    """A user accepts an invitation to a room, if there is one."""
    this.changed.add((step.args[0], step.who))
    client, room = this.client(step.who), step.args[0]
    accept = functools.partial(client.insist, name, consents.accept_invitation, room_id=room)
    as_task(this, name, accept)


def _decline(this: Run, step: Step, name: str) -> None:
    client, room = this.client(step.who), step.args[0]
    decline = functools.partial(client.insist, name, consents.decline_invitation, room_id=room)
    as_task(this, name, decline)


def _post(this: Run, step: Step, name: str) -> None:
    room, key, way = step.args
    client = this.client(step.who)
    as_task(this, name, functools.partial(client.post, name, room, key, way))


def _follow(this: Run, step: Step, name: str) -> None:
    """A program reads a room and keeps the position, to read on from there when all is quiet."""
    room = step.args[0]
    client = this.client(step.who)

    def follow() -> None:
        answer = client.insist(name, rest.list_messages, None, {"limit": "100"}, room_id=room)
        if answer.status == 200 and answer.body["position"]:
            kept = frozenset(each["message_id"] for each in answer.body["messages"])
            this.followed.append((step.who, room, answer.body["position"], kept))

    as_task(this, name, follow)


def _read(this: Run, step: Step, name: str) -> None:
    room, limit = step.args
    client = this.client(step.who)
    as_task(this, name, functools.partial(client.read, name, room, int(limit)))


def _end(this: Run, step: Step, name: str) -> None:
    """The operator ends a user's connections; they may connect again at once."""
    [user] = step.args
    as_task(this, name, lambda: revocation_checks.revoke(this, step.who, name, user, 0))


def _revoke(this: Run, step: Step, name: str) -> None:
    """The operator ends a user's connections, and refuses them for so many seconds."""
    user, for_s = step.args
    as_task(this, name, lambda: revocation_checks.revoke(this, step.who, name, user, int(for_s)))


def _renew(this: Run, step: Step, name: str) -> None:
    """A device renews its token."""
    device = this.devices[step.who]
    as_task(this, name, lambda: device.act("refresh_token", {"token": device.token()}, tries=2))


def _create(this: Run, step: Step, name: str) -> None:
    """A user creates a room with a chosen id, or a private chat, whose id follows from its users.

    A creation whose answer was lost is refused when it is repeated.
    """
    room, *others = step.args
    client = this.client(step.who)
    body: dict[str, object] = {"participants": others, "room_type": "private_chat"}
    if not room.startswith("p-"):
        body |= {"room_type": "group_chat", "room_id": room}

    def create() -> None:
        answer = client.insist(name, rest.create_room, body)
        this.created.append((room, step.who, answer.status))

    as_task(this, name, create)


def _drain(this: Run, step: Step, name: str) -> None:
    """An operator drains a region, as soon as another one is healthy."""
    region, over_s = step.args
    client = this.client(step.who, this.deployment.worlds[region], roles=["admin"])

    def drain() -> None:
        for _ in range(DRAIN_TRIES):
            answer = client.insist(name, operating.start_drain, {"over_s": int(over_s)})
            if answer.status == 200:
                this.drained.add(region)
                return
            this.scheduler.pause(DRAIN_AGAIN_US)

    as_task(this, name, drain)


def _undrain(this: Run, step: Step, name: str) -> None:
    """An operator lets a region take clients again."""
    [region] = step.args
    client = this.client(step.who, this.deployment.worlds[region], roles=["admin"])

    def stop() -> None:
        this.drained.discard(region)
        client.insist(name, operating.stop_drain)
        this.drained.discard(region)

    as_task(this, name, stop)


def _confirm(this: Run, step: Step, name: str) -> None:
    """A device confirms the newest message that it shows."""
    device = this.devices[step.who]
    _refer(this, step, name, lambda ref: device.act("message_delivered", ref))


def _empty(this: Run, step: Step, name: str) -> None:
    for world in _redises(this, step):
        world.redis.empty()


def _older(this: Run, step: Step, name: str) -> None:
    """A replica takes over that lacks the last seconds."""
    for world in _redises(this, step):
        this.scheduler.after(OLDER_US, "redis is older", world.redis.save())


def _shard(this: Run, step: Step, name: str) -> None:
    for world in _redises(this, step):
        world.redis.empty_shard(int(step.at_s) % SHARDS, SHARDS)


def _redises(this: Run, step: Step) -> list[World]:
    """Where: in the region that the step names, else in the first one."""
    region = step.args[0] if step.args else None
    return [this.deployment.worlds[region] if region is not None else this.deployment.first]


def _move(this: Run, step: Step, name: str) -> None:
    """A device, a program or a user goes to another region."""
    this.move(step.who, step.args[0])


def _mark(this: Run, step: Step, name: str) -> None:
    """A device tells that its user has read the newest message that it shows."""
    device = this.devices[step.who]

    def mark(ref: dict[str, str]) -> None:
        what = device.user, ref["conversation_id"], ref["message_id"]
        answered_us = None
        try:
            region = this.home(step.who).region
            device.act("message_read", ref)
            if this.home(step.who).region == region:
                answered_us = this.scheduler.now_us
        finally:
            this.marks.append(Mark(*what, region, answered_us))

    _refer(this, step, name, mark)


def _refer(this: Run, step: Step, name: str, act: Callable[[dict[str, str]], object]) -> None:
    """Do something about the newest message that a device shows."""
    room = step.args[0]
    shown = [
        each.message_id
        for each in this.record.events
        if isinstance(each, Seen) and each.client == step.who and each.room == room
    ]
    if shown:
        ref = {"conversation_id": room, "message_id": str(max(shown))}
        as_task(this, name, lambda: act(ref))


def _answer(this: Run, step: Step, name: str) -> None:
    """A device answers the next message that it shows in a room, at once."""
    room, key = step.args
    device, events = this.devices[step.who], this.record.events
    known = len(events)

    def is_shown() -> bool:
        return any(
            isinstance(each, Seen) and each.client == step.who and each.room == room
            for each in events[known:]
        )

    def answer() -> None:
        for _ in range(ANSWERS_WITHIN):
            if is_shown():
                device.send(room, key, f"text {key}")
                return
            this.scheduler.pause(LOOKS_US)

    as_task(this, name, answer)


def _delete(this: Run, step: Step, name: str) -> None:
    """A user deletes a message of their own."""
    room, key = step.args
    acked = [
        each.message_id
        for each in this.record.events
        if isinstance(each, Acked) and each.room == room and each.key == key
    ]
    if acked:
        client, message_id = this.client(step.who), str(acked[0])
        delete = functools.partial(
            client.insist, name, rest.delete_message, room_id=room, message_id=message_id
        )
        as_task(this, name, delete)


def _befriend(this: Run, step: Step, name: str) -> None:
    client, other = this.client(step.who), step.args[0]
    put = functools.partial(client.insist, name, rest.put_friend, {}, user_id=other)
    as_task(this, name, put)


def _unfriend(this: Run, step: Step, name: str) -> None:
    client, other = this.client(step.who), step.args[0]
    remove = functools.partial(client.insist, name, rest.remove_friend, user_id=other)
    as_task(this, name, remove)


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
    "revoke": _revoke,
    "renew": _renew,
    "post": _post,
    "read": _read,
    "follow": _follow,
    "empty": _empty,
    "older": _older,
    "shard": _shard,
    "move": _move,
    "mark": _mark,
    "answer": _answer,
    "delete": _delete,
    "befriend": _befriend,
    "block": _block,
    "unblock": _unblock,
    "consent": _consent,
    "accept": _accept,
    "decline": _decline,
    "unfriend": _unfriend,
    "create": _create,
    "drain": _drain,
    "undrain": _undrain,
    "confirm": _confirm,
}


def as_task(this: Run, name: str, act: Callable[[], object]) -> None:
    def attempt() -> None:
        try:
            act()
        except Refused as refusal:
            this.trace.note(f"   {name}: {refusal.code}")

    this.scheduler.spawn(name, attempt)
