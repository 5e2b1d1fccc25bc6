"""Calls against a server that refuses, lies, stalls and hangs up."""

from __future__ import annotations

import json
import zlib
from typing import Any

import pytest

from chalicelib.adapters.aws.errors import (
    AwsError,
    ConditionFailed,
    ErrorAnswer,
    NoAnswer,
    TransactionCancelled,
)
from chalicelib.adapters.aws.services import SecretsManager, Sqs
from chalicelib.adapters.http.sigv4 import Credentials
from chalicelib.kernel.errors import Unavailable
from tests.support.aws_clients import KEYS, Maker
from tests.support.hostile import Hostile, answer, close, error, hang

GET: dict[str, Any] = {"TableName": "t", "Key": {"k": {"S": "é\u2028"}}}

TOTAL = {"ReturnConsumedCapacity": "TOTAL"}


def failing(client: Any) -> AwsError:
    with pytest.raises(AwsError) as raised:
        client.get_item(**GET)
    return raised.value


def test_a_call_is_one_request_with_json_in_and_out(make: Maker) -> None:
    item = {"Item": {"k": {"S": "ü"}, "n": {"N": "12345678901234567890"}}}
    with Hostile(answer(item)) as server:
        client = make(server.url)
        assert client.get_item(**GET) == item
        sent = server.received[0]
    assert (sent.line, json.loads(sent.body)) == ("POST / HTTP/1.1", GET | TOTAL)
    assert sent.headers["x-amz-target"] == "DynamoDB_20120810.GetItem"
    assert sent.headers["x-amz-security-token"] == KEYS.token
    assert make.clock.slept == []


def test_an_emulator_may_have_a_path(make: Maker) -> None:
    with Hostile() as server:
        make(f"{server.url}/a~b/").get_item(**GET)
        make(f"{server.url}/").get_item(**GET)
        lines = [each.line for each in server.received]
        assert lines == ["POST /a~b/ HTTP/1.1", "POST / HTTP/1.1"]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_faults_of_the_service_are_tried_again_after_pauses(make: Maker, status: int) -> None:
    with Hostile(answer(b"<html>", status), error("InternalServerError", status)) as server:
        assert make(server.url).get_item(**GET) == {}
        assert make.clock.slept == [0.5, 1.0]
        assert len({each.body for each in server.received}) == 1


@pytest.mark.parametrize(
    "code",
    ["ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded"],
)
def test_throttled_calls_are_tried_three_times(make: Maker, code: str) -> None:
    with Hostile(*[error(code)] * 3) as server:
        fault = failing(make(server.url))
        assert isinstance(fault, ErrorAnswer)
        assert (fault.code, fault.status) == (code, 400)
        assert len(server.received) == 3


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (error("ValidationException"), "ValidationException"),
        (error("ConditionalCheckFailedException"), "ConditionalCheckFailedException"),
        (error("ExpiredTokenException"), "ExpiredTokenException"),
        (answer(b"", 413), "413"),
        (answer(b"[1]", 400), "400"),
        (answer(b"\xff", 403), "403"),
        (answer({"__type": 7}, 400), "7"),
        (answer({"__type": "a.b#Odd:http://x/#y", "Message": 8}, 400), "Odd"),
        (answer(b"", 301, location="http://127.0.0.1:1/"), "301"),
        (answer(b"", 307, location="/elsewhere"), "307"),
    ],
)
def test_what_will_not_pass_is_not_tried_again(make: Maker, act: Any, code: str) -> None:
    with Hostile(act) as server:
        fault = failing(make(server.url))
        assert isinstance(fault, ErrorAnswer)
        assert fault.code == code
        assert len(server.received) == 1, "nor is a redirect followed"


