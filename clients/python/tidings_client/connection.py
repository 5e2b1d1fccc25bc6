"""Keeps a connection open: connects, authenticates, sends heartbeats, matches answers, reconnects.

It knows frames, but not conversations: its `User` recovers them on each new connection.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from .address import address, handshake, refusal, subprotocols
from .errors import ActionError, End, NoAnswer
from .faults import NoToken, code_of, heartbeat_unanswered, report, text_of, unknown
from .frames import decoded
from .inbox import Event
from .lookup import ask
from .regions import Regions, api_of, endpoint
from .sizes import encode
from .times import Times
from .user import User

_MOST_REFUSED_HEARTBEATS = 2  # in a row


class Connection:
    """Run `run` as a task, and call `ask` from other tasks.

    Attributes:
        up: Set while a connection is open, and after the final end.
        closed: Set after the final end.
        end: The reason of the final end; None before it.
        reason: Why there is no connection, {code, message}; None while there is one.
        serial: How many connections have been open.
        url: Where to connect.
    """

    def __init__(
        self,
        url: str,
        token: Callable[[], Awaitable[str]],
        times: Times,
        user: User,
        api: str | None = "",
    ) -> None:
        self._url = url
        self._api = api
        self._regions = Regions(url, None)
        self._asked_at = ""  # the place whose API was asked for the regions
        self._used = ""  # the last token
        self._after_s: float | None = None
        self._token = token
        self._times = times
        self._user = user
        self._ids = itertools.count(1)
        self._pending: dict[int, tuple[str, asyncio.Future[Event]]] = {}
        self._socket: ClientConnection | None = None
        self._failures = 0
        self._was_open = False
        self._is_restored = False
        self._was_useful = False
        self._left: ActionError | None = None
        self.up = asyncio.Event()
        self.closed = asyncio.Event()
        self.end: Exception | None = None
        self.reason: dict[str, str] | None = None
        self.serial = 0
        self._state = "idle"

    @property
    def url(self) -> str:
        return self._url

    @property
    def state(self) -> str:
        """See `TidingsClient.state`."""
        if self.end is not None:
            return "closed"
        if self.up.is_set():
            return "online" if self._is_restored else "recovering"
        return self._state

    async def run(self) -> None:
        """Connect, and reconnect until `end` is set."""
        try:
            home = address(self._url)
            self._regions = Regions(home, api_of(home) if self._api == "" else self._api)
            self._url = self._regions.url
            while self.end is None:
                self._is_restored = False
                self._state = "connecting"
                await self._once()
                if self.end is None:
                    await self._move()
                    self._failures += 1
                    wait = self._times.backoff(self._failures)
                    if self._after_s is not None:
                        wait, self._after_s = self._after_s, None
                    data = {"attempt": self._failures, "retry_in_s": wait, "reason": self.reason}
                    self._state = "waiting"
                    self._user.emit("waiting", data)
                    await asyncio.sleep(wait)
        except Exception as fault:  # noqa: BLE001 - all waiting calls must fail
            self.finish(fault)

    async def ask(self, action: str, data: Event) -> Event:
        """Send a frame and return the ack's data. Waits for a connection.

        Raises:
            ActionError: The server's error, `too_large`, or no answer within `times.call`.
        """
        number = next(self._ids)
        texts = encode(action, data, number)
        answer: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._times.call):
                await self.up.wait()
                if self.end is not None:
                    raise ActionError(code_of(self.end), text_of(self.end), False)
                assert self._socket is not None
                self._pending[number] = (action, answer)
                await self._socket.send(texts[0] if len(texts) == 1 else texts)
                return await answer
        except TimeoutError:
            why = "" if self.reason is None else f": {self.reason['message']}"
            raise NoAnswer(f"no answer{why}") from None
        except ConnectionClosed as fault:
            # The connection may have ended before: then this frame is not the reason.
            end = End(fault.rcvd.code if fault.rcvd else None, alone=False)
            raise NoAnswer(f"the connection ended: {fault}", end) from None
        finally:
            self._pending.pop(number, None)

    async def ready(self, within_s: float) -> None:
        """Wait for a connection.

        Raises:
            ActionError: There was none in time, or the client is closed.
        """
        try:
            async with asyncio.timeout(within_s):
                await self.up.wait()
        except TimeoutError:
            why = self.reason["message"] if self.reason else "the server has not answered yet"
            raise NoAnswer(f"no connection after {within_s:g} s: {why}") from None
        if self.end is not None:
            raise ActionError(code_of(self.end), text_of(self.end), False)

    async def fresh_token(self) -> str:
        """A new token from the token provider.

        Raises:
            NoToken: The provider raised, or did not answer in time.
        """
        try:
            async with asyncio.timeout(self._times.call):
                return await self._token()
        except TimeoutError as fault:
            raise NoToken(f"token(): no answer within {self._times.call:g} s") from fault
        except Exception as fault:
            raise NoToken(f"token() failed: {text_of(fault)}") from fault

    def drop(self) -> None:
        """Abort the connection without a close handshake; the client reconnects."""
        if self._socket is not None:
            self._socket.transport.abort()

    def move_to(self, url: str) -> None:
        """Connect to another region that is known; if that fails, the client returns to this one.

        Raises:
            ActionError: `bad_request`, as the region is not known.
        """
        if url not in self._regions.known:
            raise ActionError("bad_request", f"{url} is not a known region", False)
        if url == self._regions.url or self.end is not None:
            return
        self._regions.direct(url)
        if self._socket is None or not self.up.is_set():
            self._is_restored = True  # what becomes of an attempt elsewhere does not matter
            self._go()
            return
        self._after_s = 0.0
        self._is_restored = True  # its end says nothing about the region that is left
        self._leave(self._socket, ActionError("unavailable", "moving to another region", True))

    def finish(self, reason: Exception) -> None:
        """End permanently: all waiting calls fail with this reason."""
        if self.end is not None:
            return
        self.end = reason
        self.reason = {"code": code_of(reason), "message": text_of(reason)}
        self.up.set()
        self.closed.set()
        self._fail_all(ActionError(code_of(reason), text_of(reason), False))

    # -- regions

    async def _move(self) -> None:
        """Choose where to connect next, after a connection or an attempt has ended."""
        if not self._is_restored and self._regions.failed():
            answer = await ask(self._regions.asks(), self._used, self._times.look)
            self._regions.move(answer)
        self._go()

    def _go(self) -> None:
        if self._url != self._regions.url:
            self._url = self._regions.url
            self._user.emit("moved", {"url": self._url})

    async def _learn(self) -> None:
        """Ask this region for the others, once: when it is away, it cannot be asked."""
        if self._asked_at != self._url and self._api is not None:
            self._asked_at = self._url
            apis = self._regions.asks()[::-1]  # this one first
            if self._regions.learn(await ask(apis, self._used, self._times.look)):
                known = {"urls": self._regions.known, "names": self._regions.names}
                self._user.emit("regions", known)

    def _directed(self, socket: ClientConnection, data: Event) -> None:
        """The server closes this connection, and says when and where to open another one."""
        after_ms = data.get("after_ms")
        self._after_s = after_ms / 1000 if isinstance(after_ms, int) else 0.0
        named = endpoint(data.get("endpoint") or "", self._url)
        if named is not None and named != self._url:
            self._regions.direct(named)
        self._is_restored = True  # whatever became of it: the server has ended it
        text = f"the server asked the client to reconnect: {data.get('reason')}"
        self._leave(socket, ActionError("unavailable", text, True))

    # -- one connection

    async def _once(self) -> None:
        """One connection, from its token to its end."""
        try:
            self._used = await self.fresh_token()
            place = self._url
            by = subprotocols(self._used)
            url = handshake(place)
            async with connect(
                url, subprotocols=by, open_timeout=self._times.call, compression=None
            ) as socket:
                if place == self._url:  # otherwise the user has chosen another region meanwhile
                    await self._serve(socket)
        except NoToken as fault:
            if not self._was_open and not isinstance(fault.__cause__, TimeoutError):
                return self._refuse(fault.__cause__ or fault)
            self._because(fault)
        except ActionError as fault:
            self._refuse(fault)
        except InvalidStatus as fault:
            status = fault.response.status_code
            final = refusal(self._url, fault.response, first=not self._was_open)
            if final is not None:
                return self._refuse(final)
            self._because(fault, f"{self._url} answers {status}")
        except InvalidURI as fault:
            self._refuse(ActionError("bad_request", str(fault), False))
        except (OSError, InvalidHandshake, ConnectionClosed, TimeoutError) as fault:
            self._because(fault, f"no connection to {self._url}: {text_of(fault)}")

    def _because(self, fault: Exception, text: str = "") -> None:
        self.reason = {"code": code_of(fault), "message": text or text_of(fault)}

    def _refuse(self, reason: BaseException) -> None:
        self.finish(reason if isinstance(reason, Exception) else RuntimeError(str(reason)))
        if self._was_open:
            self._user.emit("refused", {"message": text_of(reason)})

    async def _serve(self, socket: ClientConnection) -> None:
        self._socket, self._was_open = socket, True
        self.serial += 1
        self._is_restored = self._was_useful = False
        self._left = self.reason = None
        self._user.opened()
        works = self._restore(socket), self._heartbeat(socket)
        tasks = [asyncio.create_task(work) for work in works]
        self.up.set()
        self._user.emit("connected", {})
        try:
            await self._read(socket)
        finally:
            if self.end is None:
                self.up.clear()
            alone = len(self._pending) == 1
            await _cancel(tasks)
            left = self._left
            by_server = left is None or (isinstance(left, NoAnswer) and left.end is not None)
            self._user.ended(by_server=by_server)
            self._over(socket, alone)

    def _over(self, socket: ClientConnection, alone: bool) -> None:
        """Fail the waiting calls, and emit why the connection ended."""
        code = socket.close_code
        text = f"the server closed the connection: close code {code}"
        if socket.close_reason:
            text = f"{text}, {socket.close_reason}"
        left = self._left or NoAnswer(text, End(code, alone))
        end = left.end if isinstance(left, NoAnswer) else None
        self._fail_all(NoAnswer(f"the connection ended: {left.message}", end))
        mine = asyncio.current_task()
        if mine is None or not mine.cancelling():
            self.reason = {"code": left.code, "message": left.message}
            self._user.emit("disconnected", {"reason": self.reason})

    def _leave(self, socket: ClientConnection, reason: ActionError) -> None:
        """Abort this connection for this reason, without a close handshake."""
        self._left = self._left or reason
        socket.transport.abort()

    def _fail_all(self, error: ActionError) -> None:
        for _, answer in self._pending.values():
            if not answer.done():
                answer.set_exception(error)

    async def _restore(self, socket: ClientConnection) -> None:
        try:
            await self._user.restore()
        except ActionError as error:
            return self._leave(socket, ActionError(error.code, error.message, True))
        except Exception as fault:  # noqa: BLE001 - an answer outside the protocol
            report("the recovery failed", fault)
            return self._leave(socket, ActionError("internal", f"recovery: {fault!r}", True))
        self._is_restored = True
        self._regions.opened()
        if self._was_useful:
            self._failures = 0
        await self._learn()

    async def _heartbeat(self, socket: ClientConnection) -> None:
        refused = 0
        while refused < _MOST_REFUSED_HEARTBEATS:
            await asyncio.sleep(self._times.ping)
            try:
                await self.ask("ping", {})
                refused = 0
            except NoAnswer as silence:
                return self._leave(socket, heartbeat_unanswered(silence))
            except ActionError as error:
                # `rate_limited` shows that the connection is alive. Any other refusal does not.
                refused = 0 if error.code == "rate_limited" else refused + 1
                last = error
        self._leave(socket, heartbeat_unanswered(last))

    # -- frames

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for text in socket:
                for frame in decoded(text):
                    event, data = frame.get("event"), frame.get("data") or {}
                    if event in ("ack", "error"):
                        self._answer(socket, event, frame.get("id"), data)
                    elif event is not None:
                        self._take(event, data)
                        if event == "reconnect":
                            return self._directed(socket, data)
        except ConnectionClosed:
            pass  # `_over` reads the close code

    def _take(self, event: str, data: Event) -> None:
        try:
            self._user.event(event, data)
        except Exception as fault:  # noqa: BLE001 - one bad event must not end the connection
            report(f"the event {event!r} cannot be handled", fault)

    def _answer(self, socket: ClientConnection, event: str, number: Any, data: Event) -> None:
        is_id = isinstance(number, int)
        action, answer = self._pending.get(number, ("", None)) if is_id else ("", None)
        if event == "ack":
            self._was_useful = True
            if self._is_restored:
                self._failures = 0
            if answer is not None and not answer.done():
                answer.set_result(data)
            return
        code, text = str(data.get("code")), str(data.get("message"))
        # For refresh_token, `unauthorized` means that the token is bad. For anything else, it means
        # that the server does not know this connection and will not serve it any more.
        if code == "unauthorized" and action != "refresh_token":
            return self._leave(socket, unknown(text, End(None, alone=len(self._pending) == 1)))
        if answer is not None and not answer.done():
            wait_ms = data.get("retry_after_ms") if code == "rate_limited" else None
            wait_s = wait_ms / 1000 if isinstance(wait_ms, int) else None
            answer.set_exception(ActionError(code, text, bool(data.get("retryable")), wait_s))


async def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
