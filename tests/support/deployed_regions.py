"""The example of two regions, applied to one ministack, which replicates global tables."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from operate import package, triggers
from operate.clients import client
from operate.deploy.targets import NAME, Emulated, emulated
from operate.deploy.terraform import Terraform
from tests.support.paths import ROOT
from workbench.deployed.gateway import DeployedGateway
from workbench.lambdas.python import lambda_python
from workbench.stack.children import free_port, start_lambda, start_ministack, start_valkey
from workbench.stack.threads import in_thread

REGIONS = ("us-east-1", "eu-west-1")
_NOT_READ_BACK = ("aws_secretsmanager_secret",)  # ministack does not return its replicas
_SECRET = '{"jwt_secret": "a-secret-of-at-least-thirty-two-bytes"}'


@dataclass(frozen=True)
class TwoRegions:
    """A deployment in two regions.

    Attributes:
        gateways: By region.
        outputs: Of the example.
        changes: Types of resources that a second plan would change.
    """

    aws_url: str
    gateways: dict[str, DeployedGateway]
    outputs: dict[str, Any]
    changes: frozenset[str]


@contextmanager
def two_regions() -> Iterator[TwoRegions]:
    """Package, apply the example, and serve each region's APIs on a host of its own."""
    with contextlib.ExitStack() as open_:
        scratch = Path(open_.enter_context(tempfile.TemporaryDirectory(prefix="tidings-regions-")))
        aws_port, lambda_port = free_port(), free_port()
        aws_url = f"http://127.0.0.1:{aws_port}"
        caches = []
        for _ in REGIONS:
            caches.append(free_port())
            open_.callback(start_valkey(caches[-1]).stop)
        functions = triggers.load(ROOT / "app.py").functions
        where = {f"{NAME}-{name}": f"http://127.0.0.1:{lambda_port}/" for name in functions}
        open_.callback(start_ministack(aws_port, REGIONS[0], where).stop)
        python = lambda_python(scratch / "python")
        open_.callback(start_lambda(lambda_port, aws_url, python).stop)
        gateways = {
            region: open_.enter_context(
                in_thread(DeployedGateway(aws_url, port=0, region=region, poll_s=0.5))
            )
            for region in REGIONS
        }
        target = emulated("ministack", REGIONS[0], Emulated(aws_url=aws_url))
        package.build(target.package, scratch / "dist")
        left_out = shutil.ignore_patterns(".terraform*", "terraform.tfstate*", "backend.tf")
        shutil.copytree(ROOT / "terraform", scratch / "terraform", ignore=left_out)
        example = scratch / "terraform" / "examples" / "two-regions"
        variables = {
            "regions": list(REGIONS),
            "package_dir": str(scratch / "dist"),
            "redis_urls": [f"redis://127.0.0.1:{port}/0" for port in caches],
            "connections_urls": [gateways[region].url for region in REGIONS],
            "aws_endpoint_url": aws_url,
        }
        environment = target.environment(os.environ)
        root = open_.enter_context(Terraform(example, environment=environment))
        root.init("-backend=false")
        root.apply(root.plan(variables))
        again = root.plan(variables).changes - {*target.not_read_back, *_NOT_READ_BACK}
        for region in REGIONS:  # ministack does not replicate a secret's value
            _put_secret(aws_url, region)
        yield TwoRegions(aws_url, gateways, root.output(), again)


def _put_secret(aws_url: str, region: str) -> None:
    secrets = client("secretsmanager", aws_url, region)
    name = f"{NAME}-secrets"
    try:
        secrets.put_secret_value(SecretId=name, SecretString=_SECRET)
    except secrets.exceptions.ResourceNotFoundException:
        secrets.create_secret(Name=name, SecretString=_SECRET)
