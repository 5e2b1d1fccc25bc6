"""What another region wrote takes effect here, as if it had been written here."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chalicelib.entrypoints.http import operating, rest
from chalicelib.kernel import ids
from chalicelib.kernel.errors import Unavailable
from chalicelib.model.identifiers import RoomId, UserId
from chalicelib.model.replication import Replicated
from tests.support.faults import How, Plan, at_every_call
from tests.support.replicas import EU, US, Deployment
from tests.support.world import Killed, World

LOBBY, BOB = RoomId("lobby"), UserId("bob")
CREATED, ADDED, REMOVED = "created", "member_added", "member_removed"


@pytest.fixture
def deployment() -> Deployment:
    """alice made a room with bob and cem in the US, and all of it has been replicated."""
    deployment = Deployment(US, EU)
    deployment.worlds[US].room("alice", "bob", "cem")
    deployment.replicate_all()
    deployment.wait(1)
    return deployment


@pytest.fixture
def us(deployment: Deployment) -> World:
    return deployment.worlds[US]


@pytest.fixture
def eu(deployment: Deployment) -> World:
    return deployment.worlds[EU]


def changes(world: World, device: str) -> list[str]:
    return [event["change"] for event in world.poster.to(device, "room_updated")]


def send(world: World, device: str, room_id: str = LOBBY) -> str:
    """Send a message; return the error's code, "" for an ack."""
    body = {"conversation_id": room_id, "message_type": "text", "content": "x"}
    return str(world.ask(device, "send_message", **body)["data"].get("code", ""))


def opened(world: World, user: str) -> str:
    """A device of the user that has the room open and has written to it; all is cached."""
    device = world.connect(user)
    world.act(device, "join_room", room_id=LOBBY)
    assert send(world, device) == ""
    world.pump()
    world.services.rooms.members(LOBBY)
    return device


def kick(world: World, user: str = BOB) -> None:
    assert world.http(rest.remove_member, "alice", room_id=LOBBY, user_id=user).status == 200


def add(world: World, user: str = BOB) -> None:
    answer = world.http(rest.add_member, "alice", {"user_id": user}, room_id=LOBBY)
    assert answer.status in (200, 201), answer


def viewers(world: World) -> list[str]:
    return [target.user_id for target in world.services.views.audience(LOBBY)]


class TestMemberships:
    def test_a_kick_elsewhere_ends_what_was_granted_and_opened_here(
        self, deployment: Deployment, us: World, eu: World
    ) -> None:
        bob, cem = opened(eu, "bob"), opened(eu, "cem")
        kick(us)
        deployment.replicate_all()
        assert send(eu, bob) == "permission_denied"
        assert BOB not in eu.services.rooms.members(LOBBY)
        assert viewers(eu) == ["cem"]
        assert [t.user_id for t in eu.adapters.connections.joined(LOBBY)] == ["cem"]
        assert changes(eu, bob)[-1] == changes(eu, cem)[-1] == REMOVED
        assert eu.poster.to(cem, "user_left")

    def test_without_the_effect_a_kick_elsewhere_does_nothing_here(
        self, deployment: Deployment, us: World, eu: World
    ) -> None:
        """What the caches hold while no change is carried here."""
        bob = opened(eu, "bob")
        kick(us)
        for write in list(deployment.waiting):
            deployment.replicas[EU].receive(write)
        assert send(eu, bob) == ""

    def test_who_was_added_elsewhere_is_in(
        self, deployment: Deployment, us: World, eu: World
    ) -> None:
        dan, cem = eu.connect("dan"), opened(eu, "cem")
        add(us, "dan")
        deployment.replicate_all()
        assert send(eu, dan) == ""
        assert changes(eu, dan) == changes(eu, cem) == [ADDED]

    def test_twice_and_late_is_as_once(self, deployment: Deployment, us: World, eu: World) -> None:
        bob, cem = opened(eu, "bob"), opened(eu, "cem")
        kick(us)
        [item] = [
            Replicated(*write.key) for write in deployment.waiting if write.key[0] == "memberships"
        ]
        deployment.replicate_all()
        eu.services.foreign.arrived(item)
        eu.pump()
        assert changes(eu, cem).count(REMOVED) == 1
        add(eu)
        eu.pump()
        eu.services.foreign.arrived(item)  # it says nothing of the addition that followed
        eu.pump()
        assert send(eu, bob) == ""
        assert changes(eu, cem) == [REMOVED, ADDED]

    def test_while_redis_is_away_it_is_done_again_afterwards(
        self, deployment: Deployment, us: World, eu: World
    ) -> None:
        bob = opened(eu, "bob")
        kick(us)
        eu.cache.down = True
        deployment.replicate_all()
        eu.cache.down = False  # it comes back with what it held
        eu.wait(45)
        assert send(eu, bob) == "permission_denied"


