"""What calls the functions: from app.py's decorators alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from chalice import Chalice, Cron, Rate

from operate.package.build import ROOT
from operate.triggers import QueueTrigger, ScheduleTrigger, StreamTrigger, every_s, load, of


def test_those_of_the_product() -> None:
    triggers = load(ROOT / "app.py")
    assert triggers.websocket == {
        "$connect": "websocket_connect",
        "$default": "websocket_message",
        "$disconnect": "websocket_disconnect",
    }
    assert QueueTrigger("deliver", "delivery", 10) in triggers.queues
    assert ScheduleTrigger("sweep", 60) in triggers.schedules
    assert ("GET", "/v1/health") in triggers.routes
    assert triggers.background == {
        *("deliver", "outbound", "relay", "replicated", "sweep", "report"),
    }
    assert triggers.streams == (StreamTrigger("replicated", 100),)


def test_resources_json_repeats_none_of_them() -> None:
    definition = json.loads((ROOT / "terraform/resources.json").read_text())
    assert set(definition) == {"tables", "queues"}
    for queue in definition["queues"].values():
        assert not {"function", "batch_size"} & set(queue)
    work = {name for name, queue in definition["queues"].items() if "dead_letter" in queue}
    assert work == {trigger.queue for trigger in load(ROOT / "app.py").queues}


def app() -> Any:
    return Chalice(app_name="tidings")


def test_a_trigger_nobody_deploys_is_refused() -> None:
    other = app()
    other.on_sns_message(topic="news", name="news")(lambda event: None)
    with pytest.raises(ValueError, match="news: only triggers by queue name"):
        of(other)


def test_the_stream_of_a_single_table_is_refused() -> None:
    other = app()
    arn = "arn:aws:dynamodb:us-east-1:123456789012:table/tidings-rooms/stream/1"
    other.on_dynamodb_record(stream_arn=arn, name="rooms")(lambda event: None)
    with pytest.raises(ValueError, match="rooms: only triggers by queue name"):
        of(other)


def test_a_queue_of_another_name_is_refused() -> None:
    other = app()
    other.on_sqs_message(queue="delivery.fifo", name="deliver")(lambda event: None)
    with pytest.raises(ValueError, match="does not begin with tidings-"):
        of(other)


@pytest.mark.parametrize(
    ("expression", "seconds"),
    [("rate(1 minute)", 60), ("rate(2 hours)", 7200), (Rate(3, unit=Rate.DAYS), 259_200)],
)
def test_rates_in_seconds(expression: Any, seconds: int) -> None:
    assert every_s(expression) == seconds


def test_a_cron_is_no_rate() -> None:
    with pytest.raises(ValueError, match="not a rate"):
        every_s(Cron("0", "1", "*", "*", "?", "*"))
