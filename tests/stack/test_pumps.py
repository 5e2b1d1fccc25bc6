"""Event source mappings and schedules against a real SQS protocol (ministack)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from workbench.gateway import FunctionError
from workbench.stack.pumps import QueuePump, Schedule
from workbench.stack.sqs import SqsClient

WITHIN_S = 15.0
MakeQueue = Callable[..., str]


class Recorder:
    """An invoker that keeps every event and answers by `answer(event)`."""

    def __init__(self, answer: Callable[[dict[str, Any]], Any] = lambda event: None) -> None:
        self.events: list[dict[str, Any]] = []
        self._answer = answer
        self._changed = asyncio.Condition()

    async def invoke(self, function: str, event: dict[str, Any], timeout_s: float) -> Any:
        async with self._changed:
            self.events.append(event)
            self._changed.notify_all()
        answer = self._answer(event)
        return await answer if asyncio.iscoroutine(answer) else answer

    @property
    def bodies(self) -> list[str]:
        return [record["body"] for event in self.events for record in event["Records"]]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(condition), WITHIN_S)


@contextlib.asynccontextmanager
async def pumping(
    endpoint: str, url: str, invoker: Recorder, **options: Any
) -> AsyncIterator[QueuePump]:
    fifo = url.endswith(".fifo")
    client = SqsClient(endpoint, "us-east-1")
    pump = QueuePump(client, url, fifo=fifo, function="f", invoker=invoker, **options)
    await pump.start()
    try:
        yield pump
    finally:
        await pump.stop()


async def send(sqs: Any, url: str, body: str, group: str = "", **more: Any) -> None:
    if group:
        more |= {"MessageGroupId": group, "MessageDeduplicationId": f"{group}-{body}"}
    await asyncio.to_thread(sqs.send_message, QueueUrl=url, MessageBody=body, **more)


async def left(sqs: Any, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = await asyncio.to_thread(sqs.get_queue_attributes, QueueUrl=url, AttributeNames=names)
    return sum(int(value) for value in found["Attributes"].values())


async def until_left(sqs: Any, url: str, count: int) -> None:
    async with asyncio.timeout(WITHIN_S):
        while await left(sqs, url) != count:
            await asyncio.sleep(0.02)


async def test_a_message_arrives_as_aws_shapes_it_and_is_deleted(
    endpoint: str, sqs: Any, make_queue: MakeQueue
) -> None:
    url, seen = make_queue(fifo=True), Recorder()
    async with pumping(endpoint, url, seen):
        kind = {"kind": {"DataType": "String", "StringValue": "x"}}
        await send(sqs, url, "hello", "room", MessageAttributes=kind)
        await seen.until(lambda: len(seen.bodies) == 1)
        await until_left(sqs, url, 0)
    record = seen.events[0]["Records"][0]
    assert record["body"] == "hello"
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"].endswith(url.rsplit("/", 1)[-1])
    assert record["messageAttributes"]["kind"]["stringValue"] == "x"
    assert {
        "ApproximateReceiveCount",
        "SentTimestamp",
        "SenderId",
        "ApproximateFirstReceiveTimestamp",
        "MessageGroupId",
        "MessageDeduplicationId",
        "SequenceNumber",
    } <= set(record["attributes"])


async def test_only_what_the_report_names_comes_again(
    endpoint: str, sqs: Any, make_queue: MakeQueue
) -> None:
    def refuse_bad_once(event: dict[str, Any]) -> Any:
        bad = [
            record
            for record in event["Records"]
            if record["body"] == "bad" and record["attributes"]["ApproximateReceiveCount"] == "1"
        ]
        return {"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r in bad]}

    url, seen = make_queue(), Recorder(refuse_bad_once)
    for body in ("good", "bad", "fine"):
        await send(sqs, url, body)
    async with pumping(endpoint, url, seen, visibility_s=1):
        await seen.until(lambda: len(seen.bodies) == 4)
        await until_left(sqs, url, 0)
    assert sorted(seen.bodies) == ["bad", "bad", "fine", "good"]


async def test_a_raising_function_gets_the_whole_batch_again_then_the_dead_letter_queue_has_it(
    endpoint: str, sqs: Any, make_queue: MakeQueue
) -> None:
    def refuse(event: dict[str, Any]) -> Any:
        raise FunctionError("ValueError", "no")

    dead = make_queue()
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
    target = arn["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": 2})
    url, seen = make_queue(RedrivePolicy=policy), Recorder(refuse)
    for body in ("a", "b"):
        await send(sqs, url, body)
    async with pumping(endpoint, url, seen, visibility_s=1):
        await until_left(sqs, dead, 2)
    assert sorted(seen.bodies) == ["a", "a", "b", "b"]


async def test_a_group_is_in_order_and_one_batch_at_a_time_also_over_a_failure(
    endpoint: str, sqs: Any, make_queue: MakeQueue
) -> None:
    running = 0

    async def fail_third_once(event: dict[str, Any]) -> Any:
        nonlocal running
        running += 1
        assert running == 1, "two batches of one group at once"
        await asyncio.sleep(0)
        running -= 1
        for index, record in enumerate(event["Records"]):
            again = record["attributes"]["ApproximateReceiveCount"] != "1"
            if record["body"] == "3" and not again:
                rest = event["Records"][index:]
                return {"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r in rest]}
            done.append(record["body"])
        return None

    done: list[str] = []
    url, seen = make_queue(fifo=True), Recorder(fail_third_once)
    async with pumping(endpoint, url, seen, visibility_s=1, batch_size=2):
        for number in range(8):
            await send(sqs, url, str(number), "room")
        await until_left(sqs, url, 0)
    assert done == [str(number) for number in range(8)]


async def test_another_group_does_not_wait_for_a_slow_one(
    endpoint: str, sqs: Any, make_queue: MakeQueue
) -> None:
    release = asyncio.Event()

    async def slow_room(event: dict[str, Any]) -> None:
        if event["Records"][0]["body"] == "slow":
            await release.wait()

    url, seen = make_queue(fifo=True), Recorder(slow_room)
    async with pumping(endpoint, url, seen):
        await send(sqs, url, "slow", "one")
        await seen.until(lambda: "slow" in seen.bodies)
        await send(sqs, url, "next", "one")
        await send(sqs, url, "other", "two")
        await seen.until(lambda: "other" in seen.bodies)
        assert "next" not in seen.bodies
        release.set()
        await seen.until(lambda: "next" in seen.bodies)


async def test_a_standard_queue_runs_up_to_its_concurrency(
    endpoint: str, sqs: Any, make_queue: MakeQueue
) -> None:
    running = most = 0
    release = asyncio.Event()

    async def hold(event: dict[str, Any]) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await release.wait()
        running -= 1

    url, seen = make_queue(), Recorder(hold)
    for number in range(5):
        await send(sqs, url, str(number))
    async with pumping(endpoint, url, seen, batch_size=1, concurrency=2):
        await seen.until(lambda: len(seen.events) == 2)
        release.set()
        await until_left(sqs, url, 0)
    assert most == 2
    assert sorted(seen.bodies) == ["0", "1", "2", "3", "4"]


async def test_a_nudge_finds_a_message_before_the_long_poll_looks(
    endpoint: str, sqs: Any, make_queue: MakeQueue
) -> None:
    url, seen = make_queue(), Recorder()
    async with pumping(endpoint, url, seen) as pump:
        took: list[float] = []
        for number in range(8):
            await send(sqs, url, str(number))
            started = time.monotonic()
            pump.nudge()
            await seen.until(lambda: len(seen.bodies) > number)  # noqa: B023 - awaited here
            took.append(time.monotonic() - started)
    assert sorted(took)[len(took) // 2] < 0.045, took


async def test_stopping_waits_for_the_running_batch(
    endpoint: str, sqs: Any, make_queue: MakeQueue
) -> None:
    finished = False

    async def work(event: dict[str, Any]) -> None:
        nonlocal finished
        await asyncio.sleep(0.3)
        finished = True

    url, seen = make_queue(), Recorder(work)
    async with pumping(endpoint, url, seen):
        await send(sqs, url, "one")
        await seen.until(lambda: len(seen.events) == 1)
    assert finished
    await until_left(sqs, url, 0)


async def test_a_schedule_calls_again_and_again_whatever_the_function_does() -> None:
    def refuse(event: dict[str, Any]) -> Any:
        raise FunctionError("ValueError", "no")

    seen = Recorder(refuse)
    schedule = Schedule("sweep", "sweep", 0.02, seen, region="eu-west-1")
    await schedule.start()
    await seen.until(lambda: len(seen.events) >= 3)
    await schedule.stop()
    count = len(seen.events)
    assert seen.events[0]["detail-type"] == "Scheduled Event"
    await asyncio.sleep(0.06)
    assert len(seen.events) == count


@pytest.mark.parametrize("wait_s", [0.05])
async def test_a_schedule_stopped_early_never_calls(wait_s: float) -> None:
    seen = Recorder()
    schedule = Schedule("sweep", "sweep", wait_s, seen)
    await schedule.start()
    await schedule.stop()
    await asyncio.sleep(2 * wait_s)
    assert seen.events == []