@pytest.mark.parametrize("how", How)
def test_whatever_call_fails_who_was_removed_is_out_and_told(how: How) -> None:
    """The carrier repeats what failed, and what it does not know to have succeeded."""

    def case(planted: Callable[[World], Plan]) -> None:
        deployment = Deployment(US, EU)
        us, eu = deployment.worlds.values()
        us.room("alice", "bob", "cem")
        deployment.replicate_all()
        bob = opened(eu, "bob")
        kick(us)
        [write] = [write for write in deployment.waiting if write.key[0] == "memberships"]
        assert deployment.replicas[EU].receive(write)
        plan = planted(eu)
        try:
            eu.services.foreign.arrived(Replicated(*write.key))
        except (Unavailable, Killed):
            eu.services.foreign.arrived(Replicated(*write.key))
        eu.wait(45)
        plan.over = True
        assert send(eu, bob) == "permission_denied"
        assert eu.adapters.connections.joined(LOBBY) == []
        assert REMOVED in changes(eu, bob)

    assert {"cache.bump", "delivery.send", "outbound.send"} <= set(at_every_call(how, case))


class TestRooms:
    def test_members_here_are_told_of_a_room_made_elsewhere(
        self, deployment: Deployment, us: World, eu: World
    ) -> None:
        bob, cem = eu.connect("bob"), eu.connect("cem")
        us.room("alice", "bob", "cem", room_id="other")
        deployment.replicate_all()
        assert set(changes(eu, bob)) == set(changes(eu, cem)) == {CREATED}
        assert send(eu, bob, "other") == ""

    @pytest.mark.parametrize("last", ["rooms", "memberships"])
    def test_they_are_told_in_whatever_order_its_items_arrive(
        self, deployment: Deployment, us: World, eu: World, last: str
    ) -> None:
        bob = eu.connect("bob")
        us.room("alice", "bob", room_id="other")
        for write in sorted(deployment.waiting, key=lambda write: write.key[0] == last):
            deployment.replicate(write)
            deployment.pump()
        assert set(changes(eu, bob)) == {CREATED}
        assert sorted(eu.services.rooms.members(RoomId("other"))) == ["alice", "bob"]

    def test_rooms_of_one_user_are_not_announced(
        self, deployment: Deployment, us: World, eu: World
    ) -> None:
        bob = eu.connect("bob")
        body = {"message_type": "text", "content": "x"}
        assert us.http(rest.post_moment, "bob", body).status == 201
        deployment.replicate_all()
        assert changes(eu, bob) == []
        assert BOB in eu.services.rooms.members(ids.moments_room_id(BOB))

    @pytest.mark.parametrize(
        "item",
        [
            Replicated("messages", "lobby#us-east-1", "e#1"),
            Replicated("rooms", "#lobby"),
            Replicated("rooms", "unknown"),
            Replicated("revocations", "unknown#us-east-1"),
            Replicated("new_in_a_later_version", "x"),
        ],
        ids=lambda item: f"{item.table} {item.partition}",
    )
    def test_items_without_an_effect(self, eu: World, item: Replicated) -> None:
        eu.pump()
        eu.services.foreign.arrived(item)
        assert eu.adapters.delivery.jobs == eu.adapters.outbound.jobs == []


