"""Who may do what: every action and every route, with an example of each, and who may call it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.entrypoints.http import consents, operating, rest
from chalicelib.kernel.settings import Endpoint
from chalicelib.model.identifiers import Region, RoomId, UserId
from chalicelib.model.rooms import Member, Role
from tests.support.world import START_MS, World

STRANGER, MEMBER, ADMIN, OWNER, SERVICE_ADMIN = "eve", "mia", "adam", "olga", "sam"
SERVICE = "mailer"
PEOPLE = (STRANGER, MEMBER, ADMIN, OWNER, SERVICE_ADMIN, SERVICE)
ROLES = {SERVICE_ADMIN: ["admin"], SERVICE: ["service"]}
ANYONE, MEMBERS = set(PEOPLE), {MEMBER, ADMIN, OWNER}


def staffed() -> World:
    """The room "lobby": olga owns it, adam is its admin, mia and the author are members.

    All people are invited to the room "open".
    """
    regions = Region("us-east-1"), Region("eu-west-1")
    world = World(
        endpoints={each: Endpoint(f"wss://{each}/ws", f"https://{each}") for each in regions}
    )
    world.peers.up = {"https://eu-west-1"}
    world.room(OWNER, MEMBER, "author", "other")
    member = Member(RoomId("lobby"), UserId(ADMIN), Role.ADMIN, START_MS)
    assert world.adapters.rooms.add_member(member)
    world.cache.bump(RoomId("lobby"))
    world.room("host", room_id="open")
    made = {UserId(person): {} for person in PEOPLE}
    world.services.invitations.invite(UserId("host"), RoomId("open"), made)
    world.adapters.outbound.jobs.clear()
    return world


def message(world: World) -> str:
    """The id of a message by another member."""
    author = world.connect("author")
    body = {"conversation_id": "lobby", "message_type": "text", "content": "x"}
    return world.act(author, "send_message", **body)["message_id"]


Data = Callable[[World], dict[str, Any]]
CONVERSATION: Data = lambda world: {"conversation_id": "lobby"}  # noqa: E731
ROOM: Data = lambda world: {"room_id": "lobby"}  # noqa: E731
ALLOWED: dict[str, tuple[Data, set[str]]] = {
    "hello": (lambda world: {}, ANYONE),
    "ping": (lambda world: {}, ANYONE),
    "refresh_token": (lambda world: {"token": world.token(MEMBER)}, {MEMBER}),
    "sync": (lambda world: {"positions": {}}, ANYONE),
    "send_message": (
        lambda world: {"conversation_id": "lobby", "message_type": "text", "content": "x"},
        MEMBERS,
    ),
    "delete_message": (
        lambda world: {"conversation_id": "lobby", "message_id": message(world)},
        {ADMIN, OWNER},
    ),
    "message_read": (
        lambda world: {"conversation_id": "lobby", "message_id": message(world)},
        MEMBERS,
    ),
    "message_delivered": (
        lambda world: {"conversation_id": "lobby", "message_id": message(world)},
        MEMBERS,
    ),
    "set_status": (lambda world: {"status": "away"}, ANYONE),
    "join_room": (ROOM, MEMBERS),
    "leave_room": (ROOM, MEMBERS),
    "typing_start": (CONVERSATION, MEMBERS),
    "typing_stop": (CONVERSATION, MEMBERS),
}


@dataclass(frozen=True)
class Call:
    """A request. A message of the path that is "?" is one of another member.

    Attributes:
        path: The room is "lobby" if nothing else is named.
    """

    endpoint: rest.Endpoint
    body: Any = None
    multi: Any = None
    path: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, world: World, headers: dict[str, str]) -> rest.Response:
        text = json.dumps(self.body) if self.body is not None else ""
        parts = {"room_id": "lobby", **self.path}
        if parts.get("message_id") == "?":
            parts["message_id"] = message(world)
        request = rest.HttpRequest(headers, {}, parts, text, self.multi or {})
        return rest.handle(world.services, request, self.endpoint)


def call(endpoint: rest.Endpoint, body: Any = None, multi: Any = None, **path: str) -> Call:
    return Call(endpoint, body, multi, path)


POSTED = {"message_type": "text", "content": "x"}
ROUTES: dict[tuple[str, str], tuple[Call, set[str]]] = {
    ("POST", "/v1/rooms"): (
        call(rest.create_room, {"room_type": "group_chat", "participants": []}),
        ANYONE,
    ),
    ("GET", "/v1/rooms"): (call(rest.list_rooms), ANYONE),
    ("GET", "/v1/rooms/{room_id}"): (call(rest.get_room), MEMBERS | {SERVICE_ADMIN}),
    ("POST", "/v1/rooms/{room_id}/members"): (
        call(rest.add_member, {"user_id": "newcomer"}),
        {ADMIN, OWNER, SERVICE_ADMIN},
    ),
    ("DELETE", "/v1/rooms/{room_id}/members/{user_id}"): (
        call(rest.remove_member, user_id="other"),
        {ADMIN, OWNER, SERVICE_ADMIN},
    ),
    ("GET", "/v1/rooms/{room_id}/messages"): (call(rest.list_messages), MEMBERS),
    ("POST", "/v1/rooms/{room_id}/messages"): (call(rest.post_message, POSTED), MEMBERS),
    ("DELETE", "/v1/rooms/{room_id}/messages/{message_id}"): (
        call(rest.delete_message, message_id="?"),
        {ADMIN, OWNER},
    ),
}
ROUTES |= {
    ("GET", "/v1/endpoint"): (call(rest.endpoint), ANYONE),
    ("GET", "/v1/presence"): (call(rest.list_presence, multi={"user_id": ["other"]}), MEMBERS),
    ("POST", "/v1/moments"): (call(rest.post_moment, {"content": "x"}), ANYONE),
    ("GET", "/v1/moments"): (call(rest.list_moments), ANYONE),
    ("POST", "/v1/notifications"): (
        call(rest.post_notification, {"user_id": "other", "content": "x"}),
        {SERVICE},
    ),
    ("GET", "/v1/notifications"): (call(rest.list_notifications), ANYONE),
    ("POST", "/v1/admin/users/{user_id}/disconnect"): (
        call(operating.disconnect_user, user_id="other"),
        {SERVICE_ADMIN},
    ),
    ("GET", "/v1/admin/drain"): (call(operating.show_drain), {SERVICE_ADMIN}),
    ("PUT", "/v1/admin/drain"): (call(operating.start_drain), {SERVICE_ADMIN}),
    ("DELETE", "/v1/admin/drain"): (call(operating.stop_drain), {SERVICE_ADMIN}),
    ("GET", "/v1/invitations"): (call(consents.list_invitations), ANYONE),
    ("POST", "/v1/invitations/{room_id}"): (
        call(consents.accept_invitation, room_id="open"),
        ANYONE,
    ),
    ("DELETE", "/v1/invitations/{room_id}"): (
        call(consents.decline_invitation, room_id="open"),
        ANYONE,
    ),
    ("GET", "/v1/consent"): (call(consents.show_consent), ANYONE),
    ("PUT", "/v1/consent"): (call(consents.put_consent, {"added_by": "friends"}), ANYONE),
    ("GET", "/v1/blocks"): (call(consents.list_blocks), ANYONE),
    ("PUT", "/v1/blocks/{user_id}"): (call(consents.put_block, user_id="other"), ANYONE),
    ("DELETE", "/v1/blocks/{user_id}"): (call(consents.remove_block, user_id="other"), ANYONE),
    ("GET", "/v1/friends"): (call(rest.list_friends), ANYONE),
    ("PUT", "/v1/friends/{user_id}"): (call(rest.put_friend, user_id="other"), ANYONE),
    ("DELETE", "/v1/friends/{user_id}"): (call(rest.remove_friend, user_id="other"), ANYONE),
}
