"""A chat in a terminal: `python chat.py URL USER ROOM`, with the URL of a local stack (make run).

Each line that is typed is sent, each message is printed. It goes on over lost connections, and ends
with its input. TOKEN names a token; without it, the local stack gives one, as your own login would.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import urllib.request
from typing import Any
from urllib.parse import urljoin

from tidings_client import ActionError
from tidings_client.sync import Client


def main(server: str, user: str, room: str) -> int:
    def token() -> str:
        if "TOKEN" in os.environ:
            return os.environ["TOKEN"]
        body = json.dumps({"user_id": user}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(urljoin(server, "/dev/token"), body, headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return str(json.load(answer)["token"])

    try:
        with Client(urljoin(server, "/ws"), token, follow_all=True) as client:
            threading.Thread(target=show, args=(client, room), daemon=True).start()
            client.join(room)
            for line in sys.stdin:
                send(client, room, line.rstrip("\n"))
    except ActionError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def send(client: Client, room: str, line: str) -> None:
    try:
        client.send(room, line)
    except ActionError as error:
        print(f"not sent: {line}: {error.message}", file=sys.stderr)


def show(client: Client, room: str) -> None:
    for name, data in client.events():
        if name == "snapshot" and data["conversation_id"] == room:
            for message in data["messages"]:
                show_message(message)
        elif name == "message_received" and data["conversation_id"] == room:
            show_message(data)
        elif "reason" in data and name in ("disconnected", "waiting"):
            print(f"{name}: {data['reason']['message']}", file=sys.stderr)
        elif name == "recovery":
            print("online", file=sys.stderr, flush=True)
        elif name == "moved":
            print(f"moving to {data['url']}", file=sys.stderr)


def show_message(message: dict[str, Any]) -> None:
    print(f"{message['sender_id']}: {message['content']}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: python chat.py URL USER ROOM")
    sys.exit(main(*sys.argv[1:]))
