"""What a web page can send to the emulator of `make run`, and what comes of it: nothing."""

from __future__ import annotations

import http.client
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from operate.clients import client
from operate.keys import ANY, Keys, make
from workbench.stack.children import free_port, start_ministack

REGION = "us-east-1"
TABLE = {
    "TableName": "of-the-page",
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}
CREATE_TABLE = {
    "X-Amz-Target": "DynamoDB_20120810.CreateTable",
    "Content-Type": "application/x-amz-json-1.0",
}
QUERY = "/?Action=CreateQueue&QueueName=of-the-page&Version=2012-11-05"


@dataclass(frozen=True)
class Emulator:
    port: int
    keys: Keys

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, service: str, keys: Keys | None = None) -> Any:
        return client(service, self.url, REGION, keys or self.keys)

    def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> int:
        """What a browser would send; the answer's status."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            link.request(method, path, body, named)
            return link.getresponse().status
        finally:
            link.close()

    def untouched(self) -> bool:
        tables = self.client("dynamodb").list_tables()["TableNames"]
        queues = self.client("sqs").list_queues().get("QueueUrls", [])
        return tables == ["kept"] and [url.rsplit("/", 1)[1] for url in queues] == ["kept"]


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    port, keys = free_port(), make()
    child = start_ministack(port, REGION, services=("dynamodb", "sqs"), keys=keys)
    made = Emulator(port, keys)
    made.client("dynamodb").create_table(**TABLE | {"TableName": "kept"})
    made.client("sqs").create_queue(QueueName="kept")
    yield made
    child.stop()


def signed(keys: Keys, url: str, body: bytes, headers: dict[str, str]) -> dict[str, str]:
    request = AWSRequest("POST", url, data=body, headers=headers)
    credentials = Credentials(keys.access_key_id, keys.secret_access_key)
    SigV4Auth(credentials, "dynamodb", REGION).add_auth(request)
    return {name.replace("-", "_"): value for name, value in request.headers.items()}


@pytest.mark.parametrize(
    "request_of_page",
    [
        ("GET", QUERY, b""),
        ("POST", "/", QUERY[2:].encode()),
        ("POST", "/_ministack/reset", b""),
        ("POST", "/_ministack/config", b'{"lambda_svc.LAMBDA_EXECUTOR": "local"}'),
        ("GET", "/_ministack/sqs/messages", b""),
        ("PUT", "/of-the-page", b""),
        ("POST", "/2015-03-31/functions", b"{}"),
    ],
    ids=lambda of_page: f"{of_page[0]} {of_page[1][:24]}",
)
@pytest.mark.parametrize(
    "said",
    [
        {},  # a program's, or an old browser's
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Host": "evil.example", "Origin": "http://evil.example"},
    ],
    ids=str,
)
def test_a_simple_request_does_nothing(
    emulator: Emulator, request_of_page: tuple[str, str, bytes], said: dict[str, str]
) -> None:
    """Those that a browser sends without asking first."""
    method, path, body = request_of_page
    assert emulator.send(method, path, body, **said) == 403
    assert emulator.untouched()


def test_a_preflight_allows_nothing(emulator: Emulator) -> None:
    asked = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "x"}
    assert emulator.send("OPTIONS", "/", Origin="https://evil.example", **asked) == 403


@pytest.mark.parametrize(
    "keys",
    [
        ANY,
        Keys("", ""),
        Keys("000000000000", "test"),
        Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ],
    ids=lambda keys: keys.access_key_id or "none",
)
def test_guessed_keys_are_none(emulator: Emulator, keys: Keys) -> None:
    """A page that got the Host right by DNS rebinding can set any header."""
    body = json.dumps(TABLE).encode()
    headers = signed(keys, emulator.url, body, CREATE_TABLE)
    assert emulator.send("POST", "/", body, **headers) == 403
    url = f"{emulator.url}{QUERY}"
    query = AWSRequest("GET", url)
    SigV4QueryAuth(Credentials(keys.access_key_id or "x", "x"), "sqs", REGION).add_auth(query)
    assert emulator.send("GET", str(query.url).removeprefix(emulator.url)) == 403
    assert emulator.untouched()


def test_a_right_key_with_a_wrong_secret_or_body_is_none(emulator: Emulator) -> None:
    body = json.dumps(TABLE).encode()
    wrong = Keys(emulator.keys.access_key_id, "test")
    assert (
        emulator.send("POST", "/", body, **signed(wrong, emulator.url, body, CREATE_TABLE)) == 403
    )
    right = signed(emulator.keys, emulator.url, b"{}", CREATE_TABLE)
    assert emulator.send("POST", "/", body, **right) == 403
    assert emulator.untouched()


def test_a_refusal_says_the_time(emulator: Emulator) -> None:
    """Whoever signs by a wrong clock learns it so."""
    link = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=20)
    link.request("POST", "/", b"{}", {"X-Amz-Target": "DynamoDB_20120810.ListTables"})
    answer = link.getresponse()
    link.close()
    said = parsedate_to_datetime(answer.headers["Date"])
    assert answer.status == 403
    assert abs(said - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_right_signature_of_a_page_is_none(emulator: Emulator) -> None:
    """Whatever it has found out."""
    body = json.dumps(TABLE).encode()
    headers = signed(emulator.keys, emulator.url, body, CREATE_TABLE)
    assert emulator.send("POST", "/", body, **headers, Origin=emulator.url) == 403
    assert emulator.untouched()


def test_a_service_that_is_not_needed_does_not_answer(emulator: Emulator) -> None:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.py", "def handler(event, context): ...")
    with pytest.raises(ClientError, match="400"):
        emulator.client("lambda").create_function(
            FunctionName="f",
            Runtime="python3.13",
            Role="arn:aws:iam::000000000000:role/r",
            Handler="app.handler",
            Code={"ZipFile": package.getvalue()},
        )


def test_without_keys_a_page_is_refused_all_the_same(endpoint: str) -> None:
    """As in localstack/up, where any key is good."""
    open_to_programs = Emulator(int(endpoint.rsplit(":", 1)[1]), ANY)
    body = json.dumps(TABLE).encode()
    for page in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
        headers = signed(ANY, endpoint, body, CREATE_TABLE)
        assert open_to_programs.send("POST", "/", body, **headers | page) == 403
    assert open_to_programs.send("POST", "/_ministack/reset") == 403
    assert "of-the-page" not in open_to_programs.client("dynamodb").list_tables()["TableNames"]
