"""One event of AWS for each trigger, as its documentation shows it, through Chalice to the domain.

The shapes: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html,
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html,
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html,
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-run-lambda-schedule.html
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from chalice.app import CloudWatchEvent, SQSEvent, WebsocketEvent

from chalicelib.entrypoints import queues, schedules, websocket
from chalicelib.entrypoints.http import rest
from tests.support.paths import ROOT
from tests.support.world import World
from workbench.gateway import HttpApi, WebSocketApi, events
from workbench.stack import records

FOLDER = ROOT / "tests" / "events"


def golden(name: str, **replaced: str) -> Any:
    text = (FOLDER / f"{name}.json").read_text()
    for mark, value in replaced.items():
        text = text.replace(mark, json.dumps(value)[1:-1])
    return json.loads(text)


def through_chalice(kind: Any, event: dict[str, Any]) -> dict[str, Any]:
    """The event as a handler of app.py gets it."""
    return kind(event, None).to_dict()


@pytest.fixture
def world() -> World:
    world = World()
    world.room("alice", "bob")
    return world


def connected(world: World) -> str:
    far = world.token("alice", expires_in_s=365 * 86_400)
    event = through_chalice(WebsocketEvent, golden("websocket_connect", TOKEN=far))
    assert websocket.connect(world.services, event)["statusCode"] == 200
    return event["requestContext"]["connectionId"]


def test_websocket_events_open_serve_and_end_a_connection(world: World) -> None:
    connection_id = connected(world)
    stored = world.adapters.connections.get(connection_id)
    assert stored.target.api_id == "a1b2c3d4e5"
    assert stored.device_info == {
        "platform": "web",
        "version": "unknown",
        "user_agent": "Mozilla/5.0",
        "ip": "203.0.113.7",
    }
    frame = through_chalice(WebsocketEvent, golden("websocket_message"))
    answer = json.loads(websocket.message(world.services, frame)["body"])
    assert (answer["event"], answer["id"], answer["data"]["user_id"]) == ("ack", "1", "alice")
    end = through_chalice(WebsocketEvent, golden("websocket_disconnect"))
    for _ in range(2):
        assert websocket.disconnect(world.services, end)["statusCode"] == 200
    assert world.adapters.connections.get(connection_id) is None


def test_sqs_events_deliver(world: World) -> None:
    alice, bob = world.connect("alice"), world.connect("bob")
    body = {"conversation_id": "lobby", "message_type": "text", "content": "hi"}
    world.act(alice, "send_message", **body)
    (job,) = [job for job in world.adapters.delivery.jobs if job.kind == "entry"]
    text = json.dumps(job.record())
    event = through_chalice(SQSEvent, golden("sqs_fifo", BODY=text))
    assert queues.deliver(world.services, event) == {"batchItemFailures": []}
    assert [got["content"] for got in world.poster.to(bob, "message_received")] == ["hi"]
    event = through_chalice(SQSEvent, golden("sqs_standard", BODY="no job"))
    assert queues.outbound(world.services, event) == {"batchItemFailures": []}
    assert [job.kind for job in world.adapters.outbound_dead.jobs] == ["unreadable"]


def test_a_scheduled_event_sweeps(world: World) -> None:
    world.connect("alice")
    event = through_chalice(CloudWatchEvent, golden("schedule"))
    assert schedules.sweep(world.services, event)["seen"] == 1


def test_an_http_event_of_payload_format_1_is_answered(world: World) -> None:
    request = rest.from_event(golden("http_request", TOKEN=world.token("alice")))
    answer = rest.handle(world.services, request, rest.list_messages)
    assert (answer.status, answer.body["messages"]) == (200, [])
    assert request.request_id == "WZ6bEhWQIAMESlA="


def shape(value: Any) -> Any:
    """Names and JSON types, without values."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    if isinstance(value, list):
        return [shape(each) for each in value[:1]]
    return type(value).__name__


@pytest.mark.parametrize(
    ("name", "event_type", "route"),
    [
        ("websocket_connect", "CONNECT", "$connect"),
        ("websocket_message", "MESSAGE", "$default"),
    ],
)
def test_the_local_gateway_s_websocket_context_has_aws_s_shape(
    name: str, event_type: str, route: str
) -> None:
    made = events.websocket_context(
        WebSocketApi(),
        event_type=event_type,
        route=route,
        connection=events.connection_id(),
        connected_at_ms=1,
        source_ip="203.0.113.7",
        user_agent="x",
        region="us-east-1",
    )
    assert shape(made) == shape(golden(name)["requestContext"])


def test_the_local_gateway_s_http_event_has_nothing_that_aws_s_has_not() -> None:
    real = golden("http_request")
    made = events.http_event(
        HttpApi(routes=[]),
        method="GET",
        resource=real["resource"],
        path=real["path"],
        path_parameters=real["pathParameters"],
        query="limit=5",
        headers=list(real["headers"].items()),
        body=b"",
        source_ip="203.0.113.7",
        account_id="123456789012",
        region="us-east-1",
    )
    context = made.pop("requestContext")
    expected = real.pop("requestContext")
    assert shape(made) == shape(real)
    assert set(context) <= set(expected)
    assert all(type(context[each]) is type(expected[each]) for each in context)


def test_the_local_triggers_make_aws_s_events() -> None:
    real = golden("sqs_fifo")
    (record,) = real["Records"]
    received = {
        "MessageId": record["messageId"],
        "ReceiptHandle": record["receiptHandle"],
        "Body": record["body"],
        "Attributes": record["attributes"],
        "MD5OfBody": record["md5OfBody"],
    }
    assert records.sqs_event([received], record["eventSourceARN"]) == real
    assert shape(records.scheduled_event("sweep", "us-east-1")) == shape(golden("schedule"))
