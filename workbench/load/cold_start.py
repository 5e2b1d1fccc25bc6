"""Measure a cold start of the packaged message function.

    python -m workbench.load.cold_start [--runs 7]

Packages for this machine, unpacks the zip beside a compiled boto3 (as in the Lambda runtime), and
starts a fresh interpreter for each run: *shipped* with the zip's bytecode, *sources* without, as
with `tidings package --no-bytecode`. *init* imports app.py, as Lambda does before the first
event. *first* is the first `send_message` until its ack; it builds the services and opens their
connections. *second* is the next one, *warm* the median of those after it. Tables, queues and
Redis are a local stack's. Lambda adds its own part (fetching the zip, starting the machine) and has
less CPU: below 1,769 MB a share of one core.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

from operate.interpreters import find_python
from operate.package import PYTHON, Package, Target, build, host_architecture
from workbench.stack.embedded import EmbeddedStack
from workbench.stack.threads import in_thread

from .rate import request, token

_RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")
_WITHIN_S = 120
_WARM = 20
_PROBE = """
import json, sys, time
sys.path[:0] = sys.argv[1:3]
events = json.loads(sys.argv[3])
marks = [(time.perf_counter(), time.process_time())]
import app
marks.append((time.perf_counter(), time.process_time()))
for event in events:
    answer = json.loads(app.websocket_message(event, None)["body"])
    assert answer["event"] == "ack", answer
    marks.append((time.perf_counter(), time.process_time()))
names = ("init", "first", "second")
spent = {}
parts = [(after[0] - at[0], after[1] - at[1]) for after, at in zip(marks[1:], marks)]
warm = sorted(parts[3:], key=lambda part: part[1])
for name, (wall, cpu) in [*zip(names, parts), ("warm", warm[len(warm) // 2])]:
    spent[name + "_ms"] = wall * 1000
    spent[name + "_cpu_ms"] = cpu * 1000
status = open("/proc/self/status").read()  # getrusage has the parent's peak
spent["peak_mb"] = int(status.split("VmHWM:")[1].split()[0]) / 1024
print(json.dumps(spent))
"""


def measure(stack: EmbeddedStack, python: str, interpreter: str, runs: int) -> dict[str, Any]:
    """Medians in ms, as shipped and without the zip's bytecode; and facts about the package."""
    with tempfile.TemporaryDirectory(prefix="tidings-cold-") as name:
        package, task = _unpack(Path(name), Target(python, host_architecture()))
        runtime = _runtime(Path(name, "runtime"), interpreter)
        room = request(
            stack, "POST", "/v1/rooms", "cold", {"room_type": "group_chat", "participants": []}
        )["room_id"]
        with connect(f"{stack.ws_url}?token={token(stack, 'cold')}") as socket:
            socket.send(json.dumps({"action": "hello", "data": {}}))
            connection_id = json.loads(socket.recv(30))["data"]["connection_id"]
            events = [event(connection_id, room, number) for number in range(2 + _WARM)]
            command = [interpreter, "-S", "-B", "-c", _PROBE, str(task), str(runtime)]
            command.append(json.dumps(events))
            shipped = [_run(command) for _ in range(runs)]
            for folder in list(task.rglob("__pycache__")):
                shutil.rmtree(folder)
            sources = [_run(command) for _ in range(runs)]
    return {
        "runtime": package.runtime,
        "architecture": package.architecture,
        "bytes": package.bytes,
        "runs": runs,
        "shipped": _medians(shipped),
        "sources": _medians(sources),
    }


def _unpack(folder: Path, target: Target) -> tuple[Package, Path]:
    package = build(target, folder / "dist")
    with zipfile.ZipFile(folder / "dist" / "deployment.zip") as archive:
        archive.extractall(folder / "task")
    return package, folder / "task"


def _runtime(folder: Path, interpreter: str) -> Path:
    """Make a folder of what Lambda's runtime has, compiled for the interpreter."""
    folder.mkdir()
    for name in _RUNTIME:
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            raise FileNotFoundError(name)
        found = Path(spec.origin)
        if found.name == "__init__.py":
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(found.parent, folder / name, ignore=ignore)
        else:
            shutil.copy(found, folder)
    _compile(interpreter, folder)
    return folder


def _compile(interpreter: str, folder: Path) -> None:
    command = [interpreter, "-m", "compileall", "-q", str(folder)]
    subprocess.run(command, check=True, timeout=_WITHIN_S)


def event(connection_id: str, room: str, number: int) -> dict[str, Any]:
    """The event of a frame that sends a message."""
    data = {"conversation_id": room, "message_type": "text", "content": str(number)}
    context = {
        "routeKey": "$default",
        "eventType": "MESSAGE",
        "connectionId": connection_id,
        "apiId": "local",
        "stage": "ws",
        "requestId": f"cold{number}",
        "domainName": "localhost",
        "requestTimeEpoch": 0,
    }
    frame = {"action": "send_message", "data": data, "id": number}
    return {"requestContext": context, "isBase64Encoded": False, "body": json.dumps(frame)}


def _run(command: list[str]) -> dict[str, float]:
    """Run one cold start; this process's environment has the stack's settings."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=_WITHIN_S)
    if done.returncode:
        raise RuntimeError(done.stderr)
    spent: dict[str, float] = json.loads(done.stdout)
    return spent


def _medians(runs: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(run[name] for run in runs), 1) for name in runs[0]}


def _tell(found: dict[str, Any]) -> str:
    lines = [f"{found['runtime']} on {found['architecture']}, {found['bytes'] / 1e6:.1f} MB"]
    for how in ("shipped", "sources"):
        at = found[how]
        parts = [
            f"{name} {at[f'{name}_ms']:.0f} ms (CPU {at[f'{name}_cpu_ms']:.0f})"
            for name in ("init", "first", "second", "warm")
        ]
        peak = f"{at['peak_mb']:.0f} MB"
        lines.append(f"{how}: {', '.join(parts)}, {peak}; median of {found['runs']}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--python", default=PYTHON)
    parser.add_argument("--interpreter", default="")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    interpreter = options.interpreter or find_python(options.python)
    if interpreter is None:
        parser.error(f"no Python {options.python} found: give its path with --interpreter")
    with in_thread(EmbeddedStack(port=0)) as stack:
        found = measure(stack, options.python, str(interpreter), options.runs)
    print(json.dumps(found) if options.json else _tell(found))


if __name__ == "__main__":
    main()
