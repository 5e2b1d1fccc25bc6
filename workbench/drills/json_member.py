"""A drill's JSON websocket client: `tidings_client`, which resends and recovers by itself."""

from __future__ import annotations

from collections.abc import Mapping

from tidings_client import ActionError, Event, TidingsClient, Times

from .history import Client, Key, MessageId, Room
from .members import Refused, Unanswered, message
from .recorder import Recorder

_TIMES = Times(call=15.0, longest_pause=2.0)


class JsonMember:
    def __init__(
        self, name: Client, url: str, token: str, rooms: Mapping[Room, str], recorder: Recorder
    ) -> None:
        self.name = name
        self._token = token
        self._recorder = recorder
        ws_url = url.replace("http", "ws", 1) + "/ws"
        self._client = TidingsClient(
            ws_url, self._give_token, self._on_event, _TIMES, on_frame=self._on_frame
        )
        for room, position in rooms.items():
            self._client.follow(room, position)

    async def start(self) -> None:
        await self._client.connect()

    async def send(self, room: Room, key: Key) -> MessageId:
        try:
            ack = await self._client.call("send_message", dict(message(room, key)))
        except ActionError as error:
            raise (Unanswered if error.retryable else Refused)(str(error)) from None
        return MessageId(ack["message_id"])

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
            self._recorder.connected(self.name)
        elif name == "disconnected":
            self._recorder.disconnected(self.name, "transport")
