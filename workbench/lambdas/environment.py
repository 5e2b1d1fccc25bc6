"""A function's code, imported once; each execution environment is a fork of that process.

The function's own Python runs this as a script, with only the standard library. An environment
serves one invocation at a time, for as long as its socket is open.

Frames on the sockets are 4 bytes of length, then JSON. `versions` is the other side.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import struct
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

Frame = dict[str, Any]


class Context:
    """https://docs.aws.amazon.com/lambda/latest/dg/python-context.html"""

    identity = client_context = None

    def __init__(self, invocation: Frame) -> None:
        self.aws_request_id = invocation["request_id"]
        self.invoked_function_arn = invocation["arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self._deadline_ms = invocation["deadline_ms"]

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int(self._deadline_ms - time.time() * 1000))


def main() -> None:
    """Import the handler, report the result, then fork for every socket that is passed in."""
    control = socket.socket(fileno=int(sys.argv[1]))
    sys.path[0] = os.environ["LAMBDA_TASK_ROOT"]  # in place of this script's folder
    module, _, name = os.environ["_HANDLER"].rpartition(".")
    try:
        handler = getattr(importlib.import_module(module.replace("/", ".")), name)
    except BaseException as fault:  # noqa: BLE001 - after any of them the function cannot start
        send(control, failure(fault))
        return
    send(control, {"pid": os.getpid()})
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps ended environments
    while True:
        _, handed, _, _ = socket.recv_fds(control, 1, 1)
        if not handed:
            return
        if os.fork() == 0:
            control.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            serve(socket.socket(fileno=handed[0]), handler)
            os._exit(0)
        os.close(handed[0])


def serve(link: socket.socket, handler: Callable[[Any, Context], Any]) -> None:
    """Run invocations until the other side closes."""
    send(link, {"pid": os.getpid()})
    while (invocation := receive(link)) is not None:
        try:
            answer: Frame = {
                "result": json.dumps(handler(invocation["event"], Context(invocation)))
            }
        except BaseException as fault:  # noqa: BLE001 - an exit must be reported, too
            answer = failure(fault)
        sys.stdout.flush()
        send(link, answer)
        if answer.get("ended"):
            return


def failure(fault: BaseException) -> Frame:
    """An error as Lambda describes it; an exit ends the environment."""
    text = traceback.format_exception(fault)
    body = {"errorType": type(fault).__name__, "errorMessage": str(fault), "stackTrace": text}
    print("".join(text), file=sys.stderr, flush=True)
    return {"error": json.dumps(body), "ended": not isinstance(fault, Exception)}


def send(link: socket.socket, frame: Frame) -> None:
    data = json.dumps(frame).encode()
    link.sendall(struct.pack("!I", len(data)) + data)


def receive(link: socket.socket) -> Frame | None:
    head = take(link, 4)
    if not head:
        return None
    frame: Frame = json.loads(take(link, struct.unpack("!I", head)[0]))
    return frame


def take(link: socket.socket, count: int) -> bytes:
    """Read this many bytes; return none at the end."""
    data = b""
    while len(data) < count:
        more = link.recv(min(count - len(data), 1 << 20))
        if not more:
            return b""
        data += more
    return data


if __name__ == "__main__":
    main()
