"""What tests of several rooms share: one store a process, a team of its own for each test."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.support.clickhouse_front import ClickHouseFront
from trace_clustering.settings import ENV_PREFIX
from trace_clustering.store import Store

# What a shell starts in the background ignores interrupts, and so would all processes of tests.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

hypothesis.settings.register_profile("tests", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("tests")

# As settings have it: some tests open the shared folder with these.
RETENTION_DAYS = 92
_team_ids = itertools.count(1000)
_names = itertools.count()


# Tests that share something costly, by how their ids begin.
_SHARING = (
    *("tests/browser/", "tests/clients/test_langfuse", "tests/clients/test_open"),
    "tests/clients/test_posthog",
)
# Each of these takes long and shares nothing.
_ALONE = ("tests/processes/", "tests/temporal/test_schedule", "tests/temporal/test_coordinator")


class _Together(LoadScopeScheduling):  # type: ignore[misc]
    """Gives a process the tests of a file together; those that share something costly too."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(_SHARING):
            return nodeid.split("/")[1]
        return nodeid if nodeid.startswith(_ALONE) else nodeid.split("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> _Together:
    return _Together(config, log)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's own settings reach a test."""
    for name in os.environ:
        if name.upper().startswith(ENV_PREFIX):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of ``store``: the one that this process may open."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="session")
def store(data_dir: Path) -> Iterator[Store]:
    """The embedded engine, which opens one folder a process: shared by all tests of one."""
    opened = Store.open(f"chdb://{data_dir / 'clickhouse'}", retention_days=RETENTION_DAYS)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseFront]:
    """ClickHouse's HTTP interface, as far as a test front over chDB goes."""
    with ClickHouseFront(tmp_path_factory.mktemp("front") / "clickhouse") as running:
        yield running


@pytest.fixture(scope="session")
def server_store(front: ClickHouseFront) -> Iterator[Store]:
    """The same store over HTTP; its database was made by opening it."""
    opened = Store.open(front.dsn("shared"), retention_days=RETENTION_DAYS)
    yield opened
    opened.close()


@pytest.fixture(params=["embedded", "server"])
def any_store(request: pytest.FixtureRequest) -> Store:
    """Runs the test on the embedded engine and once more over HTTP."""
    name = "store" if request.param == "embedded" else "server_store"
    opened: Store = request.getfixturevalue(name)
    return opened


@pytest.fixture
def fresh_dsn(front: ClickHouseFront) -> str:
    """Of a database that does not exist yet."""
    return front.dsn(f"fresh_{next(_names)}")


@pytest.fixture
def fresh_store(fresh_dsn: str) -> Iterator[Store]:
    """A store that nobody has written to."""
    opened = Store.open(fresh_dsn, retention_days=RETENTION_DAYS)
    yield opened
    opened.close()


@pytest.fixture
def team_id() -> int:
    """A team that no other test of this process writes to."""
    return next(_team_ids)


@pytest.fixture
def other_team_id() -> int:
    return next(_team_ids)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
