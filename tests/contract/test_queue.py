"""The contract of queues: in memory and on SQS, jobs are sent, ordered and deduplicated alike."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.adapters.aws import client
from chalicelib.adapters.memory import MemoryQueue
from chalicelib.adapters.sqs import SqsQueue
from chalicelib.jobs.base import RawJob
from chalicelib.kernel.errors import Unavailable
from chalicelib.model.jobs import QueuedJob
from chalicelib.ports.queues import Queue
from tests.support.ministack import REGION, Distorted, Ministack
from tests.support.threads import at_once
from workbench.stack.children import free_port

Received = tuple[dict[str, Any], str | None]


class Rig(ABC):
    """A queue, and a way to read its jobs.

    Attributes:
        queue: The queue under test.
    """

    queue: Queue

    @abstractmethod
    def drain(self) -> list[Received]:
        """(body with its kind, group) of all waiting jobs."""


class MemoryRig(Rig):
    def __init__(self) -> None:
        self.queue = self.twin = MemoryQueue()

    def drain(self) -> list[Received]:
        jobs, self.twin.jobs = self.twin.jobs, []
        return [(job.record(), job.group) for job in jobs]


class SqsRig(Rig):
    """A queue on a distorted client: `sqs` records every call."""

    def __init__(self, stack: Ministack, short_name: str) -> None:
        self.sqs = Distorted(stack.client("sqs"))
        self.url = stack.urls[short_name]
        self.queue = SqsQueue(self.sqs, self.url.rsplit("/", 1)[1])
        self._real = stack.sdk("sqs")

    def receive(self) -> list[dict[str, Any]]:
        answer = self._real.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=0,
            MessageSystemAttributeNames=["All"],
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def drain(self) -> list[Received]:
        found: list[Received] = []
        while messages := self.receive():
            for message in messages:
                group = message["Attributes"].get("MessageGroupId")
                found.append((json.loads(message["Body"]), group))
                self._real.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def waiting(self, name: str = "") -> int:
        attribute = f"ApproximateNumberOfMessages{name}"
        answer = self._real.get_queue_attributes(QueueUrl=self.url, AttributeNames=[attribute])
        return int(answer["Attributes"][attribute])


@pytest.fixture
def delivery(ministack: Ministack) -> SqsRig:
    return SqsRig(ministack, "delivery")


@pytest.fixture
def outbound(ministack: Ministack) -> SqsRig:
    return SqsRig(ministack, "outbound")


@pytest.fixture(params=["memory", "sqs"])
def fifo(request: pytest.FixtureRequest) -> Rig:
    rig: Rig = MemoryRig() if request.param == "memory" else request.getfixturevalue("delivery")
    return rig


@pytest.fixture(params=["memory", "sqs"])
def standard(request: pytest.FixtureRequest) -> Rig:
    rig: Rig = MemoryRig() if request.param == "memory" else request.getfixturevalue("outbound")
    return rig


def ordered(number: int, group: str = "lobby", **more: Any) -> QueuedJob:
    fields = {"group": group, "dedupe": f"{group}#{number}", **more}
    return RawJob("entry", {"number": number}, **fields)


class TestOrdered:
    def test_one_job_arrives_as_it_was(self, fifo: Rig) -> None:
        body = {"text": "你好 🙂 \u0001 \ud800", "nested": {"floats": [1.5, None]}}
        fifo.queue.send([RawJob("entry", body, group="lobby", dedupe="1")])
        assert fifo.drain() == [({"kind": "entry", **body}, "lobby")]

    def test_none_is_nothing(self, fifo: Rig) -> None:
        fifo.queue.send([])
        assert fifo.drain() == []

    def test_a_group_keeps_its_order(self, fifo: Rig) -> None:
        jobs = [ordered(n, f"room{n % 3}") for n in range(34)]
        fifo.queue.send(jobs)
        found = fifo.drain()
        assert len(found) == len(jobs)
        for room in ("room0", "room1", "room2"):
            wanted = [job.record()["number"] for job in jobs if job.group == room]
            assert [body["number"] for body, group in found if group == room] == wanted

    def test_a_second_send_is_dropped(self, fifo: Rig) -> None:
        fifo.queue.send([ordered(1)])
        fifo.queue.send([ordered(1), ordered(2)])
        fifo.queue.send([ordered(2)])
        assert [body["number"] for body, _ in fifo.drain()] == [1, 2]
        fifo.queue.send([ordered(1)])
        assert fifo.drain() == []

    def test_the_dedupe_id_says_what_is_a_second_send(self, fifo: Rig) -> None:
        fifo.queue.send([ordered(1)])
        fifo.queue.send([ordered(2, dedupe="lobby#1"), ordered(1, dedupe="lobby#2")])
        assert [body["number"] for body, _ in fifo.drain()] == [1, 1]

    def test_racing_sends_are_one(self, fifo: Rig) -> None:
        at_once(8, lambda n: fifo.queue.send([ordered(1)]))
        assert len(fifo.drain()) == 1


class TestUnordered:
    def test_all_arrive(self, standard: Rig) -> None:
        standard.queue.send([RawJob("typing", {"number": n}) for n in range(25)])
        found = standard.drain()
        assert sorted(body["number"] for body, _ in found) == list(range(25))
        assert {group for _, group in found} == {None}

    def test_equal_jobs_are_two(self, standard: Rig) -> None:
        standard.queue.send([RawJob("typing", {})])
        standard.queue.send([RawJob("typing", {})])
        assert len(standard.drain()) == 2


class TestOnSqs:
    """Behaviour of SQS only: calls, limits, refusals, time."""

    def test_one_call_per_ten_jobs_and_the_address_once(self, delivery: SqsRig) -> None:
        delivery.queue.send([ordered(n, f"room{n}") for n in range(25)])
        delivery.queue.send([ordered(99)])
        assert delivery.sqs.operations() == [
            "get_queue_url",
            *["send_message_batch"] * 3,
            "send_message",
        ]

    def test_nothing_is_called_before_the_first_send(self, delivery: SqsRig) -> None:
        delivery.queue.send([])
        assert delivery.sqs.operations() == []

    def test_without_a_dedupe_id_equal_bodies_are_one(self, delivery: SqsRig) -> None:
        for _ in range(2):
            delivery.queue.send([ordered(1, dedupe=None)])
        delivery.queue.send([ordered(2, dedupe=None)])
        assert [body["number"] for body, _ in delivery.drain()] == [1, 2]

    def test_a_delayed_job_waits(self, outbound: SqsRig) -> None:
        jobs = [RawJob("retry", {}, delay_s=900), RawJob("retry", {"now": True})]
        outbound.queue.send(jobs)
        outbound.queue.send(jobs[:1])
        assert outbound.drain() == [({"kind": "retry", "now": True}, None)]
        assert outbound.waiting("Delayed") == 2

    def test_batches_stay_below_the_limit(self, outbound: SqsRig) -> None:
        outbound.queue.send([RawJob("big", {"number": n, "x": "🙂" * 9_000}) for n in range(5)])
        sizes = [
            sum(len(entry["MessageBody"].encode()) for entry in arguments["Entries"])
            for operation, arguments in outbound.sqs.calls
            if operation == "send_message_batch"
        ]
        assert len(sizes) == 3
        assert max(sizes) <= 256 * 1024
        assert sorted(body["number"] for body, _ in outbound.drain()) == list(range(5))

    def test_only_what_failed_is_sent_again(self, delivery: SqsRig) -> None:
        delivery.sqs.answer("send_message_batch", _partly(1, 2))
        delivery.queue.send([ordered(n, f"room{n}") for n in range(4)])
        sent = [
            [entry["MessageGroupId"] for entry in arguments["Entries"]]
            for operation, arguments in delivery.sqs.calls
            if operation == "send_message_batch"
        ]
        assert sent == [["room0", "room1", "room2", "room3"], ["room1", "room2"]]
        assert sorted(body["number"] for body, _ in delivery.drain()) == [0, 1, 2, 3]

    def test_what_fails_is_overtaken_by_nothing_of_its_group(self, delivery: SqsRig) -> None:
        """SQS may refuse an entry of a batch and accept later ones."""
        delivery.sqs.answer("send_message_batch", _partly(0))
        jobs = [ordered(n, f"room{n % 3}") for n in range(7)]
        delivery.queue.send(jobs)
        found = delivery.drain()
        for room in ("room0", "room1", "room2"):
            wanted = [job.record()["number"] for job in jobs if job.group == room]
            assert [body["number"] for body, group in found if group == room] == wanted

    def test_nothing_is_sent_behind_what_was_refused(self, delivery: SqsRig) -> None:
        delivery.sqs.answer("send_message_batch", *[_partly(0)] * 3)
        with pytest.raises(Unavailable):
            delivery.queue.send([ordered(n, f"room{n % 2}") for n in range(6)])
        assert [body["number"] for body, _ in delivery.drain()] == [1]

    def test_what_fails_on_and_on_is_unavailable(self, delivery: SqsRig) -> None:
        delivery.sqs.answer("send_message_batch", *[_partly(0)] * 9)
        with pytest.raises(Unavailable):
            delivery.queue.send([ordered(0), ordered(0, "room1")])
        assert delivery.sqs.operations().count("send_message_batch") == 3

    def test_hide_sets_how_long_it_stays_invisible(self, outbound: SqsRig) -> None:
        outbound.queue.send([RawJob("retry", {})])
        [message] = outbound.receive()
        assert outbound.receive() == []
        outbound.queue.hide(message["ReceiptHandle"], 0)
        [again] = outbound.receive()
        assert again["MessageId"] == message["MessageId"]
        assert again["Attributes"]["ApproximateReceiveCount"] == "2"

    def test_a_queue_that_is_not_there_is_unavailable(self, ministack_url: str) -> None:
        nowhere = client("sqs", REGION, f"http://127.0.0.1:{free_port()}")
        with pytest.raises(Unavailable):
            SqsQueue(nowhere, "tidings-outbound").send([RawJob("typing", {})])

    def test_a_queue_that_does_not_exist_is_unavailable(self, ministack: Ministack) -> None:
        with pytest.raises(Unavailable):
            SqsQueue(ministack.client("sqs"), "no-such-queue").send([RawJob("typing", {})])


def test_the_twin_records_what_it_hides() -> None:
    queue = MemoryQueue()
    queue.hide("handle", 30)
    assert queue.hidden == [("handle", 30)]


def _partly(*failing: int) -> Callable[..., Any]:
    """Send a batch without the entries at these places."""

    def act(real: Any, QueueUrl: str, Entries: list[dict[str, Any]]) -> Any:
        good = [entry for n, entry in enumerate(Entries) if n not in failing]
        bad = [entry for n, entry in enumerate(Entries) if n in failing]
        answer = real(QueueUrl=QueueUrl, Entries=good) if good else {}
        failed = [{"Id": e["Id"], "Code": "InternalError", "SenderFault": False} for e in bad]
        return {**answer, "Failed": failed}

    return act


def test_what_is_deleted_early_frees_its_group_and_may_be_deleted_again(
    delivery: SqsRig,
) -> None:
    """A worker that ends before its batch deletes; Lambda deletes again with the batch."""
    delivery.queue.send([ordered(1), ordered(2)])
    first = delivery.receive()
    handles = [message["ReceiptHandle"] for message in first]
    delivery.queue.delete(handles)
    assert delivery.drain() == []
    delivery.queue.send([ordered(3)])
    delivery.queue.delete(handles)
    assert [body["number"] for body, _ in delivery.drain()] == [3]
