"""From a cluster to a trace, and around in it."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.support import Served, wait_until
from trace_clustering.web import urls


def test_a_trace_is_one_click_from_its_cluster(page: Page, served: Served) -> None:
    page.goto(served.path(urls.group(served.run, 0)))
    cluster = page.locator("h1").inner_text()
    page.locator("#traces th.trace a").first.click()
    page.wait_for_url("**/traces/**")
    assert page.locator(".path a").first.inner_text() == cluster
    assert "of its cluster" in page.locator(".place").inner_text()
    canvas = page.locator("#map canvas")
    wait_until(lambda: canvas.get_attribute("data-points"), "the map was not painted")


def test_a_summary_leads_to_its_lines_and_to_all_that_was_sent(page: Page, served: Served) -> None:
    found = served.json(f"/api/v1/runs/{served.run}/traces?size=1")
    page.goto(served.path(urls.trace(served.team_id, found["traces"][0]["trace_id"])))
    reference = page.locator("a.ref").first
    anchor = reference.get_attribute("href")
    reference.click()
    expect(page.locator(f"p{anchor}:target")).to_be_visible()
    page.get_by_text("What was sent").click()
    assert "$ai_trace_id" in page.locator(".sent pre").first.inner_text()
