"""Recovery on a new connection: fetches missed messages page by page, then joins the rooms."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from .connection import Connection
from .errors import ActionError, End, NoAnswer
from .faults import report
from .inbox import Event, Inbox
from .resend import Resend
from .sizes import syncable
from .times import Times

_TRIES = 5
_MISSING = {
    "error": {
        "code": "internal",
        "message": "the answer to sync has nothing about this conversation",
    }
}
_NO_PROGRESS = "the answers to sync make no progress"
Ask = Callable[[Event], Awaitable[Event]]


class Recovery:
    """
    Attributes:
        rooms: The rooms to join again; refused rooms are removed from it.
    """

    def __init__(
        self,
        connection: Connection,
        inbox: Inbox,
        emit: Callable[[str, Event], None],
        times: Times,
        follow_all: bool,
    ) -> None:
        self.rooms: dict[str, None] = {}
        self._connection = connection
        self._inbox = inbox
        self._emit = emit
        self._times = times
        self._all = follow_all
        self._one_at_a_time = asyncio.Lock()
        self._hole = asyncio.Event()
        self._resend = Resend()  # of the recovery, over connections
        self._is_restoring = False
        self._is_first = True
        self._tasks: set[asyncio.Task[Any]] = set()

    def opened(self) -> None:
        """A connection is open, and nothing is read yet: hold live messages."""
        self._hold(self._inbox.positions(), self._all)

    async def restore(self) -> None:
        """Recover on a new connection: missed messages first, then the rooms."""
        self._is_restoring = True
        given = self._resend.over  # by the connections before: this one goes without
        if given is not None:
            self._resend = Resend()
        reports = await self._fetch(self._inbox.positions(), self._all, self._resend, given)
        missed = sum(each["missed"] for each in reports)
        told = {"missed": missed, "conversations": reports, "first": self._is_first}
        self._is_first = False
        self._emit("recovery", told)
        if given is None:
            await self._join()
        self._resend = Resend()
        self._is_restoring = False

    def ended(self, *, by_server: bool) -> None:
        """The connection has ended; drop held entries, as the next sync returns them."""
        if self._is_restoring and by_server:
            self._resend.after(NoAnswer("the connection ended", End(None, alone=False)))
        self._is_restoring = False
        self._inbox.interrupt()

    async def sync(self, conversations: Iterable[str]) -> list[Event]:
        """Fetch missed messages page by page, while live ones wait; returns the reports."""
        return await self._fetch(list(conversations), False, Resend(), None)

    def meet(self, conversation_id: str) -> bool:
        """A conversation that is not known: whether it is fetched from now on."""
        if self._all:
            task = asyncio.create_task(self._quietly([conversation_id]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return self._all

    def watch_holes(self) -> None:
        if self._inbox.with_holes():
            self._hole.set()

    async def mend(self) -> None:
        """Request messages that are missing between live ones, if they do not arrive in time."""
        while True:
            await self._hole.wait()
            await asyncio.sleep(self._times.hole)
            self._hole.clear()
            if self._connection.up.is_set():
                await self._quietly(sorted(self._inbox.with_holes()))

    def cancel(self) -> list[asyncio.Task[Any]]:
        for task in self._tasks:
            task.cancel()
        return list(self._tasks)

    async def _quietly(self, conversations: list[str]) -> None:
        with contextlib.suppress(ActionError):  # the next hole or the next connection retries
            await self.sync(conversations)

    async def _join(self) -> None:
        for room in list(self.rooms):
            try:
                await self._insist("join_room", {"room_id": room}, self._resend)
            except ActionError as error:
                if error.retryable and self._resend.over is None:
                    raise
                if not error.retryable:
                    self.rooms.pop(room, None)

    async def _fetch(
        self,
        conversations: Iterable[str],
        all_rooms: bool,
        resend: Resend,
        given: ActionError | None,
    ) -> list[Event]:
        serial = self._connection.serial
        async with self._one_at_a_time:
            reports: list[Event] = []

            async def ask(data: Event) -> Event:
                return await self._insist("sync", data, resend)

            wanted = self._inbox.positions(conversations)
            self._hold(wanted, all_rooms)
            self._inbox.listen(reports.append)
            try:
                if given is not None:
                    raise given
                if all_rooms:
                    await self._list(wanted, ask)
                await self._fill(wanted, ask)
            except Exception as fault:  # noqa: BLE001 - also an answer outside the protocol
                error = _as_error(fault)
                mine = resend is self._resend
                over = resend.over is not None or given is not None or not error.retryable
                if not over and (mine or serial != self._connection.serial):
                    raise error from None
                self._inbox.give_up({"code": error.code, "message": error.message})
                if error.retryable and not mine:
                    raise error from None
            finally:
                self._inbox.listen(None)
            return reports

    async def _list(self, wanted: dict[str, str], ask: Ask) -> None:
        """Begin the conversations that are not known: one may have been added while away."""
        knows_some = bool(wanted)
        # Most are known, and only their names are of interest.
        page: Event = {"positions": {}, "limit": 1} if knows_some else {"positions": {}}
        after: str | None = ""
        while after is not None:
            answer = await ask({**page, "after_room": after} if after else page)
            for conversation_id, part in answer["conversations"].items():
                if self._inbox.follows(conversation_id):
                    continue
                if knows_some:
                    self._inbox.follow(conversation_id, "")
                    self._hold([conversation_id])
                    wanted[conversation_id] = ""
                else:
                    position = self._inbox.page(conversation_id, part)
                    if position is not None:
                        wanted[conversation_id] = position
            after = answer.get("after_room") or None
        self._inbox.end_all()

    async def _fill(self, wanted: dict[str, str], ask: Ask) -> None:
        while wanted:
            asked = syncable(wanted)
            answer = await ask({"positions": asked})
            moves = False
            for conversation_id, before in asked.items():
                part = answer["conversations"].get(conversation_id, _MISSING)
                position = self._inbox.page(conversation_id, part)
                moves = moves or position != before
                if position is None:
                    del wanted[conversation_id]
                else:
                    wanted[conversation_id] = position
            if not moves:
                raise ActionError("internal", _NO_PROGRESS, False)

    async def _insist(self, action: str, data: Mapping[str, Any], resend: Resend) -> Event:
        """Ask several times; a refusal that says when to ask again is no attempt."""
        attempt = 1
        while True:
            try:
                return await self._connection.ask(action, dict(data))
            except ActionError as error:
                final = resend.after(error)
                if final is not None or (error.wait_s is None and attempt == _TRIES):
                    raise final or error from None
                wait_s = error.wait_s
            if wait_s is not None:
                await asyncio.sleep(wait_s)
            else:
                await asyncio.sleep(self._times.backoff(attempt))
                attempt += 1

    def _hold(self, conversations: Iterable[str], all_rooms: bool = False) -> None:
        """Hold live messages of these conversations during recovery, or of all."""
        self._inbox.begin(conversations)
        if all_rooms:
            self._inbox.begin_all()


def _as_error(fault: Exception) -> ActionError:
    if isinstance(fault, ActionError):
        return fault
    report("the answer to sync cannot be read", fault)
    return ActionError("internal", f"the answer to sync cannot be read: {fault!r}", False)
