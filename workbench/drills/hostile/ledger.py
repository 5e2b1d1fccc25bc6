"""Who causes what: the invocations of a stack's functions, and the calls that these make.

The drill's attackers say who they are, and which address they pretend to have, in their user agent.
Only this ledger believes that. A job is an attacker's if it names a connection, a room or a user of
theirs.
"""

from __future__ import annotations

import contextvars
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from chalicelib import wiring
from chalicelib.composition import compose
from workbench import twins
from workbench.gateway import Invoker

HONEST = "honest"
USER = "hostile."  # how the ids of attackers begin
ADDRESSES = "198.18."  # reserved for measurements, RFC 2544
_AGENT = re.compile(r"tidings-hostile/([a-z-]+) \(([0-9.]+)\)")
_USER = re.compile(re.escape(USER) + r"([a-z-]+)-[0-9]")
_NAMED = re.compile(r'"([^"|]{8,64})[^"]*"')
_KINDS = {name: "redis" for name in twins.REDIS} | {name: "queues" for name in twins.QUEUES}
_cause: contextvars.ContextVar[str] = contextvars.ContextVar("cause", default=HONEST)


def agent(attack: str, address: str) -> str:
    """The user agent of an attacker."""
    return f"tidings-hostile/{attack} ({address})"


class Ledger:
    """
    Attributes:
        counts: By cause: `invocations`, their milliseconds (`ms`), and calls: `redis`, `stores`,
            `queues`, `posts`.
        names: Connections, sessions and rooms of attackers, with the attack.
    """

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = {}
        self.names: dict[str, str] = {}
        self._lock = threading.Lock()

    def around(self, functions: Invoker) -> Invoker:
        """An invoker that writes down what it is asked for."""
        return _Noting(self, functions)

    def count_calls(self) -> None:
        """Count the calls of this process's services from now on."""
        services = wiring.services()
        names = [name for name in _ports(services.adapters) if name not in twins.LOCAL]
        counted = {
            name: _Counted(getattr(services.adapters, name), self._caller(name))
            for name in (*names, "poster")
        }
        composed = compose(services.settings, replace(services.adapters, **counted))
        wiring.build = lambda settings: composed
        wiring.services.cache_clear()

    def note(self, cause: str, **numbers: int) -> None:
        with self._lock:
            self.counts.setdefault(cause, Counter()).update(numbers)

    def cause_of(self, event: dict[str, Any]) -> str:
        """Who causes an invocation. An attacker gets the address that they pretend to have."""
        if "Records" in event:
            causes = [self._cause_of_job(each) for each in event["Records"]]
            return next((each for each in causes if each != HONEST), HONEST)
        identity = (event.get("requestContext") or {}).get("identity") or {}
        found = _AGENT.search(identity.get("userAgent") or "")
        if found is None:
            return HONEST
        attack, identity["sourceIp"] = found.groups()
        connection_id = event["requestContext"].get("connectionId")
        if connection_id is not None:
            self.names[connection_id] = attack
        return attack

    def note_answer(self, cause: str, answer: Any) -> None:
        """Remember the session that a polling handshake has given to an attacker."""
        body = answer.get("body") if isinstance(answer, dict) else None
        if cause != HONEST and isinstance(body, str) and body.startswith('0{"sid"'):
            self.names[str(json.loads(body[1:])["sid"])] = cause

    def is_hostile(self, key: str) -> bool:
        """Whether a key of Redis is of an attacker."""
        if USER in key or ADDRESSES in key:
            return True
        return any(part in self.names for part in re.split(r"[{}:|]+", key))

    def as_data(self) -> dict[str, dict[str, int]]:
        with self._lock:
            return {cause: dict(each) for cause, each in self.counts.items()}

    def _cause_of_job(self, record: Mapping[str, Any]) -> str:
        body = record.get("body") or json.dumps(record.get("dynamodb", {}))
        for name in _NAMED.findall(body):
            if name in self.names:
                return self.names[name]
        found = _USER.search(body)
        return found[1] if found else HONEST

    def _caller(self, port: str) -> Callable[[], None]:
        kind = "posts" if port == "poster" else _KINDS.get(port, "stores")
        return lambda: self.note(_cause.get(), **{kind: 1})


class _Noting:
    """See `workbench.gateway.Invoker`."""

    def __init__(self, ledger: Ledger, functions: Invoker) -> None:
        self._ledger, self._functions = ledger, functions

    async def invoke(self, function: str, event: dict[str, Any], timeout_s: float) -> Any:
        cause = self._ledger.cause_of(event)
        token, begun_s = _cause.set(cause), time.monotonic()
        try:
            answer = await self._functions.invoke(function, event, timeout_s)
            self._ledger.note_answer(cause, answer)
            return answer
        finally:
            _cause.reset(token)
            took_ms = int((time.monotonic() - begun_s) * 1000)
            self._ledger.note(cause, invocations=1, ms=took_ms)


class _Counted:
    """A port that counts its calls."""

    def __init__(self, inner: Any, count: Callable[[], None]) -> None:
        self._inner, self._count = inner, count

    def __getattr__(self, name: str) -> Any:
        target = getattr(self._inner, name)
        if not callable(target):
            return target

        def call(*arguments: Any, **named: Any) -> Any:
            self._count()
            return target(*arguments, **named)

        return call


def _ports(adapters: Any) -> list[str]:
    return list(adapters.__dataclass_fields__)
