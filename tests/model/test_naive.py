"""The naive design: its calls, its times, and where it ends."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from operate.cost import load as load_prices
from workbench.model import naive
from workbench.model.latencies import load
from workbench.model.prices import usd_per_million
from workbench.model.rooms import Quiet, misordered


@pytest.mark.parametrize("members", [2, 20, 500])
def test_one_query_and_one_post_for_each_member(members: int) -> None:
    message = naive.send(members, load(), random.Random(1))
    assert message.calls == {
        "dynamodb_read": 1,
        "dynamodb_write": 1,
        "dynamodb_query": 1 + members - 1,
        "post": members - 1,
    }
    times = list(message.arrivals.values())
    assert len(times) == members - 1
    assert times == sorted(times), "one after the other"
    assert message.answer_us > times[-1], "the ack comes last"


def test_a_function_that_takes_too_long_leaves_members_out() -> None:
    seen = naive.quiet(Quiet(5000, 1, 2), load(), 1)
    assert seen.refused == {"timeout": 2}
    assert seen.ack.count == 0
    assert 0 < seen.missing < 2 * 4999
    assert max(each.ms for each in seen.work) <= 29_000


def test_nothing_holds_the_order_together() -> None:
    assert naive.hot(1, load(), 1).misordered < 0.05
    assert naive.hot(100, load(), 1).misordered > 0.2


def test_misordered_counts_neighbours() -> None:
    assert misordered([[(1, "a"), (2, "b"), (3, "c")]]) == 0
    assert misordered([[(2, "a"), (1, "b"), (3, "c")]]) == 0.5
    assert misordered([[(1, "a")], []]) == 0


def test_its_price_is_that_of_its_calls_and_time() -> None:
    seen, prices = naive.quiet(Quiet(2, 1, 10), load(), 1), load_prices()
    usd = usd_per_million(seen.work, seen.messages, prices)
    assert usd["API Gateway"] == pytest.approx(prices["websocket_messages"].usd(3_000_000))
    units = prices["dynamodb_writes"].usd(1_000_000) + prices["dynamodb_reads"].usd(1_500_000)
    assert usd["DynamoDB"] == pytest.approx(units)
    assert usd["SQS"] == usd["ElastiCache"] == 0
    slower = [replace(each, ms=each.ms + 1000) for each in seen.work]
    more = usd_per_million(slower, seen.messages, prices)["Lambda"] - usd["Lambda"]
    assert more == pytest.approx(prices["lambda_gb_s"].usd(1_000_000))
