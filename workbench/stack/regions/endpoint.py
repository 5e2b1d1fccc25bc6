"""A replica of global tables as others reach it; see `replica`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from operate.keys import Keys

from ..signed import NoAnswer, SignedCalls
from .changes import Change
from .replica import APPLY, CHANGES, STREAM

_PATIENCE_S = 30.0


class ReplicaError(Exception):
    """It refused or did not answer."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Changes, oldest first.

    Attributes:
        next: The number to ask after next time.
    """

    next: int
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Records:
    """Records of a table's stream as Lambda passes them on, oldest first.

    Attributes:
        stream: Its ARN; an emulator that was started again has another one.
        next: The number to ask after next time.
        missed: How many before these were not seen and are not kept any more.
    """

    stream: str
    next: int
    missed: int
    records: tuple[Mapping[str, Any], ...]


class ReplicaEndpoint:
    """Signed calls to the replica in an emulator."""

    def __init__(self, endpoint_url: str, region: str, keys: Keys) -> None:
        self._calls = SignedCalls(endpoint_url, "dynamodb", region, keys)

    async def changes(self, after: int | None, wait_s: float = 0.0) -> Batch:
        """What was written since; everything there is when `after` is None.

        Raises:
            ReplicaError: There is no answer.
        """
        answer = await self._ask(CHANGES, {"after": after, "wait_s": wait_s}, wait_s)
        return Batch(answer["next"], tuple(map(Change.from_json, answer["changes"])))

    async def apply(self, changes: Sequence[Change]) -> int:
        """Write what wins; how many of them did.

        Raises:
            ReplicaError: There is no answer; some of them may have been written.
        """
        answer = await self._ask(APPLY, {"changes": [each.as_json() for each in changes]}, 0.0)
        return int(answer["applied"])

    async def stream(
        self, table: str, stream: str | None, after: int, *, most: int, wait_s: float
    ) -> Records:
        """What others have written to a table, after that record of that stream.

        Raises:
            ReplicaError: There is no answer.
        """
        request = {"table": table, "stream": stream, "after": after, "most": most}
        answer = await self._ask(STREAM, {**request, "wait_s": wait_s}, wait_s)
        records = tuple(answer["records"])
        return Records(answer["stream"], answer["next"], answer["missed"], records)

    async def close(self) -> None:
        await self._calls.close()

    async def _ask(self, path: str, request: Mapping[str, Any], wait_s: float) -> Any:
        headers = {"Content-Type": "application/json"}
        body = json.dumps(request).encode()
        try:
            answer = await self._calls.post(path, body, headers, wait_s + _PATIENCE_S)
        except (NoAnswer, TimeoutError) as fault:
            raise ReplicaError(f"{type(fault).__name__}: {fault}") from fault
        if answer.status != 200:
            raise ReplicaError(f"{answer.status} {answer.body[:300].decode(errors='replace')}")
        return json.loads(answer.body)
