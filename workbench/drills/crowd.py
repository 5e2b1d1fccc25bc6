"""A drill's clients of all kinds, in rooms of one region: connect, talk, settle.

Each client sends its next message when the last one is acked, and repeats a message under the same
key until it is. In the end what each has seen is compared with the log.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidings_client import ActionError

from . import checker
from .history import Client, History, LogEntry, MessageId, Room
from .json_member import JsonMember
from .members import Member
from .python_member import PythonMember
from .recorder import Recorder
from .service import Service, ServiceError
from .swarm import Swarm

# Number of clients of each kind among a hundred; the shares of stock clients among themselves.
MIX = {
    "json": 30,
    "js websocket": 22,
    "js polling": 12,
    "js upgrade": 22,
    "python websocket": 6,
    "python polling": 3,
    "python upgrade": 5,
}
TRANSPORTS = {
    "websocket": ["websocket"],
    "polling": ["polling"],
    "upgrade": ["polling", "websocket"],
}
_STARTS, _SETTLE_S, _STILL_S = 12, 180.0, 45.0


@dataclass(frozen=True, slots=True)
class Progress:
    """The present state of a storm, for display."""

    phase: str
    done: float
    of: float


Watch = Callable[[Progress], None]


def cast(clients: int, stock: int = 100 - MIX["json"]) -> dict[Client, str]:
    """The kind of each client, in the shares of `MIX`, with every kind spread over all rooms.

    Args:
        stock: Stock clients among a hundred.
    """
    mix = {kind: share * stock / (100 - MIX["json"]) for kind, share in MIX.items()}
    mix["json"] = 100 - stock
    shares = {kind: clients * share / 100 for kind, share in mix.items() if share}
    left = dict(shares)
    kinds: dict[Client, str] = {}
    for number in range(clients):
        # Next comes the kind that is furthest below its share.
        kind = max(left, key=lambda each: left[each] / shares[each])
        left[kind] -= 1
        kinds[Client(f"storm-{number:03}")] = kind
    return kinds


def seat(
    clients: Sequence[Client], room_size: int, rooms_each: int, rng: random.Random
) -> list[list[Client]]:
    """Members of each room: each client in `rooms_each` rooms, with different others."""
    seats = []
    for _ in range(rooms_each):
        order = rng.sample(list(clients), len(clients))
        seats += [order[at : at + room_size] for at in range(0, len(order), room_size)]
    return seats


class Crowd:
    """
    Args:
        url: Where its clients connect.
        service: Asked about the stack itself.
        swarm: Of that URL.

    Attributes:
        rooms: The rooms of each client, with its position in each when it connects.
        members_of: The clients in each room.
        log: Read by `settle`.
    """

    def __init__(
        self,
        url: str,
        service: Service,
        swarm: Swarm | None,
        recorder: Recorder,
        rng: random.Random,
        watch: Watch,
    ) -> None:
        self._url = url
        self._service = service
        self._swarm = swarm
        self._recorder = recorder
        self._rng = rng
        self._watch = watch
        self._tokens: dict[Client, str] = {}
        self._first: dict[Room, dict[str, Any]] = {}
        self._owners: dict[Room, Client] = {}
        self.members: list[Member] = []
        self.rooms: dict[Client, dict[Room, str]] = {}
        self.members_of: dict[Room, frozenset[Client]] = {}
        self.log: dict[Room, tuple[LogEntry, ...]] = {}

    @property
    def history(self) -> History:
        """What has happened until now."""
        return History(self.members_of, self.log, tuple(self._recorder.events))

    def rooms_of(self, member: Member) -> list[Room]:
        return list(self.rooms[member.name])

    async def furnish(self, kinds: Mapping[Client, str], room_size: int, rooms_each: int) -> None:
        """Create tokens, and rooms with one message each."""
        for client in kinds:
            self._tokens[client] = await self._service.token(client)
            self.rooms[client] = {}
        seats = seat(list(kinds), room_size, rooms_each, self._rng)
        for number, members in enumerate(seats):
            owner, *others = members
            room, first = await self._service.room(self._tokens[owner], others)
            self._owners[room], self._first[room] = owner, first
            self.members_of[room] = frozenset(members)
            for client in members:
                self.rooms[client][room] = first["position"]
            self._watch(Progress("rooms", number + 1, len(seats)))

    async def start(self, kinds: Mapping[Client, str]) -> None:
        """Connect all clients, some at a time."""
        places = asyncio.Semaphore(_STARTS)
        self.members = [self._member(client, kind) for client, kind in kinds.items()]
        started = 0

        async def begin(member: Member) -> None:
            nonlocal started
            async with places:
                await member.start()
            started += 1
            self._watch(Progress("clients", started, len(kinds)))

        try:
            async with asyncio.TaskGroup() as all_:
                for member in self.members:
                    all_.create_task(begin(member))
        except* (TimeoutError, ActionError) as faults:
            raise ServiceError(f"a client could not connect: {faults.exceptions[0]}") from faults

    def _member(self, client: Client, kind: str) -> Member:
        family, _, mode = kind.partition(" ")
        known = (self._tokens[client], self.rooms[client])
        if family == "json":
            return JsonMember(client, self._url, *known, self._recorder)
        if family == "python":
            url = self._url
            return PythonMember(client, url, *known, self._recorder, TRANSPORTS[mode])
        assert self._swarm is not None
        return self._swarm.member(client, *known, {"transports": TRANSPORTS[mode]})

    async def settle(self) -> float | None:
        """Read the log; wait, bounded, until all clients have seen it and the queues are empty."""
        start_s = time.monotonic()
        self.log = {
            room: await self._service.log(
                self._tokens[owner], room, MessageId(self._first[room]["message_id"])
            )
            for room, owner in self._owners.items()
        }
        history = self.history
        due = {
            (client, message_id)
            for clients in checker.due(history).values()
            for client, ids in clients.items()
            for message_id in ids
        }
        last = (len(self._recorder.events), start_s)
        while (now_s := time.monotonic()) - start_s < _SETTLE_S:
            missing, waiting = due - self._recorder.seen, await self._service.waiting()
            self._watch(Progress("settling", len(due) - len(missing), len(due)))
            if not missing and not waiting:
                return now_s - start_s
            if len(self._recorder.events) != last[0] or waiting:
                last = (len(self._recorder.events), now_s)
            elif now_s - last[1] > _STILL_S:
                return None
            await asyncio.sleep(0.5)
        return None

    async def end(self) -> None:
        await asyncio.gather(*(member.close() for member in self.members))
