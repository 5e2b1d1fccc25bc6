"""The lines between regions, as they are shown and healed."""

from __future__ import annotations

from workbench.stack.regions.network import Network, Pace


def test_what_is_wrong_is_said_by_peer_and_healing_ends_it_in_both_directions() -> None:
    network = Network(("a", "b", "c"))
    network.partition("a", "b")
    network.slow("a", lag_ms=500, jitter_ms=100)
    network.pause("c", "a")
    assert network.faults("a") == {
        "b": "partition, lag 500 ms + 100 ms",
        "c": "lag 500 ms + 100 ms",
    }
    assert network.faults("b") == {"a": "partition"}
    assert network.faults("c") == {"a": "pause"}
    network.heal("a")
    assert not any(map(network.faults, ("a", "b", "c")))


def test_a_pause_keeps_the_lag_and_the_other_direction() -> None:
    network = Network(("a", "b"))
    network.slow("a", lag_ms=5)
    network.pause("a")
    assert network.pace("a", "b") == Pace(lag_ms=5, paused=True)
    assert network.pace("b", "a") == Pace()
