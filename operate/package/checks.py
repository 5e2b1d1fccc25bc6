"""Checks that a package must pass before it is deployed. Pure: they return findings as text."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from email.parser import HeaderParser
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from operate.triggers import Triggers

from .manifest import Manifest
from .target import Target

MOST_BYTES = 13_000_000  # a quarter of what Lambda takes
# Modules that the runtime has, or that are not part of the product.
_FORBIDDEN = {
    "boto3",
    "botocore",
    "s3transfer",
    "tests",
    "operate",
    "workbench",
    "pip",
    "setuptools",
}
_ELF, _LITTLE_ENDIAN = b"\x7fELF", 1
# The flags in a bytecode file's head. https://peps.python.org/pep-0552/
_UNCHECKED_HASH = b"\x01\x00\x00\x00"
_BY_RUNTIME = {"botocore", "boto3"}
_FRONT_S = 29  # API Gateway gives up on an integration
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
_VISIBILITY_TIMES = 6


class PackageError(Exception):
    """Packaging failed; the text tells the user why."""


def archive(
    files: Mapping[str, bytes], size: int, target: Target, *, compiled: bool = True
) -> Iterator[str]:
    """Check the zip; with bytecode if it is to be `compiled`."""
    if size > MOST_BYTES:
        yield f"the zip has {size:,} bytes, more than its budget of {MOST_BYTES:,}"
    tops = {name.split("/")[0].removesuffix(".py") for name in files}
    for name in sorted(tops & _FORBIDDEN):
        yield f"{name} does not belong in the zip"
    for name, data in sorted(files.items()):
        if data.startswith(_ELF) or name.endswith(".so"):
            yield from _library(name, data, target)
    yield from _bytecode(files, target, compiled=compiled)
    yield from _requirements(files, target)


def manifest(
    found: Manifest,
    triggers: Triggers,
    files: Mapping[str, bytes],
    target: Target,
    config: Mapping[str, Any],
    queues: Mapping[str, Mapping[str, Any]],
) -> Iterator[str]:
    """Check chalice.tf.json against app.py, .chalice/config.json and terraform/resources.json."""
    functions = found.functions()
    yield from _same("functions", {each.name for each in functions}, triggers.functions)
    yield from _same("routes", found.routes(), triggers.routes)
    yield from _same("queues", found.queues(), triggers.queues)
    yield from _same("streams", found.streams(), triggers.streams)
    yield from _same("schedules", found.schedules(), triggers.schedules)
    yield from _same("functions in .chalice/config.json", set(config), triggers.functions)
    names = _names(files.get("app.py", b""))
    for each in functions:
        if each.handler.partition(".")[::2] not in {("app", name) for name in names}:
            yield f"{each.name}: its handler {each.handler} is not in app.py"
        if (each.runtime, each.architecture) != (target.runtime, target.architecture):
            yield f"{each.name}: made for {each.runtime} on {each.architecture}"
        own = config.get(each.name, {})
        wanted = (own.get("lambda_memory_size"), own.get("lambda_timeout"))
        if wanted != (each.memory_mb, each.timeout_s):
            yield f"{each.name}: memory and timeout differ from .chalice/config.json"
    time_s = {each.name: each.timeout_s for each in functions}
    for front in sorted(triggers.functions - triggers.background):
        if time_s.get(front, 0) > _FRONT_S:
            yield f"{front}: runs longer than the {_FRONT_S} s that API Gateway waits"
    for trigger in triggers.queues:
        queue = queues.get(trigger.queue)
        if queue is None:
            yield f"{trigger.function}: terraform/resources.json has no queue {trigger.queue}"
        elif queue["visibility_timeout_s"] < _VISIBILITY_TIMES * time_s.get(trigger.function, 0):
            yield (
                f"{trigger.function}: the visibility timeout of {trigger.queue} is less than "
                f"{_VISIBILITY_TIMES} times the function's timeout"
            )


def _bytecode(files: Mapping[str, bytes], target: Target, *, compiled: bool) -> Iterator[str]:
    """Check that each module has bytecode of the target's Python, which needs no comparison."""
    modules = {name for name in files if name.endswith(".py")} if compiled else set()
    wanted = {target.cached(name) for name in modules}
    found = {name for name in files if name.endswith(".pyc") or "__pycache__" in name}
    for name in sorted(wanted - found):
        yield f"{name}: missing, the module would be compiled at each cold start"
    for name in sorted(found - wanted):
        yield f"{name}: not bytecode of a module of the zip for {target.runtime}"
    for name in sorted(found & wanted):
        if files[name][:4] != target.magic:
            yield f"{name}: not bytecode of a release of Python {target.python}, so it is ignored"
        elif files[name][4:8] != _UNCHECKED_HASH:
            yield f"{name}: the bytecode would be compared with its source"


def _library(name: str, data: bytes, target: Target) -> Iterator[str]:
    if not data.startswith(_ELF) or len(data) < 20 or data[5] != _LITTLE_ENDIAN:
        yield f"{name}: not a Linux library"
    elif int.from_bytes(data[18:20], "little") != target.elf_machine:
        yield f"{name}: not made for {target.architecture}"


def _requirements(files: Mapping[str, bytes], target: Target) -> Iterator[str]:
    """Check that each distribution has all it requires, in a version that it accepts."""
    parser = HeaderParser()
    found = {}
    for name, data in files.items():
        if name.endswith(".dist-info/METADATA"):
            headers = parser.parsestr(data.decode())
            found[canonicalize_name(headers["Name"])] = headers
    for name, headers in sorted(found.items()):
        for text in headers.get_all("Requires-Dist", []):
            need = Requirement(text)
            # PyJWT's extra `crypto` is needed; no other extra is used.
            extras = ["", "crypto"] if name == "pyjwt" else [""]
            wanted = need.marker is None or any(
                need.marker.evaluate({**target.markers, "extra": extra}) for extra in extras
            )
            key = canonicalize_name(need.name)
            if not wanted or key in _BY_RUNTIME:
                continue
            if key not in found:
                where = "add it to requirements/lambda.in and run `make lock`"
                yield f"{name} needs {need.name}: {where}"
            elif not need.specifier.contains(found[key]["Version"], prereleases=True):
                yield f"{name} needs {need}, but the zip has {found[key]['Version']}"


def _names(source: bytes) -> set[str]:
    """The names that a module defines at its top level."""
    names: set[str] = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {each.id for each in node.targets if isinstance(each, ast.Name)}
    return names


def _same(what: str, found: Any, wanted: Any) -> Iterator[str]:
    missing, extra = set(wanted) - set(found), set(found) - set(wanted)
    if missing:
        yield f"{what}: missing {', '.join(sorted(map(str, missing)))}"
    if extra:
        yield f"{what}: not in app.py: {', '.join(sorted(map(str, extra)))}"
