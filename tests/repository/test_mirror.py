"""Tests mirror modules: chalicelib/access/tokens.py has tests/unit/access/test_tokens.py.

A module that is tested elsewhere is in `ELSEWHERE`. Modules without behaviour (ports, most of
`model`) need no test. What crosses modules is in tests/scenarios, by the promise it breaks.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.paths import ROOT

SHIPPED = ROOT / "chalicelib"
UNIT = ROOT / "tests" / "unit"
SCENARIOS = ROOT / "tests" / "scenarios"
PROMISES = {
    "acked_means_kept", "once", "in_order", "recovery",
    "presence", "access", "session_survives", "cheap", "regions",
}  # fmt: skip

# A module or a package, and the folder or file that tests it instead of a mirror.
ELSEWHERE: Mapping[str, str] = {
    "model/receipts": "tests/contract/test_markers.py",
    "actions": "tests/scenarios/access/test_authorisation.py",
    "adapters/apigateway": "tests/unit/adapters/apigateway",
    "adapters/apigateway/engine": "tests/scenarios/session_survives/test_delivery_busy.py",
    "adapters/cloudwatch": "tests/repository/test_monitoring.py",
    "adapters/dynamodb": "tests/contract",
    "adapters/http": "tests/unit/adapters/http",
    "adapters/sdk": "tests/repository/test_monitoring.py",
    "adapters/issuer": "tests/contract/test_issuer.py",
    "adapters/memory": "tests/contract",
    "adapters/peers": "tests/unit/access/test_routing.py",
    "adapters/redis": "tests/contract",
    "adapters/secrets": "tests/contract/test_secrets.py",
    "adapters/sns": "tests/contract/test_topic.py",
    "adapters/sqs": "tests/contract/test_queue.py",
    "adapters/sqs_peers": "tests/contract/test_peer_queues.py",
    "contract/acks": "tests/unit/contract/test_shapes.py",
    "contract/messages": "tests/unit/contract/test_events.py",
    "entrypoints/__init__": "tests/scenarios/session_survives/test_golden_events.py",
    "entrypoints/http": "tests/unit/entrypoints/http/test_openapi.py",
    "entrypoints/websocket": "tests/scenarios/session_survives/test_golden_events.py",
    "jobs/delivery": "tests/unit/jobs/test_base.py",
    "kernel/setting_values": "tests/unit/kernel/test_settings.py",
    "jobs/foreign": "tests/unit/entrypoints/test_streams.py",
    "model/connections": "tests/scenarios/in_order/test_delivery_order.py",
    "model/delivery": "tests/scenarios/session_survives/test_delivery_busy.py",
    "model/lines": "tests/contract/test_cache_lines.py",
    "model/friends": "tests/scenarios/access/test_regions_merge.py",
    "model/log": "tests/contract/test_log_batches.py",
    "model/presence": "tests/unit/social/test_presence.py",
    "model/rooms": "tests/unit/messaging/test_writing.py",
    "model/sessions": "tests/contract/test_engine_sessions.py",
    "composition": "tests/scenarios/once/test_send_faults.py",
    "sessions/missed": "tests/scenarios/recovery",
    "wire/__init__": "tests/unit/wire/test_socketwire.py",
}


def name_of(path: Path) -> str:
    return path.relative_to(SHIPPED).with_suffix("").as_posix()


def behaves(tree: ast.AST) -> bool:
    """Whether a module has a function that does anything: those of ports have no body."""
    return any(
        isinstance(node, ast.FunctionDef)
        and any(
            not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))
            for each in node.body
        )
        for node in ast.walk(tree)
    )


MODULES = {name_of(path): ast.parse(path.read_text()) for path in sorted(SHIPPED.rglob("*.py"))}
BEHAVING = {name for name, tree in MODULES.items() if behaves(tree)}


def mirror(name: str) -> Path:
    folder, _, module = name.rpartition("/")
    return UNIT / folder / f"test_{module}.py"


def instead(name: str) -> str | None:
    """What tests a module without a mirror: the longest entry that it is, or is in."""
    found = [entry for entry in ELSEWHERE if f"{name}/".startswith(f"{entry}/")]
    return max(found, key=len, default=None)


def test_every_module_that_does_anything_has_its_tests() -> None:
    left = [
        f"{name}: write {mirror(name).relative_to(ROOT)}, or say in ELSEWHERE what tests it"
        for name in sorted(BEHAVING)
        if not mirror(name).exists() and instead(name) is None
    ]
    assert not left, "\n".join(left)


def test_every_unit_test_mirrors_a_module() -> None:
    for path in sorted(UNIT.rglob("test_*.py")):
        module = path.with_name(path.name.removeprefix("test_")).relative_to(UNIT)
        assert (SHIPPED / module).is_file(), f"{path} mirrors no {module}: move or rename it"


def imported(path: Path) -> Iterator[str]:
    """The modules of chalicelib that a file imports, by their names here."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            base = node.module.split(".") if node.module else []
            if node.level:
                base = [*path.relative_to(ROOT).parts[: -node.level], *base]
            if base[:1] == ["chalicelib"]:
                for parts in (base[1:], *((*base[1:], each.name) for each in node.names)):
                    name = "/".join(parts)
                    yield name if name in MODULES else f"{name}/__init__"


def helpers(path: Path) -> Iterator[Path]:
    """The modules of tests/support that a test imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests.support."):
            yield (ROOT / str(node.module).replace(".", "/")).with_suffix(".py")


def reached(holder: Path) -> set[str]:
    """The modules that tests or their helpers import, and those that these import beside them."""
    tests = sorted(holder.rglob("*.py")) if holder.is_dir() else [holder]
    files = [*tests, *(each for test in tests for each in helpers(test))]
    found: set[str] = set()
    waiting = {name for file in files for name in imported(file)}
    while waiting:
        name = waiting.pop()
        if name in MODULES and name not in found:
            found.add(name)
            package = name.rpartition("/")[0]
            beside = imported(SHIPPED / f"{name}.py")
            waiting |= {each for each in beside if package and each.startswith(f"{package}/")}
    return found


@pytest.mark.parametrize(("entry", "holder"), ELSEWHERE.items(), ids=ELSEWHERE)
def test_what_tests_a_module_elsewhere_reaches_it(entry: str, holder: str) -> None:
    assert (ROOT / holder).exists(), f"{holder} has moved"
    held = {name for name in BEHAVING if instead(name) == entry and not mirror(name).exists()}
    assert held, f"{entry} is no module without a mirror: remove its entry"
    assert held <= reached(ROOT / holder)


def test_every_folder_of_scenarios_says_its_promise() -> None:
    folders = {path.name for path in SCENARIOS.iterdir() if path.is_dir()} - {"__pycache__"}
    assert folders == PROMISES
    for folder in sorted(folders):
        promise = ast.get_docstring(ast.parse((SCENARIOS / folder / "__init__.py").read_text()))
        assert promise, f"{folder}/__init__.py says which promise a failure breaks"
        assert list((SCENARIOS / folder).glob("test_*.py")), folder
    assert not list(SCENARIOS.glob("test_*.py")), "by promise, please"


def test_declarations_are_told_from_behaviour() -> None:
    declared = ast.parse('class Port:\n    def get(self) -> int:\n        """One."""\n        ...')
    assert not behaves(declared)
    assert behaves(ast.parse("def get() -> int:\n    return 1"))
    assert "ports/log" not in BEHAVING
    assert "access/tokens" in BEHAVING
