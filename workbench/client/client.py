"""The client: one connection after another, as if it were one.

A lost connection is replaced with jittered backoff; what was not acked is asked again (a
`send_message` carries its client_message_id, so twice is once); what was missed comes by `sync`
from the last position, and what came twice is dropped by its message_id.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import uuid
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

Event = dict[str, Any]
_CALL_S, _TRIES, _PING_S, _SEEN = 10.0, 5, 200.0, 2000
_BACKOFF_S, _BACKOFF_CAP_S = 0.2, 5.0


class ActionError(Exception):
    """An action was refused; see CONTRACT's error frame."""

    def __init__(self, code: str, message: str, retryable: bool) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retryable = retryable


class TidingsClient:
    """One user's connection.

    Args:
        url: ws://host/ws
        token: Gives a token for each connection.
        on_event: Called with (event name, data), in order. Beside the server's events there are
            `connected`, `disconnected` and `recovered` {conversation_id, recovered, missed}.
    """

    def __init__(
        self,
        url: str,
        token: Callable[[], Awaitable[str]],
        on_event: Callable[[str, Event], None],
    ) -> None:
        self._url = url
        self._token = token
        self._on_event = on_event
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Event]] = {}
        self._positions: dict[str, str] = {}
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._socket: ClientConnection | None = None
        self._up = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._refused: ActionError | None = None
        self._closing = False

    async def connect(self) -> None:
        """Connect, and stay connected until `close`; raises ActionError when refused."""
        self._tasks = [asyncio.create_task(self._run()), asyncio.create_task(self._heartbeat())]
        up = asyncio.create_task(self._up.wait())
        await asyncio.wait([up, self._tasks[0]], return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        if self._refused is not None:
            raise self._refused

    async def close(self) -> None:
        """End it, quietly."""
        self._closing = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._socket is not None:
            await self._socket.close()

    async def call(self, action: str, data: Event) -> Event:
        """The ack's data; tried again over reconnects while a retry makes sense."""
        if action == "send_message":
            data = {"client_message_id": uuid.uuid4().hex, **data}
        for attempt in range(_TRIES):
            try:
                return await self._ask(action, data)
            except ActionError as error:
                if not error.retryable or attempt == _TRIES - 1:
                    raise
                await asyncio.sleep(_pause(attempt))
        raise AssertionError("unreachable")

    async def _ask(self, action: str, data: Event) -> Event:
        number = next(self._ids)
        answer: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            async with asyncio.timeout(_CALL_S):
                await self._up.wait()
                assert self._socket is not None
                await self._socket.send(json.dumps({"action": action, "data": data, "id": number}))
                return await answer
        except (TimeoutError, ConnectionClosed):
            raise ActionError("unavailable", "no answer", True) from None
        finally:
            del self._waiting[number]

    async def _run(self) -> None:
        attempt = 0
        while True:
            try:
                async with connect(f"{self._url}?token={await self._token()}") as socket:
                    attempt = 0
                    await self._serve(socket)
            except InvalidStatus as refusal:
                status = refusal.response.status_code
                if status in (401, 403):
                    self._refused = ActionError("unauthorized", "the connection was refused", False)
                    return
            except (OSError, InvalidHandshake, ConnectionClosed, TimeoutError):
                pass  # retried below
            attempt += 1
            await asyncio.sleep(_pause(attempt))

    async def _serve(self, socket: ClientConnection) -> None:
        self._socket = socket
        reader = asyncio.create_task(self._read(socket))
        self._up.set()
        self._on_event("connected", {})
        try:
            if self._positions:
                await self._recover()
            await reader
        finally:
            self._up.clear()
            reader.cancel()
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(ActionError("unavailable", "the connection ended", True))
            if not self._closing:
                self._on_event("disconnected", {})

    async def _read(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for text in socket:
                frame = json.loads(text)
                self._take(frame.get("event"), frame.get("id"), frame.get("data") or {})

    def _take(self, event: str | None, number: Any, data: Event) -> None:
        answer = self._waiting.get(number) if isinstance(number, int) else None
        if event == "ack" and answer is not None and not answer.done():
            answer.set_result(data)
        elif event == "error" and answer is not None and not answer.done():
            error = ActionError(data["code"], data["message"], data["retryable"])
            answer.set_exception(error)
        elif event == "message_received":
            self._message(data)
        elif event is not None and event not in ("ack", "error"):
            self._note(data)
            self._on_event(event, data)

    def _message(self, data: Event) -> bool:
        """Hand on a message unless it was; whether it was new."""
        self._note(data)
        key = f"{data['message_id']}{data['is_deleted']}"
        if key in self._seen:
            return False
        self._seen[key] = None
        while len(self._seen) > _SEEN:
            self._seen.popitem(last=False)
        self._on_event("message_received", data)
        return True

    def _note(self, data: Event) -> None:
        if data.get("position") and data.get("conversation_id"):
            self._positions[data["conversation_id"]] = data["position"]

    def follow(self, conversation_id: str, position: str) -> None:
        """Recover this conversation from here when the connection is lost."""
        if position:
            self._positions.setdefault(conversation_id, position)

    async def _recover(self) -> None:
        """Fetch what was missed, page by page, before the session goes on."""
        wanted = dict(self._positions)
        missed: dict[str, int] = dict.fromkeys(wanted, 0)
        while wanted:
            answer = await self._ask("sync", {"positions": wanted})
            wanted = {}
            for name, part in answer["conversations"].items():
                missed[name] += sum(self._message(message) for message in part["messages"])
                self._positions[name] = part["position"]
                if part["more"]:
                    wanted[name] = part["position"]
                else:
                    report = {
                        "conversation_id": name,
                        "recovered": part["recovered"],
                        "missed": missed[name],
                    }
                    self._on_event("recovered", report)

    async def _heartbeat(self) -> None:
        while True:
            await asyncio.sleep(_PING_S)
            with contextlib.suppress(ActionError):
                await self._ask("ping", {})


def _pause(attempt: int) -> float:
    return random.random() * min(_BACKOFF_CAP_S, float(_BACKOFF_S * 2**attempt))
