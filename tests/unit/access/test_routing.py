"""Routers: the hash, the region tables, health and fallbacks."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.access.routing import ASKED_EVERY_MS, by_preference, near, shard_of, stable_hash
from chalicelib.adapters.peers import HttpPeers
from chalicelib.entrypoints.http import rest
from chalicelib.kernel.settings import Endpoint, Settings
from chalicelib.model.identifiers import Region, UserId
from tests.support.world import World

ALL = [
    Region(name)
    for name in (
        "us-west-2",
        "eu-central-1",
        "ap-northeast-1",
        "us-east-1",
        "ap-southeast-1",
        "eu-west-1",
    )
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("a", 97),
        ("hello", 99162322),
        ("polygenelubricants", 2**31),  # -2^31 in Java, whose abs() it would stay
        ("Aa", 2112),
        ("BB", 2112),
        ("\N{PILE OF POO}", 1772556),
    ],
)
def test_known_hashes(text: str, expected: int) -> None:
    assert stable_hash(text) == expected


@given(st.text(max_size=40))
def test_the_hash_is_the_polynomial(text: str) -> None:
    raw = text.encode("utf-16-le", "surrogatepass")
    units = [int.from_bytes(raw[at : at + 2], "little") for at in range(0, len(raw), 2)]
    total = sum(unit * 31 ** (len(units) - 1 - at) for at, unit in enumerate(units)) % 2**32
    assert stable_hash(text) == min(total, 2**32 - total)


def test_shards_are_even_enough() -> None:
    counts = dict.fromkeys((f"ws-{n}" for n in range(4)), 0)
    for number in range(4000):
        counts[shard_of(f"user-{number}", 4)] += 1
    assert all(800 < count < 1200 for count in counts.values()), counts


def test_region_tables() -> None:
    def order(location: str) -> list[str]:
        return [str(region) for region in by_preference(location, ALL)]

    asia, america = ["ap-southeast-1", "ap-northeast-1"], ["us-east-1", "us-west-2"]
    europe = ["eu-west-1", "eu-central-1"]
    assert order("CN") == order("cn") == asia + america + europe
    assert order("US") == america + europe + asia
    for location in ("DE", "BR", "", "nowhere"):
        assert order(location) == europe + america + asia
    assert by_preference("US", [Region("sa-east-1"), Region("us-west-2")]) == [
        "us-west-2",
        "sa-east-1",
    ]


def deployed(**more: Any) -> World:
    regions = ("us-east-1", "eu-west-1", "ap-northeast-1")
    endpoints = {
        Region(r): Endpoint(f"wss://{{shard}}.{r}.chat/ws", f"https://{r}/health") for r in regions
    }
    return World(endpoints=endpoints, shards=4, **more)


def ask(world: World, **query: str) -> Any:
    answer = world.http(rest.endpoint, "alice", query=query)
    assert answer.status == 200, answer
    return answer.body


def test_the_best_healthy_region_and_the_others_in_order() -> None:
    world = deployed()
    world.peers.up = {"https://eu-west-1/health", "https://ap-northeast-1/health"}
    shard = shard_of("alice", 4)
    got = ask(world, location="CN")
    assert (got["region"], got["shard"]) == ("ap-northeast-1", shard)
    assert got["url"] == f"wss://{shard}.ap-northeast-1.chat/ws"
    assert [each["region"] for each in got["fallbacks"]] == ["us-east-1", "eu-west-1"]
    assert ask(world, location="US")["region"] == "us-east-1"
    assert ask(world, location="FR")["region"] == "eu-west-1"
    assert ask(world)["region"] == "eu-west-1"


def test_the_edge_says_where_a_request_came_from() -> None:
    world = deployed()
    world.peers.up = {"https://ap-northeast-1/health"}
    headers = {"Authorization": f"Bearer {world.token('alice')}", "CloudFront-Viewer-Country": "CN"}
    answer = rest.handle(world.services, rest.HttpRequest(headers, {}, {}, ""), rest.endpoint)
    assert answer.body["region"] == "ap-northeast-1"


def test_a_region_that_died_is_left_out_within_ten_seconds() -> None:
    world = deployed()
    world.peers.up = {"https://eu-west-1/health", "https://ap-northeast-1/health"}
    for _ in range(5):
        assert ask(world, location="FR")["region"] == "eu-west-1"
    assert len(world.peers.asked) == 2, "once in a while"
    world.peers.up = set()
    world.clock.ms += ASKED_EVERY_MS
    got = ask(world, location="FR")
    assert (got["region"], got["fallbacks"]) == ("us-east-1", [])
    assert {each["region"] for each in got["unhealthy"]} == {"ap-northeast-1", "eu-west-1"}


def test_a_region_that_does_not_work_offers_the_others_first_and_itself_at_last() -> None:
    world = deployed()
    world.probes.hanging.add("dynamodb")
    assert ask(world, location="US")["region"] == "us-east-1", "there is no other one"
    world.peers.up = {"https://eu-west-1/health"}
    world.clock.ms += ASKED_EVERY_MS
    got = ask(world, location="US")
    assert (got["region"], got["fallbacks"]) == ("eu-west-1", [])
    assert {each["region"] for each in got["unhealthy"]} == {"us-east-1", "ap-northeast-1"}


def test_the_nearest_of_the_others() -> None:
    assert near(Region("us-west-2"), ALL)[:2] == ["us-east-1", "us-west-2"]
    assert near(Region("ap-southeast-1"), [Region("us-east-1"), Region("ap-northeast-1")]) == [
        "ap-northeast-1",
        "us-east-1",
    ]
    assert near(Region("sa-east-1"), [Region("us-east-1"), Region("eu-west-1")])[0] == "eu-west-1"
    world = deployed()
    assert world.services.router.elsewhere(UserId("alice")) is None
    world.peers.up = {"https://eu-west-1/health", "https://ap-northeast-1/health"}
    world.clock.ms += ASKED_EVERY_MS
    there = world.services.router.elsewhere(UserId("alice"))
    assert there is not None
    assert there.url == f"wss://{shard_of('alice', 4)}.eu-west-1.chat/ws"


def test_without_endpoints_it_says_so() -> None:
    answer = World().http(rest.endpoint, "alice")
    assert (answer.status, answer.body["error"]["code"]) == (404, "not_found")


def test_endpoints_come_from_the_environment() -> None:
    text = '{"us-east-1": {"websocket": "wss://x", "health": "https://x"}}'
    read = Settings.from_env({"TIDINGS_ENDPOINTS": text, "TIDINGS_SHARDS": "3"})
    assert read.endpoints == {"us-east-1": Endpoint("wss://x", "https://x")}
    assert read.shards == 3
    for bad in ("[]", "x", '{"us-east-1": "wss://x"}', '{"us-east-1": {"websocket": "wss://x"}}'):
        with pytest.raises(ValueError):
            Settings.from_env({"TIDINGS_ENDPOINTS": bad})


@pytest.fixture
def answering() -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(int(self.path.strip("/")))
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(10)


def test_health_over_http(answering: str) -> None:
    peers = HttpPeers()
    assert peers.healthy(f"{answering}/200")
    for bad in (f"{answering}/503", f"{answering}/404", "http://127.0.0.1:1/", "file:///", ""):
        assert not peers.healthy(bad), bad
