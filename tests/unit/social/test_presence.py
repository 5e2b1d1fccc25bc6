"""Presence: several devices are one user; a reconnect is seen by nobody."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.entrypoints.http import rest
from chalicelib.model.delivery import Outcome
from chalicelib.model.identifiers import Region, UserId
from chalicelib.model.presence import Presence, Status
from chalicelib.social import presence
from tests.support.deployment import EU, US, Deployment
from tests.support.interleaving import before
from tests.support.world import START_MS, Killed, World


@pytest.fixture
def world() -> World:
    """alice and bob are friends; bob watches from his device `world.bob`."""
    world = World()
    befriend(world, "alice", "bob")
    return world


def befriend(world: World, one: str, other: str) -> None:
    assert world.http(rest.put_friend, one, user_id=other).status == 200
    world.pump()
    assert world.http(rest.put_friend, other, user_id=one).status == 200
    world.pump()


def told(world: World, device: str, user: str = "alice") -> list[str]:
    updates = world.poster.to(device, "friend_status_update")
    return [update["status"] for update in updates if update["user_id"] == user]


def shown(world: World, user: str, by: str = "bob") -> Any:
    answer = world.http(rest.list_presence, by, multi={"user_id": [user]})
    assert answer.status == 200, answer
    return answer.body["presence"][0]


def test_first_device_on_and_last_device_off(world: World) -> None:
    bob = world.connect("bob")
    world.pump()
    first, second = world.connect("alice"), world.connect("alice")
    world.pump()
    assert told(world, bob) == ["online"]
    assert shown(world, "alice")["status"] == "online"
    world.disconnect(first)
    world.wait(60)
    assert told(world, bob) == ["online"]
    left_ms = world.clock.ms
    world.disconnect(second)
    world.wait(9.9)
    assert told(world, bob) == ["online"]
    world.wait(0.2)
    assert told(world, bob) == ["online", "offline"]
    seen = shown(world, "alice")
    assert seen["status"] == "offline"
    assert seen["last_seen"].startswith("2027-01-15T08:"), left_ms


def test_whom_redis_does_not_know_is_not_therefore_gone(world: World) -> None:
    """He came while it was away, and it came back as it was."""
    bob = world.connect("bob")
    world.cache.down = True
    world.connect("alice")
    world.cache.down = False
    world.adapters.outbound.jobs.clear()  # what would put him in
    world.services.presence_jobs.settle([UserId("alice")], due=True)
    world.wait(20)
    assert told(world, bob) == ["online"]
    assert shown(world, "alice")["status"] == "online"


def test_over_regions_one_is_shown_where_he_is_most_present(world: World) -> None:
    us, eu, alice = Region("us-east-1"), Region("eu-west-1"), UserId("alice")
    services, adapters = world.services, world.adapters
    presences = presence.Presences(
        store=adapters.presence,
        connections=services.connections,
        presence_jobs=services.presence_jobs,
        friends=services.friends,
        consent=services.consent,
        rooms=services.rooms,
        telling=services.telling,
        room_changes=services.room_changes,
        registry=adapters.cache,
        outbound=adapters.outbound,
        clock=adapters.clock,
        region=us,
        regions=(us, eu),
    )
    for region, status, at_ms in ((us, Status.ONLINE, 7), (eu, Status.AWAY, 9)):
        one = Presence(alice, region, status, last_seen_ms=at_ms, version=1)
        assert adapters.presence.change(one, False)
    [seen] = presences.of([alice])
    assert (seen.status, seen.last_seen_ms) == (Status.ONLINE, 9)


def test_a_reconnect_within_the_grace_is_seen_by_nobody(world: World) -> None:
    bob, alice = world.connect("bob"), world.connect("alice")
    world.pump()
    for _ in range(5):
        world.disconnect(alice)
        world.wait(7)
        alice = world.connect("alice")
        world.wait(2)
    world.wait(60)
    assert told(world, bob) == ["online"]


def test_the_grace_counts_from_the_last_time_he_left(world: World) -> None:
    bob, alice = world.connect("bob"), world.connect("alice")
    world.pump()
    world.disconnect(alice)
    world.wait(5)
    again = world.connect("alice")
    world.wait(3)
    world.disconnect(again)  # at 8 s; the wait of the first time ends at 10 s
    world.wait(9)
    assert told(world, bob) == ["online"]
    world.wait(3)
    assert told(world, bob) == ["online", "offline"]


def test_who_comes_after_sees_it_in_his_friends(world: World) -> None:
    world.connect("alice")
    world.pump()
    listed = world.http(rest.list_friends, "bob").body["friends"]
    assert listed[0]["presence"]["status"] == "online"
    assert listed[0]["presence"]["last_seen"] is not None
    assert shown(world, "bob", by="alice") == {
        "user_id": "bob",
        "status": "offline",
        "last_seen": None,
    }


def test_what_one_chooses_holds_on_all_devices_until_he_goes(world: World) -> None:
    bob, alice = world.connect("bob"), world.connect("alice")
    world.pump()
    world.act(alice, "set_status", status="away")
    world.pump()
    second = world.connect("alice")
    world.pump()
    world.act(second, "set_status", status="away")
    world.pump()
    assert told(world, bob) == ["online", "away"]
    world.act(second, "set_status", status="online")
    world.pump()
    world.act(alice, "set_status", status="away")
    world.pump()
    world.disconnect(alice)
    world.disconnect(second)
    world.wait(12)
    world.connect("alice")
    world.pump()
    assert told(world, bob) == ["online", "away", "online", "away", "offline", "online"]


def test_the_invisible_is_shown_as_gone_and_stays_so(world: World) -> None:
    bob, alice = world.connect("bob"), world.connect("alice")
    world.pump()
    world.act(alice, "set_status", status="offline")
    world.wait(60)
    world.sweep()
    world.pump()
    assert told(world, bob) == ["online", "offline"]
    hidden = shown(world, "alice")
    world.wait(100)
    assert shown(world, "alice") == hidden, "nothing betrays that he is there"
    world.disconnect(alice)
    world.wait(12)
    assert told(world, bob) == ["online", "offline"]
    world.connect("alice")
    world.pump()
    assert told(world, bob) == ["online", "offline", "online"]


def test_only_friends_are_told_and_only_while_they_are(world: World) -> None:
    befriend(world, "alice", "carol")
    asked = world.http(rest.put_friend, "dave", user_id="alice")
    assert asked.status == 200, "alice has not put dave"
    watching = {name: world.connect(name) for name in ("bob", "carol", "dave", "eve")}
    world.pump()
    world.http(rest.remove_friend, "carol", user_id="alice")
    world.connect("alice")
    world.pump()
    seen = {name: told(world, device) for name, device in watching.items()}
    assert seen == {"bob": ["online"], "carol": [], "dave": [], "eve": []}


def test_a_new_friendship_shows_both_at_once(world: World) -> None:
    alice, carol = world.connect("alice"), world.connect("carol")
    world.pump()
    befriend(world, "carol", "alice")
    assert told(world, carol) == ["online"]
    assert told(world, alice, "carol") == ["online"]


def test_presence_is_for_friends_and_roommates(world: World) -> None:
    world.room("alice", "mate")
    for by, status in [("bob", 200), ("mate", 200), ("alice", 200), ("eve", 403)]:
        answer = world.http(rest.list_presence, by, multi={"user_id": ["alice"]})
        assert answer.status == status, by
    both = world.http(rest.list_presence, "bob", multi={"user_id": ["alice", "mate"]})
    assert (both.status, both.body["error"]["code"]) == (403, "permission_denied")


@pytest.mark.parametrize("users", [[], [""], ["no user!"], ["x"] * 101])
def test_a_presence_query_that_is_none(world: World, users: list[str]) -> None:
    answer = world.http(rest.list_presence, "bob", multi={"user_id": users})
    assert (answer.status, answer.body["error"]["code"]) == (400, "bad_request")


def test_a_user_of_many_friends_changes_often_and_tells_it_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "MANY_FRIENDS", 0)
    bob, alice = world.connect("bob"), world.connect("alice")
    for status in ("away", "online", "away", "online", "away"):
        world.act(alice, "set_status", status=status)
        world.wait(0.5)
    assert told(world, bob) == []
    world.wait(presence.COALESCE_S)
    assert told(world, bob) == ["away"]
    world.wait(60)
    assert told(world, bob) == ["away"]


def test_a_silent_death_is_seen_within_five_minutes_and_the_grace(world: World) -> None:
    bob, alice = world.connect("bob"), world.connect("alice")
    world.pump()
    world.poster.script[alice] = [Outcome.GONE] * 99
    passed_s = 0
    while told(world, bob) == ["online"]:
        world.wait(60)
        passed_s += 60
        world.sweep()
        assert passed_s <= 310
        world.wait(10)
        passed_s += 10
    assert told(world, bob) == ["online", "offline"]


def test_who_died_between_the_change_and_the_telling_is_told_of_later(world: World) -> None:
    bob = world.connect("bob")
    world.pump()
    tell = world.poster.post

    def killed(posts: Any, within_ms: Any) -> Any:
        world.poster.post = tell  # type: ignore[method-assign]
        raise Killed

    world.connect("alice")
    world.poster.post = killed  # type: ignore[method-assign]
    world.pump()
    assert told(world, bob) == ["online"]


def test_who_comes_back_while_he_is_being_shown_as_gone_is_shown_again(world: World) -> None:
    bob, alice = world.connect("bob"), world.connect("alice")
    world.pump()
    world.disconnect(alice)

    def come_back() -> None:
        world.connect("alice")  # whose own job was done by a worker that saw her as online
        world.adapters.delivery.jobs.clear()

    before(world, "presence", "change", come_back)
    world.wait(60)
    assert shown(world, "alice")["status"] == "online"
    assert told(world, bob)[-1] == "online"


def test_a_process_that_stopped_before_it_stored_looks_again() -> None:
    """Who is seen online in another region is not announced, so nobody else would look."""
    deployment = Deployment(US, EU)
    befriend(deployment[US], "alice", "bob")
    deployment[US].connect("alice")
    deployment.pump()
    eu = deployment[EU]
    eu.disconnect(eu.connect("alice"))
    deployment.wait(60)
    alice = eu.connect("alice")

    def stop() -> None:
        eu.clock.ms += 130_000
        eu.disconnect(alice)  # its job was done by a worker that saw her as offline here
        for queue in (eu.adapters.delivery, eu.adapters.outbound):
            queue.jobs.clear()

    before(eu, "presence", "change", stop)
    deployment.pump()
    deployment.wait(60)
    assert eu.adapters.presence.get(UserId("alice"), EU).status is Status.OFFLINE


def test_without_redis_it_is_slower_but_true(world: World) -> None:
    bob = world.connect("bob")
    world.pump()
    world.cache.down = True
    alice = world.connect("alice")
    world.pump()
    assert told(world, bob) == ["online"]
    world.disconnect(alice)
    world.wait(9)
    assert told(world, bob) == ["online"]
    world.wait(3)
    world.cache.down = False
    world.wait(60)
    world.sweep()
    world.pump()
    assert told(world, bob) == ["online", "offline"]
    assert world.clock.ms > START_MS
