"""The functions' roles allow exactly what their code can reach."""

from __future__ import annotations

import json
from typing import Any

import pytest

from operate import triggers
from tests.support import iam
from tests.support.paths import ROOT
from workbench.permissions import derive as permissions
from workbench.permissions import readers
from workbench.permissions.program import Program
from workbench.reference.settings import READ_BY

pytestmark = [pytest.mark.extended, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def program() -> Program:
    return Program.read()


@pytest.fixture(scope="module")
def reached(program: Program) -> dict[str, permissions.Reach]:
    return permissions.reaches(program)


@pytest.fixture(scope="module")
def derived(reached: dict[str, permissions.Reach]) -> dict[str, Any]:
    return permissions.derive(reached)


def test_nothing_missing_nothing_more(derived: dict[str, Any]) -> None:
    told = json.loads(permissions.PERMISSIONS.read_text())
    assert told == derived, "run `python -m workbench.permissions.derive`"


def test_the_derivation_sees_the_code(derived: dict[str, Any]) -> None:
    """A few known permissions, because an empty derivation would find no difference."""
    assert derived.keys() == triggers.load(ROOT / "app.py").functions
    swept = ["BatchGetItem", "GetItem", "PutItem", "Scan", "UpdateItem"]
    assert derived["sweep"]["tables"]["connections"] == swept
    # Chosen room ids are claimed in the first region, whose table has the one copy that is written.
    home = {name: each["home_tables"] for name, each in derived.items() if each["home_tables"]}
    assert home == {"api_handler": {"rooms": ["PutItem"]}}
    assert derived["report"] == {
        "tables": {},
        "home_tables": {},
        "indexes": [],
        "queues": {},
        "peer_queues": {},
        "connections": False,
        "metrics": True,
        "topic": False,
        "redis": True,
        "secret": True,
    }
    # Spares of messages are sent by those who write them, and by those who pass them on.
    peers = {name: each["peer_queues"] for name, each in derived.items() if each["peer_queues"]}
    copies = {"outbound": ["GetQueueUrl", "SendMessage"]}
    assert peers == dict.fromkeys(("api_handler", "outbound", "websocket_message"), copies)
    assert derived["deliver"]["queues"] == {
        "delivery": ["ChangeMessageVisibility", "DeleteMessage", "GetQueueUrl", "SendMessage"],
        "delivery-dead": ["GetQueueUrl", "SendMessage"],
        "outbound": ["GetQueueUrl", "SendMessage"],
        "outbound-dead": ["GetQueueUrl", "SendMessage"],
    }
    # What relay posts came from a topic: as it may not publish, nothing goes round in circles.
    assert [name for name, each in derived.items() if each["topic"]] == ["outbound"]
    assert "Query" not in derived["deliver"]["tables"]["connections"]
    assert "connections/user_id-connection_id-index" in derived["deliver"]["indexes"]
    assert not derived["websocket_connect"]["connections"]
    for function in ("api_handler", "websocket_message"):  # recovery runs in both
        # The fast lane writes one where many streams have grown since the last.
        assert derived[function]["tables"]["checkpoints"] == ["GetItem", "PutItem"]
    assert "UpdateItem" in derived["api_handler"]["tables"]["reads"], "message_read over polling"


def test_what_a_call_takes() -> None:
    """The inverse check, which compares calls in the end-to-end tests with the roles."""
    writes = [{"Put": {"TableName": "rooms"}}, {"Update": {"TableName": "memberships"}}]
    transaction = iam.uses("dynamodb", "TransactWriteItems", {"TransactItems": writes})
    assert list(transaction) == [("PutItem", "rooms"), ("UpdateItem", "memberships")]
    query = {"TableName": "connections", "IndexName": "by-user"}
    assert list(iam.uses("dynamodb", "Query", query)) == [("Query", "connections/by-user")]
    batch = {"QueueUrl": "http://127.0.0.1/0/delivery.fifo"}
    assert list(iam.uses("sqs", "SendMessageBatch", batch)) == [("SendMessage", "delivery")]


def test_what_permissions_allow() -> None:
    allowed = set(iam.allowed(json.loads(permissions.PERMISSIONS.read_text())))
    assert ("report", "cloudwatch", "PutMetricData", "*") in allowed
    assert ("sweep", "dynamodb", "Scan", "connections") in allowed
    index = "connections/user_id-connection_id-index"
    assert ("deliver", "dynamodb", "Query", index) in allowed
    assert ("report", "dynamodb", "GetItem", "rooms") not in allowed


def test_which_functions_read_a_setting(
    program: Program, reached: dict[str, permissions.Reach]
) -> None:
    """The settings that docs/reference/settings.md lists function by function."""
    named = {name: set(by) for name, by in READ_BY.items() if not isinstance(by, str)}
    # The secret goes to an adapter; tokens read it as they read an issuer's keys.
    assert named.pop("jwt_secret") == named["jwks_url"]
    assert readers.readers(program, reached, named) == named
