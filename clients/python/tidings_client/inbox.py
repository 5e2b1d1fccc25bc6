"""The client's state of its conversations: emits each entry once, in order, over all connections.

Sans I/O. A *position* has one entry for each region: `region:seq:id,…`. The client's position in a
conversation moves over entries that it has without a hole. Entries after a hole are shown, but the
position stays before the hole, so that the next `sync` fills it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

Event = dict[str, Any]
Emit = Callable[[str, Event], None]
SEEN = 5_000


@dataclass
class _Stream:
    """One region's stream: complete up to `seq`; `ahead` has entries after a hole, ids by seq.

    With seq 0 and a `last_id`, a sync has said that nothing was there yet.
    """

    seq: int = 0
    last_id: str = ""
    ahead: dict[int, str] = field(default_factory=dict)

    def have(self, seq: int, message_id: str) -> None:
        if seq > self.seq:
            self.ahead[seq] = message_id
        self._close_up()

    def complete(self, seq: int, message_id: str) -> None:
        if seq > self.seq or not self.last_id:
            self.seq, self.last_id = seq, message_id
        self._close_up()

    def _close_up(self) -> None:
        while self.seq + 1 in self.ahead:
            self.seq += 1
            self.last_id = self.ahead[self.seq]
        self.ahead = {seq: each for seq, each in self.ahead.items() if seq > self.seq}


@dataclass
class _Recovery:
    """A running sync: live entries wait until it is complete."""

    missed: int = 0
    held: list[tuple[str, Event]] = field(default_factory=list)


def _never(_: Any) -> bool:
    return False


class Inbox:
    """Passes each event to `emit` (name, data) once.

    Besides the server's events there is `recovered` {conversation_id, recovered, missed, error?};
    `error` says why the conversation could not be recovered.

    Args:
        is_mine: Whether this client is sending the message: a sync returns it, but it does not
            count as missed.
        meet: A message of a conversation that is not followed: whether its snapshot will come.
            Otherwise it is followed from this message on.
        snapshots: Emit `snapshot` {conversation_id, messages} where messages replace what one
            had. Otherwise those among them that are new are emitted as received.
    """

    def __init__(
        self,
        emit: Emit,
        is_mine: Callable[[Event], bool] = _never,
        meet: Callable[[str], bool] = _never,
        *,
        snapshots: bool = False,
    ) -> None:
        self._emit = emit
        self._is_mine = is_mine
        self._meet = meet
        self._snapshots = snapshots
        self._listener: Callable[[Event], None] | None = None
        self._streams: dict[str, dict[str, _Stream]] = {}
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._recovering: dict[str, _Recovery] = {}
        self._unnamed: list[tuple[str, Event]] | None = None

    def listen(self, listener: Callable[[Event], None] | None) -> None:
        """Pass each `recovered` to this listener, too."""
        self._listener = listener

    def follows(self, conversation_id: str) -> bool:
        return conversation_id in self._streams

    def forget(self, conversation_id: str) -> None:
        """Stop following this conversation."""
        self._streams.pop(conversation_id, None)
        self._recovering.pop(conversation_id, None)

    def meet(self, conversation_id: str) -> None:
        """Begin a conversation with its snapshot, if it is not known and `meet` fetches it."""
        if not self.follows(conversation_id) and self._meet(conversation_id):
            self.follow(conversation_id, "")
            self.begin([conversation_id])

    def follow(self, conversation_id: str, position: str) -> None:
        """Follow it: everything up to this position is known, later entries are needed."""
        streams = self._streams.setdefault(conversation_id, {})
        for region, seq, message_id in _parts(position):
            streams.setdefault(region, _Stream()).complete(seq, message_id)

    def start(self, conversation_id: str, position: str) -> None:
        """Follow it from here on, unless it is followed: then entries before may be missing."""
        if conversation_id not in self._streams:
            self.follow(conversation_id, position)

    def have(self, conversation_id: str, position: str) -> None:
        """The entry at this position is known, even if earlier ones are not: an own message."""
        if conversation_id not in self._streams:
            self.follow(conversation_id, position)
            return
        for region, seq, message_id in _parts(position):
            self._streams[conversation_id].setdefault(region, _Stream()).have(seq, message_id)

    def sent(self, ack: Event) -> None:
        """An own message was acked: it is known, and need not be shown."""
        self.meet(ack["conversation_id"])
        self.have(ack["conversation_id"], ack["position"])
        self._is_new("message_received", ack)

    def positions(self, of: Iterable[str] | None = None) -> dict[str, str]:
        """The positions to sync from, by conversation; "" requests a snapshot."""
        wanted = self._streams if of is None else [each for each in of if each in self._streams]
        return {each: _position(self._streams[each]) for each in wanted}

    def with_holes(self) -> set[str]:
        """Conversations with entries after a hole."""
        return {
            conversation_id
            for conversation_id, streams in self._streams.items()
            if any(stream.ahead for stream in streams.values())
        }

    def take(self, name: str, data: Event) -> None:
        """Handle an event from the server."""
        conversation_id, position = data.get("conversation_id", ""), data.get("position")
        is_named = conversation_id in self._recovering
        if position and self._unnamed is not None and not is_named:
            self._unnamed.append((name, data))
            return
        if name == "message_received":
            self.meet(conversation_id)
        recovery = self._recovering.get(conversation_id)
        if recovery is not None and position:
            recovery.held.append((name, data))
        else:
            self._hand_on(name, data)

    def begin(self, conversations: Iterable[str]) -> None:
        """Begin recovery: live entries of these conversations wait for its end."""
        for conversation_id in conversations:
            self._recovering.setdefault(conversation_id, _Recovery())

    def begin_all(self) -> None:
        """Begin recovery of all conversations, whose ids are not known yet."""
        if self._unnamed is None:
            self._unnamed = []

    def end_all(self) -> None:
        """The conversations are known: live entries of others continue."""
        held, self._unnamed = self._unnamed or [], None
        for name, data in held:
            self.take(name, data)

    def page(self, conversation_id: str, part: Event) -> str | None:
        """Handle a page of a sync's answer; return the next page's position, or None."""
        recovery = self._recovering.setdefault(conversation_id, _Recovery())
        if part.get("error"):
            # Any other error may be over by the next connection.
            if part["error"].get("code") == "permission_denied":
                self._streams.pop(conversation_id, None)
            self._end(conversation_id, False, part["error"])
            return None
        # Without messages, the answer had no room left for this conversation.
        replaces = not part["recovered"] and not (part["more"] and not part["messages"])
        if replaces and self._snapshots:
            new = [each for each in part["messages"] if self._is_new("message_received", each)]
            recovery.missed += len(new)
            snapshot = {"conversation_id": conversation_id, "messages": part["messages"]}
            self._emit("snapshot", snapshot)
        else:
            for message in part["messages"]:
                is_missed = self._show("message_received", message) and not self._is_mine(message)
                recovery.missed += is_missed
        if replaces:
            self._streams[conversation_id] = {}
        self.follow(conversation_id, part["position"])
        if part["more"]:
            return str(part["position"])
        self._end(conversation_id, part["recovered"])
        return None

    def give_up(self, error: Event) -> None:
        """The server refuses to send what was missed: continue with live entries."""
        for conversation_id in list(self._recovering):
            self._end(conversation_id, False, error)
        self.end_all()

    def interrupt(self) -> None:
        """The connection ended during recovery. Drop held entries: the next sync returns them."""
        self._recovering.clear()
        self._unnamed = None

    def _end(self, conversation_id: str, recovered: bool, error: Event | None = None) -> None:
        recovery = self._recovering.pop(conversation_id)
        report: Event = {
            "conversation_id": conversation_id,
            "recovered": recovered,
            "missed": recovery.missed,
        }
        if error:
            report["error"] = error
        self._emit("recovered", report)
        if self._listener is not None:
            self._listener(report)
        for name, data in recovery.held:
            self._hand_on(name, data)

    def _hand_on(self, name: str, data: Event) -> None:
        if data.get("position"):
            self.have(data["conversation_id"], data["position"])
            self._show(name, data)
        else:
            self._emit(name, data)

    def _show(self, name: str, data: Event) -> bool:
        """Emit an entry unless it was emitted before; return whether it was new."""
        is_new = self._is_new(name, data)
        if is_new:
            self._emit(name, data)
        return is_new

    def _is_new(self, name: str, data: Event) -> bool:
        is_deleted = data.get("is_deleted", False)
        key = f"{name}:{data['message_id']}:{is_deleted}"
        if key in self._seen:
            return False
        if name == "message_received" and not is_deleted and self._is_gone(data["message_id"]):
            return False
        self._seen[key] = None
        while len(self._seen) > SEEN:
            self._seen.popitem(last=False)
        return True

    def _is_gone(self, message_id: str) -> bool:
        """Whether its deletion was shown: a push that comes late still has its content."""
        gone = (f"message_received:{message_id}:True", f"message_deleted:{message_id}:False")
        return any(key in self._seen for key in gone)


def _parts(position: str) -> list[tuple[str, int, str]]:
    parts = [part.split(":") for part in position.split(",") if part]
    return [(region, int(seq), message_id) for region, seq, message_id in parts]


def _position(streams: dict[str, _Stream]) -> str:
    known = sorted((region, each) for region, each in streams.items() if each.last_id)
    return ",".join(f"{region}:{each.seq}:{each.last_id}" for region, each in known)
