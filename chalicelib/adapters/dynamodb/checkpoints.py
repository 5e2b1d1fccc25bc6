"""Checkpoints: one item each, which expires after a week."""

from __future__ import annotations

from typing import Any

from ...model.identifiers import Region, RoomId, UserId
from ...model.sessions import MOST_USES, Checkpoint
from .table import Table, n, s, text

_KEPT_S = 7 * 86_400


class DynamoCheckpointStore:
    def __init__(self, client: Any, prefix: str) -> None:
        self._table = Table(client, f"{prefix}-checkpoints")

    def put(self, checkpoint: Checkpoint, now_ms: int) -> None:
        seen = {f"{room}:{region}": n(seq) for (room, region), seq in checkpoint.seen.items()}
        self._table.put(
            {
                "checkpoint_id": s(checkpoint.checkpoint_id),
                "pid": s(checkpoint.pid),
                "sid": s(checkpoint.sid),
                "user_id": s(checkpoint.user_id),
                "protocol": s(checkpoint.protocol),
                "seen": {"M": seen},
                "ttl": n(now_ms // 1000 + _KEPT_S),
            }
        )

    def get(self, checkpoint_id: str) -> Checkpoint | None:
        item = self._table.get({"checkpoint_id": s(checkpoint_id)})
        if item is None:
            return None
        seen = {}
        for name, seq in item["seen"]["M"].items():
            room, region = name.split(":")
            seen[RoomId(room), Region(region)] = int(seq["N"])
        return Checkpoint(
            checkpoint_id=checkpoint_id,
            pid=text(item, "pid"),
            sid=text(item, "sid"),
            user_id=UserId(text(item, "user_id")),
            protocol=text(item, "protocol"),
            seen=seen,
        )

    def use(self, checkpoint_id: str, offset: str) -> bool:
        answer = self._table.update(
            {"checkpoint_id": s(checkpoint_id)},
            "ADD used :offsets",
            {":offsets": {"SS": [offset]}, ":offset": s(offset), ":most": n(MOST_USES)},
            ConditionExpression="attribute_exists(pid) AND NOT contains(used, :offset)"
            " AND (attribute_not_exists(used) OR size(used) < :most)",
        )
        return answer is not None
