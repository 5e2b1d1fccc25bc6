"""All of Tidings in memory: the real domain and entry points, with fakes for all outside systems.

Nothing is patched: `World` composes the services as `wiring` does. Its methods send API
Gateway events; `pump()` acts as SQS (in order, or distorted as a test specifies).
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any

import jwt

from chalicelib.adapters.apigateway.engine import EnginePoster
from chalicelib.adapters.memory import (
    MemoryArrivals,
    MemoryCheckpointStore,
    MemoryConnectionStore,
    MemoryConsentStore,
    MemoryCursors,
    MemoryDrains,
    MemoryFriendStore,
    MemoryIssuer,
    MemoryMarkers,
    MemoryMessageLog,
    MemoryPeerQueues,
    MemoryPresenceStore,
    MemoryProbes,
    MemoryQueue,
    MemoryRevocationStore,
    MemoryRoomStore,
    MemoryTopic,
)
from chalicelib.adapters.memory.cache import MemoryCache
from chalicelib.adapters.memory.sessions import MemorySessions
from chalicelib.adapters.memory.trails import MemoryTrails
from chalicelib.adapters.secrets import FixedSecrets
from chalicelib.adapters.system import SystemThreads
from chalicelib.composition import compose
from chalicelib.entrypoints import queues, schedules, websocket
from chalicelib.entrypoints.http import rest
from chalicelib.jobs.outbound import CheckRoomChange
from chalicelib.kernel.ids import BUCKETS
from chalicelib.kernel.settings import Settings
from chalicelib.model.connections import Target
from chalicelib.model.delivery import Outcome, Post
from chalicelib.model.identifiers import ConnectionId
from chalicelib.model.jobs import QueuedJob
from chalicelib.ports.adapters import Adapters
from tests.support.surroundings import FakePeers, MemoryClusterBus, RecordingMetrics

SECRET = "a-secret-for-tests-of-more-than-the-64-bytes-that-HS512-asks-for!!!"
START_MS = 1_800_000_000_000


class Killed(BaseException):
    """The process dies here: nothing after this line runs, and there is no answer."""


class FakeClock:
    """Time passes when a test says so, and a little with each sleep."""

    def __init__(self) -> None:
        self.ms = START_MS
        self._plans: list[tuple[int, Callable[[], Any]]] = []

    def now_ms(self) -> int:
        return self.ms

    def sleep(self, seconds: float) -> None:
        self.ms += max(1, int(seconds * 1000))
        due, self._plans = (
            [plan for plan in self._plans if plan[0] <= self.ms],
            [plan for plan in self._plans if plan[0] > self.ms],
        )
        for _, act in due:
            act()

    def at(self, in_ms: int, act: Callable[[], Any]) -> None:
        """Call `act` when a sleep passes this time."""
        self._plans.append((self.ms + in_ms, act))


class CountingIds:
    """Ids that are unique and predictable."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def token(self) -> str:
        return f"TOKEN{next(self._numbers):021d}"

    def entropy(self) -> int:
        return next(self._numbers)

    def jitter(self) -> float:
        return 0.5


class RecordingPoster:
    """Records every post and close.

    Attributes:
        script: The next outcomes of posts for each connection; `closes` of closes.
        rule: An outcome for every post to a connection, None to let the script decide.
    """

    def __init__(self) -> None:
        self.rule: Callable[[ConnectionId], Outcome | None] = lambda _: None
        self.raw: list[tuple[ConnectionId, str]] = []
        self.script: dict[str, list[Outcome]] = {}
        self.closes: dict[str, list[Outcome]] = {}
        self.closed: list[ConnectionId] = []
        self.calls = 0
        self._dies_in: int | None = None

    def dies_in(self, posts: int | None) -> None:
        """Let the process die after this many more posts."""
        self._dies_in = posts

    def post(self, posts: Sequence[Post], within_ms: int | None = None) -> list[Outcome]:
        outcomes: list[Outcome] = []
        held: set[str] = set()
        for post in posts:
            connection_id = post.target.connection_id
            outcome = Outcome.HELD if connection_id in held else self._one(post)
            if outcome not in (Outcome.DELIVERED, Outcome.TOO_LARGE):
                held.add(connection_id)
            outcomes.append(outcome)
        return outcomes

    def close(self, target: Target) -> Outcome:
        queued = self.closes.get(target.connection_id)
        outcome = queued.pop(0) if queued else Outcome.DELIVERED
        if outcome is Outcome.DELIVERED:
            self.closed.append(target.connection_id)
        return outcome

    def _one(self, post: Post) -> Outcome:
        self.calls += 1
        if self._dies_in is not None:
            self._dies_in -= 1
            if self._dies_in < 0:
                raise Killed
        outcome = self.rule(post.target.connection_id)
        if outcome is None:
            queued = self.script.get(post.target.connection_id)
            outcome = queued.pop(0) if queued else Outcome.DELIVERED
        if outcome is Outcome.DELIVERED:
            self.raw.append((post.target.connection_id, post.data.decode()))
        return outcome

    @property
    def posts(self) -> list[tuple[ConnectionId, dict[str, Any]]]:
        """The posts in the JSON protocol."""
        return [(sid, json.loads(text)) for sid, text in self.raw if text.startswith("{")]

    def to(self, connection_id: str, event: str | None = None) -> list[dict[str, Any]]:
        """The data of events a connection got, of one name or all."""
        own = [text for target, text in self.raw if target == connection_id]
        frames = [json.loads(text) for text in own if text.startswith("{")]
        return [frame["data"] for frame in frames if event in (None, frame["event"])]


