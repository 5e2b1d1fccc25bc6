"""`tidings conformance`: serve the official suites' applications on the strict gateway."""

from __future__ import annotations

from pathlib import Path

from workbench.gateway import WebSocketApi
from workbench.stack.embedded import EmbeddedStack

ENGINE_PATH = "/engine.io"


def stack(
    port: int, path: str, ping_interval_ms: int, ping_timeout_ms: int, allow_binary: bool
) -> EmbeddedStack:
    """Socket.IO's application under `path`, Engine.IO's echo under `/engine.io`."""
    path = path.rstrip("/")
    apis = [_api("engineio", ENGINE_PATH, "engine_message", allow_binary)]
    if path != ENGINE_PATH:
        apis.append(_api("socketio", path, "websocket_message", allow_binary))
    return EmbeddedStack(
        port=port,
        prefix="conformance",
        app=Path(__file__).with_name("app.py"),
        apis=apis,
        environment={
            "CONFORMANCE_PATH": path,
            "TIDINGS_PING_INTERVAL_MS": str(ping_interval_ms),
            "TIDINGS_PING_TIMEOUT_MS": str(ping_timeout_ms),
            # The suites abandon sessions, which would count as polling, and expect long polls.
            "TIDINGS_POLL_SLOTS": "1000",
        },
    )


def _api(name: str, path: str, function: str, binary: bool) -> WebSocketApi:
    return WebSocketApi(
        api_id=name,
        stage=name,
        path=f"/{name}",
        socketio_path=path,
        routes={
            "$connect": "websocket_connect",
            "$default": function,
            "$disconnect": "websocket_disconnect",
        },
        binary=binary,
    )
