"""Tidings on the in-memory twins, whose calls take time and are counted."""

from __future__ import annotations

import functools
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt

from chalicelib.adapters.apigateway.engine import EnginePoster
from chalicelib.adapters.memory.cache import MemoryCache
from chalicelib.adapters.sqs import SqsQueue
from chalicelib.adapters.system import SystemClock, SystemIds, SystemThreads
from chalicelib.composition import compose
from chalicelib.entrypoints import queues, streams, websocket
from chalicelib.kernel.ids import BUCKETS
from chalicelib.kernel.settings import Settings
from chalicelib.model.connections import Target
from chalicelib.model.delivery import Outcome, Post
from chalicelib.model.identifiers import ConnectionId, MessageId, Region, RoomId, UserId
from chalicelib.model.log import Entry
from chalicelib.model.rooms import Member, Role, Room, RoomType
from chalicelib.ports.adapters import Adapters
from workbench import twins

from .bill import REDIS, Call
from .event_sources import EventSource, Sqs

_SECRET = "only-for-this-measurement-and-longer-than-sixty-four-bytes-as-it-must-be"
_COMMITS = {("log", "commit"), ("log", "commit_all")}
_QUEUES = ("delivery", "delivery_dead", "outbound", "outbound_dead")
_TRIPS = ("sessions", "trails")  # each call is one; the cache counts its own
_FIFO = ("delivery", "delivery_dead")


@dataclass(frozen=True)
class Delays:
    """What a call takes, in seconds.

    Attributes:
        receive_s: From when a job can be received until its function begins.
    """

    transaction_s: float = 0.02
    store_s: float = 0.004
    redis_s: float = 0.001
    queue_s: float = 0.008
    receive_s: float = 0.01
    post_s: float = 0.012

    def of(self, call: Call) -> float:
        if call in _COMMITS:
            return self.transaction_s
        if call[0] in _QUEUES:
            return self.queue_s
        return self.redis_s if call[0] in REDIS else self.store_s


NONE = Delays(0, 0, 0, 0, 0, 0)


class _Port:
    """A port whose calls go through `Twins.call`."""

    def __init__(self, name: str, inner: Any, call: Callable[[Call, Callable[[], Any]], Any]):
        self._name, self._inner, self._call = name, inner, call

    def __getattr__(self, method: str) -> Any:
        target = getattr(self._inner, method)
        if not callable(target):
            return target

        def call(*arguments: Any, **more: Any) -> Any:
            act = functools.partial(target, *arguments, **more)
            return self._call((self._name, method), act)

        return call


class Posts:
    """Takes every post, so many at a time.

    Attributes:
        taken: (connection, frame, monotonic seconds) of each.
    """

    def __init__(self, post_s: Callable[[], float], at_a_time: int) -> None:
        self._post_s, self._at_a_time = post_s, at_a_time
        self.taken: list[tuple[ConnectionId, bytes, float]] = []

    def post(self, posts: Sequence[Post], within_ms: int | None = None) -> list[Outcome]:
        for start in range(0, len(posts), self._at_a_time):
            _sleep(self._post_s())
            now_s = time.monotonic()
            some = posts[start : start + self._at_a_time]
            self.taken += [(each.target.connection_id, each.data, now_s) for each in some]
        return [Outcome.DELIVERED for _ in posts]

    def close(self, target: Target) -> Outcome:
        raise RuntimeError("nobody is closed")


