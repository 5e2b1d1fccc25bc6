"""The role with which API Gateway writes logs, one for all APIs of an account and region."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from operate.checks import Check

from .planned import InRegion

NAME = "api-gateway-logs-role"
GUIDE = "docs/how-to/deploy.md#4-the-account"


def check(gateway: Any, iam: Any, part: InRegion) -> Check | None:
    """Nobody's role may be replaced without a word, and there must be one.

    None if the plan has no API that writes logs with it.
    """
    managed = any(part.of("aws_api_gateway_account"))
    if not managed and not any(part.of("aws_apigatewayv2_stage")):
        return None
    role = gateway.get_account().get("cloudwatchRoleArn") or ""
    ours = f"{part.variables.get('name')}-{part.region}-gateway-logs"
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
    name = role.rpartition("/")[2]
    if not role or name == ours:
        return Check(NAME, "ok", f"API Gateway logs as {ours}, which is this deployment's own")
    if _is_gone(iam, name):
        return Check(NAME, "ok", f"API Gateway names {role} in {part.region}, which is gone")
    return Check(
        NAME,
        "blocking",
        f"API Gateway logs as {role} in {part.region}: the plan would replace this role for all "
        "APIs of the account",
        "Keep it: set app = { manage_gateway_account = false }",
        GUIDE,
    )


def _is_gone(iam: Any, name: str) -> bool:
    """Whether there is no such role; one that may not be looked at counts as somebody's."""
    try:
        iam.get_role(RoleName=name)
    except iam.exceptions.NoSuchEntityException:
        return True
    except ClientError:
        return False
    return False
