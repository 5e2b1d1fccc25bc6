"""Frames of the JSON protocol: each has an answer with its id, whatever it is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contract import acks
from chalicelib.contract.events import Ping
from chalicelib.kernel.errors import RateLimited
from chalicelib.wire import jsonwire
from tests.support.nesting import DEEPEST, TOO_DEEP

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["action", "data", "id"]) | st.text(max_size=5)


def test_a_request() -> None:
    frame = jsonwire.decode('{"action":"ping","data":{"x":1},"id":[7]}')
    assert frame == jsonwire.ActionRequest("ping", {"x": 1}, [7])


@pytest.mark.parametrize("data", ["", ',"data":null', ',"data":{}'])
def test_data_may_be_left_out(data: str) -> None:
    assert jsonwire.decode(f'{{"action":"ping"{data}}}').data == {}


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        ("", "not JSON"),
        ('{"action":NaN}', "not JSON"),
        ("[]", "not a JSON object"),
        ('{"id":7}', "action"),
        ('{"id":7,"action":1}', "action"),
        ('{"id":7,"action":"ping","data":[]}', "data"),
        ('{"id":7,"action":"ping","extra":1}', "unknown fields"),
    ],
)
def test_a_frame_that_is_none_has_its_fault_and_its_id(frame: str, said: str) -> None:
    request = jsonwire.decode(frame)
    assert request.fault is not None
    assert said in str(request.fault)
    assert request.request_id == (7 if '"id"' in frame else None)


@given(st.text() | JSON.map(json.dumps) | st.dictionaries(KEYS, JSON).map(json.dumps))
def test_nothing_raises_and_each_answer_can_be_sent(text: str) -> None:
    request = jsonwire.decode(text)
    if request.fault is not None:
        answer = json.loads(jsonwire.encode_error(request.request_id, request.fault))
        assert answer["data"]["code"] == "bad_request"


@pytest.mark.parametrize(
    ("id_", "echoed"), [(DEEPEST, DEEPEST), (TOO_DEEP, None), ("\ud800", None), ("é", "é")]
)
def test_an_id_is_echoed_where_json_can_carry_it(id_: Any, echoed: Any) -> None:
    request = jsonwire.decode(json.dumps({"action": "ping", "id": id_}))
    assert request.request_id == echoed
    assert json.loads(jsonwire.encode_ack(request.request_id, acks.Done()))["id"] == echoed


def test_answers_and_events() -> None:
    assert jsonwire.encode_ack(1, acks.Pong("t")) == (
        '{"event":"ack","id":1,"data":{"server_time":"t"}}'
    )
    assert json.loads(jsonwire.encode_error(None, RateLimited("slow", 250))) == {
        "event": "error",
        "id": None,
        "data": {
            "code": "rate_limited",
            "message": "slow",
            "retryable": True,
            "retry_after_ms": 250,
        },
    }
    assert jsonwire.encode_event(Ping("t")) == b'{"event":"ping","data":{"server_time":"t"}}'
