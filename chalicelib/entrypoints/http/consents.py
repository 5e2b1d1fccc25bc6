"""Endpoints with which users say who may reach them: consent, invitations, blocks."""

from __future__ import annotations

from typing import Any

from ...contract import commands
from ...kernel import times
from ...model.access import Identity
from ...model.consents import AddedBy, Block, Invitation
from ...model.identifiers import RoomId, UserId
from ...model.rooms import Room
from ...services import Services
from . import bodies
from .rest import HttpRequest, Response, json_of, member_view


def show_consent(services: Services, identity: Identity, request: HttpRequest) -> Response:
    return Response(200, {"added_by": services.consent.added_by(identity.user_id)})


def put_consent(services: Services, identity: Identity, request: HttpRequest) -> Response:
    asked = commands.parse(bodies.PutConsent, json_of(request)).added_by
    chosen = AddedBy(asked) if asked is not None else None
    return Response(200, {"added_by": services.consent.choose(identity.user_id, chosen)})


def list_invitations(services: Services, identity: Identity, request: HttpRequest) -> Response:
    found = services.invitations.to_rooms(identity.user_id)
    return Response(200, {"invitations": [_invitation(*each) for each in found]})


def accept_invitation(services: Services, identity: Identity, request: HttpRequest) -> Response:
    member = services.rooms.accept(identity.user_id, _room_id(request))
    return Response(201, member_view(member))


def decline_invitation(services: Services, identity: Identity, request: HttpRequest) -> Response:
    services.invitations.decline(identity.user_id, _room_id(request))
    return Response(200, {})


def list_blocks(services: Services, identity: Identity, request: HttpRequest) -> Response:
    blocks = services.consent.blocks(identity.user_id)
    return Response(200, {"blocks": [_block(each) for each in blocks]})


def put_block(services: Services, identity: Identity, request: HttpRequest) -> Response:
    ref = commands.parse(bodies.NewUserRef, {"user_id": request.path["user_id"]})
    return Response(200, _block(services.consent.block(identity.user_id, UserId(ref.user_id))))


def remove_block(services: Services, identity: Identity, request: HttpRequest) -> Response:
    ref = commands.parse(commands.UserRef, {"user_id": request.path["user_id"]})
    services.consent.unblock(identity.user_id, UserId(ref.user_id))
    return Response(200, {})


def _room_id(request: HttpRequest) -> RoomId:
    return RoomId(commands.parse(commands.RoomRef, {"room_id": request.path["room_id"]}).room_id)


def _invitation(invitation: Invitation, room: Room) -> dict[str, Any]:
    return {
        "room_id": room.room_id,
        "room_type": room.room_type,
        "metadata": room.metadata,
        "invited_by": invitation.invited_by,
        "invited_at": times.iso(invitation.at_ms),
    }


def _block(block: Block) -> dict[str, Any]:
    return {"user_id": block.user_id, "since": times.iso(block.since_ms)}
