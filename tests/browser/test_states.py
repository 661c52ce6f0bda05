"""Pages of a service without traces, and of a run that is no answer: nothing for axe to find."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.support import assert_nothing_found
from tests.browser.test_signing_in import listening
from tests.builders import finish_run
from tests.support.run_event import no_answer, run_event
from tests.web.test_api import Api
from trace_clustering.settings_sources import load_settings
from trace_clustering.store import Store
from trace_clustering.web import urls


@pytest.fixture
def url(fresh_store: Store, tmp_path: Path) -> Iterator[str]:
    with listening(Api(fresh_store, load_settings({"data_dir": tmp_path})).app) as address:
        yield address


def test_a_service_without_traces(page: Page, url: str) -> None:
    page.goto(f"{url}{urls.home()}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing here yet")
    assert_nothing_found(page)


def test_a_team_without_traces(page: Page, url: str) -> None:
    page.goto(f"{url}{urls.team(1)}")
    assert_nothing_found(page)


@pytest.mark.parametrize("view", ["map", "treemap"])
def test_a_run_that_is_no_answer(page: Page, url: str, fresh_store: Store, view: str) -> None:
    run = finish_run(fresh_store, 1, event=run_event(quality=no_answer()))
    page.goto(f"{url}{urls.run(run.run_id, view=view)}")
    expect(page.locator("main")).to_contain_text("one cluster holds 91% of traces")
    assert_nothing_found(page)
