"""Nobody learns from an answer whether a room, a message or a user exists.

A stranger calls every action and route of the tables in `support.access` in two worlds that
are alike: once with ids of what exists, once with ids of what does not. The answers are the same
byte for byte, except for these ids, and so are the calls of stores.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from chalicelib.entrypoints.http import rest
from chalicelib.kernel import ids
from chalicelib.kernel.rates import Rate
from chalicelib.model.identifiers import MessageId, RoomId, UserId
from tests.support.access import ALLOWED, ROUTES, STRANGER, Call, call, staffed
from tests.support.counting import counted
from tests.support.socketio import Client, Device
from tests.support.world import World

# What the tables name, and the message that `populated` writes first in each room.
ROOM, USER, MESSAGE = "lobby", "other", "?"
UNKNOWN_MESSAGE = "01J" + "0" * 22 + "1"
NOBODY, NOBODY_ELSE = UserId("nobody"), UserId("noone")
OTHER, MIA = UserId(USER), UserId("mia")
# By kind of room: one that exists, and one that could.
KINDS = {
    "group": (ROOM, "nowhere"),
    "private": (ids.private_room_id(OTHER, MIA), ids.private_room_id(NOBODY, NOBODY_ELSE)),
    "moments": (ids.moments_room_id(OTHER), ids.moments_room_id(NOBODY)),
    "notifications": (ids.notifications_room_id(OTHER), ids.notifications_room_id(NOBODY)),
}
Names = Mapping[str, str]


def populated(**settings: Any) -> tuple[World, dict[str, str]]:
    """A world where the rooms and the user exist, and the id of a message in each kind of room."""
    world = World(**settings)
    world.room(MIA, OTHER, room_id=ROOM)
    mia, other = world.connect(MIA), world.connect(OTHER)
    world.act(other, "set_status", status="away")
    chat = world.http(rest.create_room, MIA, {"room_type": "private_chat", "participants": [OTHER]})
    assert chat.body["room_id"] == KINDS["private"][0]
    for one, friend in ((MIA, OTHER), (OTHER, MIA)):
        assert world.http(rest.put_friend, one, user_id=friend).status == 200
    text = {"message_type": "text", "content": "x"}
    messages = {
        kind: world.act(mia, "send_message", conversation_id=KINDS[kind][0], **text)["message_id"]
        for kind in ("group", "private")
    }
    moment = world.http(rest.post_moment, OTHER, {"content": "x"})
    note = {"user_id": OTHER, "content": "x"}
    notification = world.http(rest.post_notification, "mailer", note, roles=["service"])
    messages["moments"] = moment.body["message_id"]
    messages["notifications"] = notification.body["message_id"]
    world.pump(until_ms=world.clock.ms)
    return world, messages


def renamed(value: Any, names: Names) -> Any:
    """The same JSON value with other names for the ids in it."""
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, list):
        return [renamed(each, names) for each in value]
    if isinstance(value, dict):
        return {renamed(key, names): renamed(each, names) for key, each in value.items()}
    return value


def unnamed(text: str, names: Names) -> str:
    """The text without the ids that were asked about, and the end of the stranger's own token."""
    text = re.sub(r'"expires_at": ?"[^"]*"', "", text)
    for name, asked in names.items():
        text = text.replace(f'"{asked}"', f'"<{name}>"')
    return text


def both(kind: str, ask: Callable[[World, Names], str]) -> list[tuple[str, dict[str, list[str]]]]:
    """The stranger's answers, and the calls of stores, for what exists and what does not."""
    answers = []
    for at in (0, 1):
        world, messages = populated()
        names = {
            ROOM: KINDS[kind][at],
            USER: (OTHER, NOBODY)[at],
            MESSAGE: (messages[kind], UNKNOWN_MESSAGE)[at],
        }
        names["their chat"] = ids.private_room_id(UserId(STRANGER), UserId(names[USER]))
        ports = counted(world)
        text = ask(world, names)
        assert text, "there is an answer to compare"
        answers.append((unnamed(text, names), {name: port.calls for name, port in ports.items()}))
    return answers


