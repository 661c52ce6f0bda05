"""Every page, in both schemes and on narrow screens: no violation, nothing for axe to find."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page

from tests.browser.support import Served, assert_nothing_found, wait_until
from trace_clustering.web import urls

Address = Callable[[Served], str]


def _first_trace(served: Served) -> str:
    found = served.json(f"/api/v1/runs/{served.run}/traces?size=1")
    return str(found["traces"][0]["trace_id"])


def _skipped_run(served: Served) -> str:
    runs = served.path(f"/api/v1/teams/{served.small_team_id}/runs")
    answer = httpx.post(runs, json={}, timeout=60)
    workflow = f"/api/v1/workflows/{answer.raise_for_status().json()['workflow_id']}"
    wait_until(lambda: served.json(workflow)["status"] != "running", "the run never ended")
    return str(served.json(workflow)["result"]["clustering_run_id"])


PAGES: dict[str, Address] = {
    "home": lambda _: urls.home(),
    "team": lambda served: urls.team(served.team_id),
    "a small team": lambda served: urls.team(served.small_team_id),
    "start": lambda served: urls.start(served.team_id),
    "a run": lambda served: urls.run(served.run),
    "a run as a treemap": lambda served: urls.run(served.run, view="treemap"),
    "a skipped run": lambda served: urls.run(_skipped_run(served)),
    "two runs": lambda served: urls.compare(served.run, served.earlier_run),
    "a run's finest groups": lambda served: urls.run(served.run, level=9),
    "a cluster": lambda served: urls.group(served.run, 0),
    "a cluster's filtered traces": lambda served: urls.group(served.run, 0, q="the", error=True),
    "traces of a run": lambda served: urls.run_traces(served.run, error=True),
    "a trace": lambda served: urls.trace(served.team_id, _first_trace(served), served.run),
    "words found": lambda served: urls.search(served.team_id, q="the", by="words"),
    "meanings found": lambda served: urls.search(served.team_id, q="broken build", by="meaning"),
    "nothing asked": lambda served: urls.search(served.team_id),
    "no words found": lambda served: urls.search(served.team_id, q="the xylophone"),
    "nothing there": lambda served: "/teams/nobody",
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page(page: Page, served: Served, name: str) -> None:
    page.goto(served.path(PAGES[name](served)))
    _scroll_through(page)
    assert page.locator("h1").count() == 1
    assert_nothing_found(page)


@pytest.mark.parametrize("name", ["a run", "a run as a treemap", "two runs"])
def test_every_chart_has_its_table(page: Page, served: Served, name: str) -> None:
    page.goto(served.path(PAGES[name](served)))
    charts = page.locator("[data-chart]").all()
    assert charts
    assert page.locator(".days-table tbody tr").count() == page.locator(".spark").count()
    for chart in charts:
        assert chart.locator("table td, table th, ul li, ol li").count() > 2


def _scroll_through(page: Page) -> None:
    """Charts are drawn when they come near the view."""
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    charts = page.locator("[data-chart]").count()
    if charts:
        wait_until(lambda: page.locator("[data-drawn]").count() >= 1, "no chart was drawn")
    page.evaluate("scrollTo(0, 0)")
