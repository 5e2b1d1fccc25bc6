"""Engine.IO sessions in Redis: see `ports.EngineSessions`."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ...kernel.errors import Conflict, NotFound, TooLarge
from ...kernel.records import target_from_json, target_to_json
from ...model.access import Charge, Paid
from ...model.connections import Target
from ...model.identifiers import ConnectionId, UserId
from ...model.sessions import (
    MAX_FRAMES,
    MAX_FRAMES_BYTES,
    MAX_PARTS,
    MAX_PARTS_BYTES,
    End,
    EngineSession,
    PacketPart,
)
from . import keys
from . import session_scripts as scripts
from .buckets import paid, spend
from .client import Command, RedisClient, evaluate
from .keys import PARTS_S, POLLING_S, SESSION_S

# A socket's timeout is one second, so a poll waits in steps shorter than that. An upgrade is known
# for longer than the job of a process that died waits (120 s).
LONGEST_WAIT_S, UPGRADED_S, STALLED_MS = 0.8, 200, 10_000


class RedisSessions:
    def __init__(self, client: RedisClient) -> None:
        self._run, self._wait = client.run, client.wait

    def open(self, session: EngineSession) -> None:
        key = keys.engine(session.target.connection_id)
        fields = {
            "target": json.dumps(target_to_json(session.target)),
            "device_info": json.dumps(dict(session.device_info)),
            "user_id": session.user_id or "",
            "expires_at": session.expires_at_s,
            "roles": json.dumps(list(session.roles)),
            "ping": session.ping_ms,
            "pong": session.pong_ms,
            "upgrades": session.upgrades or "",
            "probed": session.probed_ms,
            "recovers": "1" if session.recovers else "",
            "may_recover": "1" if session.may_recover else "",
            "began": session.began or "",
            **{f"ns:{namespace}": "1" for namespace in session.namespaces},
        }
        flat = (each for pair in fields.items() for each in pair)
        self._run(("HSET", key, *flat), ("EXPIRE", key, SESSION_S))

    def get(self, sid: ConnectionId) -> EngineSession | None:
        (flat,) = self._run(evaluate(scripts.LOOK, _keys(sid)))
        return _session(_fields(flat))

    def pay(
        self, sid: ConnectionId, charge: Charge, *, named: bool = False
    ) -> tuple[EngineSession | None, Paid]:
        only_with = [keys.engine(sid)] if named else []
        answer, flat = self._run(
            spend(keys.engine_limits(sid), charge, *only_with),
            evaluate(scripts.LOOK, _keys(sid)),
        )
        return _session(_fields(flat)), paid(answer)

    def ping(self, sid: ConnectionId, before_ms: int, now_ms: int) -> bool:
        (done,) = self._run(evaluate(scripts.PING, [keys.engine(sid)], before_ms, now_ms))
        return bool(done)

    def pong(self, sid: ConnectionId, now_ms: int) -> EngineSession | None:
        (flat,) = self._run(evaluate(scripts.PONG, _keys(sid), now_ms, SESSION_S))
        return _session(_fields(flat))

    def connect(self, sid: ConnectionId, namespace: str) -> bool:
        (noted,) = self._run(evaluate(scripts.CONNECT, _keys(sid), f"ns:{namespace}"))
        return bool(noted)

    def disconnect(self, sid: ConnectionId, namespace: str) -> None:
        self._run(("HDEL", keys.engine(sid), f"ns:{namespace}"))

    def gather(self, sid: ConnectionId, at_ms: int | None, part: str) -> list[PacketPart]:
        at = at_ms if at_ms is not None else ""
        wanted = "" if part.startswith("b") else part[1:].partition("-")[0]
        limits = PARTS_S, MAX_PARTS, MAX_PARTS_BYTES
        (found,) = self._run(
            evaluate(scripts.GATHER, [keys.engine_parts(sid)], at, wanted, part, *limits), once=True
        )
        if found == "full":
            raise TooLarge("attachments: too much of incomplete packets waits")
        return [_part(each) for each in found]

    def gathered(self, sid: ConnectionId) -> list[PacketPart]:
        (found,) = self._run(evaluate(scripts.WAITING, [keys.engine_parts(sid)]))
        return [_part(each) for each in found]

    def hand_out(self, sid: ConnectionId, parts: Sequence[PacketPart]) -> list[str] | None:
        numbers = [part.number for part in parts]
        (texts,) = self._run(
            evaluate(scripts.HAND_OUT, [keys.engine_parts(sid)], *numbers), once=True
        )
        return list(texts) if texts else None

    def close(self, sid: ConnectionId, end: End = End.SERVER) -> None:
        self._run(evaluate(scripts.CLOSE, _keys(sid), end.value), _no_longer_polling(sid))

    def farewell(self, sid: ConnectionId) -> bool:
        (had,) = self._run(evaluate(scripts.FAREWELL, _keys(sid), End.CLIENT.value))
        return bool(had)

    def push(self, sid: ConnectionId, frames: Sequence[str]) -> Target | bool:
        limits = MAX_FRAMES, MAX_FRAMES_BYTES
        (kept,) = self._run(evaluate(scripts.PUSH, _keys(sid), *limits, *frames), once=True)
        return target_from_json(json.loads(kept)) if isinstance(kept, str) else bool(kept)

    def poll(self, sid: ConnectionId, poll: str, until_ms: int, now_ms: int) -> int:
        counted = keys.engine_polling(), sid, now_ms, until_ms, POLLING_S
        begun, polling = self._run(
            evaluate(scripts.POLL, _keys(sid), poll, until_ms, now_ms),
            evaluate(scripts.POLLING, counted[:1], *counted[1:]),
            once=True,
        )
        if begun < 0:
            raise NotFound("the session does not exist or has ended; open a new one")
        return int(polling) if begun else 0

    def take(self, sid: ConnectionId, poll: str) -> list[str] | None:
        (frames,) = self._run(evaluate(scripts.TAKE, _keys(sid), poll), once=True)
        return list(frames) if frames else None

    def wait(self, sid: ConnectionId, seconds: float) -> None:
        self._wait(keys.engine_bell(sid), min(seconds, LONGEST_WAIT_S))

    def probe(self, sid: ConnectionId, now_ms: int) -> None:
        found = scripts.PROBE if now_ms else scripts.PROBE_ENDED
        self._run(evaluate(found, _keys(sid), now_ms))

    def drain(self, sid: ConnectionId, to: Target, mover: str, now_ms: int) -> EngineSession | None:
        fields = json.dumps(target_to_json(to)), mover, now_ms, STALLED_MS
        flat, _ = self._run(evaluate(scripts.DRAIN, _keys(sid), *fields), _no_longer_polling(sid))
        if flat == "busy":
            raise Conflict("another worker is moving this session's frames")
        return _session(_fields(flat))

    def queued(self, sid: ConnectionId, mover: str, done: int, now_ms: int) -> list[str] | None:
        (frames,) = self._run(
            evaluate(scripts.QUEUED, _keys(sid), done, UPGRADED_S, mover, now_ms), once=True
        )
        return list(frames) if frames is not None else None


def _part(text: str) -> PacketPart:
    number, at, wanted = text.split("|")
    return PacketPart(int(number), int(at), int(wanted) if wanted else None)


def _fields(flat: list[str]) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _no_longer_polling(sid: ConnectionId) -> Command:
    return "ZREM", keys.engine_polling(), sid


def _keys(sid: ConnectionId) -> list[str]:
    return [
        keys.engine(sid),
        keys.engine_write_buffer(sid),
        keys.engine_bell(sid),
        keys.engine_farewell(sid),
        keys.engine_parts(sid),
    ]


def _session(fields: dict[str, str]) -> EngineSession | None:
    if "target" not in fields:
        return None
    return EngineSession(
        target=target_from_json(json.loads(fields["target"])),
        device_info=json.loads(fields["device_info"]),
        user_id=UserId(fields["user_id"]) if fields["user_id"] else None,
        expires_at_s=int(fields["expires_at"]),
        roles=tuple(json.loads(fields["roles"])),
        ping_ms=int(fields["ping"]),
        pong_ms=int(fields["pong"]),
        probed_ms=int(fields["probed"]),
        recovers=bool(fields["recovers"]),
        may_recover=bool(fields.get("may_recover")),
        upgrades=ConnectionId(fields["upgrades"]) if fields["upgrades"] else None,
        began=ConnectionId(fields["began"]) if fields.get("began") else None,
        namespaces=frozenset(name[3:] for name in fields if name.startswith("ns:")),
    )
