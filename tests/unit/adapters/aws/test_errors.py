"""Which errors are `Unavailable`."""

from __future__ import annotations

import json

import pytest

from chalicelib.adapters.aws.errors import (
    AwsError,
    ConditionFailed,
    NoAnswer,
    error_answer,
    unavailable,
)
from chalicelib.kernel.errors import Unavailable


@pytest.mark.parametrize(
    "fault",
    [
        NoAnswer("X", "refused"),
        error_answer("X", "ThrottlingException", 400),
        error_answer("X", "TransactionConflictException", 400),
        error_answer("X", "Anything", 503),
        error_answer("X", "ResourceNotFoundException", 400),
        error_answer("X", "AWS.SimpleQueueService.NonExistentQueue", 400),
    ],
)
def test_what_may_pass_is(fault: AwsError) -> None:
    with pytest.raises(Unavailable, match="the store did not answer"), unavailable("the store"):
        raise fault


@pytest.mark.parametrize("code", ["ValidationException", "TransactionCanceledException"])
def test_what_will_not_pass_is_itself(code: str) -> None:
    with pytest.raises(AwsError, match=code), unavailable("the store"):
        raise error_answer("X", code, 400)
    with pytest.raises(ConditionFailed), unavailable("the store"):
        raise error_answer("X", "ConditionalCheckFailedException", 400)


def test_what_an_operator_must_repair_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    faults = [
        error_answer("X", "AccessDeniedException", 400, "quotes a token"),
        NoAnswer("X", "untrusted"),
        NoAnswer("X", "refused"),
    ]
    for fault in faults:
        with pytest.raises(Unavailable), unavailable("the queue"):
            raise fault
    lines = [json.loads(record.getMessage()) for record in caplog.records]
    assert [(line["event"], line["code"]) for line in lines] == [
        ("access_refused", "AccessDeniedException"),
        ("access_refused", "untrusted"),
    ]
    assert "quotes" not in caplog.text
