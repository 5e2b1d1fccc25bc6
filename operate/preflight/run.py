"""All checks of a plan, side by side."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from operate.checks import Check
from operate.deploy.terraform import Plan

from . import concurrency, edge, names, quotas, roles
from .planned import InRegion, by_region

# A service's client in a region.
Clients = Callable[[str, str], Any]
_AT_ONCE = 8
_GLOBAL = "us-east-1"  # where the quotas of global services are
_SERVICES = (
    "apigateway",
    "cloudfront",
    "ec2",
    "lambda",
    "logs",
    "service-quotas",
    *sorted({finder.service for finder in names.FINDERS.values()} - {"lambda"}),
)


def run(plan: Plan, clients: Clients, where: str) -> list[Check]:
    """Every check of every region.

    Args:
        where: The account, shown first.
    """
    parts = by_region(plan)
    regions = ", ".join(part.region for part in parts)
    first = Check("account", "ok", f"{where}; region {regions}")
    checks = [check for part in parts for check in _of(part, clients)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        done = pool.map(lambda each: _ask(*each), checks)
    return [first, *(check for check in done if check is not None)]


def _of(part: InRegion, clients: Clients) -> list[tuple[str, Callable[[], Check | None]]]:
    # Here, as sessions of boto3 make clients in one thread only.
    made = {service: clients(service, part.region) for service in _SERVICES}
    global_quotas = clients("service-quotas", _GLOBAL)
    client = made.__getitem__

    return [
        (concurrency.NAME, lambda: concurrency.check(client("lambda"), part)),
        ("api-gateway-requests", lambda: quotas.requests(client("service-quotas"), part)),
        ("api-gateway-connects", lambda: quotas.connects(client("service-quotas"), part)),
        (roles.NAME, lambda: roles.check(client("apigateway"), client("iam"), part)),
        (names.NAME, lambda: names.check(client, part)),
        ("elastic-ips", lambda: quotas.addresses(client("service-quotas"), client("ec2"), part)),
        ("vpcs", lambda: quotas.vpcs(client("service-quotas"), client("ec2"), part)),
        (
            edge.NAME,
            lambda: edge.check(client("cloudfront"), global_quotas, part),
        ),
    ]


def _ask(name: str, check: Callable[[], Check | None]) -> Check | None:
    """A check that may not be made, or gets no answer, is a warning."""
    try:
        return check()
    except (BotoCoreError, ClientError) as fault:
        return Check(name, "warning", f"not known: {fault}", "Check it by hand")