def test_errors_have_what_aws_says(make: Maker) -> None:
    reasons = [{"Code": "None"}, {"Code": "ConditionalCheckFailed", "Item": {"k": {"S": "v"}}}]
    acts = [
        error("ConditionalCheckFailedException"),
        answer(
            {
                "__type": "x#TransactionCanceledException",
                "Message": "why",
                "CancellationReasons": reasons,
            },
            400,
            x_amzn_RequestId="ABC123",
        ),
        error("TransactionCanceledException", CancellationReasons="odd"),
    ]
    with Hostile(*acts) as server:
        client = make(server.url)
        assert isinstance(failing(client), ConditionFailed)
        fault = failing(client)
        assert isinstance(fault, TransactionCancelled)
        assert (fault.reasons, fault.message, fault.request_id) == (reasons, "why", "ABC123")
        odd = failing(client)
        assert isinstance(odd, TransactionCancelled)
        assert odd.reasons == []


def test_an_error_s_text_has_no_message_and_no_secret(make: Maker) -> None:
    """For a wrong signature AWS quotes the canonical request, with the session token."""
    with Hostile(error("InvalidSignatureException", message=f"token {KEYS.token}")) as server:
        fault = failing(make(server.url))
    assert str(fault) == "GetItem: InvalidSignatureException, HTTP status 400, request -"
    assert KEYS.secret_key not in repr(KEYS)
    assert str(KEYS.token) not in repr(KEYS)


