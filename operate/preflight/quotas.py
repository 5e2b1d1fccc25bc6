"""The account's quotas against what the settings count on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from operate.checks import Check

from .planned import InRegion

GUIDE = "docs/how-to/deploy.md#quotas"
# https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
REQUESTS = ("apigateway", "L-8A5B8E43")
# https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
CONNECTS = ("apigateway", "L-9ED1E49A")
# https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
ADDRESSES = ("ec2", "L-0263D0A3")
VPCS = ("vpc", "L-F678F1CE")
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html
DISTRIBUTIONS = ("cloudfront", "L-24B04930")
# terraform/modules/app/variables.tf
SHARES = {"posts": 0.7, "frames": 0.2, "http": 0.1}
CONNECTS_PER_MINUTE = 24_000  # terraform/modules/monitoring/main.tf


def quota(quotas: Any, code: tuple[str, str]) -> float:
    """An account's own value, or AWS's default if it never had one."""
    service, number = code
    given = {"ServiceCode": service, "QuotaCode": number}
    try:
        found = quotas.get_service_quota(**given)
    except quotas.exceptions.NoSuchResourceException:
        found = quotas.get_aws_default_service_quota(**given)
    return float(found["Quota"]["Value"])


def requests(quotas: Any, part: InRegion) -> Check:
    """Frames, posts and HTTP share one quota: together they may not be allowed more."""
    name = "api-gateway-requests"
    per_s = quota(quotas, REQUESTS)
    allowed = dict(_allowed(part))
    found = (
        f"the account has {per_s:.0f} requests a second in {part.region}; allowed are "
        f"{', '.join(f'{number:.0f} for {what}' for what, number in allowed.items())}, together "
        f"{sum(allowed.values()):.0f}"
    )
    if sum(allowed.values()) > per_s:
        return Check(
            name,
            "warning",
            f"{found}: each of them can use up what the others need",
            f"Ask for a higher quota, or set app.gateway_requests_per_s to {per_s:.0f}",
            GUIDE,
        )
    return Check(name, "ok", found)


def connects(quotas: Any, part: InRegion) -> Check:
    """Whether the alarm on new connections goes off below the quota."""
    name = "api-gateway-connects"
    per_s = quota(quotas, CONNECTS)
    monitoring = part.variables.get("monitoring") or {}
    thresholds = monitoring.get("thresholds") or {}
    alarm = float(thresholds.get("connects_per_minute", CONNECTS_PER_MINUTE))
    found = f"the account has {per_s:.0f} new connections a second in {part.region}"
    if alarm > per_s * 60:
        return Check(
            name,
            "warning",
            f"{found}, {per_s * 60:.0f} a minute; the alarm waits for {alarm:.0f} and would never "
            "go off",
            f"Set monitoring.thresholds.connects_per_minute to {per_s * 48:.0f}",
            GUIDE,
        )
    return Check(name, "ok", found)


def addresses(quotas: Any, ec2: Any, part: InRegion) -> Check | None:
    """Elastic IPs of new NAT gateways; None if the plan makes none."""
    wanted = len(part.new("aws_eip"))
    if not wanted:
        return None
    used = len(ec2.describe_addresses()["Addresses"])
    remedy = "Release addresses, ask for more, or set network.egress to nat-single or ipv6"
    what = ("elastic-ips", "Elastic IPs")
    return _room(what, part.region, wanted, used, quota(quotas, ADDRESSES), remedy)


def vpcs(quotas: Any, ec2: Any, part: InRegion) -> Check | None:
    """None if the plan makes no VPC."""
    wanted = len(part.new("aws_vpc"))
    if not wanted:
        return None
    used = sum(len(page["Vpcs"]) for page in ec2.get_paginator("describe_vpcs").paginate())
    remedy = "Delete a VPC or ask for more"
    return _room(("vpcs", "VPCs"), part.region, wanted, used, quota(quotas, VPCS), remedy)


def _room(
    what: tuple[str, str], region: str, wanted: int, used: int, most: float, remedy: str
) -> Check:
    name, things = what
    found = f"the account has {used} of {most:.0f} {things} in {region}; the plan makes {wanted}"
    if used + wanted > most:
        return Check(name, "blocking", f"{found}: the apply would fail", remedy, GUIDE)
    return Check(name, "ok", found)


def _allowed(part: InRegion) -> Iterator[tuple[str, float]]:
    """The rates that the plan allows, by what they are for.

    That of posts is in the functions' environment, which a first plan does not know: it follows
    from the stages' rates and the shares.
    """
    stages = dict(_stages(part))
    shares = (part.variables.get("app") or {}).get("gateway_shares") or SHARES
    whole = sum(stages.values()) / (shares["frames"] + shares["http"])
    yield "posts to clients", whole * shares["posts"]
    yield from stages.items()


def _stages(part: InRegion) -> Iterator[tuple[str, float]]:
    for stage in part.of("aws_apigatewayv2_stage"):
        values: Any = stage.after
        for route in values.get("default_route_settings") or []:
            rate = route.get("throttling_rate_limit")
            if rate is not None:
                yield f"the stage {values.get('name')}", float(rate)
