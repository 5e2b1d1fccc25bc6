"""The standard mode's arithmetic, beside botocore's."""

from __future__ import annotations

import pytest
from botocore.retries import quota, standard

from chalicelib.adapters.aws.errors import AwsError, NoAnswer, error_answer
from chalicelib.adapters.aws.retries import Quota, Retries, passing

FAULT = error_answer("X", "InternalServerError", 500)
TIMEOUT, STALE = NoAnswer("X", "timeout"), NoAnswer("X", "closed", stale=True)


def retries(most: int = 3) -> Retries:
    return Retries(most, lambda: 0.5)


def test_what_is_tried_again_is_what_botocore_tries_again() -> None:
    transient = standard.TransientRetryableChecker._TRANSIENT_ERROR_CODES
    throttled = standard.ThrottledRetryableChecker._THROTTLED_ERROR_CODES
    for code in {*transient, *throttled}:
        assert passing(error_answer("X", code, 400)), code
    for status in range(300, 600):
        theirs = status in standard.TransientRetryableChecker._TRANSIENT_STATUS_CODES
        assert passing(error_answer("X", "Any", status)) == theirs, status
    assert not passing(error_answer("X", "TransactionCanceledException", 400))
    assert all(map(passing, (TIMEOUT, STALE, NoAnswer("X", "checksum"))))


def test_pauses_double_up_to_twenty_seconds() -> None:
    theirs = standard.ExponentialBackoff(random=lambda: 0.5)
    for attempt in range(1, 12):
        context = standard.RetryContext(attempt)
        assert retries().pause_s(attempt) == theirs.delay_amount(context)
    assert retries().pause_s(30) == 10


def test_a_call_has_so_many_attempts() -> None:
    course = retries().begin()
    assert [course.failed(FAULT) for _ in range(3)] == [0.5, 1.0, None]
    assert retries(1).begin().failed(FAULT) is None
    assert retries(1).begin().failed(STALE) is None


def test_a_stale_socket_costs_nothing_but_an_attempt() -> None:
    policy = retries()
    course = policy.begin()
    assert [course.failed(STALE) for _ in range(3)] == [0, 0, None]
    assert policy.quota.left == quota.RetryQuota.INITIAL_CAPACITY


@pytest.mark.parametrize(("fault", "tokens"), [(FAULT, 5), (TIMEOUT, 10)])
def test_retries_stop_when_the_quota_is_spent(fault: AwsError, tokens: int) -> None:
    policy = retries(1000)
    course, tries = policy.begin(), 0
    while course.failed(fault) is not None:
        tries += 1
    assert tries == quota.RetryQuota.INITIAL_CAPACITY / tokens
    assert policy.begin().failed(fault) is None, "nor does another call retry"


def test_success_refunds_its_last_retry_or_a_little() -> None:
    policy = retries()
    course = policy.begin()
    course.failed(FAULT)
    course.failed(TIMEOUT)
    assert policy.quota.left == 485
    course.succeeded()
    assert policy.quota.left == 495
    for _ in range(9):
        policy.begin().succeeded()
    assert policy.quota.left == 500


def test_a_quota_never_has_less_than_nothing() -> None:
    tokens = Quota()
    assert tokens.spend(498)
    assert not tokens.spend(5)
    assert tokens.left == 2
