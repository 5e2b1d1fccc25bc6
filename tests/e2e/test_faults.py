"""Faults under end-to-end traffic: Redis gone, AWS APIs silent, queues that repeat and reorder."""

from __future__ import annotations

import json
import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from operate.clients import client
from tests.support.people import Device, People, name
from tests.support.stacks import Stack
from tests.support.waiting import until
from workbench.stack.children import start_valkey


def contents(device: Device, room: str) -> list[str]:
    return [message["content"] for message in device.messages(room)]


def port_of(url: str) -> int:
    return int(url.rsplit(":", 1)[1].split("/")[0])


@pytest.mark.services
def test_redis_stopped_and_started_in_mid_traffic(people: People, stack: Stack) -> None:
    alice, bob = name("alice"), name("bob")
    room = people.room(alice, bob)
    speaker, listener = people.device(alice), people.device(bob)
    expected = [f"message {number}" for number in range(9)]
    for text in expected[:3]:
        speaker.say(room, text)
    stack.children["valkey"].stop()
    try:
        for text in expected[3:6]:
            speaker.say(room, text)
        late = people.device(bob)  # connects while Redis is away
        listener.heard(room, 6)
        status, health = people.http("GET", "/v1/health")
        assert (status, health["status"]) == (200, "degraded")
    finally:
        stack.children["valkey"] = start_valkey(port_of(stack.redis_url))
    for text in expected[6:]:
        speaker.say(room, text)
    listener.heard(room, 9)
    assert contents(listener, room) == expected
    last = late.first(
        lambda event: event["event"] == "reconnect" or event["data"].get("content") == expected[-1]
    )
    if last["event"] == "reconnect":  # it was registered late, and may have missed something
        assert last["data"]["reason"] == "behind"
        synced = people.device(bob).act("sync", positions={room: ""})
        assert expected[-1] in {m["content"] for m in synced["conversations"][room]["messages"]}
    until(lambda: people.http("GET", "/v1/health")[1]["status"] == "ok")


@contextmanager
def silent(pid: int) -> Iterator[None]:
    """The process holds its sockets and answers nothing."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.embedded("a deployed emulator that is stopped cannot run the functions either")
@pytest.mark.timeout(240)
def test_a_message_sent_while_the_stores_are_silent_is_there_once_after_its_resend(
    people: People, stack: Stack
) -> None:
    alice, bob = name("alice"), name("bob")
    room = people.room(alice, bob)
    speaker, listener = people.device(alice), people.device(bob)
    speaker.say(room, "before")
    message = {"conversation_id": room, "message_type": "text", "content": "now"}
    with silent(stack.children["ministack"].pid):
        answer = speaker.ask("send_message", client_message_id="c1", **message)
        assert answer["event"] == "error"
        assert answer["data"]["retryable"] is True
    first = speaker.act("send_message", client_message_id="c1", **message)
    assert speaker.act("send_message", client_message_id="c1", **message) == first
    speaker.say(room, "after")
    listener.wait("message_received", lambda data: data["content"] == "after", within_s=60)
    assert contents(listener, room) == ["before", "now", "after"]


def queue(stack: Stack) -> Any:
    return client("sqs", stack.aws_endpoint_url, "us-east-1", stack.keys)


@pytest.mark.services
def test_deliveries_that_come_again_and_out_of_order(people: People, stack: Stack) -> None:
    alice, bob = name("alice"), name("bob")
    room = people.room(alice, bob)
    speaker, listener = people.device(alice), people.device(bob)
    sqs, url = queue(stack), stack.queue_urls["delivery"]
    entries = []
    for number in range(6):
        ack = speaker.say(room, str(number))
        region, seq, _ = ack["position"].split(":")
        entry = {
            "room_id": room,
            "region": region,
            "seq": int(seq),
            "message_id": ack["message_id"],
            "kind": "message",
            "sender_id": alice,
            "timestamp_ms": 1,
            "message_type": "text",
            "content": str(number),
        }
        entries += [entry, entry]
    random.Random(7).shuffle(entries)
    for number, entry in enumerate(entries):
        sqs.send_message(
            QueueUrl=url,
            MessageBody=json.dumps({"kind": "entry", "entry": entry}),
            MessageGroupId=room,
            MessageDeduplicationId=f"{room}{number}",
        )
    speaker.say(room, "last")
    listener.wait("message_received", lambda data: data["content"] == "last")
    assert contents(listener, room) == [*map(str, range(6)), "last"]


@pytest.mark.services
@pytest.mark.parametrize(
    "body", ["{not json", "[]", '{"kind":"entry"}', '{"kind":"entry","entry":{}}']
)
def test_a_poisoned_message_is_a_dead_letter_and_holds_up_nobody(
    people: People, stack: Stack, body: str
) -> None:
    alice, bob = name("alice"), name("bob")
    room = people.room(alice, bob)
    speaker, listener = people.device(alice), people.device(bob)
    sqs = queue(stack)
    sqs.send_message(
        QueueUrl=stack.queue_urls["delivery"],
        MessageBody=body,
        MessageGroupId=room,
        MessageDeduplicationId=room,
    )
    speaker.say(room, "good")
    assert listener.heard(room, 1)[0]["content"] == "good"
    found: list[str] = []
    for _ in range(10):
        answer = sqs.receive_message(
            QueueUrl=stack.queue_urls["delivery-dead"],
            WaitTimeSeconds=2,
            MaxNumberOfMessages=10,
            AttributeNames=["MessageGroupId"],
        )
        messages = answer.get("Messages", [])
        found += [m["Body"] for m in messages if m["Attributes"]["MessageGroupId"] == room]
        for message in messages:
            sqs.delete_message(
                QueueUrl=stack.queue_urls["delivery-dead"], ReceiptHandle=message["ReceiptHandle"]
            )
        if found:
            break
    assert len(found) == 1
