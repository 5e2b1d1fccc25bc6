"""The fast lane: for which entries it is open, and what it leaves behind."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import pytest

from chalicelib.composition import compose
from chalicelib.kernel.errors import Unavailable
from chalicelib.model.delivery import Cursor, Lease, Outcome
from chalicelib.model.identifiers import ConnectionId
from tests.support.deliveries import HERE, LOBBY, arrived, got, jobs, send
from tests.support.interleaving import before
from tests.support.lanes import laned, warmed, work

STREAM = (LOBBY, HERE)


def test_the_next_sender_reads_no_cursor_if_that_is_plain() -> None:
    world = laned()
    alice = world.connect("alice")
    warmed(world, alice)
    lease = world.cache.take_lease(STREAM, "test", 1)
    assert isinstance(lease, Lease)
    assert (lease.at, lease.plain) == (1, True)


def test_a_deletion_is_delivered_as_a_message_is() -> None:
    world = laned()
    alice, bob = world.connect("alice"), world.connect("bob")
    warmed(world, alice)
    [message] = arrived(world, bob)
    world.act(alice, "delete_message", conversation_id=LOBBY, message_id=message["message_id"])
    [deleted] = world.poster.to(bob, "message_deleted")
    assert deleted["message_id"] == message["message_id"]


def test_a_room_that_was_split_is_left_to_its_worker() -> None:
    world = laned(split_over=1)
    alice, bob = world.connect("alice"), world.connect("bob")
    world.connect("carol")
    world.adapters.cache.bump(LOBBY)  # so the room's worker delivers the first message
    warmed(world, alice)
    assert world.adapters.cursors.get(*STREAM).split is not None
    send(world, alice, "1")
    assert got(world, bob) == ["first"]
    world.pump()
    assert got(world, bob) == ["first", "1"]


def test_what_it_does_not_serve_leaves_the_cursor_known() -> None:
    world = laned(fast_lane=1)
    alice = world.connect("alice")
    world.connect("bob")
    warmed(world, alice)
    send(world, alice, "1")
    lease = world.cache.take_lease(STREAM, "test", 1)
    assert isinstance(lease, Lease)
    assert (lease.at, lease.plain) == (1, True)


@pytest.mark.parametrize("fault", [Unavailable("away"), RuntimeError("a mistake")])
def test_whatever_fails_the_sender_has_its_ack(
    fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    world = laned()
    alice, bob = world.connect("alice"), world.connect("bob")
    warmed(world, alice)

    def fails(_: object) -> Outcome | None:
        raise fault

    world.poster.rule = fails
    with caplog.at_level(logging.INFO, "chalicelib"):
        send(world, alice, "1")
    lines = [json.loads(record.message) for record in caplog.records]
    expected = "lane_left" if isinstance(fault, Unavailable) else "lane_failed"
    assert [line["event"] for line in lines if line["event"].startswith("lane")] == [expected]
    world.poster.rule = lambda _: None
    assert work(world)
    assert got(world, bob) == ["first", "1"]
    assert jobs(world, "entry") == []


def test_a_resend_is_left_to_the_worker() -> None:
    """What it asks for was delivered, or has a job; nobody knows how far its first sender came."""
    world = laned()
    alice, bob = world.connect("alice"), world.connect("bob")
    warmed(world, alice)
    body = {"conversation_id": LOBBY, "message_type": "text", "content": "1"}
    for _ in range(2):
        world.act(alice, "send_message", client_message_id="c1", **body)
    assert [each["content"] for each in arrived(world, bob)] == ["first", "1"]
    assert work(world)
    assert [each["content"] for each in arrived(world, bob)] == ["first", "1"]


def test_a_cursor_is_plain_without_what_one_must_know_beside_it() -> None:
    assert Cursor(7, is_new=True).is_plain
    assert not Cursor(7, split_at_ms=1).is_plain
    assert not Cursor(7, behind={"x": 7}).is_plain  # type: ignore[dict-item]


def test_it_does_not_post_what_it_could_not_write() -> None:
    """Redis was emptied, and the clock of its new node is behind: the lease's number is too low."""
    world = laned()
    alice, bob = world.connect("alice"), world.connect("bob")
    warmed(world, alice)
    world.cache.take_lease(STREAM, "test", 1)
    world.cache.release_lease(STREAM, "test", None, plain=False)
    ahead = (world.clock.ms + 60_000) * 1_000
    world.adapters.cursors.fall_behind(LOBBY, HERE, {ConnectionId("gone"): 1}, None, ahead)
    send(world, alice, "1")
    assert got(world, bob) == ["first"], "its worker has a number that is high enough"
    assert work(world)
    assert got(world, bob) == ["first", "1"]


def test_a_cursor_that_another_process_has_moved_is_not_known_as_plain() -> None:
    """It may have noted a connection as behind that this sender did not see."""
    world = laned(lane_first=False)
    alice, bob = world.connect("alice"), world.connect("bob")
    warmed(world, alice)
    left = compose(replace(world.settings, fast_lane=0), world.adapters)  # an older version
    joined: list[str] = []

    def meanwhile() -> None:
        """Carol connects, and her socket is not open yet when the worker posts."""
        joined.append(world.connect("carol"))
        world.poster.script[joined[0]] = [Outcome.GONE]
        mine, world.services = world.services, left
        work(world)
        world.services = mine
        world.poster.script.clear()

    before(world, "cursors", "advance", meanwhile)
    send(world, alice, "1")
    send(world, alice, "2")
    world.pump()
    world.wait(60)
    assert got(world, bob) == ["first", "1", "2"]
    assert got(world, joined[0]) == ["1", "2"]
