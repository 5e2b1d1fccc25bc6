"""What became of the posts of a few entries: who is late, how far an entry got."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from chalicelib.messaging.recovering import Begun
from chalicelib.messaging.window import MOST_ARRAY, Window
from chalicelib.model.connections import Target
from chalicelib.model.delivery import Outcome
from chalicelib.model.identifiers import ConnectionId, MessageId, Region, RoomId, UserId
from chalicelib.model.log import Entry, EntryKind

DELIVERED, UNSENT, BUSY = Outcome.DELIVERED, Outcome.UNSENT, Outcome.BUSY
HERE = Region("us-east-1")
USERS = ["a", "b", "c"]
TARGETS = [
    Target(ConnectionId(f"{user}="), UserId(user), "api", "prod", HERE, "json", 0) for user in USERS
]
NONE_RECOVERS = Begun((RoomId("lobby"), HERE), "mark", {})


def entry(seq: int, **more: str) -> Entry:
    return Entry(
        RoomId("lobby"), HERE, seq, MessageId(f"{seq:026}"), EntryKind.MESSAGE, UserId("s"), seq,
        content="x", **more,
    )  # fmt: skip


def window(*outcomes: Outcome, slow: str = "", reached: str = "", count: int = 2) -> Window:
    """A window of two entries for three users, settled with these outcomes, entry by entry."""
    entries = [entry(seq) for seq in range(1, count + 1)]
    late = {ConnectionId(f"{one}=") for one in slow}
    made = Window(entries, TARGETS, late, UserId(reached), NONE_RECOVERS)
    made.settle(outcomes)
    return made


def late(made: Window, done: int) -> list[tuple[int, str]]:
    return [(each.seq, target.user_id) for each, target in made.late(done)]


def test_posts_come_entry_by_entry_and_not_to_the_sender_s_device() -> None:
    made = Window([entry(1, origin_id="b="), entry(2)], TARGETS, set(), UserId(""), NONE_RECOVERS)
    assert [post.target.user_id for post in made.posts] == ["a", "c", "a", "b", "c"]
    assert {post.room_id for post in made.posts} == {"lobby"}


@pytest.mark.parametrize("why", [Outcome.THROTTLED, Outcome.FAILED])
def test_who_refuses_an_entry_is_late_from_then_on(why: Outcome) -> None:
    made = window(DELIVERED, why, DELIVERED, DELIVERED, Outcome.HELD, DELIVERED)
    assert late(made, 2) == [(1, "b"), (2, "b")]
    assert late(made, 1) == [(1, "b")]
    second = window(*[DELIVERED] * 4, why, DELIVERED)
    assert late(second, 2) == [(2, "b")]
    assert late(second, 1) == []


def test_who_is_gone_or_has_it_is_not_late_and_who_is_slow_always_is() -> None:
    gone = window(Outcome.GONE, DELIVERED, DELIVERED, Outcome.HELD, DELIVERED, DELIVERED)
    assert late(gone, 2) == []
    assert late(window(*[DELIVERED] * 4, slow="b"), 2) == [(1, "b"), (2, "b")]


def test_a_first_entry_goes_on_after_the_place_it_has_got_to() -> None:
    made = window(DELIVERED, *[DELIVERED] * 3, slow="", reached="b")
    assert [post.target.user_id for post in made.posts] == ["c", "a", "b", "c"]
    assert late(made, 2) == []
    assert late(window(DELIVERED, *[DELIVERED] * 2, slow="a", reached="b"), 2) == [(2, "a")]


@pytest.mark.parametrize("why", [UNSENT, BUSY])
def test_the_place_is_before_the_first_user_that_waits(why: Outcome) -> None:
    made = window(DELIVERED, why, why, why, Outcome.HELD, Outcome.HELD)
    assert sorted(made.stuck_at(why)) == [0, 0, 1]
    assert made.place(0) == (UserId("a"), [])
    refused = window(Outcome.THROTTLED, why, why, *[Outcome.HELD] * 3)
    assert [target.user_id for _, target in (refused.place(0) or ("", []))[1]] == ["a"]
    assert window(why, DELIVERED, DELIVERED, *[Outcome.HELD] * 3).place(0) is None
    second = window(*[DELIVERED] * 4, why, why)
    assert second.place(0) is None
    assert second.place(1) == (UserId("a"), [])


def test_what_is_too_large_stops_nobody() -> None:
    made = window(*[Outcome.TOO_LARGE] * 3, *[DELIVERED] * 3)
    assert [each.seq for each in made.too_large(2)] == [1]
    assert made.too_large(0) == []
    assert late(made, 2) == []
    assert made.taking() == 3
    assert [target.user_id for target in made.takers(1)] == USERS


def test_a_client_that_takes_arrays_gets_several_entries_in_one_post() -> None:
    many = [replace(target, takes_arrays=target.user_id != "b") for target in TARGETS]
    made = Window([entry(seq) for seq in (1, 2, 3)], many, set(), UserId(""), NONE_RECOVERS)
    assert [post.target.user_id for post in made.posts] == ["a", "b", "c", "b", "b"]
    arrays = [json.loads(post.data) for post in made.posts if post.target.takes_arrays]
    assert [[each["data"]["message_id"] for each in one] for one in arrays] == [
        [entry(seq).message_id for seq in (1, 2, 3)]
    ] * 2
    made.settle([DELIVERED, DELIVERED, Outcome.THROTTLED, UNSENT, Outcome.HELD])
    assert late(made, 3) == [(1, "c"), (2, "b"), (2, "c"), (3, "b"), (3, "c")]
    assert made.stuck_at(UNSENT) == [1]
    assert [target.user_id for target in made.takers(2)] == ["a"]


def test_an_array_has_its_sender_s_own_entry_left_out() -> None:
    many = [replace(TARGETS[1], takes_arrays=True)]
    mine = [entry(1), entry(2, origin_id="b="), entry(3)]
    [post] = Window(mine, many, set(), UserId(""), NONE_RECOVERS).posts
    told = [each["data"]["message_id"] for each in json.loads(post.data)]
    assert told == [mine[0].message_id, mine[2].message_id]


def test_an_array_stays_below_what_costs_two_messages() -> None:
    many = [replace(TARGETS[0], takes_arrays=True)]
    long = [replace(entry(seq), content="x" * 12_000) for seq in (1, 2, 3)]
    sizes = [len(post.data) for post in Window(long, many, set(), UserId(""), NONE_RECOVERS).posts]
    assert len(sizes) == 2
    assert 24_000 < sizes[0] <= MOST_ARRAY
