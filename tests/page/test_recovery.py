"""Lost connections, as the people at the page see them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from playwright.sync_api import WebSocketRoute, expect

from tests.support.page import Person
from tests.support.people import People, name

Visit = Callable[..., Person]
BACK = re.compile(r"^Back online: recovered \d+ messages?\.$")


def test_offline_and_back_with_everything_in_order(visit: Visit) -> None:
    ann, ben, cleo = (visit(name(each)) for each in ("ann", "ben", "cleo"))
    ann.create_group("Ferry", ben.user, cleo.user)
    ann.say("before")
    for person in (ben, cleo):
        person.open("Ferry")
        person.sees("before")
    ben.context.set_offline(True)
    ben.told(re.compile("^You are offline"))
    for text in ("one", "two", "three"):
        ann.say(text)
        cleo.sees(text)
    waiting = [ben.say(text) for text in ("four", "five")]
    for message in waiting:
        expect(message.locator(".state")).to_have_text("Sending")
    ben.context.set_offline(False)
    ben.told("Back online: recovered 3 messages.")
    for message in waiting:
        expect(message.locator(".state")).to_have_text(re.compile("Sent|Read"))
    expected = ["before", "one", "two", "three", "four", "five"]
    for person in (ann, ben, cleo):
        person.sees("five")
        assert person.texts() == expected


def test_what_was_deleted_meanwhile_is_gone(visit: Visit) -> None:
    ann, ben = visit(name("ann")), visit(name("ben"))
    ann.create_group("Attic", ben.user)
    message = ann.say("a secret")
    ben.open("Attic")
    ben.sees("a secret")
    ben.context.set_offline(True)
    ben.told(re.compile("^You are offline"))
    ann.act(message, "Delete")
    ann.sees("This message was deleted")
    ben.context.set_offline(False)
    ben.told(BACK)
    ben.sees("This message was deleted")
    expect(ben.message("a secret")).to_have_count(0)


def test_a_room_that_came_meanwhile_is_there(visit: Visit) -> None:
    ann, ben = visit(name("ann")), visit(name("ben"))
    ben.context.set_offline(True)
    ben.told(re.compile("^You are offline"))
    ann.create_group("Cellar", ben.user)
    ann.say("come down")
    ben.context.set_offline(False)
    expect(ben.row("Cellar")).to_contain_text("come down")
    ben.open("Cellar")
    ben.sees("come down")
    ben.say("coming")
    ann.sees("coming")


def test_the_server_ends_the_connection(visit: Visit, api: People) -> None:
    ann, ben = visit(name("ann")), visit(name("ben"))
    ann.create_group("Pier", ben.user)
    ann.say("hello")
    ben.open("Pier")
    admin = api.token("root", roles=["admin"])
    status, _ = api.http("POST", f"/v1/admin/users/{ben.user}/disconnect", {}, admin)
    assert status == 200
    ben.told(re.compile("^Back online"))
    ann.say("still there?")
    ben.sees("still there?")
    ben.say("yes")
    ann.sees("yes")


def test_an_ack_that_is_lost_makes_no_second_message(visit: Visit) -> None:
    """The first connection swallows the ack of a send, then dies; the resend is the same one."""
    ann, ben = visit(name("ann")), visit(name("ben"))
    ann.create_group("Mill", ben.user)
    ann.say("hello")
    ben.open("Mill")
    sends: list[str] = []

    def through(route: WebSocketRoute) -> None:
        server = route.connect_to_server()
        swallow: list[int] = []

        def out(text: str | bytes) -> None:
            frame = json.loads(text)
            if frame["action"] == "send_message":
                sends.append(frame["data"]["client_message_id"])
                if len(sends) == 1:
                    swallow.append(frame["id"])
            server.send(text)

        def back(text: str | bytes) -> None:
            if json.loads(text).get("id") in swallow:
                route.close(code=1011, reason="cut")
            else:
                route.send(text)

        route.on_message(out)
        server.on_message(back)

    ben.page.route_web_socket(re.compile("/ws"), through)
    ben.page.reload()
    ben.wait_online()
    ben.open("Mill")
    message = ben.say("only once")
    expect(message.locator(".state")).to_have_text(re.compile("Sent|Read"))
    ann.sees("only once")
    assert len(sends) == 2
    assert len(set(sends)) == 1
    ben.say("after")
    ann.sees("after")
    for person in (ann, ben):
        assert person.texts() == ["hello", "only once", "after"]


def test_a_removed_member_is_told(visit: Visit, api: People) -> None:
    ann, ben = visit(name("ann")), visit(name("ben"))
    ann.create_group("Loft", ben.user)
    ann.say("hello")
    ben.open("Loft")
    token = api.token(ann.user)
    _, body = api.http("GET", "/v1/rooms", token=token)
    room = body["rooms"][0]["room_id"]
    status, _ = api.http("DELETE", f"/v1/rooms/{room}/members/{ben.user}", token=token)
    assert status == 200
    expect(ben.page.locator("#toasts")).to_contain_text("no longer a member")
    expect(ben.row("Loft")).to_have_count(0)
