"""The delays of jobs that look at a change after it was asked for."""

from __future__ import annotations

import json

from chalicelib.connections.lifetime import MOST_DELAY_S
from chalicelib.membership.invalidation import CHECK_AGAIN_S, CHECK_S
from tests.support.paths import ROOT


def test_the_last_look_comes_when_no_writer_is_left() -> None:
    config = json.loads((ROOT / ".chalice" / "config.json").read_text())
    functions = config["stages"]["prod"]["lambda_functions"]
    longest_s = max(
        functions[name]["lambda_timeout"] for name in ("api_handler", "websocket_message")
    )
    assert longest_s < CHECK_S + CHECK_AGAIN_S[0]
    assert max(CHECK_S, *CHECK_AGAIN_S) <= MOST_DELAY_S
