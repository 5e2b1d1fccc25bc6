"""The stacks of end-to-end tests: handlers in process, or the deployed package."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from operate.clients import client
from operate.deploy import deploy as steps
from operate.deploy.targets import Name
from operate.keys import ANY, Keys
from workbench.deployed.local import START_S, LocalCloud
from workbench.stack.children import Child, free_port
from workbench.stack.threads import in_thread


class Stack(Protocol):
    """What tests use of any stack."""

    @property
    def url(self) -> str: ...
    @property
    def ws_url(self) -> str: ...

    region: str
    aws_endpoint_url: str
    redis_url: str
    secret: str
    keys: Keys
    queue_urls: dict[str, str]
    children: dict[str, Child]


class DeployedStack:
    """Tidings, packaged and applied to an emulator.

    Attributes:
        deployment: For a second apply, and to destroy it.
        deployed: The result of the first apply.
    """

    def __init__(self, cloud: LocalCloud, folder: Path) -> None:
        at = cloud.target.emulated
        assert at is not None
        self.children = cloud.children
        self.keys = ANY
        self.aws_endpoint_url, self.redis_url = at.aws_url, at.redis_url
        self.deployment = steps.Deployment(cloud.target, folder=folder)
        self.deployed = self.deployment.deploy()
        self.region = self.deployed.outputs["region"]
        region = self.deployed.outputs["regions"][self.region]
        self.queue_urls = {name: queue["url"] for name, queue in region["queues"].items()}
        secrets = client("secretsmanager", at.aws_url, self.region)
        value = secrets.get_secret_value(SecretId=region["secret"]["name"])["SecretString"]
        self.secret = json.loads(value)["jwt_secret"]

    @property
    def url(self) -> str:
        return self.deployed.url

    @property
    def ws_url(self) -> str:
        return self.deployed.websocket_url


@contextmanager
def deployed(emulator: Name) -> Iterator[DeployedStack]:
    """Deploy Tidings into emulators for it alone."""
    ports = {name: free_port() for name in ("aws_port", "beside_port", "redis_port")}
    cloud = LocalCloud(emulator, gateway_port=0, **ports)
    with (
        in_thread(cloud, START_S) as cloud,
        tempfile.TemporaryDirectory(prefix="tidings-deployed-") as folder,
    ):
        yield DeployedStack(cloud, Path(folder))
