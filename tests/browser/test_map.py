"""The map's script and the one that swaps parts of a page, on a page of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage
from tests.browser.support import fits, serious_findings, wait_until
from tests.browser.support_map import HOSTILE, RUN_ID, MapSite, Points, map_site
from trace_clustering.web import urls

# Three clusters around corners of a triangle; the last point is an outlier.
_CENTRES = [(-10.0, 0.0), (10.0, 0.0), (0.0, 8.0)]
_GRID = [(x / 4, y / 4) for x in range(-4, 5) for y in range(-3, 4)]
MADE = Points(
    x=[cx + x for cx, _ in _CENTRES for x, _ in _GRID],
    y=[cy + y for _, cy in _CENTRES for _, y in _GRID],
    cluster=[i for i in range(3) for _ in _GRID],
    outliers=frozenset({3 * len(_GRID) - 1}),
    centroids=_CENTRES,
)
COUNT = len(MADE.x)


@pytest.fixture(scope="module")
def site() -> Iterator[MapSite]:
    with map_site(MADE) as running:
        yield running


def opened(page: Page, site: MapSite, query: str = "") -> Page:
    page.goto(site.url + query)
    wait_until(lambda: painted(page), "the map was not painted")
    return page


def painted(page: Page) -> Any:
    return page.evaluate("performance.getEntriesByName('map-painted').length")


def seen(page: Page) -> int:
    return int(page.locator("canvas").get_attribute("data-points") or 0)


def state(page: Page) -> dict[str, str]:
    address = page.evaluate("location.href")
    return {key: one[0] for key, one in parse_qs(urlsplit(address).query).items()}


def told(page: Page) -> str:
    return page.locator("#state").text_content() or ""


def place(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a place of the map is on the screen while all of it is seen."""
    box = page.locator("canvas").bounding_box()
    assert box is not None
    wide, tall = max(MADE.x) - min(MADE.x), max(MADE.y) - min(MADE.y)
    scale = min((box["width"] - 60) / wide, (box["height"] - 60) / tall)
    middle = (min(MADE.x) + wide / 2, min(MADE.y) + tall / 2)
    across = box["x"] + box["width"] / 2 + (x - middle[0]) * scale
    return across, box["y"] + box["height"] / 2 - (y - middle[1]) * scale


def wait_for_ring(page: Page, at: tuple[float, float]) -> None:
    """Until the dot that is pointed at is a link: its ring comes to it with the next frame."""
    ring = "([x, y]) => document.elementFromPoint(x, y).matches('.map-dot[href]')"
    wait_until(lambda: page.evaluate(ring, at), "the dot did not become a link")


def draw_lasso(page: Page, x: float, y: float) -> None:
    """A square around a centre."""
    corners = [(-1.5, -1.5), (1.5, -1.5), (1.5, 1.5), (-1.5, 1.5), (-1.5, -1.0)]
    page.get_by_role("button", name="Select with a lasso").click()
    page.mouse.move(*place(page, x - 1.5, y - 1.5))
    page.mouse.down()
    for dx, dy in corners:
        page.mouse.move(*place(page, x + dx, y + dy), steps=3)
    page.mouse.up()


def colour_at(page: Page, x: float, y: float) -> Any:
    across, down = place(page, x, y)
    return page.evaluate(
        """([x, y]) => {
            const canvas = document.querySelector("canvas"), box = canvas.getBoundingClientRect();
            const k = canvas.width / box.width, pen = canvas.getContext("2d");
            return [...pen.getImageData((x - box.x) * k, (y - box.y) * k, 1, 1).data];
        }""",
        [across, down],
    )


def test_all_points_are_painted_in_the_colours_of_their_groups(page: Page, site: MapSite) -> None:
    opened(page, site)
    assert seen(page) == COUNT
    blue, orange = colour_at(page, -11, 0.75), colour_at(page, 11, 0.75)
    assert blue[2] > blue[0] + 80
    assert orange[0] > orange[2] + 80
    assert colour_at(page, 0, 0) == [255, 255, 255, 255]
    assert page.locator(".map-state").count() == 0
    assert serious_findings(page) == []


def test_the_scheme_changes_the_colours(page: Page, site: MapSite) -> None:
    opened(page, site)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    wait_until(lambda: colour_at(page, 0, 0)[0] < 60, "the map stayed light")
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    page.emulate_media(color_scheme="dark")
    wait_until(lambda: colour_at(page, 0, 0)[0] > 200, "the map stayed dark")


