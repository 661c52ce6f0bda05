"""Vectors: what goes in comes out, once a trace, the latest, of the right team and kind."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tests.builders import (
    DIMENSIONS,
    INSIDE,
    MODEL,
    WINDOW,
    Vectors,
    add,
    document,
    draw,
    names,
    vector,
    vectors,
)
from trace_clustering.inputs import format_time
from trace_clustering.models import Excluded, TraceDocument, VectorFamily, Window
from trace_clustering.store import Store, content_key

FAMILY = VectorFamily(MODEL, DIMENSIONS)


def counted(store: Store, team_id: int, *, cutoff: int | None = None) -> tuple[int, Excluded]:
    until = store.embeddings.now_micros() if cutoff is None else cutoff
    family = store.embeddings.find_family(team_id, WINDOW, until)
    return store.embeddings.count(team_id, WINDOW, until, family)


def stored(store: Store, team_id: int, documents: list[TraceDocument]) -> set[str]:
    found = store.embeddings.stored_keys(team_id, documents, MODEL)
    return {
        d.document_id for d in documents if (d.document_id, d.rendering, content_key(d)) in found
    }


def test_vectors_come_back_bit_by_bit(any_store: Store, team_id: int) -> None:
    rows = vectors(300, dimensions=384)
    add(any_store, team_id, names(300), rows)
    drawn = draw(any_store, team_id)
    assert drawn.ids == names(300)
    assert np.array_equal(drawn.rows.embeddings, rows)
    assert set(drawn.rows.timestamps.to_pylist()) == {INSIDE}
    assert counted(any_store, team_id) == (300, Excluded())


@pytest.mark.parametrize(
    "trace_id", ["plain", "quo'te", 'dou"ble', "back\\slash", "{team_id:Int64}", "ñ 你 🙂", "%s"]
)
def test_any_id_and_text_survive(any_store: Store, team_id: int, trace_id: str) -> None:
    text = f"{trace_id} '; DROP TABLE events --\n\t\\'"
    one = document(trace_id, content=text, metadata='{"a": "\\u0000\'"}')
    add(any_store, team_id, [one])
    assert stored(any_store, team_id, [one]) == {trace_id}
    assert draw(any_store, team_id).ids == [trace_id]


def test_times_are_kept_to_the_millisecond(any_store: Store, team_id: int) -> None:
    moment = INSIDE + timedelta(microseconds=123_456)
    one = document("t", timestamp=moment)
    add(any_store, team_id, [one])
    assert draw(any_store, team_id).rows.timestamps.to_pylist() == [
        INSIDE + timedelta(milliseconds=123)
    ]
    assert stored(any_store, team_id, [one]) == {"t"}


@pytest.mark.parametrize("year", [1970, 1999, 2099])
def test_old_and_future_traces_stay(store: Store, team_id: int, year: int) -> None:
    moment = datetime(year, 6, 1, tzinfo=UTC)
    add(store, team_id, [document("t", timestamp=moment)])
    window = Window(format_time(moment), format_time(moment + timedelta(days=1)))
    assert draw(store, team_id, window=window).ids == ["t"]


def test_stored_keys_tell_the_latest_form_of_a_document(any_store: Store, team_id: int) -> None:
    first = document("a")
    add(any_store, team_id, [first, document("b")])
    assert stored(any_store, team_id, [first, document("b"), document("c")]) == {"a", "b"}
    changes = (
        replace(first, content="other"),
        replace(first, metadata="{}"),
        replace(first, timestamp=INSIDE + timedelta(milliseconds=1)),
        replace(first, rendering="llma_trace_detailed"),
    )
    for changed in changes:
        assert stored(any_store, team_id, [changed]) == set()
    add(any_store, team_id, changes[3:], model="other-model")
    assert stored(any_store, team_id, [first]) == {"a"}
    assert stored(any_store, team_id, [changes[3]]) == set()
    add(any_store, team_id, changes[3:])
    for changed in changes[:3]:
        add(any_store, team_id, [changed])
        assert stored(any_store, team_id, [changed]) == {"a"}
        assert stored(any_store, team_id, [first]) == set()
    # Stored again, it is the latest again, at whatever time the trace was between.
    add(any_store, team_id, [first])
    for _ in range(2):
        assert stored(any_store, team_id, [first]) == {"a"}
        assert stored(any_store, team_id, [changes[3]]) == {"a"}
        assert [stored(any_store, team_id, [changed]) for changed in changes[:3]] == [set()] * 3
        any_store._database.execute("OPTIMIZE TABLE document_embeddings FINAL")
    assert any_store.embeddings.stored_keys(team_id, [first], "unknown-model") == set()


def test_stored_keys_are_a_teams_own(store: Store, team_id: int, other_team_id: int) -> None:
    add(store, team_id, ["a"])
    assert stored(store, other_team_id, [document("a")]) == set()


def test_a_sample_has_the_size_that_was_asked_for(any_store: Store, team_id: int) -> None:
    add(any_store, team_id, names(50))
    for size, expected in ((1, 1), (20, 20), (50, 50), (51, 50), (100_000, 50)):
        assert len(draw(any_store, team_id, size=size).ids) == expected


def test_a_sample_follows_from_its_seed(any_store: Store, team_id: int) -> None:
    add(any_store, team_id, names(200))
    first, again = (draw(any_store, team_id, size=40, seed=7) for _ in range(2))
    assert first.ids == again.ids
    assert np.array_equal(first.rows.embeddings, again.rows.embeddings)
    others = [draw(any_store, team_id, size=40, seed=seed).ids for seed in (0, 8, 2**32 - 1)]
    assert all(other != first.ids for other in others)
    assert len({tuple(other) for other in others}) == len(others)


def test_the_order_of_arrival_makes_no_difference(
    store: Store, team_id: int, other_team_id: int
) -> None:
    add(store, team_id, names(60))
    for one in reversed(names(60)):
        if one.endswith("0"):
            add(store, other_team_id, [one])
    add(store, other_team_id, [one for one in names(60) if not one.endswith("0")])
    assert draw(store, team_id, size=10).ids == draw(store, other_team_id, size=10).ids


def test_every_trace_is_drawn_about_as_often(store: Store, team_id: int) -> None:
    """40 of 100 traces, 60 times: 24 draws each, with a deviation of 3.8."""
    add(store, team_id, names(100))
    times = dict.fromkeys(names(100), 0)
    for seed in range(60):
        for one in draw(store, team_id, size=40, seed=seed).ids:
            times[one] += 1
    counts = np.array(list(times.values()))
    assert counts.sum() == 60 * 40
    assert counts.min() >= 24 - 5 * 3.8
    assert counts.max() <= 24 + 5 * 3.8
    assert 2.5 < counts.std() < 5.5


def test_rows_that_arrive_during_a_run_are_not_seen(any_store: Store, team_id: int) -> None:
    add(any_store, team_id, names(30), np.ones((30, DIMENSIONS), np.float32))
    cutoff = any_store.embeddings.now_micros()
    before = draw(any_store, team_id, size=10, cutoff=cutoff)
    add(any_store, team_id, names(30, "late"))
    add(any_store, team_id, names(30), np.full((30, DIMENSIONS), 2, np.float32))
    # A merge must not take away what the run has seen.
    any_store._database.execute("OPTIMIZE TABLE document_embeddings FINAL")
    after = draw(any_store, team_id, size=10, cutoff=cutoff)
    assert after.ids == before.ids
    assert np.all(after.rows.embeddings == 1)
    assert counted(any_store, team_id, cutoff=cutoff)[0] == 30
    assert counted(any_store, team_id)[0] == 60


@pytest.mark.parametrize("days", [0, 1, -1, 4, -2])
def test_the_latest_vector_of_a_trace_wins(any_store: Store, team_id: int, days: int) -> None:
    add(any_store, team_id, ["t", "u"], np.ones((2, DIMENSIONS), np.float32))
    moved = document("t", timestamp=INSIDE + timedelta(days=days))
    add(any_store, team_id, [moved], vector(2, 2, 2, 2))
    drawn = draw(any_store, team_id)
    assert drawn.ids == ["t", "u"]
    assert drawn.vector_of("t") == [2, 2, 2, 2]
    assert drawn.rows.timestamps.to_pylist() == sorted([moved.timestamp, INSIDE])
    assert counted(any_store, team_id) == (2, Excluded())


# A trace whose start moves: a late part of it makes it begin earlier or later


@pytest.mark.parametrize("days", [-60, -7, 7, 60])
def test_a_trace_that_moved_to_another_window(any_store: Store, team_id: int, days: int) -> None:
    add(any_store, team_id, ["t", "u"])
    cutoff = any_store.embeddings.now_micros()
    there = INSIDE + timedelta(days=days)
    add(any_store, team_id, [document("v", timestamp=there)])
    add(any_store, team_id, [document("t", timestamp=there)], vector(2, 2, 2, 2))
    for _ in range(2):
        assert draw(any_store, team_id).ids == ["u"]
        assert counted(any_store, team_id) == (1, Excluded())
        other = draw(any_store, team_id, window=shifted(days))
        assert (other.ids, other.vector_of("t")) == (["t", "v"], [2, 2, 2, 2])
        # A run under way does not see that it moved.
        assert draw(any_store, team_id, cutoff=cutoff).ids == ["t", "u"]
        assert counted(any_store, team_id, cutoff=cutoff) == (2, Excluded())
        any_store._database.execute("OPTIMIZE TABLE document_embeddings FINAL")
    add(any_store, team_id, ["t"])
    assert draw(any_store, team_id).ids == ["t", "u"]
    assert counted(any_store, team_id) == (2, Excluded())
    assert draw(any_store, team_id, window=shifted(days)).ids == ["v"]


def test_a_window_that_all_traces_left(any_store: Store, team_id: int) -> None:
    add(any_store, team_id, names(5))
    later = INSIDE + timedelta(days=7)
    add(any_store, team_id, [document(one, timestamp=later) for one in names(5)])
    assert counted(any_store, team_id) == (0, Excluded())


@pytest.mark.parametrize(
    ("rendering", "dimensions", "model"),
    [
        ("llma_trace_detailed", DIMENSIONS, MODEL),
        ("llma_trace_minimal", 8, MODEL),
        ("llma_trace_minimal", DIMENSIONS, "other"),
    ],
)
def test_only_vectors_of_the_same_kind_tell_where_a_trace_is(
    any_store: Store,
    team_id: int,
    other_team_id: int,
    rendering: str,
    dimensions: int,
    model: str,
) -> None:
    elsewhere = INSIDE - timedelta(days=30)
    add(any_store, team_id, ["t", "u"])
    moved = document("t", timestamp=elsewhere, rendering=rendering)
    add(any_store, team_id, [moved], vectors(1, dimensions), model=model)
    add(any_store, team_id, [document("u", timestamp=elsewhere)], vector(0, 0, 0, 0))
    add(any_store, other_team_id, [document(one, timestamp=elsewhere) for one in "tu"])
    assert draw(any_store, team_id).ids == ["t", "u"]
    assert counted(any_store, team_id) == (2, Excluded())


def test_a_trace_that_moved_is_not_left_out_for_another_reason(
    any_store: Store, team_id: int
) -> None:
    add(any_store, team_id, names(3))
    add(any_store, team_id, names(1), model="other")
    add(any_store, team_id, [document(names(1)[0], timestamp=INSIDE - timedelta(days=30))])
    assert draw(any_store, team_id).ids == names(3)[1:]
    assert counted(any_store, team_id) == (2, Excluded())


def shifted(days: int) -> Window:
    """``WINDOW``, so many days later."""
    bounds = (datetime.fromisoformat(one) for one in (WINDOW.start, WINDOW.end))
    start, end = (format_time(one + timedelta(days=days)) for one in bounds)
    return Window(start, end)


def test_a_sample_is_read_in_the_order_of_time_whatever_the_ids(
    any_store: Store, team_id: int
) -> None:
    ids = ["c", "a", "d", "b"]
    traces = [document(one, timestamp=INSIDE + timedelta(days=i)) for i, one in enumerate(ids)]
    add(any_store, team_id, traces)
    assert draw(any_store, team_id).rows.trace_ids == ids


def test_a_trace_in_several_renderings_counts_once(any_store: Store, team_id: int) -> None:
    renderings = ["llma_trace_minimal", "llma_trace_detailed", "llma_trace_"]
    both = [document("t", rendering=one) for one in renderings]
    add(any_store, team_id, both)
    add(any_store, team_id, ["u"])
    assert draw(any_store, team_id).ids == ["t", "u"]
    assert counted(any_store, team_id) == (2, Excluded())


@pytest.mark.parametrize("rendering", ["", "other", "LLMA_TRACE_minimal", "xllma_trace_minimal"])
def test_other_renderings_are_not_clustered(store: Store, team_id: int, rendering: str) -> None:
    add(store, team_id, [document("t", rendering=rendering)])
    assert store.embeddings.find_family(team_id, WINDOW, store.embeddings.now_micros()) is None
    assert counted(store, team_id) == (0, Excluded())
    add(store, team_id, ["u"])
    assert draw(store, team_id).ids == ["u"]


def test_other_teams_are_never_seen(any_store: Store, team_id: int, other_team_id: int) -> None:
    add(any_store, team_id, names(5))
    add(any_store, other_team_id, names(9, "theirs"), vectors(9, dimensions=8), model="theirs")
    assert draw(any_store, team_id).ids == names(5)
    assert counted(any_store, team_id) == (5, Excluded())


@pytest.mark.parametrize(
    ("offset", "inside"),
    [
        (timedelta(milliseconds=-1), False),
        (timedelta(0), True),
        (timedelta(days=7, milliseconds=-1), True),
        (timedelta(days=7), False),
    ],
)
def test_a_window_holds_its_start_and_not_its_end(
    any_store: Store, team_id: int, offset: timedelta, inside: bool
) -> None:
    start = datetime.fromisoformat(WINDOW.start)
    add(any_store, team_id, ["always", document("t", timestamp=start + offset)])
    assert draw(any_store, team_id).ids == ["always"] + ["t"] * inside
    assert counted(any_store, team_id)[0] == 1 + inside


BAD_VECTORS = {
    "nan": (1, float("nan"), 1, 1),
    "inf": (1, float("inf"), 1, 1),
    "minus inf": (1, float("-inf"), 1, 1),
    "both": (float("inf"), float("-inf"), 1, 1),
    "zero": (0, 0, 0, 0),
    "minus zero": (0, -0.0, 0, -0.0),
}


@pytest.mark.parametrize("values", BAD_VECTORS.values(), ids=BAD_VECTORS)
def test_vectors_that_are_none_are_left_out(
    any_store: Store, team_id: int, values: tuple[float, ...]
) -> None:
    add(any_store, team_id, names(3))
    add(any_store, team_id, ["bad"], vector(*values))
    assert draw(any_store, team_id).ids == names(3)
    assert counted(any_store, team_id) == (3, Excluded(invalid_vector=1))


@pytest.mark.parametrize("values", [(0, 0, 0, 1e-40), (-1, 0, 0, 0), (3e38, 3e38, 3e38, 3e38)])
def test_unusual_vectors_are_vectors(store: Store, team_id: int, values: tuple[float, ...]) -> None:
    add(store, team_id, ["t"], vector(*values))
    assert draw(store, team_id).ids == ["t"]


@pytest.mark.parametrize(
    ("rows", "model", "excluded"),
    [
        (vectors(2), "other", Excluded(other_model=2)),
        (vectors(2, dimensions=8), MODEL, Excluded(other_dimensions=2)),
        (vectors(2, dimensions=8), "other", Excluded(other_model=2)),
        (np.zeros((2, 8), np.float32), "other", Excluded(invalid_vector=2)),
    ],
)
def test_other_kinds_of_vectors_are_left_out(
    any_store: Store, team_id: int, rows: Vectors, model: str, excluded: Excluded
) -> None:
    add(any_store, team_id, names(3))
    add(any_store, team_id, names(2, "other"), rows, model=model)
    assert draw(any_store, team_id).ids == names(3)
    assert counted(any_store, team_id) == (3, excluded)


def test_a_trace_with_one_good_vector_is_not_left_out(any_store: Store, team_id: int) -> None:
    add(any_store, team_id, names(3), np.ones((3, DIMENSIONS), np.float32))
    add(any_store, team_id, names(1), model="other")
    add(any_store, team_id, names(1), np.zeros((1, DIMENSIONS), np.float32))
    assert counted(any_store, team_id)[1].other_model == 0
    assert draw(any_store, team_id).ids[1:] == names(3)[1:]


def test_the_most_common_family_is_clustered(any_store: Store, team_id: int) -> None:
    add(any_store, team_id, names(3), model="old")
    add(any_store, team_id, names(2, "new"), model="new")
    now = any_store.embeddings.now_micros()
    assert any_store.embeddings.find_family(team_id, WINDOW, now) == VectorFamily("old", 4)
    add(any_store, team_id, ["new-9999"], model="new")
    # Three and three: the more recent of equals.
    later = any_store.embeddings.now_micros()
    assert any_store.embeddings.find_family(team_id, WINDOW, later) == VectorFamily("new", 4)
    assert any_store.embeddings.find_family(team_id, WINDOW, now) == VectorFamily("old", 4)


def test_embedding_the_same_traces_again_does_not_make_a_family_larger(
    store: Store, team_id: int
) -> None:
    add(store, team_id, names(3), model="many")
    for moment in (INSIDE, INSIDE + timedelta(days=1), INSIDE + timedelta(days=2)):
        add(store, team_id, [document(one, timestamp=moment) for one in names(2)], model="often")
    found = store.embeddings.find_family(team_id, WINDOW, store.embeddings.now_micros())
    assert found == VectorFamily("many", 4)


def test_a_team_without_vectors(any_store: Store, team_id: int) -> None:
    now = any_store.embeddings.now_micros()
    assert any_store.embeddings.find_family(team_id, WINDOW, now) is None
    assert any_store.embeddings.count(team_id, WINDOW, now, None) == (0, Excluded())


def test_teams_are_found_by_what_is_usable(
    any_store: Store, team_id: int, other_team_id: int
) -> None:
    add(any_store, team_id, names(5))
    add(any_store, team_id, ["bad"], np.zeros((1, DIMENSIONS), np.float32))
    add(any_store, team_id, names(5))  # once more
    add(any_store, other_team_id, names(3))
    both = [team_id, other_team_id]

    def found(**options: int) -> list[tuple[int, int]]:
        teams = any_store.embeddings.teams(window=WINDOW, allowed=both, **options)
        return [(team.team_id, team.traces) for team in teams]

    assert found() == [(team_id, 5), (other_team_id, 3)]
    assert found(min_embeddings=4) == [(team_id, 5)]
    assert found(min_embeddings=6) == []
    assert found(after=team_id) == [(other_team_id, 3)]
    assert found(limit=1) == [(team_id, 5)]
    everyone = {team.team_id for team in any_store.embeddings.teams()}
    assert set(both) <= everyone
    elsewhere = Window("2020-01-01T00:00:00Z", "2020-01-08T00:00:00Z")
    assert any_store.embeddings.teams(window=elsewhere, allowed=both) == []


def test_a_teams_first_and_last_trace(store: Store, team_id: int) -> None:
    last = INSIDE + timedelta(hours=1, milliseconds=5)
    add(store, team_id, [document("a"), document("b", timestamp=last)])
    (team,) = store.embeddings.teams(allowed=[team_id])
    assert (team.first_trace_at, team.last_trace_at) == (INSIDE, last)
