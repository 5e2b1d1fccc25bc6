"""Two regions for all tests of a file; what a test has broken is whole before the next one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.two_regions import A, B, Two
from workbench.stack.regions.deployment import Plan, Regions
from workbench.stack.threads import in_thread


@pytest.fixture(scope="module")
def regions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    home = tmp_path_factory.mktemp("home")
    with in_thread(Regions(Plan((A, B), port=0, home=home)), start_s=200) as stack:
        yield Two(stack, home)


@pytest.fixture
def two(regions: Two) -> Iterator[Two]:
    yield regions
    regions.heal()
