"""One ministack that runs functions, and what Terraform would deploy, put into it by a few calls.

A plugin of tests/conftest.py.
"""

from __future__ import annotations

import io
import itertools
import textwrap
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from operate.clients import client
from workbench.lambdas.python import lambda_python
from workbench.stack.children import free_port, start_lambda, start_ministack

REGION = "us-east-1"
ACCOUNT = "000000000000"
_names = itertools.count(1)


def function_arn(name: str, region: str = REGION) -> str:
    return f"arn:aws:lambda:{region}:{ACCOUNT}:function:{name}"


def invoke_arn(name: str) -> str:
    """As Terraform's `aws_lambda_function.invoke_arn`."""
    functions = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions"
    return f"{functions}/{function_arn(name)}/invocations"


def zipped(code: str) -> bytes:
    """A package with this one module."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("app.py", textwrap.dedent(code))
    return file.getvalue()


class Emulator:
    """A running emulator, and things to deploy.

    Attributes:
        prefix: Nobody else's, for each test.
    """

    def __init__(self, url: str, lambda_url: str) -> None:
        self.url = url
        self._lambda_url = lambda_url
        self.prefix = f"t{next(_names)}"
        self.apis = client("apigatewayv2", url, REGION)
        self.functions = client("lambda", url, REGION)

    def function(
        self,
        code: str,
        name: str = "function",
        variables: Mapping[str, str] | None = None,
        **options: Any,
    ) -> str:
        """Deploy `handler` of a module of this source; its deployed name."""
        deployed = f"{self.prefix}-{name}"
        self.functions.create_function(
            FunctionName=deployed,
            Runtime="python3.13",
            Role=f"arn:aws:iam::{ACCOUNT}:role/any",
            Code={"ZipFile": zipped(code)},
            Environment=self.variables(**(variables or {})),
            **{"Handler": "app.handler", "Timeout": 20, **options},
        )
        return deployed

    def variables(self, **more: str) -> dict[str, dict[str, str]]:
        """A function's environment."""
        return {"Variables": {"MINISTACK_LAMBDA_PROXY_URL": self._lambda_url, **more}}

    def websocket_api(self, routes: Mapping[str, str], stage: str = "prod", **options: Any) -> str:
        """An API with `{route key: function}` and an answer from $default; its id."""
        api = self.apis.create_api(
            Name=f"{self.prefix}-{stage}",
            ProtocolType="WEBSOCKET",
            **{"RouteSelectionExpression": "$request.body.action", **options},
        )["ApiId"]
        for key, function in routes.items():
            target = self.integration(api, invoke_arn(function))
            answers = {"RouteResponseSelectionExpression": "$default"} if key == "$default" else {}
            route = self.apis.create_route(ApiId=api, RouteKey=key, Target=target, **answers)
            if answers:
                self.apis.create_route_response(
                    ApiId=api, RouteId=route["RouteId"], RouteResponseKey="$default"
                )
        self.apis.create_stage(ApiId=api, StageName=stage, AutoDeploy=True)
        return str(api)

    def http_api(self, routes: Mapping[str, str], **options: Any) -> str:
        """An API with `{route key: function}`; its id."""
        api = self.apis.create_api(Name=f"{self.prefix}-http", ProtocolType="HTTP", **options)
        for key, function in routes.items():
            target = self.integration(api["ApiId"], invoke_arn(function))
            self.apis.create_route(ApiId=api["ApiId"], RouteKey=key, Target=target)
        self.apis.create_stage(ApiId=api["ApiId"], StageName="$default", AutoDeploy=True)
        return str(api["ApiId"])

    def integration(self, api: str, uri: str, **options: Any) -> str:
        """A route's target."""
        made = self.apis.create_integration(
            ApiId=api,
            IntegrationUri=uri,
            **{"IntegrationType": "AWS_PROXY", "PayloadFormatVersion": "1.0", **options},
        )
        return f"integrations/{made['IntegrationId']}"


@pytest.fixture(scope="session")
def emulator_url() -> Iterator[str]:
    port = free_port()
    child = start_ministack(port, REGION)
    yield f"http://127.0.0.1:{port}"
    child.stop()


@pytest.fixture(scope="session")
def lambda_url(emulator_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    python = lambda_python(tmp_path_factory.mktemp("lambda") / "python")
    child = start_lambda(port, emulator_url, python)
    yield f"http://127.0.0.1:{port}/"
    child.stop()


@pytest.fixture
def emulator(emulator_url: str, lambda_url: str) -> Emulator:
    return Emulator(emulator_url, lambda_url)
