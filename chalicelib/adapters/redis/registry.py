"""Who is connected, in Redis; see `ports.Registry`.

The users of a region are in buckets. All keys of a bucket are on one node, and one of them says
whether the bucket is complete, so that a node that was lost takes its own statement with it:

- `online:{bucket}` has each user's connections, and the bucket's *epoch* in the field "". A node
  that was emptied has another epoch, or none.
- `online:{bucket}:warm` says that the bucket is complete: it repeats the epoch, and the
  replication id of the node. A replica that was promoted has another replication id, so that what
  it may lack is noticed.
- `online:{bucket}:heard` and `online:{bucket}:asked` tell the sweep which JSON clients are silent.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ...kernel.ids import BUCKETS, user_bucket
from ...kernel.records import target_from_json, target_to_json
from ...model.connections import (
    BucketState,
    Connection,
    Devices,
    Online,
    OnlineInRoom,
    Silent,
    Target,
)
from ...model.identifiers import ConnectionId, UserId
from ...model.rooms import LargeRoom
from ...ports.system import Ids
from . import keys, registry_scripts
from .client import Command, RedisClient, evaluate
from .keys import BUCKET_S, CONNECTION_S, ONLINE_S, WARM_S

_PAGE = 500


class RedisRegistry:
    def __init__(self, client: RedisClient, ids: Ids) -> None:
        self._run = client.run
        self._ids = ids

    def register(self, connection: Connection) -> int:
        (number, _), *_ = self._run(*_register(connection, 0), once=True)
        return int(number)

    def restore(self, connections: Sequence[Connection], heard_ms: int = 0) -> Sequence[Connection]:
        commands = [_register(each, heard_ms) for each in connections]
        answers = self._run(*(command for each in commands for command in each))
        registered = zip(connections, answers[0::4], strict=True)
        return [each for each, (_, hidden) in registered if hidden]

    def renew(self, connection: Connection) -> None:
        roles = json.dumps(list(connection.roles))
        fields = ("expires_at", connection.expires_at_s, "roles", roles)
        key = keys.connection(connection.connection_id)
        self._run(evaluate(registry_scripts.RENEW, [key], *fields))

    def move(self, old: Target, new: Connection) -> None:
        user_id, target = old.user_id, dump(new.target)
        ids = (user_id, old.connection_id, new.connection_id, target, BUCKET_S)
        fields = (f"c:{old.connection_id}", f"c:{new.connection_id}", target, ONLINE_S)
        self._run(
            evaluate(registry_scripts.MOVE, _bucket(user_id), *ids),
            evaluate(registry_scripts.MOVE_SHOWN, [keys.user_online(user_id)], *fields),
            *_remember(new),
            ("DEL", keys.connection(old.connection_id)),
        )

    def unregister(self, target: Target, now_ms: int) -> bool:
        user_id, device = target.user_id, target.connection_id
        shown = (f"c:{device}", now_ms, ONLINE_S)
        last, *_ = self._run(
            evaluate(
                registry_scripts.UNREGISTER, _bucket(user_id), user_id, device, _member(target)
            ),
            evaluate(registry_scripts.HIDE, [keys.user_online(user_id)], *shown),
            ("DEL", keys.connection(device)),
        )
        return bool(last)

    def devices(self, user_id: UserId) -> Devices | None:
        (is_warm, held), left = self._run(
            evaluate(registry_scripts.ONLINE, _bucket(user_id), user_id),
            ("HGET", keys.user_online(user_id), "left"),
        )
        if not is_warm:
            return None
        left_ms = int(left) if left is not None and held is None else None
        return Devices(len(_targets(held)), left_ms)

    def refresh(self, targets: Sequence[Target], heard_ms: int = 0) -> list[Target]:
        commands: list[Command] = []
        for target in targets:
            user_id, key = target.user_id, keys.connection(target.connection_id)
            device = (user_id, target.connection_id, BUCKET_S, _member(target), heard_ms)
            held = evaluate(registry_scripts.HOLDS, _bucket(user_id), *device)
            shown = ("EXPIRE", keys.user_online(user_id), ONLINE_S)
            commands += [held, shown, ("EXPIRE", key, CONNECTION_S)]
        answers = self._run(*commands)
        held_ = zip(answers[0::3], answers[1::3], answers[2::3], strict=True)
        return [target for target, each in zip(targets, held_, strict=True) if not all(each)]

    def beat(
        self, connection_ids: Sequence[ConnectionId], now_ms: int, every_ms: int
    ) -> dict[ConnectionId, int | None]:
        held = [keys.connection(each) for each in connection_ids]
        answers = self._run(
            *(
                evaluate(registry_scripts.BEAT, [key], now_ms, every_ms, CONNECTION_S)
                for key in held
            )
        )
        return {
            each: int(expires) or None
            for each, expires in zip(connection_ids, answers, strict=True)
            if expires is not None
        }

    def note(self, target: Target, heard_ms: int, stored: bool) -> bool:
        user_id, key = target.user_id, keys.connection(target.connection_id)
        device = (user_id, target.connection_id, BUCKET_S, _member(target), heard_ms)
        held, shown, known = self._run(
            evaluate(registry_scripts.HEARD, _bucket(user_id), *device),
            ("EXPIRE", keys.user_online(user_id), ONLINE_S),
            evaluate(registry_scripts.NOTE, [key], heard_ms, int(stored), CONNECTION_S),
        )
        if held and known and not shown:
            self._run(_show(target, heard_ms))
        return bool(held and known)

    def silent(
        self, buckets: Sequence[int], heard_ms: int, asked_ms: int, most: int
    ) -> list[list[Silent]]:
        fields = (heard_ms, asked_ms, most)
        answers = self._run(
            *(evaluate(registry_scripts.SILENT, keys.bucket(each), *fields) for each in buckets)
        )
        return [
            [
                Silent(target_of(text), int(asked) if asked else None)
                for text, asked in zip(found[0::2], found[1::2], strict=True)
            ]
            for found in answers
        ]

    def note_asked(self, targets: Sequence[Target], heard_ms: int, asked_ms: int) -> None:
        fields = (heard_ms, asked_ms, BUCKET_S)
        members = [_member(target) for target in targets]
        self._run(evaluate(registry_scripts.ASKED, _bucket(targets[0].user_id), *fields, *members))

    def heard_ms(self, target: Target) -> int | None:
        score, noted = self._run(
            evaluate(registry_scripts.LAST_HEARD, _bucket(target.user_id), _member(target)),
            ("HGET", keys.connection(target.connection_id), "heard"),
        )
        return max(int(score), int(noted or 0)) if score is not None else None

    def online(self, users: Sequence[UserId]) -> Online:
        asked, commands = read_online(users)
        return online_of(asked, self._run(*commands))

    def online_in(self, room: LargeRoom) -> OnlineInRoom:
        answers = self._run(
            *(
                evaluate(
                    registry_scripts.ONLINE_IN,
                    [*keys.bucket(n), keys.room_members_in(n, room.version, room.room_id)],
                )
                for n in range(BUCKETS)
            )
        )
        found = [
            target
            for held in answers
            if held not in (0, 1)
            for each in held
            for target in _targets(each)
        ]
        cold = [number for number, held in enumerate(answers) if held == 0]
        return OnlineInRoom(found, cold, unfilled=1 in answers)

    def begin(self, bucket: int) -> str:
        fields = (self._ids.token(), BUCKET_S)
        (epoch,) = self._run(evaluate(registry_scripts.BEGIN, keys.bucket(bucket), *fields))
        return str(epoch)

    def vouch(self, bucket: int, epoch: str) -> bool:
        fields = (epoch, WARM_S, BUCKET_S)
        (vouched,) = self._run(evaluate(registry_scripts.VOUCH, keys.bucket(bucket), *fields))
        return bool(vouched)

    def keep_warm(self) -> list[BucketState]:
        answers = self._run(
            *(
                evaluate(registry_scripts.KEEP, keys.bucket(number), WARM_S, BUCKET_S)
                for number in range(BUCKETS)
            )
        )
        return [
            BucketState(number, bool(warm), int(connections))
            for number, (warm, connections) in enumerate(answers)
        ]

    def held(self, bucket: int, cursor: str) -> tuple[list[Target], str]:
        ((following, fields),) = self._run(
            ("HSCAN", keys.online(bucket), cursor or "0", "COUNT", _PAGE)
        )
        found = [
            target for name, text in fields.items() if _is_user(name) for target in _targets(text)
        ]
        return found, "" if str(following) == "0" else str(following)


def read_online(users: Sequence[UserId]) -> tuple[list[list[UserId]], list[Command]]:
    """Read the connections of users: the users that each command asks for, and the commands."""
    by_bucket: dict[int, list[UserId]] = {}
    for user_id in users:
        by_bucket.setdefault(user_bucket(user_id), []).append(user_id)
    commands = [
        evaluate(registry_scripts.ONLINE, keys.bucket(number), *asked)
        for number, asked in by_bucket.items()
    ]
    return list(by_bucket.values()), commands


def online_of(asked: Sequence[Sequence[UserId]], answers: Sequence[Any]) -> Online:
    """What the answers to `read_online` say."""
    found: list[Target] = []
    unknown: list[UserId] = []
    held: list[Target] = []
    for users, (is_warm, *devices) in zip(asked, answers, strict=True):
        targets = [target for each in devices for target in _targets(each)]
        if is_warm:
            found += targets
        else:
            unknown += users
            held += targets
    return Online(found, unknown, held)


def dump(target: Target) -> str:
    return json.dumps(target_to_json(target))


def target_of(text: str) -> Target:
    return target_from_json(json.loads(text))


def _targets(devices: str | None) -> list[Target]:
    """A user's connections, from their JSON by connection id."""
    return [target_of(text) for text in json.loads(devices).values()] if devices else []


