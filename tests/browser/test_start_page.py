"""A run from its form to its clusters, and one that is cancelled, in a real browser."""

from __future__ import annotations

import itertools
import re

from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import NewPage
from tests.browser.support import Served, serious_findings
from trace_clustering.web import urls

# Tries many numbers of clusters, to be still under way when its page comes, if that takes a while.
LONG = {"max_samples": 100, "max_k": 20}


def test_a_run_is_started_and_watched_to_its_end(page: Page, served: Served) -> None:
    page.goto(served.path(urls.team(served.team_id)))
    page.get_by_role("link", name="Start a run").click()
    page.get_by_label("Traces at most").fill("100")
    page.get_by_label("Clusters at most").fill("20")
    page.get_by_label("Seed").fill("1")
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_url("**/workflows/**")
    watched = page.url
    # Whoever waits is told, and taken nowhere.
    expect(page.get_by_role("heading", name="Done")).to_be_visible()
    expect(page.locator("[data-live-told]")).to_contain_text("clusters in 100 traces")
    assert page.url == watched
    assert page.locator(".steps .done").count() == 11
    assert page.locator("time[data-told]").count() == 1
    assert serious_findings(page) == []
    page.get_by_role("link", name="Look at the clusters").click()
    page.wait_for_url("**/runs/**")


def test_a_run_is_cancelled(page: Page, served: Served) -> None:
    longest = {"max_samples": 100_000, "lookback_days": 30, "max_k": 40}
    page.goto(served.path(urls.start(served.team_id, **longest)))
    page.get_by_role("button", name="Start the run").click()
    # By the keyboard, which then is not left on a button that is gone.
    page.get_by_role("button", name="Cancel").press("Enter")
    expect(page.get_by_role("heading", name="Cancelled")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Cancelled")).to_be_visible()
    page.goto(served.path(urls.team(served.team_id)))
    expect(page.locator(".status.cancelled").first).to_be_visible()


def test_a_service_that_does_not_answer_is_asked_again(page: Page, served: Served) -> None:
    page.goto(served.path(urls.start(served.team_id, **LONG)))
    page.route("**/workflows/*", lambda route: route.abort())
    page.get_by_role("button", name="Start the run").press("Enter")
    told = page.locator("[data-live-told]")
    expect(told).to_contain_text("does not answer")
    page.unroute("**/workflows/*")
    expect(told).to_contain_text("clusters in 100 traces")
    expect(page.locator("[aria-busy]")).to_have_count(0)


def test_what_is_as_it_was_stays_while_the_page_looks_again(page: Page, served: Served) -> None:
    looks = itertools.count(1)

    def answer(route: Route) -> None:
        # Asked for here: the page may look again before the test has come to its next line.
        body = first.value.text()
        took = f'<span class="took">look {next(looks)}</span>'
        route.fulfill(
            content_type="text/html",
            body=re.sub(r'(?s)<span class="took">.*?</span>', took, body, count=1),
        )

    page.route("**/workflows/*", answer)
    page.goto(served.path(urls.start(served.team_id, **LONG)))
    with page.expect_response(lambda one: "/workflows/" in one.url and one.ok) as first:
        page.get_by_role("button", name="Start the run").click()
    expect(page.locator("time[data-told]")).to_have_count(1)
    page.evaluate("""for (const one of document.querySelectorAll("#live *")) one.isFirst = true;""")
    page.evaluate("getSelection().selectAllChildren(document.querySelector('.steps .name'))")
    page.get_by_role("button", name="Cancel").focus()
    expect(page.locator(".steps .took").first).to_have_text(re.compile(r"look ([3-9]|\d\d)"))
    changed = """[...document.querySelectorAll("#live *")].filter((one) => !one.isFirst).length"""
    assert page.evaluate(changed) == 0
    assert page.evaluate("String(getSelection())").startswith("Count the traces")
    assert serious_findings(page) == []
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    expect(page.locator("#live time")).not_to_contain_text("UTC")


def test_without_scripts_the_page_loads_itself_again(new_page: NewPage, served: Served) -> None:
    page = new_page(java_script_enabled=False)
    page.goto(served.path(urls.start(served.team_id, max_samples=100)))
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_role("heading", name="Done")).to_be_visible()


def test_what_cannot_be_taken_is_said_at_its_field(page: Page, served: Served) -> None:
    page.goto(served.path(urls.start(served.team_id)))
    # The browser itself lets this pass: each number is within its own bounds.
    page.get_by_label("Clusters at least").fill("9")
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was started")
    field = page.get_by_label("Clusters at most")
    expect(field).to_be_focused()
    expect(page.get_by_label("Clusters at least")).to_have_value("9")
    assert serious_findings(page) == []


def test_waiting_traces_are_summarized_and_a_small_team_says_why(
    page: Page, served: Served
) -> None:
    trace = '{"trace_id": "new", "timestamp": "2026-11-20T10:00:00Z", "model": "gpt-4o", '
    trace += '"messages": [{"role": "user", "content": "Where is my parcel?"}]}'
    sent = page.request.post(
        served.path(f"/api/v1/teams/{served.small_team_id}/traces"), data=trace
    )
    assert sent.ok
    page.goto(served.path(urls.home()))
    card = page.locator(".team", has_text=f"Team {served.small_team_id}")
    expect(card).to_contain_text("1 waiting")
    card.get_by_role("link", name="Team page").click()
    expect(page.locator(".notice")).to_contain_text("Too few traces to cluster")
    page.get_by_role("button", name="Summarize now").click()
    expect(page.get_by_role("heading", name="Done")).to_be_visible()
    expect(page.locator(".notice")).to_contain_text("1 trace was summarized")
