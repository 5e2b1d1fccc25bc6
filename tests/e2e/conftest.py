"""The same tests on each stack: handlers in process, on emulators or in memory, then the deployed
package on emulators.

A test marked `embedded` asks for what only the handlers in process have, and runs there alone.
One marked `one_emulator` is about what Tidings does, wherever it is deployed, and leaves LocalStack
out, which takes several times as long. One marked `services` asks AWS's APIs or Redis itself, which
the stack in memory has not.
`--stack NAME` runs one stack only.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.iam import Calls
from tests.support.people import People
from tests.support.stacks import Stack, deployed
from workbench.stack.embedded import EmbeddedStack
from workbench.stack.threads import in_thread

STACKS = ("embedded", "memory", "ministack", "localstack")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "stack" not in metafunc.fixturenames:
        return
    stacks = STACKS
    if metafunc.definition.get_closest_marker("embedded"):
        stacks = ("embedded",)
    elif metafunc.definition.get_closest_marker("one_emulator"):
        stacks = ("embedded", "memory", "ministack")
    elif metafunc.definition.get_closest_marker("deployed"):
        stacks = ("ministack", "localstack")
    if metafunc.definition.get_closest_marker("services"):
        stacks = tuple(name for name in stacks if name != "memory")
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
        with in_thread(EmbeddedStack(port=0)) as stack:
            calls = Calls(stack)
            yield stack
        assert not calls.refused(), "functions called what their roles do not allow"
        return
    if request.param == "memory":
        with in_thread(EmbeddedStack(port=0, in_memory=True)) as stack:
            yield stack
        return
    with deployed(request.param) as stack:
        yield stack
        if (
            request.param == "ministack"
        ):  # LocalStack takes minutes to delete what then ends with it
            stack.deployment.destroy()


@pytest.fixture
def people(stack: Stack) -> Iterator[People]:
    with People(stack.url, stack.ws_url) as people:
        yield people