def _is_user(field: str) -> bool:
    return field not in ("", registry_scripts.COUNT)


def _bucket(user_id: UserId) -> Sequence[str]:
    return keys.bucket(user_bucket(user_id))


def _member(target: Target) -> str:
    """The connection among those that are heard or asked; "" if it has a heartbeat."""
    return "" if target.has_heartbeat else json.dumps([target.user_id, target.connection_id])


def _register(connection: Connection, heard_ms: int) -> Sequence[Command]:
    target = connection.target
    user_id, device, text = target.user_id, target.connection_id, dump(target)
    heard = (_member(target), max(connection.last_ping_ms, heard_ms))
    return (
        evaluate(
            registry_scripts.REGISTER, _bucket(user_id), user_id, device, text, BUCKET_S, *heard
        ),
        _show(target, connection.last_ping_ms),
        *_remember(connection),
    )


def _show(target: Target, heard_ms: int) -> Command:
    shown = (f"c:{target.connection_id}", dump(target), heard_ms, ONLINE_S)
    return evaluate(registry_scripts.SHOW, [keys.user_online(target.user_id)], *shown)


def _remember(connection: Connection) -> tuple[Command, Command]:
    fields = {
        "user_id": connection.user_id,
        "rooms": json.dumps(list(connection.rooms)),
        "device_info": json.dumps(dict(connection.device_info)),
        "target": dump(connection.target),
        "roles": json.dumps(list(connection.roles)),
        "expires_at": connection.expires_at_s,
        "connected_at": connection.connected_at_ms,
        "last_ping": connection.last_ping_ms,
    }
    key = keys.connection(connection.connection_id)
    flat = (each for pair in fields.items() for each in pair)
    return ("HSET", key, *flat), ("EXPIRE", key, CONNECTION_S)
