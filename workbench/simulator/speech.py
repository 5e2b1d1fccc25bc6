"""The protocols that devices speak: JSON, and Socket.IO over websockets and polling."""

from __future__ import annotations

import functools
import json
from enum import StrEnum

from .devices import ANSWER_US, Device
from .history import HandedOn
from .lines import Frame, Line, Refused
from .polling import PollingLine, Stage
from .scheduler import Result

SILENCE_US = 300_000_000  # ping interval and timeout, as the handshake names them


class JsonSpeech:
    """The JSON protocol."""

    def __init__(self) -> None:
        self._misses = 0

    def is_recovered(self) -> bool:
        return False

    def is_stock(self) -> bool:
        return False

    def is_dead(self, device: Device) -> bool:
        """Send a heartbeat. One without an answer may be bad luck, two are not."""
        try:
            device.ask("ping", {})
        except Refused as refusal:
            self._misses += 1
            return refusal.code == "unauthorized" or self._misses > 1
        self._misses = 0
        return False

    def open(self, device: Device) -> Line | None:
        self._misses = 0
        connection_id = f"{device.name}-{device.connections}="
        return device.gateway.connect(connection_id, device.receive, {"token": device.token()}, {})

    def say(self, device: Device, number: int, action: str, data: Frame) -> str:
        return json.dumps({"action": action, "data": data, "id": number})

    def read(self, device: Device, text: str) -> None:
        frame = json.loads(text)
        if frame.get("event") == "ack":
            device.answered(frame["id"], frame["data"])
        elif frame.get("event") == "error":
            device.refused(frame["id"] or 0, frame["data"])
        elif "event" in frame:
            device.event(frame["event"], frame["data"])


class Transports(StrEnum):
    """What a stock client uses.

    Attributes:
        WEBSOCKET: A websocket from the start.
        POLLING: Polling only.
        UPGRADE: Polling, then a websocket: the default.
        OLDER: The same, of a version before 4.8, which has to ask for recovery.
    """

    WEBSOCKET = "socketio"
    POLLING = "polling"
    UPGRADE = "upgrade"
    OLDER = "older"


class SocketIoSpeech:
    """Socket.IO as the stock JavaScript client speaks it, with recovery.

    As there, events that arrive before CONNECT wait for it, also for the one of a later connection,
    and only an event that was handed on moves the offset. After a CONNECT_ERROR it ignores all
    packets until it connects again.

    https://github.com/socketio/socket.io-protocol
    """

    def __init__(self, transports: Transports = Transports.WEBSOCKET) -> None:
        self._transports = transports
        self._line: Line | None = None
        self._life = 0
        self._sid = ""
        self._pid: str | None = None
        self._offset: str | None = None
        self._has_offsets = False
        self._connected: Result[bool] = Result()
        self._early: list[tuple[int, str]] = []  # the number of the connection, and the event
        self._is_connected = False
        self._is_refused = False
        self._is_recovered = False
        self._pinged_us = 0

    def is_recovered(self) -> bool:
        return self._is_recovered

    def is_stock(self) -> bool:
        """Its events have offsets, so the server knows what it has missed.

        While Redis is away a session begins without; then it is told as others are. It may still
        keep an offset of an earlier session.
        """
        return self._pid is not None and self._has_offsets

    def is_dead(self, device: Device) -> bool:
        """The server's pings stay away."""
        return device.scheduler.now_us - self._pinged_us > SILENCE_US

    def open(self, device: Device) -> Line | None:
        self._connected = Result()
        self._is_connected = False
        self._is_refused = False
        self._pinged_us = device.scheduler.now_us
        self._line = line = self._dial(device)
        if line is None:
            return None
        auth: dict[str, str] = {"token": device.token()}
        if self._pid is not None:
            auth["pid"] = self._pid
            if self._offset is not None:
                auth["offset"] = self._offset
        line.send("40" + json.dumps(auth))
        connected = self._connected
        line.ended.then(functools.partial(connected.give, False))
        if not device.scheduler.wait(connected, 2 * ANSWER_US) or not connected.value():
            if not line.ended.is_set:
                line.cut()
            return None
        return line

    def _dial(self, device: Device) -> Line | None:
        name = f"{device.name}-{device.connections}="
        headers = {"user-agent": "Mozilla/5.0 (simulated)"}
        if self._transports is Transports.WEBSOCKET:
            query = {"EIO": "4", "transport": "websocket"}
            return device.gateway.connect(name, device.receive, query, headers)
        older = self._transports is Transports.OLDER
        line = PollingLine(
            name,
            headers,
            "P1a2b3c" if older else "p1a2b3c",
            self._transports in (Transports.POLLING, Transports.OLDER),
            device.receive,
            device.gateway,
            device.http,
            device.scheduler,
        )
        return line if line.open(self._transports is not Transports.POLLING) else None

    def say(self, device: Device, number: int, action: str, data: Frame) -> str:
        return f"42{number}" + json.dumps([action, data])

    def read(self, device: Device, text: str) -> None:
        if text == "2":
            self._pinged_us = device.scheduler.now_us
            if self._line is not None:
                self._line.send("3")
        elif self._is_refused:
            return
        elif text.startswith("40"):
            self._connect(device, json.loads(text[2:]))
        elif text.startswith("44"):
            self._is_refused = True
            self._connected.give(False)
        elif text.startswith("42"):
            self._event(device, text[2:])
        elif text.startswith("43"):
            self._ack(device, text[2:])

    def _connect(self, device: Device, data: Frame) -> None:
        pid = data.get("pid")
        if self._is_connected and data["sid"] != self._sid:
            device.record.answered_again.append(device.name)
        self._sid = data["sid"]
        self._is_recovered = pid is not None and pid == self._pid
        self._life += not self._is_recovered
        self._pid = pid
        self._has_offsets = self._has_offsets and self._is_recovered
        self._is_connected = True
        early, self._early = self._early, []
        for line, each in early:
            self._event(device, each, line)
        self._connected.give(True)

    def _event(self, device: Device, text: str, line: int | None = None) -> None:
        """Hand an event on; before CONNECT it waits, even if the connection breaks meanwhile.

        Args:
            line: The number of the connection that brought it; None for the present one.
        """
        if not self._is_connected:
            self._early.append((device.connections, text))
            return
        digits = text[: text.index("[")]
        name, data, *more = json.loads(text[len(digits) :])
        if self._pid is not None and more and isinstance(more[-1], str):
            self._offset = more[-1]
            self._has_offsets = True
        if name == "message_received" and self.is_stock():
            self._note(device, data["message_id"], line or device.connections)
        if isinstance(data, dict):
            device.event(name, data)

    def _note(self, device: Device, message_id: str, line: int) -> None:
        upgraded = isinstance(self._line, PollingLine) and self._line.stage is Stage.WEBSOCKET
        handed_on = HandedOn(device.name, self._life, line, message_id, upgraded)
        device.record.handed_on.append(handed_on)

    def _ack(self, device: Device, text: str) -> None:
        digits = text[: text.index("[")]
        [answer] = json.loads(text[len(digits) :])
        if answer.get("ok"):
            device.answered(int(digits), answer["data"])
        else:
            device.refused(int(digits), answer["error"])
