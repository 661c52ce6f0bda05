"""A run's traces page by page: every filter and order, on both ways to ClickHouse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import INSIDE, add, document, draw, names, run_record, text_of
from tests.store.received import ODD_IDS, facts
from trace_clustering.models import RunStatus
from trace_clustering.models.browsing import (
    TRACE_ORDERS,
    BrowsedTrace,
    Flow,
    Place,
    TraceFilter,
    TraceOrder,
)
from trace_clustering.models.traces import TraceFacts
from trace_clustering.store import Store, TraceRow
from trace_clustering.store.browsing import NO_LEAF

EVERYTHING = TraceFilter()
PLACES: Sequence[Place] = ((0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (5, 0))
SQUARE: tuple[Place, ...] = ((0.5, -1), (2.5, -1), (2.5, 1), (0.5, 1))


@dataclass
class Run:
    """A run of six traces, of which the last is known by its vector alone."""

    store: Store
    team_id: int
    run_id: str
    ids: list[str]

    def ids_of(self, which: TraceFilter = EVERYTHING, order: TraceOrder = "oldest") -> str:
        """The last digits of the traces that are found."""
        page = self.store.browsing.page(self.team_id, self.run_id, which, order, limit=50, offset=0)
        assert page.total == len(page.traces)
        return "".join(one.trace_id[-1] for one in page.traces)


def run_of(
    store: Store,
    team_id: int,
    ids: Sequence[str],
    labels: Sequence[int],
    *,
    status: RunStatus = "completed",
    number: int = 0,
    step: timedelta = timedelta(hours=10),
) -> str:
    """A run of these traces, one after the other, each farther from its centroid than the last."""
    moments = [INSIDE + i * step for i in range(len(ids))]
    add(store, team_id, [document(i, timestamp=t) for i, t in zip(ids, moments, strict=True)])
    sample = draw(store, team_id).rows
    run = run_record(team_id, status=status)
    run = replace(run, run_id=f"{run.run_id}{number or ''}")
    distances = np.arange(len(ids), dtype=np.float32) / np.float32(3)
    store.runs.write_assignments(team_id, run.run_id, sample, np.array(labels), distances)
    store.runs.record(run)
    return run.run_id


def know(store: Store, team_id: int, *known: TraceFacts, seen: int = 1, title: str = "") -> None:
    store.traces.record(
        team_id,
        [
            TraceRow(one, title or f"Title {one.trace_id}", "summarized", seen, INSIDE)
            for one in known
        ],
    )


def six(store: Store, team_id: int) -> Run:
    ids = names(6)
    run_id = run_of(store, team_id, ids, [0, 1, 0, 1, 0, 1])
    findings = store.findings
    findings.write_leaves(team_id, run_id, ids, np.array([2, 4, 3, 5, 3, 5]))
    scores = np.array([1.0, 9.0, 2.0, 8.0, 3.0, 7.0])
    findings.write_outliers(team_id, run_id, ids, scores, ["", "far", "", "far", "", ""])
    findings.write_map(team_id, run_id, ids, np.array(PLACES, np.float32))
    one = facts(ids[0])
    know(store, team_id, replace(one, cost_usd=9.0, models=("old",)), title="An old title")
    know(
        store,
        team_id,
        replace(one, errors=0),
        replace(one, trace_id=ids[1], cost_usd=0.5, models=("gemini",), errors=7, duration=9.0),
        replace(one, trace_id=ids[2], cost_usd=None, user_id="bob", is_error=True, errors=2),
        replace(one, trace_id=ids[3], cost_usd=0.1, tools=("pay",), errors=0, duration=0.0),
        replace(one, trace_id=ids[4], cost_usd=0.2, is_error=True, errors=5, duration=3.0),
        seen=2,
    )
    return Run(store, team_id, run_id, ids)


@pytest.fixture
def browsed(any_store: Store, team_id: int) -> Run:
    return six(any_store, team_id)


def test_every_order(browsed: Run) -> None:
    found = {order: browsed.ids_of(order=order) for order in TRACE_ORDERS}
    assert found == {
        "closest": "012345",
        "unusual": "135420",
        "cost": "143025",
        "latency": "140235",
        "errors": "142035",
        "newest": "543210",
        "oldest": "012345",
    }


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        (TraceFilter(cluster_id=1), "135"),
        (TraceFilter(cluster_id=7), ""),
        (TraceFilter(leaf_ids=(3, 5)), "2345"),
        (TraceFilter(leaf_ids=()), ""),
        (TraceFilter(text="TITLE TRACE-0003"), "3"),
        (TraceFilter(text="of trace-aaaF"), "5"),
        (TraceFilter(text="an old title"), ""),
        (TraceFilter(text="100%_"), ""),
        (TraceFilter(model="gemini"), "1"),
        (TraceFilter(model="gpt"), ""),
        (TraceFilter(model="old"), ""),
        (TraceFilter(tool="pay"), "3"),
        (TraceFilter(user="bob"), "2"),
        (TraceFilter(errors=True), "124"),
        (TraceFilter(outliers=True), "13"),
        (TraceFilter(day=INSIDE.date()), "01"),
        (TraceFilter(day=date.min), ""),
        (TraceFilter(day=date.max), ""),
        (TraceFilter(lasso=SQUARE), "12"),
        (TraceFilter(lasso=((1e9, 1e9), (-1e9, 5e-324), (0, 0))), ""),
        (TraceFilter(lasso=SQUARE, cluster_id=1, outliers=True, model="gemini"), "1"),
    ],
)
def test_every_filter(store: Store, known_run: Run, which: TraceFilter, expected: str) -> None:
    assert known_run.ids_of(which) == expected


@pytest.fixture(scope="module")
def known_run(store: Store) -> Run:
    return six(store, 900)


def test_every_kind_of_parameter_over_http(server_store: Store, team_id: int) -> None:
    run = six(server_store, team_id)
    everything = TraceFilter(
        cluster_id=1,
        leaf_ids=(4, 5),
        text="title",
        model="gemini",
        tool="search",
        user="ada",
        day=INSIDE.date(),
        lasso=SQUARE,
    )
    assert run.ids_of(everything) == "1"
    assert run.ids_of(replace(everything, errors=True)) == "1"
    assert run.ids_of(replace(everything, errors=True, user="bob")) == ""
    for odd in (*ODD_IDS, "\x00", "\ufeff", "%_"):
        assert run.ids_of(TraceFilter(text=odd, model=odd, tool=odd, user=odd)) == ""


def test_pages_and_how_many_there_are(browsed: Run) -> None:
    browsing, place = browsed.store.browsing, (browsed.team_id, browsed.run_id)
    pages = [
        browsing.page(*place, EVERYTHING, "closest", limit=4, offset=offset) for offset in (0, 4, 8)
    ]
    assert [page.total for page in pages] == [6, 6, 6]
    assert [one.trace_id for page in pages for one in page.traces] == browsed.ids
    none = browsing.page(*place, TraceFilter(model="no"), "cost", limit=4, offset=0)
    assert (none.total, none.traces) == (0, [])


def test_what_is_shown_of_a_trace(browsed: Run) -> None:
    one, *_, bare = browsed.store.browsing.page(
        browsed.team_id, browsed.run_id, EVERYTHING, "oldest", limit=6, offset=0
    ).traces
    assert one == BrowsedTrace(
        trace_id=browsed.ids[0],
        timestamp=INSIDE,
        cluster_id=0,
        distance=0.0,
        leaf_id=2,
        outlier_score=1.0,
        outlier_reason="",
        x=0.0,
        y=0.0,
        title=f"Title {browsed.ids[0]}",
        opening=text_of(browsed.ids[0]),
        models=["gpt-4o", "claude"],
        tools=["search", "search", "refund"],
        input_tokens=1200,
        output_tokens=34,
        cost_usd=0.0123,
        latency=1.25,
        errors=0,
        is_error=False,
        user_id="ada",
        session_id="s-1",
    )
    assert bare.distance == round(5 / 3, 6)
    assert bare.opening == text_of(bare.trace_id)
    unknown = (bare.cost_usd, bare.latency, bare.errors, bare.is_error, bare.input_tokens)
    assert unknown == (None,) * 5
    assert (bare.title, bare.models, bare.user_id) == ("", [], "")


def test_rows_of_a_file_are_those_of_the_table(browsed: Run) -> None:
    which = TraceFilter(lasso=((0.5, -1), (9, -1), (9, 1), (0.5, 1)))
    for order in TRACE_ORDERS:
        batches = browsed.store.browsing.rows(browsed.team_id, browsed.run_id, which, order)
        table = pa.Table.from_batches(batches)
        digits = "".join(one[-1] for one in table["trace_id"].to_pylist())
        assert digits == browsed.ids_of(which, order)
    by_id = {row["trace_id"]: row for row in table.to_pylist()}
    last = by_id[browsed.ids[5]]
    assert (last["is_error"], last["latency_seconds"], last["cost_usd"]) == (None, None, None)
    assert (last["is_outlier"], last["x"], last["leaf_id"]) == (False, 5.0, 5)


def test_the_map_and_its_numbers(browsed: Run) -> None:
    browsing = browsed.store.browsing
    drawn = browsing.map_points(browsed.team_id, browsed.run_id)
    kinds = [one.dtype.str for one in (drawn.x, drawn.y, drawn.leaf, drawn.cluster)]
    assert kinds == ["<f4", "<f4", "<u4", "<u2"]
    assert list(zip(drawn.x, drawn.y, strict=True)) == list(PLACES)
    assert drawn.leaf.tolist() == [2, 4, 3, 5, 3, 5]
    assert drawn.cluster.tolist() == [0, 1] * 3
    assert drawn.is_outlier.tolist() == [False, True, False, True, False, False]
    for number, trace_id in enumerate(browsed.ids):
        found = browsing.at(browsed.team_id, browsed.run_id, number)
        assert found is not None
        assert found.trace_id == trace_id
    assert browsing.at(browsed.team_id, browsed.run_id, 6) is None


def test_how_typical_a_trace_is(browsed: Run) -> None:
    standing = browsed.store.browsing.standing
    found = standing(browsed.team_id, browsed.run_id, browsed.ids[2])
    assert found is not None
    assert found.trace.trace_id == browsed.ids[2]
    assert (found.closer, found.ordinary) == (1 / 2, 4 / 5)
    assert not found.all_as_close
    assert not found.all_as_ordinary
    assert standing(browsed.team_id, browsed.run_id, "no such") is None


def test_how_typical_one_of_equals_is(store: Store, team_id: int) -> None:
    ids = names(4)
    run_id = run_of(store, team_id, ids, [0, 1, 2, 3])
    store.findings.write_outliers(team_id, run_id, ids, np.array([1.0, 1.0, 1.0, 2.0]), [""] * 4)
    found = store.browsing.standing(team_id, run_id, ids[0])
    assert found is not None
    assert (found.closer, found.all_as_close) == (0.5, True)
    assert (found.ordinary, found.all_as_ordinary) == (2 / 3, False)


def test_a_run_of_before_there_were_parts(any_store: Store, team_id: int) -> None:
    run_id = run_of(any_store, team_id, names(3), [0, 1, 0])
    browsing = any_store.browsing
    for order in TRACE_ORDERS:
        page = browsing.page(team_id, run_id, EVERYTHING, order, limit=9, offset=0)
        assert page.total == 3
    one = page.traces[0]
    assert (one.leaf_id, one.x, one.outlier_score) == (None, None, None)
    assert not len(browsing.map_points(team_id, run_id).x)
    found = browsing.standing(team_id, run_id, one.trace_id)
    assert found is not None
    assert found.ordinary is None
    inside = TraceFilter(lasso=SQUARE, leaf_ids=(0,), outliers=True)
    assert browsing.page(team_id, run_id, inside, "closest", limit=9, offset=0).total == 0


def test_some_traces_without_a_place(store: Store, team_id: int) -> None:
    ids = names(2)
    run_id = run_of(store, team_id, ids, [0, 1])
    store.findings.write_map(team_id, run_id, ids[1:], np.ones((1, 2), np.float32))
    drawn = store.browsing.map_points(team_id, run_id)
    assert np.isnan(drawn.x).tolist() == [True, False]
    assert drawn.leaf.tolist() == [NO_LEAF] * 2


def test_nothing_is_kept_of_a_run_that_is_under_way(store: Store, team_id: int) -> None:
    ids = names(2)
    run_id = run_of(store, team_id, ids, [0, 1], status="running")
    page = store.browsing.page(team_id, run_id, EVERYTHING, "closest", limit=9, offset=0)
    assert page.total == 0
    know(store, team_id, facts(ids[0]))
    # As when it emitted its event and failed to say so.
    store.runs.record(replace(run_record(team_id, status="failed"), run_id=run_id))
    page = store.browsing.page(team_id, run_id, EVERYTHING, "cost", limit=9, offset=0)
    assert [one.cost_usd for one in page.traces] == [0.0123, None]


def test_gathering_again_changes_nothing(store: Store, team_id: int) -> None:
    run = six(store, team_id)
    before = run.ids_of(order="cost")
    # As another process would that begins at the same moment.
    for _ in range(2):
        store._database.execute(
            "INSERT INTO clustering_traces SELECT * FROM clustering_traces "
            "WHERE team_id = {team_id:Int64}",
            team_id=team_id,
        )
    assert run.ids_of(order="cost") == before
    assert len(store.browsing.map_points(team_id, run.run_id).x) == 6


def test_what_another_process_gathered_half_is_gathered_whole(store: Store, team_id: int) -> None:
    run = six(store, team_id)
    assert run.ids_of() == "012345"
    store._database.execute(
        "DELETE FROM clustering_traces WHERE team_id = {team_id:Int64} "
        "AND trace_id > {trace_id:String}",
        team_id=team_id,
        trace_id=run.ids[2],
    )
    assert run.ids_of() == "012"
    again = type(store)(store._database)
    assert replace(run, store=again).ids_of() == "012345"


def test_ids_that_are_hard_to_write(any_store: Store, team_id: int) -> None:
    ids, step = sorted(ODD_IDS), timedelta(minutes=1)
    run_id = run_of(any_store, team_id, ids, [0] * len(ids), step=step)
    browsing = any_store.browsing
    page = browsing.page(team_id, run_id, EVERYTHING, "closest", limit=99, offset=0)
    assert {one.trace_id for one in page.traces} == set(ODD_IDS)
    for trace_id in ODD_IDS:
        assert browsing.standing(team_id, run_id, trace_id) is not None


def test_runs_are_of_one_team(browsed: Run, other_team_id: int) -> None:
    browsing, foreign = browsed.store.browsing, (other_team_id, browsed.run_id)
    assert browsed.ids_of() == "012345"
    assert browsing.page(*foreign, EVERYTHING, "closest", limit=9, offset=0).total == 0
    assert browsing.at(*foreign, 0) is None
    assert browsing.standing(*foreign, browsed.ids[0]) is None
    assert not len(browsing.map_points(*foreign).x)
    assert browsing.flows(other_team_id, browsed.run_id, browsed.run_id) == []


def test_what_became_of_the_traces_that_two_runs_share(any_store: Store, team_id: int) -> None:
    first = run_of(any_store, team_id, names(4), [0, 0, 1, 1])
    second = run_of(any_store, team_id, names(6), [2, 2, 2, 0, 0, 0], number=1)
    flows = any_store.browsing.flows(team_id, first, second)
    assert flows == [Flow(0, 2, 2), Flow(1, 0, 1), Flow(1, 2, 1)]
    assert any_store.browsing.flows(team_id, first, "unknown") == []


# -- strangers' lassos ---------------------------------------------------------------------------

CORNER = st.floats(-1e9, 1e9) | st.integers(-6, 6).map(lambda one: one / 2)
CORNERS = st.lists(st.tuples(CORNER, CORNER), min_size=3, max_size=200)


@given(CORNERS)
def test_any_lasso_holds_what_the_even_odd_rule_says(
    known_run: Run, corners: list[tuple[float, float]]
) -> None:
    found = known_run.ids_of(TraceFilter(lasso=tuple(corners)))
    expected = [i for i, place in enumerate(PLACES) if holds(corners, place)]
    assert found == "".join(map(str, expected))


def holds(corners: Sequence[Place], place: Place) -> bool:
    """As the script of the map tells it; where a line is this close it may be on either side."""
    x, y = place
    inside = False
    for (x1, y1), (x2, y2) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if (y1 > y) != (y2 > y):
            slope = (x2 - x1) / (y2 - y1)
            inside ^= x < x1 + slope * (y - y1)
    return inside


@given(text=st.text(max_size=30))
def test_any_text_is_looked_for(known_run: Run, text: str) -> None:
    said = [f"Title {one}\n{text_of(one)}".casefold() for one in known_run.ids[:5]]
    said.append(text_of(known_run.ids[5]))
    found = known_run.ids_of(TraceFilter(text=text))
    if text.isascii() and "\n" not in text:
        expected = [i for i, one in enumerate(said) if text.casefold() in one]
        assert found == "".join(map(str, expected))


def test_how_some_traces_begin(browsed: Run) -> None:
    store, ids = browsed.store.browsing, browsed.ids
    found = store.openings(browsed.team_id, browsed.run_id, [ids[2], ids[0], "of no run"])
    assert found == {ids[0]: text_of(ids[0]), ids[2]: text_of(ids[2])}
    assert store.openings(browsed.team_id, browsed.run_id, []) == {}
