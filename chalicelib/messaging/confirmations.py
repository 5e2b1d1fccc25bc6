"""Delivery receipts: devices are asked to confirm messages whose senders want a receipt.

Only in rooms of up to `RECEIPTS_UP_TO` members, and only over protocols that have acks. A request
that gets lost is not repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..contract.events import DeliveryReceipt
from ..kernel import ids, telemetry
from ..kernel.errors import CacheDown
from ..model.connections import Target
from ..model.log import Entry
from ..ports.receipts import AckNumbers
from .fanout import asked, posts_for
from .posting import Posting

RECEIPTS_UP_TO = 100


class Confirmations:
    def __init__(self, posting: Posting, numbers: AckNumbers) -> None:
        self._posting = posting
        self._numbers = numbers

    def expected(self, entries: list[Entry], members: int) -> list[Entry]:
        """Call `expect` and return the entries as sent: without receipts in large rooms."""
        if not any(entry.delivery_receipt for entry in entries):
            return entries
        if members > RECEIPTS_UP_TO:
            return [replace(entry, delivery_receipt=False) for entry in entries]
        self.expect(entries)
        return entries

    def expect(self, entries: Sequence[Entry]) -> None:
        """Remember for an hour which messages the coming acks confirm."""
        expected = {
            ids.ack_id(entry.room_id, entry.message_id): (entry.room_id, entry.message_id)
            for entry in entries
            if entry.delivery_receipt
        }
        try:
            if expected:
                self._numbers.expect_acks(expected)
        except CacheDown:
            telemetry.log("WARNING", "acks_not_expected")

    def ask(self, entry: Entry, targets: Iterable[Target], within_ms: int | None = None) -> None:
        """Ask the connections to which a message was posted to confirm it.

        The request is a separate event: a client that can recover does not keep the offset of an
        event that asks for an ack.
        """
        receivers = [target for target in targets if asked(entry, target)]
        if receivers:
            request = DeliveryReceipt(entry.room_id, entry.message_id)
            self._posting.post(posts_for(request, receivers, entry.room_id), within_ms)
