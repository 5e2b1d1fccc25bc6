"""The connection to Redis, single node or cluster: sends commands in one round trip.

After a failure, every call raises `CacheDown` at once for a second; then one call tries again. So
an absent Redis costs a frame no time. If Redis hangs, the call that tries waits for a timeout (in
cluster mode one for each known node), so the pause doubles up to half a minute while it hangs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from ...kernel.errors import CacheDown
from ..system import monotonic_s
from . import library, wire
from .auth import Provider, tls_options
from .scripts import Script

_PAUSE_S, _LONGEST_PAUSE_S, _CONNECT_S, _READ_S = 1.0, 30.0, 0.5, 1.0
_MOST_LATER = 20
_HUNG_S = 0.25  # a failure that took this long was not a refused connection

Command = tuple[Any, ...]
_Seconds = Callable[[], float]


class RedisClient:
    """Shared by all adapters of a process that use Redis.

    Attributes:
        round_trips: Network round trips so far; in cluster mode each node counts.
    """

    def __init__(
        self,
        url: str,
        cluster: bool,
        monotonic: _Seconds = monotonic_s,
        auth: Provider | None = None,
    ) -> None:
        self._monotonic = monotonic
        self._url = url
        self._cluster = cluster
        self._auth = auth
        self._lock = threading.Lock()
        self._connecting = threading.Lock()
        self._client: Any = None
        self._retry_at: float | None = None  # monotonic; None while Redis answers
        self._pause_s = _PAUSE_S
        self._faults = 0  # how many times Redis failed
        self._stale_nodes = False
        self._waiting = threading.local()
        self.round_trips = 0

    @property
    def away(self) -> bool:
        """Whether Redis failed and has not answered since."""
        return self._retry_at is not None

    def run(self, *commands: Command, once: bool = False) -> list[Any]:
        """Send all commands at once; return the answers in order, or raise `CacheDown`.

        Args:
            once: Do not repeat the commands if a socket closes before the answer: they may have
                been executed, and must not be executed twice.
        """
        library.load()
        if not commands:
            return []
        with self._guard() as client:
            first = self._held_back()
            answers = self._ask(client, (*first, *commands), once)[len(first) :]
            for answer in answers:
                if isinstance(answer, Exception):
                    raise answer
            return answers

    def leaders(self, keys: Sequence[str]) -> list[int]:
        """For each key, the index of the first of these keys that is on the same node.

        For what has to be asked once for each node. While the nodes are unknown, each key is alone.
        """
        if not self._cluster:
            return [0] * len(keys)
        library.load()
        from redis.exceptions import RedisClusterException

        first: dict[str, int] = {}
        try:
            if self._client is None:
                return list(range(len(keys)))
            names = [self._client.get_node_from_key(key).name for key in keys]
        except RedisClusterException:  # a slot has no node: the call that follows says so
            return list(range(len(keys)))
        return [first.setdefault(name, index) for index, name in enumerate(names)]

    def later(self, command: Command) -> None:
        """Send a command with this thread's next round trip, before it, whatever becomes of it.

        For what only saves work: it may be late, and is lost if the process ends before.
        """
        held: list[Command] = getattr(self._waiting, "commands", [])
        self._waiting.commands = [*held, command][-_MOST_LATER:]

    def _held_back(self) -> list[Command]:
        held: list[Command] = getattr(self._waiting, "commands", [])
        self._waiting.commands = []
        return held

    def wait(self, key: str, seconds: float) -> str | None:
        """Pop from a list, waiting for an element; the socket's timeout limits the wait.

        A timeout here means that nothing came, not that the server is down.
        """
        library.load()
        from redis.exceptions import TimeoutError as Late

        with self._guard() as client, suppress(Late):
            [answer] = self._ask(client, [("BLPOP", key, seconds)], once=False)
            if isinstance(answer, Exception):
                raise answer
            return str(answer[1]) if answer else None
        return None

    def _ask(self, client: Any, commands: Sequence[Command], once: bool) -> list[Any]:
        """Answers or exceptions; repeats once what may be repeated."""
        from redis.exceptions import ConnectionError as Disconnected
        from redis.exceptions import MovedError, NoScriptError

        undone = NoScriptError | MovedError if once else NoScriptError | MovedError | Disconnected
        answers = self._send(client, commands, full=False)
        again = [number for number, answer in enumerate(answers) if isinstance(answer, undone)]
        if again:
            if any(isinstance(answers[number], MovedError) for number in again):
                client.nodes_manager.initialize()
            resent = self._send(client, [commands[number] for number in again], full=True)
            for number, answer in zip(again, resent, strict=True):
                answers[number] = answer
        return answers

    def _send(self, client: Any, commands: Sequence[Command], full: bool) -> list[Any]:
        nodes = [self._node(client, command) for command in commands]
        with self._lock:
            self.round_trips += len(set(nodes))
        words = [_in_words(command, full) for command in commands]
        return wire.exchange(list(zip(nodes, words, strict=True)))

    def _node(self, client: Any, command: Command) -> Any:
        if not self._cluster:
            return client
        return client.get_redis_connection(client.get_node_from_key(_key(command)))

    @contextmanager
    def _guard(self) -> Iterator[Any]:
        from redis import exceptions as faults

        began, faults_before = self._monotonic(), self._admit()
        try:
            yield self._connected(faults_before)
        except (faults.RedisError, faults.RedisClusterException, OSError) as fault:
            refused = isinstance(fault, faults.ResponseError)  # Redis works: a bad key or command
            if not refused or isinstance(fault, faults.ClusterDownError):
                self._went_away(faults_before, began)
            raise CacheDown("the cache did not answer") from fault
        else:
            self._answered(faults_before)

    def _admit(self) -> int:
        """Admit a call; while Redis is down, only one after each pause. Returns the fault count."""
        with self._lock:
            if self._retry_at is not None:
                if self._monotonic() < self._retry_at:
                    raise CacheDown("the cache is down")
                self._retry_at = self._monotonic() + self._pause_s
            return self._faults

    def _went_away(self, faults_before: int, began: float) -> None:
        with self._lock:
            if self._faults != faults_before:
                return  # another call, admitted at the same time, has recorded it
            now = self._monotonic()
            hung = now - began >= _HUNG_S
            self._faults += 1
            self._stale_nodes = True
            self._retry_at = now + (self._pause_s if hung else _PAUSE_S)
            if hung:
                self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)

    def _answered(self, faults_before: int) -> None:
        if self._retry_at is None:
            return
        with self._lock:
            if self._faults == faults_before:
                self._retry_at, self._pause_s = None, _PAUSE_S

    def _connected(self, faults_before: int) -> Any:
        began = self._monotonic()
        with self._connecting:
            if self._faults != faults_before:
                raise CacheDown("the cache is down")  # the call before this one found out
            stale, self._stale_nodes = self._stale_nodes, False
            try:
                if self._client is None:
                    self._client = self._connect()
                elif stale and self._cluster:
                    self._client.nodes_manager.initialize()
            except Exception:
                self._went_away(faults_before, began)  # before the lock admits the next call
                raise
            return self._client

    def _connect(self) -> Any:
        if not self._url:
            raise OSError("no cache is configured")
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        options: dict[str, Any] = {
            "decode_responses": True,
            "credential_provider": self._auth,
            **tls_options(self._url),
            "socket_timeout": _READ_S,
            "socket_connect_timeout": _CONNECT_S,
            "retry": Retry(NoBackoff(), 0),  # `_ask` repeats what may be repeated
        }
        if self._cluster:
            from redis.cluster import RedisCluster

            return RedisCluster.from_url(self._url, **options)
        from redis.client import Redis

        return Redis.from_url(self._url, **options)


def evaluate(script: Script, keys: Sequence[str], *arguments: str | int) -> Command:
    return (script, len(keys), *keys, *arguments)


def _in_words(command: Command, full: bool) -> Command:
    """The command as sent: a script by its digest, or in full."""
    script, *rest = command
    if not isinstance(script, Script):
        return command
    return ("EVAL", script.text, *rest) if full else ("EVALSHA", script.sha, *rest)


def _key(command: Command) -> str:
    return str(command[2] if isinstance(command[0], Script) else command[1])
