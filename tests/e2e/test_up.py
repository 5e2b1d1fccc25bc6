"""`tidings up` as its users start it, in surroundings that would lead it astray, and again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.people import People, name
from workbench.stack import running
from workbench.stack.children import free_port

CLI = [sys.executable, "-m", "workbench.cli.main"]
# A proxy that is not there, a profile that is gone, files and endpoints of their own, and a console
# without the characters that we print.
ASTRAY = {
    "HTTP_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
    "ALL_PROXY": "http://127.0.0.1:9",
    "no_proxy": "",
    "NO_PROXY": "",
    "AWS_PROFILE": "gone",
    "AWS_SESSION_TOKEN": "theirs",
    "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:9",
    "AWS_CA_BUNDLE": "/nowhere.pem",
    "PYTHONIOENCODING": "ascii",
    "LC_ALL": "C",
}
pytestmark = pytest.mark.timeout(240)


def environment(folder: Path, **more: str) -> dict[str, str]:
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("AWS_", "TIDINGS_"))}
    config = folder / "config"
    config.write_text("[default\nno config at all")
    return {
        **kept,
        **ASTRAY,
        "AWS_CONFIG_FILE": str(config),
        "TIDINGS_HOME": str(folder / "home"),
        **more,
    }


def tidings(folder: Path, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CLI, *arguments],
        input=text,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        env=environment(folder),
    )


@contextmanager
def up(folder: Path, *options: str) -> Iterator[tuple[running.Running, list[str]]]:
    """A running stack, and the lines that it has printed so far."""
    command = [*CLI, "up", "--port", str(free_port()), "--no-reload", *options]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment(folder)
        )
    assert process.stdout is not None
    try:
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line.strip())
            if line.strip().startswith("chat "):
                break
        found = running.find(folder / "home")
        assert found is not None, (lines, (folder / "log").read_text())
        yield found, lines
        process.send_signal(signal.SIGINT)
        assert process.wait(90) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.extended
def test_it_runs_whatever_the_developer_s_environment_says(tmp_path: Path) -> None:
    with up(tmp_path) as (stack, lines):
        assert lines[0] == r"starting \u2026"
        kept = next(line for line in lines if line.startswith("Data"))
        assert "forgotten when it stops" in kept
        assert "PERSIST=1" in kept
        done = tidings(tmp_path, "chat", "ada", "lobby", text="hello\n")
        assert (done.returncode, done.stderr) == (0, "")
        done = tidings(tmp_path, "dead", "list", "--json")
        assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "[]", "")
        status = tidings(tmp_path, "status", "--json").stdout
        assert json.loads(status)["local"]["aws_endpoint_url"] == stack.aws_endpoint_url
        assert stack.secret_access_key not in status
        assert stack.access_key_id not in status
        events = (tmp_path / "log").read_text()
        assert "connected request_id=" in events
        assert "{" not in events, "lines are for people"
        no_keys = urllib.request.Request(stack.aws_endpoint_url, data=b"Action=ListQueues")
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(no_keys, timeout=20)
    assert running.find(tmp_path / "home") is None
    done = tidings(tmp_path, "dead", "purge", "--yes")
    assert (done.returncode, "no local stack runs here" in done.stderr) == (2, True)


def test_in_memory_others_can_use_it_but_not_look_inside(tmp_path: Path) -> None:
    with up(tmp_path, "--stores", "memory") as (stack, lines):
        assert any(line.startswith("Data       in memory: forgotten") for line in lines)
        assert not any(line.startswith(("AWS APIs", "Redis")) for line in lines)
        assert (stack.aws_endpoint_url, stack.redis_url) == ("", "")
        done = tidings(tmp_path, "chat", "ada", "lobby", text="hello\n")
        assert (done.returncode, done.stderr) == (0, "")
        done = tidings(tmp_path, "dead", "list")
        assert done.returncode == 2
        assert "keeps its queues in memory" in " ".join(done.stderr.split())
        done = tidings(tmp_path, "status")
        assert (done.returncode, done.stderr) == (0, "")
        assert "runs here: all in memory" in done.stdout


@pytest.mark.extended
def test_a_start_that_fails_leaves_the_running_one_alone(tmp_path: Path) -> None:
    with up(tmp_path, "--log-format", "json") as (stack, _):
        port = stack.url.rsplit(":", 1)[1]
        for options in (["--port", port], ["--port", str(free_port())], ["--port", "99999"]):
            done = tidings(tmp_path, "up", *options)
            assert done.returncode == 2
            assert len(done.stderr.splitlines()) == 1
        assert running.find(tmp_path / "home") == stack
        assert tidings(tmp_path, "token", "ada").returncode == 0
        for line in (tmp_path / "log").read_text().splitlines():
            assert "event" in json.loads(line)


def test_a_taken_port_leaves_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = str(holder.getsockname()[1])
        done = tidings(tmp_path, "up", "--port", port)
    assert done.returncode == 2
    assert f"port {port} is taken" in done.stderr
    assert not (tmp_path / "home" / "stack.json").exists()


def test_what_is_kept_is_there_after_a_restart_and_tokens_still_hold(tmp_path: Path) -> None:
    ada, bob = name("ada"), name("bob")
    with up(tmp_path, "--persist") as (stack, lines):
        assert str(tmp_path / "home" / "data") in next(x for x in lines if x.startswith("Data"))
        with People(stack.url, stack.url.replace("http", "ws") + "/ws") as people:
            token = people.token(ada)
            room = people.room(ada, bob)
            speaker, listener = people.device(ada), people.device(bob)
            speaker.say(room, "before")
            listener.wait("message_received", lambda data: data["content"] == "before")
    with (
        up(tmp_path, "--persist") as (stack, _),
        People(stack.url, stack.url.replace("http", "ws") + "/ws") as people,
    ):
        status, history = people.http("GET", f"/v1/rooms/{room}/messages", token=token)
        assert status == 200
        assert [message["content"] for message in history["messages"]] == ["before"]
        speaker, listener = people.device(ada), people.device(bob)
        speaker.say(room, "after")
        listener.wait("message_received", lambda data: data["content"] == "after")
        status, history = people.http("GET", f"/v1/rooms/{room}/messages", token=token)
        assert [message["content"] for message in history["messages"]] == ["before", "after"]
    assert (tmp_path / "home" / "data").stat().st_mode & 0o077 == 0
