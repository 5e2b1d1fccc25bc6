"""The contract of `ports.ConnectionStore`."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.kernel.ids import BUCKETS, user_bucket
from chalicelib.model.connections import Connection, Devices
from chalicelib.model.identifiers import ConnectionId
from chalicelib.ports.connections import ConnectionStore
from tests.support.stores import ANNA, BEN, C1, LOBBY, NOW, OTHER, RACERS, connection
from tests.support.threads import at_once


def everyone(connections: ConnectionStore) -> list[Connection]:
    return [each for bucket in range(BUCKETS) for each in connections.in_bucket(bucket)]


def due(connections: ConnectionStore, now_ms: int) -> list[Connection]:
    return list(connections.due(range(BUCKETS), now_ms))


class TestConnections:
    def test_due_are_the_new_and_those_whose_time_has_come(
        self, connections: ConnectionStore
    ) -> None:
        connections.put(connection())
        assert len(due(connections, NOW)) == 1, "new"
        connections.touch(C1, NOW + 1, NOW + 100)
        assert due(connections, NOW + 99) == []
        assert [each.last_ping_ms for each in due(connections, NOW + 100)] == [NOW + 1]
        connections.look_later(C1, NOW + 200)
        assert due(connections, NOW + 199) == []
        assert len(due(connections, NOW + 200)) == 1
        assert connections.renew(C1, 99, (), NOW + 150)
        assert [each.expires_at_s for each in due(connections, NOW + 150)] == [99]
        connections.disconnect(C1, NOW)
        connections.look_later(C1, NOW)
        assert due(connections, NOW + 10**9) == []

    def test_put_and_get(self, connections: ConnectionStore) -> None:
        one = connection(roles=("service", "admin"), rooms=(LOBBY, OTHER))
        for target in (one.target, replace(one.target, takes_arrays=True)):
            connections.put(replace(one, target=target))
            assert connections.get(C1) == replace(one, target=target)
        assert connections.get(ConnectionId("c2=")) is None

    def test_disconnect(self, connections: ConnectionStore) -> None:
        connections.put(connection())
        connections.join(LOBBY, connection().target)
        assert connections.disconnect(C1, NOW) == connection(rooms=(LOBBY,))
        assert connections.disconnect(C1, NOW) is None
        assert connections.get(C1) is None
        assert connections.of_user(ANNA) == []
        assert list(connections.in_bucket(user_bucket(ANNA))) == []

    def test_disconnect_of_the_unknown_creates_nothing(self, connections: ConnectionStore) -> None:
        assert connections.disconnect(C1, NOW) is None
        assert connections.get(C1) is None

    def test_of_racing_disconnects_one_wins(self, connections: ConnectionStore) -> None:
        connections.put(connection())
        results = at_once(RACERS, lambda n: connections.disconnect(C1, NOW))
        assert [result for result in results if result is not None] == [connection()]

    def test_live_are_those_that_have_not_ended(self, connections: ConnectionStore) -> None:
        found = {}
        for number in range(120):  # more than one batch
            each = connection(f"c{number:03d}=")
            connections.put(each)
            found[each.connection_id] = each
        connections.disconnect(ConnectionId("c007="), NOW)
        asked = [*found, ConnectionId("never=")]
        del found[ConnectionId("c007=")]
        assert connections.live(asked) == found
        assert connections.live([]) == {}

    def test_touch(self, connections: ConnectionStore) -> None:
        connections.put(connection())
        connections.touch(C1, NOW + 5, NOW)
        assert connections.get(C1) == connection(last_ping_ms=NOW + 5)

    def test_renew(self, connections: ConnectionStore) -> None:
        connections.put(connection(roles=("admin",)))
        assert connections.renew(C1, 99, ("service",), NOW)
        assert connections.get(C1) == connection(expires_at_s=99, roles=("service",))
        assert connections.renew(C1, 98, (), NOW)
        assert connections.get(C1) == connection(expires_at_s=98)
        connections.disconnect(C1, NOW)
        assert not connections.renew(C1, 97, (), NOW)
        assert connections.get(C1) is None
        assert not connections.renew(ConnectionId("never="), 97, (), NOW)

    def test_touch_never_creates_nor_revives(self, connections: ConnectionStore) -> None:
        connections.touch(C1, NOW, NOW)
        assert connections.get(C1) is None
        connections.put(connection())
        connections.disconnect(C1, NOW)
        connections.touch(C1, NOW + 5, NOW)
        assert connections.get(C1) is None

    def test_of_user_and_in_bucket(self, connections: ConnectionStore) -> None:
        anna = [connection("a1="), connection("a2=")]
        ben = connection("b1=", BEN)
        for each in (*anna, ben, connection("a3=")):
            connections.put(each)
        connections.disconnect(ConnectionId("a3="), NOW)
        assert connections.of_user(ANNA) == anna
        assert connections.of_user(BEN) == [ben]
        found = sorted(everyone(connections), key=lambda c: c.connection_id)
        assert found == [*anna, ben]

    def test_a_bucket_goes_on_beyond_a_megabyte(self, connections: ConnectionStore) -> None:
        for number in range(6):
            agent = {"user_agent": "x" * 300_000}
            connections.put(connection(f"c{number}=", device_info=agent))
        assert len(everyone(connections)) == 6

    def test_join_and_leave(self, connections: ConnectionStore) -> None:
        one, two = connection("a1="), connection("b1=", BEN)
        for each in (one, two):
            connections.put(each)
            assert connections.join(LOBBY, each.target)
            assert not connections.join(LOBBY, each.target)
        assert connections.join(OTHER, one.target)
        assert connections.joined(LOBBY) == [one.target, two.target]
        joined = connections.get(one.connection_id)
        assert joined == replace(one, rooms=(LOBBY, OTHER))
        assert connections.leave(LOBBY, one.target)
        assert not connections.leave(LOBBY, one.target)
        assert connections.joined(LOBBY) == [two.target]
        assert connections.joined(OTHER) == [one.target]
        assert connections.get(one.connection_id) == replace(one, rooms=(OTHER,))

    def test_after_a_call_that_died_halfway_the_next_one_tells(
        self, connections: ConnectionStore
    ) -> None:
        halfway = replace(connection(), rooms=(LOBBY, OTHER))  # in its own list only
        connections.put(halfway)
        assert connections.join(LOBBY, halfway.target)
        assert not connections.join(LOBBY, halfway.target)
        assert connections.leave(OTHER, halfway.target)
        assert not connections.leave(OTHER, halfway.target)
        assert connections.joined(LOBBY) == [halfway.target]
        assert connections.get(C1) == replace(halfway, rooms=(LOBBY,))

    def test_join_of_one_that_is_gone_does_nothing(self, connections: ConnectionStore) -> None:
        assert not connections.join(LOBBY, connection().target)
        connections.put(connection("c2="))
        connections.disconnect(ConnectionId("c2="), NOW)
        assert not connections.join(LOBBY, connection("c2=").target)
        assert connections.joined(LOBBY) == []
        assert connections.get(C1) is None

    def test_leave_after_the_end_cleans_the_index(self, connections: ConnectionStore) -> None:
        connections.put(connection())
        connections.join(LOBBY, connection().target)
        connections.disconnect(C1, NOW)
        connections.leave(LOBBY, connection().target)
        assert connections.joined(LOBBY) == []
        assert connections.get(C1) is None


class TestDevices:
    def test_counted_and_the_last_end_dated(self, connections: ConnectionStore) -> None:
        assert connections.devices(ANNA) == Devices(0, None)
        connections.put(connection("c1="))
        connections.put(connection("c2="))
        connections.put(connection("c3=", BEN))
        assert connections.devices(ANNA) == Devices(2, None)
        connections.disconnect(ConnectionId("c1="), NOW + 7)
        assert connections.devices(ANNA) == Devices(1, NOW + 7)
        connections.disconnect(ConnectionId("c2="), NOW + 9)
        assert connections.devices(ANNA) == Devices(0, NOW + 9)
