"""The page that finds traces: what was found, and what to do where nothing was."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import add
from tests.trace_events import generation
from tests.web.page_reading import EVIL, HOSTILE, IDS, LONG, PageRead
from tests.web.test_api import Api
from trace_clustering.models.browsing import FoundPage
from trace_clustering.plain_text import one_line
from trace_clustering.settings import Settings
from trace_clustering.store import Store
from trace_clustering.web import urls
from trace_clustering.web.pages.highlighting import MAX_CHARS, highlighted
from trace_clustering.web.search_routes import MAX_QUERY_CHARS, PAGE_SIZE, SearchQuery, last_page

TEAM, OTHER_MODEL, EMPTY = 720_001, 720_002, 720_003
SHOWN = f"<{EVIL} onclick=boom()>"


@pytest.fixture(scope="module")
def api(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Api:
    made = Api(store, Settings(data_dir=tmp_path_factory.mktemp("search")))
    events = [generation(one, asked=f"Zebra {SHOWN} {HOSTILE}") for one in IDS]
    events.append(generation("long", asked=f"needle {LONG}"))
    events += [generation(f"many-{i}", asked=f"One of many, {i}") for i in range(PAGE_SIZE + 1)]
    store.events.insert(TEAM, events)
    made.post(f"/api/v1/teams/{TEAM}/summaries?limit=500")
    return made


def page(api: Api, team_id: int = TEAM, **state: object) -> PageRead:
    return PageRead.of(api.ask("GET", urls.search(team_id, **state)))


def test_both_ways_are_explained_before_anything_is_asked(api: Api) -> None:
    first = page(api)
    assert "By words" in first.text
    assert urls.search(TEAM, q="timeout") in first.links()
    assert page(api, q="   ").text == first.text


def test_whatever_was_found_is_text(api: Api) -> None:
    found = page(api, q=f"zebra {SHOWN}")
    assert found.has("mark")
    assert "Zebra" in found.text
    assert SHOWN in found.text
    for trace_id in IDS:
        assert urls.trace(TEAM, trace_id) in found.links()
    assert f"{len(IDS)} traces have these words" in found.text
    assert query_of(found) == f"zebra {SHOWN}"


def query_of(found: PageRead) -> str:
    (field,) = [one for one in found.all("input", name="q") if "id" not in one]
    return field["value"]


def test_a_text_that_does_not_end(api: Api) -> None:
    assert len(page(api, q="needle").source) < 50_000


def test_words_are_found_page_by_page(api: Api) -> None:
    first = page(api, q="many")
    (further,) = first.links(lambda link: "page=2" in link)
    second = PageRead.of(api.ask("GET", further))
    assert second.text.count("One of many") < first.text.count("One of many")
    assert "51 to 51 of 51 traces with these words, the newest first." in second.text
    assert "There is no page 9" in page(api, q="many", page=9).text


def test_words_that_are_not_looked_for_are_not_said_to_be_there(api: Api) -> None:
    eight = "one of many o n e f m"
    assert "51 traces have these words, the newest first." in page(api, q=eight).text
    told = "51 traces have the first 8 of these words, which are all that is looked for"
    assert told in page(api, q=f"{eight} zebra").text


def test_by_meaning_the_nearest_come_first_with_how_near_they_are(api: Api) -> None:
    found = page(api, q="zebra", by="meaning")
    assert "Similarity" in found.text
    assert found.has("input", value="meaning", checked="")
    assert not found.has("mark")


def test_the_nearest_are_listed_page_by_page_too(api: Api) -> None:
    first = page(api, q="one of many", by="meaning")
    total = len(IDS) + 1 + PAGE_SIZE + 1
    assert f"The {PAGE_SIZE} nearest of {total} traces." in first.text
    (further,) = first.links(lambda link: "page=2" in link)
    second = PageRead.of(api.ask("GET", further))
    assert f"{PAGE_SIZE + 1} to {total} of {total} traces, the nearest first." in second.text
    assert not set(found_in(first)) & set(found_in(second))
    beyond = page(api, q="one of many", by="meaning", page=9)
    assert "There is no page 9" in beyond.text
    assert urls.search(TEAM, q="one of many", by="meaning") in beyond.links()


def found_in(found: PageRead) -> list[str]:
    return found.links(lambda link: link.startswith(urls.trace(TEAM, "")))


@pytest.mark.parametrize(
    ("by", "total", "last"),
    [
        ("words", 0, 1),
        ("words", 5_000, 100),
        ("meaning", 0, 1),
        ("meaning", 101, 3),
        ("meaning", 5_000, 20),
    ],
)
def test_a_list_by_meaning_has_an_end(
    by: Literal["words", "meaning"], total: int, last: int
) -> None:
    assert last_page(SearchQuery(q="a", by=by), FoundPage(total, [])) == last


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({}, ""),
        ({"q": "many"}, "51 traces have these words, the newest first."),
        ({"q": "many", "page": 9}, "There is no page 9"),
        ({"q": "unheard of"}, "No trace has all of these words"),
        ({"q": "many", "by": "meaning"}, "The 50 nearest of 59 traces."),
    ],
)
def test_what_changed_is_told_from_outside_of_what_is_swapped(
    api: Api, state: dict[str, Any], words: str
) -> None:
    found = page(api, **state)
    (part,) = found.all("section", **{"data-part": "found"})
    assert part["data-told"] == words
    assert found.all("p", role="status") == [
        {"class": "unseen", "role": "status", "data-parts-told": ""}
    ]


def test_nothing_found_says_what_to_try(api: Api) -> None:
    found = page(api, q="unheard of")
    assert "No trace has all of these words" in found.text
    assert urls.search(TEAM, q="unheard of", by="meaning") in found.links()
    assert "nothing to compare with" in page(api, EMPTY, q="zebra", by="meaning").text


def test_where_meanings_cannot_be_compared_the_page_says_why(api: Api, store: Store) -> None:
    add(store, OTHER_MODEL, ["one"], model=f"other {HOSTILE}")
    found = page(api, OTHER_MODEL, q="zebra", by="meaning")
    assert "not possible here" in found.text
    assert "search by words" in found.text
    assert urls.search(OTHER_MODEL, q="zebra") in found.links()


@pytest.mark.parametrize(
    "state", [{"by": "magic"}, {"page": 0}, {"q": "a" * (MAX_QUERY_CHARS + 1)}]
)
def test_what_cannot_be_asked_is_a_page_that_says_so(api: Api, state: dict[str, object]) -> None:
    path = f"/teams/{TEAM}/search"
    PageRead.of(api.ask("GET", path, params=state), 422)


@given(st.text(max_size=600), st.text(max_size=30))
def test_marking_changes_nothing_but_marks(text: str, words: str) -> None:
    marked = highlighted(text, words)
    plain = marked.replace("<mark>", "").replace("</mark>", "")
    assert plain.unescape() == one_line(text, MAX_CHARS)
    assert "<" not in plain
    assert marked.count("<mark>") == marked.count("</mark>")


def test_each_word_is_marked_wherever_it_stands() -> None:
    marked = highlighted("A Cat, a b.t & cats", "cat B.T &")
    assert marked == ("A <mark>Cat</mark>, a <mark>b.t</mark> <mark>&amp;</mark> <mark>cat</mark>s")
    assert highlighted("<b>", "") == "&lt;b&gt;"
