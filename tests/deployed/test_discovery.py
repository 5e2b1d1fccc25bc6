"""What API Gateway's control plane says, against ministack's.

https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/api-reference.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.emulator import REGION, Emulator, function_arn, invoke_arn
from workbench.deployed.discovery import Deployment, Discovery, Unreachable, pages
from workbench.gateway import HttpApi, WebSocketApi
from workbench.stack.children import free_port

ROUTES = {"$connect": "connect", "$default": "message", "$disconnect": "disconnect"}


def read(emulator: Emulator) -> Deployment:
    return Discovery(emulator.url, REGION, emulator.prefix).read()


def test_nothing_is_deployed(emulator: Emulator) -> None:
    assert read(emulator) == Deployment()


def test_a_websocket_api(emulator: Emulator) -> None:
    api = emulator.websocket_api(ROUTES)
    expected = WebSocketApi(api, "prod", routes=ROUTES, route_responses=frozenset({"$default"}))
    assert read(emulator) == Deployment((expected,))


def test_an_answer_needs_the_expression_and_the_response(emulator: Emulator) -> None:
    """apigateway-websocket-api-route-response."""
    api = emulator.websocket_api({"$connect": "connect"})
    target = emulator.integration(api, invoke_arn("other"))
    expression = {"RouteResponseSelectionExpression": "$default"}
    for key, given in {"expression": expression, "response": {}, "both": expression}.items():
        route = emulator.apis.create_route(ApiId=api, RouteKey=key, Target=target, **given)
        if key != "expression":
            emulator.apis.create_route_response(
                ApiId=api, RouteId=route["RouteId"], RouteResponseKey="$default"
            )
    [found] = read(emulator).websocket_apis
    assert found.route_responses == {"both"}
    assert set(found.routes) == {"$connect", "expression", "response", "both"}


def test_shards_are_apis_by_their_stages_and_the_first_is_at_ws(emulator: Emulator) -> None:
    for stage in ("ws-1", "ws-0"):
        emulator.websocket_api(ROUTES, stage)
    found = [(api.stage, api.path) for api in read(emulator).websocket_apis]
    assert found == [("ws-0", "/ws"), ("ws-1", "/ws-1")]


def test_an_http_api_with_a_function_for_each_route(emulator: Emulator) -> None:
    api = emulator.http_api({"GET /v1/rooms/{id}": "handler", "ANY /{proxy+}": "other"})
    functions = {("GET", "/v1/rooms/{id}"): "handler", ("ANY", "/{proxy+}"): "other"}
    expected = HttpApi(api, function="", routes=tuple(sorted(functions)), functions=functions)
    assert read(emulator) == Deployment(http_api=expected)


@pytest.mark.parametrize("suffix", ["", ":live", ":3"])
@pytest.mark.parametrize("arn", [function_arn, invoke_arn])
def test_the_function_is_found_in_an_arn(
    emulator: Emulator, arn: Callable[[str], str], suffix: str
) -> None:
    """services-apigateway: as the console and Terraform write it."""
    api = emulator.websocket_api({})
    target = emulator.integration(api, arn(f"my_function-1{suffix}"))
    emulator.apis.create_route(ApiId=api, RouteKey="$default", Target=target)
    [found] = read(emulator).websocket_apis
    assert found.routes == {"$default": f"my_function-1{suffix}"}


def test_other_apis_are_not_ours(emulator: Emulator) -> None:
    for name in (f"{emulator.prefix}0-prod", f"x-{emulator.prefix}", "other"):
        emulator.apis.create_api(Name=name, ProtocolType="HTTP")
    assert read(emulator) == Deployment()


def test_what_is_half_made_is_not_there_yet(emulator: Emulator) -> None:
    api = emulator.websocket_api({})  # no route
    assert read(emulator) == Deployment()
    emulator.apis.delete_stage(ApiId=api, StageName="prod")
    emulator.apis.create_route(ApiId=api, RouteKey="$default")
    assert read(emulator) == Deployment()


def test_a_custom_domain_is_the_api_s_at_its_stage(emulator: Emulator) -> None:
    api = emulator.websocket_api(ROUTES)
    http = emulator.http_api({"GET /a": "handler"})
    for name, api_id, stage in (("ws", api, "prod"), ("http", http, "$default")):
        domain = f"{name}.{emulator.prefix}.example.com"
        emulator.apis.create_domain_name(DomainName=domain)
        emulator.apis.create_api_mapping(DomainName=domain, ApiId=api_id, Stage=stage)
    found = read(emulator)
    assert [each.domain for each in found.websocket_apis] == [f"ws.{emulator.prefix}.example.com"]
    assert found.http_api is not None
    assert found.http_api.domain == f"http.{emulator.prefix}.example.com"


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ({"integration": {"PayloadFormatVersion": "2.0"}}, "payload format 2.0; only 1.0"),
        ({"integration": {"IntegrationType": "HTTP_PROXY"}}, "type HTTP_PROXY; only AWS_PROXY"),
        ({"uri": "https://example.com"}, "https://example.com, which is not a Lambda function"),
        ({"uri": function_arn("far", "eu-west-1")}, "a function in eu-west-1"),
        ({"route": {"Target": ""}}, "GET /a has no integration"),
        ({"route": {"AuthorizationType": "AWS_IAM"}}, "GET /a has the authorizer AWS_IAM"),
        ({"route": {"ApiKeyRequired": True}}, "GET /a requires an API key"),
        ({"route": {"RouteKey": "$default"}}, "catch-all"),
        ({"api": {"CorsConfiguration": {"AllowOrigins": ["*"]}}}, "CORS"),
        ({"stage": "beta"}, "must be \\$default"),
    ],
)
def test_an_http_api_that_cannot_be_served(
    emulator: Emulator, made: dict[str, Any], words: str
) -> None:
    name = f"{emulator.prefix}-http"
    api = emulator.apis.create_api(Name=name, ProtocolType="HTTP", **made.get("api", {}))["ApiId"]
    uri = made.get("uri", invoke_arn("handler"))
    route = {"Target": emulator.integration(api, uri, **made.get("integration", {}))}
    route |= {"RouteKey": "GET /a", **made.get("route", {})}
    emulator.apis.create_route(ApiId=api, **route)
    emulator.apis.create_stage(ApiId=api, StageName=made.get("stage", "$default"))
    found = read(emulator)
    assert found.http_api is None
    [problem] = found.problems
    assert f"{name} ({api}) is not served" in problem
    assert words.replace("\\", "") in problem


def test_a_websocket_api_that_cannot_be_served(emulator: Emulator) -> None:
    emulator.websocket_api(ROUTES, RouteSelectionExpression="$request.header.x")
    found = read(emulator)
    assert found.websocket_apis == ()
    assert "route selection expression" in found.problems[0]


def test_what_one_host_cannot_tell_apart(emulator: Emulator) -> None:
    for _ in range(2):
        emulator.websocket_api(ROUTES)
        emulator.http_api({"GET /a": "handler"})
    found = read(emulator)
    assert len(found.websocket_apis) == 1
    assert found.http_api is not None
    assert [problem.partition(" (")[0] for problem in found.problems] == [
        "several WebSocket APIs have the stage prod",
        "there are several HTTP APIs",
    ]


def test_a_list_in_several_pages() -> None:
    """paginator: NextToken, until there is none."""
    asked: list[dict[str, str]] = []

    def operation(**arguments: str) -> dict[str, Any]:
        asked.append(dict(arguments))
        page = len(asked)
        return {"Items": [{"n": page}], **({"NextToken": f"t{page}"} if page < 3 else {})}

    assert [item["n"] for item in pages(operation, ApiId="a")] == [1, 2, 3]
    assert [call.get("NextToken") for call in asked] == [None, "t1", "t2"]


def test_a_control_plane_that_does_not_answer() -> None:
    discovery = Discovery(f"http://127.0.0.1:{free_port()}", REGION, "tidings")
    with pytest.raises(Unreachable, match="Could not connect"):
        discovery.read()
