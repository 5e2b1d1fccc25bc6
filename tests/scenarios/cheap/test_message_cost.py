"""What a message costs, counted by `workbench.load.message_cost`; deploy.md has the table."""

from __future__ import annotations

import pytest

from operate.cost import budgets, load, message_usd
from workbench.load.message_cost import BEGIN, END, GUIDE, KINDS, block, count


@pytest.mark.parametrize("clients", KINDS)
def test_a_message_to_one_other_member(clients: str) -> None:
    counted = count(2, clients)
    json = clients == "JSON"
    sent = budgets.SEND_FAST if json else budgets.SEND_FAST_RECOVERING
    assert counted.invocations == [(sent, 1), (budgets.CHECKED, 0)]
    assert counted.queue_requests == 0
    for quantity in ("redis", "reads", "writes"):  # as by the queue
        deliver = budgets.DELIVER if json else budgets.DELIVER_RECOVERING
        by_queue = getattr(budgets.SEND, quantity) + getattr(deliver, quantity)
        assert counted.total(quantity) == by_queue, quantity


def test_json_receivers_cost_their_posts_only() -> None:
    few, many = count(3, "JSON"), count(40, "JSON")
    assert (few.posts, many.posts) == (2, 39)
    assert [calls for calls, _ in few.invocations] == [calls for calls, _ in many.invocations]


def test_a_price_is_that_of_the_calls_and_posts() -> None:
    costs = message_usd([(budgets.SEND, 0), (budgets.DELIVER, 4)], load(), 1_000_000)
    prices = load()
    assert costs["API Gateway"] == pytest.approx(prices["websocket_messages"].usd(6_000_000))
    assert costs["SQS"] == pytest.approx(prices["sqs_fifo"].usd(3_000_000))
    units = prices["dynamodb_writes"].usd(7_000_000) + prices["dynamodb_reads"].usd(1_000_000)
    assert costs["DynamoDB"] == pytest.approx(units)


def test_the_deploy_guide_has_the_current_table() -> None:
    guide = GUIDE.read_text()
    table = guide[guide.index(BEGIN) : guide.index(END) + len(END)]
    assert table == block(load()), "run `python -m workbench.load.message_cost --write`"
