"""Delivery receipts: devices are asked to confirm messages whose senders want to know.

Only in rooms of up to `RECEIPTS_UP_TO` members, and only over protocols that have acks. A question
that gets lost is not asked again.
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
        """The entries as they are sent, after `expect`: in a large room nobody is asked."""
        if not any(entry.delivery_receipt for entry in entries):
            return entries
        if members > RECEIPTS_UP_TO:
            return [replace(entry, delivery_receipt=False) for entry in entries]
        self.expect(entries)
        return entries

    def expect(self, entries: Sequence[Entry]) -> None:
        """Remember, for an hour, which messages the acks to come will confirm."""
        wanted = {
            ids.ack_id(entry.room_id, entry.message_id): (entry.room_id, entry.message_id)
            for entry in entries
            if entry.delivery_receipt
        }
        try:
            if wanted:
                self._numbers.expect_acks(wanted)
        except CacheDown:
            telemetry.log("WARNING", "acks_not_expected")

    def ask(self, entry: Entry, targets: Iterable[Target]) -> None:
        """Ask connections that were posted a message to confirm it.

        This is an event of its own: a client that recovers does not keep the offset of an event
        that asks for an ack.
        """
        told = [target for target in targets if asked(entry, target)]
        if told:
            question = DeliveryReceipt(entry.room_id, entry.message_id)
            self._posting.post(posts_for(question, told))
