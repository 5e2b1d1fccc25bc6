"""Behaviour of real DynamoDB: budgets, conflicts, throttling, incomplete writes, no answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.adapters.aws import client, unavailable
from chalicelib.adapters.aws.errors import ErrorAnswer, NoAnswer, error_answer
from chalicelib.kernel.errors import Unavailable
from chalicelib.model.identifiers import MessageId
from chalicelib.model.log import Duplicate, Head, Taken
from chalicelib.model.rooms import Role
from tests.support.ministack import REGION, Distorted, Ministack
from tests.support.stores import (
    ANNA,
    BEN,
    C1,
    EMPTY,
    HERE,
    LOBBY,
    NOW,
    OTHER,
    RACERS,
    Stores,
    connection,
    member,
    message,
    mid,
    on_dynamodb,
    room,
    write,
)
from tests.support.threads import at_once
from workbench.stack.children import free_port


@pytest.fixture
def dynamodb(ministack: Ministack) -> Distorted:
    return Distorted(ministack.client("dynamodb"))


@pytest.fixture
def distorted(ministack: Ministack, dynamodb: Distorted) -> Stores:
    return on_dynamodb(dynamodb, ministack.prefix)


def refuse(*codes: str, items: dict[int, Any] | None = None) -> Callable[..., Any]:
    """Cancel a transaction with these reasons."""

    def act(real: Any, **arguments: Any) -> Any:
        reasons = [
            {"Code": code, **({"Item": items[n]} if items and n in items else {})}
            for n, code in enumerate(codes)
        ]
        raise error_answer(
            "TransactWriteItems", "TransactionCanceledException", 400, reasons=reasons
        )

    return act


def fail(code: str, status: int = 400) -> Callable[..., Any]:
    def act(real: Any, **arguments: Any) -> Any:
        raise error_answer("Any", code, status)

    return act


class TestOnDynamoDB:
    """Tests that need DynamoDB: budgets, conflicts, throttling, incomplete writes, no answer."""

    def test_a_commit_is_one_call_refused_or_not(
        self, distorted: Stores, dynamodb: Distorted
    ) -> None:
        log = distorted.log
        log.commit(message(1), EMPTY, "key", NOW)
        assert isinstance(log.commit(message(1, 99), EMPTY, None, NOW), Taken)
        assert isinstance(log.commit(message(2), Head(1, None), "key", NOW), Duplicate)
        assert dynamodb.operations() == ["transact_write_items"] * 3

    def test_refusals_without_their_items_are_read(
        self, distorted: Stores, dynamodb: Distorted
    ) -> None:
        log = distorted.log
        log.commit(message(1), EMPTY, "key", NOW)
        failed = "ConditionalCheckFailed"
        dynamodb.answer("transact_write_items", refuse(failed, failed, failed))
        assert isinstance(log.commit(message(1, 99), EMPTY, "key", NOW), Duplicate)
        dynamodb.answer("transact_write_items", refuse(failed, "None"))
        assert log.commit(message(1, 99), EMPTY, None, NOW) == Taken(Head(1, mid(10)))

    def test_a_conflict_is_taken_with_the_true_head(
        self, distorted: Stores, dynamodb: Distorted
    ) -> None:
        write(distorted.log, message(1))
        dynamodb.answer("transact_write_items", refuse("TransactionConflict", "None"))
        assert distorted.log.commit(message(2), Head(1, None), None, NOW) == Taken(Head(1, mid(10)))

    def test_a_conflict_on_the_key_finds_what_won(
        self, distorted: Stores, dynamodb: Distorted
    ) -> None:
        distorted.log.commit(message(1), EMPTY, "key", NOW)
        dynamodb.answer("transact_write_items", refuse("None", "None", "TransactionConflict"))
        result = distorted.log.commit(message(2), Head(1, None), "key", NOW)
        assert isinstance(result, Duplicate)

    @pytest.mark.parametrize("code", ["ThrottlingError", "ProvisionedThroughputExceeded"])
    def test_a_throttled_transaction_is_unavailable(
        self, distorted: Stores, dynamodb: Distorted, code: str
    ) -> None:
        dynamodb.answer("transact_write_items", refuse(code, "None"), refuse("None", code))
        with pytest.raises(Unavailable):
            distorted.log.commit(message(1), EMPTY, None, NOW)
        with pytest.raises(Unavailable):
            distorted.rooms.create(room(), [member(ANNA)])

    def test_an_invalid_transaction_is_a_fault_not_a_refusal(
        self, distorted: Stores, dynamodb: Distorted
    ) -> None:
        dynamodb.answer("transact_write_items", *[refuse("ValidationError", "None")] * 2)
        with pytest.raises(ErrorAnswer):
            distorted.log.commit(message(1), EMPTY, None, NOW)
        with pytest.raises(ErrorAnswer):
            distorted.rooms.create(room(), [member(ANNA)])

    def test_a_conflict_does_not_mean_that_a_room_is_taken(
        self, distorted: Stores, dynamodb: Distorted
    ) -> None:
        dynamodb.answer("transact_write_items", refuse("TransactionConflict", "None"))
        assert distorted.rooms.create(room(), [member(ANNA)])
        dynamodb.answer("transact_write_items", *[refuse("TransactionConflict", "None")] * 3)
        with pytest.raises(Unavailable):
            distorted.rooms.create(room(OTHER), [member(ANNA, OTHER)])

    def test_an_outcome_unknown_is_resolved_by_a_resend(
        self, distorted: Stores, dynamodb: Distorted
    ) -> None:
        def lost(real: Any, **arguments: Any) -> Any:
            real(**arguments)
            return fail("InternalServerError", 500)(real)

        dynamodb.answer("transact_write_items", lost)
        with pytest.raises(Unavailable):
            distorted.log.commit(message(1), EMPTY, "key", NOW)
        result = distorted.log.commit(message(1, 99), EMPTY, "key", NOW)
        assert result == Duplicate(mid(10), HERE, 1, NOW + 1)

    def test_unprocessed_keys_are_asked_for_again(
        self, distorted: Stores, dynamodb: Distorted
    ) -> None:
        write(distorted.log, message(1), message(1, room_id=OTHER))

        def half(real: Any, RequestItems: dict[str, Any]) -> Any:
            [(table, wanted)] = RequestItems.items()
            now, later = wanted["Keys"][:1], wanted["Keys"][1:]
            answer = real(RequestItems={table: {**wanted, "Keys": now}})
            return {**answer, "UnprocessedKeys": {table: {**wanted, "Keys": later}}}

        dynamodb.answer("batch_get_item", half)
        streams = [(LOBBY, HERE), (OTHER, HERE)]
        assert set(distorted.log.heads(streams).values()) == {Head(1, mid(10))}

    def test_unprocessed_forever_is_unavailable(
        self, distorted: Stores, dynamodb: Distorted
    ) -> None:
        def none(real: Any, RequestItems: dict[str, Any]) -> Any:
            return {"Responses": {}, "UnprocessedKeys": RequestItems}

        dynamodb.answer("batch_get_item", *[none] * 50)
        with pytest.raises(Unavailable):
            distorted.log.heads([(LOBBY, HERE)])

    def test_unprocessed_members_are_put_again(
        self, distorted: Stores, dynamodb: Distorted
    ) -> None:
        def none(real: Any, RequestItems: dict[str, Any]) -> Any:
            return {"UnprocessedItems": RequestItems}

        dynamodb.answer("batch_write_item", none, none)
        everyone = [member(f"u{n:04d}") for n in range(130)]
        assert distorted.rooms.create(room(), everyone)
        assert distorted.rooms.members(LOBBY) == everyone

    def test_a_large_room_that_was_not_completed_is_not_there(
        self, distorted: Stores, dynamodb: Distorted
    ) -> None:
        def broken(real: Any, **arguments: Any) -> Any:
            raise NoAnswer("BatchWriteItem", "refused")

        first = [member(ANNA, role=Role.OWNER), *(member(f"u{n:04d}") for n in range(130))]
        second = [member(ANNA, role=Role.OWNER), *(member(f"v{n:04d}") for n in range(130))]
        dynamodb.answer("batch_write_item", broken)
        with pytest.raises(Unavailable):
            distorted.rooms.create(room(), first)
        assert distorted.rooms.get(LOBBY) is None
        assert distorted.rooms.get_many([LOBBY]) == []
        assert not distorted.rooms.create(replace(room(), created_by=BEN), [member(BEN)])
        assert not distorted.rooms.create(replace(room(), created_by=BEN), second)
        assert distorted.rooms.create(room(), second)
        assert distorted.rooms.get(LOBBY) == room()
        assert distorted.rooms.members(LOBBY) == sorted(second, key=lambda each: each.user_id)
        assert not distorted.rooms.create(room(), first)

    def test_reads_that_promise_it_are_consistent(
        self, distorted: Stores, dynamodb: Distorted
    ) -> None:
        distorted.log.after(LOBBY, HERE, MessageId(""), 1)
        distorted.log.before(LOBBY, HERE, None, 1)
        distorted.log.heads([(LOBBY, HERE)])
        distorted.rooms.member(LOBBY, ANNA)
        distorted.rooms.members(LOBBY)
        for operation, arguments in dynamodb.calls:
            if operation == "batch_get_item":
                [arguments] = arguments["RequestItems"].values()
            assert arguments["ConsistentRead"] is True, operation

    def test_items_expire(self, distorted: Stores, ministack: Ministack) -> None:
        def ttl(table: str, **key: str) -> int:
            answer = ministack.client("dynamodb").get_item(
                TableName=f"{ministack.prefix}-{table}",
                Key={name: {"S": value} for name, value in key.items()},
            )
            return int(answer["Item"]["ttl"]["N"])

        now_s = NOW // 1000
        distorted.log.commit(message(1), EMPTY, "key", NOW)
        assert ttl("messages", stream=f"{LOBBY}#dedupe", entry="key") == now_s + 25 * 3600
        distorted.connections.put(connection())
        distorted.connections.join(LOBBY, connection().target)
        assert ttl("connections", connection_id=C1) == now_s + 3 * 3600
        entry = f"{ANNA}#{C1}"
        assert ttl("room_connections", room_id=LOBBY, entry=entry) == now_s + 3 * 3600
        distorted.connections.disconnect(C1, NOW)
        assert ttl("connections", connection_id=C1) == now_s + 3600

    def test_a_join_of_which_the_last_write_failed_is_one_when_repeated(
        self, distorted: Stores, dynamodb: Distorted
    ) -> None:
        distorted.connections.put(connection())
        dynamodb.answer("put_item", fail("ThrottlingException"))
        with pytest.raises(Unavailable):
            distorted.connections.join(LOBBY, connection().target)
        assert distorted.connections.join(LOBBY, connection().target)
        assert not distorted.connections.join(LOBBY, connection().target)

    def test_no_late_write_leaves_a_ghost(self, distorted: Stores, ministack: Ministack) -> None:
        distorted.connections.touch(C1, NOW, NOW)
        distorted.connections.join(LOBBY, connection().target)
        distorted.connections.leave(LOBBY, connection().target)
        distorted.connections.disconnect(C1, NOW)
        for table in ("connections", "room_connections"):
            name = f"{ministack.prefix}-{table}"
            assert ministack.client("dynamodb").scan(TableName=name)["Items"] == []

    def test_a_store_that_is_not_there_is_unavailable(self, ministack: Ministack) -> None:
        nowhere = client("dynamodb", REGION, f"http://127.0.0.1:{free_port()}")
        stores = on_dynamodb(nowhere, ministack.prefix)
        with pytest.raises(Unavailable):
            stores.log.commit(message(1), EMPTY, None, NOW)
        with pytest.raises(Unavailable):
            stores.connections.get(C1)

    @pytest.mark.parametrize(
        ("code", "status"),
        [("ThrottlingException", 400), ("TransactionConflictException", 400), ("Anything", 503)],
    )
    def test_faults_that_may_pass(self, code: str, status: int) -> None:
        with pytest.raises(Unavailable), unavailable("the store"):
            fail(code, status)(None)

    def test_faults_of_ours_are_not_dressed_up(
        self, distorted: Stores, ministack: Ministack
    ) -> None:
        with pytest.raises(ErrorAnswer), unavailable("the store"):
            fail("ValidationException")(None)

    def test_a_table_that_is_not_there_is_unavailable(self, ministack: Ministack) -> None:
        """An operator can repair it, so nothing may be given up because of it."""
        missing = on_dynamodb(ministack.client("dynamodb"), "no-such-prefix")
        with pytest.raises(Unavailable):
            missing.connections.get(C1)

    def test_a_client_is_made_once(self, ministack: Ministack) -> None:
        made = at_once(RACERS, lambda n: ministack.client("dynamodb"))
        assert len(set(map(id, made))) == 1
