"""What cannot be delivered: jobs that are no jobs, and a message that was spoiled in the log.

The message is in a room of the act's own. It is delivered, then its content in the table is
replaced by what no encoder takes, and the region's table forgets how far the room was delivered. So
the next delivery begins at the room's first message and meets it. The fast lane is off: it would
deliver by what Redis knows, and leave the message behind.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from chalicelib.adapters.dynamodb.keys import entry_key, stream_key
from operate import clients
from tidings_client import Event, TidingsClient

from .ground import Ground
from .history import Client, MessageId, Room
from .service import ServiceError

NO_JOBS = ("{not json", "[]", '{"kind":"entry"}', '{"kind":"entry","entry":{}}')
_WITHIN_S, _LOOK_S = 40.0, 0.25
_PREFIX = "tidings"
_WRITER, _READER = Client("poison-writer"), Client("poison-reader")


@asynccontextmanager
async def poisoned(ground: Ground) -> AsyncIterator[None]:
    """Poison every room's queue with no jobs, and a room with a message; in the end mend it."""
    place = _Place(ground)
    reader = await place.open_room()
    try:
        await asyncio.to_thread(place.queue_no_jobs)
        began_s = time.monotonic()
        await place.spoil()
        after = await place.say("after")
        ground.promises["the room goes on"] = await place.pushed(after, 1)
        ground.noted["room_went_on_s"] = round(time.monotonic() - began_s, 3)
        letters = await place.letters()
        ground.noted["dead_letters"] = len(letters)
        ground.promises["tidings dead shows the message"] = place.letter(letters) is not None
        ground.promises["tidings dead shows every job that is none"] = len(letters) > len(
            ground.rooms
        )
        yield
        await place.mend(letters)
        ground.promises["mended and sent back, the message is delivered"] = await place.pushed(
            place.message_id, 2
        )
    finally:
        await reader.close()


class _Place:
    """The act's own room, its clients, and the region's tables and queues.

    Attributes:
        message_id: The message that is spoiled.
    """

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.room, self.message_id = Room(""), MessageId("")
        self._token = self._content = ""
        self._pushes: Counter[str] = Counter()

    async def open_room(self) -> TidingsClient:
        """A room of two with a message that its reader has been pushed; return the reader."""
        service = self.ground.service
        self._token = await service.token(_WRITER)
        read = await service.token(_READER)
        self.room, _ = await service.room(self._token, [_READER])

        async def give() -> str:
            return read

        def pushed(name: str, data: Event) -> None:
            if name == "message_received":
                self._pushes[data["message_id"]] += 1

        url = self.ground.stack.urls[self.ground.first].replace("http", "ws", 1) + "/ws"
        reader = TidingsClient(url, give, lambda name, data: None, on_frame=pushed, api=None)
        await reader.connect()
        self.message_id = await self.say("to be spoiled")
        if not await self.pushed(self.message_id, 1):
            raise ServiceError("a message was not delivered before it was spoiled")
        return reader

    async def say(self, content: str) -> MessageId:
        sent = await self.ground.service.send(self._token, self.room, content)
        return MessageId(sent["message_id"])

    async def pushed(self, message_id: MessageId, times: int) -> bool:
        """Wait, bounded, until the reader was pushed it so often."""
        until_s = time.monotonic() + _WITHIN_S
        while self._pushes[message_id] < times:
            if time.monotonic() > until_s:
                return False
            await asyncio.sleep(_LOOK_S)
        return True

    def queue_no_jobs(self) -> None:
        """One for each room, in its group: what comes behind waits for it."""
        sqs = self._client("sqs")
        url = sqs.get_queue_url(QueueName=f"{_PREFIX}-delivery.fifo")["QueueUrl"]
        for room in self.ground.rooms:
            sqs.send_message(
                QueueUrl=url,
                MessageBody=self.ground.rng.choice(NO_JOBS),
                MessageGroupId=room,
                MessageDeduplicationId=f"poison-{room}",
            )

    async def spoil(self) -> None:
        self._content = await asyncio.to_thread(self._replace, "NaN")
        key = {"stream": {"S": stream_key(self.room, self.ground.first)}}
        await asyncio.to_thread(
            self._client("dynamodb").delete_item, TableName=f"{_PREFIX}-deliveries", Key=key
        )

    async def mend(self, letters: list[dict[str, Any]]) -> None:
        """Put the content back, and send the message's letter back to the queue."""
        await asyncio.to_thread(self._replace, self._content)
        letter = self.letter(letters)
        if letter is not None:
            await self._dead("redrive", letter["id"])

    async def letters(self) -> list[dict[str, Any]]:
        """The dead letters, once all are there or the time is over."""
        until_s = time.monotonic() + _WITHIN_S
        while True:
            found: list[dict[str, Any]] = json.loads(await self._dead("list"))
            if len(found) > len(self.ground.rooms) or time.monotonic() > until_s:
                return found

    def letter(self, letters: list[dict[str, Any]]) -> dict[str, Any] | None:
        """That of the spoiled message."""
        return next((each for each in letters if each.get("message_id") == self.message_id), None)

    def _replace(self, content: str) -> str:
        """Replace the message's content in the table; return what it was."""
        key = {
            "stream": {"S": stream_key(self.room, self.ground.first)},
            "entry": {"S": entry_key(self.message_id)},
        }
        old = self._client("dynamodb").update_item(
            TableName=f"{_PREFIX}-messages",
            Key=key,
            UpdateExpression="SET content = :content",
            ConditionExpression="attribute_exists(content)",
            ExpressionAttributeValues={":content": {"S": content}},
            ReturnValues="UPDATED_OLD",
        )
        return str(old["Attributes"]["content"]["S"])

    async def _dead(self, *arguments: str) -> str:
        """What `tidings dead` prints."""
        stack, region = self.ground.stack, self.ground.first
        at = ("--endpoint-url", stack.processes[region].emulator_url, "--region", region)
        command = ("-m", "workbench.cli.main", "dead", *at, *arguments, "--json")
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, **stack.keys.variables()},
        )
        printed, _ = await process.communicate()
        if process.returncode:
            raise ServiceError(f"tidings dead {arguments[0]} ended with {process.returncode}")
        return printed.decode()

    def _client(self, service: str) -> Any:
        stack, region = self.ground.stack, self.ground.first
        return clients.client(service, stack.processes[region].emulator_url, region, stack.keys)
