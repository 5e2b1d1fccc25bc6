"""A table's stream: its records in AWS's form, and what readers get who are behind or ahead."""

from __future__ import annotations

import asyncio
from typing import Any

from workbench.stack.regions.changes import ItemKey
from workbench.stack.regions.stream import TableStream

AT_NS = 1_750_000_000_250_000_000
TABLE, REGION = "tidings-rooms", "eu-west-1"


def stream(kept: int = 10, at_ns: int = AT_NS) -> TableStream:
    return TableStream(TABLE, REGION, lambda: at_ns, kept)


def place(name: str) -> ItemKey:
    return ItemKey.of(TABLE, ("room_id",), {"room_id": {"S": name}})


def item(name: str, **more: str) -> dict[str, Any]:
    return {"room_id": {"S": name}, **{key: {"S": value} for key, value in more.items()}}


def keys(answer: dict[str, Any]) -> list[str]:
    return [each["dynamodb"]["Keys"]["room_id"]["S"] for each in answer["records"]]


async def test_a_record_is_as_lambda_passes_it_on() -> None:
    written = stream()
    written.add(place("a"), item("a", title="old"), item("a", title="new"))
    [record] = (await written.read(None, 0, 10, 0.0))["records"]
    size = record["dynamodb"].pop("SizeBytes")
    assert size > 0
    assert record == {
        "eventID": "00000000000000000000000000000001",
        "eventName": "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": REGION,
        "dynamodb": {
            "ApproximateCreationDateTime": 1_750_000_000,
            "Keys": {"room_id": {"S": "a"}},
            "NewImage": item("a", title="new"),
            "OldImage": item("a", title="old"),
            "SequenceNumber": "000000000000000000001",
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "eventSourceARN": (
            "arn:aws:dynamodb:eu-west-1:000000000000:table/tidings-rooms"
            "/stream/2025-06-15T15:06:40.250000"
        ),
    }


async def test_an_image_that_is_not_there_is_left_out() -> None:
    written = stream()
    written.add(place("a"), None, item("a"))
    written.add(place("a"), item("a"), None)
    inserted, removed = (await written.read(None, 0, 10, 0.0))["records"]
    assert (inserted["eventName"], "OldImage" in inserted["dynamodb"]) == ("INSERT", False)
    assert (removed["eventName"], "NewImage" in removed["dynamodb"]) == ("REMOVE", False)


async def test_a_write_that_changes_nothing_has_no_record() -> None:
    written = stream()
    written.add(place("a"), item("a"), item("a"))
    written.add(place("b"), None, None)
    assert (await written.read(None, 0, 10, 0.0))["records"] == []


async def test_a_reader_goes_on_where_it_was() -> None:
    written = stream()
    for name in "abc":
        written.add(place(name), None, item(name))
    first = await written.read(None, 0, 2, 0.0)
    assert (keys(first), first["next"], first["missed"]) == (["a", "b"], 2, 0)
    assert keys(await written.read(first["stream"], first["next"], 2, 0.0)) == ["c"]


async def test_a_reader_of_an_earlier_stream_begins_at_the_oldest_record() -> None:
    written = stream()
    written.add(place("a"), None, item("a"))
    before = stream(at_ns=AT_NS - 1_000)
    assert before.arn != written.arn
    assert keys(await written.read(before.arn, 7, 10, 0.0)) == ["a"]


async def test_who_is_too_far_behind_learns_how_much_was_missed() -> None:
    written = stream(kept=2)
    for name in "abcd":
        written.add(place(name), None, item(name))
    answer = await written.read(written.arn, 1, 10, 0.0)
    assert (keys(answer), answer["next"], answer["missed"]) == (["c", "d"], 4, 1)


async def test_who_waits_is_answered_at_the_write() -> None:
    written = stream()
    waiting = asyncio.create_task(written.read(None, 0, 10, 15.0))
    await asyncio.sleep(0)
    written.add(place("a"), None, item("a"))
    assert keys(await waiting) == ["a"]
