"""Each fault of a deployment's parts, made in an emulator: the doctor finds it, and nothing else.

What Terraform would deploy is put there by a few calls; nothing runs, so there is no proof here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from operate import clients
from operate.checks import Check
from operate.doctor import account, functions, queues, tables
from operate.doctor.subject import Subject, of_deployment
from tests.support.answering import answering
from tests.support.documents import anchors
from tests.support.emulator import REGION, Emulator, zipped
from tests.support.paths import ROOT
from tests.support.waiting import until
from workbench.stack import resources

CHECKS = (tables.check, queues.check, functions.check, functions.schedules, account.secret)
PARTS = (*CHECKS, account.alarms, account.lag)
ALARM = "dead-letters-delivery"


@dataclass(frozen=True)
class Patient:
    """A deployment that is well, until a test makes it ill."""

    subject: Subject
    urls: dict[str, str]

    def client(self, service: str) -> Any:
        return self.subject.client(service)

    def name(self, short: str) -> str:
        return self.subject.full(short)

    def examined(self) -> list[Check]:
        return [check for part in PARTS for check in part(self.subject)]

    def ill(self) -> list[Check]:
        return [check for check in self.examined() if check.result != "ok"]

    def measured(self, namespace: str, metric: str, value: float, **dimensions: str) -> None:
        data = {
            "MetricName": metric,
            "Value": value,
            "Timestamp": datetime.now(UTC),
            "Dimensions": [{"Name": name, "Value": each} for name, each in dimensions.items()],
        }
        self.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=[data])


def put_alarm(cloudwatch: Any, name: str) -> None:
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        AlarmDescription="Jobs failed. What to do: docs/how-to/operate.md#dead-letters",
        AlarmActions=["arn:aws:sns:us-east-1:000000000000:alarms"],
        Namespace="AWS/SQS",
        MetricName="ApproximateNumberOfMessagesVisible",
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
    )


@pytest.fixture
def patient(emulator: Emulator) -> Iterator[Patient]:
    def client(service: str) -> Any:
        return clients.client(service, emulator.url, REGION)

    subject = of_deployment(emulator.prefix, REGION, client)
    definition = resources.of_regions(resources.load(), several=False)
    carried = [name for name, table in definition["tables"].items() if table["scope"] == "global"]
    urls = resources.create(definition, emulator.prefix, emulator.url, REGION, streams=carried)
    for name in map(subject.full, definition["tables"]):
        client("dynamodb").update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
    for short in subject.functions:
        client("lambda").create_function(
            FunctionName=subject.full(short),
            Runtime="python3.13",
            Role="arn:aws:iam::000000000000:role/any",
            Handler="app.handler",
            Code={"ZipFile": zipped("def handler(event, context): pass")},
        )
    until(lambda: not any(each.result != "ok" for each in functions.check(subject)))
    for short in subject.schedules:
        name = subject.full(short)
        client("events").put_rule(Name=name, ScheduleExpression="rate(1 day)")
        target = {"Id": "1", "Arn": f"arn:aws:lambda:{REGION}:000000000000:function:{name}"}
        client("events").put_targets(Rule=name, Targets=[target])
    value = json.dumps({"jwt_secret": "k" * 64})
    client("secretsmanager").create_secret(Name=subject.full("secrets"), SecretString=value)
    put_alarm(client("cloudwatch"), subject.full(ALARM))
    yield Patient(subject, urls)
    for short in subject.schedules:
        name = subject.full(short)
        client("events").remove_targets(Rule=name, Ids=["1"])
        client("events").delete_rule(Name=name)


def test_a_well_deployment_has_no_finding(patient: Patient) -> None:
    checks = patient.examined()
    assert [check for check in checks if check.result != "ok"] == []
    assert [check.name for check in checks] == [
        "tables",
        "queues",
        "dead-letters",
        "functions",
        "settings",
        "triggers",
        "schedules",
        "secret",
        "alarms",
    ]


def test_an_alarm_of_a_deployment_with_a_longer_name_is_not_its_own(patient: Patient) -> None:
    cloudwatch, others = patient.client("cloudwatch"), patient.name(f"eu-{ALARM}")
    put_alarm(cloudwatch, others)
    cloudwatch.set_alarm_state(AlarmName=others, StateValue="ALARM", StateReason="for a test")
    assert patient.ill() == []
    no_alarm(patient)
    assert [check.found for check in patient.ill()] == ["there are none"]


def no_table(patient: Patient) -> None:
    patient.client("dynamodb").delete_table(TableName=patient.name("reads"))


def no_stream(patient: Patient) -> None:
    patient.client("dynamodb").update_table(
        TableName=patient.name("messages"), StreamSpecification={"StreamEnabled": False}
    )


def no_time_to_live(patient: Patient) -> None:
    patient.client("dynamodb").update_time_to_live(
        TableName=patient.name("connections"),
        TimeToLiveSpecification={"Enabled": False, "AttributeName": "ttl"},
    )


def no_recovery(patient: Patient) -> None:
    patient.client("dynamodb").update_continuous_backups(
        TableName=patient.name("rooms"),
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False},
    )


def no_queue(patient: Patient) -> None:
    patient.client("sqs").delete_queue(QueueUrl=patient.urls["outbound"])


def a_dead_letter(patient: Patient) -> None:
    patient.client("sqs").send_message(
        QueueUrl=patient.urls["delivery-dead"],
        MessageBody="{}",
        MessageGroupId="room",
        MessageDeduplicationId="1",
    )


def a_usual_dead_letter(patient: Patient) -> None:
    patient.client("sqs").send_message(QueueUrl=patient.urls["outbound-dead"], MessageBody="{}")


def no_redrive(patient: Patient) -> None:
    patient.client("sqs").set_queue_attributes(
        QueueUrl=patient.urls["delivery"], Attributes={"RedrivePolicy": ""}
    )


def an_old_job(patient: Patient) -> None:
    queue = f"{patient.name('delivery')}.fifo"
    patient.measured("AWS/SQS", "ApproximateAgeOfOldestMessage", 90, QueueName=queue)


def no_function(patient: Patient) -> None:
    patient.client("lambda").delete_function(FunctionName=patient.name("deliver"))


def a_stopped_function(patient: Patient) -> None:
    patient.client("lambda").put_function_concurrency(
        FunctionName=patient.name("deliver"), ReservedConcurrentExecutions=0
    )


def a_failing_function(patient: Patient) -> None:
    patient.measured("AWS/Lambda", "Errors", 9, FunctionName=patient.name("deliver"))


def a_function_that_failed_once(patient: Patient) -> None:
    patient.measured("AWS/Lambda", "Errors", 1, FunctionName=patient.name("deliver"))


def a_throttled_function(patient: Patient) -> None:
    patient.measured("AWS/Lambda", "Throttles", 40, FunctionName=patient.name("deliver"))


def a_wrong_setting(patient: Patient) -> None:
    patient.client("lambda").update_function_configuration(
        FunctionName=patient.name("sweep"),
        Environment={"Variables": {"TIDINGS_REDIS_IAM_USER": "alone"}},
    )
    until(lambda: functions.check(patient.subject)[0].result == "ok")


def a_disabled_trigger(patient: Patient) -> None:
    patient.client("lambda").create_event_source_mapping(
        FunctionName=patient.name("outbound"),
        EventSourceArn=f"arn:aws:sqs:{REGION}:000000000000:{patient.name('outbound')}",
        Enabled=False,
    )


def a_disabled_rule(patient: Patient) -> None:
    patient.client("events").disable_rule(Name=patient.name("sweep"))


def a_rule_without_target(patient: Patient) -> None:
    patient.client("events").remove_targets(Rule=patient.name("report"), Ids=["1"])


def no_secret(patient: Patient) -> None:
    patient.client("secretsmanager").delete_secret(
        SecretId=patient.name("secrets"), ForceDeleteWithoutRecovery=True
    )


def a_broken_secret(patient: Patient) -> None:
    patient.client("secretsmanager").put_secret_value(
        SecretId=patient.name("secrets"), SecretString="{}"
    )


def a_weak_secret(patient: Patient) -> None:
    patient.client("secretsmanager").put_secret_value(
        SecretId=patient.name("secrets"), SecretString='{"jwt_secret": "short"}'
    )


def a_ringing_alarm(patient: Patient) -> None:
    patient.client("cloudwatch").set_alarm_state(
        AlarmName=patient.name(ALARM), StateValue="ALARM", StateReason="for a test"
    )


def a_silenced_alarm(patient: Patient) -> None:
    patient.client("cloudwatch").disable_alarm_actions(AlarmNames=[patient.name(ALARM)])


def no_alarm(patient: Patient) -> None:
    patient.client("cloudwatch").delete_alarms(AlarmNames=[patient.name(ALARM)])


@pytest.mark.parametrize(
    ("make", "result", "name", "said"),
    [
        (no_table, "fault", "tables", "-reads is not there"),
        (no_stream, "fault", "tables", "-messages has no stream"),
        (no_time_to_live, "fault", "tables", "-connections has no time to live"),
        (no_recovery, "warning", "tables", "-rooms has no point-in-time recovery"),
        (no_queue, "fault", "queues", "-outbound is not there"),
        (no_redrive, "fault", "queues", "-delivery has no dead-letter queue"),
        (an_old_job, "fault", "queues", "-delivery.fifo waited 90 s"),
        (a_dead_letter, "fault", "dead-letters", "delivery-dead has about 1"),
        (a_usual_dead_letter, "warning", "dead-letters", "outbound-dead has about 1"),
        (no_function, "fault", "functions", "-deliver is not there"),
        (a_stopped_function, "fault", "functions", "-deliver may not run"),
        (a_failing_function, "fault", "functions", "-deliver failed 9 times"),
        (a_function_that_failed_once, "warning", "functions", "-deliver failed 1 times"),
        (a_throttled_function, "fault", "functions", "-deliver was throttled 40 times"),
        (
            a_wrong_setting,
            "fault",
            "settings",
            "-sweep cannot start: TIDINGS_REDIS_IAM_USER",
        ),
        (a_disabled_trigger, "fault", "triggers", "-outbound: its mapping is Disabled"),
        (a_disabled_rule, "fault", "schedules", "-sweep is DISABLED"),
        (a_rule_without_target, "fault", "schedules", "-report calls nothing"),
        (no_secret, "fault", "secret", "-secrets is not there"),
        (a_broken_secret, "fault", "secret", "not a JSON object with jwt_secret"),
        (a_weak_secret, "warning", "secret", "under 32 bytes"),
        (a_ringing_alarm, "fault", "alarms", "rings. Jobs failed."),
        (a_silenced_alarm, "warning", "alarms", "tells nobody"),
        (no_alarm, "warning", "alarms", "there are none"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_a_fault_is_found_and_nothing_else(
    patient: Patient, make: Callable[[Patient], None], result: str, name: str, said: str
) -> None:
    make(patient)
    found, *more = patient.ill()
    assert not more
    assert (found.result, found.name) == (result, name)
    assert said in found.found
    assert found.remedy
    path, _, section = found.guide.partition("#")
    assert section in anchors((ROOT / path).read_text()), "a section that is there"


@pytest.mark.parametrize(("late_ms", "result"), [(900.0, "ok"), (45_000.0, "fault")])
def test_a_replica_that_is_late(late_ms: float, result: str) -> None:
    replicas = [{"RegionName": REGION}, {"RegionName": "eu-west-1"}]
    table = ("describe_table", {"Table": {"Replicas": replicas}})
    points = ("get_metric_statistics", {"Label": "", "Datapoints": [{"Maximum": late_ms}]})
    with answering("dynamodb", table) as dynamodb, answering("cloudwatch", points) as cloudwatch:
        made = {"dynamodb": dynamodb, "cloudwatch": cloudwatch}
        (check,) = account.lag(Subject("tidings", REGION, made.__getitem__, deployed=True))
    assert (check.name, check.result) == ("region-lag", result)
    assert "eu-west-1" in check.found
