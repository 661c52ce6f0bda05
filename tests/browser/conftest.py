"""Debian's Chromium against the service as a user has it: ``up`` on a fresh folder, demo traces.

All tests of this folder run in one process (``tests/conftest.py``): one browser, one service.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.support import Noticed, Served, serve_demo

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_QUIET = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-quic"),
)
NO_BROWSER = "no Chromium was found; on Debian: apt-get install chromium"

NewPage = Callable[..., Page]

_PATIENCE = 60_000  # Milliseconds; other tests may hold the cores.
expect.set_options(timeout=_PATIENCE)


# Playwright's event loop stands in the way of asyncio's, so it ends with this folder's tests.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium; tests that need it are skipped where there is none."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.skip(NO_BROWSER)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=list(_QUIET))
        yield launched
        launched.close()


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The service with two demo teams: one that was clustered twice, one that is too small."""
    with serve_demo(tmp_path_factory.mktemp("up")) as running:
        yield running


@pytest.fixture
def new_page(browser: Browser) -> Iterator[NewPage]:
    """Opens pages in contexts of their own; what they complain of fails the test.

    Keyword arguments are those of ``Browser.new_context``.
    """
    opened: list[tuple[BrowserContext, Noticed]] = []

    def open_page(**options: object) -> Page:
        context = browser.new_context(
            **{"locale": "en-GB", "timezone_id": "Europe/Berlin", **options}  # type: ignore[arg-type]
        )
        context.set_default_timeout(_PATIENCE)
        page = context.new_page()
        opened.append((context, Noticed.on(page)))
        return page

    yield open_page
    for context, noticed in opened:
        for page in context.pages:
            # What a test is just answering would fail the next one.
            page.unroute_all(behavior="ignoreErrors")
        context.close()
        noticed.check()


@pytest.fixture
def page(new_page: NewPage) -> Page:
    """A page of 1280 × 900."""
    return new_page(viewport={"width": 1280, "height": 900})
