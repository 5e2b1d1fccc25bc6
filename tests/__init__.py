"""Helpers are in tests/support; what they assert is explained like what tests assert."""

import pytest

pytest.register_assert_rewrite("tests.support")
