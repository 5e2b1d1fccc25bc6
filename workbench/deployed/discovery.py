"""Reads API Gateway's control plane to find the deployed APIs that the gateway serves.

Never writes. An API that the gateway cannot serve as API Gateway would is not served at all; the
reason is in `Deployment.problems`. An incomplete API (no stage yet, as during `terraform apply`)
is ignored and is not a problem.
https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/api-reference.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from operate.clients import client
from workbench.gateway import HttpApi, WebSocketApi
from workbench.gateway.routes import check

_LAMBDA = re.compile(
    r"(?:arn:aws[\w-]*:apigateway:[\w-]+:lambda:path/2015-03-31/functions/)?"
    r"arn:aws[\w-]*:lambda:(?P<region>[\w-]+):\d{12}:function:(?P<name>[\w:$-]+)"
    r"(?:/invocations)?"
)
_PAGES = 1000
Item = dict[str, Any]


class Unreachable(Exception):
    """The control plane does not answer or refused; the text is for the user."""


class Unserved(Exception):
    """The gateway does not support an API's configuration; the text is for the user."""


@dataclass(frozen=True)
class Deployment:
    """The APIs of a control plane.

    Attributes:
        websocket_apis: One for each stage.
        problems: Why APIs are not served, one sentence each.
    """

    websocket_apis: tuple[WebSocketApi, ...] = ()
    http_api: HttpApi | None = None
    problems: tuple[str, ...] = ()


class Discovery:
    """Reads the APIs named `{prefix}` or `{prefix}-…`.

    Args:
        endpoint_url: Where the apigatewayv2 control plane answers.
    """

    def __init__(self, endpoint_url: str, region: str, prefix: str) -> None:
        self.endpoint_url = endpoint_url
        self._region = region
        self._prefix = prefix
        self._client = client("apigatewayv2", endpoint_url, region)

    def read(self) -> Deployment:
        """Read the present deployment.

        Raises:
            Unreachable: The control plane cannot be read, so nothing is known.
        """
        try:
            return self._read()
        except (BotoCoreError, ClientError) as fault:
            raise Unreachable(
                f"the APIs at {self.endpoint_url} could not be read: {fault}"
            ) from fault

    def _read(self) -> Deployment:
        apis = sorted(filter(self._is_ours, pages(self._client.get_apis)), key=lambda a: a["Name"])
        domains = self._domains() if apis else {}
        websocket_apis: list[WebSocketApi] = []
        http_apis: list[HttpApi] = []
        problems: list[str] = []
        for api in apis:
            try:
                if api["ProtocolType"] == "WEBSOCKET":
                    websocket_apis += self._websocket_apis(api, domains)
                else:
                    http_apis += self._http_apis(api, domains)
            except Unserved as fault:
                problems.append(f"{api['Name']} ({api['ApiId']}) is not served: {fault}")
            except self._client.exceptions.NotFoundException:
                continue  # deleted since it was listed
        problems += _clashes(websocket_apis, http_apis)
        served = tuple(_at_paths(_unique(websocket_apis)))
        return Deployment(served, http_apis[0] if http_apis else None, tuple(problems))

    def _is_ours(self, api: Item) -> bool:
        return api["Name"] == self._prefix or bool(api["Name"].startswith(f"{self._prefix}-"))

    def _websocket_apis(self, api: Item, domains: dict[Any, str]) -> Iterator[WebSocketApi]:
        """One for each stage."""
        stages = [stage["StageName"] for stage in self._of(self._client.get_stages, api)]
        if not stages:
            return
        expression = api["RouteSelectionExpression"]
        try:
            check(expression)
        except ValueError as fault:
            raise Unserved(str(fault)) from fault
        routes = self._routes(api)
        if not routes:
            return  # API Gateway cannot deploy an API without routes
        functions = self._functions(api, routes)
        responding = frozenset(key for key, route in routes.items() if self._responds(api, route))
        for stage in stages:
            yield WebSocketApi(
                api_id=api["ApiId"],
                stage=stage,
                routes=functions,
                route_responses=responding,
                route_selection_expression=expression,
                domain=domains.get((api["ApiId"], stage), ""),
            )

    def _http_apis(self, api: Item, domains: dict[Any, str]) -> Iterator[HttpApi]:
        stages = [stage["StageName"] for stage in self._of(self._client.get_stages, api)]
        if not stages:
            return
        if stages != ["$default"]:
            raise Unserved(f"its stage must be $default, without a path, not {', '.join(stages)}")
        if api.get("CorsConfiguration"):
            raise Unserved("CORS is configured on the HTTP API; answer it in the function")
        routes = self._functions(api, self._routes(api), payload="1.0")
        if not routes:
            return
        keys = {key: _method_and_path(key) for key in routes}
        yield HttpApi(
            api_id=api["ApiId"],
            function="",
            routes=tuple(sorted(keys.values())),
            functions={keys[key]: function for key, function in routes.items()},
            domain=domains.get((api["ApiId"], "$default"), ""),
        )

    def _routes(self, api: Item) -> dict[str, Item]:
        routes = {route["RouteKey"]: route for route in self._of(self._client.get_routes, api)}
        for key, route in routes.items():
            if route.get("AuthorizationType", "NONE") != "NONE":
                raise Unserved(f"route {key} has the authorizer {route['AuthorizationType']}")
            if route.get("ApiKeyRequired"):
                raise Unserved(f"route {key} requires an API key")
        return routes

    def _functions(
        self, api: Item, routes: dict[str, Item], payload: str | None = None
    ) -> dict[str, str]:
        """The function that each route's integration names, by route key."""
        found = self._of(self._client.get_integrations, api)
        integrations = {integration["IntegrationId"]: integration for integration in found}
        functions = {}
        for key, route in routes.items():
            name = route.get("Target", "").removeprefix("integrations/")
            if name not in integrations:
                raise Unserved(f"route {key} has no integration")
            try:
                functions[key] = self._function(integrations[name], payload)
            except Unserved as fault:
                raise Unserved(f"route {key}: {fault}") from fault
        return functions

    def _function(self, integration: Item, payload: str | None) -> str:
        kind, uri = integration["IntegrationType"], integration.get("IntegrationUri", "")
        if kind != "AWS_PROXY":
            raise Unserved(f"integration type {kind}; only AWS_PROXY is supported")
        if payload and integration.get("PayloadFormatVersion") != payload:
            version = integration.get("PayloadFormatVersion")
            raise Unserved(f"payload format {version}; only {payload} is supported")
        if integration.get("ContentHandlingStrategy") == "CONVERT_TO_BINARY":
            raise Unserved("content handling CONVERT_TO_BINARY is not supported")
        found = _LAMBDA.fullmatch(uri)
        if found is None:
            raise Unserved(
                f"an integration with {uri or 'nothing'}, which is not a Lambda function"
            )
        if found["region"] != self._region:
            raise Unserved(f"a function in {found['region']}; only {self._region} is supported")
        return found["name"]

    def _responds(self, api: Item, route: Item) -> bool:
        """Whether the function's result reaches the client, which needs both settings.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-response.html
        """
        if route.get("RouteResponseSelectionExpression") != "$default":
            return False
        responses = self._of(self._client.get_route_responses, api, RouteId=route["RouteId"])
        return any(response["RouteResponseKey"] == "$default" for response in responses)

    def _domains(self) -> dict[tuple[str, str], str]:
        """Custom domains by API id and stage."""
        domains = {}
        for domain in pages(self._client.get_domain_names):
            name = domain["DomainName"]
            for mapping in pages(self._client.get_api_mappings, DomainName=name):
                domains[mapping["ApiId"], mapping["Stage"]] = name
        return domains

    @staticmethod
    def _of(operation: Callable[..., Item], api: Item, **arguments: str) -> list[Item]:
        return list(pages(operation, ApiId=api["ApiId"], **arguments))


