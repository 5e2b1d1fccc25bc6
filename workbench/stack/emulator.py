"""ministack as a program of this project: `python -m workbench.stack.emulator`.

ministack takes a request with any key, or none, and answers CORS preflights for every origin; one
of its own endpoints deletes everything. Here web pages are refused, of its own endpoints only those
that a stack needs answer, and with AWS keys in the environment a request must be signed with them.
(ministack's `AUTH=true` checks no signature made with the key `test`.)
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import formatdate

from hypercorn.asyncio import serve as hypercorn
from hypercorn.config import Config

from workbench.gateway.signatures import Refused, Request, verify

from . import asgi, dedupe, pages
from .asgi import App, Event, Receive, Scope, Send
from .regions.replica import Replica

_OWN = ("/_ministack/", "/_localstack/", "/_aws/")
# Code is what functions run from; its path names the function.
_HEALTH = ("/_ministack/health", "/_localstack/health")
_NEEDED = (*_HEALTH, "/_ministack/lambda-code/")
_MOST_BYTES = 64 * 1024 * 1024  # a Lambda package has 50 MB, a DynamoDB batch 16


class Guard:
    """An ASGI application that lets no web page reach another one.

    Args:
        credentials: Secret by access key id, of who may ask; None for everybody.
    """

    def __init__(self, app: App, credentials: Mapping[str, str] | None = None) -> None:
        self._app = app
        self._credentials = credentials

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        try:
            _refuse_pages(scope)
            if self._credentials is not None and scope["path"] not in _HEALTH:
                receive = await self._verified(scope, receive)
        except Refused as fault:
            await _refuse(scope, send, fault)
            return
        await self._app(scope, receive, send)

    async def _verified(self, scope: Scope, receive: Receive) -> Receive:
        """Raise Refused unless the request is signed; what gives the application its body."""
        try:
            body = await asgi.body(receive, _MOST_BYTES) if scope["type"] == "http" else b""
        except asgi.TooLarge as fault:
            raise Refused("RequestEntityTooLargeException", "the body is too large") from fault
        request = Request(
            scope.get("method", "GET"),
            scope["raw_path"].decode("latin-1"),
            scope["query_string"].decode("latin-1"),
            [(name.decode("latin-1"), v.decode("latin-1")) for name, v in scope["headers"]],
            body,
        )
        verify(request, None, self._credentials, datetime.now(UTC), service=None)
        given = False

        async def again() -> Event:
            nonlocal given
            if given or scope["type"] != "http":
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        return again


def _refuse_pages(scope: Scope) -> None:
    headers = {name.decode("latin-1").lower(): v.decode("latin-1") for name, v in scope["headers"]}
    why = pages.refusal(headers)
    path = scope["path"]
    if "origin" in headers:  # it serves no pages, so none is its own
        why = f"pages of {headers['origin']} may not ask this"
    elif why is None and path.startswith(_OWN) and not path.startswith(_NEEDED):
        why = f"{path} is not served here"
    if why is not None:
        raise Refused("AccessDeniedException", why)


async def _refuse(scope: Scope, send: Send, fault: Refused) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": fault.type})
        return
    body = json.dumps({"__type": fault.type, "message": str(fault)}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"date", formatdate(usegmt=True).encode()),  # whose clock is wrong learns the time from it
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    """Serve ministack, as its own environment variables say, until SIGTERM."""
    # It reads its environment when it is imported.
    from ministack.app import app

    dedupe.apply()
    key = os.environ.get("AWS_ACCESS_KEY_ID")
    credentials = {key: os.environ["AWS_SECRET_ACCESS_KEY"]} if key else None
    tables = json.loads(os.environ.get("TIDINGS_GLOBAL_TABLES") or "{}")
    keys = {name: tuple(attributes) for name, attributes in tables.items()}
    served = Replica(app, os.environ["MINISTACK_REGION"], keys) if keys else app
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a burst needs more than 1,024
    asyncio.run(_serve(Guard(served, credentials)))


async def _serve(app: Guard) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    config = Config()
    config.bind = [f"{os.environ['BIND_HOST']}:{os.environ['GATEWAY_PORT']}"]
    # Seconds. Clients must be the first to close an idle connection: Terraform's provider does so
    # after 90 s (its HTTP client's IdleConnTimeout). Hypercorn still handles a request that it had
    # read when it closed, but cannot answer; sent again, it finds what it created (a duplicate).
    config.keep_alive_timeout = 3600
    config.loglevel = os.environ["LOG_LEVEL"]
    await hypercorn(app, config, shutdown_trigger=stop.wait)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
