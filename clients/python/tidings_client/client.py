"""The client: one connection after another, as if it were one.

A lost connection is replaced with jittered backoff; what was not acked is asked again (a
`send_message` carries its client_message_id, so twice is once); rooms are joined again, and what
was missed comes by `sync` from the last position, before anything newer.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from .errors import ActionError
from .inbox import Event, Inbox


@dataclass(frozen=True)
class Times:
    """In seconds.

    Attributes:
        call: For an answer, waiting for a connection included.
        ping: Between heartbeats.
        hole: How long something may be missing between two live messages before it is asked for.
        pause, longest_pause: The first and the longest wait between two attempts; the true wait
            is a random share of it.
    """

    call: float = 10.0
    ping: float = 200.0
    hole: float = 3.0
    pause: float = 0.2
    longest_pause: float = 5.0

    def backoff(self, attempt: int) -> float:
        return random.random() * min(self.longest_pause, float(self.pause * 2**attempt))


class TidingsClient:
    """One user's connection.

    Args:
        url: ws://host/ws
        token: Gives a token for each connection; when it raises at the first one, `connect`
            raises that, later it is asked again.
        on_event: Called with (event name, data), in order. Beside the server's events there are
            `connected`, `disconnected`, `refused` {message} (the end: a fresh token was not
            taken) and `recovered`, see `Inbox`.
        on_frame: Called with (event name, data) of each frame as it came, before it is known
            whether it is new.
    """

    def __init__(
        self,
        url: str,
        token: Callable[[], Awaitable[str]],
        on_event: Callable[[str, Event], None],
        times: Times | None = None,
        on_frame: Callable[[str, Event], None] = lambda name, data: None,
    ) -> None:
        self._url = url
        self._token = token
        self._on_event = on_event
        self._on_frame = on_frame
        self._times = times or Times()
        self._inbox = Inbox(self._emit)
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Event]] = {}
        self._rooms: dict[str, None] = {}
        self._socket: ClientConnection | None = None
        self._up = asyncio.Event()
        self._hole = asyncio.Event()
        self._recovery = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._refresh: asyncio.Task[None] | None = None
        self._end: Exception | None = None

    async def connect(self) -> None:
        """Connect, and stay connected until `close`.

        Raises:
            ActionError: Refused (`unauthorized`), or no connection in time (`unavailable`).
        """
        self._tasks = [
            asyncio.create_task(work())
            for work in (self._stay_connected, self._heartbeat, self._mend)
        ]
        try:
            async with asyncio.timeout(self._times.call):
                await self._up.wait()
        except TimeoutError:
            self._end = ActionError("unavailable", "no connection", True)
        if self._end is not None:
            await self.close()
            raise self._end

    async def close(self) -> None:
        """End it, quietly; nothing is left running."""
        tasks = [*self._tasks, *([self._refresh] if self._refresh is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def drop(self) -> None:
        """Lose the connection, without a goodbye; another follows."""
        if self._socket is not None:
            self._socket.transport.abort()

    async def call(self, action: str, data: Event) -> Event:
        """The ack's data; tried again over reconnects while a retry makes sense."""
        if action == "send_message":
            data = {"client_message_id": uuid.uuid4().hex, **data}
        ack = await self._insist(action, data)
        if action == "join_room":
            self._rooms[data["room_id"]] = None
            self._inbox.follow(data["room_id"], ack["position"])
        elif action == "leave_room":
            self._rooms.pop(data["room_id"], None)
        elif action == "send_message":
            self._inbox.have(ack["conversation_id"], ack["position"])
        return ack

    def follow(self, conversation_id: str, position: str) -> None:
        """Recover this conversation from here when the connection is lost."""
        self._inbox.follow(conversation_id, position)

    async def _insist(self, action: str, data: Event, tries: int = 5) -> Event:
        for attempt in range(tries):
            try:
                return await self._ask(action, data)
            except ActionError as error:
                if not error.retryable or attempt == tries - 1:
                    raise
                await asyncio.sleep(self._times.backoff(attempt))
        raise AssertionError("unreachable")

    async def _ask(self, action: str, data: Event) -> Event:
        number = next(self._ids)
        answer: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            async with asyncio.timeout(self._times.call):
                await self._up.wait()
                if self._end is not None:
                    raise ActionError("unauthorized", "the connection was refused", False)
                assert self._socket is not None
                await self._socket.send(json.dumps({"action": action, "data": data, "id": number}))
                return await answer
        except (TimeoutError, ConnectionClosed):
            raise ActionError("unavailable", "no answer", True) from None
        finally:
            del self._waiting[number]

    async def _stay_connected(self) -> None:
        attempt = 0
        while self._end is None:
            try:
                url = f"{self._url}?token={await self._fresh_token()}"
                async with connect(url, open_timeout=self._times.call) as socket:
                    attempt = 0
                    await self._serve(socket)
            except InvalidStatus as refusal:
                if refusal.response.status_code in (401, 403):
                    self._refuse(ActionError("unauthorized", "the token was refused", False))
            except (OSError, InvalidHandshake, ConnectionClosed, TimeoutError, _NoToken):
                pass  # another attempt is what there is to do
            if self._end is None:
                attempt += 1
                await asyncio.sleep(self._times.backoff(attempt))

    async def _fresh_token(self) -> str:
        try:
            return await self._token()
        except Exception as fault:
            if self._socket is None:
                self._refuse(fault)
            raise _NoToken from fault

    def _refuse(self, reason: Exception) -> None:
        """It cannot go on: whoever waits learns it."""
        self._end = reason
        self._up.set()
        if self._socket is not None:
            self._emit("refused", {"message": str(reason)})

    async def _serve(self, socket: ClientConnection) -> None:
        self._socket = socket
        # Before anything is read: live frames may have come with the handshake.
        self._inbox.begin(self._inbox.positions())
        reader = asyncio.create_task(self._read(socket))
        restoring = asyncio.create_task(self._restore(socket))
        self._up.set()
        self._emit("connected", {})
        try:
            await reader
        finally:
            self._up.clear()
            for task in (reader, restoring):
                task.cancel()
            await asyncio.gather(reader, restoring, return_exceptions=True)
            self._inbox.interrupt()
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(ActionError("unavailable", "the connection ended", True))
            mine = asyncio.current_task()
            if mine is None or not mine.cancelling():
                self._emit("disconnected", {})

    async def _read(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for text in socket:
                frame = json.loads(text)
                self._take(frame.get("event"), frame.get("id"), frame.get("data") or {})

    def _take(self, event: str | None, number: Any, data: Event) -> None:
        answer = self._waiting.get(number) if isinstance(number, int) else None
        if event in ("ack", "error"):
            if answer is None or answer.done():
                return
            if event == "ack":
                answer.set_result(data)
            else:
                answer.set_exception(ActionError(data["code"], data["message"], data["retryable"]))
        elif event is not None:
            if event == "token_expiring" and (self._refresh is None or self._refresh.done()):
                self._refresh = asyncio.create_task(self._refresh_token())
            self._on_frame(event, data)
            self._inbox.take(event, data)
            if self._inbox.with_holes():
                self._hole.set()

    def _emit(self, name: str, data: Event) -> None:
        """A fault of the listener is told to the loop and ends nothing."""
        try:
            self._on_event(name, data)
        except Exception as fault:  # noqa: BLE001 - somebody else's code
            context = {"message": f"on_event({name!r}) raised", "exception": fault}
            asyncio.get_running_loop().call_exception_handler(context)

    async def _restore(self, socket: ClientConnection) -> None:
        """On a new connection: what was missed, then the rooms; without them, another one."""
        try:
            await self._recover(list(self._inbox.positions()))
            for room in list(self._rooms):
                try:
                    await self._insist("join_room", {"room_id": room})
                except ActionError as error:
                    if error.retryable:
                        raise
                    del self._rooms[room]
        except ActionError:
            await socket.close()

    async def _recover(self, conversations: list[str]) -> None:
        """Fetch what was missed, page by page, while what is live waits."""
        async with self._recovery:
            wanted = self._inbox.positions(conversations)
            self._inbox.begin(wanted)
            while wanted:
                asked = dict(itertools.islice(wanted.items(), 100))
                try:
                    answer = await self._insist("sync", {"positions": asked})
                except ActionError as error:
                    if error.retryable:
                        raise
                    self._inbox.give_up({"code": error.code, "message": error.message})
                    return
                for conversation_id in asked:
                    part = answer["conversations"][conversation_id]
                    position = self._inbox.page(conversation_id, part)
                    if position is None:
                        del wanted[conversation_id]
                    else:
                        wanted[conversation_id] = position

    async def _mend(self) -> None:
        """Ask for what is missing between live messages when it does not come by itself."""
        while True:
            await self._hole.wait()
            await asyncio.sleep(self._times.hole)
            self._hole.clear()
            if self._up.is_set():
                with contextlib.suppress(ActionError):
                    await self._recover(sorted(self._inbox.with_holes()))

    async def _refresh_token(self) -> None:
        """Go on under a fresh token; should it fail, the reconnect after the close brings one."""
        with contextlib.suppress(ActionError, _NoToken):
            await self._insist("refresh_token", {"token": await self._fresh_token()})

    async def _heartbeat(self) -> None:
        while True:
            await asyncio.sleep(self._times.ping)
            with contextlib.suppress(ActionError):
                await self._ask("ping", {})


class _NoToken(Exception):
    """The token provider raised."""
