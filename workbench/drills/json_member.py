"""A drill's JSON websocket client: `tidings_client`, which resends and recovers by itself."""

from __future__ import annotations

from collections.abc import Mapping

from tidings_client import ActionError, Event, TidingsClient, Times

from .history import Ack, Client, Key, Room
from .members import Refused, Unanswered, message
from .recorder import Recorder

_TIMES = Times(call=15.0, longest_pause=2.0, ping=20.0)


class JsonMember:
    def __init__(
        self,
        name: Client,
        url: str,
        token: str,
        rooms: Mapping[Room, str],
        recorder: Recorder,
        moves: bool = False,
    ) -> None:
        """Make a client of this URL.

        Args:
            moves: Let it look for other regions when this one fails or drains.
        """
        self.name = name
        self._token = token
        self._recorder = recorder
        self._url = url.replace("http", "ws", 1) + "/ws"
        self._client = TidingsClient(
            self._url,
            self._give_token,
            self._on_event,
            _TIMES,
            on_frame=self._on_frame,
            api="" if moves else None,
        )
        for room, position in rooms.items():
            self._client.follow(room, position)

    async def start(self) -> None:
        await self._client.connect()

    async def send(self, room: Room, key: Key) -> Ack:
        try:
            ack = await self._client.call("send_message", dict(message(room, key)))
        except ActionError as error:
            raise (Unanswered if error.retryable else Refused)(str(error)) from None
        return Ack.of(ack)

    def cut(self) -> None:
        self._client.drop()

    async def close(self) -> None:
        await self._client.close()

    async def _give_token(self) -> str:
        return self._token

    def _on_frame(self, name: str, data: Event) -> None:
        if name == "message_received":
            self._recorder.pushed(self.name, data["conversation_id"], data["message_id"])

    def _on_event(self, name: str, data: Event) -> None:
        if name == "message_received":
            self._recorder.shown(self.name, data["conversation_id"], data["message_id"])
        elif name == "connected":
            self._recorder.connected(self.name, url=self._url)
        elif name == "moved":
            self._url = data["url"]
        elif name == "waiting" and data["attempt"] > 1:
            self._recorder.refused(self.name, "connect")
        elif name == "disconnected":
            self._recorder.disconnected(self.name, "transport")
