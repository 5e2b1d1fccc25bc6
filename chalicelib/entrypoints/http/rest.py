"""Handlers of HTTP requests: verify the identity, validate, call the domain, return JSON."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import unquote

from ... import __version__
from ...actions import UNREADABLE_ROOM
from ...contract import commands
from ...contract.messages import Message
from ...kernel import nesting, telemetry, times
from ...kernel.errors import (
    BadRequest,
    Internal,
    TidingsError,
    TokenFault,
    TooLarge,
    Unauthorized,
)
from ...messaging import sizes
from ...messaging.durability import Stored
from ...model.access import Identity
from ...model.friends import Friend, FriendStatus
from ...model.identifiers import MessageId, RoomId, UserId
from ...model.log import Entry
from ...model.presence import Presence, Status
from ...model.receipts import Unread
from ...model.rooms import Member, Role, Room, RoomType
from ...services import Services
from . import bodies, refusals

MAX_BODY_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """An HTTP request (payload format 1.0, body decoded to text)."""

    headers: Mapping[str, str]
    query: Mapping[str, str]
    path: Mapping[str, str]
    body: str
    multi: Mapping[str, list[str]] = field(default_factory=dict)
    request_id: str = ""
    source_ip: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: dict[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


def from_event(event: Mapping[str, Any]) -> HttpRequest:
    """The request in an event of payload format 1.0. Invalid UTF-8 will fail as invalid JSON."""
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        body = base64.b64decode(body).decode("utf-8", "replace")
    path = {name: unquote(value) for name, value in (event.get("pathParameters") or {}).items()}
    context = event.get("requestContext") or {}
    return HttpRequest(
        headers=event.get("headers") or {},
        query=event.get("queryStringParameters") or {},
        path=path,
        body=body,
        multi=event.get("multiValueQueryStringParameters") or {},
        request_id=context.get("requestId", ""),
        source_ip=(context.get("identity") or {}).get("sourceIp") or "",
    )


# Requests that are charged to the bucket of the equivalent action.
_ACTIONS = {"post_message": "send_message", "delete_message": "delete_message"}

Endpoint = Callable[[Services, Identity, HttpRequest], Response]


def handle(services: Services, request: HttpRequest, endpoint: Endpoint) -> Response:
    """Authenticate and run; every exception becomes an error body."""
    with telemetry.invocation(
        services.adapters.clock.now_ms,
        "request",
        request_id=request.request_id,
        function="api_handler",
        endpoint=endpoint.__name__,
    ):
        try:
            identity = services.tokens.verify(_bearer(request))
            services.revocations.check(identity.user_id)
            action = _ACTIONS.get(endpoint.__name__, "http")
            services.limits.spend(identity.user_id, action)
            # What a back end does for others is not owed by its own bucket.
            payer = None if {"service", "admin"} & set(identity.roles) else identity.user_id
            with services.limits.metered(payer, action):
                return endpoint(services, identity, request)
        except TidingsError as fault:
            address = services.addresses.of(request.headers, request.source_ip)
            refusal = services.limits.charged(fault, address)
            telemetry.note("request_refused", ip=address.text, **refusal.for_log())
            return _error(refusal)
        except Exception as fault:  # noqa: BLE001 - the edge
            telemetry.note("request_failed")
            telemetry.error("request_failed", fault)
            return _error(Internal("internal error; try again later"))


def create_room(services: Services, identity: Identity, request: HttpRequest) -> Response:
    command = commands.parse(bodies.CreateRoom, json_of(request))
    room = services.rooms.create(
        identity.user_id,
        RoomType(command.room_type),
        [UserId(user) for user in command.participants],
        command.metadata,
        RoomId(command.room_id) if command.room_id else None,
        may_add_all="admin" in identity.roles,
    )
    _, members = services.rooms.details(identity, room.room_id)
    known = {identity.user_id, *(member.user_id for member in members)}
    invited = sorted(set(command.participants) - known)
    return Response(201, {**_room_view(room, members), "invited": invited})


def list_rooms(services: Services, identity: Identity, request: HttpRequest) -> Response:
    page = commands.parse(bodies.RoomsPage, _listing(request))
    rooms, last = services.room_pages.mine(identity.user_id, RoomId(page.after or ""), page.limit)
    unread = services.read_state.unread(identity.user_id, [room.room_id for room, _ in rooms])
    views = [_listed(*each, unread[each[0].room_id]) for each in rooms]
    return _list("rooms", "room_id", views, last)


def get_room(services: Services, identity: Identity, request: HttpRequest) -> Response:
    room, members = services.rooms.details(identity, _room_id(request))
    return Response(200, _room_view(room, members))


def add_member(services: Services, identity: Identity, request: HttpRequest) -> Response:
    command = commands.parse(bodies.NewUserRef, json_of(request))
    room_id, user_id = _room_id(request), UserId(command.user_id)
    member = services.rooms.add(identity, room_id, user_id)
    invited = {"room_id": room_id, "user_id": user_id}
    return Response(201, member_view(member)) if member is not None else Response(202, invited)


def remove_member(services: Services, identity: Identity, request: HttpRequest) -> Response:
    services.rooms.remove(identity, _room_id(request), _user_id(request))
    return Response(200, {})


def list_messages(services: Services, identity: Identity, request: HttpRequest) -> Response:
    room_id = _room_id(request)
    services.rooms.require(room_id, identity.user_id)
    page = commands.parse(bodies.PageQuery, bodies.page_query(request.query))
    before = MessageId(page.before) if page.before else None
    found = services.history.page(room_id, before, page.after, page.limit)
    seen = services.read_state.seen(identity.user_id, found.entries)
    views = [Message.of(entry, entry.message_id in seen).data() for entry in found.entries]
    body = {"messages": views, "more": found.more, "next": found.next, "position": found.position}
    return Response(200, body)


def post_message(services: Services, identity: Identity, request: HttpRequest) -> Response:
    room_id = _room_id(request)
    fields = commands.parse(bodies.PostMessage, json_of(request))
    services.rooms.writer(services.rooms.require(room_id, identity.user_id))
    command = commands.SendMessage(conversation_id=room_id, **fields.model_dump())
    services.limits.spend_room(identity.user_id, room_id, "send_message", command.tokens)
    return _stored(services.sending.send(identity.user_id, command, None, None))


def delete_message(services: Services, identity: Identity, request: HttpRequest) -> Response:
    room_id = _room_id(request)
    ref = {"conversation_id": room_id, "message_id": request.path["message_id"]}
    message_id = MessageId(commands.parse(commands.MessageRef, ref).message_id)
    role = services.rooms.require(room_id, identity.user_id)
    services.limits.spend_room(identity.user_id, room_id, "delete_message")
    services.sending.delete(identity.user_id, role, room_id, message_id, None, None)
    return Response(200, {})


def put_friend(services: Services, identity: Identity, request: HttpRequest) -> Response:
    ref = commands.parse(bodies.NewUserRef, {"user_id": request.path["user_id"]})
    return Response(200, _friend(services.consent.befriend(identity.user_id, UserId(ref.user_id))))


def remove_friend(services: Services, identity: Identity, request: HttpRequest) -> Response:
    services.friends.remove(identity.user_id, _user_id(request))
    return Response(200, {})


def list_friends(services: Services, identity: Identity, request: HttpRequest) -> Response:
    page = commands.parse(bodies.FriendsPage, _listing(request))
    after = UserId(page.after or "")
    friends, last = services.consent.friends(identity.user_id, after, page.limit)
    mutual = [each.user_id for each in friends if each.status is FriendStatus.FRIENDS]
    now_ms = services.adapters.clock.now_ms()
    seen = {p.user_id: _presence(p, now_ms) for p in services.presences.of(mutual)}
    views = [_friend(friend) for friend in friends]
    for view in views:
        if view["user_id"] in seen:
            view["presence"] = seen[view["user_id"]]
    return _list("friends", "user_id", views, last)


def list_presence(services: Services, identity: Identity, request: HttpRequest) -> Response:
    asked = commands.parse(bodies.PresenceQuery, {"user_id": request.multi.get("user_id", [])})
    users = [UserId(user) for user in dict.fromkeys(asked.user_id)]
    found = services.presences.visible(identity.user_id, users)
    now_ms = services.adapters.clock.now_ms()
    views = [{"user_id": each.user_id, **_presence(each, now_ms)} for each in found]
    return Response(200, {"presence": views})


def post_moment(services: Services, identity: Identity, request: HttpRequest) -> Response:
    command = commands.parse(bodies.PostMoment, json_of(request))
    return _stored(services.feeds.post_moment(identity.user_id, **command.model_dump()))


def list_moments(services: Services, identity: Identity, request: HttpRequest) -> Response:
    before, limit = _feed(request)
    found = services.feeds.moments(identity.user_id, before, limit)
    return Response(200, _feed_page("moments", *sizes.page(*found)))


def post_notification(services: Services, identity: Identity, request: HttpRequest) -> Response:
    command = commands.parse(bodies.PostNotification, json_of(request))
    return _stored(services.feeds.notify(identity, **command.model_dump()))


def list_notifications(services: Services, identity: Identity, request: HttpRequest) -> Response:
    before, limit = _feed(request)
    found = services.feeds.notifications(identity.user_id, before, limit)
    return Response(200, _feed_page("notifications", *sizes.page(*found)))


def endpoint(services: Services, identity: Identity, request: HttpRequest) -> Response:
    headers = {name.lower(): value for name, value in request.headers.items()}
    asked = commands.parse(bodies.Where, dict(request.query)).location
    location = asked or headers.get("cloudfront-viewer-country", "")
    routes = services.router.routes(identity.user_id, location)
    first, *others = routes
    left_out = services.router.left_out(identity.user_id, routes)
    body = {
        "region": first.region,
        "url": first.url,
        "api": first.api,
        "shard": services.router.shard(identity.user_id),
        "fallbacks": [asdict(each) for each in others],
        "unhealthy": [asdict(each) for each in left_out],
    }
    return Response(200, body)


def openapi(if_none_match: str = "") -> Response:
    """The OpenAPI document of this API; needs no token.

    Args:
        if_none_match: The request's header; a client that has the document gets 304.
            https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2
    """
    from . import openapi as described

    tag = described.tag()
    known = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
    # The same for everybody, except for the CORS headers.
    headers = {"Cache-Control": "public, max-age=300", "Vary": "Origin", "ETag": tag}
    if known & {tag, "*"}:
        return Response(304, {}, headers)
    return Response(200, described.document(), headers)


def health(services: Services) -> Response:
    """Whether the region takes new clients; needs no token.

    No cache may keep it: while an origin answers 5xx, CloudFront serves an expired success.
    """
    report = services.health.report()
    body = {
        "status": report.status,
        "region": services.region,
        "version": __version__,
        "checks": {name: "ok" if ok else "unavailable" for name, ok in report.checks.items()},
    }
    return Response(200 if report.serves else 503, body, {"Cache-Control": "no-store"})


def _bearer(request: HttpRequest) -> str:
    headers = {name.lower(): value for name, value in request.headers.items()}
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthorized(
            "send a token in the header `Authorization: Bearer …`", TokenFault.MISSING
        )
    return token.strip()


def json_of(request: HttpRequest) -> object:
    """The JSON object in the body."""
    size = len(request.body.encode("utf-8", "surrogatepass"))
    if size > MAX_BODY_BYTES:
        raise TooLarge(f"the body has {size} bytes, the limit is {MAX_BODY_BYTES}; send less")
    try:
        body = nesting.loads(request.body, "body")
    except ValueError:
        raise BadRequest("the body is not JSON") from None
    if not isinstance(body, dict):
        raise BadRequest("the body is not a JSON object")
    return body


def _feed(request: HttpRequest) -> tuple[MessageId | None, int]:
    page = commands.parse(bodies.Feed, bodies.page_query(request.query))
    return MessageId(page.before) if page.before else None, page.limit


def _feed_page(name: str, entries: list[Entry], more: bool) -> dict[str, Any]:
    oldest = entries[-1].message_id if entries else None
    return {name: [Message.of(entry).data() for entry in entries], "more": more, "next": oldest}


def _list(name: str, key: str, views: list[dict[str, Any]], last: str | None) -> Response:
    """A page of a list: what fits into an answer, and after which one the next page begins."""
    count = sizes.fitting(map(sizes.of_view, views), sizes.PAGE_BYTES)
    after = views[count - 1][key] if 0 < count < len(views) else last
    return Response(200, {name: views[:count], "next": after})


def _listing(request: HttpRequest) -> dict[str, object]:
    """The query of a list that had none: others' parameters are ignored, as ever."""
    return bodies.page_query({k: v for k, v in request.query.items() if k in ("after", "limit")})


