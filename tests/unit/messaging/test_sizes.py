"""What one answer can carry: a websocket's message of 128 KB, a function's answer of 6 MB."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.entrypoints.http import rest
from chalicelib.kernel.rates import DEFAULT_LIMITS, Rate
from tests.support.world import World

MESSAGE_BYTES, ANSWER_BYTES = 128 * 1024, 6 * 1024 * 1024


def send(world: World, connection: str, content: Any, room: str = "lobby") -> str:
    body = {"conversation_id": room, "message_type": "text", "content": content}
    world.clock.ms += 50
    return str(world.act(connection, "send_message", **body)["message_id"])


def sync(world: World, connection: str, positions: dict[str, str]) -> dict[str, Any]:
    """The conversations of an answer that AWS would deliver."""
    request = {"action": "sync", "data": {"positions": positions, "limit": 500}, "id": 1}
    answer = world.say(connection, json.dumps(request))
    assert len(answer.encode()) <= MESSAGE_BYTES
    return dict(json.loads(answer)["data"]["conversations"])


@pytest.mark.parametrize(
    ("content", "count"),
    [("漢" * 300, 200), ("漢" * 4_000, 30), ("x" * 65_000, 5), ("", 500), ('"\n' * 9_000, 12)],
)
def test_what_was_missed_comes_in_answers_that_can_be_delivered(content: str, count: int) -> None:
    world = World()
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    send(world, bob, "first")
    position = sync(world, alice, {"lobby": ""})["lobby"]["position"]
    sent = [send(world, bob, content) for _ in range(count)]
    got: list[str] = []
    for _ in range(count):
        page = sync(world, alice, {"lobby": position})["lobby"]
        assert page["recovered"]
        got += [message["message_id"] for message in page["messages"]]
        position = page["position"]
        if not page["more"]:
            break
    assert got == sent


def test_a_deletion_at_the_end_of_an_answer_moves_the_position_on() -> None:
    """It shows as the old message that it deletes, whose place in the log is long behind."""
    world = World()
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    old = send(world, bob, "old")
    position = sync(world, alice, {"lobby": ""})["lobby"]["position"]
    sent = [send(world, bob, "x" * 60_000)]
    world.act(bob, "delete_message", conversation_id="lobby", message_id=old)
    sent += [send(world, bob, "x" * 64_000) for _ in range(2)]
    got: list[str] = []
    for _ in range(5):
        page = sync(world, alice, {"lobby": position})["lobby"]
        got += [message["message_id"] for message in page["messages"]]
        position = page["position"]
        if not page["more"]:
            break
    assert got == [sent[0], old, *sent[1:]]


def test_many_rooms_with_news_fit_and_all_are_had_in_the_end() -> None:
    world = World()
    rooms = [f"{number:02d}{'r' * 60}" for number in range(40)]
    for room in rooms:
        world.room("alice", "bob", room_id=room)
    alice, bob = world.connect("alice"), world.connect("bob")
    for room in rooms:
        for _ in range(2):
            send(world, bob, "漢" * 3_000, room)
    had: dict[str, int] = {}
    wanted = dict.fromkeys(rooms, "")
    for _ in range(len(rooms)):
        answer = sync(world, alice, wanted)
        wanted = {room: part["position"] for room, part in answer.items() if part["more"]}
        for room, part in answer.items():
            had[room] = had.get(room, 0) + len(part["messages"])
        if not wanted:
            break
    assert had == dict.fromkeys(rooms, 2)


def test_a_snapshot_keeps_its_newest_end() -> None:
    world = World()
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    for _ in range(4):
        send(world, bob, "small")
    newest = [send(world, bob, "x" * 50_000) for _ in range(3)][-2:]
    page = sync(world, alice, {"lobby": ""})["lobby"]
    assert [message["message_id"] for message in page["messages"]] == newest
    assert not page["more"]
    assert sync(world, alice, {"lobby": page["position"]})["lobby"]["messages"] == []


@pytest.mark.parametrize("content", ["漢" * 21_000, "x" * 64_000, '"\n' * 16_000, "\x01" * 10_000])
def test_a_page_of_history_fits_into_a_function_s_answer(content: str) -> None:
    world = World(limits={**DEFAULT_LIMITS, "send_message": Rate(1, 10_000)})
    world.room("alice", "bob")
    bob = world.connect("bob")
    sent = [send(world, bob, content) for _ in range(120)]
    for direction, expected in (("before", sent[::-1]), ("after", sent[1:])):
        got: list[str] = []
        edge = {"after": sent[0]} if direction == "after" else {}
        while True:
            query = {"limit": "200", **edge}
            answer = world.http(rest.list_messages, "alice", room_id="lobby", query=query)
            body = json.dumps(answer.body, separators=(",", ":"))
            assert len(json.dumps({"statusCode": 200, "body": body})) < ANSWER_BYTES
            page = [message["message_id"] for message in answer.body["messages"]]
            got += page if direction == "after" else page[::-1]
            if not answer.body["more"]:
                break
            edge = {direction: answer.body["next"]}
        assert got == expected


def test_a_page_of_notifications_fits_into_a_function_s_answer() -> None:
    world = World()
    for _ in range(60):
        fields = {"user_id": "alice", "message_type": "text", "content": "漢" * 21_000}
        assert world.http(rest.post_notification, "us", fields, roles=["service"]).status == 201
        world.clock.ms += 50
    got: list[str] = []
    before: dict[str, str] = {}
    while True:
        query = {"limit": "100", **before}
        answer = world.http(rest.list_notifications, "alice", query=query)
        body = json.dumps(answer.body, separators=(",", ":"))
        assert len(json.dumps({"statusCode": 200, "body": body})) < ANSWER_BYTES
        got += [each["message_id"] for each in answer.body["notifications"]]
        if not answer.body["more"]:
            break
        before = {"before": answer.body["next"]}
    assert len(got) == len(set(got)) == 60
