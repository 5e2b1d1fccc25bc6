"""`tidings gateway` as its users run it."""

from __future__ import annotations

import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor

from typer.testing import CliRunner

from operate.probes import healthy
from tests.support.waiting import until
from workbench.cli.main import app
from workbench.stack.children import free_port


def test_it_serves_until_it_is_told_to_stop(emulator_url: str) -> None:
    port = free_port()

    def stop() -> None:
        until(lambda: healthy(f"http://127.0.0.1:{port}/"))
        os.kill(os.getpid(), signal.SIGTERM)

    with ThreadPoolExecutor(1) as pool:
        stopped = pool.submit(stop)
        done = CliRunner().invoke(
            app,
            ["gateway", "--control-plane", emulator_url, "--port", str(port), "--prefix", "nobody"],
        )
        stopped.result()
    assert (done.exit_code, done.stderr) == (0, "")
    lines = [
        "starting …",
        "  no API is deployed",
        f"serving at http://127.0.0.1:{port}/ until Ctrl-C",
    ]
    assert done.stdout.splitlines() == [*lines, "stopping …"]
    assert not healthy(f"http://127.0.0.1:{port}/")


def test_why_it_does_not_start(emulator_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = str(holder.getsockname()[1])
        for arguments, words in (
            (["https://apigateway.us-east-1.amazonaws.com"], "is not an emulator's address"),
            (["http://127.0.0.1:9"], "Could not connect"),
            ([emulator_url, "--port", taken], f"port {taken} is taken: choose another with --port"),
            ([emulator_url, "--host", "203.0.113.1"], "cannot be had: "),
        ):
            done = CliRunner().invoke(app, ["gateway", "--control-plane", *arguments])
            assert done.exit_code == (2 if "--port" in arguments or "--host" in arguments else 1)
            assert words in done.stderr
            assert isinstance(done.exception, SystemExit)
