"""A send on real AWS APIs whose every call fails once: refused, throttled, or its answer lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.adapters.aws.errors import NoAnswer, error_answer
from chalicelib.adapters.dynamodb import DynamoCursors, DynamoMessageLog
from chalicelib.adapters.sqs import SqsQueue
from chalicelib.composition import compose
from tests.support.ministack import Ministack
from tests.support.world import World

MOST_CALLS = 20


# What is raised, and whether the call took effect before.
FAULTS: dict[str, tuple[Callable[[], Exception], bool]] = {
    "fault of the service": (lambda: error_answer("injected", "InternalServerError", 500), False),
    "throttled": (lambda: error_answer("injected", "ThrottlingException", 400), False),
    "no connection": (lambda: NoAnswer("injected", "refused"), False),
    "answer lost": (lambda: NoAnswer("injected", "timeout"), True),
}


class Struck:
    """The clients of one sender; call number `at`, over all of them, fails."""

    def __init__(self, at: int, fault: str) -> None:
        self.at = at
        self.make, self.takes_effect = FAULTS[fault]
        self.calls: list[str] = []

    def client(self, real: Any) -> Any:
        return _Client(self, real)


class _Client:
    def __init__(self, struck: Struck, real: Any) -> None:
        self._struck, self._real = struck, real

    def __getattr__(self, operation: str) -> Any:
        real = getattr(self._real, operation)

        def call(**arguments: Any) -> Any:
            self._struck.calls.append(operation)
            if len(self._struck.calls) != self._struck.at:
                return real(**arguments)
            if self._struck.takes_effect:
                real(**arguments)
            raise self._struck.make()

        return call


def on_real_stores(world: World, ministack: Ministack, struck: Struck) -> None:
    dynamodb = struck.client(ministack.client("dynamodb"))
    sqs = struck.client(ministack.client("sqs"))
    adapters = replace(
        world.adapters,
        log=DynamoMessageLog(dynamodb, ministack.prefix),
        cursors=DynamoCursors(dynamodb, ministack.prefix),
        delivery=SqsQueue(sqs, f"{ministack.prefix}-delivery.fifo"),
    )
    world.services = compose(world.settings, adapters)


def queued(ministack: Ministack) -> int:
    """Jobs in the delivery queue; takes them out."""
    sqs, url = ministack.sdk("sqs"), ministack.urls["delivery"]
    found = 0
    for _ in range(MOST_CALLS):
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        messages = answer.get("Messages", [])
        if not messages:
            return found
        found += len(messages)
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    raise AssertionError("the queue never came to its end")


@pytest.mark.parametrize("fault", FAULTS)
def test_it_is_there_once_after_its_resend(ministack: Ministack, fault: str) -> None:
    for at in range(1, MOST_CALLS):
        world = World()
        room = world.room("alice", "bob", room_id=f"room{at}")
        alice = world.connect("alice")
        struck = Struck(at, fault)
        on_real_stores(world, ministack, struck)
        body = {"conversation_id": room, "message_type": "text", "content": "x"}
        answers = [
            world.ask(alice, "send_message", client_message_id="c1", **body) for _ in range(3)
        ]
        if len(struck.calls) < at:
            assert {"transact_write_items", "send_message", "get_item"} <= set(struck.calls)
            return
        refused = [answer for answer in answers if answer["event"] == "error"]
        assert len(refused) <= 1
        assert all(answer["data"]["code"] == "unavailable" for answer in refused)
        acks = [answer["data"] for answer in answers if answer["event"] == "ack"]
        assert all(ack == acks[0] for ack in acks)
        log = DynamoMessageLog(ministack.client("dynamodb"), ministack.prefix)
        entries = log.after(room, world.services.region, "", 10)  # type: ignore[arg-type]
        assert [(e.seq, e.message_id, e.content) for e in entries] == [
            (1, acks[0]["message_id"], "x")
        ]
        assert queued(ministack) == 1, "SQS drops the job's repeats"
    raise AssertionError("the send never came to its end")
