"""The message path on twins: from a frame to a post at every receiver."""

from __future__ import annotations

import pytest

from chalicelib.entrypoints.http import rest
from chalicelib.model.delivery import Outcome
from tests.support.world import World


@pytest.fixture
def world() -> World:
    return World()


def send(world: World, connection: str, text: str, **more: str) -> dict:
    data = {"conversation_id": "lobby", "message_type": "text", "content": text, **more}
    return world.act(connection, "send_message", **data)


def test_a_message_reaches_every_device_but_the_one_it_was_sent_on(world: World) -> None:
    world.room("alice", "bob")
    phone, laptop = world.connect("alice"), world.connect("alice")
    bobs = [world.connect("bob"), world.connect("bob")]
    ack = send(world, phone, "hi", client_message_id="c1")
    world.pump()
    assert world.poster.to(phone, "message_received") == []
    for device in [laptop, *bobs]:
        (got,) = world.poster.to(device, "message_received")
        assert got["content"] == "hi"
        assert got["sender_id"] == "alice"
        assert {name: got[name] for name in ack} == ack


def test_a_stranger_may_not_send_nor_read(world: World) -> None:
    world.room("alice", "bob")
    eve = world.connect("eve")
    answer = world.ask(eve, "send_message", conversation_id="lobby", message_type="t", content="x")
    assert answer["data"]["code"] == "permission_denied"
    assert world.ask(eve, "join_room", room_id="lobby")["data"]["code"] == "permission_denied"
    reply = world.http(rest.list_messages, "eve", room_id="lobby")
    assert (reply.status, reply.body["error"]["code"]) == (403, "permission_denied")


def test_a_resend_gets_the_same_ack_and_no_second_message(world: World) -> None:
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    first = send(world, alice, "once", client_message_id="c1")
    world.pump()
    assert send(world, alice, "once", client_message_id="c1") == first
    world.pump()
    assert len(world.poster.to(bob, "message_received")) == 1


def test_jobs_that_arrive_in_the_wrong_order_are_delivered_in_the_log_s(world: World) -> None:
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    for text in ("one", "two", "three"):
        send(world, alice, text)
    world.adapters.delivery.jobs.reverse()
    world.adapters.delivery.jobs.extend(list(world.adapters.delivery.jobs))
    world.pump()
    contents = [got["content"] for got in world.poster.to(bob, "message_received")]
    assert contents == ["one", "two", "three"]


@pytest.mark.parametrize("outcome", [Outcome.THROTTLED, Outcome.FAILED])
def test_a_slow_connection_keeps_its_order_and_holds_up_nobody(
    world: World, outcome: Outcome
) -> None:
    world.room("alice", "bob", "carol")
    alice, bob, carol = world.connect("alice"), world.connect("bob"), world.connect("carol")
    world.poster.script[bob] = [outcome, outcome]
    for text in ("one", "two", "three"):
        send(world, alice, text)
    world.pump()
    for device in (bob, carol):
        contents = [got["content"] for got in world.poster.to(device, "message_received")]
        assert contents == ["one", "two", "three"], device


def test_a_deaf_connection_is_closed_and_its_message_kept_as_a_dead_letter(world: World) -> None:
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    world.poster.script[bob] = [Outcome.FAILED] * 5
    send(world, alice, "lost?")
    world.pump()
    assert world.poster.closed == [bob]
    assert [job.kind for job in world.adapters.outbound_dead.jobs] == ["direct"]
    assert world.adapters.delivery_dead.jobs == [], "nothing failed: nobody is called"
    again = world.connect("bob")
    synced = world.act(again, "sync", positions={})["conversations"]["lobby"]
    assert [message["content"] for message in synced["messages"]] == ["lost?"]


def test_a_410_cleans_up_an_old_connection_but_waits_for_a_young_one(world: World) -> None:
    world.room("alice", "bob")
    alice, old = world.connect("alice"), world.connect("bob")
    world.clock.ms += 6_000
    young = world.connect("bob")
    world.poster.script = {old: [Outcome.GONE] * 9, young: [Outcome.GONE]}
    send(world, alice, "hi")
    world.pump()
    assert world.adapters.connections.get(old) is None
    assert len(world.poster.to(young, "message_received")) == 1


def test_a_connection_is_young_after_a_cold_start_of_its_handler(world: World) -> None:
    """`connectedAt` may lie long before `$connect` ran."""
    world.room("alice", "bob")
    alice = world.connect("alice")
    world.cold_start_ms = 7_000
    slow = world.connect("bob")
    world.cold_start_ms = 0
    world.poster.script = {slow: [Outcome.GONE]}
    send(world, alice, "hi")
    world.pump()
    assert len(world.poster.to(slow, "message_received")) == 1


