"""The page over JSON, over Socket.IO's websocket, and over polling with its upgrade."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.support.node import HERE
from tests.support.page import Person
from tests.support.people import name

Visit = Callable[..., Person]


@pytest.fixture(autouse=True)
def client() -> None:
    if not (HERE / "node_modules" / "socket.io-client").is_dir():
        pytest.skip("socket.io-client is not installed: make node")


@pytest.mark.timeout(180)
def test_three_modes_in_one_chat(visit: Visit) -> None:
    modes = ("json", "websocket", "upgrade")
    people = {mode: visit(name(mode), via=mode) for mode in modes}
    users = [person.user for person in people.values()]
    people["json"].create_group("Modes", *users[1:])
    for person in people.values():
        person.open("Modes")
    for mode, person in people.items():
        person.say(f"from {mode}")
        for other in people.values():
            other.sees(f"from {mode}")


@pytest.mark.timeout(180)
@pytest.mark.parametrize("mode", ["websocket", "upgrade"])
def test_a_lost_network_over_socketio(visit: Visit, mode: str) -> None:
    ann, ben = visit(name("ann"), via=mode), visit(name("ben"))
    ben.create_group("Lost", ann.user)
    for person in (ann, ben):
        person.open("Lost")
    ann.context.set_offline(True)
    expect(ann.page.locator("body")).not_to_have_attribute("data-connection", "online")
    ben.say("while you were away")
    ann.context.set_offline(False)
    ann.wait_online()
    ann.sees("while you were away")


def test_the_switch_is_under_the_hood(visit: Visit) -> None:
    ann = visit(name("ann"))
    ann.page.get_by_role("button", name="Under the hood").click()
    ann.page.get_by_label("Protocol").select_option("websocket")
    ann.page.wait_for_url("**via=websocket**")
    ann.wait_online()
    expect(ann.page.get_by_label("Protocol")).to_have_value("websocket")
