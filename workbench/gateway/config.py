"""What a gateway serves, and the limits it holds, each with the AWS page that states it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


class FunctionError(Exception):
    """A function raised.

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
        """The function's return value.

        Raises:
            FunctionError: It raised.
            TimeoutError: It took longer than `timeout_s`.
        """


@dataclass(frozen=True)
class Limits:
    """Quotas of API Gateway; the last two are this gateway's own.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
    https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html

    Attributes:
        frame_bytes: A larger WebSocket frame closes with 1009; posts go out in frames as large.
        message_bytes: A larger message of several frames closes with 1009.
        post_bytes: A larger @connections body is a 413.
        idle_s: A connection silent for so long in both directions is closed with 1001.
        connection_s: No connection lives longer; closed with 1001.
        integration_timeout_s: A WebSocket function that takes longer has failed.
        http_integration_timeout_s: An HTTP function that takes longer is a 503.
        connects_per_s: New connections per account and region; above it 429.
        requests_per_s: REST, HTTP, WebSocket and @connections together; above it 429.
        client_buffer_bytes: Unsent bytes for a client above which a post to it is a 429.
        http_body_bytes: A larger HTTP body is a 413.
        head_bytes: A request line and header values above it, together, are a 431.
        websocket_url_chars: A longer URL of a WebSocket API is a 414.
        close_s: A client that does not finish the closing handshake in time is cut off.
        request_s: A socket that delivers no whole request in time is closed.
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
        path: Where the one host (CloudFront's role) offers it, beside `/{stage}`.
        socketio_path: Where it does so for websockets of Socket.IO clients.
        routes: Function by route key.
        route_responses: Keys of the routes whose function's `body` goes to the client, as with
            `route_response_selection_expression = "$default"` and a route response; None: all.
        route_selection_expression: Over `$request.body.…`; its value chooses the route.
        domain: A custom domain, which events then name as their `domainName`.
        binary: Not on AWS: takes binary frames, which a function sees as the text `b<base64>`, and
            sends such texts as binary frames to a client that has sent one. For test suites.
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
        function: Runs all routes but those of `functions`.
        routes: As ("GET", "/v1/rooms/{room_id}"); also ANY and a last part `{name+}`.
        functions: By route, where one has a function of its own.
        domain: A custom domain, which events then name as their `domainName`.
    """

    api_id: str = "localhttp"
    stage: str = "$default"
    function: str = "api_handler"
    routes: Sequence[tuple[str, str]] = ()
    functions: Mapping[tuple[str, str], str] = field(default_factory=dict)
    domain: str = ""