def test_sqs_names_errors_as_it_did_in_the_query_protocol(make: Maker) -> None:
    old = "AWS.SimpleQueueService.NonExistentQueue"
    acts = [
        answer({"__type": "x#QueueDoesNotExist"}, 400, x_amzn_query_error=f"{old};Sender"),
        answer({"__type": "x#QueueDoesNotExist"}, 400, x_amzn_query_error=";"),
    ]
    with Hostile(*acts) as server:
        client = make(server.url, Sqs)
        for code in (old, "QueueDoesNotExist"):
            with pytest.raises(ErrorAnswer) as raised:
                client.get_queue_url(QueueName="q")
            assert raised.value.code == code


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff{}", b"[" * 100_000])
def test_garbage_is_no_answer(make: Maker, body: bytes) -> None:
    with Hostile(*[answer(body)] * 2) as server:
        assert make(server.url).get_item(**GET) == {}
        assert len(server.received) == 3


def test_only_who_has_nothing_to_say_may_say_nothing(make: Maker) -> None:
    with Hostile(answer(b""), *[answer(b"")] * 3) as server:
        client = make(server.url, Sqs)
        hide = {"QueueUrl": "q", "ReceiptHandle": "r", "VisibilityTimeout": 0}
        assert client.change_message_visibility(**hide) == {}
        with pytest.raises(NoAnswer):
            client.send_message(QueueUrl="q", MessageBody="m")


def test_a_body_that_is_not_what_was_sent_is_asked_for_again(make: Maker) -> None:
    body = b'{"Item": {}}'
    good, bad = zlib.crc32(body), zlib.crc32(b"other")
    wrong = [answer(body, x_amz_crc32=value) for value in (bad, "x")]
    with Hostile(*wrong, answer(body, x_amz_crc32=good)) as server:
        assert make(server.url).get_item(**GET) == {"Item": {}}
        assert len(server.received) == 3
    with Hostile(*[answer(body, x_amz_crc32=bad)] * 3) as server:
        fault = failing(make(server.url))
        assert isinstance(fault, NoAnswer)
        assert fault.reason == "checksum"


def test_a_stale_socket_is_replaced_at_once(make: Maker) -> None:
    with Hostile(answer(), close, answer({"n": 1})) as server:
        client = make(server.url)
        client.get_item(**GET)
        assert client.get_item(**GET) == {"n": 1}
        assert [each.socket for each in server.received] == [1, 1, 2]
        assert make.clock.slept == []


def test_sockets_that_close_on_and_on_are_given_up(make: Maker) -> None:
    with Hostile(answer(), *[close] * 9) as server:
        client = make(server.url)
        client.get_item(**GET)
        fault = failing(client)
        assert isinstance(fault, NoAnswer)
        assert fault.reason == "closed"
        assert len(server.received) == 4
        assert make.clock.slept == [1.0], "a fresh socket that closes says something"


def test_a_client_that_tries_once_does_so(make: Maker) -> None:
    stale = [answer(), close]
    with Hostile(*stale, hang, answer(b"", 503), error("ThrottlingException")) as server:
        client = make(server.url, once_within_s=0.1)
        client.get_item(**GET)
        faults = [failing(client) for _ in range(4)]
        assert [type(fault) for fault in faults] == [NoAnswer, NoAnswer, ErrorAnswer, ErrorAnswer]
        assert len(server.received) == 5
        assert make.clock.slept == []


def test_attempts_of_a_transaction_are_one_transaction(make: Maker) -> None:
    with Hostile(answer(b"", 500), answer(b"", 500)) as server:
        client = make(server.url)
        client.transact_write_items(TransactItems=[])
        client.transact_write_items(TransactItems=[])
        tokens = [json.loads(each.body)["ClientRequestToken"] for each in server.received]
    assert tokens[0] == tokens[1] == tokens[2] != tokens[3]
    assert len(tokens[0]) <= 36


def test_each_attempt_is_signed_anew(make: Maker) -> None:
    keys = [KEYS, Credentials("NEW", "secret")]
    make.credentials = lambda: keys.pop(0)
    with Hostile(answer(b"", 500)) as server:
        make(server.url).get_item(**GET)
        old, new = (each.headers for each in server.received)
    assert "Credential=AKIDEXAMPLE/" in old["authorization"]
    assert "Credential=NEW/" in new["authorization"]
    assert "x-amz-security-token" not in new


def test_without_credentials_nothing_is_sent(make: Maker) -> None:
    def none() -> Credentials:
        raise Unavailable("no AWS credentials")

    make.credentials = none
    with Hostile() as server:
        with pytest.raises(Unavailable):
            make(server.url).get_item(**GET)
        assert server.accepted == 0


def test_watchers_see_every_attempt(make: Maker) -> None:
    seen = []
    with Hostile(answer(b"", 500)) as server:
        client = make(server.url)
        client.watchers.append(lambda *call: seen.append(call))
        client.get_item(**GET)
    assert seen == [("GetItem", GET | TOTAL)] * 2


def test_secrets_are_read(make: Maker) -> None:
    with Hostile(answer({"SecretString": "{}"})) as server:
        client = make(server.url, SecretsManager)
        assert client.get_secret_value(SecretId="id") == {"SecretString": "{}"}


SKEWED = ["InvalidSignatureException", "RequestTimeTooSkewed", "SignatureDoesNotMatch"]


def refused(code: str, hour: str) -> Any:
    body = {"__type": f"com.amazonaws.any#{code}", "message": "secret"}
    return answer(body, 400, date=f"Thu, 01 Jan 2099 {hour}:00:00 GMT")


@pytest.mark.parametrize("code", SKEWED)
def test_a_clock_that_is_wrong_learns_the_time_from_a_refusal(make: Maker, code: str) -> None:
    with Hostile(refused(code, "12")) as server:
        client = make(server.url)
        assert client.get_item(**GET) == client.get_item(**GET) == {}
        days = [each.headers["x-amz-date"][:11] for each in server.received]
        assert days[1:] == ["20990101T12"] * 2
        assert days[0] != days[1]
    assert make.clock.slept == []


@pytest.mark.parametrize("code", SKEWED)
def test_a_server_whose_clock_jumps_is_asked_twice(make: Maker, code: str) -> None:
    with Hostile(*(refused(code, f"{hour:02}") for hour in range(10))) as server:
        fault = failing(make(server.url))
        assert isinstance(fault, ErrorAnswer)
        assert fault.code == code
        assert len(server.received) == 2


def test_a_refusal_that_is_none_of_the_time_is_final(make: Maker) -> None:
    with Hostile(*[error(SKEWED[0])] * 3) as server:
        failing(make(server.url))
        assert len(server.received) == 1
