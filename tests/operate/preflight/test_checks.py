"""Each check of the preflight, and what makes it ok, a warning, or blocking."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from operate.checks import Check
from operate.deploy.terraform import Planned
from operate.preflight import concurrency, edge, names, quotas, roles
from operate.preflight.planned import InRegion
from tests.support.answering import REGION, answering
from tests.support.paths import ROOT


def part(*resources: Planned, **variables: Any) -> InRegion:
    return InRegion(REGION, resources, {"name": "tidings", "region": REGION, **variables})


def new(kind: str, **values: Any) -> Planned:
    return Planned(f"module.primary.{kind}.it", kind, None, values)


def kept(kind: str, **values: Any) -> Planned:
    return Planned(f"module.primary.{kind}.it", kind, values, values)


def limits(quota: int, unreserved: int) -> tuple[str, Any]:
    limit = {"ConcurrentExecutions": quota, "UnreservedConcurrentExecutions": unreserved}
    return "get_account_settings", {"AccountLimit": limit}


def quota_of(value: float) -> tuple[str, Any]:
    return "get_service_quota", {"Quota": {"Value": value}}


FUNCTION = "aws_lambda_function"
WHEN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("made", "quota", "unreserved", "result", "said"),
    [
        (new, 1000, 1000, "ok", "others reserve 0, this deployment 800"),
        (new, 1000, 900, "ok", "others reserve 100, this deployment 800"),
        (new, 1000, 899, "blocking", "Set app.account_concurrency to 899"),
        (new, 50, 50, "blocking", "Set app.account_concurrency to 50"),
        (kept, 1000, 200, "ok", "others reserve 0, this deployment 800"),
        (kept, 1000, 100, "ok", "others reserve 100, this deployment 800"),
        (kept, 1000, 99, "blocking", "100 must stay unreserved"),
    ],
)
def test_lambda_must_have_what_is_reserved(
    made: Any, quota: int, unreserved: int, result: str, said: str
) -> None:
    planned = part(
        made(FUNCTION, reserved_concurrent_executions=800),
        made(FUNCTION, reserved_concurrent_executions=-1),
        app={"account_concurrency": min(quota, 900)},
    )
    with answering("lambda", limits(quota, unreserved)) as lambdas:
        check = concurrency.check(lambdas, planned)
    assert check.result == result
    assert said in f"{check.found} {check.remedy}"


def test_a_concurrency_that_the_account_has_not_is_a_warning() -> None:
    """Nothing is reserved below 500, so the apply works; the alarm would never go off."""
    with answering("lambda", limits(50, 50)) as lambdas:
        check = concurrency.check(lambdas, part(new(FUNCTION)))
    assert check.result == "warning"
    assert "app.account_concurrency to 50" in check.remedy


def stage(name: str, rate: float) -> Planned:
    settings = [{"throttling_rate_limit": rate}]
    return new("aws_apigatewayv2_stage", name=name, default_route_settings=settings)


@pytest.mark.parametrize(
    ("per_s", "shares", "posts", "result"),
    [
        (10_000, None, 7000, "ok"),
        (2500, None, 7000, "warning"),
        (10_000, {"posts": 0.8, "frames": 0.1, "http": 0.1}, 12_000, "warning"),
    ],
)
def test_the_parts_may_not_be_more_than_the_account_s_requests(
    per_s: float, shares: dict[str, float] | None, posts: int, result: str
) -> None:
    planned = part(stage("prod", 2000), stage("$default", 1000), app={"gateway_shares": shares})
    with answering("service-quotas", quota_of(per_s)) as client:
        check = quotas.requests(client, planned)
    assert check.result == result
    assert f"{per_s:.0f} requests a second" in check.found
    assert f"{posts} for posts to clients, 2000 for the stage prod" in check.found


def test_the_shares_are_terraform_s() -> None:
    text = (ROOT / "terraform/modules/app/variables.tf").read_text()
    [given] = re.findall(r'variable "gateway_shares".*?default +=( [^\n]*)', text, re.S)
    assert {name: float(share) for name, share in re.findall(r"(\w+) = ([\d.]+)", given)} == (
        quotas.SHARES
    )


@pytest.mark.parametrize(("per_s", "result"), [(500, "ok"), (200, "warning")])
def test_the_alarm_on_connects_must_be_able_to_go_off(per_s: float, result: str) -> None:
    with answering("service-quotas", quota_of(per_s)) as client:
        check = quotas.connects(client, part())
    assert check.result == result
    if result == "warning":
        assert "connects_per_minute to 9600" in check.remedy


def test_a_quota_that_was_never_changed_is_aws_s_default() -> None:
    default = ("get_aws_default_service_quota", {"Quota": {"Value": 500.0}})
    missing = ("get_service_quota", "NoSuchResourceException")
    with answering("service-quotas", missing, default) as client:
        assert quotas.connects(client, part()).result == "ok"


@pytest.mark.parametrize(("used", "result"), [(3, "ok"), (4, "blocking")])
def test_nat_gateways_need_addresses(used: int, result: str) -> None:
    addresses = ("describe_addresses", {"Addresses": [{}] * used})
    with (
        answering("service-quotas", quota_of(5)) as client,
        answering("ec2", addresses) as ec2,
    ):
        check = quotas.addresses(client, ec2, part(new("aws_eip"), new("aws_eip")))
    assert check is not None
    assert check.result == result
    assert "makes 2" in check.found


@pytest.mark.parametrize(("used", "result"), [(4, "ok"), (5, "blocking")])
def test_a_vpc_is_one_of_few(used: int, result: str) -> None:
    with (
        answering("service-quotas", quota_of(5)) as client,
        answering("ec2", ("describe_vpcs", {"Vpcs": [{}] * used})) as ec2,
    ):
        check = quotas.vpcs(client, ec2, part(new("aws_vpc")))
    assert check is not None
    assert check.result == result


def test_what_the_plan_does_not_make_is_not_asked() -> None:
    with (
        answering("service-quotas") as client,
        answering("ec2") as ec2,
        answering("cloudfront") as cloudfront,
    ):
        planned = part(kept("aws_eip"), kept("aws_vpc"), kept("aws_cloudfront_distribution"))
        assert quotas.addresses(client, ec2, planned) is None
        assert quotas.vpcs(client, ec2, planned) is None
        assert edge.check(cloudfront, client, planned) is None


OURS = "arn:aws:iam::123456789012:role/tidings-us-east-1-gateway-logs"
ANOTHER = "arn:aws:iam::123456789012:role/everybody-s"


THERE = {
    "Path": "/",
    "RoleName": "everybody-s",
    "RoleId": "AROAEXAMPLEEXAMPLE",
    "Arn": ANOTHER,
    "CreateDate": WHEN,
}


@pytest.mark.parametrize(
    ("managed", "role", "found", "result", "said"),
    [
        (True, "", None, "ok", "this deployment's own"),
        (True, OURS, None, "ok", "this deployment's own"),
        (True, ANOTHER, {"Role": THERE}, "blocking", "manage_gateway_account = false"),
        (True, ANOTHER, "AccessDenied", "blocking", "manage_gateway_account = false"),
        (True, ANOTHER, "NoSuchEntity", "ok", "which is gone"),
        (False, ANOTHER, None, "ok", "stays as it is"),
        (False, "", None, "blocking", "would refuse the APIs' access logs"),
    ],
)
def test_nobody_s_logging_role_is_replaced(
    managed: bool, role: str, found: Any, result: str, said: str
) -> None:
    planned = part(stage("prod", 1), *([new("aws_api_gateway_account")] if managed else []))
    account = ("get_account", {"cloudwatchRoleArn": role} if role else {})
    asked = [("get_role", found)] if found is not None else []
    with answering("apigateway", account) as gateway, answering("iam", *asked) as iam:
        check = roles.check(gateway, iam, planned)
    assert check is not None
    assert check.result == result
    assert said in f"{check.found} {check.remedy}"


def distribution(*aliases: str) -> Planned:
    return new("aws_cloudfront_distribution", aliases=list(aliases))


def distributions(*ids: str, aliases: tuple[str, ...] = ()) -> tuple[str, Any]:
    known = {"Quantity": len(aliases), "Items": list(aliases)}
    items = [_distribution(each, known) for each in ids]
    listed = {
        "Marker": "",
        "MaxItems": 100,
        "IsTruncated": False,
        "Quantity": len(items),
        "Items": items,
    }
    return "list_distributions", {"DistributionList": listed}


def _distribution(name: str, aliases: dict[str, Any]) -> dict[str, Any]:
    nothing: dict[str, Any] = {"Quantity": 0}
    return {
        "Id": name,
        "ARN": name,
        "Status": "Deployed",
        "LastModifiedTime": WHEN,
        "DomainName": f"{name}.cloudfront.net",
        "Aliases": aliases,
        "Origins": {
            "Quantity": 1,
            "Items": [{"Id": "a", "DomainName": "a"}],
        },
        "DefaultCacheBehavior": {"TargetOriginId": "a", "ViewerProtocolPolicy": "https-only"},
        "CacheBehaviors": nothing,
        "CustomErrorResponses": nothing,
        "Comment": "",
        "PriceClass": "PriceClass_All",
        "Enabled": True,
        "ViewerCertificate": {},
        "Restrictions": {"GeoRestriction": {"RestrictionType": "none", "Quantity": 0}},
        "WebACLId": "",
        "HttpVersion": "http2",
        "IsIPV6Enabled": True,
        "Staging": False,
    }


def test_a_domain_belongs_to_one_distribution() -> None:
    there = distributions("E1", aliases=("chat.example.com",))
    with answering("cloudfront", there) as cloudfront, answering("service-quotas") as client:
        check = edge.check(cloudfront, client, part(distribution("chat.example.com")))
    assert check is not None
    assert check.result == "blocking"
    assert "chat.example.com is a domain of the distribution E1" in check.found


@pytest.mark.parametrize(("most", "result"), [(2, "ok"), (1, "blocking")])
def test_cloudfront_has_a_quota(most: float, result: str) -> None:
    with (
        answering("cloudfront", distributions("E1")) as cloudfront,
        answering("service-quotas", quota_of(most)) as client,
    ):
        check = edge.check(cloudfront, client, part(distribution()))
    assert check is not None
    assert check.result == result


def test_names_of_others_are_not_taken_over() -> None:
    planned = part(
        new("aws_sqs_queue", name="tidings-outbound"),
        new("aws_dynamodb_table", name="tidings-rooms"),
        kept("aws_dynamodb_table", name="tidings-messages"),
        new("aws_secretsmanager_secret", name="tidings-secrets"),
        new("aws_cloudwatch_log_group", name="/aws/lambda/tidings-deliver"),
    )
    deleted = {"Name": "tidings-secrets", "DeletedDate": WHEN}
    groups = {"logGroups": [{"logGroupName": "/aws/lambda/tidings-deliver-2"}]}
    with (
        answering("sqs", ("get_queue_url", {"QueueUrl": "https://sqs/tidings-outbound"})) as sqs,
        answering("dynamodb", ("describe_table", "ResourceNotFoundException")) as dynamodb,
        answering("secretsmanager", ("describe_secret", deleted)) as secrets,
        answering("logs", ("describe_log_groups", groups)) as logs,
    ):
        clients = {"sqs": sqs, "dynamodb": dynamodb, "secretsmanager": secrets, "logs": logs}
        check: Check = names.check(clients.__getitem__, planned)
    assert check.result == "blocking"
    assert "aws_sqs_queue tidings-outbound" in check.found
    assert "aws_secretsmanager_secret tidings-secrets (scheduled for deletion)" in check.found
    assert "tidings-rooms" not in check.found
    assert "/aws/lambda" not in check.found
