"""LocalStack 4.14 without Docker: it is up, keeps to itself, and has the services Tidings needs."""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from localstack_client.session import Session

from tests.support import processes
from tests.support.localstack import Function, Told
from tests.support.waiting import until
from workbench.stack.children import Child, free_port
from workbench.stack.localstack import start_localstack
from workbench.stack.localstack_install import VERSION

pytestmark = pytest.mark.timeout(600)  # the first test may have to install LocalStack
linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc and the kernel's help")


@pytest.fixture(scope="module")
def minutely(aws: Session) -> str:
    """A rule that is due every minute, made by the first test, as the last waits for it."""
    events = aws.client("events")
    rule = events.put_rule(Name="minutely", ScheduleExpression="rate(1 minute)")
    return str(rule["RuleArn"])


def test_health_names_the_version_and_the_services(minutely: str, child: Child, port: int) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/_localstack/health", timeout=10) as told:
        health = json.load(told)
    assert health["version"] == VERSION
    assert {"dynamodb", "lambda", "sqs", "sns", "events", "route53"} <= set(health["services"])
    assert not {"apigatewayv2", "elasticache", "cloudfront"} & set(health["services"])


def test_dynamodb_keeps_items_and_checks_conditions(aws: Session) -> None:
    dynamodb = aws.client("dynamodb")
    dynamodb.create_table(
        TableName="things",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    once: dict[str, Any] = {
        "TableName": "things",
        "Item": {"id": {"S": "a"}, "size": {"N": "3"}},
        "ConditionExpression": "attribute_not_exists(id)",
    }
    dynamodb.put_item(**once)
    with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException):
        dynamodb.put_item(**once)
    found = dynamodb.get_item(TableName="things", Key={"id": {"S": "a"}}, ConsistentRead=True)
    assert found["Item"] == once["Item"]


def test_a_batch_that_fails_in_part_comes_back_in_order(
    aws: Session, port: int, function: Callable[..., Function], told: Told
) -> None:
    sqs = aws.client("sqs")
    target = function(Environment={"Variables": {"TOLD": told.url}})
    url = sqs.create_queue(
        QueueName="jobs.fifo",
        Attributes={
            "FifoQueue": "true",
            "ContentBasedDeduplication": "true",
            "VisibilityTimeout": "120",
        },
    )["QueueUrl"]
    bodies = ["first", "late", "third"]
    for body in bodies:
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="room")
    # As it needs no DNS, and as Terraform's provider takes it.
    assert url == f"http://127.0.0.1:{port}/000000000000/jobs.fifo"
    wanted = {"QueueUrl": url, "AttributeNames": ["QueueArn"]}
    mapping = aws.client("lambda").create_event_source_mapping(
        FunctionName=target.name,
        EventSourceArn=sqs.get_queue_attributes(**wanted)["Attributes"]["QueueArn"],
        BatchSize=10,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    assert told.hear(3) == bodies
    aws.client("lambda").delete_event_source_mapping(UUID=mapping["UUID"])


@linux
def test_every_socket_listens_on_loopback(child: Child, aws: Session) -> None:
    aws.client("dynamodb").list_tables()  # DynamoDB Local has started
    listening = processes.listening({child.pid, *processes.descendants(child.pid)})
    assert len(listening) >= 2
    assert {str(address) for address in listening} == {"127.0.0.1"}


@linux
def test_nothing_outlives_a_killed_localstack(child: Child) -> None:
    # The session's own one is only asked for so that what it needs is there.
    other_port = free_port()
    other = start_localstack(other_port)
    try:
        aws = Session(localstack_host=f"127.0.0.1:{other_port}")
        aws.client("dynamodb").list_tables()
        function = Function(aws.client("lambda"))
        function.wait_active()
        worker = function.invoke()["Payload"]["pid"]
        family = processes.descendants(other.pid)
        assert worker in family
        os.kill(other.pid, 9)
        until(lambda: not any(processes.state(pid) for pid in family), "all are dead")
        until(lambda: "localstack" in (other.dead() or ""), "its death is told")
    finally:
        other.stop()


def test_a_schedule_invokes_its_function(
    aws: Session, minutely: str, function: Callable[..., Function], told: Told
) -> None:
    target = function(Environment={"Variables": {"TOLD": told.url}})
    events = aws.client("events")
    events.put_targets(Rule="minutely", Targets=[{"Id": "f", "Arn": target.arn}])
    assert told.hear(1, within_s=100) == [minutely]
    events.remove_targets(Rule="minutely", Ids=["f"])
    events.delete_rule(Name="minutely")
