"""The OpenAPI document and the routes are one truth."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from typing import Any

import pytest

from chalicelib.entrypoints.http import bodies, consents, openapi, operating, rest, views
from tests.support import draining
from tests.support.draining import deployed
from tests.support.paths import ROOT
from tests.support.world import World


def test_the_table_is_the_routes() -> None:
    import app

    routes = {(method, path) for path, by in app.app.routes.items() for method in by}
    # A protocol of its own, and what browsers ask before a request of another origin.
    routes = {each for each in routes if each[1] != "/socket.io" and each[0] != "OPTIONS"}
    table = [(each.method, each.path) for each in openapi.OPERATIONS]
    assert len(table) == len(set(table))
    assert set(table) == routes
    for each in openapi.OPERATIONS:
        route = app.app.routes[each.path][each.method]
        assert route.view_function.__name__ == each.name
        assert any(hasattr(module, each.name) for module in (consents, operating, rest))


def test_every_body_is_in_the_table() -> None:
    used = {model for each in openapi.OPERATIONS for model in (each.body, each.query)}
    defined = {
        value
        for value in vars(bodies).values()
        if isinstance(value, type) and value.__module__ == bodies.__name__
    }
    assert defined == used - {None}


def test_references_resolve_and_errors_have_one_shape() -> None:
    document = rest.openapi().body
    known = document["components"]["schemas"]

    def check(node: Any) -> None:
        if isinstance(node, dict):
            if "$ref" in node:
                assert node["$ref"].rpartition("/")[2] in known
            for each in node.values():
                check(each)
        elif isinstance(node, list):
            for each in node:
                check(each)

    check(document)
    for by_method in document["paths"].values():
        for operation in by_method.values():
            for status, answer in operation["responses"].items():
                if int(status) >= 400 and operation["operationId"] != "health":
                    schema = answer["content"]["application/json"]["schema"]
                    shape = "/Refusal" if status == "431" else "/Error"
                    assert schema["$ref"].endswith(shape), operation["operationId"]


def drains() -> list[tuple[str, Any]]:
    world = deployed()
    named = {"show_drain": draining.show, "start_drain": draining.start}
    return [(name, ask(world)) for name, ask in named.items()] + [
        ("stop_drain", draining.stop(world))
    ]


def answers() -> list[tuple[str, Any]]:
    """Real answers, by endpoint."""
    world = World()
    world.room("alice", "bob")
    body = {"message_type": "text", "content": {"a": [1]}, "client_message_id": "c1"}
    posted = world.http(rest.post_message, "bob", body, room_id="lobby")
    world.http(rest.put_friend, "bob", user_id="alice")
    notice = {"user_id": "alice", "content": "x"}
    lists = {"user_id": ["bob"]}
    return [
        ("post_message", posted),
        ("put_friend", world.http(rest.put_friend, "alice", user_id="bob")),
        ("post_moment", world.http(rest.post_moment, "alice", {"content": 1})),
        ("list_moments", world.http(rest.list_moments, "alice")),
        (
            "post_notification",
            world.http(rest.post_notification, "mailer", notice, roles=["service"]),
        ),
        ("list_notifications", world.http(rest.list_notifications, "alice")),
        ("list_friends", world.http(rest.list_friends, "alice")),
        ("list_presence", world.http(rest.list_presence, "alice", multi=lists)),
        ("list_rooms", world.http(rest.list_rooms, "alice")),
        ("get_room", world.http(rest.get_room, "alice", room_id="lobby")),
        ("list_messages", world.http(rest.list_messages, "alice", room_id="lobby")),
        ("health", rest.health(world.services)),
        *drains(),
    ]


@pytest.mark.parametrize(("name", "answer"), answers(), ids=lambda each: str(each)[:20])
def test_answers_are_as_described(name: str, answer: rest.Response) -> None:
    [described] = [each for each in openapi.OPERATIONS if each.name == name]
    assert answer.status == described.status
    described.answer.model_validate_json(__import__("json").dumps(answer.body), strict=True)


def test_refusals_are_as_described() -> None:
    answer = World().http(rest.get_room, "alice", room_id="nowhere", roles=["admin"])
    views.Error.model_validate(answer.body)
    assert answer.status == 404


def test_a_body_over_the_limit_is_too_large_in_bytes() -> None:
    world = World()
    over = "é" * (rest.MAX_BODY_BYTES // 2 + 1)  # over in bytes, not in characters
    headers = {"Authorization": f"Bearer {world.token('alice')}"}
    answer = rest.handle(
        world.services,
        rest.HttpRequest(headers, {}, {}, f'{{"room_id": "{over}"}}'),
        rest.create_room,
    )
    assert (answer.status, answer.body["error"]["code"]) == (413, "too_large")
    assert str(rest.MAX_BODY_BYTES) in answer.body["error"]["message"]


def test_every_operation_with_a_body_says_that_it_may_be_too_large() -> None:
    paths = rest.openapi().body["paths"]
    for each in openapi.OPERATIONS:
        if each.role is not None:
            responses = paths[each.path][each.method.lower()]["responses"]
            assert ("413" in responses) == (each.body is not None), each.name


def test_a_client_that_has_the_document_is_not_sent_it_again() -> None:
    answer = rest.openapi()
    tag = answer.headers["ETag"]
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    for known in (tag, f"W/{tag}", f'"another", {tag}', "*"):
        again = rest.openapi(known)
        assert (again.status, again.body, again.headers) == (304, {}, answer.headers), known
    for other in ("", '"another"', tag.strip('"')):
        assert rest.openapi(other) == answer, other


def test_the_tag_is_the_same_in_every_process_and_another_for_another_document() -> None:
    script = "from chalicelib.entrypoints.http import openapi; print(openapi.tag())"
    run = functools.partial(subprocess.run, capture_output=True, text=True, check=True, timeout=60)
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    done = run([sys.executable, "-c", script], cwd=ROOT, env=environment)
    assert done.stdout.strip() == openapi.tag()
    change = "openapi.OPERATIONS = openapi.OPERATIONS[1:]; "
    done = run([sys.executable, "-c", script.replace("; ", f"; {change}")], cwd=ROOT)
    assert done.stdout.strip() != openapi.tag()
