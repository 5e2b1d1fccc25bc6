"""Last writer wins, item by item."""

from __future__ import annotations

import itertools
import random

import pytest

from workbench.stack.regions.changes import (
    OLDEST,
    Change,
    ItemKey,
    Version,
    Versions,
    written_by,
)

KEYS = {"t": ("id",), "two": ("id", "at")}
A, B = {"id": {"S": "a"}}, {"id": {"S": "b"}}
ITEM = {**A, "more": {"N": "1"}}


def place(name: str = "a") -> ItemKey:
    return ItemKey.of("t", ("id",), {"id": {"S": name}})


@pytest.mark.parametrize(
    ("operation", "request_of_it", "names"),
    [
        ("PutItem", {"TableName": "t", "Item": ITEM}, "a"),
        ("UpdateItem", {"TableName": "t", "Key": A}, "a"),
        ("DeleteItem", {"TableName": "t", "Key": B}, "b"),
        ("PutItem", {"TableName": "regional", "Item": ITEM}, ""),
        ("GetItem", {"TableName": "t", "Key": A}, ""),
        (
            "BatchWriteItem",
            {
                "RequestItems": {
                    "t": [{"PutRequest": {"Item": ITEM}}, {"DeleteRequest": {"Key": B}}],
                    "regional": [{"DeleteRequest": {"Key": B}}],
                }
            },
            "ab",
        ),
        (
            "TransactWriteItems",
            {
                "TransactItems": [
                    {"Put": {"TableName": "t", "Item": ITEM}},
                    {"ConditionCheck": {"TableName": "t", "Key": {"id": {"S": "checked"}}}},
                    {"Update": {"TableName": "t", "Key": B}},
                    {"Delete": {"TableName": "t", "Key": A}},
                ]
            },
            "ab",
        ),
    ],
)
def test_a_write_names_what_it_changes(
    operation: str, request_of_it: dict[str, object], names: str
) -> None:
    assert written_by(operation, request_of_it, KEYS) == [place(name) for name in names]


def test_both_keys_are_the_place() -> None:
    item = {"at": {"N": "1"}, "id": {"S": "a"}, "more": {"S": "x"}}
    (found,) = written_by("PutItem", {"TableName": "two", "Item": item}, KEYS)
    assert found.attributes == {"at": {"N": "1"}, "id": {"S": "a"}}
    assert found == ItemKey.of("two", ("id", "at"), dict(reversed(item.items())))


def test_a_later_write_wins_and_the_region_decides_a_tie() -> None:
    versions = Versions("here")
    assert versions.of(place()) == OLDEST
    mine = versions.written(place(), 100)
    assert not versions.beats(place(), Version(99, "there"))
    assert versions.beats(place(), Version(100, "there")), "there > here"
    versions.copied(place(), Version(100, "there"))
    assert not versions.beats(place(), mine)
    assert not versions.beats(place(), Version(100, "there")), "once only"
    assert versions.beats(place("b"), Version(1, "there")), "each item by itself"


def test_a_write_here_beats_what_it_has_overwritten_whatever_the_clock_says() -> None:
    versions = Versions("here")
    versions.copied(place(), Version(500, "there"))
    assert versions.written(place(), 100) > Version(500, "there")


def test_a_change_survives_json() -> None:
    for item in (ITEM, None):
        change = Change(place(), Version(7, "here"), item)
        assert Change.from_json(change.as_json()) == change


@pytest.mark.parametrize("seed", range(50))
def test_whatever_the_order_all_regions_end_alike(seed: int) -> None:
    rng = random.Random(seed)
    regions = {name: Versions(name) for name in ("a", "b", "c")}
    held: dict[str, dict[ItemKey, Change]] = {name: {} for name in regions}
    under_way: list[tuple[str, Change]] = []
    for step in itertools.count():
        if step < 60 and rng.random() < 0.5:
            here, where = rng.choice("abc"), place(rng.choice("xy"))
            version = regions[here].written(where, rng.randrange(20))
            item = None if rng.random() < 0.3 else {"id": {"S": str(step)}}
            change = Change(where, version, item)
            held[here][where] = change
            under_way += [(there, change) for there in regions if there != here]
        elif under_way:
            there, change = under_way.pop(rng.randrange(len(under_way)))
            if regions[there].beats(change.place, change.version):
                regions[there].copied(change.place, change.version)
                held[there][change.place] = change
        elif step >= 60:
            break
    assert held["a"] == held["b"] == held["c"]
