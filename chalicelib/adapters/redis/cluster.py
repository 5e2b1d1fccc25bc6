"""`cluster:sync` over Redis pub/sub.

A subscriber has its own socket and thread. After a failure of Redis it subscribes again every
second; it misses what was published meanwhile, as pub/sub stores nothing.
https://valkey.io/topics/pubsub/
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

from ...kernel import telemetry
from ...kernel.errors import CacheDown
from ...ports.system import Clock
from . import keys, library
from .auth import Provider, tls_options

CHANNEL = keys.cluster_sync()
_PAUSE_S, _TIMEOUT_S, _WAIT_S, _HEALTH_S = 1.0, 1.0, 5.0, 10
_Heard = Callable[[str, Mapping[str, Any]], None]


class RedisClusterBus:
    """See `ports.ClusterBus`. In cluster mode, any node accepts and forwards messages."""

    def __init__(self, url: str, source: str, clock: Clock, auth: Provider | None = None) -> None:
        self._url = url
        self._auth = auth
        self._source = source
        self._clock = clock
        self._lock = threading.Lock()
        self._client: Any = None
        self._heard: _Heard | None = None
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()
        self.subscribed = threading.Event()

    def publish(self, event: str, data: Mapping[str, Any]) -> None:
        library.load()
        from redis.exceptions import RedisError

        message = {
            "event": event,
            "data": data,
            "timestamp": self._clock.now_ms(),
            "source_instance": self._source,
        }
        try:
            self._connected().publish(CHANNEL, json.dumps(message))
        except (RedisError, OSError) as fault:
            raise CacheDown("the cache did not answer") from fault

    def listen(self, heard: _Heard) -> None:
        if self._thread is not None or not self._url:
            return
        with self._lock:
            if self._thread is None:
                self._heard = heard
                self._thread = threading.Thread(target=self._run, name="cluster-sync", daemon=True)
                self._thread.start()

    def close(self) -> None:
        self._closed.set()
        if self._thread is not None:
            self._thread.join(_WAIT_S)

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                self._subscribe()
            except Exception as fault:  # noqa: BLE001 - the thread's edge: subscribe again
                telemetry.error("sync_lost", fault)
            self.subscribed.clear()
            self._closed.wait(_PAUSE_S)

    def _subscribe(self) -> None:
        with self._connected().pubsub(ignore_subscribe_messages=False) as channel:
            channel.subscribe(CHANNEL)
            while not self._closed.is_set():
                message = channel.get_message(timeout=_TIMEOUT_S / 2)
                if message is not None and message["type"] == "subscribe":
                    self.subscribed.set()
                elif message is not None and message["type"] == "message":
                    self._take(message["data"])

    def _take(self, text: str) -> None:
        message = json.loads(text)
        if self._heard is not None:
            self._heard(message["event"], message["data"])

    def _connected(self) -> Any:
        if not self._url:
            raise CacheDown("no cache is configured")
        with self._lock:
            if self._client is None:
                library.load()
                from redis.client import Redis

                self._client = Redis.from_url(
                    self._url,
                    credential_provider=self._auth,
                    **tls_options(self._url),
                    decode_responses=True,
                    socket_connect_timeout=_TIMEOUT_S,
                    socket_timeout=_TIMEOUT_S,
                    health_check_interval=_HEALTH_S,
                )
            return self._client
