"""A region's DynamoDB as a replica of global tables: it keeps a log of what was written to them.

It stands in the emulator's own process, in front of the application, and sees every write at the
moment of its commit. So a write is copied although its function died right after it, and a copy
is compared with what is here and written in one step, as no other write comes between.

Its own endpoints, which ask for the same signature as all others:

- `POST /_tidings/changes` {"after": number or null, "wait_s"} -> {"next", "changes"}: what was
  written here after that number, or everything that is here for null and for unknown numbers;
- `POST /_tidings/apply` {"changes"} -> {"applied": how many}.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .. import asgi
from ..asgi import App, Event, Receive, Scope, Send
from .changes import WRITES, Change, ItemKey, KeyNames, Version, Versions, written_by

CHANGES, APPLY = "/_tidings/changes", "/_tidings/apply"
_KEPT = 100_000  # changes; who is further behind gets everything
_ONCE = 500  # changes in one answer
_TARGET = "DynamoDB_20120810."
_LONGEST_WAIT_S = 20.0
_MOST_BYTES = 64 * 1024 * 1024
# Of items that nobody has seen being written: they are copied to a region that lacks them.
_UNSEEN = Version(1, "")


@dataclass(frozen=True, slots=True)
class _Answer:
    start: Event
    body: bytes

    @property
    def ok(self) -> bool:
        return bool(self.start["status"] == 200)


class Replica:
    """An ASGI application around ministack's.

    Args:
        keys: The global tables.
        now_ns: The clock of this region's DynamoDB.
    """

    def __init__(
        self, app: App, region: str, keys: KeyNames, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._app = app
        self._region = region
        self._keys = keys
        self._now_ns = now_ns
        self._versions = Versions(region)
        self._log: deque[Change] = deque(maxlen=_KEPT)
        self._end = 0  # the number of the last change of the log
        self._writing = asyncio.Lock()
        self._written = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"] in (CHANGES, APPLY):
            await self._serve(scope, receive, send)
            return
        operation = _header(scope, b"x-amz-target").decode().removeprefix(_TARGET)
        if operation not in WRITES:
            await self._app(scope, receive, send)
            return
        body = await asgi.body(receive, _MOST_BYTES)
        async with self._writing:
            answer = await self._ask(scope, operation, body)
            if answer.ok:
                for place in written_by(operation, json.loads(body), self._keys):
                    await self._note(scope, place)
        await send(answer.start)
        await send({"type": "http.response.body", "body": answer.body})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = json.loads(await asgi.body(receive, _MOST_BYTES))
        if scope["path"] == CHANGES:
            answer = await self._changes(scope, request["after"], float(request["wait_s"]))
        else:
            answer = {"applied": await self._apply(scope, request["changes"])}
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    async def _changes(self, scope: Scope, after: int | None, wait_s: float) -> dict[str, Any]:
        if after is not None and after == self._end and wait_s > 0:
            try:
                async with asyncio.timeout(min(wait_s, _LONGEST_WAIT_S)):
                    await self._written.wait()
            except TimeoutError:
                pass
        start = self._end - len(self._log)
        if after is None or not start <= after <= self._end:
            async with self._writing:
                return {"next": self._end, "changes": await self._everything(scope)}
        first = after - start
        found = [self._log[n].as_json() for n in range(first, min(first + _ONCE, len(self._log)))]
        return {"next": after + len(found), "changes": found}

    async def _apply(self, scope: Scope, changes: list[Mapping[str, Any]]) -> int:
        applied = 0
        for each in changes:
            change = Change.from_json(each)
            async with self._writing:
                if self._versions.beats(change.place, change.version):
                    await self._write(scope, change)
                    self._versions.copied(change.place, change.version)
                    applied += 1
                    # It was lost here with its region, which has it back: others may lack it.
                    if change.version.region == self._region:
                        self._append(change)
        return applied

    async def _note(self, scope: Scope, place: ItemKey) -> None:
        """What a write has left; the writer holds the lock, so it is that write's."""
        request = {
            "TableName": place.table,
            "Key": place.attributes,
            "ConsistentRead": True,
        }
        item = (await self._call(scope, "GetItem", request)).get("Item")
        version = self._versions.written(place, self._now_ns())
        self._append(Change(place, version, item))

    def _append(self, change: Change) -> None:
        self._log.append(change)
        self._end += 1
        self._written.set()
        self._written = asyncio.Event()

    async def _write(self, scope: Scope, change: Change) -> None:
        table = {"TableName": change.place.table}
        if change.item is None:
            await self._call(scope, "DeleteItem", {**table, "Key": change.place.attributes})
        else:
            await self._call(scope, "PutItem", {**table, "Item": change.item})

    async def _everything(self, scope: Scope) -> list[dict[str, Any]]:
        """All items of all global tables, and what is known to be deleted."""
        gone = dict.fromkeys(self._versions.places())
        changes: list[Change] = []
        for table, names in self._keys.items():
            request: dict[str, Any] = {"TableName": table, "ConsistentRead": True}
            while True:
                page = await self._call(scope, "Scan", request)
                for item in page["Items"]:
                    place = ItemKey.of(table, names, item)
                    version = self._versions.of(place) if place in gone else _UNSEEN
                    gone.pop(place, None)
                    changes.append(Change(place, version, item))
                if not page.get("LastEvaluatedKey"):
                    break
                request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
        changes += [Change(place, self._versions.of(place), None) for place in gone]
        return [change.as_json() for change in changes]

    async def _call(self, scope: Scope, operation: str, request: Mapping[str, Any]) -> Any:
        answer = await self._ask(scope, operation, json.dumps(request).encode())
        if not answer.ok:
            raise RuntimeError(f"{operation}: {answer.body.decode(errors='replace')}")
        return json.loads(answer.body)

    async def _ask(self, scope: Scope, operation: str, body: bytes) -> _Answer:
        """The application's answer; the region is in the signature of the request around it."""
        replaced = (b"x-amz-target", b"content-length", b"content-type")
        headers = [(name, value) for name, value in scope["headers"] if name not in replaced]
        headers += [
            (b"x-amz-target", f"{_TARGET}{operation}".encode()),
            (b"content-type", b"application/x-amz-json-1.0"),
            (b"content-length", str(len(body)).encode()),
        ]
        inner = {
            **scope,
            "path": "/",
            "raw_path": b"/",
            "query_string": b"",
            "headers": headers,
        }
        events: list[Event] = []

        async def receive() -> Event:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(event: Event) -> None:
            events.append(event)

        await self._app(inner, receive, send)
        return _Answer(events[0], b"".join(event.get("body", b"") for event in events[1:]))


def _header(scope: Scope, name: bytes) -> bytes:
    return next((value for each, value in scope["headers"] if each.lower() == name), b"")
