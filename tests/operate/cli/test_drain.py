"""`tidings drain` against the endpoints of a world."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import pytest
from typer.testing import CliRunner

from chalicelib.entrypoints.http import operating, rest
from tests.support.draining import HERE, deployed
from tests.support.world import World
from workbench.cli.main import app

ENDPOINTS = {
    "GET": operating.show_drain,
    "PUT": operating.start_drain,
    "DELETE": operating.stop_drain,
}


@pytest.fixture
def world() -> World:
    return deployed()


@pytest.fixture
def url(world: World) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self._body())
            self._answer(200, {"token": world.token(asked["user_id"], roles=asked["roles"])})

        def do_GET(self) -> None:
            query = dict(parse_qsl(urlsplit(self.path).query))
            request = rest.HttpRequest(dict(self.headers), query, {}, self._body())
            answer = rest.handle(world.services, request, ENDPOINTS[self.command])
            self._answer(answer.status, answer.body)

        do_PUT = do_DELETE = do_GET

        def _body(self) -> str:
            return self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()

        def _answer(self, status: int, body: object) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["drain", *words])
    return done.exit_code, done.stdout if done.exit_code == 0 else done.output


def test_a_drain_from_its_start_to_its_end(world: World, url: str) -> None:
    world.connect("alice")
    assert run("status", "--url", url) == (0, f"{HERE}: takes new clients; connections: 1\n")
    code, said = run("start", HERE, "--over", "300", "--url", url)
    assert (code, said.endswith(", over 300 s; connections: 1\n")) == (0, True), said
    code, said = run("status", "--url", url, "--json")
    assert (code, json.loads(said)["draining"], json.loads(said)["over_s"]) == (0, True, 300)
    code, said = run("stop", HERE, "--url", url)
    assert (code, "takes new clients" in said) == (0, True), said
    assert world.adapters.drains.get() is None


def test_the_wrong_region_is_refused(world: World, url: str) -> None:
    code, said = run("start", "eu-west-1", "--url", url)
    assert (code, f"this is {HERE}, not eu-west-1" in said) == (1, True), said
    assert world.adapters.drains.get() is None


def test_a_region_without_another_is_refused(world: World, url: str) -> None:
    world.peers.up.clear()
    code, said = run("start", HERE, "--url", url)
    assert (code, "nowhere to go" in said) == (1, True), said


@pytest.mark.parametrize("words", [("start",), ("start", "x"), ("start", HERE, "--over", "-1")])
def test_what_is_wrong_is_not_sent(words: tuple[str, ...]) -> None:
    assert run(*words, "--url", "http://127.0.0.1:9")[0] == 2
