"""The client: it reconnects and recovers by itself, as if there were only one connection.

After a lost connection it reconnects with jittered backoff. An action without an ack is repeated (a
message has a client_message_id, so it is stored only once). Rooms are joined again, and missed
messages come by `sync` from the last positions, before anything newer. README.md in the folder
above has the limits, and explains how to lose nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from .connection import Connection
from .errors import ActionError, NoAnswer
from .faults import NoToken, report
from .inbox import Event, Inbox
from .outbox import Outbox, QueueLimits
from .recovery import Recovery
from .resend import Resend
from .sizes import encode
from .times import Times


class TidingsClient:
    """One user's connection.

    Args:
        url: wss://host/ws
        token: Returns a token (a JWT) for each connection. If it raises for the first one,
            `connect` raises the same; later it is called again.
        on_event: Called with (event name, data), in order. Besides the server's events there are
            `connected`, `disconnected` {reason}, `waiting` {attempt, retry_in_s, reason} before
            another attempt, `regions` {urls} (where the client can go, the best first), `moved`
            {url} (the next attempt is there), `refused` {message} (a new token was refused; the
            client is closed), `recovered`, see `Inbox`, and `recovery` {missed, conversations,
            first} after each connect. A reason is {code, message}.
        on_frame: Called with (event name, data) of each frame as it arrives, including
            duplicates.
        api: The base URL of the HTTP API, which is asked for other regions; by default that of
            the host in `url`. None: stay in one region.
        follow_all: Recover all of the user's conversations, also those that the user was added
            to while away. They begin with a `snapshot` {conversation_id, messages}: discard what
            you have of the conversation, these are now its newest messages.
        queue: Limits of the messages without an ack.
    """

    def __init__(
        self,
        url: str,
        token: Callable[[], Awaitable[str]],
        on_event: Callable[[str, Event], None],
        times: Times | None = None,
        on_frame: Callable[[str, Event], None] = lambda name, data: None,
        api: str | None = "",
        *,
        follow_all: bool = False,
        queue: QueueLimits | None = None,
    ) -> None:
        self._on_event = on_event
        self._on_frame = on_frame
        self._times = times or Times()
        self._unacked: set[str] = set()
        self._inbox = Inbox(self.emit, self._is_mine, self._meet, snapshots=follow_all)
        self._connection = Connection(url, token, self._times, self, api)
        self._recovery = Recovery(self._connection, self._inbox, self.emit, self._times, follow_all)
        self._outbox = Outbox(queue or QueueLimits())
        self._suspects = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._refresh: asyncio.Task[None] | None = None

    @property
    def state(self) -> str:
        """`idle`, `connecting`, `recovering`, `online`, `waiting` or `closed`.

        In `recovering` there is a connection, and missed messages are being fetched. In `waiting`
        and `closed`, `reason` says why there is none.
        """
        return self._connection.state

    @property
    def reason(self) -> dict[str, str] | None:
        """Why there is no connection, {code, message}; None while there is one."""
        return self._connection.reason

    @property
    def url(self) -> str:
        """Where the client connects: a URL of the region that it is in."""
        return self._connection.url

    async def connect(self) -> None:
        """Connect, and stay connected until `close`.

        Raises:
            ActionError: The token was refused (`unauthorized`), the address is invalid
                (`bad_request`, `not_found`), or no connection in time (`unavailable`).
        """
        works = self._connection.run, self._recovery.mend
        self._tasks = [asyncio.create_task(work()) for work in works]
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
        tasks: list[asyncio.Task[Any]] = [*self._tasks, *self._recovery.cancel()]
        if self._refresh is not None:
            tasks.append(self._refresh)
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

    async def send(
        self,
        conversation_id: str,
        content: Any,
        *,
        message_type: str = "text",
        reply_to: str | None = None,
        client_message_id: str | None = None,
    ) -> Event:
        """Send a message and return its ack's data, over any number of connections.

        The messages of a conversation are sent one after the other, in the order of the calls.

        Args:
            client_message_id: Choose it before the first attempt and store it with the draft: the
                same id is stored once.

        Raises:
            ActionError: `too_large` or `queue_full`, before anything is sent; the server's error;
                `unavailable` if five connections in a row end while the message waits for its
                ack, or after `Times.keep`: then it may have been stored.
        """
        chosen = client_message_id or uuid.uuid4().hex
        data = {
            "conversation_id": conversation_id,
            "message_type": message_type,
            "content": content,
            "client_message_id": chosen,
        }
        if reply_to is not None:
            data["reply_to_message_id"] = reply_to
        size = sum(len(text.encode()) for text in encode("send_message", data, 0))
        async with self._outbox.place(conversation_id, size):
            self._unacked.add(chosen)
            try:
                ack = await self._insist("send_message", data, self._times.keep)
            finally:
                self._unacked.discard(chosen)
        self._inbox.sent(ack)
        self._recovery.watch_holes()
        return ack

    async def call(self, action: str, data: Event) -> Event:
        """Run an action and return the ack's data; retries while a retry may succeed.

        Raises:
            ActionError: The server's error; `too_large`, before anything is sent; or no answer
                after several attempts or `Times.retry`: then the action may have been done. Call
                again with the same `client_message_id`.
        """
        if action == "send_message":
            data = {"client_message_id": uuid.uuid4().hex, **data}
        ack = await self._insist(action, data, self._times.retry, 5)
        if action == "join_room":
            self._recovery.rooms[data["room_id"]] = None
            self._inbox.start(data["room_id"], ack["position"])
        elif action == "leave_room":
            self._recovery.rooms.pop(data["room_id"], None)
        elif action == "send_message":
            self._inbox.have(ack["conversation_id"], ack["position"])
        return ack

    async def signal(self, action: str, data: Event) -> Event:
        """Run an action without retries, such as typing.

        Raises:
            ActionError: The server's error, or at once without a connection.
        """
        if not self._connection.up.is_set():
            raise NoAnswer("not connected")
        return await self._connection.ask(action, data)

    async def join(self, room_id: str) -> Event:
        """Join a room on this device; it is joined again on every later connection."""
        return await self.call("join_room", {"room_id": room_id})

    async def leave(self, room_id: str) -> Event:
        """Leave a room on this device; its user stays a member."""
        return await self.call("leave_room", {"room_id": room_id})

    def follow(self, conversation_id: str, position: str) -> None:
        """Recover this conversation from this position after a reconnect."""
        self._inbox.follow(conversation_id, position)

    def follows(self, conversation_id: str) -> bool:
        """Whether recovery covers this conversation."""
        return self._inbox.follows(conversation_id)

    def forget(self, conversation_id: str) -> None:
        """Stop following this conversation, and do not join it again."""
        self._recovery.rooms.pop(conversation_id, None)
        self._inbox.forget(conversation_id)

    def positions(self) -> dict[str, str]:
        """By conversation, the position up to which it is complete; pass it to `follow`."""
        return self._inbox.positions()

    async def sync(self, conversations: Iterable[str]) -> list[Event]:
        """Fetch what these conversations have after the client's positions.

        Returns:
            The data of `recovered` of each.
        """
        return await self._recovery.sync(conversations)

    async def _insist(
        self, action: str, data: Event, for_s: float, tries: int | None = None
    ) -> Event:
        """Ask until there is a final answer; for so long, and so often, at most."""
        encode(action, data, 0)  # raises at once if it is too large
        now = asyncio.get_running_loop().time
        until = now() + for_s
        resend = Resend()
        attempt = 1
        while True:
            try:
                await self._connection.ready(until - now())
                turn = self._suspects if resend.is_suspect else contextlib.nullcontext()
                async with turn:
                    return await self._connection.ask(action, data)
            except ActionError as error:
                final = resend.after(error)
                limited_s = error.wait_s
                is_last = now() >= until or (limited_s is None and attempt == tries)
                if final is not None or is_last:
                    raise final or error from None
            if limited_s is not None:  # no attempt: the server says when it will take it
                await self._pause(limited_s)
            else:
                await self._pause(self._times.backoff(min(attempt, 64)))
                attempt += 1

    async def _pause(self, wait_s: float) -> None:
        """Wait, but not longer than the client is open."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._connection.closed.wait()

    def _is_mine(self, message: Event) -> bool:
        return message.get("client_message_id") in self._unacked

    def _meet(self, conversation_id: str) -> bool:
        return self._recovery.meet(conversation_id)

    # -- called by the connection

    def emit(self, name: str, data: Event) -> None:
        self._call_listener("on_event", self._on_event, name, data)

    def opened(self) -> None:
        # Before anything is read, as live frames may have arrived with the handshake.
        self._recovery.opened()

    async def restore(self) -> None:
        await self._recovery.restore()

    def event(self, name: str, data: Event) -> None:
        if name == "token_expiring" and (self._refresh is None or self._refresh.done()):
            self._refresh = asyncio.create_task(self._refresh_token())
        self._call_listener("on_frame", self._on_frame, name, data)
        if name == "room_updated" and data.get("change") != "member_removed":
            self._inbox.meet(data["room_id"])
        self._inbox.take(name, data)
        self._recovery.watch_holes()

    def ended(self, *, by_server: bool) -> None:
        self._recovery.ended(by_server=by_server)

    def _call_listener(
        self, which: str, listener: Callable[[str, Event], None], name: str, data: Event
    ) -> None:
        """Call a listener. Its exceptions are reported to the loop and end nothing."""
        try:
            listener(name, data)
        except Exception as fault:  # noqa: BLE001 - the listener is the user's code
            report(f"{which}({name!r}) raised", fault)

    async def _refresh_token(self) -> None:
        """Send a new token; if that fails, the reconnect after the close uses a new one."""
        with contextlib.suppress(ActionError, NoToken):
            token = await self._connection.fresh_token()
            await self._insist("refresh_token", {"token": token}, self._times.retry, 5)
