"""CloudFront: whether the account may have one more distribution, with the wanted domain."""

from __future__ import annotations

from typing import Any

from operate.checks import Check

from .planned import InRegion
from .quotas import DISTRIBUTIONS, GUIDE, quota

NAME = "cloudfront"
_TYPE = "aws_cloudfront_distribution"


def check(cloudfront: Any, quotas: Any, part: InRegion) -> Check | None:
    """None if the plan makes no distribution."""
    wanted = part.new(_TYPE)
    if not wanted:
        return None
    there = _distributions(cloudfront)
    values: Any = wanted[0].after
    aliases = set(values.get("aliases") or ())
    for each in there:
        shared = aliases & set(each.get("Aliases", {}).get("Items", ()))
        if shared:
            return Check(
                NAME,
                "blocking",
                f"{', '.join(sorted(shared))} is a domain of the distribution {each['Id']}: "
                "CloudFront lets one distribution have it",
                "Take the domain away there, or choose another edge.domain",
                "docs/how-to/deploy.md#your-own-domain",
            )
    most = quota(quotas, DISTRIBUTIONS)
    found = f"the account has {len(there)} of {most:.0f} distributions"
    if len(there) + len(wanted) > most:
        return Check(NAME, "blocking", f"{found}: the apply would fail", "Ask for more", GUIDE)
    return Check(
        NAME,
        "ok",
        f"{found}. Whether a new account must first be verified, CloudFront says only when one is "
        "made",
    )


def _distributions(cloudfront: Any) -> list[dict[str, Any]]:
    pages = cloudfront.get_paginator("list_distributions").paginate()
    return [each for page in pages for each in page["DistributionList"].get("Items", ())]
