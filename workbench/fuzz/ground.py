"""Tidings on the in-memory twins, for the fuzzer: its clock moves only when it is told to.

The product's handlers run as they do on Lambda, one after the other. Every call that leaves them is
counted, every charge is noted, and so is every line that they log as an error.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import jwt

from chalicelib.adapters.apigateway.engine import EnginePoster
from chalicelib.composition import compose
from chalicelib.entrypoints import queues, schedules, websocket
from chalicelib.entrypoints.http.rest import HttpRequest
from chalicelib.entrypoints.socketio import polling
from chalicelib.kernel import ids
from chalicelib.kernel.ids import BUCKETS
from chalicelib.kernel.settings import Settings
from chalicelib.model.access import Charge
from chalicelib.model.connections import Target
from chalicelib.model.delivery import Outcome, Post
from chalicelib.model.identifiers import ConnectionId, RoomId, UserId
from chalicelib.model.jobs import QueuedJob
from chalicelib.model.rooms import Member, Role, Room, RoomType
from chalicelib.ports.adapters import Adapters
from workbench import twins
from workbench.simulator.ports import SeededIds

T = TypeVar("T")
STRANGER_IP = "198.51.100.7"  # not loopback, which nobody charges
_SECRET = "only-for-the-fuzzer-and-longer-than-the-sixty-four-bytes-that-it-must-be"
_START_MS = 1_800_000_000_000
_HANDLERS = {"delivery": queues.deliver, "outbound": queues.outbound}
_NOOP = "6"
_MOST_RECEIVES, _MOST_ROUNDS = 6, 2_000


class VirtualClock:
    """See `ports.system.Clock`."""

    def __init__(self) -> None:
        self.ms = _START_MS

    def now_ms(self) -> int:
        return self.ms

    def sleep(self, seconds: float) -> None:
        self.ms += max(1, int(seconds * 1000))


class Inline:
    """See `ports.system.Parallel`."""

    def run(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        return [call() for call in calls]


class Posts:
    """@connections: takes what is posted to an open connection.

    Attributes:
        open: The connections that are open.
        taken: What each has been posted.
        closed: Those that a handler has closed.
    """

    def __init__(self) -> None:
        self.open: set[str] = set()
        self.taken: dict[str, list[str]] = {}
        self.closed: set[str] = set()

    def post(self, posts: Sequence[Post], within_ms: int | None = None) -> list[Outcome]:
        return [self._one(post) for post in posts]

    def close(self, target: Target) -> Outcome:
        connection_id = ids.transport_id(target.connection_id)
        if connection_id not in self.open:
            return Outcome.GONE
        self.open.discard(connection_id)
        self.closed.add(connection_id)
        return Outcome.DELIVERED

    def _one(self, post: Post) -> Outcome:
        connection_id = ids.transport_id(post.target.connection_id)
        if connection_id not in self.open:
            return Outcome.GONE
        self.taken.setdefault(connection_id, []).append(post.data.decode())
        return Outcome.DELIVERED


class _Counted:
    """A port that counts its calls, and the charges among their arguments."""

    def __init__(self, inner: Any, note: Callable[[bool], None]) -> None:
        self._inner, self._note = inner, note

    def __getattr__(self, name: str) -> Any:
        target = getattr(self._inner, name)
        if not callable(target):
            return target

        def call(*arguments: Any, **named: Any) -> Any:
            given = (*arguments, *named.values())
            self._note(any(isinstance(each, Charge) and each.tokens > 0 for each in given))
            return target(*arguments, **named)

        setattr(self, name, call)
        return call


class _Errors(logging.Handler):
    """Keeps what is logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


