"""The contract of `ports.Cache`: the registry of connections."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.kernel.ids import user_bucket
from chalicelib.model.connections import Connection, Devices, Silent
from chalicelib.model.identifiers import UserId
from chalicelib.model.rooms import Role
from tests.support.cache import ALICE, BOB, NOW, ROOM, Rig, connection, online, target, warm
from tests.support.threads import together


class TestRegistry:
    def test_connections_are_counted_and_the_last_is_told(self, rig: Rig) -> None:
        cache = rig.cache
        assert cache.register(connection(ALICE, 1)) == 1
        assert cache.register(connection(ALICE, 2)) == 2
        assert cache.register(connection(BOB, 1)) == 1
        assert not cache.unregister(target(ALICE, 1), NOW)
        assert cache.unregister(target(ALICE, 2), NOW)
        assert cache.register(connection(ALICE, 1)) == 1

    def test_registering_again_is_no_other_connection(self, rig: Rig) -> None:
        assert rig.cache.register(connection(ALICE)) == 1
        assert rig.cache.register(connection(ALICE)) == 1

    def test_unregistering_the_unknown_is_not_last(self, rig: Rig) -> None:
        assert not rig.cache.unregister(target(ALICE), NOW)
        rig.cache.register(connection(ALICE, 1))
        assert not rig.cache.unregister(target(ALICE, 2), NOW)
        assert rig.cache.unregister(target(ALICE, 1), NOW)
        assert not rig.cache.unregister(target(ALICE, 1), NOW)

    def test_devices_are_counted_and_the_last_to_go_is_dated(self, rig: Rig) -> None:
        assert rig.cache.devices(ALICE) is None
        warm(rig.cache)
        assert rig.cache.devices(ALICE) == Devices(0, None)
        rig.cache.register(connection(ALICE, 1))
        rig.cache.register(connection(ALICE, 2))
        rig.cache.unregister(target(ALICE, 1), NOW)
        assert rig.cache.devices(ALICE) == Devices(1, None)
        rig.cache.unregister(target(ALICE, 2), NOW + 5)
        rig.cache.unregister(target(ALICE, 2), NOW + 9)
        assert rig.cache.devices(ALICE) == Devices(0, NOW + 5)
        assert online(rig.cache, [ALICE]) == {}
        assert rig.cache.register(connection(ALICE, 3))
        assert rig.cache.devices(ALICE) == Devices(1, None)

    def test_many_threads_are_counted_and_one_is_last(self, rig: Rig) -> None:
        devices = range(16)
        for _ in range(5):
            register = [lambda n=n: rig.cache.register(connection(ALICE, n)) for n in devices]
            assert sorted(together(register)) == list(range(1, 17))
            unregister = [lambda n=n: rig.cache.unregister(target(ALICE, n), NOW) for n in devices]
            assert sum(together(unregister)) == 1

    def test_the_same_connection_unregistered_by_many_is_last_for_one(self, rig: Rig) -> None:
        rig.cache.register(connection(ALICE))
        assert sum(together([lambda: rig.cache.unregister(target(ALICE), NOW)] * 8)) == 1

    def test_online_is_unknown_while_cold(self, rig: Rig) -> None:
        rig.cache.register(connection(ALICE))
        cold = rig.cache.online([ALICE, BOB])
        assert (list(cold.targets), set(cold.unknown)) == ([], {ALICE, BOB})
        assert list(cold.held) == [target(ALICE)]
        warm(rig.cache)
        assert rig.cache.online([ALICE, BOB]).held == []
        assert online(rig.cache, [ALICE, BOB]) == {ALICE: [target(ALICE)]}
        rig.wait(170)
        assert online(rig.cache, [ALICE]) is not None
        rig.wait(11)
        assert online(rig.cache, [ALICE]) is None, "the warm mark expires before the connections"

    def test_online_has_every_device(self, rig: Rig) -> None:
        warm(rig.cache)
        for user, device in [(ALICE, 1), (ALICE, 2), (BOB, 1)]:
            rig.cache.register(connection(user, device))
        found = online(rig.cache, [BOB, ALICE, UserId("nobody")])
        assert set(found) == {ALICE, BOB}
        assert set(found[ALICE]) == {target(ALICE, 1), target(ALICE, 2)}
        rig.cache.unregister(target(BOB), NOW)
        assert set(online(rig.cache, [BOB, ALICE])) == {ALICE}

    def test_online_takes_a_thousand_users(self, rig: Rig) -> None:
        warm(rig.cache)
        users = [UserId(f"u{n}") for n in range(1000)]
        for user in users[::100]:
            rig.cache.register(connection(user))
        online(rig.cache, users)  # all nodes know its script from now on
        before = rig.cache.round_trips
        assert set(online(rig.cache, users)) == set(users[::100])
        assert rig.cache.round_trips - before == max(1, len(rig.nodes))

    def test_a_user_is_shown_for_300_s_and_connected_until_the_end(self, rig: Rig) -> None:
        rig.cache.register(connection(ALICE))
        rig.wait(299)
        assert rig.cache.refresh([target(ALICE)]) == []
        rig.wait(301)
        warm(rig.cache)
        assert ALICE in online(rig.cache, [ALICE])
        assert rig.cache.refresh([target(ALICE)]) == [target(ALICE)], "to be shown again"
        assert rig.cache.register(connection(ALICE)) == 1, "it was there"

    def test_refresh_tells_what_is_missing(self, rig: Rig) -> None:
        for user, device in [(ALICE, 1), (ALICE, 2), (BOB, 1)]:
            rig.cache.register(connection(user, device))
        rig.cache.unregister(target(ALICE, 2), NOW)
        asked = [target(ALICE, 1), target(ALICE, 2), target(BOB, 1), target(BOB, 2)]
        assert rig.cache.refresh(asked) == [target(ALICE, 2), target(BOB, 2)]
        assert rig.cache.refresh([]) == []

    def test_refresh_extends_the_connection(self, rig: Rig) -> None:
        rig.cache.register(connection(ALICE))
        for _ in range(15):
            rig.wait(290)
            assert rig.cache.refresh([target(ALICE)]) == []
        assert rig.cache.frame(target(ALICE).connection_id, None, None).connection

    def test_refresh_tells_of_a_connection_that_only_its_user_s_entry_remembers(
        self, rig: Rig
    ) -> None:
        for device in (1, 2):
            rig.cache.register(connection(ALICE, device))
        for _ in range(13):
            rig.wait(290)
            assert rig.cache.refresh([target(ALICE, 2)]) == []
        assert rig.cache.refresh([target(ALICE, 1)]) == [target(ALICE, 1)]


def test_lost_connections_are_put_back_together(rig: Rig) -> None:
    lost = [connection(ALICE, 1), connection(ALICE, 2), connection(BOB)]
    rig.cache.restore(lost)
    assert rig.cache.refresh([each.target for each in lost]) == []
    assert rig.cache.frame(lost[2].connection_id, None, None).connection == lost[2]
    assert rig.cache.register(connection(ALICE, 3)) == 3, "not the first"
    rig.cache.restore([])


def test_who_was_missing_in_a_warm_bucket_was_taken_for_absent(rig: Rig) -> None:
    one, other = connection(ALICE, 1), connection(ALICE, 2)
    assert list(rig.cache.restore([one])) == [], "the bucket is cold"
    warm(rig.cache)
    assert list(rig.cache.restore([one, other])) == [other]
    assert list(rig.cache.restore([one, other])) == []


def test_a_renewal_changes_a_connection_and_never_recreates_it(rig: Rig) -> None:
    one = connection(ALICE)
    rig.cache.renew(one)
    assert rig.cache.frame(one.connection_id, None, None).connection is None
    rig.cache.register(one)
    version = rig.cache.fill_members(ROOM, None, {ALICE: Role.ADMIN})
    rig.cache.grant(one.connection_id, ROOM, version, Role.ADMIN)
    later = connection(ALICE, expires_at_s=1_900_000_000, roles=("one",), rooms=())
    rig.cache.renew(later)
    frame = rig.cache.frame(one.connection_id, ROOM, None)
    assert frame.connection == replace(later, rooms=one.rooms)
    assert frame.role is Role.ADMIN, "its grants stay"


def test_a_moved_connection_is_the_same_device_under_another_id(rig: Rig) -> None:
    warm(rig.cache)
    old, new = connection(ALICE, 1), connection(ALICE, 2)
    assert rig.cache.register(old)
    rig.cache.move(old.target, new)
    assert online(rig.cache, [ALICE]) == {ALICE: [new.target]}
    assert rig.cache.frame(old.connection_id, None, None).connection is None
    assert rig.cache.frame(new.connection_id, None, None).connection == new
    assert not rig.cache.unregister(old.target, NOW)
    assert rig.cache.unregister(new.target, NOW)


def test_signs_of_life_are_stored_now_and_then(rig: Rig) -> None:
    one, other = connection(ALICE), target(BOB).connection_id
    rig.cache.register(one)
    ids = [one.connection_id, other]
    start = one.last_ping_ms
    assert rig.cache.beat(ids, start + 99, 100) == {other: None}
    assert rig.cache.beat(ids, start + 100, 100) == {ids[0]: one.expires_at_s, other: None}
    assert rig.cache.beat(ids, start + 199, 100) == {other: None}
    for _ in range(3):
        rig.wait(3599)
        assert rig.cache.beat(ids, start + 199, 100) == {other: None}, "it does not expire"
    frame = rig.cache.frame(one.connection_id, None, None)
    assert frame.connection == replace(one, last_ping_ms=start + 100)


def silent(rig: Rig, bucket: int, *limits: int) -> list[Silent]:
    (found,) = rig.cache.silent([bucket], *limits)
    return found


class TestSigns:
    """Signs of life of connections without a heartbeat."""

    one, other = connection(ALICE, 1), connection(ALICE, 2)
    start = one.last_ping_ms

    def ready(self, rig: Rig, *connections: Connection) -> int:
        """Register connections, and return Alice's bucket."""
        warm(rig.cache)
        for each in connections:
            rig.cache.register(each)
        assert rig.cache.silent([], 0, 0, 9) == []
        return user_bucket(ALICE)

    def test_who_was_heard_is_not_silent(self, rig: Rig) -> None:
        bucket = self.ready(rig, self.one, self.other)
        assert silent(rig, bucket, self.start - 1, self.start, 9) == []
        assert rig.cache.note(self.one.target, self.start + 5, False)
        assert rig.cache.note(self.one.target, self.start + 3, False), "an earlier one"
        assert silent(rig, bucket, self.start + 4, self.start, 9) == [Silent(self.other.target)]
        assert [rig.cache.heard_ms(c.target) for c in (self.one, self.other)] == [
            self.start + 5,
            self.start,
        ]
        frame = rig.cache.frame(self.one.connection_id, None, None)
        assert (frame.connection, frame.noted_ms) == (self.one, self.start + 5)
        assert rig.cache.note(self.one.target, self.start + 9, True)
        frame = rig.cache.frame(self.one.connection_id, None, None)
        assert frame.connection == replace(self.one, last_ping_ms=self.start + 9)

    def test_who_was_asked_is_returned_again_until_it_is_heard(self, rig: Rig) -> None:
        bucket, now = self.ready(rig, self.one, self.other), self.start + 100
        both = [self.one.target, self.other.target]
        assert rig.cache.note(self.other.target, now - 1, False)
        rig.cache.note_asked(both, now - 50, now)
        assert silent(rig, bucket, now, now - 1, 9) == [Silent(self.other.target)]
        assert silent(rig, bucket, now - 50, now, 9) == [Silent(self.one.target, now)]
        assert rig.cache.note(self.one.target, now + 1, False)
        assert silent(rig, bucket, now + 1, now + 1, 9) == [
            Silent(self.other.target),
            Silent(self.one.target),
        ]
        assert silent(rig, bucket, now + 1, now + 1, 1) == [Silent(self.other.target)]

    def test_many_who_wait_hide_nobody(self, rig: Rig) -> None:
        many = [connection(ALICE, n) for n in range(9)]
        bucket, now = self.ready(rig, *many), self.start + 100
        waiting = [each.target for each in many[:7]]
        rig.cache.note_asked(waiting, now, now)
        found = silent(rig, bucket, now, now - 1, 2)
        assert {each.target for each in found} == {each.target for each in many[7:]}

    def test_a_connection_that_ended_is_neither(self, rig: Rig) -> None:
        bucket = self.ready(rig, self.one)
        rig.cache.unregister(self.one.target, NOW)
        assert not rig.cache.note(self.one.target, self.start + 5, False)
        rig.cache.note_asked([self.one.target], self.start, self.start)
        assert silent(rig, bucket, self.start + 9, self.start + 9, 9) == []
        assert rig.cache.heard_ms(self.one.target) is None
        assert rig.cache.frame(self.one.connection_id, None, None).connection is None

    def test_a_user_who_is_not_shown_is_shown_again(self, rig: Rig) -> None:
        self.ready(rig, self.one)
        rig.wait(301)
        assert rig.cache.note(self.one.target, self.start + 1, False)
        assert rig.cache.refresh([self.one.target]) == []

    def test_what_is_missing_is_not_added(self, rig: Rig) -> None:
        self.ready(rig, self.one)
        rig.wait(3_601)
        assert not rig.cache.note(self.one.target, self.start + 1, False)
        assert rig.cache.refresh([self.one.target]) == [self.one.target]

    def test_sessions_are_neither(self, rig: Rig) -> None:
        session = replace(self.one, target=replace(self.one.target, protocol="sio:/"))
        bucket = self.ready(rig, session)
        assert rig.cache.refresh([session.target]) == []
        assert silent(rig, bucket, self.start + 9, self.start + 9, 9) == []

    def test_what_was_lost_counts_as_heard_when_it_is_put_back(self, rig: Rig) -> None:
        bucket = self.ready(rig, self.other)
        rig.cache.restore([self.one, self.other], self.start + 50)
        assert rig.cache.heard_ms(self.one.target) == self.start + 50
        assert rig.cache.heard_ms(self.other.target) == self.start, "it was known"
        found = silent(rig, bucket, self.start + 50, self.start, 9)
        assert [each.target for each in found] == [self.other.target, self.one.target]

    def test_another_mark_forgets_who_was_asked(self, rig: Rig) -> None:
        bucket = self.ready(rig, self.one)
        rig.cache.note_asked([self.one.target], self.start, self.start)
        warm(rig.cache)
        asked = [Silent(self.one.target, self.start)]
        assert silent(rig, bucket, self.start, self.start, 9) == asked
        rig.wait(181)
        assert silent(rig, bucket, self.start, self.start, 9) == [], "it is cold"
        assert rig.cache.heard_ms(self.one.target) is None
        warm(rig.cache)
        assert silent(rig, bucket, self.start, self.start, 9) == [Silent(self.one.target)]

    def test_they_last_as_long_as_the_bucket(self, rig: Rig) -> None:
        bucket = self.ready(rig, self.one)
        for _ in range(25):
            rig.wait(170)
            rig.cache.keep_warm()
        assert rig.cache.heard_ms(self.one.target) == self.start
        assert silent(rig, bucket, self.start, self.start, 9) == [Silent(self.one.target)]
