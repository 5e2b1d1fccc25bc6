"""Where Tidings is deployed: AWS, or emulators on this machine, with the same Terraform.

Owns the differences between targets, as Terraform variables and the kind of package; no other
module may ask which target it is.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import boto3
from botocore.config import Config

from operate import clients, keys, package
from operate.surroundings import local

from .errors import DeployError

Name = Literal["aws", "ministack", "localstack"]
NAMES: tuple[Name, ...] = ("aws", "ministack", "localstack")
NAME = "tidings"  # of every deployment into an emulator
# Services that LocalStack 4.14 lacks and ministack provides, as environment variables name them.
# https://docs.localstack.cloud/aws/services/
LACKING = ("APIGATEWAYV2", "CLOUDFRONT", "ELASTICACHE")

_BOUNDED = Config(connect_timeout=5, read_timeout=10, retries={"max_attempts": 2})

# Resources that an emulator does not return as they were written, so that every plan would change
# them: ministack's DescribeAlarms (query protocol) leaves out most of an alarm; LocalStack 4.14
# leaves out the tags of alarms and the descriptions of security group rules.
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
    """The addresses of what `localstack/up` runs.

    Attributes:
        beside_url: ministack beside LocalStack; "" if one emulator has everything.
        gateway_url: The local API Gateway.
        python: The Python version that the emulator runs functions with, such as 3.13.
    """

    aws_url: str = "http://127.0.0.1:4566"
    beside_url: str = ""
    gateway_url: str = "http://127.0.0.1:8080"
    redis_url: str = "redis://127.0.0.1:6379/0"
    python: str = f"{sys.version_info.major}.{sys.version_info.minor}"

    @property
    def control_plane_url(self) -> str:
        """Where the API Gateway (v2) control plane answers."""
        return self.beside_url or self.aws_url


@dataclass(frozen=True, slots=True)
class Target:
    """A place to deploy to.

    Attributes:
        region: The primary region; None to use the Terraform variables' one.
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
        """Types of resources for which a second plan shows changes although nothing changed."""
        return _NOT_READ_BACK.get(self.name, ())

    def client(self, service: str, region: str) -> Any:
        """A client of an AWS service that gives up within seconds."""
        if self.emulated is not None:
            # As environment variables name services.
            beside = service.upper().replace("-", "_") in LACKING
            url = self.emulated.control_plane_url if beside else self.emulated.aws_url
            return clients.client(service, url, region)
        return boto3.Session().client(service, region_name=region, config=_BOUNDED)  # type: ignore[call-overload]

    def variables(self) -> dict[str, Any]:
        """Terraform's variables for this target; on AWS only the region."""
        region = {"region": self.region} if self.region else {}
        if self.emulated is None:
            return region
        return {
            **region,
            "name": NAME,
            "aws_endpoint_url": self.emulated.aws_url,
            "connections_url": self.emulated.gateway_url,
            "redis_url": self.emulated.redis_url,
            # Data in an emulator is lost with it.
            "secret_recovery_days": 0,
            "tables": {"point_in_time_recovery": True, "deletion_protection": False},
        }

    def environment(self, given: Mapping[str, str]) -> dict[str, str]:
        """Terraform's environment; for an emulator, its address and none of the developer's AWS.

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
        DeployError: Lambda does not support this processor or Python.
    """
    try:
        kind = package.Target(at.python, package.host_architecture())
    except ValueError as fault:
        raise DeployError(f"emulators cannot run functions on this machine: {fault}") from fault
    return Target(name, region, at, kind)
