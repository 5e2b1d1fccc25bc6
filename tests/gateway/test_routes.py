"""Route selection; websocket-api-develop-routes and apigateway-websocket-api-selection-expressions.

https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-routes.html
"""

from __future__ import annotations

import json

import pytest

from tests.support.gateway import Functions, open_socket, running
from workbench.gateway import Gateway, WebSocketApi
from workbench.gateway.routes import check, choose

ACTION = "$request.body.action"
ROUTES = ("$connect", "$default", "$disconnect", "join", "1", "a-b")


@pytest.mark.parametrize(
    ("expression", "text", "route"),
    [
        (ACTION, '{"action": "join"}', "join"),
        (ACTION, '{"action": "unknown"}', "$default"),
        (ACTION, '{"other": "join"}', "$default"),
        (ACTION, "not json", "$default"),
        (ACTION, '["action"]', "$default"),
        (ACTION, '{"action": null}', "$default"),
        (ACTION, '{"action": {"x": 1}}', "$default"),
        (ACTION, '{"action": 1}', "1"),
        (ACTION, '{"action": "$connect"}', "$default"),
        (ACTION, '{"action": "$disconnect"}', "$default"),
        (ACTION, "[" * 100_000, "$default"),
        ("${request.body.action}", '{"action": "join"}', "join"),
        ("$request.body.data.type", '{"data": {"type": "join"}}', "join"),
        ("${request.body.x}-${request.body.y}", '{"x": "a", "y": "b"}', "a-b"),
    ],
)
def test_the_expression_s_value_chooses_the_route(expression: str, text: str, route: str) -> None:
    """websocket-api-develop-routes: without a value or a matching route, $default is chosen."""
    assert choose(expression, ROUTES, text) == route


def test_without_default_there_may_be_no_route() -> None:
    """websocket-api-develop-routes: $default is optional."""
    assert choose(ACTION, ("join",), "not json") is None


@pytest.mark.parametrize("expression", ["", "action", "$request.header.x", "$request.body"])
def test_an_expression_that_aws_refuses_is_refused(expression: str) -> None:
    """apigateway-websocket-api-selection-expressions: routes are selected by $request.body."""
    with pytest.raises(ValueError, match="route selection expression"):
        check(expression)
    with pytest.raises(ValueError, match="route selection expression"):
        Gateway(Functions(), [WebSocketApi(route_selection_expression=expression)])


async def test_a_configured_expression_routes_messages() -> None:
    """apigateway-websocket-api-routes-integrations."""
    api = WebSocketApi(
        routes={"join": "on_join", "$default": "websocket_message"},
        route_selection_expression="$request.body.type",
    )
    functions = Functions()
    async with running(functions, api) as (_, host):
        socket = await open_socket(host)
        await socket.send('{"type": "join"}')
        await socket.send('{"type": "leave"}')
        assert (await functions.called("on_join"))["requestContext"]["routeKey"] == "join"
        event = await functions.called("websocket_message")
        assert event["requestContext"]["routeKey"] == "$default"
        await socket.close()


async def test_a_message_without_a_route_is_forbidden() -> None:
    """apigateway-websocket-api-routes-integrations: the gateway's own frame."""
    functions = Functions()
    async with running(functions, WebSocketApi(routes={"join": "on_join"})) as (gateway, host):
        socket = await open_socket(host)
        (connection_id,) = gateway.connections
        await socket.send("not json")
        frame = json.loads(await socket.recv())
        assert frame["message"] == "Forbidden"
        assert frame["connectionId"] == connection_id
        assert frame["requestId"]
        assert functions.events == []
        await socket.close()
