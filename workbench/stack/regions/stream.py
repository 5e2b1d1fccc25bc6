"""A table's stream in one region, as DynamoDB Streams shows a replica: what others have written.

A stream on AWS has all of the region's own writes, too. Of them, this one has only new entries: the
event source mappings of Tidings leave the rest out.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ..records import ACCOUNT
from .changes import Attributes, ItemKey
from .numbered import Numbered

_KEPT = 100_000  # records; on AWS, those of 24 hours
_NUMBER_DIGITS = 21
_VIEW = "NEW_AND_OLD_IMAGES"


@dataclass(frozen=True, slots=True)
class _Write:
    number: int
    at_s: int
    place: ItemKey
    before: Attributes | None
    after: Attributes | None


class TableStream:
    """What was written to one table, oldest first, since the emulator has started."""

    def __init__(
        self, table: str, region: str, now_ns: Callable[[], int], kept: int = _KEPT
    ) -> None:
        label = datetime.fromtimestamp(now_ns() / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
        self.arn = f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/{table}/stream/{label}"
        self._region = region
        self._now_ns = now_ns
        self._writes: Numbered[_Write] = Numbered(kept)

    def add(self, place: ItemKey, before: Attributes | None, after: Attributes | None) -> None:
        """Note a write; one that has changed nothing has no record, as on AWS."""
        if before != after:
            at_s = self._now_ns() // 1_000_000_000
            self._writes.append(_Write(self._writes.end + 1, at_s, place, before, after))

    async def read(self, arn: str | None, after: int, most: int, wait_s: float) -> dict[str, Any]:
        """Answer with the next records; of another stream than `arn`, with the oldest.

        `missed` is how many records are no longer kept that the reader has not seen.
        """
        if arn != self.arn:
            after = 0
        if after >= self._writes.end:
            await self._writes.wait(wait_s)
        start = max(after, self._writes.start)
        found = self._writes.after(start, most)
        return {
            "stream": self.arn,
            "next": start + len(found),
            "missed": start - after,
            "records": [self._record(each) for each in found],
        }

    def _record(self, write: _Write) -> dict[str, Any]:
        """As Lambda passes it on.

        https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html
        """
        images = {"NewImage": write.after, "OldImage": write.before}
        data = {
            "ApproximateCreationDateTime": write.at_s,
            "Keys": write.place.attributes,
            **{name: image for name, image in images.items() if image is not None},
        }
        return {
            "eventID": f"{write.number:032x}",
            "eventName": _name(write),
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": self._region,
            "dynamodb": {
                **data,
                "SequenceNumber": f"{write.number:0{_NUMBER_DIGITS}d}",
                "SizeBytes": len(json.dumps(data)),
                "StreamViewType": _VIEW,
            },
            "eventSourceARN": self.arn,
        }


def _name(write: _Write) -> str:
    if write.after is None:
        return "REMOVE"
    return "INSERT" if write.before is None else "MODIFY"
