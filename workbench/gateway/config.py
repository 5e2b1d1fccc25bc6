"""What a gateway serves, and its limits, each with the AWS page that states it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


class FunctionError(Exception):
    """A function raised an exception.

    Attributes:
        type: The exception's class name.
        message: Its text.
    """

    def __init__(self, type: str, message: str) -> None:
        super().__init__(f"{type}: {message}")
        self.type = type
        self.message = message


class Invoker(Protocol):
    async def invoke(self, function: str, event: dict[str, Any], timeout_s: float) -> Any:
        """Run a function and return its result.

        Raises:
            FunctionError: It raised.
            TimeoutError: It took longer than `timeout_s`.
        """


@dataclass(frozen=True)
class Limits:
    """Quotas of API Gateway; the last two are specific to this gateway.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
    https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html

    Attributes:
        frame_bytes: A larger WebSocket frame closes with 1009; posts are sent in such frames.
        message_bytes: A larger message of several frames closes with 1009.
        post_bytes: A larger @connections body is a 413.
        idle_s: A connection without traffic in either direction for this long is closed with 1001.
        connection_s: Longest life of a connection; then it is closed with 1001.
        integration_timeout_s: A WebSocket function that takes longer has failed.
        http_integration_timeout_s: An HTTP function that takes longer is a 503.
        connects_per_s: New connections per account and region; above it 429.
        requests_per_s: REST, HTTP, WebSocket and @connections together; above it 429.
        payload_bytes: Most that Lambda takes and returns; a larger event is a 413, a larger answer
            the function's error. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
        client_buffer_bytes: Above this many unsent bytes for a client, a post to it is a 429.
        http_body_bytes: A larger HTTP body is a 413.
        head_bytes: A longer request line with header values is a 431.
        websocket_url_chars: A longer URL of a WebSocket API is a 414.
        close_s: Seconds for a client to finish the closing handshake; then it is disconnected.
        request_s: Seconds for a socket to deliver a whole request; then it is closed.
    """

    frame_bytes: int = 32 * 1024
    message_bytes: int = 128 * 1024
    post_bytes: int = 131_072
    idle_s: float = 600.0
    connection_s: float = 7200.0
    integration_timeout_s: float = 29.0
    http_integration_timeout_s: float = 30.0
    connects_per_s: int = 500
    requests_per_s: int = 10_000
    payload_bytes: int = 6 * 1024 * 1024
    client_buffer_bytes: int = 1024 * 1024
    http_body_bytes: int = 10 * 1024 * 1024
    head_bytes: int = 10_240
    websocket_url_chars: int = 4096
    close_s: float = 5.0
    request_s: float = 60.0


@dataclass(frozen=True)
class WebSocketApi:
    """A WebSocket API.

    Attributes:
        path: The path under which the one host (CloudFront's role) serves it, besides `/{stage}`.
        socketio_path: The same, for websockets of Socket.IO clients.
        routes: Function by route key.
        route_responses: Keys of the routes whose function's `body` goes to the client, as with
            `route_response_selection_expression = "$default"` and a route response; None: all.
        route_selection_expression: An expression over `$request.body.…` that selects the route.
        domain: A custom domain; events then have it as their `domainName`.
        binary: Not on AWS: accepts binary frames, which a function gets as the text `b<base64>`,
            and sends such texts as binary frames to a client that has sent one. For test suites.
    """

    api_id: str = "local"
    stage: str = "prod"
    path: str = "/ws"
    socketio_path: str = "/socket.io"
    routes: Mapping[str, str] = field(
        default_factory=lambda: {
            "$connect": "websocket_connect",
            "$default": "websocket_message",
            "$disconnect": "websocket_disconnect",
        }
    )
    route_responses: Collection[str] | None = None
    route_selection_expression: str = "$request.body.action"
    domain: str = ""
    binary: bool = False


@dataclass(frozen=True)
class HttpApi:
    """An HTTP API, payload format 1.0.

    Attributes:
        function: Runs all routes except those of `functions`.
        routes: Such as ("GET", "/v1/rooms/{room_id}"); also ANY, and a last part `{name+}`.
        functions: By route, for routes with a function of their own.
        domain: A custom domain; events then have it as their `domainName`.
    """

    api_id: str = "localhttp"
    stage: str = "$default"
    function: str = "api_handler"
    routes: Sequence[tuple[str, str]] = ()
    functions: Mapping[tuple[str, str], str] = field(default_factory=dict)
    domain: str = ""
