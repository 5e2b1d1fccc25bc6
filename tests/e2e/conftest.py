"""The same tests on each stack: handlers in process, then the deployed package on emulators.

A test marked `embedded` asks for what only the handlers in process have, and runs there alone.
`--stack NAME` runs one stack only.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.iam import Calls
from tests.support.people import People
from tests.support.stacks import DeployedStack, Stack
from workbench.stack.embedded import StackThread

STACKS = ("embedded", "ministack", "localstack")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "stack" not in metafunc.fixturenames:
        return
    stacks = STACKS
    if metafunc.definition.get_closest_marker("embedded"):
        stacks = tuple(name for name in STACKS if name == "embedded")
    if metafunc.definition.get_closest_marker("deployed"):
        stacks = tuple(name for name in STACKS if name != "embedded")
    metafunc.parametrize("stack", stacks, indirect=True, scope="package")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With `--stack`, tests on other stacks are left out; those on none stay."""
    only = config.getoption("--stack")
    if not only:
        return
    others = [item for item in items if _stack_of(item) not in (None, *only)]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in others]


def _stack_of(item: pytest.Item) -> str | None:
    call = getattr(item, "callspec", None)
    return call.params.get("stack") if call is not None else None


@pytest.fixture(scope="package")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    if request.param == "embedded":
        thread = StackThread(port=0)
        stack = thread.start()
        calls = Calls(stack)
        yield stack
        thread.stop()
        assert not calls.refused(), "functions called what their roles do not allow"
        return
    deployed = DeployedStack(request.param)
    try:
        yield deployed.start()
        deployed.deployment.destroy()
    finally:
        deployed.stop()


@pytest.fixture
def people(stack: Stack) -> Iterator[People]:
    with People(stack.url, stack.ws_url) as people:
        yield people