def _room_id(request: HttpRequest) -> RoomId:
    return RoomId(commands.parse(commands.RoomRef, {"room_id": request.path["room_id"]}).room_id)


def _user_id(request: HttpRequest) -> UserId:
    return UserId(commands.parse(commands.UserRef, {"user_id": request.path["user_id"]}).user_id)


def _room(room: Room) -> dict[str, Any]:
    return {
        "room_id": room.room_id,
        "room_type": room.room_type,
        "created_by": room.created_by,
        "created_at": times.iso(room.created_at_ms),
        "metadata": room.metadata,
    }


def _listed(room: Room, role: Role, unread: Unread) -> dict[str, Any]:
    view = {
        **_room(room),
        "role": role,
        "unread": unread.count,
        "last_read_message_id": unread.last_read,
    }
    if unread.unreadable:
        view |= _error(Internal(UNREADABLE_ROOM)).body
    return view


def _room_view(room: Room, members: list[Member]) -> dict[str, Any]:
    ordered = sorted(members, key=lambda member: (member.role is not Role.OWNER, member.user_id))
    return {**_room(room), "participants": [member_view(member) for member in ordered]}


def member_view(member: Member) -> dict[str, Any]:
    return {
        "user_id": member.user_id,
        "role": member.role,
        "joined_at": times.iso(member.joined_at_ms),
    }


def _friend(friend: Friend) -> dict[str, Any]:
    return {
        "user_id": friend.user_id,
        "status": friend.status,
        "since": times.iso(friend.since_ms),
    }


def _presence(presence: Presence, now_ms: int) -> dict[str, Any]:
    """`last_seen` is now for a connected user, and null for a user who was never connected."""
    gone = presence.status is Status.OFFLINE
    last_ms = presence.last_seen_ms if gone else now_ms
    return {"status": presence.status, "last_seen": times.iso(last_ms) if last_ms else None}


def _stored(stored: Stored) -> Response:
    return Response(201, {**Message.of(stored.entry).data(), "durability": stored.durability})


def _error(error: TidingsError) -> Response:
    return Response(error.status, error.as_body(), refusals.headers(error))
