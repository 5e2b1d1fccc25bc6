"""Clients: each device keeps a connection, recovers and resends, as the product's clients do."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

from tidings_client.inbox import Inbox
from workbench.drills import history as drill

from .gateway import Gateway
from .history import Done, Heard, Record, Shown
from .http_api import HttpApi
from .lines import Frame, Line, Refused, Speech
from .scheduler import Result, Scheduler

ANSWER_US = 10_000_000
HEARTBEAT_US = 30_000_000
LONGEST_BACKOFF_S = 8.0
ROAMS_AFTER = 3
TRIES = 2_000  # until the run ends
CONNECTS = "connects"

# A room's part of the answer of a sync that brought nothing.
_NOTHING: Frame = {"messages": [], "recovered": True, "more": False}


class Device:
    """One device of a user.

    Attributes:
        name: `user/number`.
        line: The connection that is open; None while there is none.
        rooms: The rooms that it has joined, for ephemeral events.
        wants: Whether it is meant to be connected.
        is_ready: Whether it is connected and has what it missed.
        unready_us: Since when it is not.
        opened_us: Since when the line is open.
        has_moved: Whether it was in several regions.
        was_early: Whether it recovered in another region before its first sync was answered.
        pushed: The position of the message that was pushed last, by room.
        roam: Called when it could not connect several times in a row; it may move the device.
        directed: Called with the URL at which it is to connect next.
    """

    def __init__(
        self,
        name: str,
        token: Callable[[], str],
        speech: Speech,
        gateway: Gateway,
        http: HttpApi,
        scheduler: Scheduler,
        record: Record,
        follows: Sequence[str],
    ) -> None:
        self.name = name
        self.user = name.split("/")[0]
        self.token = token
        self.line: Line | None = None
        self.connections = 0
        self.rooms: dict[str, None] = {}
        self.wants = self.is_ready = False
        self.unready_us = self.opened_us = 0
        self.has_moved = self.was_early = False
        self.pushed: dict[str, str] = {}
        self.roam: Callable[[], None] = lambda: None
        self.directed: Callable[[str], None] = lambda url: None
        self.gateway = gateway
        self.http = http
        self.scheduler = scheduler
        self.record = record
        self.inbox = Inbox(self._emit)
        self._follows = follows
        self._is_sync_due, self._is_running = True, False
        self._opened: set[str] = set()  # rooms of which it has got all, or a snapshot
        self._to_open: dict[str, None] = {}  # those that it has only heard of
        self._speech = speech
        self._numbers = 0
        self._seen: set[str] = set()
        self._pending: dict[int, Result[Frame]] = {}

    # -- what a person does with it

    def connect(self) -> None:
        """Be connected from now on."""
        self.wants = True
        if not self._is_running:
            self._is_running = True
            self.scheduler.spawn(f"{self.name} runs", self._run)

    def disconnect(self, how: str) -> None:
        """End the connection: `leave`, `vanish`, or `cut` (it then reconnects)."""
        line = self.line
        if how != "cut":
            self.wants = False
        if line is not None and not line.ended.is_set:
            {"leave": line.leave, "vanish": line.vanish, "cut": line.cut}[how]()

    def move(self, gateway: Gateway, http: HttpApi, at_once: bool = True) -> None:
        """Use another region from the next connection on; that begins now, if `at_once`."""
        self.has_moved = True
        self.gateway, self.http = gateway, http
        if at_once and self.line is not None and not self.line.ended.is_set:
            self.line.cut()

    def send(
        self,
        room: str,
        key: str,
        text: str,
        again: str | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        """Send a message until it is acked.

        Args:
            again: What a careless program sends as content when it repeats the message.
            more: Further fields of the message.
        """
        what = drill.Client(self.name), drill.Room(room), drill.Key(key)
        self.record.events.append(drill.Sent(self._now_s(), *what))
        for attempt in range(TRIES):
            content = again if again is not None and attempt else text
            data = {
                "conversation_id": room,
                "message_type": "text",
                "content": content,
                "client_message_id": key,
                **(more or {}),
            }
            try:
                if not self.is_ready:  # a program writes in rooms that it has opened
                    raise Refused("no_answer", True)
                if room not in self._opened:
                    self._open(room)
                ack = self.ask("send_message", data)
            except Refused as refusal:
                if not refusal.retryable:
                    self.record.events.append(drill.Failed(self._now_s(), *what, refusal.code))
                    return
                self._back_off(attempt)
                continue
            message_id, durability = drill.MessageId(ack["message_id"]), ack["durability"]
            self.record.events.append(drill.Acked(self._now_s(), *what, message_id, durability))
            self.inbox.have(room, ack["position"])
            return

    def act(self, action: str, data: Frame, tries: int = 6) -> Frame:
        """Perform an action, repeated while a retry may succeed."""
        for attempt in range(tries):
            try:
                return self.ask(action, data)
            except Refused as refusal:
                if not refusal.retryable or attempt + 1 == tries:
                    raise
            self._back_off(attempt)
        raise AssertionError("unreachable")

    def join(self, room: str) -> None:
        self.act("join_room", {"room_id": room})
        self.rooms[room] = None

    def leave(self, room: str) -> None:
        self.rooms.pop(room, None)
        try:
            self.act("leave_room", {"room_id": room})
        finally:
            self.rooms.pop(room, None)  # it may have waited for a line, and overtaken a join there

    def ask(self, action: str, data: Frame) -> Frame:
        """Send a frame and return the ack's data.

        Raises:
            Refused: With the server's code, or `no_answer`.
        """
        line = self.line
        if line is None:
            raise Refused("no_answer", True)
        began_s = self._now_s()
        self._numbers += 1
        number, answer = self._numbers, Result[Frame]()
        self._pending[number] = answer
        line.ended.then(lambda: answer.fail(Refused("no_answer", True)))
        line.send(self._speech.say(self, number, action, data))
        there = self.scheduler.wait(answer, ANSWER_US)
        self._pending.pop(number, None)
        if not there:
            raise Refused("no_answer", True)
        value = answer.value()
        self.record.done.append(Done(began_s, self._now_s(), self.name, action))
        return value

    # -- called by the protocol

    def receive(self, text: str) -> None:
        self._speech.read(self, text)

    def answered(self, number: int, data: Frame) -> None:
        if number in self._pending:
            self._pending[number].give(data)

    def refused(self, number: int, error: Frame) -> None:
        if number in self._pending:
            self._pending[number].fail(Refused(error["code"], error["retryable"]))

    def event(self, name: str, data: Frame) -> None:
        if name == "message_received":
            self.record.shown.append(Shown(self.name, data["message_id"], str(data["content"])))
            self.pushed[data["conversation_id"]] = data["position"]
            room, message = drill.Room(data["conversation_id"]), drill.MessageId(data["message_id"])
            self.record.events.append(
                drill.Pushed(self._now_s(), drill.Client(self.name), room, message)
            )
        elif not data.get("position"):
            where = str(data.get("room_id") or data.get("conversation_id") or "")
            detail = str(data.get("status") or data.get("is_typing") or data.get("change") or "")
            detail = detail or str(data.get("message_id", ""))
            user, said = str(data.get("user_id", "")), str(data.get("timestamp", ""))
            heard = Heard(self._now_s(), self.name, name, where, user, detail, said)
            self.record.heard.append(heard)
            if name == "reconnect" and data.get("endpoint"):
                self.directed(str(data["endpoint"]))
        about = str(data.get("room_id" if name == "room_updated" else "conversation_id") or "")
        if about and (name == "room_updated" or data.get("position")):
            self._hear_of(about)
        self.inbox.take(name, data)

    def _hear_of(self, room: str) -> None:
        """Get a room that is new to this device; what it is sent meanwhile waits for that."""
        if room in self._opened or room in self._to_open:
            return
        self._to_open[room] = None
        self.inbox.begin([room])
        if self.is_ready:
            self._begin_to_learn(room)

    def _begin_to_learn(self, room: str) -> None:
        if self.line is not None:
            learn = functools.partial(self._learn, self.line, room)
            self.scheduler.spawn(f"{self.name} learns {room} {self.connections}", learn)

    def _learn(self, line: Line, room: str) -> None:
        try:
            self._open(room)
        except Refused:
            if not line.ended.is_set:
                line.cut()

    def _open(self, room: str) -> None:
        """Get what is in a room that is new to this device."""
        line = self.line
        self.inbox.begin([room])
        answer = self.act("sync", {"positions": {room: ""}})
        if self.line is line:
            self._page(room, answer["conversations"][room])

    def _page(self, room: str, part: Frame) -> str | None:
        """Take a room's part of the answer of a sync; return the position of the next page."""
        (self._opened.discard if "error" in part else self._opened.add)(room)
        self._to_open.pop(room, None)
        return self.inbox.page(room, part)

    # -- the connection

    def _run(self) -> None:
        failures = 0
        while self.wants:
            self.connections += 1
            if self._once():
                failures = 0
            else:
                failures += 1
                if failures % ROAMS_AFTER == 0:
                    self.roam()
            if self.is_ready:
                self.is_ready, self.unready_us = False, self.scheduler.now_us
            if self.wants:
                self._back_off(failures)
        self._is_running = False

    def _once(self) -> bool:
        """One connection, from its handshake to its end; whether it was of use."""
        # Live messages wait for those that were missed, or for the first snapshots.
        self.inbox.begin([*(self.inbox.positions() or self._follows), *self._to_open])
        gateway, began_s = self.gateway, self._now_s()
        line = self._speech.open(self)
        if line is None:
            return False
        self.record.done.append(Done(began_s, self._now_s(), self.name, CONNECTS))
        # A sync that broke off is still due, even if a later connection is recovered.
        recovered = self._speech.is_recovered()
        self.was_early |= recovered and self._is_sync_due and self.has_moved
        self._is_sync_due |= not recovered
        if not self.wants or self.gateway is not gateway:
            line.leave()
            return False
        self.line, self.opened_us = line, self.scheduler.now_us
        client, useful = drill.Client(self.name), False
        try:
            useful = self._restore()
            if useful:
                self.record.events.append(drill.Connected(self._now_s(), client, recovered))
                self.is_ready = True
                for room in list(self._to_open):  # what it has heard of since
                    self._begin_to_learn(room)
                self._stay(line)
        except Refused:
            useful = False
        if not line.ended.is_set:
            line.cut()
        self.line = None
        self.inbox.interrupt()
        self.record.events.append(drill.Disconnected(self._now_s(), client, line.ended.value()))
        return useful

    def _restore(self) -> bool:
        wanted = self.inbox.positions()
        if wanted and not self._is_sync_due:
            for room, reached in wanted.items():
                # At once: what the server has pushed it does not send again.
                if room not in self._to_open:
                    self._page(room, {**_NOTHING, "position": reached})
            while self._to_open:
                self._open(next(iter(self._to_open)))
            self.inbox.give_up({"code": "recovered", "message": ""})
            return self._join_again()
        first = not wanted
        if wanted:
            wanted = {**wanted, **dict.fromkeys(self._to_open, "")}
        while wanted or first:
            answer = self.act("sync", {"positions": wanted})
            first = False
            following: dict[str, str] = {}
            for room, part in answer["conversations"].items():
                self.record.note_sync(self.name, room, part, had_position=bool(wanted.get(room)))
                position = self._page(room, part)
                if position is not None:
                    following[room] = position
            wanted = following
        self._is_sync_due = False
        if self.has_moved:  # what it was told in the other region may have been late there
            for room in self.act("sync", {"positions": {}, "limit": 1})["conversations"]:
                self._hear_of(room)
        while self._to_open:  # heard of meanwhile: what it was sent of them waits, too
            self._open(next(iter(self._to_open)))
        self.inbox.give_up({"code": "not_found", "message": "the user is in no such room"})
        return self._join_again()

    def _join_again(self) -> bool:
        for room in list(self.rooms):
            try:
                self.act("join_room", {"room_id": room})
            except Refused as refusal:
                if refusal.retryable:
                    raise
                del self.rooms[room]
        return True

    def _stay(self, line: Line) -> None:
        """Stay until the connection ends, or turns out to be dead."""
        while not self.scheduler.wait(line.ended, HEARTBEAT_US):
            if self._speech.is_dead(self):
                return
            holes = self.inbox.with_holes()
            if holes and not self._speech.is_stock():
                self._mend(sorted(holes))

    def _mend(self, rooms: list[str]) -> None:
        self.inbox.begin(wanted := self.inbox.positions(rooms))
        try:
            answer = self.act("sync", {"positions": wanted})
        except Refused as refusal:
            self.inbox.give_up({"code": refusal.code, "message": ""})
            return
        for room, part in answer["conversations"].items():
            self._page(room, part)

    def _emit(self, name: str, data: Frame) -> None:
        if name == "message_received":
            client, room = drill.Client(self.name), drill.Room(data["conversation_id"])
            message_id = drill.MessageId(data["message_id"])
            if data.get("is_deleted") and message_id in self._seen:
                return  # it is gone from what the program shows
            self._seen.add(message_id)
            self.record.events.append(drill.Seen(self._now_s(), client, room, message_id))

    def _back_off(self, failures: int) -> None:
        task = self.scheduler.current()
        assert task is not None
        most = min(LONGEST_BACKOFF_S, 0.5 * 2 ** min(failures, 5))
        self.scheduler.pause(int(task.random.uniform(most / 2, most) * 1e6))

    def _now_s(self) -> float:
        return self.scheduler.now_us / 1e6
