"""The dearest requests, counted by `workbench.load.dearest`; docs/reference/dearest.md has them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from chalicelib.actions import ACTIONS as OF_CLIENTS
from chalicelib.entrypoints.http.openapi import OPERATIONS
from chalicelib.kernel.settings import Settings
from operate.cost import load
from tests.support.paths import ROOT
from workbench.load.dearest.exceptions import WHY
from workbench.load.dearest.kinds import Kind
from workbench.load.dearest.price import THROTTLE
from workbench.load.dearest.region import Measured
from workbench.load.dearest.scene import ME, Scene
from workbench.load.dearest.table import BEGIN, END, KINDS, PAGE, block, exceeds, row

STALE = "run `python -m workbench.load.dearest --write`"
REGION = ROOT / "terraform" / "modules" / "region" / "variables.tf"


@pytest.fixture(scope="module")
def committed() -> str:
    text = PAGE.read_text()
    return text[text.index(BEGIN) : text.index(END) + len(END)]


# What takes seconds, as large rooms or many rooms and friends are made first.
LARGE = re.compile(r"largest|the same$|\d,000")


def _parameter(kind: Kind) -> Any:
    marks = [pytest.mark.extended] if LARGE.search(kind.worst) else []
    return pytest.param(kind, marks=marks, id=f"{kind.name} {kind.worst}")


@pytest.mark.timeout(120)
@pytest.mark.parametrize("kind", [_parameter(kind) for kind in KINDS])
def test_a_row_is_what_is_counted_and_a_dear_one_is_explained(kind: Kind, committed: str) -> None:
    measured = kind.make()
    assert row(kind, measured, load()) in committed.splitlines(), STALE
    assert not exceeds(measured) or kind.name in WHY, "make it cheaper, or say why it is dear"


def test_there_is_nothing_else_on_the_page(committed: str) -> None:
    rows = {kind.who: list[str]() for kind in KINDS}
    for kind in KINDS:
        [found] = [
            line for line in committed.splitlines()
            if line.startswith(f"| {kind.name} | {kind.worst} | ")
        ]  # fmt: skip
        rows[kind.who].append(found)
    assert block(rows) == committed, STALE


MOST_USD_AN_HOUR = 50  # that one user or one stranger can make the deployment cost
DEARER = {
    "`join_room`": "who is in the room is read once, then Redis has it: nobody can repeat that",
}


def test_nobody_can_cost_much_in_an_hour(committed: str) -> None:
    kinds = {kind.name for kind in KINDS if kind.who != "operator"}
    dear = set()
    for line in committed.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] in kinds and len(cells) == 12:
            usd = float(cells[-1].strip("*").lstrip("$").replace(",", ""))
            dear |= {cells[0]} if usd > MOST_USD_AN_HOUR else set()
    assert dear == DEARER.keys()


def test_every_reason_is_of_a_request() -> None:
    assert set(WHY) <= {kind.name for kind in KINDS}


def test_every_action_and_every_route_is_counted() -> None:
    names = {kind.name for kind in KINDS}
    assert {f"`{name}`" for name in OF_CLIENTS} <= names
    assert {f"`{each.method} {each.path}`" for each in OPERATIONS} <= names


def test_the_throttle_is_terraform_s() -> None:
    [given] = re.findall(r"gateway_shares .*\), \{ (.*) \}\)", REGION.read_text())
    shares = {name: float(share) for name, share in re.findall(r"(\w+) = ([\d.]+)", given)}
    posts = round(10_000 * shares["posts"])
    assert posts == Settings().posts_per_s
    found = {"websocket": shares["frames"], "http": shares["http"]}
    assert {name: round(10_000 * share) for name, share in found.items()} == THROTTLE


@pytest.mark.parametrize("action", ["hello", "send_message", "sync", "typing_start"])
def test_over_socketio_an_action_costs_the_same(action: str) -> None:
    over_json, over_socketio = (_small(action, stock=stock) for stock in (False, True))
    for quantity in ("redis", "reads", "writes", "fifo", "standard"):
        assert over_json.total(quantity) == over_socketio.total(quantity), quantity
    assert over_json.charges == over_socketio.charges


def _small(action: str, *, stock: bool) -> Measured:
    scene = Scene()
    room_id = scene.room("room", [ME, "other"])
    data: dict[str, object] = {
        "send_message": {
            "conversation_id": room_id,
            "message_type": "text",
            "content": "x" * 9_999,
        },
        "sync": {"positions": {}},
        "typing_start": {"conversation_id": room_id},
    }.get(action, {})  # type: ignore[assignment]
    if stock:
        return scene.emit(scene.connect_stock(ME), action, **data)
    return scene.act(scene.connect(ME), action, **data)


def test_what_a_request_consumes_is_owed() -> None:
    """50 units read or 20 written are free; what is beyond keeps the user out for a while."""
    scene = Scene()
    scene.rooms(100)
    device = scene.connect(ME)
    frame = json.dumps({"action": "sync", "data": {"positions": {}, "limit": 1}})
    answers = [scene.say(device, frame) for _ in range(30)]
    refused = [answer for answer in answers if "rate_limited" in answer]
    assert 5 < len(refused) < 29, len(refused)
    assert json.loads(refused[0])["data"]["retry_after_ms"] > 0
