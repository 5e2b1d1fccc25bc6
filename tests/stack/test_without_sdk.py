"""A message is handled without AWS's SDK: its import alone would take half of a cold start."""

from __future__ import annotations

from workbench.load.send_cpu import run
from workbench.stack.embedded import EmbeddedStack
from workbench.stack.threads import in_thread


def test_a_message_is_handled_without_the_sdk() -> None:
    with in_thread(EmbeddedStack(port=0)) as stack:
        own = run(stack, "own", 1)
        assert own["sdk_modules"] == 0
        assert run(stack, "botocore", 1)["sdk_modules"] > 20, "the measure sees it"
