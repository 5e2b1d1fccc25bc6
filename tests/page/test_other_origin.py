"""A page of another origin in a real browser: what it may do when it is allowed, and when not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.support.node import HERE
from tests.support.own_process import stack
from tests.support.people import People, name

LIBRARY = HERE / "node_modules" / "socket.io-client" / "dist" / "socket.io.min.js"
CONNECT = """([url, token, transports]) => new Promise((done) => {
  const socket = io(url, { auth: { token }, transports, reconnection: false });
  socket.on("connect", () => socket.emit("hello", {}, (answer) => {
    socket.disconnect();
    done(answer.data.user_id);
  }));
  socket.on("connect_error", () => done("refused"));
})"""
FETCH = """([url, token]) => fetch(`${url}/v1/rooms`, {
  method: "POST",
  headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
  body: JSON.stringify({ room_type: "group_chat", participants: [] }),
}).then((answer) => answer.status, () => "refused")"""
FAILS = """([url]) => fetch(`${url}/v1/rooms`).then(
  async (answer) => (await answer.json()).error.code, () => "refused")"""


@pytest.fixture(scope="module")
def pages() -> Iterator[int]:
    """The port of a server whose pages have the stock client and nothing else."""
    if not LIBRARY.is_file():
        pytest.skip("socket.io-client is not installed: make node")
    with ThreadingHTTPServer(("127.0.0.1", 0), _page(LIBRARY)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def _page(library: Path) -> type[BaseHTTPRequestHandler]:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            script = self.path.endswith(".js")
            body = library.read_bytes() if script else b'<script src="/client.js"></script>'
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript" if script else "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            return

    return Page


@pytest.mark.timeout(180)
def test_allowed_and_not(browser: Browser, pages: int) -> None:
    """To a browser, localhost is another origin than 127.0.0.1."""
    allowed, other = f"http://127.0.0.1:{pages}", f"http://localhost:{pages}"
    with stack(f'environment={{"TIDINGS_ALLOWED_ORIGINS": "{allowed}"}}') as port:
        url = f"http://127.0.0.1:{port}"
        with People(url, "") as people:
            user = name("ann")
            token = people.token(user)
        page = browser.new_page()
        for origin, welcome in ((allowed, True), (other, False)):
            page.goto(origin)
            connected = page.evaluate(CONNECT, [url, token, ["polling", "websocket"]])
            assert connected == (user if welcome else "refused")
            assert page.evaluate(FETCH, [url, token]) == (201 if welcome else "refused")
            assert page.evaluate(FAILS, [url]) == ("unauthorized" if welcome else "refused")
            # Browsers do not ask for websockets: who has a token may use them from anywhere.
            assert page.evaluate(CONNECT, [url, token, ["websocket"]]) == user
        page.close()
