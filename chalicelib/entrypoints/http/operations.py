"""The table of routes that the OpenAPI document is made from."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel

from . import bodies, views


@dataclass(frozen=True, slots=True)
class Operation:
    """A route.

    Attributes:
        name: The name of its function in `rest`.
        or_else: Another status of success, and its answer.
        also: Error statuses besides those that every route, path, body or query can have.
        role: The role that the token needs; None if the route needs no token.
    """

    method: str
    path: str
    name: str
    summary: str
    answer: type[BaseModel]
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    status: int = 200
    or_else: tuple[int, type[BaseModel]] | None = None
    also: tuple[int, ...] = ()
    role: str | None = "user"


_ROOM = "/v1/rooms/{room_id}"
_MESSAGES = _ROOM + "/messages"
OPERATIONS = (
    Operation("GET", "/v1/health", "health", "The region's health", views.Health, role=None),
    Operation("GET", "/v1/openapi.json", "openapi", "This document", views.EmptyAnswer, role=None),
    Operation(
        "POST",
        "/v1/rooms",
        "create_room",
        "Create a room; two users have only one private chat",
        views.CreatedRoomAnswer,
        body=bodies.CreateRoom,
        status=201,
        also=(409,),
    ),
    Operation(
        "GET",
        "/v1/rooms",
        "list_rooms",
        "My rooms, with unread counts",
        views.RoomsAnswer,
        query=bodies.RoomsPage,
    ),
    Operation("GET", _ROOM, "get_room", "A room and its members", views.RoomAnswer, also=(404,)),
    Operation(
        "POST",
        _ROOM + "/members",
        "add_member",
        "Add a member (owner, room admin, service admin), or invite one who asks for that",
        views.Participant,
        body=bodies.NewUserRef,
        status=201,
        or_else=(202, views.InvitedAnswer),
        also=(404, 409),
    ),
    Operation(
        "DELETE",
        _ROOM + "/members/{user_id}",
        "remove_member",
        "Remove a member, withdraw an invitation, or leave",
        views.EmptyAnswer,
        also=(404, 409),
    ),
    Operation(
        "GET",
        _MESSAGES,
        "list_messages",
        "A page of the history, oldest first",
        views.MessagesAnswer,
        query=bodies.PageQuery,
    ),
    Operation(
        "POST",
        _MESSAGES,
        "post_message",
        "Send a message",
        views.StoredMessageAnswer,
        body=bodies.PostMessage,
        status=201,
        also=(404,),
    ),
    Operation(
        "DELETE",
        _MESSAGES + "/{message_id}",
        "delete_message",
        "Delete a message (sender; in a group also the owner and room admins)",
        views.EmptyAnswer,
        also=(404,),
    ),
    Operation(
        "GET",
        "/v1/invitations",
        "list_invitations",
        "Invitations that wait for my answer, the newest first",
        views.InvitationsAnswer,
    ),
    Operation(
        "POST",
        "/v1/invitations/{room_id}",
        "accept_invitation",
        "Accept an invitation",
        views.Participant,
        status=201,
        also=(404, 409),
    ),
    Operation(
        "DELETE",
        "/v1/invitations/{room_id}",
        "decline_invitation",
        "Decline an invitation",
        views.EmptyAnswer,
        also=(404,),
    ),
    Operation("GET", "/v1/consent", "show_consent", "Who may add me to rooms", views.ConsentAnswer),
    Operation(
        "PUT",
        "/v1/consent",
        "put_consent",
        "Choose who may add me to rooms",
        views.ConsentAnswer,
        body=bodies.PutConsent,
    ),
    Operation("GET", "/v1/blocks", "list_blocks", "Whom I have blocked", views.BlocksAnswer),
    Operation(
        "PUT",
        "/v1/blocks/{user_id}",
        "put_block",
        "Block a user, and end the friendship",
        views.BlockAnswer,
        also=(409,),
    ),
    Operation(
        "DELETE",
        "/v1/blocks/{user_id}",
        "remove_block",
        "Take a block back",
        views.EmptyAnswer,
    ),
    Operation(
        "GET",
        "/v1/friends",
        "list_friends",
        "Friends and requests",
        views.FriendsAnswer,
        query=bodies.FriendsPage,
    ),
    Operation(
        "PUT",
        "/v1/friends/{user_id}",
        "put_friend",
        "Ask for, or accept, a friendship",
        views.FriendAnswer,
        also=(409,),
    ),
    Operation(
        "DELETE",
        "/v1/friends/{user_id}",
        "remove_friend",
        "End a friendship, or withdraw a request",
        views.EmptyAnswer,
    ),
    Operation(
        "GET",
        "/v1/presence",
        "list_presence",
        "Presence of friends and members of shared rooms",
        views.PresencesAnswer,
        query=bodies.PresenceQuery,
    ),
    Operation(
        "POST",
        "/v1/moments",
        "post_moment",
        "Post a moment to your friends",
        views.StoredMessageAnswer,
        body=bodies.PostMoment,
        status=201,
    ),
    Operation(
        "GET",
        "/v1/moments",
        "list_moments",
        "Your own and your friends' moments, newest first",
        views.MomentsAnswer,
        query=bodies.Feed,
    ),
    Operation(
        "POST",
        "/v1/notifications",
        "post_notification",
        "Send a notification to a user",
        views.StoredMessageAnswer,
        body=bodies.PostNotification,
        status=201,
        role="service",
    ),
    Operation(
        "GET",
        "/v1/notifications",
        "list_notifications",
        "Your notifications, newest first",
        views.NotificationsAnswer,
        query=bodies.Feed,
    ),
    Operation(
        "GET",
        "/v1/endpoint",
        "endpoint",
        "Which region and shard to connect to",
        views.EndpointAnswer,
        query=bodies.Where,
        also=(404,),
    ),
    Operation(
        "POST",
        "/v1/admin/users/{user_id}/disconnect",
        "disconnect_user",
        "Disconnect a user, and optionally refuse their access for a time",
        views.Disconnected,
        body=bodies.Disconnect,
        also=(409,),
        role="admin",
    ),
    Operation(
        "GET",
        "/v1/admin/drain",
        "show_drain",
        "Whether this region drains, and how many connections it has",
        views.DrainAnswer,
        role="admin",
    ),
    Operation(
        "PUT",
        "/v1/admin/drain",
        "start_drain",
        "Send all clients of this region to others, and take no new ones",
        views.DrainAnswer,
        body=bodies.StartDrain,
        query=bodies.DrainQuery,
        also=(409,),
        role="admin",
    ),
    Operation(
        "DELETE",
        "/v1/admin/drain",
        "stop_drain",
        "Take new clients again",
        views.DrainAnswer,
        query=bodies.DrainQuery,
        also=(409,),
        role="admin",
    ),
)
