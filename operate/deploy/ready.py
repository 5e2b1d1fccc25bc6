"""What makes an applied deployment ready: its secret, its health, and the proof that it works."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from operate import proof
from operate.checks import Check, problems
from operate.probes import DIRECT
from operate.tokens import jwt_secret, scope, sign

from .errors import CheckError, DeployError
from .targets import Target
from .terraform import Plan

_HEALTHY_S, _POLL_S, _ASK_S = 120.0, 0.5, 30.0
_TOKEN_S = 300

Tell = Callable[[str], None]


@dataclass(slots=True)
class Deployed:
    """The result of a deployment.

    Attributes:
        url: Of the HTTP API, and of everything else where one host serves all.
        one_host: Whether it does; without, Socket.IO clients need options: see
            docs/how-to/use-socketio-clients.md.
        resources: How many Terraform's state holds.
        seconds: By step.
        outputs: Terraform's.
        preflight: What was checked before anything changed.
        proof: What was done as clients do it, at the end.
        unproved: Why there is no proof; "" if there is one.
    """

    url: str = ""
    websocket_url: str = ""
    one_host: bool = False
    resources: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    preflight: list[Check] = field(default_factory=list)
    proof: list[Check] = field(default_factory=list)
    unproved: str = ""


@dataclass(frozen=True, slots=True)
class Checking:
    """What a deployment checks.

    Attributes:
        preflight, proof: Whether it does.
        token: Of a user, for the proof of a deployment whose tokens an issuer signs.
        show: Gets each check when it is made.
    """

    preflight: bool = True
    proof: bool = True
    token: str = ""
    show: Callable[[Check], None] = lambda check: None


def give_secret(target: Target, region: str, arn: str, tell: Tell) -> str:
    """Give the secret its first value; an existing value stays. Return it, a JSON object.

    Uses the ARN: Secrets Manager cannot tell a name that ends like an ARN from an ARN.
    """
    try:
        manager = target.client("secretsmanager", region)
        try:
            # AWS raises an error for a secret without a value; ministack returns none.
            value = manager.get_secret_value(SecretId=arn).get("SecretString")
            if value:
                return str(value)
        except manager.exceptions.ResourceNotFoundException:
            pass
        tell(f"setting the value of {arn}")
        value = json.dumps({"jwt_secret": secrets.token_hex(32)})
        manager.put_secret_value(SecretId=arn, SecretString=value)
        return value
    except (BotoCoreError, ClientError) as fault:
        raise DeployError(f"the secret {arn} still has no value: {fault}") from fault


def wait_healthy(url: str, to_aws: bool, tell: Tell) -> None:
    """Wait until `GET /v1/health`, which checks every store, answers 200."""
    tell(f"waiting for {url}")
    ask = urllib.request.urlopen if to_aws else DIRECT.open
    deadline = time.monotonic() + _HEALTHY_S
    while True:
        try:
            with ask(url, timeout=_ASK_S):
                return
        except urllib.error.HTTPError as fault:
            said = f"{fault.code} {fault.read(300).decode(errors='replace')}"
        except OSError as fault:
            said = str(fault)
        if time.monotonic() > deadline:
            raise DeployError(f"{url} is not healthy after {_HEALTHY_S:.0f} s: {said}")
        time.sleep(_POLL_S)


def prove(deployed: Deployed, plan: Plan, value: str, checking: Checking, tell: Tell) -> None:
    """Use the deployment as clients do, and keep what was found.

    Args:
        value: The secret's.

    Raises:
        CheckError: It does not work.
        NoSecret: The secret has no key to sign tokens with.
    """
    settings = (plan.variables.get("app") or {}).get("settings") or {}
    who: proof.Tokens | proof.Given
    if checking.token:
        who = proof.Given(checking.token)
    elif settings.get("TIDINGS_JWKS_URL"):
        deployed.unproved = "not proved, as an issuer signs the tokens: give one with --token"
        tell(deployed.unproved)
        return
    else:
        key, wanted = jwt_secret(value, "of the deployment"), scope(settings)

        async def issue(user: str, roles: list[str]) -> str:
            return sign(key, user, _TOKEN_S, roles, wanted)

        who = proof.Tokens(issue)
    at = proof.Addresses(deployed.url, websocket_urls(deployed), deployed.one_host)
    deployed.proof = asyncio.run(proof.prove(at, who))
    for check in deployed.proof:
        checking.show(check)
    if problems(deployed.proof):
        raise CheckError(
            f"deployed, but it does not work:\n{problems(deployed.proof)}",
            preflight=deployed.preflight,
            proof=deployed.proof,
        )


def websocket_urls(deployed: Deployed) -> tuple[str, ...]:
    """Of each shard, whose name its URL ends with if there are several."""
    if "{shard}" not in deployed.websocket_url:
        return (deployed.websocket_url,)
    apis = deployed.outputs["regions"][deployed.outputs["region"]]["websocket_apis"]
    return tuple(deployed.websocket_url.replace("{shard}", api["stage"]) for api in apis)