@pytest.mark.parametrize("state", ["down", "flushed"])
def test_without_redis_all_is_slower_and_nothing_lost(world: World, state: str) -> None:
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    world.act(bob, "join_room", room_id="lobby")
    send(world, alice, "before")
    if state == "down":
        world.cache.down = True
    else:
        world.cache.flush()
    ack = send(world, alice, "after", client_message_id="c9")
    assert send(world, alice, "after", client_message_id="c9") == ack
    world.act(alice, "typing_start", conversation_id="lobby")
    world.pump()
    contents = [got["content"] for got in world.poster.to(bob, "message_received")]
    assert contents == ["before", "after"]
    assert world.poster.to(bob, "typing")[0]["is_typing"] is True


def test_a_sync_of_all_rooms_comes_in_pages(world: World) -> None:
    rooms = {f"room{number:03}" for number in range(230)}
    for room in rooms:
        world.room("alice", room_id=room)
    alice = world.connect("alice")
    seen: list[str] = []
    after: dict[str, str] = {}
    for page_size in (100, 100, 30):
        answer = world.act(alice, "sync", positions={}, **after)
        assert len(answer["conversations"]) == page_size
        seen += answer["conversations"]
        after = {"after_room": answer["after_room"]}
    assert after == {"after_room": None}
    assert sorted(seen) == sorted(rooms)
    refused = world.ask(alice, "sync", positions={"room000": ""}, after_room="room001")
    assert refused["data"]["code"] == "bad_request"


def test_sync_answers_exactly_what_was_missed_or_says_it_cannot(world: World) -> None:
    world.room("alice", "bob")
    alice = world.connect("alice")
    seen = send(world, alice, "seen")["position"]
    for number in range(5):
        send(world, alice, f"missed {number}")
    world.pump()
    bob = world.connect("bob")
    synced = world.act(bob, "sync", positions={"lobby": seen}, limit=3)["conversations"]["lobby"]
    assert (synced["recovered"], synced["more"]) == (True, True)
    rest_ = world.act(bob, "sync", positions={"lobby": synced["position"]})
    got = synced["messages"] + rest_["conversations"]["lobby"]["messages"]
    assert [message["content"] for message in got] == [f"missed {n}" for n in range(5)]
    unknown = seen.replace(":1:", ":77:")
    honest = world.act(bob, "sync", positions={"lobby": unknown})["conversations"]["lobby"]
    assert honest["recovered"] is False
    assert len(honest["messages"]) == 6


def test_a_deleted_message_is_gone_everywhere(world: World) -> None:
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    ack = send(world, alice, "secret")
    world.pump()
    ref = {"conversation_id": "lobby", "message_id": ack["message_id"]}
    assert world.ask(bob, "delete_message", **ref)["data"]["code"] == "permission_denied"
    world.act(alice, "delete_message", **ref)
    world.act(alice, "delete_message", **ref)
    world.pump()
    assert len(world.poster.to(bob, "message_deleted")) == 1
    history = world.http(rest.list_messages, "bob", room_id="lobby").body["messages"]
    assert [(m["is_deleted"], m["content"]) for m in history] == [(True, None)]
    synced = world.act(bob, "sync", positions={"lobby": ack["position"]})["conversations"]["lobby"]
    assert [(m["message_id"], m["is_deleted"]) for m in synced["messages"]] == [
        (ack["message_id"], True)
    ]


def test_history_pages_in_both_directions(world: World) -> None:
    world.room("alice", "bob")
    alice = world.connect("alice")
    sent = [send(world, alice, str(n))["message_id"] for n in range(7)]
    page = world.http(rest.list_messages, "bob", room_id="lobby", query={"limit": "3"}).body
    assert [m["message_id"] for m in page["messages"]] == sent[4:]
    assert page["more"]
    query = {"limit": "9", "before": page["next"]}
    older = world.http(rest.list_messages, "bob", room_id="lobby", query=query).body
    assert [m["message_id"] for m in older["messages"]] == sent[:4]
    assert not older["more"]
    query = {"limit": "2", "after": sent[0]}
    newer = world.http(rest.list_messages, "bob", room_id="lobby", query=query).body
    assert [m["message_id"] for m in newer["messages"]] == sent[1:3]


def test_typing_ends_by_itself_when_the_stop_never_comes(world: World) -> None:
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    world.act(bob, "join_room", room_id="lobby")
    world.act(alice, "typing_start", conversation_id="lobby")
    world.pump()
    assert [got["is_typing"] for got in world.poster.to(bob, "typing")] == [True, False]


def test_joining_and_leaving_is_told_once_a_user(world: World) -> None:
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    world.act(alice, "join_room", room_id="lobby")
    world.act(bob, "join_room", room_id="lobby")
    second = world.connect("bob")
    world.act(second, "join_room", room_id="lobby")
    world.pump()
    world.disconnect(bob)
    world.pump()
    assert [e["user_id"] for e in world.poster.to(alice, "user_joined")] == ["bob"]
    assert world.poster.to(alice, "user_left") == []
    world.act(second, "leave_room", room_id="lobby")
    world.pump()
    assert [e["user_id"] for e in world.poster.to(alice, "user_left")] == ["bob"]


