"""The stack that keeps all in memory: its queues, its log's stream, and what others cannot ask."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.adapters.dynamodb import DynamoArrivals
from chalicelib.model.identifiers import ConnectionId, MessageId, Region, RoomId, UserId
from chalicelib.model.log import Committed, Entry, EntryKind, Head, Taken
from tests.support.people import People
from tests.support.queued import Sent
from workbench.queues import Rules
from workbench.stack.embedded import EmbeddedStack
from workbench.stack.memory import LocalQueue, LocalQueues, MemoryStores
from workbench.stack.threads import in_thread

WITHIN_S = 10.0
REGION = Region("eu-west-1")


def bodies(messages: list[Any]) -> list[str]:
    return [message.body.split('"')[3] for message in messages]


async def test_a_group_is_received_in_order_and_again_only_when_its_batch_is_done() -> None:
    queue = LocalQueue(Rules("work.fifo", True, 120))
    queue.send([Sent("a1", "a", "1"), Sent("a2", "a", "2"), Sent("again", "a", "2")])
    first = await queue.receive(1, 0)
    queue.send([Sent("b1", "b", "3")])
    assert bodies(first) == ["a1"]
    assert bodies(await queue.receive(10, 0)) == ["b1"]
    queue.delete([first[0].message_id])
    assert bodies(await queue.receive(10, 0)) == ["a2"]
    assert (queue.depth(), queue.waiting()) == (2, 0)


async def test_who_waits_gets_what_another_thread_sends() -> None:
    queue = LocalQueue(Rules("work", False, 120))
    waiting = asyncio.create_task(queue.receive(10, WITHIN_S))
    await asyncio.sleep(0)
    threading.Thread(target=queue.send, args=([Sent("job")],)).start()
    assert bodies(await asyncio.wait_for(waiting, WITHIN_S)) == ["job"]


async def test_who_waits_gets_what_becomes_visible() -> None:
    queue = LocalQueue(Rules("work", False, 120))
    queue.send([Sent("job", delay_s=1)])
    assert queue.waiting() == 0
    [message] = await asyncio.wait_for(queue.receive(10, WITHIN_S), WITHIN_S)
    waiting = asyncio.create_task(queue.receive(10, WITHIN_S))
    await asyncio.sleep(0)
    queue.hide(message.message_id, 0)
    assert bodies(await asyncio.wait_for(waiting, WITHIN_S)) == ["job"]


async def test_what_comes_too_often_is_a_dead_letter() -> None:
    dead = LocalQueue(Rules("dead", False, 30))
    queue = LocalQueue(Rules("work", False, 0, 2), dead)
    queue.send([Sent("job")])
    assert bodies(await queue.receive(10, 0)) == bodies(await queue.receive(10, 0)) == ["job"]
    assert await queue.receive(10, 0) == []
    assert bodies(await dead.receive(10, 0)) == ["job"]


async def test_messages_are_given_as_sqs_gives_them() -> None:
    queues = LocalQueues({"memory:///q": LocalQueue(Rules("q.fifo", True, 120))})
    queues._queues["memory:///q"].send([Sent("job", "g")])
    [message] = await queues.receive("memory:///q", 10, 0, 120)
    assert message == {
        "MessageId": "q.fifo-1",
        "ReceiptHandle": "q.fifo-1",
        "Body": '{"kind":"job"}',
        "Attributes": {"ApproximateReceiveCount": "1", "MessageGroupId": "g"},
        "MD5OfBody": "5c843b1baee1af4ec9475321c5e483b4",
    }
    await queues.delete("memory:///q", ["q.fifo-1"])
    assert await queues.depth("memory:///q") == 0


def entry(seq: int) -> Entry:
    return Entry(
        room_id=RoomId("lobby"),
        region=REGION,
        seq=seq,
        message_id=MessageId(f"id-{seq}"),
        kind=EntryKind.MESSAGE,
        sender_id=UserId("ann"),
        timestamp_ms=time.time_ns() // 1_000_000,
        message_type="text",
        content={"text": "h\N{LATIN SMALL LETTER E WITH ACUTE}"},
        reply_to_message_id=None,
        client_message_id=f"c-{seq}",
        target_id=None,
        deleted=False,
        origin_id=ConnectionId("abc"),
        delivery_receipt=True,
        kept=False,
    )


async def test_the_log_s_stream_tells_each_commit_once_and_in_order() -> None:
    log = MemoryStores(REGION, "tidings").streams()
    now_ms = time.time_ns() // 1_000_000
    first, second = entry(1), entry(2)
    assert isinstance(log.commit_all([(first, "d1")], Head(0, MessageId("")), now_ms), Committed)
    late = replace(second, seq=1)
    assert isinstance(log.commit_all([(late, None)], Head(0, MessageId("")), now_ms), Taken)
    head = Head(1, first.message_id)
    assert isinstance(log.commit_all([(second, None)], head, now_ms), Committed)
    arrivals = DynamoArrivals("tidings", REGION)
    told, after = [], 0
    for _ in range(2):
        records = await log.stream("tidings-messages", None, after, most=1, wait_s=0)
        assert records.missed == 0
        told += [arrivals.read(each) for each in records.records]
        after = records.next
    assert told == [first, second]
    assert (await log.stream("tidings-messages", None, after, most=9, wait_s=0)).records == ()


def test_nothing_reaches_emulators_or_aws_and_all_is_forgotten() -> None:
    build = wiring.build
    for _ in range(2):
        with in_thread(EmbeddedStack(port=0, in_memory=True)) as stack:
            assert (stack.children, stack.redis_url) == ({}, "")
            assert stack.aws_endpoint_url == "http://127.0.0.1:1"
            with People(stack.url, stack.ws_url) as people:
                rooms = "/v1/rooms"
                assert people.http("GET", rooms, token=people.token("ann"))[1]["rooms"] == []
                room = people.room("ann", "bob")
                bob, ann = people.device("bob"), people.device("ann")
                ann.say(room, "hello")
                assert [each["content"] for each in bob.heard(room, 1)] == ["hello"]
        assert wiring.build is build


def test_an_error_of_the_start_leaves_the_services_as_they_were(tmp_path: Path) -> None:
    build = wiring.build
    (tmp_path / "app.py").write_text("raise RuntimeError('broken')")
    with (
        pytest.raises(RuntimeError, match="broken"),
        in_thread(EmbeddedStack(port=0, in_memory=True, app=tmp_path / "app.py")),
    ):
        pass
    assert wiring.build is build
