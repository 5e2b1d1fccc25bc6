"""The operations that the adapters use, and the clients of this process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from ...kernel import consumption
from ..http.credentials import credentials
from ..http.sigv4 import Credentials
from ..system import SystemClock, SystemIds
from .client import Client, Json, Service
from .query import Sns

_lock = threading.Lock()
_clients: dict[tuple[str, str, str | None, float | None], Client] = {}
_credentials: Callable[[], Credentials] | None = None


_READS = {"BatchGetItem", "GetItem", "Query", "Scan"}


def _operation(name: str) -> Callable[..., Json]:
    """An operation, whose arguments and answer are those of AWS's API reference."""

    def call(self: Client, **arguments: Any) -> Json:
        return self._call(name, arguments)

    call.__doc__ = f"{name}; raises as `Client` does."
    return call


class DynamoDb(Client):
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations.html"""

    service = Service("dynamodb", "application/x-amz-json-1.0", "DynamoDB_20120810.")

    batch_get_item = _operation("BatchGetItem")
    batch_write_item = _operation("BatchWriteItem")
    delete_item = _operation("DeleteItem")
    get_item = _operation("GetItem")
    put_item = _operation("PutItem")
    query = _operation("Query")
    scan = _operation("Scan")
    update_item = _operation("UpdateItem")

    def _call(self, operation: str, arguments: Mapping[str, Any]) -> Json:
        """Note what the request is charged, which the answer names.

        https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ConsumedCapacity.html
        """
        answer = super()._call(operation, {**arguments, "ReturnConsumedCapacity": "TOTAL"})
        named = answer.pop("ConsumedCapacity", None) or []
        tables = named if isinstance(named, list) else [named]
        units = sum(float(each.get("CapacityUnits", 0)) for each in tables)
        consumption.add(**{"reads" if operation in _READS else "writes": units})
        return answer

    def transact_write_items(self, **arguments: Any) -> Json:
        """TransactWriteItems, with a token by which its attempts are one transaction."""
        token = {"ClientRequestToken": self._ids.token()}
        return self._call("TransactWriteItems", {**arguments, **token})


class Sqs(Client):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html"""

    service = Service(
        "sqs",
        "application/x-amz-json-1.0",
        "AmazonSQS.",
        (("x-amzn-query-mode", "true"),),
        frozenset({"ChangeMessageVisibility"}),
    )

    change_message_visibility = _operation("ChangeMessageVisibility")
    delete_message_batch = _operation("DeleteMessageBatch")
    get_queue_attributes = _operation("GetQueueAttributes")
    get_queue_url = _operation("GetQueueUrl")
    send_message = _operation("SendMessage")
    send_message_batch = _operation("SendMessageBatch")


class SecretsManager(Client):
    """https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_Operations.html"""

    service = Service("secretsmanager", "application/x-amz-json-1.1", "secretsmanager.")

    get_secret_value = _operation("GetSecretValue")


_CLASSES: Mapping[str, type[Client]] = {
    each.service.name: each for each in (DynamoDb, Sqs, SecretsManager, Sns)
}


def client(
    service: str, region: str, endpoint_url: str | None, once_within_s: float | None = None
) -> Any:
    """A client that is shared by the process; see `Client` for the arguments.

    Untyped, so that a test can put a double in its place, and because operations and their
    arguments are AWS's own: `workbench.permissions` finds the calls by their names.
    """
    global _credentials
    key = (service, region, endpoint_url, once_within_s)
    with _lock:
        if key not in _clients:
            _credentials = _credentials or credentials()
            made = _CLASSES[service]
            _clients[key] = made(
                region, endpoint_url, _credentials, SystemClock(), SystemIds(), once_within_s
            )
        return _clients[key]


def forget() -> None:
    """Close all clients and drop the credentials: the next client reads the environment anew."""
    global _credentials
    with _lock:
        _credentials = None
        for each in _clients.values():
            each.close()
        _clients.clear()
