"""The dearest request of each route about invitations, consent and blocks."""

from __future__ import annotations

import json

from chalicelib.entrypoints.http import consents, rest
from chalicelib.membership.consent import MAX_BLOCKS
from chalicelib.membership.invitations import MAX_FROM_ONE, MAX_PENDING
from chalicelib.model.identifiers import UserId

from .kinds import Kinds
from .region import Measured
from .routes import ask
from .scene import LARGEST_METADATA, ME, Scene, user

CONSENTS = Kinds()
_INVITED = f"{MAX_PENDING} that wait, to rooms with metadata of 4 KB"
_BLOCKED = f"{MAX_BLOCKS:,} blocks"


@CONSENTS.of("`GET /v1/invitations`", _INVITED)
def list_invitations() -> Measured:
    return ask(_invited()[0], consents.list_invitations)


@CONSENTS.of("`POST /v1/invitations/{room_id}`", _INVITED)
def accept_invitation() -> Measured:
    scene, room_id = _invited()
    return ask(scene, consents.accept_invitation, path={"room_id": room_id})


@CONSENTS.of("`DELETE /v1/invitations/{room_id}`", _INVITED)
def decline_invitation() -> Measured:
    scene, room_id = _invited()
    return ask(scene, consents.decline_invitation, path={"room_id": room_id})


@CONSENTS.of("`GET /v1/consent`", "")
def show_consent() -> Measured:
    return ask(Scene(), consents.show_consent)


@CONSENTS.of("`PUT /v1/consent`", "")
def put_consent() -> Measured:
    return ask(Scene(), consents.put_consent, {"added_by": "invitation"})


@CONSENTS.of("`GET /v1/blocks`", _BLOCKED)
def list_blocks() -> Measured:
    return ask(_blocking(MAX_BLOCKS), consents.list_blocks)


@CONSENTS.of("`PUT /v1/blocks/{user_id}`", f"the last of {_BLOCKED}")
def put_block() -> Measured:
    scene = _blocking(MAX_BLOCKS - 1)
    return ask(scene, consents.put_block, path={"user_id": user(1_000_000)})


@CONSENTS.of("`DELETE /v1/blocks/{user_id}`", _BLOCKED)
def remove_block() -> Measured:
    return ask(_blocking(MAX_BLOCKS), consents.remove_block, path={"user_id": user(1)})


def _invited() -> tuple[Scene, str]:
    """ME has as many invitations as one may have; the last room."""
    scene = Scene()
    scene.http(consents.put_consent, ME, json.dumps({"added_by": "invitation"}))
    body = {"room_type": "group_chat", "participants": [ME], "metadata": LARGEST_METADATA}
    for number in range(MAX_PENDING):
        by, room_id = user(1 + number // MAX_FROM_ONE), f"{number:064}"
        answer = scene.http(rest.create_room, by, json.dumps({**body, "room_id": room_id}))
        if answer.status != 201:
            raise RuntimeError(answer)
    scene.settle()
    scene.later(60)
    return scene, room_id


def _blocking(count: int) -> Scene:
    scene = Scene()
    scene.services.consent.block(UserId(ME), UserId(user(1)))
    scene.copy("consents", {"user_id": ME}, user(1), [user(n) for n in range(2, count + 1)])
    scene.settle()
    return scene
