"""The cost estimate: its budgets are the code's, its arithmetic is right, the docs have it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from typer.testing import CliRunner

from chalicelib.kernel.ids import BUCKETS
from operate.cli.cost import USERS
from operate.cost import Price, Usage, budgets, load, monthly
from operate.cost.budgets import Calls
from operate.cost.markdown import BEGIN, END, block
from operate.cost.model import SERVICES, heartbeat_usd, quantities
from operate.cost.prices import document
from operate.cost.usage import FUNCTIONS, MONTH_S, Egress
from tests.support.counting import Counting, counted
from tests.support.socketio import Client
from tests.support.world import World
from workbench.cli.main import app
from workbench.load.bill import bill as counted_bill

ROOT = Path(__file__).resolve().parents[2]
TEXT: dict[str, Any] = {"conversation_id": "lobby", "message_type": "text", "content": "x"}


def bill(ports: dict[str, Counting], rooms: int = 1) -> dict[str, float]:
    """What the counted calls are on the bill; forgets them."""
    calls = Counter((name, method) for name, port in ports.items() for method in port.calls)
    for port in ports.values():
        port.calls.clear()
    return counted_bill(calls, rooms)


def priced(*operations: Calls) -> dict[str, float]:
    names = ("redis", "reads", "writes", "copied", "fifo", "standard", "published", "deletes")
    return {name: float(sum(getattr(each, name) for each in operations)) for name in names}


def test_coming_and_going() -> None:
    world = World()
    world.room("alice", "bob")
    ports = counted(world)
    alice = world.connect("alice")
    assert bill(ports) == priced(budgets.CONNECT)
    world.pump(until_ms=world.clock.ms)
    assert bill(ports) == priced(budgets.CAME)
    world.disconnect(alice)
    assert bill(ports) == priced(budgets.DISCONNECT)
    world.pump(until_ms=world.clock.ms + 20_000)
    assert bill(ports) == priced(budgets.LEFT_LOOK, budgets.LEFT)


@pytest.mark.parametrize("rooms", [2, 5])
def test_socketio_comes_and_goes(rooms: int) -> None:
    world = member_of(rooms)
    ports = counted(world)
    client = Client(world, "s1=")
    assert bill(ports) == priced(budgets.SIO_CONNECT)
    world.pump(until_ms=world.clock.ms)
    assert bill(ports) == priced(budgets.SIO_OPENED)
    assert len(client.posted) == 1
    token = world.token("alice")
    assert client.say("40" + json.dumps({"token": token, "recovery": True})) == ""
    assert bill(ports) == priced(budgets.SIO_NAMESPACE)
    world.pump(until_ms=world.clock.ms)
    assert bill(ports, rooms) == priced(budgets.sio_joined(rooms), budgets.CAME)
    assert len(client.posted) == 1 + 2
    world.disconnect("s1=")
    assert bill(ports) == priced(budgets.SIO_DISCONNECT)
    world.pump(until_ms=world.clock.ms + 20_000)
    assert bill(ports) == priced(budgets.LEFT_LOOK, budgets.LEFT)


@pytest.mark.parametrize("rooms", [2, 5])
def test_a_sync_with_news_of_one_room(rooms: int) -> None:
    world = member_of(rooms)
    alice, bob = world.connect("alice"), world.connect("bob")
    known = world.act(alice, "sync", positions={})["conversations"]
    world.act(bob, "send_message", **TEXT | {"conversation_id": "room0"})
    world.pump()
    ports = counted(world)
    positions = {room_id: room["position"] for room_id, room in known.items()}
    answer = world.act(alice, "sync", positions=positions)["conversations"]
    assert len(answer["room0"]["messages"]) == 1
    assert bill(ports, rooms) == priced(budgets.sync(rooms))


def member_of(rooms: int) -> World:
    """Alice and Bob are members of so many rooms, and their caches are not filled."""
    world = World()
    for number in range(rooms):
        world.room("alice", "bob", room_id=f"room{number}")
    world.wait(60)
    return world


def test_messages_and_what_goes_with_them() -> None:
    world = World()
    world.room("alice", "bob")
    alice, bob = world.connect("alice"), world.connect("bob")
    world.act(bob, "join_room", room_id="lobby")
    world.pump()
    message = ""
    for _ in range(2):  # the first of a kind fills caches
        ports = counted(world)
        message = world.act(alice, "send_message", **TEXT)["message_id"]
        sent = bill(ports)
        world.pump()
        delivered = bill(ports)
        world.act(bob, "message_read", conversation_id="lobby", message_id=message)
        read = bill(ports)
        world.pump()
        told = bill(ports)
        world.act(alice, "typing_start", conversation_id="lobby")
        typed = bill(ports)
        world.pump()
        seen = bill(ports)
    assert sent == priced(budgets.SEND)
    assert delivered == priced(budgets.DELIVER)
    assert read == priced(budgets.READ)
    assert told == priced(budgets.READ_TOLD)
    assert typed == priced(budgets.TYPING)
    assert seen == priced(budgets.TYPING_TOLD, budgets.TYPING_TOLD)
    ports = counted(world)
    world.act(alice, "hello")
    assert bill(ports) == priced(budgets.FRAME)


def test_a_heartbeat() -> None:
    world = World()
    client = Client(world, "s1=")
    client.connect("alice")
    world.pump(until_ms=world.clock.ms)
    ports = counted(world)
    world.clock.ms += world.settings.ping_interval_ms
    posts = world.poster.calls
    world.pump(until_ms=world.clock.ms)
    assert world.poster.calls - posts == 1
    assert bill(ports) == priced(budgets.BEAT)
    assert client.say("3") == ""
    assert bill(ports) == priced(budgets.PONG)
    world.clock.ms += budgets.SEEN_S * 1000
    assert client.say("3") == ""
    assert bill(ports) == {**priced(budgets.PONG), "writes": budgets.SEEN_WRITES}
    world.warm()
    ports = counted(world)
    world.sweep()
    assert [call for call in ports["connections"].calls if call != "index_all"] == ["due"]
    asked = [call for call in ports["cache"].calls if call in ("keep_warm", "silent")]
    assert len(asked) == budgets.SWEEP.redis
    assert budgets.SWEEP.reads == 0.5 * BUCKETS


def test_a_price_has_tiers() -> None:
    price = Price(10, ((100, 2.0), (200, 1.0), (None, 0.5)), "things", "page", "https://…")
    assert price.usd(0) == 0
    assert price.usd(50) == 10
    assert price.usd(100) == 20
    assert price.usd(150) == 25
    assert price.usd(300) == 20 + 10 + 5


def test_everything_used_has_a_price_and_every_price_is_used() -> None:
    names = [name for group in SERVICES.values() for name in group]
    assert len(names) == len(set(names))
    assert set(names) == set(load()) == set(quantities(Usage(users=1)))


def test_each_price_says_where_it_is_from() -> None:
    sources = document()["sources"]
    for name, price in load().items():
        assert price.source in sources, name
        assert price.page.startswith("https://aws.amazon.com/"), name
        assert price.tiers[-1][0] is None, name
        ends = [end for end, _ in price.tiers[:-1]]
        assert ends == sorted(ends), name


def test_what_grows_with_users_and_what_does_not() -> None:
    none, some, twice = (quantities(Usage(users=n)) for n in (0, 1_000_000, 2_000_000))
    fixed = {"metrics", "metric_requests", "alarms", "dashboards", "secrets"}
    fixed |= {"nat_hours", "public_ipv4_hours", "endpoint_hours"}
    for name in some:
        if name in fixed:
            assert none[name] == some[name] == twice[name]
        elif name != "redis_gb_hours":  # it has a least size
            assert twice[name] - some[name] == pytest.approx(some[name] - none[name]), name
    assert none["redis_gb_hours"] > 0
    assert none["websocket_messages"] == none["websocket_minutes"] == 0


def _is_of_several_regions(metric: str) -> bool:
    return metric == "entries_passed_over" or metric.startswith("events_")


def test_the_way_out_is_what_terraform_makes() -> None:
    variables = (ROOT / "terraform" / "variables.tf").read_text()
    usage = Usage(users=1)
    assert f'egress              = optional(string, "{usage.egress}")' in variables
    assert f"zones               = optional(number, {usage.zones})" in variables
    metrics = ROOT / "terraform" / "modules" / "monitoring" / "metrics.json"
    own = [name for name in json.loads(metrics.read_text()) if not _is_of_several_regions(name)]
    assert quantities(usage)["metrics"] == len(own)
    endpoints = (ROOT / "terraform" / "modules" / "network" / "endpoints.tf").read_text()
    assert 'local.ipv6 ? concat(["sqs", "secretsmanager", "monitoring"], var.several' in endpoints
    hours = MONTH_S / 3600
    assert quantities(replace(usage, egress="ipv6"))["endpoint_hours"] == 3 * usage.zones * hours


def test_posts_and_sends_go_through_the_way_out() -> None:
    usage = Usage(users=1000)
    nat, single, ipv6, none = (quantities(replace(usage, egress=e)) for e in get_args(Egress))
    heavier = quantities(replace(usage, post_bytes=usage.post_bytes + 1000))
    posts = (heavier["nat_gb"] - nat["nat_gb"]) * 1e9 / 1000
    sends = ipv6["endpoint_gb"] * 1e9 / usage.send_bytes
    each = usage.event_bytes + usage.post_bytes
    assert posts > 0
    assert sends > 0
    assert nat["nat_gb"] == pytest.approx((posts * each + sends * usage.send_bytes) / 1e9)
    assert single["nat_gb"] == nat["nat_gb"]
    assert single["zone_gb"] == pytest.approx(nat["nat_gb"])  # half of it, billed on both sides
    hours = MONTH_S / 3600
    assert [each["nat_hours"] for each in (nat, single, ipv6, none)] == [2 * hours, hours, 0, 0]
    assert sum(none[name] for name in SERVICES["Network"]) == 0


def test_without_a_vpc_the_cache_is_ones_own() -> None:
    used = quantities(Usage(users=1000, egress="none"))
    assert used["redis_gb_hours"] == used["redis_ecpus"] == 0


def test_heartbeats_cost_by_their_number() -> None:
    quick, slow = (heartbeat_usd(s, load()) for s in (25, 240))
    assert quick[0] == pytest.approx(0.21, abs=0.005)
    assert slow[0] == pytest.approx(0.022, abs=0.001)
    assert quick[1] < slow[1] * 240 / 25, "fewer of them are stored"


def test_the_functions_have_the_memory_that_is_deployed() -> None:
    config = json.loads((ROOT / ".chalice" / "config.json").read_text())
    deployed = config["stages"]["prod"]["lambda_functions"]
    memory = {name: function["lambda_memory_size"] for name, function in deployed.items()}
    assert memory == {name: memory_mb for name, (memory_mb, _) in FUNCTIONS.items()}


def test_the_sources_of_prices_are_counted() -> None:
    text = " ".join(block(USERS, load()).split())
    for name, how in document()["sources"].items():
        count = sum(price.source == name for price in load().values())
        assert f"{count} {how}" in text


def test_the_deploy_guide_has_the_current_tables() -> None:
    guide = (ROOT / "docs" / "how-to" / "deploy.md").read_text()
    begin, end = guide.index(BEGIN), guide.index(END) + len(END)
    assert guide[begin:end] == block(USERS, load())


def test_the_command() -> None:
    run = CliRunner().invoke(app, ["cost", "--users", "500", "--users", "9", "--json"])
    assert run.exit_code == 0, run.output
    told, other = json.loads(run.output)
    assert other["users"] == 9
    lines = monthly(Usage(users=500), load())
    assert told["usd"] == round(sum(line.usd for line in lines), 2)
    assert [line["name"] for line in told["lines"]] == [line.name for line in lines]
    table = CliRunner().invoke(app, ["cost", "--users", "500"])
    assert "API Gateway" in table.output
    assert BEGIN in CliRunner().invoke(app, ["cost", "--markdown"]).output
