from __future__ import annotations

import pytest

from tests.clients.desk import Arrivals, watched
from tests.clients.support import made_once


@pytest.fixture(scope="session")
def arrivals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Arrivals]:
    """What every client brought, by its name."""
    made = made_once("desk", tmp_path_factory.getbasetemp(), watched)
    return {name: Arrivals(**one) for name, one in made.items()}
