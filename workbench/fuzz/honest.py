"""Honest clients of all protocols, beside those that send broken frames."""

from __future__ import annotations

import json

from .ground import Ground
from .targets import POLLING, WEBSOCKET

ROOM = "den"


class Honest:
    """Alice speaks JSON, Bob Socket.IO on a websocket, Carol polls."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._said = self._polls = 0
        self._got: dict[str, list[str]] = {"bob": [], "carol": []}
        ground.room(ROOM, "alice", "bob", "carol")
        self._alice, _ = ground.connect({"token": ground.token("alice")})
        self._bob, _ = ground.connect(WEBSOCKET)
        ground.pump()
        ground.say(self._bob, "40" + json.dumps({"token": ground.token("bob")}))
        self._carol = str(json.loads(ground.ask("GET", POLLING).text[1:])["sid"])
        self._post("40" + json.dumps({"token": ground.token("carol")}))
        self.tend()

    @property
    def sessions(self) -> int:
        return 3

    def tend(self) -> None:
        """Read what has come; answer pings."""
        for frame in self._ground.posts.taken.pop(self._bob, []):
            self._got["bob"].append(frame)
            if frame == "2":
                self._ground.say(self._bob, "3")
        self._polls += 1
        self._ground.release(self._carol)
        query = {**POLLING, "sid": self._carol, "t": f"Poll{self._polls:06}"}
        for frame in self._ground.ask("GET", query).text.split("\x1e"):
            self._got["carol"].append(frame)
            if frame == "2":
                self._post("3")

    def fault(self) -> str | None:
        """What does not work any more: Alice says something that the others must get."""
        self._said += 1
        text = f"message {self._said}"
        data = {"conversation_id": ROOM, "message_type": "text", "content": text}
        answer = self._ground.say(
            self._alice, json.dumps({"action": "send_message", "data": data, "id": 1})
        )
        if not answer.startswith('{"event":"ack"'):
            return f"alice got no ack: {answer[:90]}"
        self._ground.pump()
        self.tend()
        without = [who for who, got in self._got.items() if not any(text in each for each in got)]
        for got in self._got.values():
            got.clear()
        self._ground.posts.taken.pop(self._alice, None)
        return f"{' and '.join(without)} did not get it" if without else None

    def _post(self, body: str) -> None:
        self._ground.ask("POST", {**POLLING, "sid": self._carol}, body)
