"""The product in virtual time: its calls are the product's, its times are those of the file."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from chalicelib.kernel.settings import Settings
from chalicelib.model.connections import Target
from chalicelib.model.delivery import Outcome, Post
from chalicelib.model.identifiers import ConnectionId, Region, RoomId, UserId
from operate.cost.budgets import Calls
from workbench.load.message_cost import count
from workbench.model import rooms
from workbench.model.backend import Backend
from workbench.model.calls import Meter, kind_of
from workbench.model.latencies import Latencies, Latency, fit, load
from workbench.model.poster import Arrival, ModelPoster
from workbench.simulator.scheduler import Process, Scheduler

ONE = rooms.Quiet(2, 1, 8)


def constant(ms: float) -> Latency:
    quantiles = {0.5: ms, 0.99: ms}
    return Latency("", quantiles, "test", "", "", "", *fit(quantiles))


def fixed(**ms: float) -> Latencies:
    """Every call takes a millisecond, or what is given; code takes nothing."""
    calls = {name: constant(ms.get(name, 1.0)) for name in load().calls}
    return Latencies("", calls, dict.fromkeys(load().cpu_us, 0.0), 0.0)


def total(works: list[Calls]) -> Counter[str]:
    """All quantities by function."""
    found: Counter[str] = Counter()
    for calls in works:
        for name in Calls.__dataclass_fields__:
            value = getattr(calls, name)
            if name != "function":
                found[f"{calls.function} {name}"] += value
    return found


@pytest.mark.parametrize("clients", ["JSON", "stock"])
@pytest.mark.parametrize("members", [2, 20])
def test_a_message_makes_the_calls_that_are_counted(members: int, clients: str) -> None:
    """Those of `workbench.load.message_cost`, which the call budgets hold."""
    given = fixed(fifo_receive=1_000, stream=500)  # these come when the sender is done
    settings = Settings(outbox=True)
    seen = rooms.quiet(replace(ONE, members=members), clients, settings, given, 1)
    counted = count(members, clients)
    expected = total([calls for calls, _ in counted.invocations])
    assert total([each.calls for each in seen.work]) == Counter(
        {name: times * seen.messages for name, times in expected.items()}
    )
    assert sum(each.posts for each in seen.work) == seen.messages * counted.posts
    assert (seen.missing, seen.misordered, seen.refused) == (0, 0, {})


def test_an_ack_takes_the_sum_of_its_calls() -> None:
    given = fixed(frame_in=8, redis=2, dynamodb_transact=25, queue_send=10, answer_out=3)
    seen = rooms.quiet(ONE, "JSON", Settings(), given, 1)
    assert seen.ack.p50_ms == pytest.approx(8 + 2 + 25 + 2 + 10 + 3, abs=0.01)
    assert seen.ack.max_ms == pytest.approx(seen.ack.p50_ms, abs=0.01)


def test_the_hop_counts_from_the_begin_of_the_send() -> None:
    given = fixed(frame_in=8, dynamodb_transact=25, queue_send=500, fifo_receive=100, post=12)
    seen = rooms.quiet(ONE, "JSON", Settings(fast_lane=0), given, 1)
    before, deliver = 8 + 1 + 25 + 1, 1 + 1 + 1  # the cursor, the members, the connections
    assert seen.receive.p50_ms == pytest.approx(before + 100 + deliver + 12, abs=0.01)


def test_the_same_seed_gives_the_same_figures() -> None:
    one, same, other = (rooms.quiet(ONE, "JSON", Settings(), load(), seed) for seed in (1, 1, 2))
    assert one == same
    assert one.ack != other.ack


def test_settings_are_the_products() -> None:
    few, split = (
        rooms.quiet(rooms.Quiet(20, 1, 2), "JSON", Settings(split_over=most), fixed(), 1)
        for most in (500, 10)
    )
    assert len(few.work) < len(split.work), "delivered in parts"
    assert split.missing == 0


def test_a_hot_room_keeps_its_order_and_falls_behind() -> None:
    given = fixed(fifo_next=100, post=20)
    seen = rooms.hot(50, "JSON", Settings(), given, 1)
    assert (seen.missing, seen.misordered) == (0, 0)
    assert seen.receive.p50_ms > 10 * seen.ack.p50_ms
    arrays = rooms.hot(50, "arrays", Settings(), given, 1)
    assert (arrays.missing, arrays.misordered) == (0, 0)
    assert arrays.receive.p50_ms < seen.receive.p50_ms / 4, "several events in one frame"


def test_a_client_that_is_made_is_like_one_that_connects() -> None:
    for clients in ("JSON", "stock"):
        seen = []
        for real in (2, 6):
            backend = Backend(Settings(), fixed(), 1)
            names = backend.room(RoomId("r"), 6, clients, real)
            targets = backend.twins["cache"].online([UserId(name[:-1]) for name in names]).targets
            seen.append(sorted((t.connection_id, t.protocol, bool(t.sid)) for t in targets))
            sids = [target.sid for target in targets if target.sid]
            assert len(set(sids)) == len(sids) == (6 if clients == "stock" else 0)
            assert set(backend.twins["trails"].sent(sids)) == set(sids)
        assert seen[0] == seen[1]


def posted(sockets: int, connections: list[str], **cpu: float) -> list[tuple[str, int]]:
    """(connection, microseconds) of posts that take 10 ms each, made at once."""
    given = replace(fixed(post=10), cpu_us={**fixed().cpu_us, **cpu})
    scheduler, arrivals = Scheduler(1), list[Arrival]()
    meter = Meter(scheduler, given)
    poster = ModelPoster(meter, sockets, arrivals)

    def run() -> None:
        with meter.invocation("deliver", 1769):
            targets = [
                Target(ConnectionId(each), UserId("u"), "a", "s", Region("r"), "json", 0)
                for each in connections
            ]
            outcomes = poster.post([Post(each, b"x") for each in targets])
            assert set(outcomes) == {Outcome.DELIVERED}
            assert scheduler.now_us == max(each.at_us for each in arrivals)

    scheduler.spawn("deliver", run, process=Process())
    scheduler.run(10_000_000, 1000)
    assert meter.invocations[0].posts == len(connections)
    return [(each.connection_id, each.at_us) for each in arrivals]


def test_posts_take_a_socket_each() -> None:
    assert posted(2, ["a", "b", "c"]) == [("a", 10_000), ("b", 10_000), ("c", 20_000)]


def test_posts_to_one_connection_wait_for_each_other_only() -> None:
    found = posted(8, ["a", "a", "b"])
    assert sorted(found) == [("a", 10_000), ("a", 20_000), ("b", 10_000)]


def test_posts_share_the_cpu() -> None:
    assert posted(8, ["a", "b"], post=500) == [("a", 10_500), ("b", 11_000)]


def test_large_transactions_have_their_own_latency() -> None:
    assert kind_of(("log", "commit")) == "dynamodb_transact"
    assert kind_of(("log", "commit_all"), ([1, 2],)) == "dynamodb_transact"
    assert kind_of(("log", "commit_all"), ([1, 2, 3],)) == "dynamodb_transact_many"
    assert kind_of(("cursors", "get")) == "dynamodb_read"
    assert kind_of(("cursors", "advance")) == "dynamodb_write"
    assert kind_of(("log", "after")) == "dynamodb_query"
    assert kind_of(("delivery", "send")) == "queue_send"