def test_pointing_tells_of_a_trace_and_what_it_says_stays_text(page: Page, site: MapSite) -> None:
    opened(page, site)
    tip = page.locator(".map-tip")
    page.mouse.move(*place(page, -11, 0.75))
    wait_until(lambda: "<b>bold</b>" in (tip.text_content() or ""), "nothing was told")
    number = MADE.x.index(-11) + 6
    assert site.asked[-1] == f"point {number}"
    assert tip.locator("b, img").count() == 0
    assert "\u202e" in HOSTILE
    assert "\u202e" not in (tip.text_content() or "")
    assert "👩\u200d👧" in (tip.text_content() or "")
    assert MADE.titles[0] in (tip.text_content() or "")
    wait_for_ring(page, place(page, -11, 0.75))
    page.mouse.move(*place(page, 0, 0))
    expect(tip).to_be_hidden()
    page.mouse.click(*place(page, -11, 0.75))
    page.wait_for_url(f"**{urls.trace(7, f'a/{number}', 'r')}")
    assert page.title() == f"a/{number}"
    assert site.asked.count(f"point {number}") == 1


def test_a_name_on_the_map_leads_to_its_group(page: Page, site: MapSite) -> None:
    opened(page, site)
    label = page.locator(".map-label").filter(has_text=MADE.titles[1])
    assert label.get_attribute("title") == f"{MADE.titles[1]}: {len(_GRID)} traces"
    label.click()
    page.wait_for_url(f"**{urls.group(RUN_ID, 1)}")


def test_a_lasso_is_part_of_the_url_and_the_table_follows(page: Page, site: MapSite) -> None:
    opened(page, site, "?page=3")
    page.evaluate("window.unmoved = true")
    draw_lasso(page, *_CENTRES[0])
    wait_until(lambda: "lasso=-" in told(page), "the table did not follow")
    corners = [float(one) for one in state(page)["lasso"].split(",")]
    assert sorted(corners[::2])[0] == pytest.approx(-11.5, abs=0.2)
    assert 6 <= len(corners) <= 14
    assert "page" not in state(page)
    assert page.title() == state(page)["lasso"]
    wait_until(lambda: colour_at(page, 11, 0.75)[2] > 200, "the others were not dimmed")

    page.go_back()
    wait_until(lambda: "page=3" in told(page), "the table did not go back")
    wait_until(lambda: colour_at(page, 11, 0.75)[2] < 100, "the selection stayed")
    page.go_forward()
    wait_until(lambda: "lasso=-" in told(page), "the table did not come again")
    page.reload()
    wait_until(lambda: painted(page), "the map was not painted again")
    assert colour_at(page, 11, 0.75)[2] > 200
    page.get_by_role("button", name="Clear the selection").click()
    wait_until(lambda: told(page).startswith("lasso= "), "the table kept the selection")
    assert "lasso" not in state(page)


def test_links_and_forms_swap_the_table_and_keep_what_the_map_shows(
    page: Page, site: MapSite
) -> None:
    opened(page, site, "?map=2.00,1.00,2.00")
    page.evaluate("window.unmoved = true")
    # The same path, quoted otherwise.
    page.evaluate("document.querySelector('#next').pathname = '/te%61ms/7/page'")
    page.locator("#next").focus()
    page.keyboard.press("Enter")
    wait_until(lambda: "page=2" in told(page), "the page was not turned")
    assert page.locator("[data-parts-told]").text_content() == "page 2"
    assert state(page)["map"] == "2.00,1.00,2.00"
    assert page.evaluate("document.activeElement.id") == "next"
    field = page.get_by_label("Text")
    field.fill("a&b")
    field.press("Enter")
    wait_until(lambda: "q=a&b" in told(page), "the filter did nothing")
    assert state(page) == {"q": "a&b", "map": "2.00,1.00,2.00"}
    assert page.evaluate("document.activeElement.name") == "q"
    assert page.locator("[aria-busy]").count() == 0
    assert page.evaluate("window.unmoved")


def test_what_cannot_be_swapped_is_loaded_plainly(page: Page, site: MapSite) -> None:
    opened(page, site)
    page.evaluate("window.unmoved = true")
    page.evaluate("document.querySelector('#traces').dataset.part = 'another'")
    with page.expect_navigation(url="**?page=2*"):
        page.locator("#next").click()
    assert page.evaluate("!window.unmoved")


