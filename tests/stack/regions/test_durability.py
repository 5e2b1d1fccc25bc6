"""Messages that were acked as `global`, when their region is killed with what it had."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.people import name
from tests.support.two_regions import A, B, Two, shared_room
from tests.support.waiting import until

pytestmark = [pytest.mark.extended, pytest.mark.timeout(300)]


def contents(answer: Any) -> list[str]:
    return [each["content"] for each in answer["messages"]]


def test_it_is_pushed_where_its_copy_is(two: Two) -> None:
    """Also behind a message that was lost with its region."""
    ada, bob = name("ada"), name("bob")
    with two.people(A) as here, two.people(B) as there:
        room = shared_room(here, there, ada, bob)
        adas, bobs = here.device(ada), there.device(bob)
        adas.say(room, "before")
        bobs.heard(room, 1)
        two.chaos(A, region=A, service="replication", fault="pause")
        adas.say(room, "lost")
        path, body = f"/v1/rooms/{room}/messages", {"message_type": "text", "content": "kept"}
        body |= {"durability": "global", "client_message_id": "c1"}
        status, sent = here.http("POST", path, body, token=here.token(ada))
        assert (status, sent["durability"]) == (201, "global")
        two.chaos(B, region=A, service="all", fault="kill")
        bobs.wait("message_received", lambda data: data["message_id"] == sent["message_id"])
        history = there.http("GET", path, token=there.token(bob))[1]
        assert contents(history) == ["before", "kept"]
        again = there.http("POST", path, body, token=there.token(ada))[1]
        assert (again["message_id"], again["durability"]) == (sent["message_id"], "global")
        two.chaos(B, region=A, heal=True)
        assert contents(here.http("GET", path, token=here.token(ada))[1]) == ["before", "kept"]
        here.device(ada).say(room, "back")
        bobs.wait("message_received", lambda data: data["content"] == "back")
        history = there.http("GET", path, token=there.token(bob))[1]
        assert contents(history) == ["before", "kept", "back"]


def test_alone_the_ack_says_so_and_a_resend_makes_it_global(two: Two) -> None:
    ada, bob = name("ada"), name("bob")
    with two.people(A) as here, two.people(B) as there:
        room = shared_room(here, there, ada, bob)
        path, body = f"/v1/rooms/{room}/messages", {"message_type": "text", "content": "x"}
        body |= {"durability": "global", "client_message_id": "c1"}
        two.chaos(A, region=A, service="replication", fault="partition")
        for _ in range(2):
            _, sent = here.http("POST", path, body, token=here.token(ada))
            assert sent["durability"] == "regional"
        two.heal()

        def resent() -> bool:
            _, again = here.http("POST", path, body, token=here.token(ada))
            assert again["message_id"] == sent["message_id"]
            return bool(again["durability"] == "global")

        until(resent)
