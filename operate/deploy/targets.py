"""Where Tidings is deployed: AWS, or emulators on this machine, which get the same Terraform.

Owns what differs between them, as Terraform variables and as the package's kind; nothing else
may ask which target it is.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from operate import keys, package
from operate.surroundings import local

from .errors import DeployError

Name = Literal["aws", "ministack", "localstack"]
NAMES: tuple[Name, ...] = ("aws", "ministack", "localstack")
NAME = "tidings"  # of a deployment into an emulator
# What LocalStack 4.14 lacks; ministack answers for it. By the names in environment variables.
# https://docs.localstack.cloud/aws/services/
LACKING = ("APIGATEWAYV2", "CLOUDFRONT", "ELASTICACHE")

# What an emulator takes and does not tell again, so that every plan would change it. ministack's
# DescribeAlarms (query protocol) leaves out most of an alarm; LocalStack 4.14 the tags of alarms
# and the descriptions of security group rules.
_NOT_READ_BACK: dict[Name, tuple[str, ...]] = {
    "ministack": ("aws_cloudwatch_metric_alarm",),
    "localstack": (
        "aws_cloudwatch_metric_alarm",
        "aws_vpc_security_group_egress_rule",
        "aws_vpc_security_group_ingress_rule",
    ),
}


@dataclass(frozen=True, slots=True)
class Emulated:
    """What `localstack/up` runs, by its addresses.

    Attributes:
        beside_url: ministack beside LocalStack, "" where one emulator has all.
        gateway_url: The local API Gateway.
        python: The Python in which the emulator runs functions, such as 3.13.
    """

    aws_url: str = "http://127.0.0.1:4566"
    beside_url: str = ""
    gateway_url: str = "http://127.0.0.1:8080"
    redis_url: str = "redis://127.0.0.1:6379/0"
    python: str = f"{sys.version_info.major}.{sys.version_info.minor}"

    @property
    def control_plane_url(self) -> str:
        """Where API Gateway's (v2) own API answers."""
        return self.beside_url or self.aws_url


@dataclass(frozen=True, slots=True)
class Target:
    """A target.

    Attributes:
        region: The primary one; None for what the Terraform variables say.
        emulated: None on AWS.
    """

    name: Name
    region: str | None = None
    emulated: Emulated | None = None
    package: package.Target = field(default_factory=package.Target)

    @property
    def aws_url(self) -> str | None:
        return self.emulated.aws_url if self.emulated else None

    @property
    def not_read_back(self) -> tuple[str, ...]:
        """Types of resources whose second plan says nothing here."""
        return _NOT_READ_BACK.get(self.name, ())

    def variables(self) -> dict[str, Any]:
        """Terraform's variables of this target; on AWS there are none but the region."""
        region = {"region": self.region} if self.region else {}
        if self.emulated is None:
            return region
        return {
            **region,
            "name": NAME,
            "aws_endpoint_url": self.emulated.aws_url,
            "connections_url": self.emulated.gateway_url,
            "redis_url": self.emulated.redis_url,
            # What is emulated is thrown away with its emulator.
            "secret_recovery_days": 0,
            "tables": {"point_in_time_recovery": True, "deletion_protection": False},
        }

    def environment(self, given: Mapping[str, str]) -> dict[str, str]:
        """Of Terraform. An emulator's has its address, and nothing of the developer's own AWS.

        https://registry.terraform.io/providers/hashicorp/aws/latest/docs/guides/custom-service-endpoints
        """
        if self.emulated is None:
            return dict(given)
        beside = self.emulated.beside_url
        return {
            **local(given),
            "AWS_ENDPOINT_URL": self.emulated.aws_url,
            **({f"AWS_ENDPOINT_URL_{service}": beside for service in LACKING} if beside else {}),
            **keys.ANY.variables(),
        }


def emulated(name: Name, region: str, at: Emulated) -> Target:
    """A target on this machine, whose functions run on this machine's processor.

    Raises:
        DeployError: Lambda has no such processor or Python.
    """
    try:
        kind = package.Target(at.python, package.host_architecture())
    except ValueError as fault:
        raise DeployError(f"nothing can be deployed on this machine: {fault}") from fault
    return Target(name, region, at, kind)
