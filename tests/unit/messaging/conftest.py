"""Two regions with one log."""

from __future__ import annotations

import pytest

from tests.support.regions import Regions


@pytest.fixture
def regions() -> Regions:
    return Regions()