class World:
    def __init__(self, **settings: Any) -> None:
        self.clock = FakeClock()
        self.ids = CountingIds()
        self.poster = RecordingPoster()
        self.peers = FakePeers()
        self.probes = MemoryProbes()
        self.metrics = RecordingMetrics()
        self.sync = MemoryClusterBus()
        self.cache = MemoryCache(self.ids, self.clock)
        self.sessions = MemorySessions(self.clock)
        self.trails = MemoryTrails()
        self.topic = MemoryTopic()
        # Without the fast lane, a test sees each step of a delivery; those of the lane turn it on.
        self.settings = Settings(**{"fast_lane": 0, **settings})
        self.issuer = MemoryIssuer()
        self.secrets = FixedSecrets({"jwt_secret": SECRET})
        self.adapters = Adapters(
            log=MemoryMessageLog(),
            cursors=MemoryCursors(),
            friends=MemoryFriendStore(),
            consents=MemoryConsentStore(),
            revocations=MemoryRevocationStore(),
            presence=MemoryPresenceStore(),
            markers=MemoryMarkers(),
            rooms=MemoryRoomStore(),
            connections=MemoryConnectionStore(),
            drains=MemoryDrains(),
            checkpoints=MemoryCheckpointStore(),
            sessions=self.sessions,
            trails=self.trails,
            cache=self.cache,
            poster=EnginePoster(self.poster, self.sessions),
            delivery=MemoryQueue(),
            delivery_dead=MemoryQueue(),
            outbound=MemoryQueue(),
            outbound_dead=MemoryQueue(),
            peer_outbound=MemoryPeerQueues(),
            inbox=MemoryQueue(),
            inbox_dead=MemoryQueue(),
            topic=self.topic,
            peers=self.peers,
            arrivals=MemoryArrivals(),
            probes=self.probes,
            metrics=self.metrics,
            cluster=self.sync,
            secrets=self.secrets,
            issuer=self.issuer,
            clock=self.clock,
            ids=self.ids,
            parallel=SystemThreads(),
        )
        self.services = compose(self.settings, self.adapters)
        self.cold_start_ms = 0  # between an event and the start of its handler
        self._connected_at: dict[str, int] = {}
        self._connections = itertools.count(1)
        self._due: dict[int, tuple[QueuedJob, int]] = {}
        self.warm()

    def warm(self) -> None:
        """Vouch for what Redis knows of connections, as a sweep does."""
        for bucket in range(BUCKETS):
            self.cache.vouch(bucket, self.cache.begin(bucket))

    def token(self, user: str, expires_in_s: int = 7 * 86_400, **claims: Any) -> str:
        exp = self.clock.ms // 1000 + expires_in_s
        return jwt.encode({"sub": user, "exp": exp, **claims}, SECRET, algorithm="HS256")

    def connect(self, user: str, **claims: Any) -> str:
        """Connect a device and return its id."""
        connection_id = f"conn-{user}-{next(self._connections)}="
        token = self.token(user, **claims)
        answer = websocket.connect(self.services, self.connect_event(connection_id, token))
        assert answer["statusCode"] == 200, answer
        return connection_id

    def connect_event(self, connection_id: str, token: str | None, **more: Any) -> dict[str, Any]:
        query = {"token": token} if token is not None else None
        context = self._context(connection_id, "CONNECT", "$connect")
        event = {"requestContext": context, "headers": {}, "queryStringParameters": query}
        return {**event, **more}

    def frame(self, connection_id: str, body: str) -> dict[str, Any]:
        """Send a raw frame; return the decoded answer."""
        return json.loads(self.say(connection_id, body))

    def say(self, connection_id: str, body: str, at_ms: int | None = None) -> str:
        """Send a raw frame; return the answer, "" for none."""
        context = self._context(connection_id, "MESSAGE", "$default")
        if at_ms is not None:
            context["requestTimeEpoch"] = at_ms
        answer = websocket.message(self.services, {"requestContext": context, "body": body})
        assert answer["statusCode"] == 200
        return str(answer["body"])

    def act(self, connection_id: str, action: str, **data: Any) -> dict[str, Any]:
        """Call an action that must be acked; return the ack's data."""
        answer = self.ask(connection_id, action, **data)
        assert answer["event"] == "ack", answer
        return answer["data"]

    def ask(self, device: str, action: str, **data: Any) -> dict[str, Any]:
        return self.frame(device, json.dumps({"action": action, "data": data, "id": 1}))

    def http(self, endpoint: rest.Endpoint, user: str, body: Any = None, **parts: Any) -> Any:
        roles = parts.pop("roles", [])
        headers = {"Authorization": f"Bearer {self.token(user, roles=roles)}"}
        text = json.dumps(body) if body is not None else ""
        query, multi = parts.pop("query", {}), parts.pop("multi", {})
        request = rest.HttpRequest(headers, query, parts, text, multi)
        return rest.handle(self.services, request, endpoint)

    def room(self, owner: str, *others: str, room_id: str = "lobby") -> str:
        body = {"room_type": "group_chat", "participants": list(others), "room_id": room_id}
        answer = self.http(rest.create_room, owner, body)
        assert answer.status == 201, answer
        self.pump(until_ms=self.clock.ms)
        # The delayed look at a creation that has succeeded would only disturb what tests count.
        jobs = self.adapters.outbound.jobs
        jobs[:] = [job for job in jobs if not isinstance(job, CheckRoomChange)]
        return room_id

    def disconnect(self, connection_id: str) -> None:
        context = self._context(connection_id, "DISCONNECT", "$disconnect")
        answer = websocket.disconnect(self.services, {"requestContext": context})
        assert answer["statusCode"] == 200

    def pump(self, rounds: int = 50, until_ms: int | None = None) -> None:
        """Process the queues until they are empty; failed jobs return with a higher count.

        Time jumps to the next delayed job when nothing else waits, but not beyond `until_ms`.
        """
        receives: dict[int, int] = {}
        for _ in range(rounds):
            own = self.adapters
            waiting = [*own.delivery.jobs, *own.outbound.jobs, *own.inbox.jobs]
            if not waiting:
                return
            for job in waiting:
                self._due.setdefault(id(job), (job, self.clock.ms + job.delay_s * 1000))
            first_ms = min(self._due[id(job)][1] for job in waiting)
            self.clock.ms = max(self.clock.ms, min(first_ms, until_ms or first_ms))
            if first_ms > self.clock.ms:
                return
            self._serve(self.adapters.delivery, queues.deliver, receives)
            self._serve(self.adapters.outbound, queues.outbound, receives)
            self._serve(self.adapters.inbox, queues.relay, receives)
        raise AssertionError("the queues did not become empty")

    def wait(self, seconds: float, rounds: int = 50) -> None:
        """Let this much time pass, and process the jobs that fall due."""
        until_ms = self.clock.ms + int(seconds * 1000)
        self.pump(rounds, until_ms)
        self.clock.ms = max(self.clock.ms, until_ms)

    def sweep(self) -> dict[str, int]:
        return schedules.sweep(self.services, {})

    def _serve(self, queue: MemoryQueue, handler: Any, receives: dict[int, int]) -> None:
        jobs, queue.jobs[:] = list(queue.jobs), []
        blocked: set[str | None] = set()
        back: list[QueuedJob] = []
        for job in jobs:
            _, due_ms = self._due.setdefault(id(job), (job, self.clock.ms + job.delay_s * 1000))
            if job.group in blocked - {None} or due_ms > self.clock.ms:
                back.append(job)
                continue
            receives[id(job)] = receives.get(id(job), 0) + 1
            try:
                answer = handler(self.services, {"Records": [record(job, receives[id(job)])]})
            except Killed:
                answer = {"batchItemFailures": [job]}
            if answer["batchItemFailures"]:
                back.append(job)
                blocked.add(job.group)
        queue.jobs[:0] = back

    def _context(self, connection_id: str, event_type: str, route: str) -> dict[str, Any]:
        opened_at_ms = self.clock.now_ms() - self.cold_start_ms
        if event_type == "CONNECT":
            self._connected_at[connection_id] = opened_at_ms
        return {
            "connectionId": connection_id,
            "requestId": "req",
            "apiId": "local",
            "stage": "prod",
            "connectedAt": self._connected_at.setdefault(connection_id, opened_at_ms),
            "requestTimeEpoch": self.clock.now_ms(),
            "eventType": event_type,
            "routeKey": route,
            "identity": {"sourceIp": "127.0.0.1", "userAgent": "test"},
        }


def record(job: QueuedJob, receives: int = 1) -> dict[str, Any]:
    """Make an SQS record of a job, as Lambda passes it to a function."""
    attributes = {"ApproximateReceiveCount": str(receives)}
    if job.group is not None:
        attributes["MessageGroupId"] = job.group
    return {
        "messageId": f"m-{id(job)}",
        "receiptHandle": f"r-{id(job)}",
        "body": json.dumps(job.record()),
        "attributes": attributes,
    }
