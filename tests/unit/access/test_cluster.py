"""Cluster sync: news reaches every running process at once; without it, it is only later."""

from __future__ import annotations

from chalicelib.access.claims import LEEWAY_S
from chalicelib.composition import compose
from chalicelib.entrypoints.http import operating
from tests.support.world import World


def revoke(world: World, for_s: int) -> None:
    body = {"for_s": for_s}
    answer = world.http(operating.disconnect_user, "root", body, user_id="alice", roles=["admin"])
    assert answer.status == 200


def test_open_connections_are_refused_before_they_are_closed() -> None:
    world = World()
    alice, bob = world.connect("alice"), world.connect("bob")
    for device in (alice, bob):
        world.act(device, "hello")
    here, elsewhere = world.services, compose(world.settings, world.adapters)
    elsewhere.cluster.listen()
    revoke(world, for_s=60)
    for services in (here, elsewhere):
        world.services = services
        answer = world.ask(alice, "hello")
        assert (answer["data"]["code"], answer["data"]["retryable"]) == ("permission_denied", False)
        assert world.act(bob, "hello")
    world.clock.ms += (60 + LEEWAY_S) * 1000
    assert world.act(alice, "hello")


def test_a_lost_message_costs_seconds_and_not_the_revocation() -> None:
    world = World()
    alice = world.connect("alice")
    elsewhere = compose(world.settings, world.adapters)
    elsewhere.cluster.listen()
    world.sync.down = world.cache.down = True  # nor is it noted in Redis
    revoke(world, for_s=60)
    world.cache.down = False
    world.services = elsewhere
    assert world.act(alice, "hello"), "it has not heard"
    world.wait(6)
    assert world.ask(alice, "hello")["data"]["code"] == "unauthorized"
    assert alice in world.poster.closed


def test_a_shorter_revocation_does_not_end_a_longer_one_in_processes_either() -> None:
    world = World()
    alice = world.connect("alice")
    world.act(alice, "hello")
    world.sync.down = False
    revoke(world, for_s=600)
    revoke(world, for_s=0)
    world.cache.flush(lambda key: key.startswith("revoked:"))
    assert world.ask(alice, "hello")["data"]["code"] == "permission_denied"


def test_what_another_version_says_is_left_alone() -> None:
    world = World()
    world.services.cluster.listen()
    world.sync.publish("something_new", {"x": 1})
    assert world.act(world.connect("alice"), "hello")
