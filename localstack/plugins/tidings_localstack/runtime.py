"""One process of a Lambda runtime client, and the Runtime API that it calls.

Owns the process's life: start, initialise, freeze while idle, kill. Knows nothing of
LocalStack. https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO

from . import tied

_API = "/2018-06-01/runtime"
# One thread, which lives as long as LocalStack, starts all processes: see tied.py.
_starter = ThreadPoolExecutor(1, thread_name_prefix="lambda-process-starter")


@dataclass(frozen=True, slots=True)
class Invocation:
    """The input of an invocation."""

    request_id: str
    function_arn: str
    trace_id: str
    payload: bytes
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Answer:
    """The function's result or error, as JSON."""

    payload: bytes
    is_error: bool


@dataclass(frozen=True, slots=True)
class Exited:
    """The process ended by itself."""

    code: int


@dataclass(frozen=True, slots=True)
class TimedOut:
    """There was no answer in time; the process still runs."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The function is loaded."""


class Runtime:
    """Start, `wait_ready`, then `invoke` one at a time until it answers Exited or TimedOut; `kill`.

    Args:
        command: The runtime client.
        environment: All variables of the process except AWS_LAMBDA_RUNTIME_API.
        directory: The folder of the function's code.
        output: Receives the process's output.
    """

    def __init__(
        self, command: list[str], environment: Mapping[str, str], directory: Path, output: BinaryIO
    ) -> None:
        # (request id, answer); the id is "" for answers that belong to no invocation.
        self._said: queue.SimpleQueue[tuple[str, Answer | Exited | Ready]] = queue.SimpleQueue()
        self._invocations: queue.SimpleQueue[Invocation | None] = queue.SimpleQueue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self._process = _starter.submit(
            subprocess.Popen,
            [sys.executable, "-ISB", tied.__file__, str(os.getpid()), *command],
            cwd=directory,
            env={
                **environment,
                "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
            },
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ).result()
        threading.Thread(target=self._await_exit, daemon=True).start()

    def alive(self) -> bool:
        return self._process.poll() is None

    def wait_ready(self, within_s: float) -> Ready | Answer | Exited | TimedOut:
        """Wait until the function is loaded; an Answer is the error if it could not be."""
        return self._hear("", within_s)

    def invoke(self, invocation: Invocation) -> Answer | Exited | TimedOut:
        self._invocations.put(invocation)
        said = self._hear(invocation.request_id, invocation.timeout_s)
        assert not isinstance(said, Ready)
        return said

    def kill(self) -> None:
        """Kill the process and all its children; idempotent."""
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._invocations.put(None)
        self._server.shutdown()
        self._server.server_close()

    def next(self) -> Invocation | None:
        """Called by the client when it is idle; AWS freezes the environment until the next call."""
        self._said.put(("", Ready()))
        if tied.CAN_BE:  # otherwise a frozen process would stay when LocalStack is killed
            self._signal(signal.SIGSTOP)
        invocation = self._invocations.get()
        self._signal(signal.SIGCONT)
        return invocation

    def say(self, request_id: str, answer: Answer) -> None:
        self._said.put((request_id, answer))

    def _hear(self, request_id: str, within_s: float) -> Ready | Answer | Exited | TimedOut:
        deadline = time.monotonic() + within_s
        while True:
            try:
                about, said = self._said.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                return TimedOut()
            if about == request_id or isinstance(said, Exited):
                return said

    def _await_exit(self) -> None:
        self._said.put(("", Exited(self._process.wait())))

    def _signal(self, number: int) -> None:
        if self.alive():
            with contextlib.suppress(ProcessLookupError):  # it has ended
                os.killpg(self._process.pid, number)


def _handler(runtime: Runtime) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # send an answer as one packet: two would wait 40 ms for a delayed ACK

        def do_GET(self) -> None:
            if self.path != f"{_API}/invocation/next":
                self.send_error(404)
                return
            invocation = runtime.next()
            if invocation is None:
                self.close_connection = True
                return
            deadline_ms = int((time.time() + invocation.timeout_s) * 1000)
            self._answer(
                200,
                {
                    "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                    "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
                    "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
                    "Lambda-Runtime-Trace-Id": invocation.trace_id,
                    "Content-Type": "application/json",
                },
                invocation.payload,
            )

        def do_POST(self) -> None:
            body = self._body()
            match self.path.removeprefix(f"{_API}/").split("/"):
                case ["init", "error"]:
                    runtime.say("", Answer(body, is_error=True))
                case ["invocation", request_id, ("response" | "error") as kind]:
                    runtime.say(request_id, Answer(body, is_error=kind == "error"))
                case _:
                    self.send_error(404)
                    return
            self._answer(202, {}, b"")

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            chunks = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)

        def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing: LocalStack logs invocations itself."""

    return Handler
