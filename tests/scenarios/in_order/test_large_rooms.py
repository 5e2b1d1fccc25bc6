"""Rooms that are delivered in parts: each device once and in order, whatever happens meanwhile."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from chalicelib.jobs import JOBS
from chalicelib.jobs.delivery import DeliverPart, DeliverToTargets
from chalicelib.kernel.ids import BUCKETS
from chalicelib.kernel.records import target_to_json
from chalicelib.messaging import parts
from chalicelib.messaging.fanout import PARTS
from chalicelib.model.delivery import Outcome
from chalicelib.model.identifiers import ConnectionId
from chalicelib.model.jobs import QueuedJob
from tests.support.deliveries import (
    HERE,
    LOBBY,
    USERS,
    arrived,
    got,
    jobs,
    large,
    send,
    serve,
)
from tests.support.sqs import Sqs
from tests.support.world import World


def contents(world: World, device: str) -> list[str]:
    """All that a device was sent, repeated or not."""
    return [each["content"] for each in arrived(world, device)]


def test_a_part_whose_posts_cannot_be_made_for_31_seconds_is_no_hole() -> None:
    world, alice, devices = large()
    send(world, alice, "one")
    sqs = Sqs(world)
    sqs.run(1)
    world.poster.rule = lambda connection_id: Outcome.UNSENT
    send(world, alice, "two")
    sqs.run(40)
    send(world, alice, "three")
    sqs.run(40)
    world.poster.rule = lambda connection_id: None
    sqs.run(60)
    assert [contents(world, device) for device in devices] == [["one", "two", "three"]] * 24
    assert sqs.lost == world.adapters.delivery_dead.jobs == world.poster.closed == []


def test_a_lost_job_of_a_part_is_made_up_by_the_next_one_and_redriving_it_changes_nothing() -> None:
    world, alice, devices = large()
    send(world, alice, "one")
    assert serve(world, *jobs(world, "entry"))
    lost = [job for job in jobs(world, "room_part") if job.group in ("lobby#3", "lobby#7")]
    for job in lost:
        world.adapters.delivery.jobs.remove(job)
    world.pump(until_ms=world.clock.ms)
    send(world, alice, "two")
    world.pump(until_ms=world.clock.ms)
    assert [contents(world, device) for device in devices] == [["one", "two"]] * 24
    world.adapters.delivery.jobs += lost
    world.pump(until_ms=world.clock.ms)
    assert [contents(world, device) for device in devices] == [["one", "two"]] * 24


def test_whoever_leaves_or_comes_between_two_attempts_nobody_is_left_out() -> None:
    """Parts used to be named by an index into a list that the membership changed."""
    world, alice, devices = large()
    send(world, alice, "one")
    world.poster.dies_in(5)
    sqs = Sqs(world)
    sqs.run(0)
    world.poster.dies_in(None)
    for device in devices[:12]:
        world.disconnect(device)
    joined = [world.connect(f"user{number}") for number in range(6)]
    sqs.run(300)
    for device in devices[12:] + joined:
        assert got(world, device) == ["one"]


def test_a_device_keeps_its_order_when_its_room_leaves_its_parts() -> None:
    world, alice, devices = large(users=3)
    sqs = Sqs(world)
    world.poster.rule = lambda each: Outcome.UNSENT if each == devices[0] else None
    send(world, alice, "one")
    sqs.run(5)
    for device in devices[1:]:
        world.disconnect(device)
    sqs.run(parts.LARGE_MS / 1000 + 1)
    send(world, alice, "two")
    sqs.run(1)
    assert contents(world, devices[0]) == []
    world.poster.rule = lambda each: None
    sqs.run(60)
    assert contents(world, devices[0]) == ["one", "two"]
    sqs.run(parts.LARGE_MS / 1000)
    send(world, alice, "three")
    assert serve(world, *jobs(world, "entry"))
    assert jobs(world, "room_part") == [], "it has left its parts"
    assert contents(world, devices[0]) == ["one", "two", "three"]
    devices += [world.connect("user1"), world.connect("user2")]
    send(world, alice, "four")
    sqs.run(1)
    assert contents(world, devices[0]) == ["one", "two", "three", "four"]
    assert contents(world, devices[-1]) == ["four"], "nothing from before it was connected"


def test_who_is_behind_when_a_room_grows_is_not_overtaken_by_its_part() -> None:
    world, alice, devices = large(users=2, split_over=3)
    world.poster.script[devices[0]] = [Outcome.THROTTLED]
    send(world, alice, "one")
    assert serve(world, *jobs(world, "entry"))
    late = jobs(world, "direct")
    assert len(late) == 1
    third = world.connect("user1")
    send(world, alice, "two")
    assert serve(world, *jobs(world, "entry"))
    for job in jobs(world, "room_part"):
        assert serve(world, job)
    assert contents(world, devices[0]) == [], "two waits behind one"
    world.pump()
    assert contents(world, devices[0]) == ["one", "two"]
    assert contents(world, third) == ["two"]
    stream, own = world.adapters.cursors.parts(LOBBY, HERE, range(PARTS))
    assert not any(each.behind for each in (stream, *own))


def test_what_waits_from_an_earlier_version_is_delivered_before_the_parts_begin() -> None:
    world, alice, devices = large(users=3)
    send(world, alice, "one", "two")
    first, second = jobs(world, "entry")
    world.adapters.delivery.jobs.clear()
    store = world.adapters.connections
    targets = [c.target for bucket in range(BUCKETS) for c in store.in_bucket(bucket)]
    old = [DeliverToTargets(entry=first.entry, targets=(each,)) for each in targets]  # type: ignore[attr-defined]
    old = [each for each in old if each.targets[0].origin != alice]
    world.adapters.cursors.advance(first.entry, world.clock.ms)  # type: ignore[attr-defined]
    world.adapters.delivery.jobs += [*old, second]
    world.pump(until_ms=world.clock.ms)
    assert [contents(world, device) for device in devices] == [["one", "two"]] * 3


def test_jobs_of_an_earlier_version_are_read_and_ours_are_none_of_its_kinds() -> None:
    world, alice, _ = large(users=2)
    send(world, alice, "one")
    [job] = jobs(world, "entry")
    [device] = world.adapters.connections.of_user("user0")
    written = {"kind": "part", "entry": job.record()["entry"]}
    written["targets"] = [target_to_json(device.target)]
    assert JOBS["part"].of_record(written) == DeliverToTargets(
        entry=job.entry,  # type: ignore[attr-defined]
        targets=(device.target,),
    )
    assert DeliverPart.kind != "part", "the earlier version would post to no targets"


@pytest.mark.parametrize("seed", range(12))
def test_each_device_gets_each_message_in_order_whatever_happens(seed: int) -> None:
    """Membership changes, worker deaths, posts that cannot be made, redrives, changing sizes."""
    chance = random.Random(seed)
    world, alice, _ = large(users=8, split_over=4)
    sqs = Sqs(world)
    world.poster.rule = _rule(world, set(), None)
    online: dict[str, str] = {}
    since: dict[str, int] = {}
    sent: list[str] = []
    seen: list[QueuedJob] = []
    for _ in range(120):
        action = chance.choice(["send"] * 4 + ["come", "leave", "die", "block", "time", "again"])
        if action == "send":
            sent.append(str(len(sent)))
            send(world, alice, sent[-1])
            seen += [job for job in world.adapters.delivery.jobs if job not in seen]
        elif action == "come":
            sqs.run(0)
            user = chance.choice(USERS[:8])
            device = world.connect(user)
            online[device], since[device] = user, len(sent)
        elif action == "leave" and online:
            device = chance.choice(sorted(online))
            world.disconnect(device)
            del online[device]
        elif action == "die":
            world.poster.dies_in(chance.randint(0, 6))
            sqs.run(0)
            world.poster.dies_in(None)
        elif action == "block":
            blocked = chance.choice([Outcome.UNSENT, Outcome.BUSY, Outcome.THROTTLED, None])
            those = set(chance.sample(sorted(online), len(online) // 2))
            world.poster.rule = _rule(world, those, blocked)
        elif action == "time":
            sqs.run(chance.choice([0.5, 2, 31, 70]))
        elif action == "again" and seen:
            world.adapters.delivery.jobs.append(chance.choice(seen))
    world.poster.rule = _rule(world, set(), None)
    sqs.run(700)
    assert sqs.lost == []
    for device, first in since.items():
        whole = got(world, device)
        assert whole == sorted(whole, key=int), f"{device}: {whole}"
        if device in online and ConnectionId(device) not in world.poster.closed:
            assert set(sent[first:]) <= set(whole), f"{device} from {first}: {whole}"


def _rule(
    world: World, those: set[str], outcome: Outcome | None
) -> Callable[[ConnectionId], Outcome | None]:
    """Posts to `those` end like this; a closed connection is gone."""

    def rule(connection_id: ConnectionId) -> Outcome | None:
        if connection_id in world.poster.closed:
            return Outcome.GONE
        return outcome if connection_id in those else None

    return rule
