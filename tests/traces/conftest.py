"""What the tests of models at endpoints share."""

from __future__ import annotations

import pytest

from tests.support.patience import Waits


@pytest.fixture
def waits() -> Waits:
    """A clock that stands still but for the waits."""
    return Waits()
