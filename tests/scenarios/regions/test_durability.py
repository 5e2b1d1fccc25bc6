"""Who gets `global`, what the ack says, and what it costs."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.entrypoints.http import rest
from chalicelib.kernel.settings import Alone
from chalicelib.messaging.durability import REST_MS
from chalicelib.model.log import Durability
from chalicelib.model.rooms import RoomType
from tests.support.counting import counted
from tests.support.deployment import AP, EU, US
from tests.support.durability import COPY_S, history, lobby, send_to
from tests.support.world import World


class TestAlone:
    """No other region takes a copy."""

    def test_the_ack_says_so(self) -> None:
        deployment = lobby()
        deployment.cut(US)
        assert deployment.send(US, "x", durability="global")["durability"] == "regional"

    def test_or_it_is_refused_and_a_resend_makes_it_global(self) -> None:
        deployment = lobby(global_alone=Alone.REFUSE)
        deployment.cut(US)
        more = {"durability": "global", "client_message_id": "c1"}
        refused = send_to(deployment[US], "x", **more)
        assert (refused.status, refused.body["error"]["code"]) == (503, "unavailable")
        assert refused.body["error"]["retry_after_ms"] == REST_MS
        deployment.join(US)
        deployment.pass_ms(REST_MS)
        assert deployment.send(US, "x", **more)["durability"] == "global"
        assert history(deployment[US]) == ["x"]
        deployment.lose(US)
        deployment.wait(COPY_S)
        assert history(deployment[EU]) == ["x"]

    def test_a_resend_elsewhere_brings_it_also_to_the_third_region(self) -> None:
        """The first one was lost when only one of the others had it."""
        deployment = lobby(US, EU, AP)
        deployment.send(US, "x", client_message_id="c1")
        deployment.replicate(target=EU)
        deployment.lose(US)
        again = send_to(deployment[EU], "x", durability="global", client_message_id="c1")
        assert again.body["durability"] == "global"
        deployment.replicate()
        deployment.wait(COPY_S)
        assert history(deployment[AP]) == history(deployment[EU]) == ["x"]

    def test_while_nobody_answers_it_is_refused_before_it_is_stored(self) -> None:
        deployment = lobby(global_alone=Alone.REFUSE)
        deployment.cut(US)
        for text in "12":
            assert send_to(deployment[US], text, durability="global").status == 503
        assert history(deployment[US]) == ["1"]
        assert send_to(deployment[US], "3").status == 201

    def test_a_region_that_is_silent_is_not_asked_for_each_message(self) -> None:
        deployment = lobby()
        deployment.cut(US)
        for text in "123":
            assert deployment.send(US, text, durability="global")["durability"] == "regional"
        queues = deployment.peer_queues[US]
        assert queues.asked == [EU]
        deployment.join(US)
        deployment.pass_ms(REST_MS)
        assert deployment.send(US, "4", durability="global")["durability"] == "global"
        assert queues.asked == [EU, EU]

    def test_the_next_region_is_asked(self) -> None:
        deployment = lobby(US, EU, AP)
        del deployment.peer_queues[US].queues[AP]
        for text in "12":
            assert deployment.send(US, text, durability="global")["durability"] == "global"
        assert deployment.peer_queues[US].asked == [AP, EU, EU]

    @pytest.mark.parametrize(
        ("alone", "status"), [(Alone.ACK, 201), (Alone.REFUSE, 503)], ids=["ack", "refuse"]
    )
    def test_a_deployment_of_one_region_is_always_alone(self, alone: Alone, status: int) -> None:
        world = World(global_alone=alone)
        world.room("alice", "bob")
        answer = send_to(world, "x", durability="global")
        assert answer.status == status
        assert answer.body.get("durability", "regional") == "regional"
        assert history(world) == (["x"] if status == 201 else [])
        assert send_to(world, "y").body["durability"] == "regional"


class TestWhoAsks:
    """By deployment, by room type and by message."""

    def test_by_default_nothing_is_sent_elsewhere(self) -> None:
        deployment = lobby()
        assert deployment.send(US, "x")["durability"] == "regional"
        assert deployment.peer_queues[US].asked == []

    def test_the_deployment(self) -> None:
        deployment = lobby(durability=Durability.GLOBAL)
        assert deployment.send(US, "x")["durability"] == "global"

    def test_the_room_type(self) -> None:
        of_rooms = {RoomType.NOTIFICATIONS: Durability.GLOBAL}
        deployment = lobby(room_durability=of_rooms)
        assert deployment.send(US, "x")["durability"] == "regional"
        world, body = deployment[US], {"content": "x", "message_type": "text"}
        assert world.http(rest.post_moment, "alice", body).body["durability"] == "regional"
        body["user_id"] = "alice"
        answer = world.http(rest.post_notification, "shop", body, roles=["service"])
        assert answer.body["durability"] == "global"

    def test_a_room_type_may_have_less_than_the_deployment(self) -> None:
        of_rooms = {RoomType.GROUP_CHAT: Durability.REGIONAL}
        deployment = lobby(durability=Durability.GLOBAL, room_durability=of_rooms)
        assert deployment.send(US, "x")["durability"] == "regional"
        assert deployment.send(US, "x", durability="global")["durability"] == "global"

    def test_a_message_cannot_ask_for_less_than_its_room(self) -> None:
        deployment = lobby(durability=Durability.GLOBAL)
        assert deployment.send(US, "x", durability="regional")["durability"] == "global"

    def test_over_a_websocket(self) -> None:
        deployment = lobby()
        world, device = deployment[US], deployment[US].connect("alice")
        body = {"conversation_id": "lobby", "message_type": "text", "content": "x"}
        assert world.act(device, "send_message", **body)["durability"] == "regional"
        ack = world.act(device, "send_message", durability="global", **body)
        assert ack["durability"] == "global"

    @pytest.mark.parametrize("wrong", ["Global", "", None, 1, ["global"]])
    def test_what_is_no_durability_is_refused_before_anything_is_written(self, wrong: Any) -> None:
        deployment = lobby()
        world, device = deployment[US], deployment[US].connect("alice")
        answer = send_to(world, "x", durability=wrong)
        assert (answer.status, answer.body["error"]["code"]) == (400, "bad_request")
        body = {"conversation_id": "lobby", "message_type": "text", "content": "x"}
        answer = world.ask(device, "send_message", durability=wrong, **body)
        assert answer["data"]["code"] == "bad_request"
        assert history(world) == []


def test_what_it_costs() -> None:
    """One call before the ack, and where the copy goes one read if replication was in time."""
    deployment = lobby()
    deployment.send(US, "warm", durability="global")
    deployment.replicate()
    deployment.wait(COPY_S)
    ports = counted(deployment[US])
    deployment.send(US, "regional")
    regional = {name: list(port.calls) for name, port in ports.items()}
    ports = counted(deployment[US])
    deployment.send(US, "global", durability="global")
    calls = {name: list(port.calls) for name, port in ports.items()}
    assert calls.pop("peer_outbound") == ["send"]
    assert regional.pop("peer_outbound") == []
    assert calls == regional
    deployment.replicate()
    deployment.pump()
    ports = counted(deployment[EU])
    deployment.wait(COPY_S)
    assert {name: port.calls for name, port in ports.items() if port.calls} == {"log": ["get"]}


def test_the_cap_of_a_copy_is_that_of_a_message() -> None:
    """The largest content, of which each character takes six bytes in a queue, is acked."""
    deployment = lobby()
    sent = deployment.send(US, "\u00e4" * 32_000, durability="global")
    assert sent["durability"] == "global"