def press_and_wait(page: Page, key: str) -> None:
    """Until the view is kept: where keys come slowly, it is so after each of them."""
    before = state(page).get("map")
    page.keyboard.press(key)
    wait_until(lambda: state(page).get("map") != before, "the view is not kept")


def test_the_keyboard_does_it_too(page: Page, site: MapSite) -> None:
    opened(page, site)
    page.locator("canvas").focus()
    for key in ("+", "+", "ArrowLeft", "ArrowUp"):
        press_and_wait(page, key)
    view = state(page)["map"]
    assert view.startswith("2.25,")
    wait_until(lambda: 0 < seen(page) < COUNT, "the view was not painted")
    expect(page.locator(".map-told")).to_contain_text(f"{seen(page)} traces in view")
    page.reload()
    wait_until(lambda: painted(page), "the map was not painted again")
    assert 0 < seen(page) < COUNT
    assert state(page)["map"] == view
    page.locator("canvas").focus()
    lasso = page.get_by_role("button", name="Select with a lasso")
    page.keyboard.press("l")
    assert lasso.get_attribute("aria-pressed") == "true"
    page.keyboard.press("l")
    assert lasso.get_attribute("aria-pressed") == "false"
    page.keyboard.press("Shift+L")
    assert lasso.get_attribute("aria-pressed") == "true"
    page.keyboard.press("Enter")
    wait_until(lambda: told(page).startswith("lasso="), "nothing was selected")
    wait_until(lambda: "lasso" in state(page), "nothing was selected")
    page.keyboard.press("Escape")
    wait_until(lambda: "lasso" not in state(page), "the selection stayed")
    lasso.click()
    page.keyboard.press("Enter")
    wait_until(lambda: "lasso" in state(page), "Enter went to the button")
    page.get_by_role("button", name="Clear the selection").click()
    wait_until(lambda: "lasso" not in state(page), "the selection stayed")
    expect(page.locator("canvas")).to_be_focused()
    page.keyboard.press("0")
    wait_until(lambda: seen(page) == COUNT, "not all is seen")
    wait_until(lambda: "map" not in state(page), "all of the map needs no words")


def test_drag_wheel_and_double_click(page: Page, site: MapSite) -> None:
    opened(page, site)
    page.mouse.move(*place(page, 0, 0))
    page.mouse.wheel(0, -200)
    wait_until(lambda: state(page).get("map", "").startswith("1.65,"), "the wheel did nothing")
    before = state(page)["map"]
    page.mouse.down()
    page.mouse.move(*place(page, 3, 0), steps=4)
    page.mouse.up()
    wait_until(lambda: state(page)["map"] != before, "the map was not moved")
    page.mouse.dblclick(*place(page, 0, 0))
    wait_until(lambda: state(page)["map"].startswith("3.30,"), "no nearer")


def test_pointing_at_a_card_raises_its_group(page: Page, site: MapSite) -> None:
    opened(page, site)
    page.locator("#card").hover()
    wait_until(lambda: colour_at(page, 11, 0.75)[2] > 200, "the others were not dimmed")
    page.mouse.move(5, 5)
    wait_until(lambda: colour_at(page, 11, 0.75)[2] < 100, "the others stayed dimmed")


def test_a_finger_reads_with_one_tap_and_opens_with_two(new_page: NewPage, site: MapSite) -> None:
    page = new_page(viewport={"width": 400, "height": 800}, has_touch=True, device_scale_factor=2)
    opened(page, site, "?map=8,10.75,-0.75")
    assert fits(page)
    box = page.locator("canvas").bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.touchscreen.tap(*middle)
    expect(page.locator(".map-tip").get_by_text("Tap again")).to_be_visible()
    wait_for_ring(page, middle)
    page.wait_for_timeout(300)
    page.touchscreen.tap(*middle)
    page.wait_for_url("**/teams/7/traces/**")


def test_a_map_that_cannot_be_loaded_says_so(page: Page, site: MapSite) -> None:
    page.route("**/points", lambda route: route.fulfill(status=404))
    page.goto(site.url)
    message = page.locator(".map-state")
    wait_until(lambda: "could not be loaded" in (message.text_content() or ""), "it says nothing")


def test_without_scripts_the_page_says_what_tells_the_same(
    new_page: NewPage, site: MapSite
) -> None:
    page = new_page(java_script_enabled=False)
    page.goto(site.url)
    assert "the table tells the same" in page.locator("figure.map").inner_text()
    assert page.locator("canvas").is_hidden()
