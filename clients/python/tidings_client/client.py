"""The client: it reconnects and recovers by itself, as if there were only one connection.

After a lost connection it reconnects with jittered backoff. An action without an ack is repeated (a
`send_message` has a client_message_id, so it is stored only once). Rooms are joined again, and
missed messages come by `sync` from the last positions, before anything newer. README.md in the
folder above has the limits, and explains how to lose nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Awaitable, Callable

from .connection import Connection, NoToken, report
from .errors import ActionError, NoAnswer
from .inbox import Event, Inbox
from .resend import Resend
from .sizes import encode, syncable
from .times import Times


class TidingsClient:
    """One user's connection.

    Args:
        url: wss://host/ws
        token: Returns a token for each connection. If it raises for the first one, `connect`
            raises the same; later it is called again.
        on_event: Called with (event name, data), in order. Besides the server's events there are
            `connected`, `disconnected` {reason}, `waiting` {attempt, retry_in_s, reason} before
            another attempt, `regions` {urls} (where the client can go, the best first), `moved`
            {url} (the next attempt is there), `refused` {message} (a new token was refused; the
            client is closed) and `recovered`, see `Inbox`. A reason is {code, message}.
        on_frame: Called with (event name, data) of each frame as it arrives, including
            duplicates.
        api: The base URL of the HTTP API, which is asked for other regions; by default that of
            the host in `url`. None: stay in one region.
    """

    def __init__(
        self,
        url: str,
        token: Callable[[], Awaitable[str]],
        on_event: Callable[[str, Event], None],
        times: Times | None = None,
        on_frame: Callable[[str, Event], None] = lambda name, data: None,
        api: str | None = "",
    ) -> None:
        self._on_event = on_event
        self._on_frame = on_frame
        self._times = times or Times()
        self._inbox = Inbox(self.emit)
        self._connection = Connection(url, token, self._times, self, api)
        self._rooms: dict[str, None] = {}
        self._hole = asyncio.Event()
        self._recovery = asyncio.Lock()
        self._suspects = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._refresh: asyncio.Task[None] | None = None

    @property
    def reason(self) -> dict[str, str] | None:
        """Why there is no connection, {code, message}; None while there is one."""
        return self._connection.reason

    async def connect(self) -> None:
        """Connect, and stay connected until `close`.

        Raises:
            ActionError: The token was refused (`unauthorized`), the address is invalid
                (`bad_request`, `not_found`), or no connection in time (`unavailable`).
        """
        self._tasks = [asyncio.create_task(work()) for work in (self._connection.run, self._mend)]
        try:
            async with asyncio.timeout(self._times.call):
                await self._connection.up.wait()
        except TimeoutError:
            why = self.reason["message"] if self.reason else "no answer"
            self._connection.finish(NoAnswer(f"no connection: {why}"))
        end = self._connection.end
        if end is not None:
            await self.close()
            raise end

    async def close(self) -> None:
        """Close the client: unanswered calls fail, and no task keeps running."""
        self._connection.finish(ActionError("unavailable", "the client was closed", False))
        tasks = [*self._tasks, *([self._refresh] if self._refresh is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def move_to(self, url: str) -> None:
        """Connect to another of the URLs that `regions` told, and recover there.

        If that fails, the client returns.

        Raises:
            ActionError: `bad_request`: no region is known at this URL.
        """
        self._connection.move_to(url)

    def drop(self) -> None:
        """Abort the connection without a close handshake; the client reconnects."""
        self._connection.drop()

    async def call(self, action: str, data: Event) -> Event:
        """Run an action and return the ack's data; retries while a retry may succeed.

        Raises:
            ActionError: The server's error; `too_large`, before anything is sent; or no answer
                after several attempts: then the action may have been done. Call again with the
                same `client_message_id`.
        """
        if action == "send_message":
            data = {"client_message_id": uuid.uuid4().hex, **data}
        ack = await self._insist(action, data)
        if action == "join_room":
            self._rooms[data["room_id"]] = None
            self._inbox.start(data["room_id"], ack["position"])
        elif action == "leave_room":
            self._rooms.pop(data["room_id"], None)
        elif action == "send_message":
            self._inbox.have(ack["conversation_id"], ack["position"])
        return ack

    def follow(self, conversation_id: str, position: str) -> None:
        """Recover this conversation from this position after a reconnect."""
        self._inbox.follow(conversation_id, position)

    def positions(self) -> dict[str, str]:
        """By conversation, the position up to which it is complete; pass it to `follow`."""
        return self._inbox.positions()

    async def _insist(self, action: str, data: Event, tries: int = 5) -> Event:
        encode(action, data, 0)  # raises at once if it is too large
        resend = Resend()
        attempt = 1
        while True:
            turn = self._suspects if resend.is_suspect else contextlib.nullcontext()
            try:
                async with turn:
                    return await self._connection.ask(action, data)
            except ActionError as error:
                final = resend.after(error)
                limited_s = error.wait_s
                if final is not None or (limited_s is None and attempt == tries):
                    raise final or error from None
            if limited_s is not None:  # no attempt: the server says when it will take it
                await asyncio.sleep(limited_s)
            else:
                await asyncio.sleep(self._times.backoff(attempt))
                attempt += 1

    # -- called by the connection

    def emit(self, name: str, data: Event) -> None:
        self._call_listener("on_event", self._on_event, name, data)

    def opened(self) -> None:
        # Before anything is read, as live frames may have arrived with the handshake.
        self._inbox.begin(self._inbox.positions())

    async def restore(self) -> None:
        """Recover on a new connection: missed messages first, then the rooms."""
        await self._recover(list(self._inbox.positions()))
        for room in list(self._rooms):
            try:
                await self._insist("join_room", {"room_id": room})
            except ActionError as error:
                if error.retryable:
                    raise
                del self._rooms[room]

    def event(self, name: str, data: Event) -> None:
        if name == "token_expiring" and (self._refresh is None or self._refresh.done()):
            self._refresh = asyncio.create_task(self._refresh_token())
        self._call_listener("on_frame", self._on_frame, name, data)
        self._inbox.take(name, data)
        if self._inbox.with_holes():
            self._hole.set()

    def ended(self) -> None:
        self._inbox.interrupt()

    def _call_listener(
        self, which: str, listener: Callable[[str, Event], None], name: str, data: Event
    ) -> None:
        """Call a listener. Its exceptions are reported to the loop and end nothing."""
        try:
            listener(name, data)
        except Exception as fault:  # noqa: BLE001 - the listener is the user's code
            report(f"{which}({name!r}) raised", fault)

    # -- recovery

    async def _recover(self, conversations: list[str]) -> None:
        """Fetch missed messages page by page, while live ones wait."""
        async with self._recovery:
            wanted = self._inbox.positions(conversations)
            self._inbox.begin(wanted)
            while wanted:
                asked = syncable(wanted)
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
        """Request messages that are missing between live ones, if they do not arrive in time."""
        while True:
            await self._hole.wait()
            await asyncio.sleep(self._times.hole)
            self._hole.clear()
            if self._connection.up.is_set():
                try:
                    await self._recover(sorted(self._inbox.with_holes()))
                except ActionError:
                    pass  # the next hole or the next connection retries
                except Exception as fault:  # noqa: BLE001 - this task must continue
                    report("a hole could not be filled", fault)

    async def _refresh_token(self) -> None:
        """Send a new token; if that fails, the reconnect after the close uses a new one."""
        with contextlib.suppress(ActionError, NoToken):
            await self._insist("refresh_token", {"token": await self._connection.fresh_token()})
