"""The dearest request of each route of the HTTP API."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.entrypoints.http import operating, rest
from chalicelib.entrypoints.http.rest import MAX_BODY_BYTES
from chalicelib.membership.friends import MAX_FRIENDS
from chalicelib.model.identifiers import RoomId
from chalicelib.model.rooms import RoomType

from .kinds import Kinds
from .region import Measured
from .scene import LARGEST_CONTENT, LARGEST_METADATA, ME, Scene, large, user

_SIZE = len(LARGEST_CONTENT)
_MESSAGE = {"message_type": "text", "content": LARGEST_CONTENT, "client_message_id": "c" * 128}
ROUTES = Kinds()


@ROUTES.of("`POST /v1/rooms`", "1,000 participants, all connected")
def create_room() -> Measured:
    scene = Scene()
    others = [user(number) for number in range(1, 1001)]
    scene.connect_many(others)
    body = {"room_type": "group_chat", "participants": others, "metadata": LARGEST_METADATA}
    return ask(scene, rest.create_room, body | {"room_id": "r" * 64})


@ROUTES.of("`GET /v1/rooms`", "1,000 rooms, with metadata of 4 KB, unread, last messages of 64 KB")
def list_rooms() -> Measured:
    scene = Scene()
    scene.rooms(scene.settings.max_rooms, size=_SIZE)
    return ask(scene, rest.list_rooms)


@ROUTES.of("`GET /v1/rooms/{room_id}`", "the largest room")
def get_room() -> Measured:
    scene, room_id = large()
    return ask(scene, rest.get_room, path={"room_id": room_id})


@ROUTES.of("`POST /v1/rooms/{room_id}/members`", "the largest room, in which all are connected")
def add_member() -> Measured:
    scene, path = _crowded()
    return ask(scene, rest.add_member, {"user_id": user(1_000_000)}, path)


@ROUTES.of("`DELETE /v1/rooms/{room_id}/members/{user_id}`", "the same")
def remove_member() -> Measured:
    scene, path = _crowded()
    return ask(scene, rest.remove_member, path=path | {"user_id": user(1_000_000)})


@ROUTES.of("`GET /v1/rooms/{room_id}/messages`", "200 messages of 64 KB")
def list_messages() -> Measured:
    scene = Scene()
    room_id = scene.room("r", [ME, user(1)])
    scene.write(room_id, ME, 201, _SIZE)
    return ask(scene, rest.list_messages, path={"room_id": room_id}, query={"limit": "200"})


@ROUTES.of("`POST /v1/rooms/{room_id}/messages`", "64 KB to the largest room")
def post_message() -> Measured:
    scene, path = _crowded()
    return ask(scene, rest.post_message, _MESSAGE, path)


@ROUTES.of("`DELETE /v1/rooms/{room_id}/messages/{message_id}`", "64 KB in the largest room")
def delete_message() -> Measured:
    scene, path = _crowded()
    [old] = scene.write(RoomId(path["room_id"]), ME, 1, _SIZE)
    return ask(scene, rest.delete_message, path={**path, "message_id": old.message_id})


@ROUTES.of("`GET /v1/friends`", f"{MAX_FRIENDS:,} friends")
def list_friends() -> Measured:
    scene = Scene()
    scene.friends(MAX_FRIENDS)
    return ask(scene, rest.list_friends)


@ROUTES.of("`PUT /v1/friends/{user_id}`", f"the last of {MAX_FRIENDS:,} friends")
def put_friend() -> Measured:
    scene = Scene()
    scene.friends(MAX_FRIENDS - 1)
    return ask(scene, rest.put_friend, path={"user_id": user(1_000_000)})


@ROUTES.of("`DELETE /v1/friends/{user_id}`", "")
def remove_friend() -> Measured:
    scene = Scene()
    scene.friends(1)
    return ask(scene, rest.remove_friend, path={"user_id": user(1)})


@ROUTES.of("`GET /v1/presence`", f"100 users, all rooms in common, {MAX_FRIENDS:,} friends")
def list_presence() -> Measured:
    scene = Scene()
    scene.friends(MAX_FRIENDS)
    asked = [user(1_000_000 + number) for number in range(100)]
    for number in range(scene.settings.max_rooms):
        scene.room(f"{number:064}", [ME, *asked])
    return ask(scene, rest.list_presence, many={"user_id": asked})


@ROUTES.of("`POST /v1/moments`", f"64 KB to {MAX_FRIENDS:,} friends, all connected")
def post_moment() -> Measured:
    scene = Scene()
    scene.connect_many(scene.friends(MAX_FRIENDS))
    body = {"content": LARGEST_CONTENT, "client_message_id": "c" * 128}
    return ask(scene, rest.post_moment, body)


@ROUTES.of("`GET /v1/moments`", f"200 of {MAX_FRIENDS:,} friends, who posted one of 64 KB each")
def list_moments() -> Measured:
    scene = Scene()
    for friend in scene.friends(MAX_FRIENDS)[:250]:
        scene.feed(friend, RoomType.MOMENTS, 2, _SIZE)
    return ask(scene, rest.list_moments, query={"limit": "200"})


@ROUTES.of("`GET /v1/notifications`", "200 of 64 KB")
def list_notifications() -> Measured:
    scene = Scene()
    scene.feed(ME, RoomType.NOTIFICATIONS, 201, _SIZE)
    return ask(scene, rest.list_notifications, query={"limit": "200"})


@ROUTES.of("`GET /v1/endpoint`", "")
def endpoint() -> Measured:
    return ask(Scene(), rest.endpoint, answers=(200, 404))


@ROUTES.of("a body that is not valid", "1 MB")
def bad_body() -> Measured:
    return ask(Scene(), rest.create_room, "x" * (MAX_BODY_BYTES - 2), answers=(400,))


@ROUTES.of("a request over the limit", "refused with 429", refused="throttle")
def refused() -> Measured:
    scene = Scene()
    while _status(scene) != 429:
        pass
    return ask(scene, rest.list_friends, answers=(429,))


@ROUTES.of("`POST /v1/notifications`", "64 KB to a user with 50 devices", "operator")
def post_notification() -> Measured:
    scene = Scene()
    for number in range(scene.settings.max_connections):
        scene.connect_device(user(1), f"{number}=")
    body = {"user_id": user(1), "delivery_receipt": True, **_MESSAGE}
    return ask(scene, rest.post_notification, body, roles=["service"])


@ROUTES.of("`POST /v1/admin/users/{user_id}/disconnect`", "a user with 50 devices", "operator")
def disconnect_user() -> Measured:
    scene = Scene()
    for number in range(scene.settings.max_connections):
        scene.connect_device(user(1), f"{number}=")
    body = {"for_s": 604_800}
    return ask(scene, operating.disconnect_user, body, {"user_id": user(1)}, roles=["admin"])


@ROUTES.of("`GET /v1/admin/drain`", "", "operator")
def show_drain() -> Measured:
    return ask(Scene(), operating.show_drain, roles=["admin"])


@ROUTES.of("`PUT /v1/admin/drain`", "refused, as there is no other region", "operator")
def start_drain() -> Measured:
    return ask(Scene(), operating.start_drain, roles=["admin"], answers=(409,))


@ROUTES.of("`DELETE /v1/admin/drain`", "", "operator")
def stop_drain() -> Measured:
    return ask(Scene(), operating.stop_drain, roles=["admin"])


def _crowded() -> tuple[Scene, dict[str, str]]:
    """The largest room, of which nothing is cached; all members are connected."""
    scene, room_id = large()
    scene.quiet()
    scene.crowd()
    return scene, {"room_id": room_id}


def _status(scene: Scene) -> int:
    return scene.http(rest.endpoint, ME).status


def ask(
    scene: Scene,
    endpoint: rest.Endpoint,
    body: Any = None,
    path: Mapping[str, str] | None = None,
    *,
    query: Mapping[str, str] | None = None,
    many: Mapping[str, list[str]] | None = None,
    roles: Sequence[str] = (),
    answers: Sequence[int] = (200, 201),
) -> Measured:
    """Make a request of ME, who must get one of these answers."""
    text = json.dumps(body) if body is not None else ""

    def ask() -> rest.Response:
        answer = scene.http(endpoint, ME, text, path, query, roles=roles, many=many)
        if answer.status not in answers:
            raise RuntimeError(f"{answer.status}: {str(answer.body)[:300]}")
        return answer

    scene.settle()
    return scene.measure("api_handler", ask)
