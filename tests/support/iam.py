"""Compares the AWS calls of functions in this process with their roles' permissions.

Emulators permit every call, so this stands in for IAM: calls are recorded as clients make them, and
`refused` returns those that permissions.json does not allow.
"""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.adapters import sdk
from chalicelib.adapters.aws import client
from workbench.permissions.derive import ACTIONS, PERMISSIONS, WRITES
from workbench.stack.embedded import EmbeddedStack
from workbench.stack.functions import current_function

SERVICES = ("dynamodb", "sqs", "sns", "secretsmanager")

# Function, service, action, resource.
Call = tuple[str, str, str, str]


class Calls:
    """Records the AWS calls of a stack's functions.

    Attributes:
        made: Each kind of call once.
    """

    def __init__(self, stack: EmbeddedStack) -> None:
        self.made: set[Call] = set()
        self._prefix = f"{stack.prefix}-"
        self._lock = threading.Lock()
        for service in SERVICES:
            shared = client(service, stack.region, stack.aws_endpoint_url)
            shared.watchers.append(functools.partial(self._record, service))
        metrics = sdk.client("cloudwatch", stack.region, stack.aws_endpoint_url)
        metrics.meta.events.register("provide-client-params.*.*", self._record_sdk)

    def refused(self) -> set[Call]:
        permitted = set(allowed(json.loads(PERMISSIONS.read_text())))
        with self._lock:
            return self.made - permitted

    def _record_sdk(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self._record(model.service_model.service_name, model.name, params)

    def _record(self, service: str, operation: str, arguments: Mapping[str, Any]) -> None:
        function = current_function.get()
        if function is not None:
            used = {
                (function, service, action, resource.removeprefix(self._prefix))
                for action, resource in uses(service, operation, arguments)
            }
            with self._lock:
                self.made |= used


def uses(service: str, operation: str, params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The actions of a call and their resources: a table, `table/index`, a queue or "*"."""
    match service, operation:
        case "dynamodb", "TransactWriteItems":
            for write in params["TransactItems"]:
                for kind, item in write.items():
                    yield WRITES[kind], item["TableName"]
        case "dynamodb", "BatchGetItem" | "BatchWriteItem":
            for table in params["RequestItems"]:
                yield operation, table
        case "dynamodb", _ if "IndexName" in params:
            yield operation, f"{params['TableName']}/{params['IndexName']}"
        case "dynamodb", _:
            yield operation, params["TableName"]
        case "sqs", _:
            name = params.get("QueueName") or params["QueueUrl"].rpartition("/")[2]
            yield ACTIONS.get(operation, operation), name.removesuffix(".fifo")
        case _:
            yield operation, "*"


def allowed(permissions: dict[str, Any]) -> Iterator[Call]:
    """The permissions in permissions.json, as calls."""
    for function, told in permissions.items():
        for table, actions in told["tables"].items():
            yield from ((function, "dynamodb", action, table) for action in actions)
        yield from ((function, "dynamodb", "Query", index) for index in told["indexes"])
        for queue, actions in told["queues"].items():
            yield from ((function, "sqs", action, queue) for action in actions)
        if told["metrics"]:
            yield function, "cloudwatch", "PutMetricData", "*"
        if told["topic"]:
            yield function, "sns", "Publish", "*"
        if told["secret"]:
            yield function, "secretsmanager", "GetSecretValue", "*"
