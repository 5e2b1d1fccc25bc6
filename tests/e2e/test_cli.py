"""The commands against a whole stack; `tidings chat` as a process."""

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
from typer.testing import CliRunner, Result

from chalicelib import __version__
from operate.clients import client
from tests.support.people import WAIT_S, People, name
from tests.support.stacks import Stack
from workbench.cli.main import app

CLI = [sys.executable, "-m", "workbench.cli.main"]


def tidings(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CLI, *arguments],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ,
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


def test_a_line_that_is_too_large_is_said_so_and_the_others_are_sent(
    people: People, stack: Stack
) -> None:
    user, room = name("lars"), name("room")
    lines = ["first", "ж" * 70_000, "x" * 70_000, "y" * 40_000, "last"]
    done = tidings("chat", user, room, "--url", stack.url, text="\n".join(lines))
    assert (done.returncode, done.stderr) == (1, "")
    shown = " ".join(done.stdout.split())
    assert "not sent: send_message takes" in shown, "no websocket message can carry it"
    assert "not sent: content: 70002 bytes, the limit is 65536" in shown
    assert "connection lost" not in shown
    path = f"/v1/rooms/{room}/messages"
    _, history = people.http("GET", path, token=people.token(user))
    contents = [message["content"] for message in history["messages"]]
    assert contents == ["first", "y" * 40_000, "last"], "one over a frame goes in several"


def test_without_any_input_it_ends(stack: Stack) -> None:
    command = [*CLI, "chat", name("nora"), name("room"), "--url", stack.url]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, timeout=60, check=False)
    assert done.returncode == 0


def here(*arguments: str, text: str = "", **env: str) -> Result:
    """A command in this process."""
    return CliRunner().invoke(app, arguments, input=text, env=env)


def as_json(stack: Stack, *arguments: str) -> Any:
    done = here(*arguments, "--url", f"{stack.url}/", "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_a_room_is_made_once_and_others_are_added(people: People, stack: Stack) -> None:
    owner, other, third, room = name("ola"), name("otto"), name("thea"), name("room")
    made = as_json(stack, "room", "create", owner, room, other)
    assert (made["created"], sorted(made["participants"])) == (True, sorted([owner, other]))
    again = as_json(stack, "room", "create", owner, room, other, third)
    assert (again["created"], len(again["participants"])) == (False, 3)
    fourth = name("fay")
    assert as_json(stack, "room", "add", owner, room, fourth)["added"] == [fourth]
    [listed] = as_json(stack, "room", "list", fourth)
    assert (listed["room_id"], listed["role"]) == (room, "member")
    for arguments, words in (
        (("create", name("eve"), room), "is not in it"),
        (("add", other, room, "eve"), f"eve was not added to {room}: "),
        (("create", owner, "p-taken"), "taken"),
    ):
        done = here("room", *arguments, "--url", stack.url)
        assert done.exit_code == 1
        assert words in done.stderr


def test_a_message_is_sent(people: People, stack: Stack) -> None:
    sender, room = name("sam"), name("room")
    as_json(stack, "room", "create", sender, room)
    text = "“hello” \u200d\n2"
    sent = as_json(stack, "send", sender, room, text)
    path = f"/v1/rooms/{room}/messages"
    _, history = people.http("GET", path, token=people.token(sender))
    [message] = history["messages"]
    assert (message["message_id"], message["content"]) == (sent["message_id"], text)
    plain = here("send", sender, room, "plain", "--url", stack.url)
    assert (plain.exit_code, len(plain.stdout.strip())) == (0, 26)
    refused = here("send", name("eve"), room, "hi", "--url", stack.url)
    assert refused.exit_code == 1
    assert "`tidings room create" in refused.stderr


def test_the_status(stack: Stack) -> None:
    status = as_json(stack, "status")
    assert (status["ok"], status["note"]) == (True, "")
    [region] = status["regions"]
    assert (region["region"], region["status"], region["url"]) == (stack.region, "ok", stack.url)
    assert region["version"] == __version__
    assert set(region["checks"].values()) == {"ok"}
    assert here("--version").stdout == f"tidings {__version__}\n"


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
@pytest.mark.one_emulator
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


def dead(stack: Stack, *arguments: str, text: str = "") -> Result:
    where = ["--endpoint-url", stack.aws_endpoint_url, "--region", "us-east-1"]
    return here("dead", *where, *arguments, text=text, **stack.keys.variables())


@pytest.mark.services
def test_dead_letters_are_listed_shown_redriven_and_purged(stack: Stack) -> None:
    assert dead(stack, "purge", "--yes").exit_code == 0
    group = name("group")
    letters(stack, 3, group)
    rows = json.loads(dead(stack, "list", "--json").stdout)
    assert [(row["kind"], row["group"]) for row in rows] == [("entry", group)] * 3
    shown = json.loads(dead(stack, "show", rows[0]["id"]).stdout)
    assert "body" not in shown
    shown = json.loads(dead(stack, "show", rows[0]["id"], "--payload").stdout)
    assert json.loads(shown["body"])["number"] == 0
    assert dead(stack, "show", "nobody").exit_code == 1
    refused = dead(stack, "purge", text="n\n")
    assert refused.exit_code == 1
    assert len(json.loads(dead(stack, "list", "--json").stdout)) == 3
    assert "3 purged" in dead(stack, "purge", "--yes").stdout
    assert json.loads(dead(stack, "list", "--json").stdout) == []


@pytest.mark.services
@pytest.mark.one_emulator
def test_a_group_of_more_than_ten_is_redriven_whole(stack: Stack) -> None:
    """They are unreadable, so each dies again at once: a redrive takes each only once."""
    assert dead(stack, "purge", "--yes").exit_code == 0
    letters(stack, 25, name("group"))
    done = dead(stack, "redrive", "--json")
    assert json.loads(done.stdout) == {"redriven": 25}, done.stderr
    assert dead(stack, "purge", "--yes").exit_code == 0


def test_dead_letters_of_nowhere(stack: Stack) -> None:
    done = dead(stack, "--prefix", "other", "list")
    assert done.exit_code == 1
    assert "the dead-letter queues were not found" in done.stderr
    assert dead(stack, "list", "--queue", "nonsense").exit_code == 2