def of_route(make: Call) -> Callable[[World, Names], str]:
    def ask(world: World, names: Names) -> str:
        made = Call(
            make.endpoint,
            renamed(make.body, names),
            renamed(make.multi, names),
            renamed({"room_id": ROOM, **make.path}, names),
        )
        answer = made(world, {"Authorization": f"Bearer {world.token(STRANGER, iat=0)}"})
        return json.dumps([answer.status, dict(answer.headers), answer.body])

    return ask


def data_of(action: str, names: Names) -> dict[str, Any]:
    """The data of the table, about the ids of the names."""
    data = renamed(ALLOWED[action][0](staffed()), {ROOM: names[ROOM], USER: names[USER]})
    if "message_id" in data:
        data["message_id"] = names[MESSAGE]
    if action == "sync":
        data["positions"] = {names[ROOM]: ""}
    return dict(data)


MORE_ROUTES = {
    "a group with a participant": call(
        rest.create_room, {"room_type": "group_chat", "participants": [USER]}
    ),
    "a private chat": call(rest.create_room, {"room_type": "private_chat", "participants": [USER]}),
    "a member who is added": call(rest.add_member, {"user_id": USER}),
    "a member who leaves": call(rest.remove_member, user_id=STRANGER),
    "a page of messages": call(rest.list_messages, multi={"before": [UNKNOWN_MESSAGE]}),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("route", [*ROUTES, *MORE_ROUTES], ids=str)
def test_routes(route: Any, kind: str) -> None:
    make = MORE_ROUTES[route] if route in MORE_ROUTES else ROUTES[route][0]
    there, missing = both(kind, of_route(make))
    assert there == missing


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("action", ALLOWED)
def test_actions_over_json(action: str, kind: str) -> None:
    def ask(world: World, names: Names) -> str:
        device = world.connect(STRANGER)
        return world.say(device, json.dumps({"action": action, "data": data_of(action, names)}))

    there, missing = both(kind, ask)
    assert there == missing


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("action", ALLOWED)
def test_actions_over_socketio(action: str, kind: str) -> None:
    def ask(world: World, names: Names) -> str:
        client = Client(world, "eve=")
        client.connect(STRANGER)
        return client.say("427" + json.dumps([action, data_of(action, names)]))

    there, missing = both(kind, ask)
    assert there == missing


def test_an_ack_over_socketio_of_a_message_of_others() -> None:
    """The numbers of acks can be computed from ids. The answer is that to a number of nothing."""
    for kind, (room_id, _) in KINDS.items():
        answers = []
        for known in (True, False):
            world, messages = populated()
            number = ids.ack_id(RoomId(room_id), MessageId(messages[kind]))
            world.cache.expect_acks({number: (RoomId(room_id), MessageId(messages[kind]))})
            client = Client(world, "eve=")
            client.connect(STRANGER)
            answers.append(
                (client.say(f"43{number if known else 123}[]"), client.posted, client.closed)
            )
        assert answers[0] == answers[1]


def test_a_session_of_somebody_else_is_recovered_as_one_that_never_was() -> None:
    answers = []
    for known in (True, False):
        world, _ = populated()
        theirs = Device(world, OTHER).come()
        offset = (theirs.offset or "") if known else "TOKEN" + "9" * 21
        mine = Device(world, STRANGER).come(pid=theirs.pid, offset=offset)
        answers.append((mine.recovered, bool(mine.pid), len(mine.got)))
    assert answers[0] == answers[1] == (False, True, 0)


@pytest.mark.parametrize("action", ["send_message", "delete_message"])
@pytest.mark.parametrize("kind", ["group", "private"])
def test_how_busy_a_room_is(kind: str, action: str) -> None:
    """Its rate is used up, which is no business of somebody who is not a member."""
    answers = []
    for at in (0, 1):
        world, messages = populated(room_rate=Rate(1, 2), room_share=1.0)
        mia, eve = world.connect(MIA), world.connect(STRANGER)
        names = {ROOM: KINDS[kind][at], USER: USER, MESSAGE: messages[kind]}
        text = {"conversation_id": KINDS[kind][0], "message_type": "text", "content": "x"}
        while world.ask(mia, "send_message", **text)["event"] == "ack":
            pass
        for _ in range(3):
            answer = world.ask(eve, action, **data_of(action, names))
        answers.append(answer["data"])
    assert answers[0] == answers[1]
    assert answers[0]["code"] == "permission_denied"
