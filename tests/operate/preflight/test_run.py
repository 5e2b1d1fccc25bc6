"""The whole preflight, against an emulator, and on plans of several regions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from operate.clients import client
from operate.deploy.terraform import Plan, Planned
from operate.preflight import run
from operate.preflight.planned import by_region
from tests.support.emulator import REGION, Emulator


def plan(*resources: Planned, **variables: Any) -> Plan:
    values = {"region": REGION, "name": "tidings", **variables}
    return Plan(Path("plan"), frozenset(), values, {}, resources)


def new(address: str, **values: Any) -> Planned:
    return Planned(address, address.split(".")[-2], None, values)


def test_a_region_is_found_by_its_module() -> None:
    parts = by_region(
        plan(
            new("module.primary.module.app.aws_lambda_function.deliver"),
            new("module.eu_west_1.module.app.aws_lambda_function.deliver"),
            new("module.eu_west_1.aws_sqs_queue.it"),
            new("module.edge[0].aws_cloudfront_distribution.it"),
        )
    )
    assert [part.region for part in parts] == [REGION, "eu-west-1"]
    assert [each.type for each in parts[0].resources] == [
        "aws_lambda_function",
        "aws_cloudfront_distribution",
    ]
    assert len(parts[1].resources) == 2


def test_an_emulator_answers_what_it_knows(emulator: Emulator) -> None:
    """What it cannot say (it has no quotas) is a warning; a name that is taken blocks."""
    sqs = client("sqs", emulator.url, REGION)
    sqs.create_queue(QueueName=f"{emulator.prefix}-outbound")
    wanted = plan(
        new("module.primary.aws_sqs_queue.it", name=f"{emulator.prefix}-outbound"),
        new("module.primary.aws_dynamodb_table.it", name=f"{emulator.prefix}-rooms"),
        new("module.primary.aws_iam_role.it", name=f"{emulator.prefix}-role"),
        new("module.primary.aws_secretsmanager_secret.it", name=f"{emulator.prefix}-secrets"),
        new("module.primary.aws_cloudwatch_log_group.it", name=f"/{emulator.prefix}"),
        new("module.primary.aws_lambda_function.it", function_name=f"{emulator.prefix}-deliver"),
        new("module.primary.aws_api_gateway_account.it"),
    )
    checks = run(wanted, lambda service, region: client(service, emulator.url, region), "here")
    found = {check.name: check for check in checks}
    assert found["account"].found == f"here; region {REGION}"
    assert found["names"].result == "blocking"
    taken = f"aws_sqs_queue {emulator.prefix}-outbound"
    assert found["names"].found.endswith(f"there in {REGION}: {taken}")
    assert found["lambda-concurrency"].result == "ok", found["lambda-concurrency"]
    assert found["api-gateway-logs-role"].result == "ok"
    assert found["api-gateway-requests"].result == "warning"
    assert "not known" in found["api-gateway-requests"].found
    assert "elastic-ips" not in found
