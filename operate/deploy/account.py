"""The AWS account of a deployment, and environment variables that would lead elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from .errors import DeployError

_REGION = "us-east-1"  # any region answers; the environment says which one is deployed to


@dataclass(frozen=True, slots=True)
class Account:
    """An AWS account.

    Attributes:
        arn: The user or role that deploys.
    """

    number: str
    arn: str

    def __str__(self) -> str:
        return f"AWS account {self.number} (as {self.arn})"


def account(region: str | None = None, endpoint_url: str | None = None) -> Account:
    """The account of this environment's credentials; asking needs no permission.

    Raises:
        DeployError: There are no valid credentials.
    """
    try:
        session = boto3.Session()
        identity = session.client(
            "sts",
            region_name=region or session.region_name or _REGION,
            endpoint_url=endpoint_url,
            config=Config(connect_timeout=5, read_timeout=10, retries={"max_attempts": 2}),
        ).get_caller_identity()
    except (BotoCoreError, ClientError) as fault:
        raise DeployError(f"no valid AWS credentials: {fault}") from fault
    return Account(identity["Account"], identity["Arn"])


def require_aws(environment: Mapping[str, str]) -> None:
    """Reject variables that would silently lead Terraform to another cloud or state.

    Raises:
        DeployError: Such a variable is set.
    """
    for name, value in sorted(environment.items()):
        if name.startswith("AWS_ENDPOINT_URL") and value:
            raise DeployError(f"{name} is set ({value}), so this would not reach AWS: unset it")
    workspace = environment.get("TF_WORKSPACE")
    if workspace not in (None, "", "default"):
        raise DeployError(
            f"TF_WORKSPACE is set ({workspace}): unset it; backend.tf says where the state is"
        )
