"""What several regions add to the bill: counted where other regions' items arrive."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from typer.testing import CliRunner

from chalicelib.model.identifiers import RoomId, UserId
from chalicelib.model.presence import Status
from chalicelib.model.receipts import Marker
from chalicelib.model.replication import Replicated, ReplicatedMarker
from operate.cost import Usage, budgets, load, monthly
from operate.cost.budgets import Calls
from operate.cost.model import other_region_usd, quantities
from tests.support.counting import Counting, counted
from tests.support.deployment import EU, US, Deployment, entries, heads
from workbench.cli.main import app
from workbench.load.bill import bill as counted_bill

LOBBY, BOB = RoomId("lobby"), UserId("bob")


@pytest.fixture
def deployment() -> Deployment:
    """Alice and Carol are connected to Europe, and a message of the US was read and delivered."""
    deployment = Deployment(US, EU, triggers=True)
    deployment.room("alice", "bob", "carol")
    for user in ("alice", "carol"):
        deployment[EU].connect(user)
    deployment.send(US, "first")
    deployment.replicate()
    deployment.pump()
    return deployment


def bill(ports: dict[str, Counting], streams: int = 1) -> dict[str, float]:
    """What the counted calls are on the bill; forgets them."""
    calls = Counter((name, method) for name, port in ports.items() for method in port.calls)
    for port in ports.values():
        port.calls.clear()
    return counted_bill(calls, streams)


def priced(*operations: Calls) -> dict[str, float]:
    names = ("redis", "reads", "writes", "copied", "fifo", "standard", "published", "deletes")
    return {name: float(sum(getattr(each, name) for each in operations)) for name in names}


def test_an_entry_that_arrives(deployment: Deployment) -> None:
    deployment.send(US, "second")
    ports = counted(deployment[EU])
    deployment.replicate(lambda item: entries(item) or heads(item))
    assert bill(ports) == priced(budgets.ARRIVED_ENTRY)
    deployment.pump()
    assert bill(ports, streams=2) == priced(budgets.deliver_foreign(2))


def test_a_read_marker_that_arrives(deployment: Deployment) -> None:
    def moved() -> Marker:
        message = deployment.send(US, "read this")
        deployment.replicate()
        deployment.pump()
        device = deployment[US].connect("bob")
        ref = {"conversation_id": "lobby", "message_id": message["message_id"]}
        deployment[US].act(device, "message_read", **ref)
        return deployment[US].adapters.markers.of_user(BOB, [LOBBY], [US])[LOBBY]

    before = moved()
    after = moved()
    ports = counted(deployment[EU])
    deployment.report(EU, [ReplicatedMarker(LOBBY, after, before)])
    assert bill(ports) == priced(budgets.ARRIVED_ITEM)
    deployment.pump()
    assert bill(ports) == priced(budgets.READ_TOLD)


def test_a_presence_that_arrives(deployment: Deployment) -> None:
    deployment[US].connect("bob")
    deployment[US].pump(until_ms=deployment[US].clock.ms)
    presence = deployment[US].adapters.presence.get(BOB, US)
    assert presence.status is Status.ONLINE
    deployment[EU].adapters.presence.change(presence, reset=False)
    ports = counted(deployment[EU])
    deployment.report(EU, [Replicated("presence", BOB, US)])
    assert bill(ports) == priced(budgets.ARRIVED_ITEM)
    deployment.pump()
    assert bill(ports) == priced(budgets.FOREIGN_CHANGE, budgets.FOREIGN_PRESENCE)


def test_what_a_message_costs_elsewhere_is_what_it_adds_to_the_bill() -> None:
    def total(regions: int, messages: int) -> float:
        usage = Usage(users=1000, regions=regions, messages=messages, typing=0, egress="none")
        bill = {line.name: line.usd for line in monthly(usage, load())}
        kept = ("dynamodb_gb_months", "dynamodb_backup_gb_months")
        return sum(usd for name, usd in bill.items() if name not in kept)

    more = [total(regions, 21) - total(regions, 20) for regions in (1, 2)]
    each = (more[1] - more[0]) / (1000 * 30.4) * 1_000_000
    # NAT carries the job, which the difference without a VPC leaves out.
    assert each <= other_region_usd(load()) <= each * 1.1


def test_typing_that_crosses(deployment: Deployment) -> None:
    alice = deployment[US].connect("alice")
    deployment.pump()
    deployment.report(US, [Replicated("presence", "carol", EU)])
    deployment.pump()
    for region, user in ((US, alice), (EU, deployment[EU].connect("carol"))):
        deployment[region].act(user, "join_room", room_id="lobby")
        deployment[region].warm()
    deployment.pump()
    for _ in range(2):  # the first fills the caches
        here, there = counted(deployment[US]), counted(deployment[EU])
        deployment[US].act(alice, "typing_start", conversation_id="lobby")
        bill(here)  # the frame itself
        deployment[US].pump(until_ms=deployment[US].clock.ms)
        told = bill(here)
        deployment[EU].pump(until_ms=deployment[EU].clock.ms)
        relayed = bill(there)
        deployment.pass_ms(2_600)
    deployment[US].act(alice, "typing_stop", conversation_id="lobby")
    deployment[US].pump(until_ms=deployment[US].clock.ms)
    bill(there)
    deployment[EU].pump(until_ms=deployment[EU].clock.ms)
    ended = bill(there)
    deployment[EU].wait(30)
    looked = bill(there)
    assert told == priced(budgets.TYPING_PUBLISHED)
    begin, end, look = budgets.TYPING_RELAYED
    assert relayed == priced(begin)
    assert ended == priced(end)
    assert looked == priced(look, look), "one for each begin"


@pytest.mark.parametrize("regions", [2, 3])
def test_what_each_region_has_and_what_they_share(regions: int) -> None:
    one, several = (quantities(Usage(users=1000, regions=n)) for n in (1, regions))
    for name in ("secrets", "dashboards", "metric_requests", "nat_hours", "dynamodb_gb_months"):
        assert several[name] == pytest.approx(one[name] * regions), name
    for name in ("websocket_messages", "websocket_minutes", "http_requests", "cloudfront_gb"):
        assert several[name] == pytest.approx(one[name]), name
    for name in ("dynamodb_writes", "lambda_requests", "sqs_fifo", "log_gb", "region_gb"):
        assert several[name] > one[name], name


def test_every_write_of_a_message_is_made_in_every_region() -> None:
    def writes(regions: int) -> float:
        of = [quantities(Usage(users=1000, regions=regions, messages=n)) for n in (20, 21)]
        return (of[1]["dynamodb_writes"] - of[0]["dynamodb_writes"]) / (1000 * 30.4)

    here, there = budgets.DELIVER.writes, budgets.deliver_foreign(2).writes
    for regions in (1, 2, 3):
        others = regions - 1
        expected = budgets.SEND.writes * regions + here + there * others
        assert writes(regions) == pytest.approx(expected)


def test_the_command() -> None:
    run = CliRunner().invoke(app, ["cost", "--users", "500", "--regions", "2", "--json"])
    assert run.exit_code == 0, run.output
    [told] = json.loads(run.output)
    usd = sum(line.usd for line in monthly(Usage(users=500, regions=2), load()))
    assert told["usd"] == round(usd, 2)
    assert told["regions"] == 2
