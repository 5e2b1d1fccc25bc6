"""The dearest request of each action. They cost the same over JSON and over Socket.IO.

`tests/scenarios/cheap/test_dearest.py` compares the two.
"""

from __future__ import annotations

from chalicelib.contract.commands import MAX_SYNCED
from chalicelib.membership.friends import MAX_FRIENDS
from chalicelib.messaging.confirmations import RECEIPTS_UP_TO
from chalicelib.model.identifiers import RoomId

from .kinds import Kinds
from .region import Measured
from .scene import LARGEST_CONTENT, ME, Scene, large, user

_SIZE = len(LARGEST_CONTENT)
ACTIONS = Kinds()


@ACTIONS.of("`hello`", "")
def hello() -> Measured:
    scene = Scene()
    return scene.act(scene.connect(ME), "hello")


@ACTIONS.of("`ping`", "")
def ping() -> Measured:
    scene = Scene()
    return scene.act(scene.connect(ME), "ping")


@ACTIONS.of("`refresh_token`", "")
def refresh_token() -> Measured:
    scene = Scene()
    return scene.act(scene.connect(ME), "refresh_token", token=scene.token(ME))


@ACTIONS.of("`send_message`", "64 KB as a reply to 64 KB, to the largest room")
def send_message() -> Measured:
    scene, room_id, device = _crowded()
    [old] = scene.write(room_id, user(1), 1, _SIZE)
    return scene.act(
        device,
        "send_message",
        conversation_id=room_id,
        message_type="text",
        content=LARGEST_CONTENT,
        reply_to_message_id=old.message_id,
        client_message_id="c" * 128,
        delivery_receipt=True,
    )


@ACTIONS.of("`delete_message`", "64 KB in the largest room")
def delete_message() -> Measured:
    scene, room_id, device = _crowded()
    [old] = scene.write(room_id, ME, 1, _SIZE)
    named = {"conversation_id": room_id, "message_id": old.message_id}
    return scene.act(device, "delete_message", **named)


@ACTIONS.of("`join_room`", "the largest room, which all have open")
def join_room() -> Measured:
    scene, room_id, device = _crowded(opened=True)
    return scene.act(device, "join_room", room_id=room_id)


@ACTIONS.of("`join_room`", "the 1,000th room that a device opens")
def join_many() -> Measured:
    scene, device, rooms = _viewing_all_but_one()
    return scene.act(device, "join_room", room_id=rooms[-1])


@ACTIONS.of("`leave_room`", "the largest room, which all have open")
def leave_room() -> Measured:
    scene, room_id, device = _crowded(opened=True)
    scene.act(device, "join_room", room_id=room_id)
    return scene.act(device, "leave_room", room_id=room_id)


@ACTIONS.of("`typing_start`", "the same; it ends by itself")
def typing_start() -> Measured:
    scene, room_id, device = _crowded(opened=True)
    return scene.act(device, "typing_start", conversation_id=room_id)


@ACTIONS.of("`typing_stop`", "the same")
def typing_stop() -> Measured:
    scene, room_id, device = _crowded(opened=True)
    scene.say(device, f'{{"action":"typing_start","data":{{"conversation_id":"{room_id}"}}}}')
    return scene.act(device, "typing_stop", conversation_id=room_id)


@ACTIONS.of("`message_read`", "a user's first in a room, after 50 messages of 64 KB by 50 members")
def message_read() -> Measured:
    scene = Scene()
    users = [user(number) for number in range(RECEIPTS_UP_TO)]
    room_id = scene.room("r", users)
    scene.connect_many(users[1:])
    for other in users[1:51]:
        [last] = scene.write(room_id, other, 1, _SIZE)
    named = {"conversation_id": room_id, "message_id": last.message_id}
    return scene.act(scene.connect(ME), "message_read", **named)


@ACTIONS.of("`message_read`", "in the largest room, which 10 members with 64 KB each wrote to")
def message_read_by_many() -> Measured:
    scene, room_id, device = _crowded()
    for number in range(1, 11):
        [last] = scene.write(room_id, user(number), 1, _SIZE)
    scene.mark_all_read(room_id, last)
    named = {"conversation_id": room_id, "message_id": last.message_id}
    return scene.act(device, "message_read", **named)


@ACTIONS.of("`message_delivered`", "64 KB")
def message_delivered() -> Measured:
    scene = Scene()
    room_id = scene.room("r", [ME, user(1)])
    [last] = scene.write(room_id, user(1), 1, _SIZE)
    named = {"conversation_id": room_id, "message_id": last.message_id}
    return scene.act(scene.connect(ME), "message_delivered", **named)


@ACTIONS.of("`set_status`", f"{MAX_FRIENDS:,} friends, all connected")
def set_status() -> Measured:
    scene = Scene()
    scene.connect_many(scene.friends(MAX_FRIENDS))
    return scene.act(scene.connect(ME), "set_status", status="away")


@ACTIONS.of("`sync`", f"{MAX_SYNCED} conversations, each with something new of 64 KB")
def sync() -> Measured:
    scene = Scene()
    rooms = scene.rooms(MAX_SYNCED, size=_SIZE)
    positions = {room_id: _before_the_last(scene, room_id) for room_id in rooms}
    return scene.act(scene.connect(ME), "sync", positions=positions, limit=500)


@ACTIONS.of("`sync`", f"of {1_000:,} rooms, {MAX_SYNCED} of which fit")
def sync_all() -> Measured:
    scene = Scene()
    scene.rooms(scene.settings.max_rooms, size=_SIZE)
    return scene.act(scene.connect(ME), "sync", positions={}, limit=500)


@ACTIONS.of("`sync`", "500 messages of 64 KB in one conversation")
def sync_one() -> Measured:
    scene = Scene()
    room_id = scene.room("r", [ME, user(1)])
    first, *_ = scene.write(room_id, user(1), 501, _SIZE)
    position = f"{scene.region}:{first.seq}:{first.message_id}"
    return scene.act(scene.connect(ME), "sync", positions={room_id: position}, limit=500)


def _crowded(*, opened: bool = False) -> tuple[Scene, RoomId, str]:
    """The largest room, of which nothing is cached; all members are connected, ME with a device."""
    scene, room_id = large()
    scene.quiet()
    scene.crowd(room_id if opened else None)
    return scene, room_id, scene.connect(ME)


def _viewing_all_but_one() -> tuple[Scene, str, list[RoomId]]:
    scene = Scene()
    device, rooms = scene.connect(ME), scene.rooms(scene.settings.max_rooms)
    scene.open_all(device, rooms[:-1])
    return scene, device, rooms


def _before_the_last(scene: Scene, room_id: RoomId) -> str:
    """The position of a client that lacks the newest message."""
    _, entry = scene.services.adapters.log.before(room_id, scene.region, None, 2)
    return f"{scene.region}:{entry.seq}:{entry.message_id}"
