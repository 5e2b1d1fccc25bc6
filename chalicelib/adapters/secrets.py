"""The deployment's secrets: from one Secrets Manager secret, or from the settings.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

from ..kernel import telemetry
from ..kernel.errors import Unavailable
from ..ports.system import Clock

CACHED_MS = 300_000
# Pauses after a failure: a failing read takes seconds. Meanwhile the last value is used.
_PAUSE_MS, _STALE_PAUSE_MS = 5_000, 60_000


class FixedSecrets:
    """See `ports.Secrets`. Values from the settings; in tests the twin."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = dict(values)

    def get(self, name: str) -> str:
        return self.values.get(name, "")


class ManagedSecrets:
    """See `ports.Secrets`. The secret's value is a JSON object of strings.

    It is read at the first use and then every five minutes. While Secrets Manager does not
    answer, or the value is not such an object, the last good value is used. While one thread
    reads, the others also use the last value.
    """

    def __init__(self, client: Callable[[], Any], secret_id: str, clock: Clock) -> None:
        self._client = client
        self._secret_id = secret_id
        self._clock = clock
        self._lock = threading.Lock()
        self._values: dict[str, str] | None = None
        self._read_again_ms = 0

    def get(self, name: str) -> str:
        if self._lock.acquire(blocking=self._values is None):
            try:
                if self._clock.now_ms() >= self._read_again_ms:
                    self._refresh()
            finally:
                self._lock.release()
        if self._values is None:
            raise Unavailable("the secrets cannot be read, try again")
        return self._values.get(name, "")

    def _refresh(self) -> None:
        try:
            self._values = self._read()
            pause_ms = CACHED_MS
        except Exception as fault:  # noqa: BLE001 - on any error, keep using the last value
            telemetry.error("secrets_not_read", fault, stale=self._values is not None)
            pause_ms = _PAUSE_MS if self._values is None else _STALE_PAUSE_MS
        self._read_again_ms = self._clock.now_ms() + pause_ms

    def _read(self) -> dict[str, str]:
        text = self._client().get_secret_value(SecretId=self._secret_id)["SecretString"]
        values = json.loads(text)
        if not isinstance(values, dict) or not all(isinstance(v, str) for v in values.values()):
            raise ValueError("the secret must be a JSON object of strings")
        return values
