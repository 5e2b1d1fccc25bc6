"""Whether Lambda has the executions that the functions reserve."""

from __future__ import annotations

from typing import Any

from operate.checks import Check

from .planned import InRegion

NAME = "lambda-concurrency"
GUIDE = "docs/how-to/deploy.md#quotas"
# Lambda keeps this many for functions that reserve none.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
_UNRESERVED = 100
_TYPE = "aws_lambda_function"


def check(lambdas: Any, part: InRegion) -> Check:
    """Compare what the account has left with what the plan reserves."""
    limits = lambdas.get_account_settings()["AccountLimit"]
    quota = int(limits["ConcurrentExecutions"])
    ours_now = sum(_reserved(each.before) for each in part.resources if each.type == _TYPE)
    others = quota - int(limits["UnreservedConcurrentExecutions"]) - ours_now
    wanted = sum(_reserved(each.after) for each in part.of(_TYPE))
    left = quota - others - wanted
    found = (
        f"the account has {quota} concurrent executions in {part.region}, others reserve {others}, "
        f"this deployment {wanted}"
    )
    if wanted and left < _UNRESERVED:
        least = max(0, quota - others)
        return Check(
            NAME,
            "blocking",
            f"{found}; {_UNRESERVED} must stay unreserved, so the apply would fail",
            f"Set app.account_concurrency to {least} or less, or ask for a higher quota",
            GUIDE,
        )
    counted = int((part.variables.get("app") or {}).get("account_concurrency") or 1000)
    if counted > quota - others:
        return Check(
            NAME,
            "warning",
            f"{found}; app.account_concurrency counts on {counted}",
            f"Set app.account_concurrency to {quota - others}, and "
            "monitoring.thresholds.concurrent_executions to 80 % of the quota",
            GUIDE,
        )
    return Check(NAME, "ok", found)


def _reserved(values: Any) -> int:
    reserved = (values or {}).get("reserved_concurrent_executions")
    return max(0, int(reserved)) if reserved is not None else 0
