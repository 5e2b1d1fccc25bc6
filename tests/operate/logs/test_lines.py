"""Which lines are wanted, in this process and in CloudWatch's words."""

from __future__ import annotations

import json

import pytest

from operate.logs.lines import Line, Wanted, parsed


def line(**fields: object) -> Line:
    return Line(0, {"level": "INFO", "event": "frame", **fields})


@pytest.mark.parametrize(
    ("wanted", "yes", "no"),
    [
        (Wanted(), {}, None),
        (Wanted(request="r1="), {"request_id": "r1="}, {"request_id": "r2="}),
        (Wanted(connection="c1="), {"connection_id": "c1="}, {}),
        (Wanted(room="tea"), {"room_id": "tea"}, {"room_id": "teapot"}),
        (Wanted(event="jobs"), {"event": "jobs"}, {"event": "frame"}),
        (Wanted(level="WARNING"), {"level": "ERROR"}, {"level": "INFO"}),
        (
            Wanted(room="tea", level="ERROR"),
            {"room_id": "tea", "level": "ERROR"},
            {"room_id": "tea"},
        ),
    ],
)
def test_a_line_has_every_value_that_is_given(
    wanted: Wanted, yes: dict[str, object], no: dict[str, object] | None
) -> None:
    assert wanted.takes(line(**yes))
    assert no is None or not wanted.takes(line(**no))


def test_a_user_s_lines_are_those_of_their_connections() -> None:
    wanted = Wanted(user="alice")
    assert not wanted.takes(line(connection_id="c1="))
    assert wanted.takes(line(event="connected", user_id="alice", connection_id="c1="))
    assert not wanted.takes(line(event="connected", user_id="bob", connection_id="c2="))
    assert wanted.takes(line(connection_id="c1="))
    assert not wanted.takes(line(connection_id="c2="))
    assert not wanted.takes(line())


def test_cloudwatch_is_asked_for_the_same() -> None:
    assert Wanted().pattern() == ""
    assert Wanted(request='a"b').pattern() == '{ ($.request_id = "a\\"b") }'
    both = Wanted(room="tea", level="ERROR").pattern()
    assert both == '{ ($.room_id = "tea") && ($.level = "ERROR" || $.level = "CRITICAL") }'
    of_user = Wanted(user="alice", connections={"c1=", "c2="}).pattern()
    assert of_user == (
        '{ ($.user_id = "alice" || $.connection_id = "c1=" || $.connection_id = "c2=") }'
    )


def test_a_line_of_a_local_stack_has_its_time_in_it() -> None:
    text = '{"time": "2026-11-30T10:00:00.123Z", "level": "INFO", "event": "frame"}'
    read = parsed(text, 5)
    assert (read.at_ms, dict(read.fields)) == (1796032800123, {"level": "INFO", "event": "frame"})
    assert json.loads(read.as_json()) == json.loads(text)
    assert parsed("START RequestId: 1\n", 5) == Line(5, {"event": "START RequestId: 1"})
    assert parsed('{"time": "yesterday"}', 5) == Line(5, {"time": "yesterday"})
    assert parsed("[1]", 5).fields == {"event": "[1]"}
