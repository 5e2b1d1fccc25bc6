"""Programs that use the HTTP API: they write, read history, and change who is in a room."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chalicelib.entrypoints.http import rest
from chalicelib.services import Services
from workbench.drills import history as drill

from .history import Done, Read, Record, Shown
from .http_api import HttpApi
from .scheduler import Scheduler

TRIES = 200  # until faults have ended, and some more
PAUSE_US = 1_500_000
ROAMS_AFTER = 3
RETRIED = (429, 500, 503)


class ApiClient:
    """One program of a user.

    Args:
        name: `user/…`.
        token: Makes a token of the user.
        apis: The HTTP APIs of all regions, that of its own one first. It asks the next one when it
            has failed several times.
    """

    def __init__(
        self,
        name: str,
        token: Callable[[], str],
        apis: Sequence[HttpApi],
        scheduler: Scheduler,
        record: Record,
    ) -> None:
        self.name = name
        self.user = name.split("/")[0]
        self._token = token
        self._apis = list(apis)
        self._failures = 0
        self._scheduler = scheduler
        self._record = record

    def call(
        self,
        what: str,
        endpoint: rest.Endpoint,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        **path: str,
    ) -> rest.Response | None:
        """Make a request; None if there is no answer."""
        headers = {"Authorization": f"Bearer {self._token()}"}
        text = json.dumps(body) if body is not None else ""
        request = rest.HttpRequest(headers, query or {}, path, text, {})

        def handle(services: Services) -> rest.Response:
            return rest.handle(services, request, endpoint)

        began_s = self._now_s()
        answer = self._apis[0].request(what, handle)
        if answer is not None and answer.status < 400:
            done = Done(began_s, self._now_s(), self.name, endpoint.__name__)
            self._record.done.append(done)
        if answer is None or answer.status in RETRIED:
            self._failures += 1
            if self._failures % ROAMS_AFTER == 0:
                self._apis.append(self._apis.pop(0))
        return answer

    def insist(
        self,
        what: str,
        endpoint: rest.Endpoint,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        **path: str,
    ) -> rest.Response:
        """Make a request until it is answered, by success or by a refusal that is final."""
        for _ in range(TRIES):
            answer = self.call(what, endpoint, body, query, **path)
            if answer is not None and answer.status not in RETRIED:
                return answer
            self._scheduler.pause(PAUSE_US)
        return rest.Response(503, {"error": {"code": "no_answer"}})

    def post(self, what: str, room: str, key: str, way: str) -> None:
        """Send a message.

        Args:
            way: `keyed`, with a client_message_id, until it is answered; `changed`, likewise, but
                with other content when it is repeated; `elsewhere`, likewise, and it is repeated
                in another region, as if there had been no answer; or `once`, without an id and
                never again.
        """
        sent = drill.Client(self.name), drill.Room(room), drill.Key(key)
        self._record.events.append(drill.Sent(self._now_s(), *sent))
        body = {"message_type": "text", "content": f"text {key}"}
        if way == "once":
            answer = self.call(what, rest.post_message, body, room_id=room)
        else:
            body["client_message_id"] = key
            answer = self.call(what, rest.post_message, body, room_id=room)
            if way == "elsewhere":
                self._apis.append(self._apis.pop(0))
            if way == "elsewhere" or answer is None or answer.status in RETRIED:
                self._scheduler.pause(PAUSE_US)
                if way in ("changed", "elsewhere"):
                    body["content"] += " changed"
                answer = self.insist(what, rest.post_message, body, room_id=room)
        if answer is None or answer.status != 201:
            why = answer.body["error"]["code"] if answer is not None else "no_answer"
            self._record.events.append(drill.Failed(self._now_s(), *sent, why))
            return
        self._shown(answer.body)
        stored = drill.MessageId(answer.body["message_id"]), answer.body["durability"]
        self._record.events.append(drill.Acked(self._now_s(), *sent, *stored))

    def read(self, what: str, room: str, limit: int) -> None:
        """Read a room's history back to its beginning, then on from there to the newest."""
        older = self._pages(what, room, limit, "before", "")
        if older:
            self._pages(what, room, limit, "after", older[0])

    def _pages(self, what: str, room: str, limit: int, way: str, edge: str) -> list[str]:
        began_s, start = self._now_s(), edge
        found: list[str] = []
        more = True
        while more:
            query = {"limit": str(limit), **({way: edge} if edge else {})}
            answer = self.insist(what, rest.list_messages, None, query, room_id=room)
            if answer.status != 200:
                return []
            page = [message["message_id"] for message in answer.body["messages"]]
            for message in answer.body["messages"]:
                self._shown(message)
            found = found + page if way == "after" else page + found
            more, edge = answer.body["more"], answer.body["next"]
        read = Read(began_s, self.name, room, tuple(found), start)
        self._record.reads.append(read)
        return found

    def _shown(self, message: Mapping[str, Any]) -> None:
        shown = Shown(self.name, message["message_id"], str(message["content"]))
        self._record.shown.append(shown)

    def _now_s(self) -> float:
        return self._scheduler.now_us / 1e6