class Twins:
    """
    Args:
        commit: Makes the log's transactions, around which a measurement may put faults.
        outbox: Senders queue no job for what they have delivered, and the log has a stream.

    Attributes:
        delays: What calls take; nothing while members connect.
        calls: The calls of ports so far, by port and method; of queues, the requests.
        queues: By the names of their ports.
        posts: What was posted to websockets.
    """

    def __init__(
        self,
        delays: Delays = NONE,
        commit: Callable[[Callable[[], Any]], Any] | None = None,
        *,
        outbox: bool = False,
    ) -> None:
        self.delays = NONE
        self.calls: Counter[Call] = Counter()
        self._delays, self._commit = delays, commit
        self._lock = threading.Lock()
        clock, ids = SystemClock(), SystemIds()
        # On a busy machine, too, senders leave nothing of a small room to its worker.
        settings = Settings(jwt_secret=_SECRET, fast_lane_ms=5_000, outbox=outbox)
        self.region = Region(settings.region)
        self.posts = Posts(lambda: self.delays.post_s, settings.post_concurrency)
        self.queues = {name: Sqs(functools.partial(self._request, name)) for name in _QUEUES}
        ports = {**twins.ports(clock, ids, _SECRET), "parallel": SystemThreads()}
        ports["poster"] = EnginePoster(self.posts, ports["sessions"])
        self.log, self._rooms = ports["log"], ports["rooms"]
        self.cache: MemoryCache = ports["cache"]
        slow = {
            name: inner if name in twins.LOCAL else _Port(name, inner, self.call)
            for name, inner in ports.items()
        }
        for name, client in self.queues.items():
            slow[name] = SqsQueue(client, f"{name}.fifo" if name in _FIFO else name)
        self.services = compose(settings, Adapters(**slow))
        self.deliver = self._source(self.queues["delivery"], queues.deliver)
        self.outbound = self._source(self.queues["outbound"], queues.outbound)
        self._outbox = outbox
        self._reported: dict[RoomId, MessageId] = {}
        for bucket in range(BUCKETS):
            self.cache.vouch(bucket, self.cache.begin(bucket))

    @property
    def trips(self) -> int:
        """Round trips to Redis so far."""
        others = sum(times for (port, _), times in self.calls.items() if port in _TRIPS)
        return self.cache.round_trips + others

    @property
    def jobs_sent(self) -> int:
        """Jobs that were queued so far."""
        return sum(queue.sent for queue in self.queues.values())

    @property
    def requests(self) -> int:
        """Requests to queues so far, Lambda's included: it receives and deletes each batch."""
        own = sum(times for (port, _), times in self.calls.items() if port in _QUEUES)
        return own + 2 * sum(queue.batches for queue in self.queues.values())

    @property
    def idle(self) -> bool:
        """Whether no job is due or being done."""
        return all(queue.idle for queue in self.queues.values())

    @property
    def transactions(self) -> int:
        """Transactions on the log so far, refused ones too."""
        return sum(self.calls[each] for each in _COMMITS)

    def call(self, call: Call, act: Callable[[], Any]) -> Any:
        """Make a call: count it, and take half of its time before it takes effect."""
        half_s = self.delays.of(call) / 2
        with self._lock:
            self.calls[call] += 1
        _sleep(half_s)
        result = self._commit(act) if self._commit and call in _COMMITS else act()
        _sleep(half_s)
        return result

    def members(self, room_id: RoomId, count: int) -> list[str]:
        """A room with this many connected members, whose roles are known; their connections."""
        users = self.room(room_id, count)
        devices = [self.connect(user) for user in users]
        frame = json.dumps({"action": "join_room", "data": {"room_id": room_id}})
        for device in devices:
            self.say(device, frame)
        self.delays = self._delays
        return devices

    def room(self, room_id: RoomId, count: int) -> list[UserId]:
        """A room with this many members; the users."""
        self._reported[room_id] = MessageId("")
        users = [UserId(f"{room_id}-{number}") for number in range(count)]
        roles = itertools.chain([Role.OWNER], itertools.repeat(Role.MEMBER))
        room = Room(room_id, RoomType.GROUP_CHAT, users[0], 0)
        self._rooms.create(
            room, [Member(room_id, *each, 0) for each in zip(users, roles, strict=False)]
        )
        return users

    def connect(self, user: UserId) -> str:
        """Connect a JSON client; its connection."""
        device = f"{user}="
        self._open(device, {"token": _token(user)})
        return device

    def connect_stock(self, user: UserId) -> str:
        """Connect a stock Socket.IO client that can recover; its connection."""
        device = f"{user}="
        self._open(device, {"EIO": "4", "transport": "websocket"})
        self.drain()
        self.say(device, "40" + json.dumps({"token": _token(user), "recovery": True}))
        self.drain()
        return device

    def say(self, device: str, frame: str) -> str:
        """Send a frame; the answer in the return body."""
        answer = websocket.message(self.services, self.event(device, "MESSAGE", frame))
        return str(answer["body"])

    def drain(self) -> None:
        """Run the queues' functions one after the other, until no job is due."""
        while self.deliver.serve() or self.outbound.serve() or self.report():
            pass

    def report(self) -> int:
        """Let the log's stream call its function with what is new; how many entries that were."""
        found: list[Entry] = []
        for room_id, last_id in self._reported.items() if self._outbox else ():
            found += self.log.after(room_id, self.region, last_id, 1_000)
        if found:
            self._reported.update({entry.room_id: entry.message_id for entry in found})
            records = [{"arrival": entry} for entry in found]
            streams.replicated(self.services, {"Records": records})
        return len(found)

    def begin(self) -> None:
        """From now on, calls take their time."""
        self.delays = self._delays

    @staticmethod
    def event(device: str, kind: str, body: str = "", **more: Any) -> dict[str, Any]:
        now_ms = time.time_ns() // 1_000_000
        context = {
            "connectionId": device,
            "requestId": device,
            "apiId": "api",
            "stage": "prod",
            "connectedAt": now_ms,
            "requestTimeEpoch": now_ms,
            "eventType": kind,
            "identity": {},
        }
        return {"requestContext": context, "body": body, **more}

    def _open(self, device: str, query: Mapping[str, str]) -> None:
        event = self.event(device, "CONNECT", headers={}, queryStringParameters=query)
        answer = websocket.connect(self.services, event)
        if answer["statusCode"] != 200:
            raise RuntimeError(answer)

    def _request(self, queue: str, name: str, act: Callable[[], Any]) -> Any:
        return self.call((queue, name), act)

    def _source(self, sqs: Sqs, handler: Callable[..., dict[str, Any]]) -> EventSource:
        run = functools.partial(handler, self.services)
        return EventSource(sqs, run, lambda: self.delays.receive_s)


def _token(user: UserId) -> str:
    claims = {"sub": user, "exp": int(time.time()) + 3600}
    return jwt.encode(claims, _SECRET, algorithm="HS256")


def _sleep(seconds: float) -> None:
    if seconds:
        time.sleep(seconds)
