"""Searching from anywhere, by words and by meaning."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.support import Served, wait_until
from trace_clustering.web import urls


def test_a_search_changes_its_way_and_goes_back(page: Page, served: Served) -> None:
    page.goto(served.path(urls.team(served.team_id)))
    page.locator("#top-q").fill("test")
    page.locator("#top-q").press("Enter")
    page.wait_for_url("**/search?q=test")
    assert page.locator(".found mark").first.inner_text().lower() == "test"
    page.get_by_label("Meaning").check()
    page.get_by_role("button", name="Search").click()
    meter = page.locator(".found .meter").first
    wait_until(lambda: meter.count() == 1, "nothing was found by meaning")
    expect(page.locator("[data-parts-told]")).to_contain_text("nearest of")
    page.go_back()
    wait_until(lambda: page.locator(".found mark").count() > 0, "the words did not come back")
    assert page.get_by_label("Words").is_checked()
    page.locator(".found a").first.click()
    page.wait_for_url("**/traces/**")
