"""Users with devices that use real sockets, for synchronous tests."""

from __future__ import annotations

import contextlib
import itertools
import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from typing import Any

from websockets.sync.client import ClientConnection, connect

WAIT_S = 40.0


class Device:
    """One connection; answers are matched by id, events are kept in the order of arrival."""

    def __init__(self, url: str, **options: Any) -> None:
        self._ids = itertools.count(1)
        self.events: list[dict[str, Any]] = []
        self._answers: dict[Any, dict[str, Any]] = {}
        self._open = contextlib.ExitStack()
        self.socket: ClientConnection = self._open.enter_context(
            connect(url, **{"open_timeout": 30, **options})
        )

    def close(self) -> None:
        self._open.close()

    def send(self, action: str, **data: Any) -> int:
        number = next(self._ids)
        self.socket.send(json.dumps({"action": action, "data": data, "id": number}))
        return number

    def answer(self, number: Any) -> dict[str, Any]:
        deadline = time.monotonic() + WAIT_S
        while number not in self._answers:
            self._read(deadline)
        return self._answers.pop(number)

    def ask(self, action: str, **data: Any) -> dict[str, Any]:
        return self.answer(self.send(action, **data))

    def act(self, action: str, **data: Any) -> dict[str, Any]:
        answer = self.ask(action, **data)
        assert answer["event"] == "ack", answer
        return answer["data"]

    def say(self, room: str, text: str, **more: Any) -> dict[str, Any]:
        body = {"conversation_id": room, "message_type": "text", "content": text, **more}
        return self.act("send_message", **body)

    def wait(
        self, name: str, matches: Callable[[dict[str, Any]], bool], within_s: float = WAIT_S
    ) -> dict[str, Any]:
        """Wait for the first matching event of this name."""
        deadline = time.monotonic() + within_s
        while True:
            for event in self.events:
                if event["event"] == name and matches(event["data"]):
                    return event["data"]
            self._read(deadline)

    def first(self, matches: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait for the first matching event, of any name."""
        deadline = time.monotonic() + WAIT_S
        while True:
            for event in self.events:
                if matches(event):
                    return event
            self._read(deadline)

    def heard(self, room: str, count: int) -> list[dict[str, Any]]:
        """Wait for at least `count` messages of a room."""
        deadline = time.monotonic() + WAIT_S
        while len(self.messages(room)) < count:
            self._read(deadline)
        return self.messages(room)

    def messages(self, room: str) -> list[dict[str, Any]]:
        return [
            event["data"]
            for event in self.events
            if event["event"] == "message_received" and event["data"]["conversation_id"] == room
        ]

    def _read(self, deadline: float) -> None:
        frame = json.loads(self.socket.recv(timeout=max(0.01, deadline - time.monotonic())))
        if frame.get("event") in ("ack", "error") and "id" in frame:
            self._answers[frame["id"]] = frame
        else:
            self.events.append(frame)


class People:
    def __init__(self, url: str, ws_url: str) -> None:
        self.url = url
        self.ws_url = ws_url
        self._devices: list[Device] = []

    def __enter__(self) -> People:
        return self

    def __exit__(self, *_: object) -> None:
        for device in self._devices:
            device.close()

    def token(self, user: str, **claims: Any) -> str:
        status, body = self.http("POST", "/dev/token", {"user_id": user, **claims})
        assert status == 200, body
        return str(body["token"])

    def device(self, user: str) -> Device:
        device = Device(f"{self.ws_url}?token={self.token(user)}")
        self._devices.append(device)
        return device

    def room(self, owner: str, *others: str) -> str:
        body = {"room_type": "group_chat", "participants": list(others)}
        status, room = self.http("POST", "/v1/rooms", body, self.token(owner))
        assert status == 201, room
        return str(room["room_id"])

    def http(self, method: str, path: str, body: Any = None, token: str = "") -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, method=method)
        if body is not None:
            request.data = data
            request.add_header("Content-Type", "application/json")
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as fault:
            return fault.code, json.loads(fault.read())


def name(prefix: str) -> str:
    """A user id that no other test uses."""
    return f"{prefix}-{uuid.uuid4().hex[:8]}"
