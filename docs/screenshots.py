"""Takes pictures of every page, light and dark, from the demo's traces.

    python docs/screenshots.py [--into docs/screenshots] [--data-dir FOLDER]

Without a folder that ``trace-clustering demo`` filled, it fills one of its own. Needs Chromium.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import httpx
from playwright.sync_api import Browser, Page, sync_playwright

from trace_clustering.web import urls

COMMAND = str(Path(sys.executable).parent / "trace-clustering")
TEAM = 101
SIZES = {"": {"width": 1280, "height": 900}, "-narrow": {"width": 400, "height": 860}}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@contextmanager
def service(data_dir: Path) -> Iterator[str]:
    """``up`` on any free ports; yields its address."""
    free = {f"TRACE_CLUSTERING_{name}": "0" for name in ("TEMPORAL_PORT", "TEMPORAL_UI_PORT")}
    process = subprocess.Popen(
        [COMMAND, "up", "--data-dir", str(data_dir), "--port", "0"],
        env={**os.environ, **free},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        ready = next((line for line in process.stderr if " is ready at " in line), None)
        if ready is None:
            raise SystemExit("the service did not start")
        yield ready.rpartition(" at ")[2].strip()
    finally:
        process.terminate()
        process.wait(30)


def pages(base: str) -> dict[str, str]:
    """Name and address of each page."""

    def ask(path: str) -> Any:
        return httpx.get(base + path, timeout=60).raise_for_status().json()

    run_id = ask(f"/api/v1/teams/{TEAM}/runs")["runs"][0]["run_id"]
    started = httpx.post(
        f"{base}/api/v1/teams/{TEAM}/runs", json={"lookback_days": 14}, timeout=60
    ).json()["workflow_id"]
    while ask(f"/api/v1/workflows/{started}")["status"] == "running":
        pass
    longer = ask(f"/api/v1/teams/{TEAM}/runs")["runs"][0]["run_id"]
    dear = ask(f"/api/v1/runs/{run_id}/traces?size=1&sort=unusual")["traces"][0]["trace_id"]
    return {
        "home": urls.home(),
        "team": urls.team(TEAM),
        "start": urls.start(TEAM),
        "progress": urls.workflow(TEAM, started),
        "run": urls.run(run_id),
        "treemap": urls.run(longer, view="treemap"),
        "compare": urls.compare(longer, run_id),
        "cluster": urls.group(run_id, 0),
        "traces": urls.run_traces(run_id, sort="cost"),
        "trace": urls.trace(TEAM, dear, run_id),
        "search": urls.search(TEAM, q="my flight was cancelled and I need another", by="meaning"),
    }


def take(browser: Browser, base: str, shown: dict[str, str], into: Path) -> None:
    for scheme in SCHEMES:
        for suffix, size in SIZES.items():
            context = browser.new_context(
                color_scheme=scheme,
                viewport={"width": size["width"], "height": size["height"]},
                device_scale_factor=1.5,
                locale="en-GB",
            )
            page = context.new_page()
            for name, path in shown.items():
                page.goto(base + path, wait_until="networkidle")
                _settle(page)
                page.screenshot(path=into / f"{name}-{scheme}{suffix}.png", full_page=bool(suffix))
            context.close()


def _settle(page: Page) -> None:
    """Charts are drawn when they come near the view."""
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait_for_timeout(400)
    page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
    page.wait_for_timeout(400)


def main(into: Path, data_dir: Path | None) -> None:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        raise SystemExit("no Chromium was found; on Debian: apt-get install chromium")
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as own, sync_playwright() as playwright:
        if data_dir is None:
            data_dir = Path(own) / "data"
            subprocess.run([COMMAND, "demo", "--data-dir", str(data_dir)], check=True)
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        with service(data_dir) as base:
            take(browser, base, pages(base), into)
        browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=Path(__file__).parent / "screenshots")
    parser.add_argument("--data-dir", type=Path)
    options = parser.parse_args()
    main(options.into, options.data_dir)