def pages(operation: Callable[..., Item], **arguments: str) -> Iterator[Item]:
    """All items of a paged operation; boto3 has no paginator for API mappings."""
    for _ in range(_PAGES):
        answer = operation(**arguments)
        yield from answer.get("Items", [])
        if not answer.get("NextToken"):
            return
        arguments["NextToken"] = answer["NextToken"]


def _method_and_path(key: str) -> tuple[str, str]:
    """`GET /a` as ("GET", "/a")."""
    if key == "$default":
        raise Unserved("the catch-all route $default is not supported; name each path")
    method, _, path = key.partition(" ")
    return method, path


def _clashes(websocket_apis: list[WebSocketApi], http_apis: list[HttpApi]) -> Iterator[str]:
    """APIs that one host cannot tell apart."""
    stages = [api.stage for api in websocket_apis]
    for stage in sorted({stage for stage in stages if stages.count(stage) > 1}):
        ids = ", ".join(api.api_id for api in websocket_apis if api.stage == stage)
        yield f"several WebSocket APIs have the stage {stage} ({ids}): only the first is served"
    if len(http_apis) > 1:
        ids = ", ".join(api.api_id for api in http_apis)
        yield f"there are several HTTP APIs ({ids}): only the first is served"


def _unique(apis: list[WebSocketApi]) -> list[WebSocketApi]:
    """The first of each stage, by stage."""
    first: dict[str, WebSocketApi] = {}
    for api in apis:
        first.setdefault(api.stage, api)
    return [first[stage] for stage in sorted(first)]


def _at_paths(apis: list[WebSocketApi]) -> Iterator[WebSocketApi]:
    """Add /ws as a path of the first API, or of Socket.IO's; each is at its stage's path, too."""
    for number, api in enumerate(apis):
        path = "/ws" if number == 0 else f"/{api.stage}"
        yield replace(api, path=path)
