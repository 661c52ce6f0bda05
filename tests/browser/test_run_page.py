"""The page of a run and of two runs in a browser: charts, their tables, and ways on from them."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import NewPage
from tests.browser.support import Served, wait_until
from trace_clustering.web import urls
from trace_clustering.web.pages.figures import label

HOSTILE = (
    "<b>bold</b> <a href='https://example.org/'>away</a> &lt;i&gt; <span style='color:red'>red"
)


def show_chart(page: Page) -> None:
    """Bring the first chart into view and wait until it is drawn."""
    page.locator("[data-chart]").first.scroll_into_view_if_needed()
    wait_until(lambda: page.locator("[data-drawn]").count(), "the chart was not drawn")


def drawn_colours(page: Page) -> Any:
    return page.evaluate(
        "[...document.querySelectorAll('.chart-plot text')].map((one) => one.style.fill)"
    )


def test_a_chart_is_drawn_when_it_is_near_and_again_in_another_scheme(
    page: Page, served: Served
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(served.path(urls.run(served.run)))
    assert not page.locator(".chart details[open]").count()
    assert not [url for url in asked if "plotly.min.js" in url]
    show_chart(page)
    assert [url for url in asked if "plotly.min.js" in url]
    assert page.locator(".chart").inner_text().count("Silhouette") == 1
    light = drawn_colours(page)
    page.locator("[data-theme-switch]").click()
    wait_until(lambda: drawn_colours(page) != light, "the chart kept the colours of before")


def test_a_leaf_of_the_treemap_leads_to_its_page(page: Page, served: Served) -> None:
    page.goto(served.path(urls.run(served.run, view="treemap")))
    show_chart(page)
    parts = page.locator(".treemap .slice").filter(has_text="%")
    parts.last.locator("path").click()
    page.wait_for_url("**/groups/**")


def test_the_treemap_has_links_in_its_table(page: Page, served: Served) -> None:
    page.goto(served.path(urls.run(served.run, view="treemap")))
    page.get_by_text("As a table").first.click()
    page.locator(".tree a").first.click()
    page.wait_for_url("**/groups/**")


def with_first_label(html: str, title: str) -> str:
    """A page whose first chart has another title on its first node, as the server writes it."""
    start, figure, end = re.split(
        r"(?<=<script type=\"application/json\">)(.*?)(?=</script>)", html, maxsplit=1, flags=re.S
    )
    drawn = json.loads(figure)
    drawn["data"][0]["node"]["label"][0] = label(title)
    written = json.dumps(drawn).replace("<", r"\u003c")
    return f"{start}{written}{end}"


def test_titles_are_shown_as_they_stand_in_a_chart(page: Page, served: Served) -> None:
    def answer(route: Route) -> None:
        given = route.fetch()
        route.fulfill(response=given, body=with_first_label(given.text(), HOSTILE))

    # Changed on its way, since a chart in view is drawn at once.
    address = served.path(urls.compare(served.run, served.earlier_run))
    page.route(address, answer)
    page.goto(address)
    show_chart(page)
    assert HOSTILE[:60] in " ".join(page.locator(".chart-plot text").all_text_contents())
    assert not page.locator(".chart-plot a, .chart-plot [style*=red]").count()


def test_two_runs_that_are_chosen_from_a_list(page: Page, served: Served) -> None:
    page.goto(served.path(urls.run(served.run)))
    page.get_by_text("Compare with another run").click()
    # The run before is the one that it begins with.
    expect(page.get_by_label("Run of")).to_have_value(served.earlier_run)
    show_chart(page)
    page.goto(served.path(urls.run(served.run, view="treemap")))
    page.select_option("#go", served.earlier_run)
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(served.path(urls.run(served.earlier_run, view="treemap")))


def test_tables_are_open_where_charts_cannot_be_drawn(new_page: NewPage, served: Served) -> None:
    page = new_page(java_script_enabled=False)
    page.goto(served.path(urls.run(served.run, view="treemap")))
    assert page.locator(".chart details[open]").count() == page.locator(".chart").count() == 2
    assert page.locator(".tree li").first.is_visible()
    assert not page.locator(".chart-plot").first.is_visible()


def test_times_are_the_readers_also_in_lists_and_on_the_way(page: Page, served: Served) -> None:
    page.goto(served.path(urls.run(served.run)))
    crumb = page.locator(".crumbs time")
    expect(crumb).to_have_attribute("data-told", "")
    own, chosen = crumb.inner_text(), page.locator("#go option:checked")
    moment = datetime.fromisoformat(str(chosen.get_attribute("data-time")))
    local = moment.astimezone(ZoneInfo("Europe/Berlin"))
    assert f"{local:%H:%M}" in own
    # The seconds too, where another run began in the same minute.
    assert chosen.inner_text().startswith(own)
    assert re.fullmatch(r"(:\d\d)? · \d+ clusters, [\d,]+ traces", chosen.inner_text()[len(own) :])
