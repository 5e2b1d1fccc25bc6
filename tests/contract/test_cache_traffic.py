"""The contract of `ports.Cache`: counts of traffic."""

from __future__ import annotations

from chalicelib.model.metrics import Traffic
from tests.support.cache import NOW, OTHER, ROOM, Rig, entry


class TestTraffic:
    def test_messages_are_counted_from_one_asking_to_the_next(self, rig: Rig) -> None:
        assert rig.cache.traffic(NOW) == Traffic(None, 0, None)
        rig.cache.deliver(ROOM, [entry(1), entry(2)])
        rig.cache.deliver(OTHER, [entry(1, OTHER)])
        rig.cache.deliver(OTHER, [])
        rig.cache.note_connections(7)
        assert rig.cache.traffic(NOW + 1500) == Traffic(7, 3, 1.5)
        assert rig.cache.traffic(NOW + 2500) == Traffic(7, 0, 1.0)
        rig.wait(301)
        assert rig.cache.traffic(NOW).connections is None
