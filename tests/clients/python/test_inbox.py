"""Entries are shown once and in order, even if they arrive twice, late, or not at all."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tidings_client import Inbox

ROOM = "lobby"


def entry(seq: int, region: str = "a") -> dict[str, Any]:
    message_id = f"{region}{seq:03d}"
    position = f"{region}:{seq}:{message_id}"
    return {
        "conversation_id": ROOM,
        "message_id": message_id,
        "position": position,
        "is_deleted": False,
    }


def page(*entries: dict[str, Any], position: str, more: bool = False) -> dict[str, Any]:
    return {"messages": list(entries), "position": position, "more": more, "recovered": True}


class Shown:
    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.inbox = Inbox(lambda name, data: self.events.append((name, data)))

    def ids(self) -> list[str]:
        return [data["message_id"] for name, data in self.events if name == "message_received"]


def test_what_comes_twice_is_shown_once() -> None:
    shown = Shown()
    shown.inbox.follow(ROOM, "")
    for seq in (1, 2, 1, 2):
        shown.inbox.take("message_received", entry(seq))
    assert shown.ids() == ["a001", "a002"]
    assert shown.inbox.positions() == {ROOM: "a:2:a002"}


def test_a_late_push_does_not_bring_back_a_deleted_message() -> None:
    shown = Shown()
    shown.inbox.begin([ROOM])
    shown.inbox.take("message_received", entry(1))  # waits for the end of the recovery
    gone = {**entry(1), "is_deleted": True}
    shown.inbox.page(ROOM, page(gone, position="a:2:a002"))
    shown.inbox.take("message_received", entry(1))
    assert [data["is_deleted"] for _, data in shown.events if "message_id" in data] == [True]
    shown.inbox.take("message_deleted", {**entry(4), "message_id": "a003"})
    shown.inbox.take("message_received", entry(3))
    assert shown.ids() == ["a001"]
    assert shown.inbox.positions() == {ROOM: "a:4:a004"}


def test_the_position_stays_before_a_hole_and_moves_when_it_is_filled() -> None:
    shown = Shown()
    shown.inbox.follow(ROOM, "a:5:a005,b:2:b002")
    shown.inbox.take("message_received", entry(7))
    shown.inbox.take("message_received", entry(3, "b"))
    assert shown.inbox.positions() == {ROOM: "a:5:a005,b:3:b003"}
    assert shown.inbox.with_holes() == {ROOM}
    shown.inbox.have(ROOM, "a:6:a006")  # an own message's ack
    assert shown.inbox.positions() == {ROOM: "a:7:a007,b:3:b003"}
    assert shown.inbox.with_holes() == set()


def test_an_unknown_conversation_is_followed_from_its_first_entry() -> None:
    shown = Shown()
    shown.inbox.take("message_received", entry(41))
    assert shown.inbox.positions() == {ROOM: "a:41:a041"}


def test_live_entries_wait_for_the_missed_ones() -> None:
    shown = Shown()
    shown.inbox.follow(ROOM, "a:1:a001")
    shown.inbox.begin(shown.inbox.positions())
    shown.inbox.take("message_received", entry(4))
    shown.inbox.take("typing", {"conversation_id": ROOM, "user_id": "bob"})
    assert [name for name, _ in shown.events] == ["typing"]
    assert shown.inbox.page(ROOM, page(entry(2), position="a:2:a002", more=True)) == "a:2:a002"
    assert shown.inbox.page(ROOM, page(entry(3), position="a:3:a003")) is None
    assert shown.ids() == ["a002", "a003", "a004"]
    report = next(data for name, data in shown.events if name == "recovered")
    assert report == {"conversation_id": ROOM, "recovered": True, "missed": 2}
    assert shown.inbox.positions() == {ROOM: "a:4:a004"}


def test_an_interrupted_recovery_brings_the_held_entries_with_the_next() -> None:
    shown = Shown()
    shown.inbox.follow(ROOM, "a:1:a001")
    shown.inbox.begin([ROOM])
    shown.inbox.take("message_received", entry(3))
    shown.inbox.interrupt()
    assert shown.ids() == []
    assert shown.inbox.positions() == {ROOM: "a:1:a001"}


def test_a_snapshot_replaces_the_position() -> None:
    shown = Shown()
    shown.inbox.follow(ROOM, "a:90:a090")
    shown.inbox.begin([ROOM])
    shown.inbox.page(ROOM, {**page(entry(3), position="a:3:a003"), "recovered": False})
    assert shown.inbox.positions() == {ROOM: "a:3:a003"}
    assert shown.events[-1][1]["recovered"] is False


def test_a_conversation_that_is_closed_to_the_user_is_asked_for_no_more() -> None:
    shown = Shown()
    shown.inbox.follow(ROOM, "a:1:a001")
    shown.inbox.begin([ROOM])
    error = {"code": "permission_denied", "message": "not a member of this room"}
    assert shown.inbox.page(ROOM, {**page(position=""), "error": error}) is None
    assert shown.inbox.positions() == {}
    assert shown.events[-1][1]["error"] == error


# A server with entries in two regions; pushes get lost, repeated and reordered.
steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.sampled_from("ab"), st.booleans()),
        st.tuples(st.just("repeat"), st.integers(0, 30), st.just(True)),
        st.tuples(st.just("sync"), st.integers(1, 3), st.booleans()),
    ),
    max_size=40,
)


@given(steps)
def test_nothing_is_lost_or_doubled_whatever_is_pushed(plan: list[tuple[str, Any, bool]]) -> None:
    log: dict[str, list[dict[str, Any]]] = {"a": [], "b": []}
    shown = Shown()
    shown.inbox.follow(ROOM, "")

    def sync(limit: int, whole: bool) -> None:
        shown.inbox.begin([ROOM])
        position: str | None = shown.inbox.positions()[ROOM]
        while position is not None:
            known = {
                part.split(":")[0]: int(part.split(":")[1]) for part in position.split(",") if part
            }
            after, more = [], False
            for region, entries in log.items():
                fresh = entries[known.get(region, 0) :]
                after += fresh[:limit]
                more = more or len(fresh) > limit
                known[region] = known.get(region, 0) + len(fresh[:limit])
            text = ",".join(f"{r}:{n}:{r}{n:03d}" for r, n in sorted(known.items()) if n)
            position = shown.inbox.page(ROOM, page(*after, position=text, more=more))
            if not whole and position is not None:
                shown.inbox.interrupt()
                return

    for step, value, flag in plan:
        if step == "write":
            log[value].append(entry(len(log[value]) + 1, value))
            if flag:  # otherwise the push is lost
                shown.inbox.take("message_received", log[value][-1])
        elif step == "repeat":
            both = log["a"] + log["b"]
            if both:
                shown.inbox.take("message_received", both[value % len(both)])
        else:
            sync(value, flag)
    sync(2, True)
    everything = [each["message_id"] for entries in log.values() for each in entries]
    assert sorted(shown.ids()) == sorted(everything)
    heads = {f"{r}:{len(e)}:{e[-1]['message_id']}" for r, e in log.items() if e}
    assert set(filter(None, shown.inbox.positions()[ROOM].split(","))) == heads
