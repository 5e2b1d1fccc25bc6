"""`tidings chat` and `tidings dead` as processes, against a whole stack."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.people import WAIT_S, People, name
from tests.support.stacks import Stack
from workbench.stack.clients import client

CLI = [sys.executable, "-m", "workbench.cli.main"]


def tidings(*arguments: str, text: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CLI, *arguments],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **env},
    )


def test_piped_lines_are_sent_and_acked_before_the_end(people: People, stack: Stack) -> None:
    user, reader, room = name("pat"), name("rita"), name("room")
    text = "\n".join(["one", "two\x1b[2Jescape\u202e", "three", "/delete"])
    done = tidings("chat", user, room, "--url", stack.url, text=text)
    assert (done.returncode, done.stderr) == (0, "")
    status, _ = people.http("GET", f"/v1/rooms/{room}", token=people.token(user))
    assert status == 200
    path = f"/v1/rooms/{room}/messages"
    _, history = people.http("GET", path, token=people.token(user))
    contents = [message["content"] for message in history["messages"]]
    assert contents == ["one", "two\x1b[2Jescape\u202e", None]
    done = tidings("chat", reader, room, "--url", stack.url)
    assert "one" in done.stdout
    assert "two\\x1b[2Jescape\\u202e" in done.stdout, "made harmless"
    assert "\x1b[2J" not in done.stdout
    assert "(deleted)" in done.stdout


def test_without_any_input_it_ends(stack: Stack) -> None:
    command = [*CLI, "chat", name("nora"), name("room"), "--url", stack.url]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, timeout=60, check=False)
    assert done.returncode == 0


def test_without_a_stack_it_says_so() -> None:
    done = tidings("chat", "nora", "room", "--url", "http://127.0.0.1:9")
    assert done.returncode == 1
    assert "nothing answers at http://127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr


@contextmanager
def terminal(*arguments: str) -> Iterator[tuple[Callable[[str], None], Callable[[str], str]]]:
    """A command on a terminal: what types into it, and what waits for a text on it."""
    ours, theirs = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
    process = subprocess.Popen(
        [*CLI, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=env
    )
    os.close(theirs)
    shown = ""

    def types(text: str) -> None:
        os.write(ours, text.encode())

    def until(text: str) -> str:
        nonlocal shown
        while text not in shown:
            shown += os.read(ours, 4096).decode(errors="replace")
        return shown

    try:
        yield types, until
    finally:
        process.terminate()
        process.wait(WAIT_S)
        os.close(ours)


@pytest.mark.timeout(90)
def test_on_a_terminal_others_see_the_user_typing(people: People, stack: Stack) -> None:
    user, other = name("terry"), name("olga")
    room = people.room(user, other)
    listener = people.device(other)
    listener.act("join_room", room_id=room)
    with terminal("chat", user, room, "--url", stack.url) as (types, until):
        until(f"{user} in {room}")
        types("hel")
        listener.wait("typing", lambda data: data["user_id"] == user and data["is_typing"])
        types("lo\r")
        listener.wait("message_received", lambda data: data["content"] == "hello")
        listener.wait("typing", lambda data: not data["is_typing"])
        listener.say(room, "hello yourself")
        until("hello yourself")
        types("/quit\r")


def letters(stack: Stack, count: int, group: str) -> Any:
    sqs = client("sqs", stack.aws_endpoint_url, "us-east-1", stack.keys)
    for number in range(count):
        sqs.send_message(
            QueueUrl=stack.queue_urls["delivery-dead"],
            MessageBody=json.dumps({"kind": "entry", "number": number}),
            MessageGroupId=group,
            MessageDeduplicationId=f"{group}{number}",
        )
    return sqs


def dead(stack: Stack, *arguments: str, text: str = "") -> Any:
    where = ["--endpoint-url", stack.aws_endpoint_url, "--region", "us-east-1"]
    return tidings("dead", *where, *arguments, text=text, **stack.keys.variables())


def test_dead_letters_are_listed_shown_redriven_and_purged(stack: Stack) -> None:
    assert dead(stack, "purge", "--yes").returncode == 0
    group = name("group")
    letters(stack, 3, group)
    rows = json.loads(dead(stack, "list", "--json").stdout)
    assert [(row["kind"], row["group"]) for row in rows] == [("entry", group)] * 3
    shown = json.loads(dead(stack, "show", rows[0]["id"]).stdout)
    assert "body" not in shown
    shown = json.loads(dead(stack, "show", rows[0]["id"], "--payload").stdout)
    assert json.loads(shown["body"])["number"] == 0
    assert dead(stack, "show", "nobody").returncode == 1
    refused = dead(stack, "purge", text="n\n")
    assert refused.returncode == 1
    assert len(json.loads(dead(stack, "list", "--json").stdout)) == 3
    assert "3 purged" in dead(stack, "purge", "--yes").stdout
    assert json.loads(dead(stack, "list", "--json").stdout) == []


def test_a_group_of_more_than_ten_is_redriven_whole(stack: Stack) -> None:
    """They are unreadable, so each dies again at once: a redrive takes each only once."""
    assert dead(stack, "purge", "--yes").returncode == 0
    letters(stack, 25, name("group"))
    done = dead(stack, "redrive", "--json")
    assert json.loads(done.stdout) == {"redriven": 25}, done.stderr
    assert dead(stack, "purge", "--yes").returncode == 0


def test_dead_letters_of_nowhere(stack: Stack) -> None:
    done = dead(stack, "--prefix", "other", "list")
    assert done.returncode == 1
    assert "no such queues here" in done.stderr
    assert dead(stack, "list", "--queue", "nonsense").returncode == 2
