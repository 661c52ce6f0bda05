"""Pages of a service without traces, and of a run that is no answer: nothing for axe to find."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.support import fits, serious_findings, wait_until
from tests.browser.test_signing_in import listening
from tests.builders import finish_run
from tests.conftest import RETENTION_DAYS
from tests.support.run_event import no_answer, run_event
from tests.web.test_api import Api
from trace_clustering.settings_sources import load_settings
from trace_clustering.store import Store
from trace_clustering.web import urls


@pytest.fixture
def empty(fresh_dsn: str) -> Iterator[Store]:
    """A store that nobody has written to."""
    opened = Store.open(fresh_dsn, retention_days=RETENTION_DAYS)
    yield opened
    opened.close()


@pytest.fixture
def url(empty: Store, tmp_path: Path) -> Iterator[str]:
    with listening(Api(empty, load_settings({"data_dir": tmp_path})).app) as address:
        yield address


def assert_nothing_found(page: Page) -> None:
    assert serious_findings(page) == []
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 400, "height": 900})
    wait_until(lambda: fits(page), "something sticks out at the side")
    assert serious_findings(page, "color-contrast") == []


def test_a_service_without_traces(page: Page, url: str) -> None:
    page.goto(f"{url}{urls.home()}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing here yet")
    assert_nothing_found(page)


def test_a_team_without_traces(page: Page, url: str) -> None:
    page.goto(f"{url}{urls.team(1)}")
    assert_nothing_found(page)


def test_a_run_that_is_no_answer(page: Page, url: str, empty: Store) -> None:
    run = finish_run(empty, 1, event=run_event(quality=no_answer()))
    page.goto(f"{url}{urls.run(run.run_id)}")
    expect(page.locator("main")).to_contain_text("one cluster holds 91% of traces")
    assert_nothing_found(page)
    page.goto(f"{url}{urls.run(run.run_id, view='treemap')}")
    assert_nothing_found(page)