def test_who_is_in_a_new_room_is_told(world: World) -> None:
    alice, bob, eve = (world.connect(user) for user in ("alice", "bob", "eve"))
    world.room("alice", "bob")
    for device in (alice, bob):
        [told] = world.poster.to(device, "room_updated")
        assert (told["room_id"], told["change"], told["user_id"]) == ("lobby", "created", "alice")
    assert world.poster.to(eve) == []


def test_a_kicked_member_is_out_at_once(world: World) -> None:
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    send(world, bob, "still here")
    world.pump()
    assert world.http(rest.remove_member, "alice", room_id="lobby", user_id="bob").status == 200
    answer = world.ask(bob, "send_message", conversation_id="lobby", message_type="t", content="x")
    assert answer["data"]["code"] == "permission_denied"
    send(world, alice, "without bob")
    world.pump()
    assert world.poster.to(bob, "message_received") == []
    assert [e["change"] for e in world.poster.to(bob, "room_updated")] == ["member_removed"]


def test_a_kick_whose_version_was_lost_holds_from_its_job_on(world: World) -> None:
    """Redis was away when the member was removed, and came back with what it had."""
    world.room("alice", "bob")
    bob = world.connect("bob")
    send(world, bob, "still here")
    world.pump()
    world.cache.down = True
    assert world.http(rest.remove_member, "alice", room_id="lobby", user_id="bob").status == 200
    world.cache.down = False
    world.pump()
    answer = world.ask(bob, "send_message", conversation_id="lobby", message_type="t", content="x")
    assert answer["data"]["code"] == "permission_denied"


def test_a_kick_while_redis_is_away_holds_soon_after_it_is_back(world: World) -> None:
    """It came back with what it had: members, grants, and who has the room open."""
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    world.act(alice, "join_room", room_id="lobby")
    world.act(bob, "join_room", room_id="lobby")
    send(world, bob, "still here")
    world.pump()
    world.cache.down = True
    assert world.http(rest.remove_member, "alice", room_id="lobby", user_id="bob").status == 200
    world.wait(120)
    world.cache.down = False
    world.wait(16)
    answer = world.ask(bob, "send_message", conversation_id="lobby", message_type="t", content="x")
    assert answer["data"]["code"] == "permission_denied"
    world.act(alice, "typing_start", conversation_id="lobby")
    world.pump()
    assert world.poster.to(bob, "typing") == []
    assert world.adapters.outbound.jobs == []


def test_a_kicked_member_s_view_of_the_room_ends(world: World) -> None:
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    world.act(alice, "join_room", room_id="lobby")
    world.act(bob, "join_room", room_id="lobby")
    world.pump()
    assert world.http(rest.remove_member, "alice", room_id="lobby", user_id="bob").status == 200
    world.pump()
    assert [each["user_id"] for each in world.poster.to(alice, "user_left")] == ["bob"]
    world.act(alice, "typing_start", conversation_id="lobby")
    world.pump()
    assert world.poster.to(bob, "typing") == []


def test_an_event_that_nobody_takes_becomes_a_dead_letter_after_its_retries(world: World) -> None:
    world.room("alice", "bob")
    bob = world.connect("bob")
    world.poster.script[bob] = [Outcome.THROTTLED] * 9
    body = {"user_id": "carol"}
    assert world.http(rest.add_member, "alice", body, room_id="lobby").status < 300
    world.pump()
    assert len(world.poster.script[bob]) == 9 - 4, "at once, and after 1, 2 and 4 s"
    assert [job.kind for job in world.adapters.outbound_dead.jobs] == ["retry"]
    assert world.poster.closed == []


def test_a_large_room_is_split_and_complete(world: World) -> None:
    world = World(split_over=20)
    users = [f"user{n}" for n in range(60)]
    world.room("alice", *users)
    alice = world.connect("alice")
    devices = [world.connect(user) for user in users]
    for text in ("one", "two"):
        send(world, alice, text)
    world.pump()
    for device in devices:
        contents = [got["content"] for got in world.poster.to(device, "message_received")]
        assert contents == ["one", "two"]


def test_a_poisoned_job_goes_to_the_dead_letters_and_holds_up_nobody(world: World) -> None:
    from chalicelib.entrypoints import queues
    from tests.support.world import record

    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    send(world, alice, "good")
    (job,) = [job for job in world.adapters.delivery.jobs if job.kind == "entry"]
    poison = {**record(job), "messageId": "poison", "body": "{not json"}
    hollow = {**record(job), "messageId": "hollow", "body": '{"kind":"entry"}'}
    answer = queues.deliver(world.services, {"Records": [poison, hollow, record(job)]})
    assert answer == {"batchItemFailures": []}
    assert len(world.adapters.delivery_dead.jobs) == 2
    assert len(world.poster.to(bob, "message_received")) == 1
