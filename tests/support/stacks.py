"""The stacks that end-to-end tests run on: handlers in process, or the deployed package."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from workbench.deploy import deploy as steps
from workbench.deploy.clients import client
from workbench.deploy.local import LocalCloud, LocalCloudThread
from workbench.deploy.targets import Name
from workbench.stack.children import Child, free_port


class Stack(Protocol):
    """What tests ask of any of them."""

    @property
    def url(self) -> str: ...
    @property
    def ws_url(self) -> str: ...

    region: str
    aws_endpoint_url: str
    redis_url: str
    secret: str
    queue_urls: dict[str, str]
    children: dict[str, Child]


class DeployedStack:
    """Tidings, packaged and applied into emulators of its own.

    Attributes:
        deployment: For a second apply, and to destroy it.
        deployed: What the first apply came to.
    """

    def __init__(self, emulator: Name) -> None:
        ports = {name: free_port() for name in ("aws_port", "beside_port", "redis_port")}
        self._thread = LocalCloudThread(LocalCloud(emulator, gateway_port=0, **ports))
        self._scratch = tempfile.TemporaryDirectory(prefix="tidings-deployed-")

    @property
    def url(self) -> str:
        return self.deployed.url

    @property
    def ws_url(self) -> str:
        return self.deployed.websocket_url

    @property
    def children(self) -> dict[str, Child]:
        return self._thread.cloud.children

    def start(self) -> DeployedStack:
        target = self._thread.start().target
        at = target.emulated
        assert at is not None
        self.region = target.region
        self.deployment = steps.Deployment(target, folder=Path(self._scratch.name))
        self.aws_endpoint_url, self.redis_url = at.aws_url, at.redis_url
        self.deployed = self.deployment.deploy()
        region = self.deployed.outputs["regions"][self.region]
        self.queue_urls = {name: queue["url"] for name, queue in region["queues"].items()}
        secrets = client("secretsmanager", at.aws_url, self.region)
        value = secrets.get_secret_value(SecretId=region["secret"]["name"])["SecretString"]
        self.secret = json.loads(value)["jwt_secret"]
        return self

    def stop(self) -> None:
        self._thread.stop()
        self._scratch.cleanup()

    def dead_children(self) -> Mapping[str, str]:
        return {name: why for name, child in self.children.items() if (why := child.dead())}
