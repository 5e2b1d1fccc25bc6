"""chalice.tf.json as data: the Lambda resources that Chalice describes.

Chalice's own resources are never applied; terraform/modules/app reads the same fields.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from operate.triggers import QueueTrigger, ScheduleTrigger, StreamTrigger, every_s

_METHODS = {"get", "put", "post", "delete", "patch", "head", "options"}


@dataclass(frozen=True, slots=True)
class Function:
    """One Lambda function."""

    name: str
    handler: str
    runtime: str
    architecture: str
    memory_mb: int
    timeout_s: int


class Manifest:
    """The document, and queries on it."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document

    def set_runtime(self, runtime: str) -> None:
        """Set the package's runtime; Chalice writes the one of the Python that runs it."""
        for function in self._resources("aws_lambda_function").values():
            function["runtime"] = runtime

    def functions(self) -> list[Function]:
        return [
            Function(
                name,
                found["handler"],
                found["runtime"],
                found["architectures"][0],
                found["memory_size"],
                found["timeout"],
            )
            for name, found in self._resources("aws_lambda_function").items()
        ]

    def queues(self) -> set[QueueTrigger]:
        return {
            QueueTrigger(
                found["function_name"].split(".")[1],
                found["event_source_arn"].rsplit(":", 1)[1].split("-", 1)[1].removesuffix(".fifo"),
                found["batch_size"],
            )
            for found in self._sources("sqs")
        }

    def streams(self) -> set[StreamTrigger]:
        return {
            StreamTrigger(found["function_name"].split(".")[1], found["batch_size"])
            for found in self._sources("dynamodb")
        }

    def schedules(self) -> set[ScheduleTrigger]:
        rules = self._resources("aws_cloudwatch_event_rule")
        return {
            ScheduleTrigger(
                target["arn"].split(".")[1], every_s(rules[name]["schedule_expression"])
            )
            for name, target in self._resources("aws_cloudwatch_event_target").items()
        }

    def routes(self) -> set[tuple[str, str]]:
        swagger = json.loads(self.document["locals"]["chalice_api_swagger"])
        return {
            (method.upper(), path)
            for path, methods in swagger["paths"].items()
            for method in methods
            if method in _METHODS
        }

    def to_json(self) -> str:
        return json.dumps(self.document, indent=2, sort_keys=True) + "\n"

    def _sources(self, service: str) -> list[dict[str, Any]]:
        """The event source mappings of queues or streams."""
        found = self._resources("aws_lambda_event_source_mapping").values()
        return [each for each in found if each["event_source_arn"].split(":")[2] == service]

    def _resources(self, kind: str) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self.document["resource"].get(kind, {})
        return found
