"""Tidings on the in-memory twins, whose calls take time and are counted."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from chalicelib.adapters import memory
from chalicelib.adapters.apigateway.engine import EnginePoster
from chalicelib.adapters.memory.cache import MemoryCache
from chalicelib.adapters.memory.sessions import MemorySessions
from chalicelib.adapters.memory.trails import MemoryTrails
from chalicelib.adapters.secrets import FixedSecrets
from chalicelib.adapters.system import SystemClock, SystemIds, SystemThreads
from chalicelib.entrypoints import websocket
from chalicelib.kernel.settings import Settings
from chalicelib.model.connections import Target
from chalicelib.model.delivery import Outcome, Post
from chalicelib.model.identifiers import Region, RoomId, UserId
from chalicelib.model.rooms import Member, Role, Room, RoomType
from chalicelib.services import Adapters, compose

_SECRET = "only-for-this-measurement-and-longer-than-sixty-four-bytes-as-it-must-be"
_COMMITS = {"commit", "commit_all"}


@dataclass(frozen=True)
class Delays:
    """What a call takes, in seconds."""

    transaction_s: float = 0.02
    store_s: float = 0.004
    redis_s: float = 0.001
    queue_s: float = 0.008


NONE = Delays(0, 0, 0, 0)


class _Slow:
    """A port whose calls take time: half of it before they take effect."""

    def __init__(self, inner: Any, seconds: Callable[[str], float], around: Any = None) -> None:
        self._inner, self._seconds, self._around = inner, seconds, around

    def __getattr__(self, method: str) -> Any:
        target = getattr(self._inner, method)

        def call(*arguments: Any, **more: Any) -> Any:
            half_s = self._seconds(method) / 2
            if half_s:
                time.sleep(half_s)
            act = self._around or (lambda _, go: go())
            result = act(method, lambda: target(*arguments, **more))
            if half_s:
                time.sleep(half_s)
            return result

        return call


class _Nobody:
    """A poster without clients, and the other ports that no append uses."""

    def post(self, posts: list[Post]) -> list[Outcome]:
        return [Outcome.DELIVERED for _ in posts]

    def close(self, target: Target) -> Outcome:
        return Outcome.GONE

    def put(self, values: Mapping[str, tuple[float, str]], at_ms: int) -> None:
        return

    def healthy(self, url: str) -> bool:
        return False

    def publish(self, event: str, data: Mapping[str, Any]) -> None:
        return

    def listen(self, heard: Any) -> None:
        return


class Twins:
    """
    Attributes:
        delays: What calls take; nothing while members connect.
        transactions: Transactions on the log so far, refused ones too.
    """

    def __init__(self, delays: Delays, commit: Callable[[Callable[[], Any]], Any]) -> None:
        self.delays = NONE
        self._delays = delays
        self._commit = commit
        self._lock = threading.Lock()
        self.transactions = 0
        clock, ids = SystemClock(), SystemIds()
        self.log: Any = memory.MemoryMessageLog()
        self.cache = MemoryCache(ids, clock)
        settings, nobody = Settings(jwt_secret=_SECRET), _Nobody()
        self.region = Region(settings.region)
        sessions = MemorySessions(clock)

        def store(inner: Any) -> Any:
            return _Slow(inner, lambda _: self.delays.store_s)

        def queue() -> Any:
            return _Slow(memory.MemoryQueue(), lambda _: self.delays.queue_s)

        self._rooms = memory.MemoryRoomStore()
        adapters = Adapters(
            log=_Slow(self.log, self._log_s, self._counted),
            cursors=memory.MemoryCursors(),
            friends=memory.MemoryFriendStore(),
            revocations=memory.MemoryRevocationStore(),
            presence=memory.MemoryPresenceStore(),
            markers=memory.MemoryMarkers(),
            rooms=store(self._rooms),
            connections=store(memory.MemoryConnectionStore()),
            checkpoints=memory.MemoryCheckpointStore(),
            sessions=sessions,
            trails=MemoryTrails(),
            cache=_Slow(self.cache, lambda _: self.delays.redis_s),
            poster=EnginePoster(nobody, sessions),  # type: ignore[arg-type]
            delivery=queue(),
            delivery_dead=queue(),
            outbound=queue(),
            outbound_dead=queue(),
            peers=nobody,
            metrics=nobody,
            cluster=nobody,  # type: ignore[arg-type]
            secrets=FixedSecrets({"jwt_secret": _SECRET}),
            clock=clock,
            ids=ids,
            parallel=SystemThreads(),
        )
        self.services = compose(settings, adapters)

    def members(self, room_id: RoomId, count: int) -> list[str]:
        """A room with this many connected members, whose roles are known; their connections."""
        users = [UserId(f"user{number}") for number in range(count)]
        roles = itertools.chain([Role.OWNER], itertools.repeat(Role.MEMBER))
        room = Room(room_id, RoomType.GROUP_CHAT, users[0], 0)
        self._rooms.create(
            room, [Member(room_id, *each, 0) for each in zip(users, roles, strict=False)]
        )
        devices = [self._connect(user) for user in users]
        frame = json.dumps({"action": "join_room", "data": {"room_id": room_id}})
        for device in devices:
            websocket.message(self.services, self.event(device, "MESSAGE", frame))
        self.delays = self._delays
        return devices

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

    def _connect(self, user: UserId) -> str:
        claims = {"sub": user, "exp": int(time.time()) + 3600}
        query = {"token": jwt.encode(claims, _SECRET, algorithm="HS256")}
        device = f"{user}="
        event = self.event(device, "CONNECT", headers={}, queryStringParameters=query)
        answer = websocket.connect(self.services, event)
        if answer["statusCode"] != 200:
            raise RuntimeError(answer)
        return device

    def _log_s(self, method: str) -> float:
        return self.delays.transaction_s if method in _COMMITS else self.delays.store_s

    def _counted(self, method: str, act: Callable[[], Any]) -> Any:
        if method not in _COMMITS:
            return act()
        with self._lock:
            self.transactions += 1
        return self._commit(act)
