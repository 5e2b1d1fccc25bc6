"""A region's DynamoDB as a replica of global tables: it logs what is written here and elsewhere.

It stands in the emulator's own process, in front of the application, and sees every write at the
moment of its commit. So a write is copied although its function died right after it, and a copy
is compared with what is here and written in one step, as no other write comes between.

Its own endpoints, which ask for the same signature as all others:

- `POST /_tidings/changes` {"after": number or null, "wait_s"} -> {"next", "changes"}: what was
  written here after that number, or everything that is here for null and for unknown numbers;
- `POST /_tidings/apply` {"changes"} -> {"applied": how many};
- `POST /_tidings/stream` {"table", "stream": ARN or null, "after": number, "most", "wait_s"} ->
  {"stream": ARN, "next", "missed", "records"}: what was applied to a table, see `stream`.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .. import asgi
from ..asgi import App, Event, Receive, Scope, Send
from .changes import (
    WRITES,
    Attributes,
    Change,
    ItemKey,
    KeyNames,
    Version,
    Versions,
    written_by,
)
from .numbered import Numbered
from .stream import TableStream

CHANGES, APPLY, STREAM = "/_tidings/changes", "/_tidings/apply", "/_tidings/stream"
_KEPT = 100_000  # changes; who is further behind gets everything
_ONCE = 500  # changes in one answer
_TARGET = "DynamoDB_20120810."
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
        self._log: Numbered[Change] = Numbered(_KEPT)
        self._streams = {table: TableStream(table, region, now_ns) for table in keys}
        self._writing = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"] in (CHANGES, APPLY, STREAM):
            await self._serve(scope, receive, send)
            return
        operation = _header(scope, b"x-amz-target").decode().removeprefix(_TARGET)
        if operation not in WRITES:
            await self._app(scope, receive, send)
            return
        body = await asgi.body(receive, _MOST_BYTES)
        async with self._writing:
            places = written_by(operation, json.loads(body), self._keys)
            before = {each: await self._of_others(scope, each) for each in places}
            answer = await self._ask(scope, operation, body)
            if answer.ok:
                for place in places:
                    await self._note(scope, place, before[place])
        await send(answer.start)
        await send({"type": "http.response.body", "body": answer.body})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = json.loads(await asgi.body(receive, _MOST_BYTES))
        if scope["path"] == CHANGES:
            answer = await self._changes(scope, request["after"], float(request["wait_s"]))
        elif scope["path"] == STREAM:
            answer = await self._stream(request)
        else:
            answer = {"applied": await self._apply(scope, request["changes"])}
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    async def _changes(self, scope: Scope, after: int | None, wait_s: float) -> dict[str, Any]:
        if after == self._log.end and wait_s > 0:
            await self._log.wait(wait_s)
        if after is None or not self._log.start <= after <= self._log.end:
            async with self._writing:
                return {"next": self._log.end, "changes": await self._everything(scope)}
        found = self._log.after(after, _ONCE)
        return {"next": after + len(found), "changes": [change.as_json() for change in found]}

    async def _stream(self, request: Mapping[str, Any]) -> dict[str, Any]:
        stream, after, most = request["stream"], int(request["after"]), int(request["most"])
        table = self._streams[request["table"]]
        return await table.read(stream, after, most, float(request["wait_s"]))

    async def _apply(self, scope: Scope, changes: list[Mapping[str, Any]]) -> int:
        applied = 0
        for each in changes:
            change = Change.from_json(each)
            async with self._writing:
                if self._versions.beats(change.place, change.version):
                    before = await self._item(scope, change.place)
                    await self._write(scope, change)
                    self._streams[change.place.table].add(change.place, before, change.item)
                    self._versions.copied(change.place, change.version)
                    applied += 1
                    # It was lost here with its region, which has it back: others may lack it.
                    if change.version.region == self._region:
                        self._log.append(change)
        return applied

    async def _of_others(self, scope: Scope, place: ItemKey) -> Attributes | None:
        """An item that another region wrote last."""
        by = self._versions.of(place).region
        return None if by in ("", self._region) else await self._item(scope, place)

    async def _note(self, scope: Scope, place: ItemKey, before: Attributes | None) -> None:
        """What a write has left; the writer holds the lock, so it is that write's.

        The stream has it if it stands for a write of another region, which sent a copy of it, or is
        a new entry of this region.
        """
        item = await self._item(scope, place)
        last_by = self._versions.of(place).region
        by = (item or {}).get("region", {}).get("S", self._region)
        is_entry = place.attributes.get("entry", {}).get("S", "").startswith("e#")
        if last_by != self._region if by != self._region else is_entry and last_by == "":
            self._streams[place.table].add(place, before, item)
        version = self._versions.written(place, self._now_ns())
        self._log.append(Change(place, version, item))

    async def _item(self, scope: Scope, place: ItemKey) -> Attributes | None:
        request = {
            "TableName": place.table,
            "Key": place.attributes,
            "ConsistentRead": True,
        }
        item: Attributes | None = (await self._call(scope, "GetItem", request)).get("Item")
        return item

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
