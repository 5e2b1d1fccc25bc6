"""The checker on hand-written histories, with each fault in its simplest form, and on mutants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.drills.checker import Kind, Verdict, check, due
from workbench.drills.history import (
    Acked,
    Client,
    Connected,
    Cut,
    Disconnected,
    Event,
    Failed,
    History,
    Key,
    LogEntry,
    MessageId,
    Pushed,
    Room,
    Seen,
    Sent,
)

ANN, BEN, CLEO = Client("ann"), Client("ben"), Client("cleo")
ROOM = Room("room")
K1, K2 = Key("k1"), Key("k2")
M1, M2, M3 = MessageId("m1"), MessageId("m2"), MessageId("m3")


def sent(key: Key, client: Client = ANN, room: Room = ROOM) -> Sent:
    return Sent(0.0, client, room, key)


def acked(key: Key, message_id: MessageId, client: Client = ANN, room: Room = ROOM) -> Acked:
    return Acked(0.0, client, room, key, message_id)


def seen(client: Client, message_id: MessageId, room: Room = ROOM) -> Seen:
    return Seen(0.0, client, room, message_id)


def history(
    *events: Event,
    log: tuple[LogEntry, ...] = (LogEntry(M1, K1), LogEntry(M2, K2)),
    members: frozenset[Client] = frozenset({ANN, BEN}),
) -> History:
    return History({ROOM: members}, {ROOM: log}, events)


ONE = (LogEntry(M1, K1),)
GOOD = (sent(K1), acked(K1, M1), seen(BEN, M1))


def found(verdict: Verdict) -> list[tuple[Kind, Client | None, MessageId]]:
    return [(fault.kind, fault.client, fault.message_id) for fault in verdict.faults]


def test_nothing_at_all() -> None:
    assert check(History()).faults == ()


def test_one_message_that_arrives() -> None:
    verdict = check(history(*GOOD, log=ONE))
    assert found(verdict) == []
    assert (verdict.counts.sent, verdict.counts.acked, verdict.counts.in_log) == (1, 1, 1)
    assert (verdict.counts.deliveries, verdict.counts.seen) == (1, 1)


def test_two_senders_whose_sends_overlap_may_stand_in_either_order() -> None:
    events = (sent(K1), sent(K2, BEN), acked(K2, M2, BEN), acked(K1, M1))
    for log in ((LogEntry(M1, K1), LogEntry(M2, K2)), (LogEntry(M2, K2), LogEntry(M1, K1))):
        assert found(check(history(*events, seen(ANN, M2), seen(BEN, M1), log=log))) == []


def test_what_a_client_gave_up_may_be_in_the_log_or_not() -> None:
    gave_up = (sent(K1), Failed(0.0, ANN, ROOM, K1, "no answer"))
    assert found(check(history(*gave_up, log=()))) == []
    assert found(check(history(*gave_up, seen(BEN, M1), log=ONE))) == []
    assert check(history(*gave_up, log=())).counts.failed == 1


def test_an_own_message_that_a_sync_brings_has_no_place_among_the_others() -> None:
    events = (sent(K1), sent(K2, BEN), acked(K2, M2, BEN), acked(K1, M1))
    assert found(check(history(*events, seen(BEN, M1), seen(ANN, M2), seen(ANN, M1)))) == []


def test_a_push_that_comes_twice_is_counted_and_no_fault() -> None:
    push = Pushed(0.0, BEN, ROOM, M1)
    verdict = check(history(*GOOD, push, push, log=ONE))
    assert found(verdict) == []
    assert (verdict.counts.pushes, verdict.counts.pushed_again) == (2, 1)


def test_connections_and_cuts_are_counted() -> None:
    events = (
        Connected(0.0, ANN),
        Cut(0.1, "reset", "json"),
        Disconnected(0.2, ANN, "transport"),
        Connected(0.3, ANN, recovered=True),
    )
    counts = check(History(events=events)).counts
    assert (counts.connections, counts.recovered, counts.disconnections) == (2, 1, 1)
    assert counts.cuts == {"reset json": 1}


SMALLEST: dict[str, tuple[History, list[tuple[Kind, Client | None, MessageId]]]] = {
    "acked and not in the log": (
        history(sent(K1), acked(K1, M1), log=()),
        [(Kind.LOST, None, M1)],
    ),
    "acked with the id of another message": (
        history(sent(K1), acked(K1, M2), seen(BEN, M1), log=ONE),
        [(Kind.LOST, None, M2)],
    ),
    "a member never saw it": (
        history(sent(K1), acked(K1, M1), log=ONE),
        [(Kind.LOST, BEN, M1)],
    ),
    "one of two members never saw it": (
        history(*GOOD, log=ONE, members=frozenset({ANN, BEN, CLEO})),
        [(Kind.LOST, CLEO, M1)],
    ),
    "kept without an ack, and a member never saw it": (
        history(sent(K1), Failed(0.0, ANN, ROOM, K1, "no answer"), log=ONE),
        [(Kind.LOST, BEN, M1)],
    ),
    "pushed, but not shown": (
        history(sent(K1), acked(K1, M1), Pushed(0.0, BEN, ROOM, M1), log=ONE),
        [(Kind.LOST, BEN, M1)],
    ),
    "one key twice in the log": (
        history(*GOOD, seen(BEN, M2), log=(LogEntry(M1, K1), LogEntry(M2, K1))),
        [(Kind.DOUBLED, None, M2)],
    ),
    "acked as two messages": (
        history(*GOOD, acked(K1, M2), log=ONE),
        [(Kind.DOUBLED, None, M2), (Kind.LOST, None, M2)],
    ),
    "shown twice": (
        history(*GOOD, seen(BEN, M1), log=ONE),
        [(Kind.DOUBLED, BEN, M1)],
    ),
    "shown in another order than the log's": (
        history(sent(K1), sent(K2, CLEO), acked(K1, M1), acked(K2, M2, CLEO), seen(BEN, M2),
                seen(BEN, M1), seen(ANN, M2)),
        [(Kind.MISORDERED, BEN, M1)],
    ),
    "sent after the ack of one that follows it in the log": (
        history(sent(K1), acked(K1, M1), sent(K2), acked(K2, M2), seen(BEN, M2), seen(BEN, M1),
                log=(LogEntry(M2, K2), LogEntry(M1, K1))),
        [(Kind.MISORDERED, None, M2)],
    ),
    "shown, but nowhere in the log": (
        history(*GOOD, seen(BEN, M3), log=ONE),
        [(Kind.MADE_UP, BEN, M3)],
    ),
    "shown in another room": (
        history(*GOOD, seen(BEN, M1, Room("other")), log=ONE),
        [(Kind.MADE_UP, BEN, M1)],
    ),
    "in the log, and nobody sent it": (
        history(*GOOD, seen(BEN, M2), seen(ANN, M2), log=(*ONE, LogEntry(M2, K2))),
        [(Kind.MADE_UP, None, M2)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SMALLEST)
def test_each_fault_in_its_smallest_form(name: str) -> None:
    bad, faults = SMALLEST[name]
    assert found(check(bad)) == faults


@st.composite
def correct_histories(draw: st.DrawFn) -> History:
    """Rooms where all clients send, get acks and see all, in order, each at their own pace."""
    clients = [Client(f"c{n}") for n in range(draw(st.integers(3, 5)))]
    rooms = [Room(f"r{n}") for n in range(draw(st.integers(1, 2)))]
    log: dict[Room, tuple[LogEntry, ...]] = {}
    queues: list[list[Event]] = []
    for room in rooms:
        senders = draw(st.lists(st.sampled_from(clients), min_size=2, max_size=6))
        keys = [Key(f"{room}/{n}") for n in range(len(senders))]
        log[room] = tuple(LogEntry(MessageId(f"{key}!"), key) for key in keys)
        queues.append(
            [
                event
                for sender, entry in zip(senders, log[room], strict=True)
                for event in (
                    Sent(0.0, sender, room, entry.key),
                    Acked(0.0, sender, room, entry.key, entry.message_id),
                )
            ]
        )
        for client in clients:
            pairs = zip(senders, log[room], strict=True)
            theirs = [entry.message_id for sender, entry in pairs if sender != client]
            queues.append([Seen(0.0, client, room, message_id) for message_id in theirs])
    events: list[Event] = []
    while queues := [queue for queue in queues if queue]:
        events.append(draw(st.sampled_from(queues)).pop(0))
    return History({room: frozenset(clients) for room in rooms}, log, tuple(events))


@given(correct_histories())
def test_a_correct_history_has_no_fault(correct: History) -> None:
    verdict = check(correct)
    assert found(verdict) == []
    assert verdict.counts.seen == verdict.counts.deliveries


@dataclass(frozen=True)
class Mutation:
    """The kind of fault to be found, and a function from (correct history, draw) to a bad one."""

    kind: Kind
    apply: Callable[[History, st.DataObject], History]


def an_index(bad: History, kind: type[Event], data: st.DataObject) -> int:
    of_kind = [n for n, event in enumerate(bad.events) if isinstance(event, kind)]
    return data.draw(st.sampled_from(of_kind))


def drop_a_seen(bad: History, data: st.DataObject) -> History:
    at = an_index(bad, Seen, data)
    return replace(bad, events=bad.events[:at] + bad.events[at + 1 :])


def drop_an_entry(bad: History, data: st.DataObject) -> History:
    """Drop a message from the log that no client saw, so that only its ack shows the loss."""
    room = data.draw(st.sampled_from(sorted(bad.log)))
    entry = data.draw(st.sampled_from(bad.log[room]))
    gone = entry.message_id
    return replace(
        bad,
        log={**bad.log, room: tuple(e for e in bad.log[room] if e != entry)},
        events=tuple(e for e in bad.events if not isinstance(e, Seen) or e.message_id != gone),
    )


def show_again(bad: History, data: st.DataObject) -> History:
    at = an_index(bad, Seen, data)
    later = data.draw(st.integers(at + 1, len(bad.events)))
    return replace(bad, events=(*bad.events[:later], bad.events[at], *bad.events[later:]))


def keep_twice(bad: History, data: st.DataObject) -> History:
    room = data.draw(st.sampled_from(sorted(bad.log)))
    entry = data.draw(st.sampled_from(bad.log[room]))
    twin = replace(entry, message_id=MessageId("twin"))
    return replace(bad, log={**bad.log, room: (*bad.log[room], twin)})


def swap_what_one_saw(bad: History, data: st.DataObject) -> History:
    """Swap two messages that a client saw in succession, in one room."""
    views: dict[tuple[Client, Room], list[int]] = {}
    for at, event in enumerate(bad.events):
        if isinstance(event, Seen):
            views.setdefault((event.client, event.room), []).append(at)
    pairs = [pair for each in views.values() for pair in pairwise(each)]
    one, other = data.draw(st.sampled_from(pairs))
    events = list(bad.events)
    events[one], events[other] = events[other], events[one]
    return replace(bad, events=tuple(events))


def swap_in_the_log(bad: History, data: st.DataObject) -> History:
    """Swap two messages of a sender that got the first one's ack before sending the second."""
    senders = {e.key: e.client for e in bad.events if isinstance(e, Sent)}
    pairs = [
        (room, one, other)
        for room, entries in bad.log.items()
        for one, first in enumerate(entries)
        for other in range(one + 1, len(entries))
        if senders[first.key] == senders[entries[other].key]
    ]
    if not pairs:
        return swap_what_one_saw(bad, data)
    room, one, other = data.draw(st.sampled_from(pairs))
    entries = list(bad.log[room])
    entries[one], entries[other] = entries[other], entries[one]
    return replace(bad, log={**bad.log, room: tuple(entries)})


