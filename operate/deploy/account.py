"""Whose AWS account a deployment goes to, and what of this environment would lead it elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from .errors import DeployError

_REGION = "us-east-1"  # any of the partition answers; the environment says which one that is


@dataclass(frozen=True, slots=True)
class Account:
    """An account.

    Attributes:
        arn: Of the user or role that deploys.
    """

    number: str
    arn: str

    def __str__(self) -> str:
        return f"AWS account {self.number} (as {self.arn})"


def account(region: str | None = None, endpoint_url: str | None = None) -> Account:
    """The account that this environment's credentials are of; it needs no permission.

    Raises:
        DeployError: There are none that are good.
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
        raise DeployError(f"no AWS credentials that are good: {fault}") from fault
    return Account(identity["Account"], identity["Arn"])


def require_aws(environment: Mapping[str, str]) -> None:
    """Refuse what would lead Terraform to another cloud, or to another state, without a word.

    Raises:
        DeployError: As it says.
    """
    for name, value in sorted(environment.items()):
        if name.startswith("AWS_ENDPOINT_URL") and value:
            raise DeployError(f"{name} is set ({value}): this would not reach AWS")
    workspace = environment.get("TF_WORKSPACE")
    if workspace not in (None, "", "default"):
        raise DeployError(
            f"TF_WORKSPACE is set ({workspace}): the state of a deployment is where backend.tf says"
        )
