"""Measures how soon the map of a run is there, and how fast it moves: in Chromium, headless.

    python -m benchmarks.map

For 20,000 and for 100,000 points a page with nothing but the map is served by this process. Each
navigation has a context of its own, so that nothing is cached; ``first_paint_ms`` is from its
beginning to when the dots are on the canvas. Then the map is zoomed in a little and dragged;
``repaint_ms`` is the scripts' time in one animation frame. Medians, in milliseconds; ``slowest``
is the worst of all frames. ``bytes`` is what the points take on the wire.
"""

from __future__ import annotations

import json
import shutil
import sys
from statistics import median
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright
from tests.browser.support import wait_until
from tests.browser.support_map import MapSite, map_site, points

from benchmarks.core import machine

SIZES, CLUSTERS, ROUNDS, MOVES = (20_000, 100_000), 20, 7, 60
WIDTH, HEIGHT = 1280, 900
TIMED = """
    window.drawn = [];
    const plain = requestAnimationFrame;
    window.requestAnimationFrame = (draw) => plain((time) => {
        const start = performance.now();
        draw(time);
        window.drawn.push(performance.now() - start);
    });
"""


def main() -> None:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        print("The map is not measured: no Chromium was found.", file=sys.stderr)
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"]
        )
        for size in SIZES:
            with map_site(points(size, CLUSTERS)) as site:
                print(json.dumps(measured(browser, site)), flush=True)
        browser.close()


def measured(browser: Browser, site: MapSite) -> dict[str, Any]:
    rounds = [one_round(browser, site) for _ in range(ROUNDS + 1)][1:]
    frames = [frame for _, of_round in rounds for frame in of_round]
    return {
        "case": "map",
        "points": len(site.points.x),
        "bytes": len(site.points.binary),
        "rounds": ROUNDS,
        "first_paint_ms": round(median(first for first, _ in rounds)),
        "slowest_first_paint_ms": round(max(first for first, _ in rounds)),
        "repaint_ms": round(median(frames), 1),
        "slowest_repaint_ms": round(max(frames), 1),
        "browser": browser.version,
        **machine(),
    }


def one_round(browser: Browser, site: MapSite) -> tuple[float, list[float]]:
    """Milliseconds to the first paint, and of every frame of a drag."""
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
    page = context.new_page()
    page.add_init_script(TIMED)
    page.goto(site.url)
    script = "performance.getEntriesByName('map-painted').map((one) => one.startTime)"
    wait_until(lambda: page.evaluate(script), "the map was not painted")
    first = page.evaluate(script)[0]
    frames = dragged(page)
    context.close()
    return first, frames


def dragged(page: Page) -> list[float]:
    page.mouse.move(WIDTH / 2, HEIGHT / 2)
    page.mouse.wheel(0, -120)
    page.wait_for_timeout(400)
    page.evaluate("window.drawn = []")
    page.mouse.down()
    for i in range(MOVES):
        page.mouse.move(WIDTH / 2 + 3 * i, HEIGHT / 2 + i)
    page.mouse.up()
    page.wait_for_timeout(100)
    return [float(one) for one in page.evaluate("window.drawn")]


if __name__ == "__main__":
    main()
