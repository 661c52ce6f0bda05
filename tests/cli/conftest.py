"""Commands in this process: on the store that it has open, or on a fake of the service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.fake_service import FakeService
from tests.cli.support import Done, Run
from trace_clustering.cli import commands, shared
from trace_clustering.cli.client import ApiClient
from trace_clustering.settings import Settings
from trace_clustering.store import Store


@pytest.fixture
def plain_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in this process, in the folder that it is given."""
    monkeypatch.setattr(shared, "configure_logging", lambda settings: None)
    monkeypatch.setattr(commands, "configure_logging", lambda settings: None)
    monkeypatch.delenv("COLUMNS", raising=False)

    def call(*arguments: object, folder: Path) -> Done:
        capsys.readouterr()
        code = commands.run([*map(str, arguments), "--data-dir", str(folder)])
        return Done(code, *capsys.readouterr())

    return call


@pytest.fixture
def run(store: Store, data_dir: Path, plain_run: Run) -> Run:
    """Runs a command on the store that this process has open."""

    def call(*arguments: object, folder: Path = data_dir) -> Done:
        return plain_run(*arguments, folder=folder)

    return call


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> FakeService:
    """A service that stands where commands look for one."""
    fake = FakeService()

    @asynccontextmanager
    async def api_client(
        settings: Settings, *, needs: str, overrides: Mapping[str, Any]
    ) -> AsyncIterator[ApiClient]:
        fake.needs = needs
        yield fake.api()

    monkeypatch.setattr(shared, "api_client", api_client)
    return fake


@pytest.fixture
def ask(service: FakeService, plain_run: Run, tmp_path: Path) -> Run:
    """Runs a command on the fake of the service, with a data folder of its own."""

    def call(*arguments: object) -> Done:
        return plain_run(*arguments, folder=tmp_path / "data")

    return call
