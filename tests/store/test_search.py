"""Traces by words and by meaning: only what is said now counts, and each trace once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import DIMENSIONS, INSIDE, MODEL, add, document, vector
from tests.store.received import ODD_IDS, facts
from trace_clustering.constants import RENDERING_DETAILED
from trace_clustering.models import TraceDocument, VectorFamily
from trace_clustering.models.browsing import FoundPage
from trace_clustering.store import Store, TraceRow
from trace_clustering.store.search import MAX_WORDS
from trace_clustering.store.snippets import snippet

FAMILY = VectorFamily(MODEL, DIMENSIONS)
HOUR = timedelta(hours=1)


def said(
    trace_id: str, content: str, *, hours: int = 0, opening: str = "", rendering: str = ""
) -> TraceDocument:
    metadata = f'{{"opening": "{opening}"}}'
    moment = INSIDE + hours * HOUR
    kind = rendering or FAMILY.rendering
    return document(trace_id, timestamp=moment, content=content, metadata=metadata, rendering=kind)


def titled(store: Store, team_id: int, trace_id: str, title: str, seen: int = 1) -> None:
    row = TraceRow(facts(trace_id), title, "summarized", seen, INSIDE)
    store.traces.record(team_id, [row])


def ids(page: FoundPage) -> list[str]:
    return [one.trace_id for one in page.traces]


def by_words(store: Store, team_id: int, words: str) -> list[str]:
    page = store.search.by_words(team_id, words, limit=50, offset=0)
    assert page.total == len(page.traces)
    return ids(page)


@pytest.fixture
def talk(any_store: Store, team_id: int) -> Store:
    add(
        any_store,
        team_id,
        [
            said("a", "please refund my ticket", opening="Please refund ticket QX7731"),
            said("b", "the bag never came", hours=2),
            said("c", "a ticket for the bag", hours=1),
            said("b", "suitcase and bag claim", rendering=RENDERING_DETAILED, hours=2),
        ],
    )
    titled(any_store, team_id, "b", "Lost luggage")
    return any_store


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("TICKET", ["c", "a"]),
        ("bag", ["b", "c"]),
        ("ticket bag", ["c"]),
        ("luggage came", ["b"]),
        ("claim luggage bag", ["b"]),
        ("qx7731 refund", ["a"]),
        ("refund luggage", []),
        ("%", []),
        ("", []),
        (" \n ", []),
    ],
)
def test_every_word_has_to_occur(
    talk: Store, team_id: int, words: str, expected: list[str]
) -> None:
    assert by_words(talk, team_id, words) == expected


def test_what_is_shown_of_what_was_found(talk: Store, team_id: int) -> None:
    (found,) = talk.search.by_words(team_id, "luggage suitcase", limit=5, offset=0).traces
    assert (found.trace_id, found.title, found.timestamp) == (
        "b",
        "Lost luggage",
        INSIDE + 2 * HOUR,
    )
    assert found.opening == "the bag never came"
    assert found.snippet == "Lost luggage"
    (found,) = talk.search.by_words(team_id, "suitcase", limit=5, offset=0).traces
    assert found.snippet == "suitcase and bag claim"
    assert (found.models, found.cost_usd) == (["gpt-4o", "claude"], 0.0123)
    assert (found.latency, found.is_error, found.user_id) == (1.25, False, "ada")
    (bare,) = talk.search.by_words(team_id, "refund", limit=5, offset=0).traces
    assert bare.opening == bare.snippet == "Please refund ticket QX7731"
    assert (bare.title, bare.cost_usd, bare.latency, bare.is_error) == ("", None, None, None)


def test_the_drawing_of_steps_is_not_shown_as_what_was_said(store: Store, team_id: int) -> None:
    text = "Late bag … The bag was late … user ( messages) → find_bag → answer"
    add(store, team_id, [said("a", text, rendering=RENDERING_DETAILED), said("a", "where is it")])
    search = store.search.by_words
    assert (
        search(team_id, "late", limit=5, offset=0).traces[0].snippet
        == "Late bag … The bag was late"
    )
    assert search(team_id, "find_bag", limit=5, offset=0).traces[0].snippet == ""


@pytest.mark.parametrize("whole", ["trace-9", "u 17", " s-9 "])
def test_an_id_finds_what_it_is_of(any_store: Store, team_id: int, whole: str) -> None:
    add(any_store, team_id, [said("later", f"about {whole}", hours=5), said("trace-8", "bag")])
    one = replace(facts("trace-9"), user_id="u 17", session_id="s-9")
    any_store.traces.record(team_id, [TraceRow(one, "Title", "summarized", 1, INSIDE)])
    page = any_store.search.by_words(team_id, whole, limit=5, offset=0)
    assert ids(page) == ["trace-9", "later"]
    assert (page.total, page.traces[0].title, page.traces[0].timestamp) == (
        2,
        "Title",
        one.start.replace(microsecond=one.start.microsecond // 1000 * 1000),
    )
    assert by_words(any_store, team_id, "trace-8") == ["trace-8"]
    assert by_words(any_store, team_id, whole.strip()[:-1] + "0") == []


def test_pages_of_what_was_found(store: Store, team_id: int) -> None:
    add(store, team_id, [said(f"t{i}", "a bag", hours=i) for i in range(5)])
    pages = [store.search.by_words(team_id, "bag", limit=2, offset=i) for i in (0, 2, 4, 6)]
    assert [page.total for page in pages] == [5] * 4
    assert [ids(page) for page in pages] == [["t4", "t3"], ["t2", "t1"], ["t0"], []]


def test_what_was_said_before_is_not_found(any_store: Store, team_id: int) -> None:
    add(any_store, team_id, [said("a", "an umbrella")])
    titled(any_store, team_id, "a", "Rain")
    assert by_words(any_store, team_id, "umbrella rain") == ["a"]
    add(any_store, team_id, [said("a", "a parasol")])
    titled(any_store, team_id, "a", "Sunshine", seen=2)
    assert by_words(any_store, team_id, "umbrella") == by_words(any_store, team_id, "rain") == []
    assert by_words(any_store, team_id, "parasol sunshine") == ["a"]
    (found,) = any_store.search.by_words(team_id, "parasol", limit=1, offset=0).traces
    assert (found.title, found.opening) == ("Sunshine", "a parasol")


def test_more_words_than_are_looked_for(store: Store, team_id: int) -> None:
    add(store, team_id, [said("a", "one two three four five six seven eight")])
    assert by_words(store, team_id, "eight seven six five four three two one nine") == ["a"]
    assert MAX_WORDS == 8


@settings(max_examples=30)
@given(st.text(max_size=40))
def test_any_words_of_strangers(store: Store, words: str) -> None:
    page = store.search.by_words(901, words, limit=5, offset=0)
    assert page == FoundPage(0, [])


# -- by meaning ----------------------------------------------------------------------------------


def near(store: Store, team_id: int, *values: float, limit: int = 9) -> FoundPage:
    return store.search.by_meaning(team_id, vector(*values)[0], FAMILY, limit=limit)


def test_nearest_by_meaning(any_store: Store, team_id: int) -> None:
    rows = np.array([[3, 0, 0, 0], [1, 1, 0, 0], [-1, 0, 0, 0], [0, 0, 0, 0]], np.float32)
    add(any_store, team_id, ["a", "b", "c", "zero"], rows)
    found = near(any_store, team_id, 2, 0, 0, 0)
    assert ids(found) == ["a", "b", "c"]
    assert found.total == 3
    assert [one.similarity for one in found.traces] == pytest.approx([1, 0.7071, -1], abs=1e-4)
    assert ids(near(any_store, team_id, 2, 0, 0, 0, limit=1)) == ["a"]
    assert near(any_store, team_id, 0, 0, 0, 0) == FoundPage(0, [])


def test_only_comparable_vectors_are_compared(store: Store, team_id: int) -> None:
    add(store, team_id, ["a"], vector(1, 0, 0, 0))
    add(store, team_id, ["other-model"], vector(1, 0, 0, 0), model="other")
    add(store, team_id, ["other-length"], vector(1, 0, 0))
    add(store, team_id, ["broken"], vector(np.nan, 0, 0, 0))
    detailed = document("detailed", rendering=RENDERING_DETAILED)
    add(store, team_id, [detailed], vector(1, 0, 0, 0))
    assert ids(near(store, team_id, 1, 0, 0, 0)) == ["a"]
    families = store.search.families(team_id)
    assert sorted((f.model_name, f.dimensions, f.rendering[11:]) for f in families) == [
        ("other", 4, "minimal"),
        (MODEL, 3, "minimal"),
        (MODEL, 4, "detailed"),
        (MODEL, 4, "minimal"),
    ]


def test_the_latest_vector_counts(any_store: Store, team_id: int) -> None:
    add(any_store, team_id, ["a", "b"], np.array([[1, 0, 0, 0], [0, 1, 0, 0]], np.float32))
    add(any_store, team_id, ["a"], vector(-1, 0, 0, 0))
    add(any_store, team_id, ["b"], vector(np.nan, 0, 0, 0))
    found = near(any_store, team_id, 1, 0, 0, 0)
    assert (found.total, ids(found)) == (2, ["b", "a"])
    assert [one.similarity for one in found.traces] == pytest.approx([0, -1])


def test_neighbours_of_a_trace(any_store: Store, team_id: int) -> None:
    rows = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [1, 0.1, 0, 0], [1, 1, 0, 0]], np.float32)
    add(any_store, team_id, ["a", "b", "c", "d"], rows)
    add(any_store, team_id, ["elsewhere"], vector(1, 0, 0, 0), model="other")
    found = any_store.search.neighbours(team_id, "a", limit=2)
    assert (ids(found), found.total) == (["c", "d"], 3)
    assert any_store.search.neighbours(team_id, "unknown", limit=2) == FoundPage(0, [])
    assert any_store.search.neighbours(team_id, "elsewhere", limit=2) == FoundPage(0, [])


def test_neighbours_by_the_latest_vector(store: Store, team_id: int) -> None:
    add(store, team_id, ["a", "b", "c"], np.eye(3, DIMENSIONS, dtype=np.float32))
    add(store, team_id, ["a"], vector(0, 0, 1, 0))
    detailed = replace(document("a"), rendering=RENDERING_DETAILED)
    add(store, team_id, [detailed], vector(0, 1, 0, 0))
    assert ids(store.search.neighbours(team_id, "a", limit=1)) == ["c"]


def test_ids_that_are_hard_to_write(any_store: Store, team_id: int) -> None:
    add(any_store, team_id, [said(one, "a bag") for one in ODD_IDS], np.ones((13, 4), np.float32))
    assert set(by_words(any_store, team_id, "bag")) == set(ODD_IDS)
    for trace_id in ODD_IDS:
        found = any_store.search.neighbours(team_id, trace_id, limit=50)
        assert set(ids(found)) == {*ODD_IDS} - {trace_id}


def test_words_that_are_hard_to_write(server_store: Store, team_id: int) -> None:
    odd = [one for one in ODD_IDS if not one.isspace() and " " not in one and "\n" not in one]
    add(
        server_store,
        team_id,
        [said(f"t{i}", f"a {one} b") for i, one in enumerate(odd)],
        np.ones((len(odd), 4), np.float32),
    )
    for i, one in enumerate(odd):
        assert f"t{i}" in by_words(server_store, team_id, one)
    assert by_words(server_store, team_id, "\x00") == []


def test_a_team_finds_its_own_traces(talk: Store, other_team_id: int) -> None:
    assert by_words(talk, other_team_id, "bag") == []
    assert near(talk, other_team_id, 1, 0, 0, 0) == FoundPage(0, [])
    assert talk.search.neighbours(other_team_id, "a", limit=5) == FoundPage(0, [])
    assert talk.search.families(other_team_id) == []


# -- snippets ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "words", "expected"),
    [
        (["no", "a BAG here"], ["bag"], "a BAG here"),
        (["(.*"], ["(.*"], "(.*"),
        (["nothing"], ["bag"], ""),
        (["anything"], [], ""),
        (["two\n lines  of bag"], ["bag"], "two lines of bag"),
    ],
)
def test_snippets(texts: Sequence[str], words: Sequence[str], expected: str) -> None:
    assert snippet(texts, words) == expected


def test_the_snippet_of_a_long_text() -> None:
    found = snippet(["x " * 500 + "bag " + "y " * 500], ["bag"])
    assert found.startswith("…x ")
    assert found.endswith("y…")
    assert "bag" in found
    assert len(found) <= 202
