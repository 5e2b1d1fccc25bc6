"""An embedded stack and a browser for the tests of the page; they run with `--all`.

Both end with this package: Playwright keeps an event loop running in the main thread, in which
the async tests of other packages could not start theirs.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.support.page import ARGS, WAIT_MS, Person
from tests.support.people import People
from workbench.stack.embedded import EmbeddedStack
from workbench.stack.threads import in_thread


@pytest.fixture(scope="package")
def stack() -> Iterator[EmbeddedStack]:
    with in_thread(EmbeddedStack(port=0)) as stack:
        yield stack


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("chromium is not installed")
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGS)
        yield browser
        browser.close()


@pytest.fixture
def api(stack: EmbeddedStack) -> Iterator[People]:
    """HTTP beside the page."""
    with People(stack.url, stack.ws_url) as people:
        yield people


@pytest.fixture
def visit(browser: Browser, stack: EmbeddedStack) -> Iterator[Callable[..., Person]]:
    """Visit the page as a user; at the end nobody's console has an error."""
    persons: list[Person] = []

    def visit(user: str, **options: object) -> Person:
        persons.append(Person(browser, stack.url, user, **options))
        return persons[-1]

    yield visit
    errors = [error for person in persons for error in person.errors]
    for person in persons:
        person.context.close()
    assert errors == []
