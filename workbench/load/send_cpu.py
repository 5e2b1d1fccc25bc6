"""Measure the CPU of `send_message` with the product's AWS client and with botocore's.

    python -m workbench.load.send_cpu [--messages 300] [--rounds 5] [--json]

The message handler runs in a child process with the environment of a local stack, as a Lambda
function would; the stack's own processes are not counted. Rounds with either client alternate, and
each one's best counts, because noise on a shared machine can only add time. "Cold" is from the
import of `app` until the first message's ack, with bytecode on the disk.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import uuid
from typing import Any

from websockets.sync.client import connect

from workbench.stack.embedded import EmbeddedStack
from workbench.stack.threads import in_thread

from .cold_start import event
from .rate import request, token

CLIENTS = ("own", "botocore")
_WITHIN_S = 300
_CHILD = """
import json, os, sys, time
events = json.load(sys.stdin)
before, start, wall = set(sys.modules), time.process_time(), time.perf_counter()
import app
if sys.argv[1] == "botocore":
    from chalicelib.adapters import aws, sdk
    aws.client = lambda service, region, url, once_within_s=None: sdk.client(service, region, url)
def send(event):
    answer = json.loads(app.websocket_message(event, None)["body"])
    assert answer["event"] == "ack", answer
send(events[0])
found = {
    "cold_ms": (time.process_time() - start) * 1000,
    "cold_wall_ms": (time.perf_counter() - wall) * 1000,
    "modules": len(set(sys.modules) - before),
    "sdk_modules": len([m for m in sys.modules if m.partition(".")[0] in ("botocore", "boto3")]),
}
for event in events[1:20]:
    send(event)
start, wall, user = time.process_time(), time.perf_counter(), os.times().user
for event in events[20:]:
    send(event)
count = len(events) - 20
found["send_ms"] = (time.process_time() - start) * 1000 / count
found["send_user_ms"] = (os.times().user - user) * 1000 / count
found["send_wall_ms"] = (time.perf_counter() - wall) * 1000 / count
print(json.dumps(found))
"""


def run(stack: EmbeddedStack, client: str, messages: int) -> dict[str, float]:
    """Send messages in a process of its own; see `_CHILD` for what is measured.

    Args:
        client: One of `CLIENTS`.
    """
    user = f"cpu{uuid.uuid4().hex}"  # has a rate of its own, as its room has
    body = {"room_type": "group_chat", "participants": []}
    room = request(stack, "POST", "/v1/rooms", user, body)["room_id"]
    with connect(f"{stack.ws_url}?token={token(stack, user)}") as socket:
        socket.send(json.dumps({"action": "hello", "data": {}}))
        connection_id = json.loads(socket.recv(30))["data"]["connection_id"]
        events = [event(connection_id, room, number) for number in range(messages + 20)]
        command = [sys.executable, "-c", _CHILD, client]
        given = json.dumps(events)
        done = subprocess.run(
            command, input=given, capture_output=True, text=True, timeout=_WITHIN_S
        )
    if done.returncode:
        raise RuntimeError(done.stderr)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(stack: EmbeddedStack, messages: int, rounds: int) -> dict[str, dict[str, float]]:
    """The least of each measure, by client."""
    runs: dict[str, list[dict[str, float]]] = {client: [] for client in CLIENTS}
    for _ in range(rounds):
        for client in CLIENTS:
            runs[client].append(run(stack, client, messages))
    return {
        client: {name: min(each[name] for each in done) for name in done[0]}
        for client, done in runs.items()
    }


def _tell(found: dict[str, Any]) -> str:
    lines = [
        f"{client:9} warm send {at['send_ms']:.2f} ms CPU, {at['send_user_ms']:.2f} of it not the "
        f"kernel's ({at['send_wall_ms']:.1f} ms), "
        f"cold {at['cold_ms']:.0f} ms CPU ({at['cold_wall_ms']:.0f} ms), "
        f"{at['modules']:.0f} modules imported, {at['sdk_modules']:.0f} of the SDK"
        for client, at in found.items()
    ]
    own, sdk = (found[client] for client in CLIENTS)
    names = ("send", "send_user", "cold")
    ratios = [f"{name} {own[f'{name}_ms'] / sdk[f'{name}_ms']:.2f}" for name in names]
    return "\n".join([*lines, f"ratio     {', '.join(ratios)}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with in_thread(EmbeddedStack(port=0)) as stack:
        found = measure(stack, options.messages, options.rounds)
    print(json.dumps(found) if options.json else _tell(found))


if __name__ == "__main__":
    main()
