"""The connection to Redis, single node or cluster: commands out in one round trip, answers in.

After a failure every call raises `CacheDown` at once for a second, then one call tries again: an
absent Redis costs a frame nothing but its fallback.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..errors import CacheDown
from . import redis_library
from .redis_auth import Provider
from .redis_scripts import Script
from .system import monotonic_s

_PAUSE_S, _CONNECT_S, _READ_S = 1.0, 0.5, 1.0

Command = tuple[Any, ...]
_Seconds = Callable[[], float]


class RedisClient:
    """Shared by all adapters of a process that ask Redis.

    Attributes:
        round_trips: Network round trips so far, in cluster mode one for each node asked.
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
        self._stale_nodes = False
        self.round_trips = 0

    def run(self, *commands: Command) -> list[Any]:
        """Send all at once; answers in order, or `CacheDown` when any of them failed."""
        redis_library.load()
        from redis.exceptions import MovedError, NoScriptError

        if not commands:
            return []
        with self._guard() as client:
            answers = self._send(client, commands, full=False)
            again = [n for n, a in enumerate(answers) if isinstance(a, NoScriptError | MovedError)]
            if again:
                if any(isinstance(answers[n], MovedError) for n in again):
                    client.nodes_manager.initialize()
                resent = self._send(client, [commands[n] for n in again], full=True)
                for n, answer in zip(again, resent, strict=True):
                    answers[n] = answer
            for answer in answers:
                if isinstance(answer, Exception):
                    raise answer
            return answers

    def _send(self, client: Any, commands: Sequence[Command], full: bool) -> list[Any]:
        words = [_in_words(command, full) for command in commands]
        if self._cluster:
            return self._send_to_nodes(client, [_key(command) for command in commands], words)
        self._count(1)
        pipe = client.pipeline(transaction=False)
        for each in words:
            pipe.execute_command(*each)
        return list(pipe.execute(raise_on_error=False))

    def _send_to_nodes(
        self, client: Any, keys: Sequence[str], words: Sequence[Command]
    ) -> list[Any]:
        from redis.cluster import PipelineCommand

        command: Any = PipelineCommand  # untyped in redis-py

        # Named here, as the client would ask the server where a script's keys are.
        nodes = [client.get_node_from_key(key) for key in keys]
        self._count(len({node.name for node in nodes}))
        # Without redirections: they would send a thousand failed commands again one by one.
        stack = [
            command(each, {"target_nodes": node}, position)
            for position, (each, node) in enumerate(zip(words, nodes, strict=True))
        ]
        return list(
            client.pipeline().send_cluster_commands(
                stack, raise_on_error=False, allow_redirections=False
            )
        )

    def _count(self, round_trips: int) -> None:
        with self._lock:
            self.round_trips += round_trips

    @contextmanager
    def _guard(self) -> Iterator[Any]:
        from redis import exceptions as faults

        self._admit()
        try:
            yield self._connected()
        except (faults.RedisError, faults.RedisClusterException, OSError) as fault:
            refused = isinstance(fault, faults.ResponseError)  # it answers: one bad key
            if not refused or isinstance(fault, faults.ClusterDownError):
                self._went_away()
            raise CacheDown("the cache did not answer") from fault
        else:
            self._retry_at = None

    def _admit(self) -> None:
        """Let a call through, or one a second while Redis is away."""
        with self._lock:
            if self._retry_at is None:
                return
            if self._monotonic() < self._retry_at:
                raise CacheDown("the cache is away")
            self._retry_at = self._monotonic() + _PAUSE_S

    def _went_away(self) -> None:
        with self._lock:
            self._retry_at = self._monotonic() + _PAUSE_S
            self._stale_nodes = True

    def _connected(self) -> Any:
        with self._connecting:
            if self._client is None:
                self._client = self._connect()
            elif self._stale_nodes and self._cluster:
                self._client.nodes_manager.initialize()
            self._stale_nodes = False
            return self._client

    def _connect(self) -> Any:
        if not self._url:
            raise OSError("no cache is configured")
        from redis.backoff import NoBackoff
        from redis.exceptions import ConnectionError as Disconnected
        from redis.retry import Retry

        options: dict[str, Any] = {
            "decode_responses": True,
            "credential_provider": self._auth,
            "socket_timeout": _READ_S,
            "socket_connect_timeout": _CONNECT_S,
            # A socket that the server closed is opened again; a timeout is not waited for twice.
            "retry": Retry(NoBackoff(), 1, (Disconnected,)),
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
