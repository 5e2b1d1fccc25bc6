"""Where the regions' programs and the CLI send orders: one server on loopback, with a token.

It is no part of any region, so it answers whatever has happened to them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Any

from aiohttp import web

from ..children import StackError
from . import orders
from .orders import BadOrder, Order
from .program import is_authorized

HOST = "127.0.0.1"


class ControlServer:
    """`POST /chaos` carries out an order, and both it and `GET /chaos` answer with the state.

    Args:
        state: What is wrong, for JSON.
    """

    def __init__(
        self,
        token: str,
        regions: Collection[str],
        carry_out: Callable[[Order], Awaitable[None]],
        state: Callable[[], dict[str, Any]],
    ) -> None:
        self.url = ""
        self._token = token
        self._regions = regions
        self._carry_out = carry_out
        self._state = state
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application(client_max_size=64 * 1024)
        app.add_routes([web.post("/chaos", self._post), web.get("/chaos", self._get)])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://{HOST}:{port}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _post(self, request: web.Request) -> web.Response:
        if not is_authorized(request.headers, self._token):
            return _error(403, "permission_denied", "only the stack's own programs may ask this")
        try:
            order = orders.parse(await request.read(), self._regions, request.query.get("region"))
        except BadOrder as fault:
            return _error(400, "bad_request", str(fault))
        try:
            await self._carry_out(order)
        except StackError as fault:
            return _error(503, "unavailable", str(fault))
        return web.json_response(self._state())

    async def _get(self, request: web.Request) -> web.Response:
        if not is_authorized(request.headers, self._token):
            return _error(403, "permission_denied", "only the stack's own programs may ask this")
        return web.json_response(self._state())


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)
