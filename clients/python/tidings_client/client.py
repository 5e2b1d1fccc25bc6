"""The client: one connection after another, as if it were one.

A lost connection is replaced with jittered backoff; what was not acked is asked again (a
`send_message` carries its client_message_id, so twice is once); rooms are joined again, and what
was missed comes by `sync` from the last positions, before anything newer. README.md in the folder
above names the limits, and what to do to lose nothing.
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
        token: Gives a token for each connection; when it raises at the first one, `connect`
            raises that, later it is asked again.
        on_event: Called with (event name, data), in order. Beside the server's events there are
            `connected`, `disconnected` {reason}, `waiting` {attempt, retry_in_s, reason} before
            another attempt, `refused` {message} (the end: a fresh token was not taken) and
            `recovered`, see `Inbox`. A reason is {code, message}.
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
        self._on_event = on_event
        self._on_frame = on_frame
        self._times = times or Times()
        self._inbox = Inbox(self.emit)
        self._connection = Connection(url, token, self._times, self)
        self._rooms: dict[str, None] = {}
        self._hole = asyncio.Event()
        self._recovery = asyncio.Lock()
        self._suspects = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._refresh: asyncio.Task[None] | None = None

    @property
    def reason(self) -> dict[str, str] | None:
        """Why there is no connection now, {code, message}; None while there is one."""
        return self._connection.reason

    async def connect(self) -> None:
        """Connect, and stay connected until `close`.

        Raises:
            ActionError: Refused (`unauthorized`), an address that is none (`bad_request`,
                `not_found`), or no connection in time (`unavailable`).
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
        """End it, quietly; nothing is left running, and unanswered calls fail."""
        self._connection.finish(ActionError("unavailable", "the client was closed", False))
        tasks = [*self._tasks, *([self._refresh] if self._refresh is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def drop(self) -> None:
        """Lose the connection, without a goodbye; another follows."""
        self._connection.drop()

    async def call(self, action: str, data: Event) -> Event:
        """The ack's data; tried again over reconnects while a retry makes sense.

        Raises:
            ActionError: The refusal; `too_large`, before anything is sent; or that it had no
                answer after several tries: then nobody knows whether it was done. Call again
                with the same `client_message_id`.
        """
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

    def positions(self) -> dict[str, str]:
        """Up to where each followed conversation is complete: what `follow` takes."""
        return self._inbox.positions()

    async def _insist(self, action: str, data: Event, tries: int = 5) -> Event:
        encode(action, data, 0)  # one that is too large waits for no connection
        resend = Resend()
        for attempt in range(1, tries + 1):
            turn = self._suspects if resend.is_suspect else contextlib.nullcontext()
            try:
                async with turn:
                    return await self._connection.ask(action, data)
            except ActionError as error:
                final = resend.after(error)
                if final is not None or attempt == tries:
                    raise final or error from None
            await asyncio.sleep(self._times.backoff(attempt))
        raise AssertionError("unreachable")

    # -- what the connection tells

    def emit(self, name: str, data: Event) -> None:
        self._call_listener("on_event", self._on_event, name, data)

    def opened(self) -> None:
        # Before anything is read: live frames may have come with the handshake.
        self._inbox.begin(self._inbox.positions())

    async def restore(self) -> None:
        """On a new connection: what was missed, then the rooms."""
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
        """A fault of the listener is reported to the loop and ends nothing."""
        try:
            listener(name, data)
        except Exception as fault:  # noqa: BLE001 - somebody else's code
            report(f"{which}({name!r}) raised", fault)

    # -- recovery

    async def _recover(self, conversations: list[str]) -> None:
        """Fetch what was missed, page by page, while what is live waits."""
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
        """Ask for what is missing between live messages when it does not come by itself."""
        while True:
            await self._hole.wait()
            await asyncio.sleep(self._times.hole)
            self._hole.clear()
            if self._connection.up.is_set():
                try:
                    await self._recover(sorted(self._inbox.with_holes()))
                except ActionError:
                    pass  # the next hole, or the next connection, asks again
                except Exception as fault:  # noqa: BLE001 - it must go on
                    report("a hole could not be filled", fault)

    async def _refresh_token(self) -> None:
        """Go on under a fresh token; should it fail, the reconnect after the close brings one."""
        with contextlib.suppress(ActionError, NoToken):
            await self._insist("refresh_token", {"token": await self._connection.fresh_token()})
