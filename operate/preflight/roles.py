"""The role with which API Gateway writes logs, one for all APIs of an account and region."""

from __future__ import annotations

from typing import Any

from operate.checks import Check

from .planned import InRegion

NAME = "api-gateway-logs-role"
GUIDE = "docs/how-to/deploy.md#4-the-account"


def check(gateway: Any, part: InRegion) -> Check | None:
    """Nobody's role may be replaced without a word, and there must be one.

    None if the plan has no API that writes logs with it.
    """
    role = gateway.get_account().get("cloudwatchRoleArn") or ""
    ours = f"{part.variables.get('name')}-{part.region}-gateway-logs"
    managed = any(part.of("aws_api_gateway_account"))
    if not managed and not any(part.of("aws_apigatewayv2_stage")):
        return None
    if not managed and not role:
        return Check(
            NAME,
            "blocking",
            f"API Gateway has no role for logs in {part.region}: it would refuse the APIs' access "
            "logs",
            "Let Terraform set one: take app.manage_gateway_account = false out",
            GUIDE,
        )
    if not managed:
        return Check(NAME, "ok", f"API Gateway logs as {role}, which stays as it is")
    if role and role.rpartition("/")[2] != ours:
        return Check(
            NAME,
            "blocking",
            f"API Gateway logs as {role} in {part.region}: the plan would replace this role for "
            "all APIs of the account",
            "Keep it: set app = { manage_gateway_account = false }",
            GUIDE,
        )
    return Check(NAME, "ok", f"API Gateway logs as {ours}, which is this deployment's own")
