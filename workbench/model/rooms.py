"""Messages to rooms: how soon their senders have the ack and their receivers the message.

In quiet rooms one message is over before the next one comes. In a hot room messages come at random
times, from all members, whatever the answers are.
"""

from __future__ import annotations

import functools
import itertools
import json
import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.kernel.settings import Settings
from chalicelib.model.identifiers import ConnectionId, RoomId
from workbench.simulator.scheduler import Result

from .backend import Answer, Backend
from .latencies import Latencies
from .prices import Work, work_of
from .spread import Spread, spread

_MARK = re.compile(rb"model-(\d{7})")
_CONTENT = 100  # characters of a message
# A connection that does nothing is forgotten by Redis after 300 s, so a run is shorter.
_GAP_US, _REST_US = 2_400_000, 40_000_000
_WARM = 2  # messages to each room before those that count
HOT_MEMBERS = 20


@dataclass(frozen=True, slots=True)
class Quiet:
    """So many rooms of a size, and so many messages to each."""

    members: int
    rooms: int
    messages: int


QUIET = (
    Quiet(2, 10, 100),
    Quiet(20, 10, 100),
    Quiet(50, 10, 60),
    Quiet(500, 4, 25),
    Quiet(5000, 1, 12),
)
HOT_RATES = (1, 5, 10, 20, 50, 100, 200)


@dataclass
class Sent:
    """A message: when it was sent, by whom, and its answer."""

    at_us: int
    sender: ConnectionId
    receivers: int
    answer: Result[Answer]


@dataclass
class Seen:
    """What became of a run's messages.

    Attributes:
        refused: Messages that were not acked, by the code of the error.
        missing: Pushes that no receiver got.
        misordered: The part of neighbours that a receiver got in another order than the log's.
        taken_s: From the first message until the last push.
        work: All invocations that the messages caused; empty for a hot room, in which a call's
            price depends on how many messages it serves.
    """

    messages: int
    ack: Spread
    receive: Spread
    missing: int
    misordered: float
    refused: Mapping[str, int]
    taken_s: float
    work: Sequence[Work]


def quiet(case: Quiet, clients: str, settings: Settings, latencies: Latencies, seed: int) -> Seen:
    """Send messages to quiet rooms; each room's owner sends."""
    backend = Backend(settings, latencies, seed)
    names = [RoomId(f"room{number}") for number in range(case.rooms)]
    rooms = [backend.room(name, case.members, clients) for name in names]
    backend.begin()
    plan = _Plan(backend, clients)
    stagger_us = _GAP_US // case.rooms
    for turn in range(-_WARM, case.messages):
        for number, (name, connections) in enumerate(zip(names, rooms, strict=True)):
            at_us = (turn + _WARM) * _GAP_US + number * stagger_us
            plan.say(at_us, name, connections[0], len(connections) - 1, counts=turn >= 0)
    backend.finish((case.messages + _WARM) * _GAP_US + _REST_US)
    return plan.seen(from_us=_WARM * _GAP_US)


def hot_s(rate: float) -> float:
    """For how long a room is hot: for 400 messages, but at least 10 s and at most 200 s."""
    return min(200, max(10, 400 / rate))


def arrivals_us(rate: float, chance: random.Random) -> Iterator[int]:
    """Random times at which messages come to a hot room, from 0 (us)."""
    at_us = 0
    while (at_us := at_us + round(chance.expovariate(rate / 1e6))) < hot_s(rate) * 1e6:
        yield at_us


def hot(rate: float, clients: str, settings: Settings, latencies: Latencies, seed: int) -> Seen:
    """Send messages to one room at this rate a second, from all its members in turn."""
    backend = Backend(settings, latencies, seed)
    name = RoomId("hot")
    connections = backend.room(name, HOT_MEMBERS, clients, real=HOT_MEMBERS)
    backend.begin()
    plan = _Plan(backend, clients)
    for number in range(_WARM):
        plan.say(number * _GAP_US, name, connections[0], HOT_MEMBERS - 1, counts=False)
    start_us = _WARM * _GAP_US
    for at_us in arrivals_us(rate, random.Random(f"{seed}/{rate}")):
        sender = connections[plan.count % HOT_MEMBERS]
        plan.say(start_us + at_us, name, sender, HOT_MEMBERS - 1)
    backend.finish(start_us + round(hot_s(rate) * 1e6) + 2 * _REST_US)
    return plan.seen()


