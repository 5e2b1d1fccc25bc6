"""What a message to a large room costs: counted by `workbench.load.parts`."""

from __future__ import annotations

import pytest

from chalicelib.messaging.fanout import PARTS
from workbench.load.parts import measure


@pytest.mark.parametrize("connected", [600, 1_200])
def test_a_message_in_parts_costs_its_posts_and_its_parts(connected: int) -> None:
    counts = measure(1_200, connected, 60_000) if connected > 600 else measure(700, 600, 200)
    assert counts["posts"] == connected
    assert counts["SQS jobs"] == PARTS
    assert counts["DynamoDB cursors.advance"] == PARTS + 1
    assert counts["DynamoDB cursors.parts"] == PARTS
    assert counts["DynamoDB cursors.get"] == 1
    assert not [name for name in counts if name.startswith("DynamoDB") and "cursors" not in name]
    # The lease of the stream, taken and given up; who is in the part, who of them is connected.
    assert counts["Redis trips"] <= 2 * PARTS + 3
    assert counts["members read"] <= 1_200, "by a process: once"
    assert counts["largest job"] < (61_000 if connected > 600 else 1_000), "no targets"
