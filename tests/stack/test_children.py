"""Children: ready when started, gone when stopped or when their parent is killed."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.waiting import until
from workbench.stack import children
from workbench.stack.children import (
    Child,
    StackError,
    free_port,
    not_listening,
    start_ministack,
    start_valkey,
)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] != "Z"


def test_a_free_port_is_neither_taken_nor_given_nor_one_for_outgoing_connections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given, taken, other = (free_port() for _ in range(3))
    monkeypatch.setattr(children, "_given", {given})
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", taken))
        choices = iter([given, taken, other])
        monkeypatch.setattr(children._choice, "randrange", lambda low, end: next(choices))
        assert free_port() == other
    assert max(given, taken, other) < 32_768


def test_valkey_answers_once_started_and_is_gone_once_stopped() -> None:
    port = free_port()
    child = start_valkey(port)
    try:
        assert listens(port)
        assert child.dead() is None
    finally:
        child.stop()
    assert not listens(port)
    child.stop()


def test_a_death_is_told_with_the_exit_code_and_the_last_output() -> None:
    code = "import sys; print('out of cheese'); sys.exit(3)"
    with pytest.raises(StackError, match=r"(?s)cheese-maker.*3.*out of cheese"):
        Child("cheese-maker", [sys.executable, "-c", code], lambda: False)


def test_a_question_that_fails_leaves_no_child(tmp_path: Path) -> None:
    told = tmp_path / "pid"

    def ready() -> bool:
        until(lambda: told.exists() and bool(told.read_text()))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Child("asked", ["sh", "-c", f"echo $$ > {told}; sleep 60"], ready)
    assert not alive(int(told.read_text()))


def test_a_port_that_cannot_be_had_is_told_why() -> None:
    denied = OSError(errno.EACCES, "Permission denied")
    why = not_listening("gateway", 80, denied, ": choose another")
    assert str(why) == "gateway: port 80 cannot be had: Permission denied: choose another"


def test_a_child_killed_while_running_is_noticed() -> None:
    child = start_valkey(free_port())
    try:
        os.kill(child.pid, 9)
        until(lambda: child.dead() is not None)
        assert "valkey" in (child.dead() or "")
    finally:
        child.stop()


def test_a_child_finds_its_links_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "note").write_text("kept")
    told = tmp_path / "told"
    code = (
        "import pathlib, sys, tempfile, time; here = tempfile.mkdtemp();"
        " pathlib.Path(here, 'waste').write_text(pathlib.Path('lib/given/note').read_text());"
        f" pathlib.Path({str(told)!r}).write_text(here); time.sleep(60)"
    )
    command = [sys.executable, "-c", code]
    child = Child("writer", command, lambda: told.exists(), links={"lib/given": tmp_path})
    until(lambda: bool(told.read_text()))
    child.stop()
    assert not Path(told.read_text()).exists()
    assert (tmp_path / "note").read_text() == "kept"


def test_a_child_sees_nothing_of_the_user_s_aws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "prod")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://minio:9000")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:3128")
    told = tmp_path / "told"
    command = ["sh", "-c", f"env > {told}.new; mv {told}.new {told}; sleep 60"]
    child = Child("teller", command, told.exists)
    child.stop()
    lines = told.read_text().splitlines()
    assert not [line for line in lines if line.startswith(("AWS_PROFILE", "AWS_ENDPOINT"))]
    assert any(line.startswith("NO_PROXY=") and "127.0.0.1" in line for line in lines)


def test_a_taken_port_is_a_stack_error() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        with pytest.raises(StackError, match="taken"):
            start_valkey(holder.getsockname()[1])


def test_a_ministack_that_finds_its_port_taken_is_not_mistaken_for_the_holder(
    endpoint: str,
) -> None:
    with pytest.raises(StackError, match="taken"):
        start_ministack(int(endpoint.rsplit(":", 1)[1]), "us-east-1")


def test_a_child_that_ignores_sigterm_is_killed() -> None:
    port = free_port()
    code = (
        "import signal, socket, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        f" s = socket.create_server(('127.0.0.1', {port})); time.sleep(60)"
    )
    child = Child("deaf", [sys.executable, "-c", code], lambda: listens(port), stop_s=0.2)
    child.stop()
    assert not listens(port)


def test_what_a_child_has_started_ends_with_it(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    code = (
        "import pathlib, subprocess, time;"
        " started = subprocess.Popen(['sleep', '60']);"
        f" pathlib.Path({str(told)!r}).write_text(str(started.pid)); time.sleep(60)"
    )
    child = Child(
        "parent", [sys.executable, "-c", code], lambda: bool(told.exists() and told.read_text())
    )
    pid = int(told.read_text())
    assert alive(pid)
    child.stop()
    until(lambda: not alive(pid))


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
def test_a_child_does_not_outlive_a_killed_parent() -> None:
    code = (
        "from workbench.stack.children import free_port, start_valkey; import time;"
        " print(start_valkey(free_port()).pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until(lambda: not alive(pid))
