"""Signing in with a browser, and what a page on another port of this machine cannot do then."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import NewPage
from tests.browser.support import fits, serious_findings
from tests.web.test_api import Api
from trace_clustering.settings import Settings
from trace_clustering.store import Store
from trace_clustering.web.sessions import COOKIE

TOKEN, SOME = "everything", "one team"


@dataclass(frozen=True)
class Site:
    """The service with tokens, as it runs."""

    url: str
    api: Api


@contextmanager
def listening(app: FastAPI) -> Iterator[str]:
    """Serve an application on a free port of this machine."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture(scope="module")
def site(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("signing_in")
    tokens = {"1": SOME}
    settings = Settings.model_validate({"data_dir": folder, "token": TOKEN, "team_tokens": tokens})
    api = Api(store, settings)
    with listening(api.app) as url:
        yield Site(url, api)


def sign_in(page: Page, token: str) -> None:
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in").click()


def test_signing_in_and_out(new_page: NewPage, site: Site) -> None:
    page = new_page(viewport={"width": 400, "height": 800})
    page.goto(f"{site.url}/nothing?a=b")
    assert page.url == f"{site.url}/sign-in?next=%2Fnothing%3Fa%3Db"
    assert serious_findings(page) == []
    sign_in(page, "wrong")
    expect(page.get_by_role("alert")).to_contain_text("No token")
    assert serious_findings(page) == []
    sign_in(page, TOKEN)
    expect(page).to_have_url(f"{site.url}/nothing?a=b")
    assert page.evaluate("document.cookie") == ""
    assert serious_findings(page) == []
    assert fits(page)
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{site.url}/sign-in")
    page.goto(f"{site.url}/nothing")
    assert "/sign-in" in page.url


def test_another_team_is_refused_on_a_page(new_page: NewPage, site: Site) -> None:
    page = new_page(color_scheme="dark")
    page.goto(f"{site.url}/sign-in?next=/teams/2")
    sign_in(page, SOME)
    expect(page.get_by_role("heading", level=1)).to_have_text("Not allowed")
    assert serious_findings(page) == []


def attacking(url: str) -> FastAPI:
    """A site whose page sends forms to the service, and tries to read from it."""
    app = FastAPI()
    start, leave = f"{url}/api/v1/teams/1/summarization", f"{url}/sign-out"
    forms = [f'<form method="post" action="{to}" target="to"></form>' for to in (start, leave)]

    @app.get("/", response_class=HTMLResponse)
    def page() -> str:
        return "".join(forms) + '<iframe name="to"></iframe>'

    return app


def test_a_page_on_another_port_changes_and_reads_nothing(browser: Browser, site: Site) -> None:
    """Its changes bring the cookie along, for the port is no part of a site."""
    with browser.new_context() as context, listening(attacking(site.url)) as elsewhere:
        page = context.new_page()
        page.goto(f"{site.url}/sign-in?next=/nothing")
        sign_in(page, TOKEN)
        expect(page).to_have_url(f"{site.url}/nothing")
        page.goto(elsewhere)
        for number in (0, 1):
            with page.expect_response(lambda one: one.request.method == "POST") as answer:
                page.evaluate(f"document.forms[{number}].submit()")
            assert COOKIE in answer.value.request.all_headers()["cookie"]
            assert answer.value.status == 403
        ask = "mode => fetch(URL, { credentials: 'include', mode }).then(a => a.text(), () => 'no')"
        ask = ask.replace("URL", f"'{site.url}/api/v1/teams'")
        assert [page.evaluate(ask, mode) for mode in ("cors", "no-cors")] == ["no", "no"]
        page.goto(f"{site.url}/nothing")
        assert page.url == f"{site.url}/nothing"
    assert site.api.temporal.summarizations == []