class Ground:
    """One region.

    Attributes:
        calls: Calls of ports since the last `take`.
        charges: Charges among these.
    """

    def __init__(self, seed: int) -> None:
        self.clock = VirtualClock()
        self.posts = Posts()
        self.calls = self.charges = 0
        self._errors = _Errors()
        self._number = 0
        self._due: list[tuple[int, int, str, QueuedJob]] = []
        self.failed: list[str] = []
        own = {**twins.ports(self.clock, SeededIds(f"fuzz/{seed}"), _SECRET), "parallel": Inline()}
        own["poster"] = EnginePoster(self.posts, own["sessions"])
        self.twins: Mapping[str, Any] = own
        counted = {
            name: inner if name in twins.LOCAL else _Counted(inner, self._note)
            for name, inner in own.items()
        }
        settings = Settings(jwt_secret=_SECRET, fast_lane=0)
        self.services = compose(settings, Adapters(**counted))
        for bucket in range(BUCKETS):
            own["cache"].vouch(bucket, own["cache"].begin(bucket))

    def __enter__(self) -> Ground:
        logging.getLogger("chalicelib").addHandler(self._errors)
        return self

    def __exit__(self, *fault: object) -> None:
        logging.getLogger("chalicelib").removeHandler(self._errors)

    def take(self) -> tuple[int, int, list[str]]:
        """The calls, the charges and the logged errors since the last time."""
        found = self.calls, self.charges, self._errors.lines
        self.calls, self.charges, self._errors.lines = 0, 0, []
        return found

    def token(self, user: str) -> str:
        claims = {"sub": user, "exp": self.clock.ms // 1000 + 86_400}
        return jwt.encode(claims, _SECRET, algorithm="HS256")

    def room(self, room_id: str, *users: str) -> None:
        room = Room(RoomId(room_id), RoomType.GROUP_CHAT, UserId(users[0]), 0)
        roles = [Role.OWNER, *[Role.MEMBER] * (len(users) - 1)]
        members = [
            Member(RoomId(room_id), UserId(user), role, 0)
            for user, role in zip(users, roles, strict=True)
        ]
        self.twins["rooms"].create(room, members)

    def connect(
        self, query: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> tuple[str, int]:
        """A websocket's handshake: the connection and the status of the answer."""
        self._number += 1
        connection_id = f"fuzzed{self._number}="
        event = self._event(connection_id, "CONNECT", queryStringParameters=dict(query) or None)
        answer = websocket.connect(self.services, {**event, "headers": dict(headers or {})})
        if answer["statusCode"] == 200:
            self.posts.open.add(connection_id)
        return connection_id, int(answer["statusCode"])

    def say(self, connection_id: str, frame: str) -> str:
        """Send a frame of a websocket; the answer, "" for none."""
        event = self._event(connection_id, "MESSAGE", body=frame)
        return str(websocket.message(self.services, event)["body"])

    def end(self, connection_id: str) -> None:
        """The websocket has ended."""
        self.posts.open.discard(connection_id)
        websocket.disconnect(self.services, self._event(connection_id, "DISCONNECT"))

    def ask(self, method: str, query: Mapping[str, str], body: str = "") -> polling.Answer:
        """A request of a polling client."""
        request = HttpRequest({}, dict(query), {}, body, source_ip=STRANGER_IP)
        return polling.handle(self.services, request, method)

    def release(self, sid: str) -> None:
        """Let the session's next poll return at once, so that no time passes."""
        self.twins["sessions"].push(ConnectionId(sid), [_NOOP])

    def pump(self, until_ms: int | None = None) -> None:
        """Do the jobs that are due, with what they cause; time jumps to later ones `until_ms`."""
        for _ in range(_MOST_ROUNDS):
            self._collect()
            self._due.sort(key=lambda each: each[:2])
            if not self._due:
                break
            due_ms = self._due[0][0]
            if due_ms > self.clock.ms and due_ms > (until_ms or 0):
                break
            self.clock.ms = max(self.clock.ms, due_ms)
            _, _, queue, job = self._due.pop(0)
            self._work(queue, job)
        if until_ms is not None:
            self.clock.ms = max(self.clock.ms, until_ms)

    def sweep(self) -> None:
        schedules.sweep(self.services, {})

    def keys(self) -> list[str]:
        """What Redis would hold now."""
        found = [self.twins[name].keys() for name in twins.REDIS]
        return [key for each in found for key in each]

    def held_bytes(self) -> int:
        """About how much Redis would hold now of sessions."""
        return int(self.twins["sessions"].held_bytes())

    def socket(self, connection_id: str) -> bool:
        """Whether the table has a connection."""
        return self.twins["connections"].get(ConnectionId(connection_id)) is not None

    def _collect(self) -> None:
        for queue in _HANDLERS:
            jobs = self.twins[queue].jobs
            for job in jobs:
                self._number += 1
                due_ms = self.clock.ms + job.delay_s * 1000
                self._due.append((due_ms, self._number, queue, job))
            jobs.clear()

    def _work(self, queue: str, job: QueuedJob) -> None:
        for receive in range(1, _MOST_RECEIVES + 1):
            attributes = {"ApproximateReceiveCount": str(receive)}
            if job.group is not None:
                attributes["MessageGroupId"] = job.group
            record = {
                "messageId": f"m{receive}",
                "receiptHandle": f"r{receive}",
                "body": json.dumps(job.record()),
                "attributes": attributes,
            }
            answer = _HANDLERS[queue](self.services, {"Records": [record]})
            if not answer["batchItemFailures"]:
                return
            self.clock.sleep(1.0)
        self.failed.append(f"{queue}: {type(job).__name__}")

    def _note(self, charged: bool) -> None:
        self.calls += 1
        self.charges += charged

    def _event(self, connection_id: str, kind: str, **more: Any) -> dict[str, Any]:
        context = {
            "connectionId": connection_id,
            "requestId": connection_id,
            "apiId": "local",
            "stage": "prod",
            "connectedAt": self.clock.ms,
            "requestTimeEpoch": self.clock.ms,
            "eventType": kind,
            "identity": {"sourceIp": STRANGER_IP, "userAgent": "fuzzer"},
        }
        return {"requestContext": context, **more}
