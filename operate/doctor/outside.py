"""What the service says of itself: its health, whether it drains, and its regions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from operate import http
from operate.checks import Check
from operate.proof import Given, Tokens

from .subject import fault, well

HEALTH, DRAIN, REGIONS = "health", "drain", "regions"
_USER = "tidings-doctor"
# What each part is, and where the guide says more.
_PARTS = {
    "dynamodb": ("tables cannot be read", "a-table-throttles"),
    "redis": ("the cache does not answer: all is slower, and polling is refused", "redis-is-away"),
    "sqs": ("queues do not answer", "jobs-wait-too-long"),
    "secret": ("the secret cannot be read, so nobody can connect", "rotating-the-secret"),
    "connections": ("@connections does not answer, so nothing is pushed", "posts-are-throttled"),
}
_REMEDY = "Look at AWS's health dashboard and at the functions' rights"
_REMEDIES = {
    "redis": "Look at the cache's events and the security groups",
    "connections": "Look at the way out of the VPC (network.egress) and the API's stage",
}


async def check(url: str, who: Tokens | Given | None) -> list[Check]:
    """Ask the service; without an answer, that is the fault."""
    try:
        health = await http.health(url)
    except http.HttpError as why:
        remedy = "Is the address right, does DNS know it, do the functions start?"
        return [fault(HEALTH, str(why), remedy, "an-api-fails")]
    found = [*well(HEALTH, _described(health), _parts(health))]
    if health["status"] == "draining":
        found.append(await _drain(url, who))
    return [*found, *await _regions(url, who)]


def _described(health: dict[str, Any]) -> str:
    names = ", ".join(health["checks"])
    return f"{names} answer; version {health.get('version', 'unknown')}"


def _parts(health: dict[str, Any]) -> Iterator[Check]:
    for name, said in health["checks"].items():
        if said != "ok":
            what, section = _PARTS.get(name, (f"{name} does not answer", "an-api-fails"))
            remedy = _REMEDIES.get(name, _REMEDY)
            yield fault(HEALTH, f"{name}: {what}", remedy, section)


async def _drain(url: str, who: Tokens | Given | None) -> Check:
    since = ""
    if isinstance(who, Tokens):
        token = await who.issue(_USER, ["admin"])
        status, answer = await http.request("GET", f"{url}/v1/admin/drain", token)
        if status == 200:
            since = f" since {answer['since']}; {answer['connections']} connections are left"
    return Check(
        DRAIN,
        "fault",
        f"the region takes no new clients{since}",
        "`tidings drain stop REGION` when it may take them again",
        "docs/how-to/fail-over.md",
    )


async def _regions(url: str, who: Tokens | Given | None) -> list[Check]:
    """Which regions the service leaves out; nothing where none is named."""
    if who is None:
        return []
    token = who.token if isinstance(who, Given) else await who.issue(_USER, [])
    status, answer = await http.request("GET", f"{url}/v1/endpoint", token)
    if status != 200:
        return []
    left_out = [each["region"] for each in answer.get("unhealthy", ())]
    known = [answer["region"], *(each["region"] for each in answer["fallbacks"])]
    problems = (
        Check(
            REGIONS,
            "fault",
            f"{region} is not healthy: its clients go elsewhere",
            "Examine it: `tidings doctor --region` of it",
            "docs/how-to/fail-over.md",
        )
        for region in left_out
    )
    if len(known) + len(left_out) < 2:
        return []
    return well(REGIONS, f"{', '.join(sorted(set(known)))} take clients", problems)
