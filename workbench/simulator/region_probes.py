"""What each region of a deployment answers when all is quiet: it must be the same everywhere."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chalicelib.entrypoints.http import consents, rest
from chalicelib.model.identifiers import UserId
from workbench.drills.history import Acked, Seen

from .api_clients import ApiClient
from .devices import Device
from .reading_checks import Glance
from .steps import as_task

if TYPE_CHECKING:
    from .run import Run
    from .world import World

ASKED_US = 15_000_000  # when the probes' own messages have been replicated
VIEWED_US, CONFIRMED_US = 3_000_000, 8_000_000
PAGE = 20


def ask(this: Run) -> None:
    """Let a program of each user ask each region; fills `Run.views`."""
    for us, act in ((VIEWED_US, _view), (CONFIRMED_US, _confirm)):
        this.scheduler.after(us, act.__name__, functools.partial(act, this))
    for name, device in this.devices.items():
        pushed = {room: place for room, place in device.pushed.items() if device.is_ready}
        for room, position in pushed.items():
            act = functools.partial(_glance, this, device, room, position)
            task = f"probe {name} syncs {room}"
            this.scheduler.after(ASKED_US, task, functools.partial(as_task, this, task, act))
    for number, (name, room, position, kept) in enumerate(this.followed):
        act = functools.partial(_read_on, this, name, room, position, kept, f"follow {number}")
        task = f"probe {name} reads on {number}"
        this.scheduler.after(ASKED_US, task, functools.partial(as_task, this, task, act))
    everybody = {user for users in this.plan.rooms.values() for user in users}
    users = sorted(everybody - this.locked_out)
    for world in this.worlds:
        for user in users:
            name = f"{user} asks {world.region}"
            act = functools.partial(_ask, this, world, user, name)
            this.scheduler.after(ASKED_US, name, functools.partial(as_task, this, name, act))


def _ask(this: Run, world: World, user: str, name: str) -> None:
    client = this.client(f"{user}/api", world)

    def view(what: str, endpoint: rest.Endpoint, show: Callable[[Any], Any], **path: str) -> Any:
        answer = client.insist(name, endpoint, None, None, **path)
        shown = show(answer.body) if answer.status == 200 else answer.status
        this.views.setdefault(what, {})[world.region] = shown
        return shown

    rooms = view(f"rooms and unread counts of {user}", rest.list_rooms, _rooms)
    for room_id, _, _ in rooms:
        view(f"members of {room_id} as {user} sees them", rest.get_room, _members, room_id=room_id)
        history = _history(client, name, room_id)
        this.views.setdefault(f"history of {room_id}", {}).setdefault(world.region, history)
    view(f"friends of {user}", rest.list_friends, _friends)
    view(f"blocks of {user}", consents.list_blocks, _blocks)
    view(f"consent of {user}", consents.show_consent, lambda body: body["added_by"])
    view(f"invitations of {user}", consents.list_invitations, _invitations)


def _view(this: Run) -> None:
    """The owner of each room opens or closes it, on a device that makes a difference to others."""
    for room in this.rooms():
        devices = [each for each in this.devices.values() if each.user == this.members[room][0]]
        viewing = [each for each in devices if room in each.rooms]
        if len(viewing) > 1 or not all(each.is_ready for each in devices):
            continue
        [device] = viewing or devices[:1]
        if not viewing and _has_open(this, device.user, room):
            continue  # known: its process died after the join, which nobody was told of
        act = device.leave if viewing else device.join
        this.viewed.append((room, "user_left" if viewing else "user_joined", device.user))
        as_task(this, f"probe view {room}", functools.partial(act, room))


def _has_open(this: Run, user: str, room: str) -> bool:
    """Whether a user has the room open as the tables know, on any device in any region."""
    return any(
        room in each.rooms
        for world in this.worlds
        for each in world.twins["connections"].of_user(UserId(user))
    )


def _confirm(this: Run) -> None:
    """Each device confirms the probes' messages that it was shown."""
    keys = {
        (each.room, each.message_id): str(each.client)
        for each in this.record.events
        if isinstance(each, Acked) and each.at_s >= this.probe_s
    }
    for event in list(this.record.events):
        sender = keys.get((event.room, event.message_id)) if isinstance(event, Seen) else None
        if not isinstance(event, Seen) or sender is None or event.client not in this.devices:
            continue
        device = this.devices[event.client]
        if device.user == sender.split("/")[0]:
            continue
        this.confirmed.add((sender, event.message_id, device.user))
        ref = {"conversation_id": event.room, "message_id": event.message_id}
        act = functools.partial(device.act, "message_delivered", ref)
        as_task(this, f"probe {device.name} confirms {event.message_id}", act)


def _glance(this: Run, device: Device, room: str, position: str) -> None:
    """A simple program keeps nothing but the position of the last message that it was pushed."""
    found: list[str] = []
    place, more = position, True
    while more:
        answer = device.act("sync", {"positions": {room: place}, "limit": PAGE})
        part = answer["conversations"][room]
        if "error" in part or not part["recovered"]:
            return
        found += [each["message_id"] for each in part["messages"]]
        place, more = part["position"], part["more"]
    this.glances.append(Glance(device.name, room, position, None, tuple(found)))


def _read_on(
    this: Run, name: str, room: str, position: str, kept: frozenset[str], task: str
) -> None:
    """A program reads on over HTTP, from the position that it has kept."""
    client = this.client(name)
    found: list[str] = []
    query = {"after": position, "limit": str(PAGE)}
    more = True
    while more:
        answer = client.insist(task, rest.list_messages, None, query, room_id=room)
        if answer.status != 200:
            return
        found += [each["message_id"] for each in answer.body["messages"]]
        more = answer.body["more"]
        query["after"] = answer.body["next"] or position
    this.glances.append(Glance(name, room, position, kept, tuple(found)))


def _history(client: ApiClient, name: str, room_id: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    query = {"limit": "50"}
    while True:
        answer = client.insist(name, rest.list_messages, None, query, room_id=room_id)
        page = [(m["message_id"], str(m["content"])) for m in answer.body["messages"]]
        found = page + found
        if not answer.body["more"]:
            return found
        query["before"] = answer.body["next"]


def _rooms(body: Any) -> list[tuple[str, str, int]]:
    return [(room["room_id"], room["role"], room["unread"]) for room in body["rooms"]]


def _members(body: Any) -> list[tuple[str, str]]:
    return [(member["user_id"], member["role"]) for member in body["participants"]]


def _blocks(body: Any) -> list[str]:
    return [each["user_id"] for each in body["blocks"]]


def _invitations(body: Any) -> list[str]:
    return sorted(each["room_id"] for each in body["invitations"])


def _friends(body: Any) -> list[tuple[str, str, str]]:
    return sorted(
        (each["user_id"], each["status"], each.get("presence", {}).get("status", ""))
        for each in body["friends"]
    )
