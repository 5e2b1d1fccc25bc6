"""A region in this process, in which everything that a request causes is counted.

The product's DynamoDB adapters stand on `DynamoDb`, all other ports on the in-memory twins. Time
is virtual: it passes while something waits, and jumps to jobs that are due.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import jwt

from chalicelib.adapters import dynamodb as stores
from chalicelib.adapters.apigateway.engine import EnginePoster
from chalicelib.adapters.system import SystemIds
from chalicelib.composition import compose
from chalicelib.entrypoints import queues, streams, websocket
from chalicelib.entrypoints.http import rest
from chalicelib.entrypoints.socketio import polling
from chalicelib.kernel.ids import BUCKETS
from chalicelib.kernel.records import job_to_text
from chalicelib.kernel.settings import Settings
from chalicelib.model.connections import Connection, Target
from chalicelib.model.identifiers import ConnectionId, Region, RoomId, UserId
from chalicelib.model.jobs import QueuedJob
from chalicelib.model.rooms import Member, Role, Room, RoomType
from chalicelib.ports.adapters import Adapters
from operate.cost.budgets import Calls
from workbench import twins

from .dynamodb import DynamoDb
from .ports import (
    Charges,
    CountedPort,
    CountedQueue,
    NotingCache,
    NotingSessions,
    OneByOne,
    Posts,
    ReportedLog,
    VirtualClock,
)

_SECRET = "only-for-this-count-and-longer-than-sixty-four-bytes-as-it-must-be!!!"
# What a request causes is over by then; the first ping of a session comes later.
HORIZON_S = 200
_REDIS = ("sessions", "trails")  # each call is a trip; the cache counts its own


@dataclass(frozen=True, slots=True)
class Invocation:
    """One invocation that a request caused.

    Attributes:
        calls: Its calls, and frames in the units in which API Gateway counts them.
        posts: Posts to clients.
        post_bytes: Their size together.
        dynamodb: Requests to DynamoDB.
        jobs: Jobs that it queued.
        held_ms: How long it waited.
    """

    calls: Calls
    posts: int
    post_bytes: int
    dynamodb: int
    jobs: int
    held_ms: int


@dataclass(frozen=True, slots=True)
class Measured:
    """A request.

    Attributes:
        invocations: Its own first, then those that it caused.
        charges: What it paid.
        http: Whether it came over HTTP.
        handshake: Whether it opens a websocket.
    """

    invocations: Sequence[Invocation]
    charges: Charges
    http: bool = False
    handshake: bool = False
    answer_bytes: int = 0

    def total(self, quantity: str) -> float:
        """The sum of a quantity of `Calls`."""
        return float(sum(getattr(each.calls, quantity) for each in self.invocations))

    def sum(self, quantity: str) -> int:
        """The sum of a quantity of `Invocation`."""
        return sum(getattr(each, quantity) for each in self.invocations)


class CountedRegion:
    """
    Attributes:
        services: On the counted ports.
        store: The DynamoDB of the region.
        log: What was committed there, and not yet reported by the stream, is in its `news`.
        cache: The twin of Redis, in which buckets can be read.
    """

    def __init__(self, **settings: Any) -> None:
        self.clock, self.store, self._posts = VirtualClock(), DynamoDb(), Posts()
        self.settings = Settings(jwt_secret=_SECRET, outbox=True, **settings)
        self.region = Region(self.settings.region)
        self._trips = 0
        own, prefix, client = (self.region,), self.store.prefix, self.store
        ports = twins.ports(self.clock, SystemIds(), _SECRET)
        self._charges: Charges = Counter()
        self.cache = NotingCache(SystemIds(), self.clock, self._charges)
        self.log = ReportedLog(client, prefix)
        ports |= {
            "log": self.log,
            "cursors": stores.DynamoCursors(client, prefix),
            "friends": stores.DynamoFriendStore(client, prefix, own),
            "consents": stores.DynamoConsentStore(client, prefix, own),
            "revocations": stores.DynamoRevocationStore(client, prefix, own),
            "presence": stores.DynamoPresenceStore(client, prefix),
            "markers": stores.DynamoMarkers(client, prefix),
            "rooms": stores.DynamoRoomStore(client, prefix, own),
            "connections": stores.DynamoConnectionStore(client, prefix),
            "drains": stores.DynamoDrains(client, prefix),
            "checkpoints": stores.DynamoCheckpointStore(client, prefix),
        }
        ports |= {"cache": self.cache, "sessions": NotingSessions(self.clock, self._charges)}
        ports["poster"] = EnginePoster(self._posts, ports["sessions"])
        self._queues = {name: CountedQueue(self.clock) for name in twins.QUEUES}
        ports |= self._queues | {"parallel": OneByOne()}
        ports |= {name: CountedPort(ports[name], self._trip) for name in _REDIS}
        self.services = compose(self.settings, Adapters(**ports))
        self._vouch()

    def token(self, user: str, roles: Sequence[str] = ()) -> str:
        claims = {"sub": user, "exp": self.clock.ms // 1000 + 86_400, "roles": list(roles)}
        return jwt.encode(claims, _SECRET, algorithm="HS256")

    # What requests are about, written without a count.

    def room(self, room_id: str, members: Sequence[str], metadata: Any = None) -> RoomId:
        """A group chat; the first member owns it."""
        room = Room(
            RoomId(room_id), RoomType.GROUP_CHAT, UserId(members[0]), self.clock.ms, metadata or {}
        )
        held = [
            Member(room.room_id, UserId(user), Role.MEMBER if number else Role.OWNER, self.clock.ms)
            for number, user in enumerate(members)
        ]
        if not self.services.adapters.rooms.create(room, held):
            raise RuntimeError(f"{room_id} exists")
        return room.room_id

    def connect(self, user: str) -> str:
        """Connect a JSON client; its connection."""
        return self.connect_device(user, f"{user}=")

    def connect_device(self, user: str, device: str) -> str:
        """Connect a JSON client by this connection."""
        event = self.event(device, "CONNECT", queryStringParameters={"token": self.token(user)})
        answer = websocket.connect(self.services, event)
        if answer["statusCode"] != 200:
            raise RuntimeError(answer)
        return device

    def connect_many(self, users: Sequence[str]) -> None:
        """Connect JSON clients as far as deliveries can see, which ask Redis alone."""
        now_ms = self.clock.ms
        for user in users:
            target = Target(
                ConnectionId(f"{user}="), UserId(user), "api", "prod", self.region, "json", now_ms
            )
            self.cache.register(Connection(target, {}, now_ms, now_ms, 2**31))
        self.settle()

    def settle(self) -> None:
        """Do what is queued and due; forget what would come later."""
        for _ in self._invocations(self.clock.ms):
            pass
        for queue in self._queues.values():
            queue.jobs.clear()
            queue.due.clear()
        self.log.news.clear()

    def later(self, seconds: int) -> None:
        """Let time pass, and a sweep vouch for what Redis knows of connections."""
        self.clock.ms += seconds * 1000
        self._vouch()

    # Requests.

    def say(self, device: str, frame: str) -> str:
        """Send a frame; the answer in the return body."""
        answer = websocket.message(self.services, self.event(device, "MESSAGE", body=frame))
        return str(answer["body"])

    def http(
        self,
        endpoint: rest.Endpoint,
        user: str,
        body: str = "",
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        *,
        roles: Sequence[str] = (),
        many: Mapping[str, list[str]] | None = None,
    ) -> rest.Response:
        headers = {"Authorization": f"Bearer {self.token(user, roles)}"} if user else {}
        request = rest.HttpRequest(
            headers, query or {}, path or {}, body, many or {}, source_ip="192.0.2.1"
        )
        return rest.handle(self.services, request, endpoint)

    def poll(self, method: str, query: Mapping[str, str], body: str = "") -> polling.Answer:
        query = {"EIO": "4", "transport": "polling", **query}
        request = rest.HttpRequest({}, query, {}, body, source_ip="192.0.2.1")
        return polling.handle(self.services, request, method)

    def event(self, device: str, kind: str, **more: Any) -> dict[str, Any]:
        context = {
            "connectionId": device,
            "requestId": device,
            "apiId": "api",
            "stage": "prod",
            "connectedAt": self.clock.ms,
            "requestTimeEpoch": self.clock.ms,
            "eventType": kind,
            "identity": {"sourceIp": "192.0.2.1"},
        }
        return {"requestContext": context, "headers": {}, "queryStringParameters": None, **more}

    def measure(
        self, function: str, act: Callable[[], Any], *, frame: int = 0, answered: bool = False
    ) -> Measured:
        """Make a request, and count it and what it causes.

        Args:
            function: Which serves it.
            frame: Bytes of the frame, if it is one.
            answered: The return body is a frame to the client.
        """
        self._charges.clear()
        with self._counting(function) as counted:
            answer = act()
        charges = Counter(self._charges)
        size = len(str(getattr(answer, "body", None) or getattr(answer, "text", answer)).encode())
        calls = counted[0]
        frames = {"frames_in": _parts(frame), "frames_out": int(answered and size > 0)}
        own = Invocation(
            Calls(function, **{**_fields(calls.calls), **frames}),
            *(getattr(calls, name) for name in Invocation.__slots__[1:]),
        )
        caused = list(self._invocations(self.clock.ms + HORIZON_S * 1000))
        return Measured(
            [own, *caused],
            charges,
            http=function == "api_handler",
            handshake=function == "websocket_connect",
            answer_bytes=size,
        )

    def _invocations(self, until_ms: int) -> Iterator[Invocation]:
        """Let the functions of queues and of the log's stream run."""
        serve = {
            "delivery": ("deliver", queues.deliver),
            "outbound": ("outbound", queues.outbound),
        }
        while True:
            if self.log.news:
                news, self.log.news[:] = [{"arrival": each} for each in self.log.news], []
                with self._counting("replicated") as counted:
                    streams.replicated(self.services, {"Records": news})
                yield counted[0]
            for name, (function, handler) in serve.items():
                while jobs := self._queues[name].ready():
                    records = {"Records": [_record(job) for job in jobs]}
                    with self._counting(function) as counted:
                        answer = handler(self.services, records)
                    if answer["batchItemFailures"]:
                        raise RuntimeError(f"a job failed: {jobs}")
                    yield counted[0]
            times = [self._queues[name].next_ms() for name in serve]
            due = [each for each in times if each is not None and each <= until_ms]
            if not due and not self.log.news:
                return
            self.clock.ms = max(self.clock.ms, min(due, default=self.clock.ms))

    @contextmanager
    def _counting(self, function: str) -> Iterator[list[Invocation]]:
        """Count what happens meanwhile; the invocation is there afterwards."""
        before = self._state()
        found: list[Invocation] = []
        yield found
        redis, reads, writes, fifo, standard, deletes, *others = [
            after - earlier for after, earlier in zip(self._state(), before, strict=True)
        ]
        calls = Calls(
            function,
            redis=int(redis),
            reads=reads,
            writes=writes,
            fifo=int(fifo),
            standard=int(standard),
            deletes=int(deletes),
        )
        found.append(Invocation(calls, *map(int, others)))

    def _state(self) -> list[float]:
        delivery, outbound = self._queues["delivery"], self._queues["outbound"]
        return [
            self.cache.round_trips + self._trips,
            self.store.reads,
            self.store.writes,
            delivery.requests,
            outbound.requests,
            len(delivery.deleted),
            self._posts.count,
            self._posts.size,
            self.store.requests,
            delivery.sent + outbound.sent,
            self.clock.slept_ms,
        ]

    def _vouch(self) -> None:
        for bucket in range(BUCKETS):
            self.cache.vouch(bucket, self.cache.begin(bucket))

    def _trip(self) -> None:
        self._trips += 1


def _parts(size: int) -> int:
    """API Gateway counts a message for each 32 KB."""
    return math.ceil(size / 32_768)


def _fields(calls: Calls) -> dict[str, Any]:
    names = ("redis", "reads", "writes", "copied", "fifo", "standard", "published", "deletes")
    return {name: getattr(calls, name) for name in names}


def _record(job: QueuedJob) -> dict[str, Any]:
    """A job as Lambda passes it to a function."""
    attributes = {"ApproximateReceiveCount": "1"}
    attributes |= {"MessageGroupId": job.group} if job.group is not None else {}
    return {
        "messageId": f"m-{id(job)}",
        "receiptHandle": f"r-{id(job)}",
        "body": job_to_text(job),
        "attributes": attributes,
    }
