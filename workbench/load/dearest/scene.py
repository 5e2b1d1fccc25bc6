"""What the dearest requests are about: the largest rooms, messages and lists that limits allow."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.adapters.dynamodb.table import Table
from chalicelib.contract.commands import MAX_CONTENT_BYTES, MAX_METADATA_BYTES
from chalicelib.entrypoints import websocket
from chalicelib.kernel import ids
from chalicelib.messaging.fanout import PARTS
from chalicelib.model.identifiers import MessageId, RoomId, UserId
from chalicelib.model.log import Entry, EntryKind, Head
from chalicelib.model.receipts import Marker
from chalicelib.model.rooms import Member, Role, Room, RoomType

from .region import CountedRegion, Measured

USER_CHARACTERS, ROOM_CHARACTERS = 128, 64
LARGEST_CONTENT = "x" * (MAX_CONTENT_BYTES - 2)  # in quotes, as JSON
LARGEST_METADATA = {"x": "y" * (MAX_METADATA_BYTES - 10)}
_BATCH = 20


def user(number: int) -> str:
    """An id as long as one may be."""
    return f"{number:0{USER_CHARACTERS}}"


ME, STRANGER = user(0), "stranger"


class Scene(CountedRegion):
    """A region with a user, `ME`, and what they can bring about."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._numbers = itertools.count(1)
        self._viewed: set[RoomId] = set()

    def large_room(self) -> RoomId:
        """A room with the most members but one, which ME owns."""
        return self.room("r" * ROOM_CHARACTERS, [user(n) for n in range(self._most)])

    def crowd(self, opened: RoomId | None = None) -> None:
        """Connect the other members of the large room; all open a room, if one is named."""
        users = [user(number) for number in range(1, self._most)]
        self.connect_many(users)
        if opened is None or opened in self._viewed:
            return
        self._viewed.add(opened)
        self.connect(users[0])
        store = self.services.adapters.connections
        [one] = store.of_user(UserId(users[0]))
        store.join(opened, one.target)
        self.copy("room_connections", {"room_id": opened}, users[0], users[1:])

    @property
    def _most(self) -> int:
        return self.settings.max_members - 1

    def quiet(self) -> None:
        """Let so much time pass that Redis keeps nothing of rooms and users."""
        self.settle()
        self.later(4 * 3600)

    def rooms(self, count: int, *, unread: bool = False, size: int = 20) -> list[RoomId]:
        """Groups of ME and somebody else, with the largest metadata; in each is a message.

        Args:
            unread: ME has read nothing in them.
            size: Characters of the message.
        """
        found = []
        for number in range(count):
            room_id = self.room(
                f"{number:0{ROOM_CHARACTERS}}", [ME, user(number + 1)], LARGEST_METADATA
            )
            self.write(room_id, user(number + 1), 2, size)
            found.append(room_id)
        self.later(1)
        return found

    def friends(self, count: int) -> list[str]:
        """Friends of ME."""
        found = [user(number) for number in range(1, count + 1)]
        store = self.services.adapters.friends
        for each in found:
            store.put(UserId(ME), UserId(each), self.clock.ms)
            store.put(UserId(each), UserId(ME), self.clock.ms)
        return found

    def write(self, room_id: RoomId, sender: str, count: int, size: int) -> list[Entry]:
        """Append messages to a room; they have been delivered."""
        log, stream = self.services.adapters.log, (room_id, self.region)
        written: list[Entry] = []
        while len(written) < count:
            head = log.heads([stream])[stream]
            some = [
                self._entry(room_id, sender, head, number + 1, size)
                for number in range(min(_BATCH, count - len(written)))
            ]
            log.commit_all([(entry, None) for entry in some], head, self.clock.ms)
            written += some
        for part in (None, *range(PARTS)):
            self.services.adapters.cursors.advance(written[-1], 0, part)
        self.log.news.clear()
        return written

    def feed(self, owner: str, kind: RoomType, count: int, size: int) -> RoomId:
        """A user's moments or notifications."""
        make = ids.moments_room_id if kind is RoomType.MOMENTS else ids.notifications_room_id
        room_id = make(UserId(owner))
        role = Role.OWNER if kind is RoomType.MOMENTS else Role.READER
        room = Room(room_id, kind, UserId(owner), self.clock.ms)
        self.services.adapters.rooms.create(
            room, [Member(room_id, UserId(owner), role, self.clock.ms)]
        )
        self.write(room_id, owner, count, size)
        return room_id

    def open_all(self, device: str, rooms: Sequence[RoomId]) -> None:
        """Open these rooms on a device."""
        for room_id in rooms:
            self.say(device, json.dumps({"action": "join_room", "data": {"room_id": room_id}}))
            self.later(1)
        self.settle()

    def mark_all_read(self, room_id: RoomId, entry: Entry) -> None:
        """Let the members of the large room have read up to this message."""
        first, *others = [user(number) for number in range(1, self._most)]
        marker = Marker(UserId(first), entry.message_id, self.clock.ms, self.region, entry.seq)
        self.services.adapters.markers.move(room_id, self.region, marker)
        self.copy("reads", {"room_id": room_id}, first, others)

    def copy(self, table: str, key: Mapping[str, str], of: str, others: Sequence[str]) -> None:
        """Write an item that is about a user for others, too."""
        name = f"{self.store.prefix}-{table}"
        [(hash_key, value)] = key.items()
        found = self.store.query(
            TableName=name,
            KeyConditionExpression=f"{hash_key} = :key",
            ExpressionAttributeValues={":key": {"S": value}},
        )["Items"]
        [item] = [text for text in map(json.dumps, found) if of in text]
        items = [json.loads(item.replace(of, other)) for other in others]
        Table(self.store, name).batch_put(items)

    def act(self, device: str, action: str, **data: Any) -> Measured:
        """An action over JSON, which must be acked, once everything queued is done."""
        frame = json.dumps({"action": action, "data": data, "id": 1})

        def say() -> str:
            answer = self.say(device, frame)
            if not answer.startswith('{"event":"ack"'):
                raise RuntimeError(answer[:300])
            return answer

        self.settle()
        return self.measure("websocket_message", say, frame=len(frame), answered=True)

    def emit(self, device: str, action: str, **data: Any) -> Measured:
        """The same over Socket.IO."""
        frame = "421" + json.dumps([action, data])

        def say() -> str:
            answer = self.say(device, frame)
            if not answer.startswith('431[{"ok":true'):
                raise RuntimeError(answer[:300])
            return answer

        self.settle()
        return self.measure("websocket_message", say, frame=len(frame), answered=True)

    def handshake(self, device: str) -> None:
        """Open a session of Socket.IO, without waiting for what comes of it."""
        query = {"EIO": "4", "transport": "websocket"}
        self._opened(self.event(device, "CONNECT", queryStringParameters=query))
        self.settle()

    def open_session(self, device: str, **query: str) -> Measured:
        """The handshake of Socket.IO over a websocket."""
        query = {"EIO": "4", "transport": "websocket", **query}
        event = self.event(device, "CONNECT", queryStringParameters=query)
        return self.measure("websocket_connect", lambda: self._opened(event))

    def connect_stock(self, name: str, *, recovery: bool = False) -> str:
        """Connect ME over Socket.IO; the connection."""
        device = f"{name}="
        self.handshake(device)
        payload = {"token": self.token(ME), **({"recovery": True} if recovery else {})}
        self.say(device, "40" + json.dumps(payload))
        self.settle()
        return device

    def _opened(self, event: dict[str, Any]) -> str:
        answer = websocket.connect(self.services, event)
        if answer["statusCode"] != 200:
            raise RuntimeError(answer)
        return ""

    def _entry(self, room_id: RoomId, sender: str, head: Head, after: int, size: int) -> Entry:
        number = ids.decode(ids.first_at(self.clock.ms)) + next(self._numbers)
        return Entry(
            room_id=room_id,
            region=self.region,
            seq=head.seq + after,
            message_id=MessageId(ids.encode(number)),
            kind=EntryKind.MESSAGE,
            sender_id=UserId(sender),
            timestamp_ms=self.clock.ms,
            message_type="text",
            content="x" * size,
        )


def large() -> tuple[Scene, RoomId]:
    """A region with the largest room, which takes a second to make."""
    scene = Scene()
    return scene, scene.large_room()
