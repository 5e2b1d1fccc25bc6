"""Revokes users, and judges that they are out on every path until it ends.

From the answer to the operator on, no handshake and no HTTP request of the user succeeds, and no
frame, as long as Redis has what it was told. Some time later nothing is posted to them any more,
and no connection of theirs is left.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.access.revocations import LATECOMERS_S
from chalicelib.entrypoints.http import operating, rest
from chalicelib.model.identifiers import UserId
from workbench.drills.history import Pushed

from . import region_losses
from .devices import CONNECTS
from .finding import Finding
from .gateway import Posted
from .history import Done, Revocation
from .scheduler import START_MS

if TYPE_CHECKING:
    from .run import Run

# Until all is closed: the last look for latecomers, and what its job and a close take.
CLOSED_S = LATECOMERS_S[-1] + 8.0
# The same, from when nothing fails any more: a process may stop for 150 s, and its job comes again.
CLOSED_AT_LAST_S = 300.0
ARRIVES_S = 1.0  # the time of a frame on its way
BYE = "reconnect"
# What is posted to a websocket without a connection: handshake, ping, noop, refusal, farewell.
PRELIMINARY = (b"0", b"2", b"6", b"44", b'42["reconnect"', b'{"event":"reconnect"')
VIEWED = (b'"typing"', b'"user_joined"', b'"user_left"')
SHOWN = 30  # characters of a post


def revoke(this: Run, operator: str, name: str, user: str, for_s: int) -> None:
    """End a user's connections from an operator's task, and refuse them for so many seconds."""
    client, began_s = this.client(operator, roles=["admin"]), _now_s(this)
    body = {"for_s": for_s} if for_s else {}
    answer = client.insist(name, operating.disconnect_user, body, user_id=user)
    if answer.status == 200:
        until_s = datetime.fromisoformat(answer.body["revoked_until"]).timestamp()
        revocation = Revocation(user, began_s, _now_s(this), until_s - START_MS / 1000)
        this.record.revocations.append(revocation)
        for world in this.worlds:
            world.gateway.watched.add(user)
        at_us = int(_closed_s(this, revocation) * 1e6)
        this.scheduler.at(at_us, f"{user} is out", lambda: _look(this, revocation))


def knock(this: Run) -> None:
    """Let those who are refused now try the HTTP API of each region."""
    for user in sorted(this.locked_out):
        for world in this.worlds:
            client, name = this.client(f"{user}/api", world), f"probe {user} {world.region}"
            act = functools.partial(client.insist, name, rest.list_rooms)
            this.scheduler.spawn(name, act)


def locked_out(this: Run) -> frozenset[str]:
    """The users who are refused now."""
    now_s = _now_s(this)
    return frozenset(each.user for each in this.record.revocations if each.until_s > now_s)


def check(this: Run) -> Iterator[Finding]:
    """All findings about revocations."""
    for left in sorted(set(this.record.left_open)):
        yield Finding("revoked", left)
    for revocation in this.record.revocations:
        if region_losses.died_with(this, "revocations", revocation.user):
            continue  # documented: it is lost with its region if no other had got it
        yield from _from_before(this, revocation)
        yield from _acts(this, revocation)
        yield from _receives(this, revocation)


def _from_before(this: Run, revocation: Revocation) -> Iterator[Finding]:
    """Connections that a user had when they were disconnected have ended, wherever they were.

    Of a user who may connect again at once, those are meant that are older by the clocks of both
    processes, the one that opened them and the one that ended them.
    """
    skew_s = this.plan.fault_plan.skew_ms / 1000
    may_return = revocation.until_s <= revocation.acked_s + skew_s
    before_s = revocation.began_s - (2 * skew_s if may_return else 0.0)
    for device in this.devices.values():
        line = device.line
        if device.user != revocation.user or line is None or line.ended.is_set:
            continue
        if device.opened_us < before_s * 1e6:
            yield Finding("revoked", f"{device.name} is still connected since before")


def _acts(this: Run, revocation: Revocation) -> Iterator[Finding]:
    """Nothing that a user asked for after the operator was answered was done."""
    for each in this.record.done:
        if _user(each.client) != revocation.user:
            continue
        known_s = _known_s(this, revocation, each)
        if known_s < each.began_s and each.answered_s < revocation.until_s:
            yield Finding("revoked", f"{each.client} did {each.what} after the revocation")


def _known_s(this: Run, revocation: Revocation, done: Done) -> float:
    """From when on the region of a client refuses what it did."""
    if this.deployment.several:
        return _closed_s(this, revocation)  # the item must have been replicated
    reads_store = done.what == CONNECTS or done.client.endswith("/api")
    if reads_store or this.plan.redis_stays_up:
        return revocation.acked_s
    return _closed_s(this, revocation)


def _receives(this: Run, revocation: Revocation) -> Iterator[Finding]:
    """Nothing reaches a user when all is closed."""
    from_s, to_s = _closed_s(this, revocation) + ARRIVES_S, revocation.until_s
    posted = [each for world in this.worlds for each in world.gateway.posted]
    got = [
        *(
            (each.at_s, str(each.post.target.connection_id), each.post.data.decode()[:SHOWN])
            for each in posted
            if not _is_allowed(each)
        ),
        *((e.at_s, str(e.client), "a message") for e in this.record.events if type(e) is Pushed),
        *((e.at_s, e.device, e.name) for e in this.record.heard if e.name != BYE),
    ]
    for at_s, device, what in got:
        if _user(device) == revocation.user and from_s < at_s < to_s:
            yield Finding("revoked", f"{device} gets {what} after the revocation")


def _is_allowed(posted: Posted) -> bool:
    """Whether a post may be made to a revoked user.

    That a viewer of a room has gone, a region may learn by such a post.
    """
    if posted.post.data.startswith(PRELIMINARY):
        return True
    return not posted.is_open and any(each in posted.post.data for each in VIEWED)


def _look(this: Run, revocation: Revocation) -> None:
    """Note the connections of a revoked user that are left."""
    if _now_s(this) >= revocation.until_s:
        return
    user = UserId(revocation.user)
    for world in this.worlds:
        stored = world.twins["connections"].of_user(user)
        online = world.twins["cache"].online([user])
        for each in [*stored, *online.targets, *online.held]:
            this.record.left_open.append(f"{each.connection_id} is registered after a revocation")
        for socket in world.gateway.sockets.values():
            # A stock client's websocket opens before its CONNECT is refused.
            device = socket.connection_id.rpartition("-")[0]
            speaks_json = this.plan.devices.get(device) == "json"
            if speaks_json and _user(device) == user and socket.is_open:
                this.record.left_open.append(f"{socket.connection_id} is open after a revocation")


def _closed_s(this: Run, revocation: Revocation) -> float:
    """When nothing of a revoked user is left."""
    plan = this.plan.fault_plan
    may_fail = any(plan.rates.values()) or plan.outages or not this.plan.redis_stays_up
    if not may_fail and not this.deployment.several:
        return revocation.acked_s + CLOSED_S
    return max(revocation.acked_s, plan.calm_s) + CLOSED_AT_LAST_S


def _user(client: str) -> str:
    return client.split("/")[0]


def _now_s(this: Run) -> float:
    return this.scheduler.now_us / 1e6
