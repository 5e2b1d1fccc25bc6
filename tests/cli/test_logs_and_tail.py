"""`tidings logs` and `tidings tail` against a stack that runs here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.support.waiting import until
from workbench.cli.main import app
from workbench.stack import running

CLI = [sys.executable, "-m", "workbench.cli.main"]
pytestmark = pytest.mark.timeout(120)


class Here:
    """The commands beside a stack of its own."""

    def __init__(self, home: Path) -> None:
        self._home = {"TIDINGS_HOME": str(home)}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*CLI, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **self._home},
            # A shell ignores SIGINT for commands started with `&`, and children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        done = CliRunner().invoke(app, arguments, env=self._home)
        return done.exit_code, done.stdout, done.stderr

    def lines(self, *options: str) -> list[dict[str, Any]]:
        code, out, err = self.run("logs", "--json", *options)
        assert (code, err) == (0, "")
        return [json.loads(line) for line in out.splitlines()]


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """End it with Ctrl-C."""
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    home = tmp_path_factory.mktemp("home")
    here = Here(home)
    with ended(here.start("up", "--port", "0", "--stores", "memory")):
        until(lambda: running.find(home) is not None)
        assert here.run("room", "create", "carol", "tea", "dave")[0] == 0
        yield here


def test_lines_are_found_by_request_function_and_user(here: Here) -> None:
    assert here.run("send", "carol", "tea", "hello")[0] == 0
    (sent,) = here.lines("--event", "request", "--function", "api_handler")[-1:]
    assert sent["endpoint"] == "post_message"
    assert [line["request_id"] for line in here.lines("--request", sent["request_id"])] == [
        sent["request_id"]
    ]
    assert here.lines("--function", "websocket_connect") == []
    with ended(here.start("tail", "tea", "--user", "dave")):
        until(lambda: bool(here.lines("--user", "dave")))
    until(lambda: len(here.lines("--user", "dave")) > 1)
    first, *more = here.lines("--user", "dave")
    assert (first["event"], first["user_id"]) == ("connected", "dave")
    assert {line["connection_id"] for line in more} == {first["connection_id"]}
    assert here.lines("--user", "nobody") == []


def test_lines_are_shown_as_they_come(here: Here) -> None:
    with ended(here.start("logs", "--follow", "--event", "request_refused")) as following:
        assert following.stdout is not None
        for _ in range(2):  # the first may have been there, the second is new
            assert here.run("send", "eve", "tea", "not a member")[0] == 1
            line = following.stdout.readline()
            assert "INFO    request_refused" in line
            assert "endpoint=post_message" in line


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--since", "soon"), "write for example 30s, 15m"),
        (("--level", "LOUD"), "write one of DEBUG"),
        (("--function", "nothing"), "no function is called nothing"),
    ],
)
def test_wrong_options_say_what_is_right(here: Here, options: tuple[str, ...], said: str) -> None:
    code, out, err = here.run("logs", *options)
    assert (code, out) == (2, "")
    assert said in err


def test_a_member_sees_what_comes_and_what_was(here: Here) -> None:
    assert here.run("send", "carol", "tea", "before")[0] == 0
    tail = here.start("tail", "tea", "--user", "dave", "--last", "1", "--count", "2", "--json")
    assert tail.stdout is not None
    first = json.loads(tail.stdout.readline())
    assert (first["event"], first["data"]["content"]) == ("message_received", "before")
    assert here.run("send", "carol", "tea", "after\x1b[2J")[0] == 0
    out, err = tail.communicate(timeout=60)
    assert (tail.returncode, err) == (0, "")
    (second,) = map(json.loads, out.splitlines())
    assert second["data"]["content"] == "after\x1b[2J"
    code, out, _ = here.run("tail", "tea", "--user", "dave", "--last", "1", "--count", "1")
    assert code == 0
    assert "carol after\\x1b[2J" in out, "harmless on a terminal"


def test_the_status_counts_who_is_connected(here: Here) -> None:
    def connections() -> int:
        code, out, _ = here.run("status", "--json")
        assert code == 0
        return int(json.loads(out)["regions"][0]["connections"])

    before = connections()
    with ended(here.start("tail", "tea", "--user", "dave")):
        until(lambda: connections() == before + 1)
    until(lambda: connections() == before)


def test_a_member_s_token_does_and_one_of_somebody_else_does_not(here: Here) -> None:
    _, token, _ = here.run("token", "dave")
    options = ("--last", "1", "--count", "1")
    assert here.run("tail", "tea", "--token", token.strip(), *options)[0] == 0
    for role in ((), ("--role", "admin"), ("--role", "service")):
        _, token, _ = here.run("token", "eve", *role)
        code, out, err = here.run("tail", "tea", "--token", token.strip(), *options)
        assert (code, out) == (1, "")
        assert "tea may not be read" in err


def test_nobody_s_eyes_are_asked_wrongly(here: Here) -> None:
    code, _, err = here.run("tail", "tea")
    assert code == 2
    assert "messages are for members only" in err
