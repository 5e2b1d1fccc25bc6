"""Log lines for people and for programs."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator

import pytest
from chalice import Chalice

from chalicelib.kernel import telemetry
from workbench.stack import logs

TIME = r"\d\d:\d\d:\d\d"


@pytest.fixture(autouse=True)
def loggers() -> Iterator[None]:
    """As they were, afterwards."""
    names = ("chalicelib", "tidings", "tidings.stack")
    before = {name: (list(logging.getLogger(name).handlers), name) for name in names}
    root_level = logging.getLogger().level
    logging.getLogger("chalicelib").setLevel("INFO")
    yield
    logging.getLogger().setLevel(root_level)
    for name, (handlers, _) in before.items():
        logging.getLogger(name).handlers = handlers
        logging.getLogger(name).propagate = True


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_line_of_one_of_several_regions_says_so() -> None:
    out = io.StringIO()
    logs.configure("text", out, region="eu-west-1")
    telemetry.log("INFO", "connected")
    assert re.match(rf"eu-west-1 {TIME} INFO    connected", out.getvalue())


def test_a_line_for_people() -> None:
    out = io.StringIO()
    logs.configure("text", out)
    with telemetry.context(request_id="r1"):
        telemetry.log("WARNING", "slow", room_id="a b", ms=3, text="x\x1b[2J", none=None)
    expected = (
        rf'{TIME} WARNING slow request_id=r1 room_id="a b" ms=3 text="x\\u001b\[2J" none=null'
    )
    assert re.fullmatch(expected, out.getvalue().strip())


def test_metrics_show_their_values_only() -> None:
    out = io.StringIO()
    logs.configure("text", out)
    telemetry.measure("delivered", 0, posts=2)
    assert re.fullmatch(rf"{TIME} INFO    delivered posts=2", out.getvalue().strip())


def test_colour_on_a_terminal_only() -> None:
    out = Terminal()
    logs.configure("text", out)
    telemetry.log("ERROR", "broke")
    assert "\x1b[31mERROR" in out.getvalue()


def test_a_fault_of_the_workbench_has_its_traceback() -> None:
    for format in ("text", "json"):
        out = io.StringIO()
        logs.configure(format, out)
        try:
            raise ValueError("why")
        except ValueError:
            logging.getLogger("tidings.stack").exception("%s raised", "deliver")
        assert "deliver raised" in out.getvalue()
        assert "ValueError: why" in out.getvalue()


def test_what_chalice_does_with_the_app_s_logger_hides_and_repeats_nothing() -> None:
    out = io.StringIO()
    logs.configure("text", out)
    Chalice(app_name="tidings")
    logging.getLogger("tidings.stack").warning("a pump has failed")
    assert out.getvalue().count("a pump has failed") == 1


def test_json_is_what_it_is_on_aws() -> None:
    logging.getLogger().setLevel(logging.CRITICAL)  # as a library may set it
    out = io.StringIO()
    logs.configure("json", out)
    telemetry.log("INFO", "frame", action="hello")
    logging.getLogger("tidings.stack").warning("new code does not load")
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert lines == [
        {"level": "INFO", "event": "frame", "action": "hello"},
        {"level": "WARNING", "event": "new code does not load"},
    ]
