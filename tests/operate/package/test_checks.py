"""Each finding, on a small package that is right but for one thing."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from operate.package import checks
from operate.package.manifest import Manifest
from operate.package.target import Target
from operate.triggers import QueueTrigger, ScheduleTrigger, StreamTrigger, Triggers

TARGET = Target("3.13", "arm64")
TRIGGERS = Triggers(
    {"$default": "message"},
    (QueueTrigger("deliver", "delivery", 10),),
    (ScheduleTrigger("sweep", 60),),
    frozenset({("GET", "/v1/rooms"), ("POST", "/v1/rooms")}),
    (StreamTrigger("carry", 100),),
)
QUEUES = {"delivery": {"visibility_timeout_s": 120}}
CONFIG = {
    name: {"lambda_memory_size": 512, "lambda_timeout": 20} for name in sorted(TRIGGERS.functions)
}
FILES = {
    "app.py": b"app = object()\ndef message(): ...\ndef deliver(): ...\ndef sweep(): ...\n"
    b"def carry(): ...\n",
}


def document() -> dict[str, Any]:
    def function(handler: str) -> dict[str, Any]:
        return {
            "handler": handler,
            "runtime": "python3.13",
            "architectures": ["arm64"],
            "memory_size": 512,
            "timeout": 20,
        }

    swagger = {"paths": {"/v1/rooms": {"get": {}, "post": {}, "parameters": []}}}
    return {
        "locals": {"chalice_api_swagger": json.dumps(swagger)},
        "resource": {
            "aws_lambda_function": {
                "api_handler": function("app.app"),
                **{
                    name: function(f"app.{name}")
                    for name in ("message", "deliver", "carry", "sweep")
                },
            },
            "aws_lambda_event_source_mapping": {
                "deliver-sqs-event-source": {
                    "event_source_arn": "arn:aws:sqs:r:0:tidings-delivery.fifo",
                    "batch_size": 10,
                    "function_name": "${aws_lambda_function.deliver.arn}",
                },
                "carry-dynamodb-event-source": {
                    "event_source_arn": "arn:aws:dynamodb:::table/tidings-global",
                    "batch_size": 100,
                    "function_name": "${aws_lambda_function.carry.arn}",
                },
            },
            "aws_cloudwatch_event_rule": {
                "sweep-event": {"schedule_expression": "rate(1 minute)"},
            },
            "aws_cloudwatch_event_target": {
                "sweep-event": {"arn": "${aws_lambda_function.sweep.arn}"},
            },
        },
    }


def found(made: dict[str, Any], config: Any = CONFIG, queues: Any = QUEUES) -> list[str]:
    return list(checks.manifest(Manifest(made), TRIGGERS, FILES, TARGET, config, queues))


def test_a_right_one_has_no_findings() -> None:
    assert found(document()) == []


def functions(made: dict[str, Any]) -> dict[str, Any]:
    return made["resource"]["aws_lambda_function"]  # type: ignore[no-any-return]


def without_a_function(made: dict[str, Any]) -> None:
    del functions(made)["sweep"]


def without_a_route(made: dict[str, Any]) -> None:
    made["locals"]["chalice_api_swagger"] = json.dumps({"paths": {"/v1/rooms": {"get": {}}}})


def with_another_batch_size(made: dict[str, Any]) -> None:
    mapping = made["resource"]["aws_lambda_event_source_mapping"]
    mapping["deliver-sqs-event-source"]["batch_size"] = 1


def without_a_stream(made: dict[str, Any]) -> None:
    del made["resource"]["aws_lambda_event_source_mapping"]["carry-dynamodb-event-source"]


def with_another_rate(made: dict[str, Any]) -> None:
    rule = made["resource"]["aws_cloudwatch_event_rule"]["sweep-event"]
    rule["schedule_expression"] = "rate(1 hour)"


def with_a_missing_handler(made: dict[str, Any]) -> None:
    functions(made)["sweep"]["handler"] = "app.gone"


def with_a_handler_elsewhere(made: dict[str, Any]) -> None:
    functions(made)["sweep"]["handler"] = "other.sweep"


def for_another_runtime(made: dict[str, Any]) -> None:
    functions(made)["sweep"]["runtime"] = "python3.11"


def with_default_memory(made: dict[str, Any]) -> None:
    functions(made)["sweep"]["memory_size"] = 128


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (without_a_function, "functions: missing sweep"),
        (without_a_route, "routes: missing ('POST', '/v1/rooms')"),
        (with_another_batch_size, "batch_size=10"),
        (without_a_stream, "streams: missing StreamTrigger(function='carry'"),
        (with_another_rate, "every_s=60"),
        (with_a_missing_handler, "its handler app.gone is not in app.py"),
        (with_a_handler_elsewhere, "its handler other.sweep is not in app.py"),
        (for_another_runtime, "sweep: made for python3.11 on arm64"),
        (with_default_memory, "sweep: memory and timeout differ from"),
    ],
)
def test_a_manifest_that_differs(spoil: Any, words: str) -> None:
    made = document()
    spoil(made)
    assert any(words in finding for finding in found(made)), found(made)


def test_a_function_without_memory_and_time_out() -> None:
    config = copy.deepcopy(CONFIG)
    del config["sweep"]
    assert "functions in .chalice/config.json: missing sweep" in found(document(), config)


def timed(name: str, timeout_s: int) -> list[str]:
    made, config = document(), copy.deepcopy(CONFIG)
    functions(made)[name]["timeout"] = config[name]["lambda_timeout"] = timeout_s
    return found(made, config)


def test_a_function_that_outlives_its_caller() -> None:
    assert timed("message", 30) == ["message: runs longer than the 29 s that API Gateway waits"]
    assert timed("sweep", 60) == []


def test_a_message_that_comes_again_too_early() -> None:
    assert timed("deliver", 20) == []
    [finding] = timed("deliver", 21)
    assert "visibility timeout of delivery is less than 6 times" in finding


def test_a_queue_that_nobody_defines() -> None:
    [finding] = found(document(), queues={})
    assert finding == "deliver: terraform/resources.json has no queue delivery"


def elf(machine: int, order: int = 1) -> bytes:
    return b"\x7fELF\x02" + bytes([order]) + bytes(12) + machine.to_bytes(2, "little") + bytes(8)


def zip_findings(files: dict[str, bytes], size: int = 1) -> list[str]:
    return list(checks.archive(files, size, TARGET))


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"a.so": elf(0x3E)}, "a.so: not made for arm64"),
        ({"lib/tool": elf(0x3E)}, "lib/tool: not made for arm64"),
        ({"a.so": elf(0xB7, order=2)}, "a.so: not a Linux library"),
        ({"a.so": b"\xcf\xfa\xed\xfe" + bytes(40)}, "a.so: not a Linux library"),
        ({"a.so": b"\x7fELF"}, "a.so: not a Linux library"),
        ({"boto3/__init__.pth": b""}, "boto3 does not belong in the zip"),
        ({"tests/test_a.txt": b""}, "tests does not belong in the zip"),
        ({"workbench/a.txt": b""}, "workbench does not belong in the zip"),
        ({"a/__pycache__/b": b""}, "a/__pycache__/b: not bytecode of a module"),
        ({"a.pyc": b""}, "a.pyc: not bytecode of a module"),
    ],
)
def test_what_must_not_be_in_the_zip(files: dict[str, bytes], words: str) -> None:
    [finding] = zip_findings(files)
    assert words in finding


UNCHECKED, CHECKED, TIMED = (
    b"\xf3\r\r\n" + bytes([flags, 0, 0, 0]) + bytes(8) for flags in (1, 3, 0)
)
OF_ALPHA = b"\xf2" + UNCHECKED[1:]  # 3570, of 3.13.0a6


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "a/__pycache__/b.cpython-313.pyc: missing, the module would be compiled at each"),
        ({"a/__pycache__/b.cpython-313.pyc": CHECKED}, "would be compared with its source"),
        ({"a/__pycache__/b.cpython-313.pyc": TIMED}, "would be compared with its source"),
        ({"a/__pycache__/b.cpython-313.pyc": OF_ALPHA}, "not bytecode of a release of Python 3.13"),
        ({"a/__pycache__/b.cpython-313.pyc": b""}, "not bytecode of a release of Python 3.13"),
        (
            {
                "a/__pycache__/b.cpython-313.pyc": UNCHECKED,
                "a/__pycache__/b.cpython-312.pyc": UNCHECKED,
            },
            "a/__pycache__/b.cpython-312.pyc: not bytecode of a module of the zip for python3.13",
        ),
    ],
)
def test_bytecode_that_the_runtime_would_not_use(files: dict[str, bytes], words: str) -> None:
    [finding] = zip_findings({"a/b.py": b"", **files})
    assert words in finding


def test_bytecode_of_the_runtime_is_fine_and_none_where_none_is_asked_for() -> None:
    made = {"a/b.py": b"", "a/__pycache__/b.cpython-313.pyc": UNCHECKED}
    assert zip_findings(made) == []
    assert list(checks.archive({"a/b.py": b""}, 1, TARGET, compiled=False)) == []
    [finding] = checks.archive(made, 1, TARGET, compiled=False)
    assert "not bytecode of a module" in finding


def test_libraries_of_the_target_are_fine() -> None:
    assert zip_findings({"a.so": elf(0xB7), "b/c.abi3.so": elf(0xB7)}) == []


def test_a_zip_over_its_budget() -> None:
    assert zip_findings({}, 13_000_000) == []
    assert zip_findings({}, 13_000_001) == [
        "the zip has 13,000,001 bytes, more than its budget of 13,000,000"
    ]


def metadata(name: str, version: str, *needs: str) -> dict[str, bytes]:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {need}" for need in needs]
    return {f"{name}-{version}.dist-info/METADATA": "\n".join(lines).encode()}


@pytest.mark.parametrize(
    ("needs", "words"),
    [
        ("gone>=1", "big needs gone: add it to requirements/lambda.in and run `make lock`"),
        ("small>=3", "big needs small>=3, but the zip has 2.0"),
        ("gone; python_version >= '3.13'", "big needs gone"),
        ("gone; platform_machine == 'aarch64'", "big needs gone"),
    ],
)
def test_a_distribution_without_what_it_needs(needs: str, words: str) -> None:
    [finding] = zip_findings(metadata("big", "1.0", needs) | metadata("small", "2.0"))
    assert words in finding


@pytest.mark.parametrize(
    "needs",
    [
        "Small>=1",
        "gone; python_version < '3.13'",
        "gone; extra == 'more'",
        "gone; sys_platform == 'win32'",
        "gone; python_full_version < '3.11.3'",
        "botocore>=1",
    ],
)
def test_a_distribution_with_all_it_needs(needs: str) -> None:
    assert zip_findings(metadata("big", "1.0", needs) | metadata("small", "2.0")) == []
