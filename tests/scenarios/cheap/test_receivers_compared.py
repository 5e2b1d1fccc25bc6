"""The comparison of receivers, `workbench.load.stock_clients`, counts the whole of each message."""

from __future__ import annotations

from dataclasses import replace

from workbench.load.stock_clients import Measurement, table
from workbench.load.twins import NONE


def test_every_receiver_is_posted_to_and_everything_is_counted() -> None:
    # The worker comes when the sender has delivered: it does not have to wait for it.
    measured = Measurement(4, replace(NONE, receive_s=0.3))
    measured.run(messages=3, workers=2)
    for kind in measured.kinds.values():
        assert len(kind.latencies_s) == kind.counts["messages"] == 3
        assert kind.counts["posts"] == 3 * 4
        assert kind.counts["dynamodb calls"] == 3 * 3, "a commit, and the cursor read and moved"
    json = measured.kinds["JSON"].counts
    assert (json["queue messages"], json["queue requests"], json["redis trips"]) == (3, 9, 12)
    assert "| posts | 4 | 4 | 1.00 |" in table(measured.kinds, 4)