def show_what_nobody_sent(bad: History, data: st.DataObject) -> History:
    at = an_index(bad, Seen, data)
    event = bad.events[at]
    assert isinstance(event, Seen)
    made_up = replace(event, message_id=MessageId("made up"))
    return replace(bad, events=(*bad.events[:at], made_up, *bad.events[at:]))


MUTATIONS = {
    "a delivery is dropped": Mutation(Kind.LOST, drop_a_seen),
    "an entry is dropped": Mutation(Kind.LOST, drop_an_entry),
    "a message is shown again": Mutation(Kind.DOUBLED, show_again),
    "a message is kept twice": Mutation(Kind.DOUBLED, keep_twice),
    "two are shown in the other order": Mutation(Kind.MISORDERED, swap_what_one_saw),
    "two are kept in the other order": Mutation(Kind.MISORDERED, swap_in_the_log),
    "one is shown that nobody sent": Mutation(Kind.MADE_UP, show_what_nobody_sent),
}


@pytest.mark.parametrize("name", MUTATIONS)
@given(correct=correct_histories(), data=st.data())
def test_a_fault_put_into_a_correct_history_is_found(
    name: str, correct: History, data: st.DataObject
) -> None:
    mutation = MUTATIONS[name]
    bad = mutation.apply(correct, data)
    assert check(bad).of(mutation.kind) > 0


def test_due_is_all_but_ones_own() -> None:
    assert due(history(sent(K1), sent(K2, BEN))) == {
        ROOM: {ANN: frozenset({M2}), BEN: frozenset({M1})}
    }


def test_order_counts_within_each_region_s_messages() -> None:
    m3 = LogEntry(M3, Key("k3"), "west")
    log = (LogEntry(M1, K1, "west"), LogEntry(M2, K2, "east"), m3)
    told = (sent(K1), sent(K2), sent(Key("k3")))
    late = history(*told, seen(BEN, M1), seen(BEN, M3), seen(BEN, M2), log=log)
    assert not check(late).faults
    [fault] = check(history(*told, seen(BEN, M3), seen(BEN, M2), seen(BEN, M1), log=log)).faults
    assert (fault.kind, fault.message_id) == (Kind.MISORDERED, M1)
