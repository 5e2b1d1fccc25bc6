"""The contract of `ports.PresenceStore`."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.model.identifiers import UserId
from chalicelib.model.presence import Presence, Status
from tests.support.stores import ANNA, HERE, NOW, RACERS, THERE, Stores
from tests.support.threads import at_once


class TestPresence:
    def test_changes_follow_one_another(self, stores: Stores) -> None:
        store = stores.presence
        assert store.get(ANNA, HERE) == Presence(ANNA, HERE)
        first = Presence(ANNA, HERE, Status.ONLINE, since_ms=NOW, last_seen_ms=5, version=1)
        assert store.change(first, reset=False)
        assert not store.change(replace(first, status=Status.AWAY), reset=False)
        assert store.get(ANNA, HERE) == first
        second = replace(first, status=Status.OFFLINE, since_ms=NOW + 1, version=2)
        assert store.change(second, reset=True)
        assert not store.change(replace(second, version=4), reset=False)
        assert store.get(ANNA, HERE) == second
        assert store.get(ANNA, THERE) == Presence(ANNA, THERE)

    def test_one_of_many_changes_wins(self, stores: Stores) -> None:
        first = Presence(ANNA, HERE, Status.ONLINE, version=1)
        assert sum(at_once(RACERS, lambda n: stores.presence.change(first, reset=False))) == 1

    def test_what_was_announced_and_chosen_stands_apart(self, stores: Stores) -> None:
        store = stores.presence
        store.choose(ANNA, HERE, Status.AWAY, NOW)
        assert store.get(ANNA, HERE).chosen is Status.AWAY
        away = Presence(ANNA, HERE, Status.AWAY, chosen=Status.AWAY, version=1)
        assert store.change(away, reset=False)
        store.announced(away)
        announced = replace(away, announced=Status.AWAY, chosen_at_ms=NOW)
        assert store.get(ANNA, HERE) == announced
        store.announced(replace(away, status=Status.ONLINE, version=away.version - 1))
        assert store.get(ANNA, HERE).announced is Status.AWAY, "a worker that woke up late"

    def test_a_reset_spares_a_newer_choice(self, stores: Stores) -> None:
        store = stores.presence
        store.choose(ANNA, HERE, Status.AWAY, NOW)
        unseen = Presence(ANNA, HERE, Status.OFFLINE, version=1)
        assert not store.change(unseen, reset=True)
        seen = replace(unseen, chosen=Status.AWAY)
        store.choose(ANNA, HERE, Status.ONLINE, NOW)
        assert not store.change(seen, reset=True)
        assert store.change(replace(unseen, chosen=Status.ONLINE), reset=True)
        assert store.get(ANNA, HERE).chosen is None

    def test_many(self, stores: Stores) -> None:
        store = stores.presence
        users = [UserId(f"u{n:03d}") for n in range(130)]
        for user in users[:120]:
            assert store.change(Presence(user, HERE, Status.ONLINE, version=1), reset=False)
        assert store.change(Presence(users[0], THERE, version=1), reset=False)
        found = store.get_many([*users, users[0]], [HERE, THERE])
        assert {(each.user_id, each.region) for each in found} == {
            *((user, HERE) for user in users[:120]),
            (users[0], THERE),
        }

    def test_a_region_where_the_user_never_was_knows_what_it_announced(
        self, stores: Stores
    ) -> None:
        store = stores.presence
        store.announced(Presence(ANNA, HERE, Status.ONLINE))
        assert store.get(ANNA, HERE) == Presence(ANNA, HERE, announced=Status.ONLINE)
        first = Presence(ANNA, HERE, Status.ONLINE, version=1)
        assert store.change(first, reset=False)
        store.announced(Presence(ANNA, HERE, Status.OFFLINE))
        assert store.get(ANNA, HERE).announced is Status.ONLINE, "of an earlier version"