def disconnect(world: World, for_s: int) -> None:
    answer = world.http(
        operating.disconnect_user, "root", {"for_s": for_s}, user_id=BOB, roles=["admin"]
    )
    assert answer.status == 200, answer


class TestRevocations:
    def test_a_user_locked_out_elsewhere_is_out_here(
        self, deployment: Deployment, us: World, eu: World
    ) -> None:
        bob = eu.connect("bob")
        disconnect(us, for_s=86_400)
        deployment.replicate_all()
        assert bob in eu.poster.closed
        assert eu.http(rest.list_rooms, "bob").status == 403

    def test_frames_are_refused_before_the_connections_are_closed(
        self, deployment: Deployment, us: World, eu: World
    ) -> None:
        bob = eu.connect("bob")
        disconnect(us, for_s=86_400)
        [write] = deployment.waiting
        deployment.replicate(write)
        assert eu.ask(bob, "hello")["data"]["code"] == "permission_denied"

    def test_who_was_only_disconnected_can_come_back(
        self, deployment: Deployment, us: World, eu: World
    ) -> None:
        bob = eu.connect("bob")
        eu.clock.ms += 1
        disconnect(us, for_s=0)
        [item] = [Replicated(*write.key) for write in deployment.waiting]
        deployment.replicate_all()
        assert bob in eu.poster.closed
        eu.wait(40)
        again = eu.connect("bob")
        eu.services.foreign.arrived(item)
        eu.wait(40)
        assert again not in eu.poster.closed

    def test_a_connection_that_opened_by_a_fast_clock_is_closed(
        self, deployment: Deployment, us: World, eu: World
    ) -> None:
        eu.clock.ms += 1_500
        bob = eu.connect("bob")
        disconnect(us, for_s=0)
        deployment.replicate_all()
        assert bob in eu.poster.closed


def befriend(world: World, one: str, other: str) -> None:
    assert world.http(rest.put_friend, one, user_id=other).status == 200


class TestFriendships:
    @pytest.fixture
    def moments(self, deployment: Deployment, us: World) -> RoomId:
        """alice's moments, which bob reads as her friend."""
        befriend(us, "alice", "bob")
        befriend(us, "bob", "alice")
        body = {"message_type": "text", "content": "x"}
        assert us.http(rest.post_moment, "alice", body).status == 201
        deployment.replicate_all()
        return ids.moments_room_id(UserId("alice"))

    def test_who_is_no_friend_any_more_reads_no_moments(
        self, deployment: Deployment, us: World, eu: World, moments: RoomId
    ) -> None:
        bob = eu.connect("bob")
        eu.act(bob, "join_room", room_id=moments)
        assert BOB in eu.services.rooms.members(moments)
        assert us.http(rest.remove_friend, "alice", user_id=BOB).status == 200
        deployment.replicate_all()
        assert BOB not in eu.services.rooms.members(moments)
        assert eu.adapters.connections.joined(moments) == []
        assert eu.ask(bob, "join_room", room_id=moments)["event"] == "error"

    def test_new_friends_are_introduced_here(
        self, deployment: Deployment, us: World, eu: World
    ) -> None:
        alice, bob = us.connect("alice"), eu.connect("bob")
        befriend(us, "alice", "bob")
        deployment.replicate_all()
        befriend(eu, "bob", "alice")
        deployment.replicate_all()
        for world, device, other in ((us, alice, "bob"), (eu, bob, "alice")):
            told = world.poster.to(device, "friend_status_update")
            assert {(e["user_id"], e["status"]) for e in told} == {(other, "online")}


def test_a_presence_that_changed_elsewhere_is_sent_to_friends_here(
    deployment: Deployment, us: World, eu: World
) -> None:
    befriend(us, "alice", "bob")
    befriend(us, "bob", "alice")
    bob = eu.connect("bob")
    deployment.replicate_all()
    us.connect("alice")
    deployment.replicate_all()
    told = eu.poster.to(bob, "friend_status_update")
    assert [event["status"] for event in told] == ["online"]