class _Plan:
    """The messages of a run, and what came of them."""

    def __init__(self, backend: Backend, clients: str) -> None:
        self._backend, self._clients = backend, clients
        self._sent: dict[int, Sent] = {}
        self.count = 0

    def say(
        self, at_us: int, room: RoomId, sender: ConnectionId, receivers: int, counts: bool = True
    ) -> None:
        """Send a message at this time."""
        self.count += 1
        content = f"model-{self.count:07}".ljust(_CONTENT, "x")
        frame = _frame(self._clients, self.count, room, content)
        number = self.count

        def send() -> None:
            answer = self._backend.send(at_us, sender, frame)
            if counts:
                self._sent[number] = Sent(at_us, sender, receivers, answer)

        self._backend.scheduler.at(at_us, f"message {number}", send)

    def seen(self, from_us: int | None = None) -> Seen:
        """What became of the messages that count.

        Args:
            from_us: Take the work of what began since then; None for no work.
        """
        acks, refused, order = self._answers()
        by_receiver: dict[ConnectionId, list[tuple[int, str]]] = {}
        taken: list[int] = []
        for arrival in self._backend.arrivals:
            for number in _numbers(arrival.data):
                if number in order:
                    taken.append(arrival.at_us - self._sent[number].at_us)
                    pair = arrival.at_us, order[number]
                    by_receiver.setdefault(arrival.connection_id, []).append(pair)
        last_us = max(at_us for pairs in by_receiver.values() for at_us, _ in pairs)
        due = sum(sent.receivers for number, sent in self._sent.items() if number in order)
        return Seen(
            messages=len(self._sent),
            ack=spread(acks),
            receive=spread(taken),
            missing=due - len(taken),
            misordered=misordered(by_receiver.values()),
            refused=refused,
            taken_s=(last_us - min(sent.at_us for sent in self._sent.values())) / 1e6,
            work=[
                work_of(each)
                for each in self._backend.meter.invocations
                if from_us is not None and each.began_us >= from_us
            ],
        )

    def _answers(self) -> tuple[list[int], dict[str, int], dict[int, str]]:
        """Times to acks, refusals by code, and the id of each acked message."""
        acks: list[int] = []
        refused: dict[str, int] = {}
        order: dict[int, str] = {}
        for number, sent in self._sent.items():
            answer = sent.answer.value()
            is_acked, data = _read(self._clients, answer.text)
            if is_acked:
                acks.append(answer.at_us - sent.at_us)
                order[number] = data["message_id"]
            else:
                refused[data["code"]] = refused.get(data["code"], 0) + 1
        return acks, refused, order


def misordered(receivers: Iterable[list[tuple[int, str]]]) -> float:
    """The part of neighbours, by the time of arrival, that are not in the order of their ids."""
    pairs = wrong = 0
    for arrived in receivers:
        ids = [message_id for _, message_id in sorted(arrived)]
        pairs += max(0, len(ids) - 1)
        wrong += sum(high < low for low, high in itertools.pairwise(ids))
    return wrong / pairs if pairs else 0.0


def _frame(clients: str, number: int, room: RoomId, content: str) -> str:
    data = {
        "conversation_id": room,
        "message_type": "text",
        "content": content,
        "client_message_id": f"c{number}",
    }
    if clients != "stock":
        return json.dumps({"action": "send_message", "data": data, "id": number})
    return f"42{number}" + json.dumps(["send_message", data])


def _read(clients: str, text: str) -> tuple[bool, Mapping[str, Any]]:
    """Whether an answer is an ack, and its data or the error's."""
    if clients != "stock":
        frame = json.loads(text)
        return frame["event"] == "ack", frame["data"]
    [answer] = json.loads(text[text.index("[") :])
    return answer["ok"], answer["data"] if answer["ok"] else answer["error"]


@functools.lru_cache(maxsize=64)
def _numbers(data: bytes) -> tuple[int, ...]:
    """The numbers of the messages in a frame."""
    return tuple(int(each) for each in _MARK.findall(data))
