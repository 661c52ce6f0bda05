"""Walking through a cluster's traces: in place with scripts, page by page without them."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage
from tests.browser.support import Served, wait_until
from trace_clustering.web import urls


def state(page: Page) -> dict[str, str]:
    # Playwright's own idea of the address is only as fresh as the last answer of the browser.
    query = parse_qs(urlsplit(str(page.evaluate("location.href"))).query)
    return {name: values[0] for name, values in query.items() if name != "map"}


def total(page: Page) -> str:
    return page.locator("#traces .total").inner_text()


def test_filters_and_order_change_the_table_in_place(page: Page, served: Served) -> None:
    # Not every cluster has traces with errors.
    found = served.json(f"/api/v1/runs/{served.run}/traces?error=true&size=1")
    page.goto(served.path(urls.group(served.run, found["traces"][0]["cluster_id"])))
    page.evaluate("window.stayed = true")
    whole = total(page)
    page.get_by_label("With errors").check()
    page.get_by_role("button", name="Show").click()
    wait_until(lambda: "found" in total(page), "the table did not follow")
    assert state(page)["error"] == "1"
    told = page.locator("[data-parts-told]")
    expect(told).to_have_text(
        re.compile(r"^\d+ traces? found, closest to the centre first; page 1 of")
    )
    page.get_by_role("link", name="Cost", exact=True).click()
    wait_until(
        lambda: page.locator("th[aria-sort=descending]").count() == 1, "the order did not change"
    )
    expect(told).to_contain_text("most expensive first")
    page.go_back()
    wait_until(lambda: "sort" not in state(page), "the back button did not undo the order")
    page.go_back()
    wait_until(lambda: total(page) == whole, "the back button did not undo it")
    assert page.evaluate("window.stayed")
    assert not page.get_by_label("With errors").is_checked()


def test_the_table_follows_a_selection_on_the_map(page: Page, served: Served) -> None:
    page.goto(served.path(urls.group(served.run, 0)))
    canvas = page.locator("#map canvas")
    wait_until(lambda: canvas.get_attribute("data-points"), "the map was not painted")
    canvas.press("l")
    canvas.press("Enter")
    chip = page.get_by_role("link", name="Selection on the map")
    wait_until(lambda: chip.count() == 1, "the table did not follow")
    assert "lasso" in state(page)
    chip.click()
    wait_until(lambda: "lasso" not in state(page), "the selection did not go")


def test_no_focus_is_lost_in_a_heading_that_is_not_there(new_page: NewPage, served: Served) -> None:
    page = new_page(viewport={"width": 400, "height": 900})
    page.goto(served.path(urls.group(served.run, 0)))
    page.locator("#traces").get_by_role("button", name="Show").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('thead')") is None
    focused = page.evaluate("document.activeElement.getBoundingClientRect().width")
    assert focused > 10
    assert page.get_by_label("Order").is_visible()


def test_without_scripts_the_same_is_there(new_page: NewPage, served: Served) -> None:
    page = new_page(java_script_enabled=False)
    page.goto(served.path(urls.run_traces(served.run)))
    page.get_by_label("Order").select_option("cost")
    page.get_by_label("Text").fill("no such words anywhere")
    page.get_by_role("button", name="Show").click()
    clear = page.get_by_role("link", name="Clear the filter")
    expect(clear).to_be_visible()
    assert state(page)["q"] == "no such words anywhere"
    clear.click()
    pager = page.locator(".pager")
    expect(pager).to_contain_text("Page 1 of")
    assert state(page) == {"sort": "cost"}
    page.get_by_role("link", name="Next page").click()
    expect(pager).to_contain_text("Page 2 of")
