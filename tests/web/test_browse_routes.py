"""The API of a run's traces: tables, the map, two runs side by side, and what strangers ask."""

from __future__ import annotations

import json
import struct
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import STARTED, add, document, draw, finish_run, names, run_record
from tests.web.test_api import Api, run_path
from trace_clustering.errors import InvalidInputError, NotFoundError
from trace_clustering.models import RunRecord
from trace_clustering.settings import Settings
from trace_clustering.store import Store
from trace_clustering.web import urls
from trace_clustering.web.table_query import (
    MAX_CORNERS,
    TableQuery,
    parse_lasso,
    trace_filter,
)

LEVELS: dict[str, Any] = {
    "$ai_clustering_run_id": "the run",
    "$ai_clusters": [{"cluster_id": 0, "size": 3}, {"cluster_id": 1, "size": 1}],
    "$ai_levels": {
        "groups": [
            {"group_id": 0, "parent": None, "size": 3},
            {"group_id": 1, "parent": None, "size": 1},
            {"group_id": 2, "parent": 0, "size": 2},
            {"group_id": 3, "parent": 0, "size": 1},
            {"group_id": 4, "parent": 2, "size": 1},
            {"group_id": 5, "parent": 2, "size": 1},
        ]
    },
}


@pytest.fixture
def api(store: Store, tmp_path: Path) -> Api:
    return Api(store, Settings(data_dir=tmp_path))


def mapped_run(store: Store, team_id: int) -> tuple[RunRecord, list[str]]:
    """A run with a map, a minute between its traces."""
    ids = names(12)
    moments = [STARTED - timedelta(minutes=30 - i) for i in range(12)]
    add(store, team_id, [document(i, timestamp=t) for i, t in zip(ids, moments, strict=True)])
    event = {
        "$ai_clustering_run_id": run_record(team_id).run_id,
        "$ai_clusters": [{"cluster_id": i, "size": 4, "trace_ids": ids[i::3]} for i in range(3)],
        "$ai_map": {"points": [], "centroids": []},
    }
    run = run_record(team_id)
    sample = draw(store, team_id).rows
    distances = np.arange(12, dtype=np.float32)
    store.runs.write_assignments(team_id, run.run_id, sample, np.arange(12) % 3, distances)
    points = np.arange(24, dtype=np.float32).reshape(12, 2)
    store.findings.write_map(team_id, run.run_id, ids, points)
    store.findings.write_outliers(
        team_id, run.run_id, ids, np.arange(12.0), ["" if i < 11 else "far" for i in range(12)]
    )
    store.runs.record(run)
    store.events.emit(team_id, run.run_id, STARTED, json.dumps(event))
    return run, ids


# -- the table -----------------------------------------------------------------------------------


def test_a_page_of_a_runs_traces(api: Api, team_id: int) -> None:
    run = finish_run(api.store, team_id)
    path = run_path(run.run_id, "traces")
    everything = api.get(path)
    assert everything["total"] == 12
    assert [one["distance"] for one in everything["traces"]] == list(range(12))
    page = api.get(f"{path}?group=1&sort=unusual&size=2&page=2&model=&day=&unknown=x")
    assert page["total"] == 4
    assert [one["distance"] for one in page["traces"]] == [4, 1]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("group=x", "group"),
        ("q=" + "x" * 1001, "q"),
        ("error=perhaps", "error"),
        ("day=0", "day"),
        ("day=2026-02-30", "day"),
        ("lasso=1,2,3", "lasso"),
        ("lasso=nan,0,1,0,1,1", "lasso"),
        ("sort=random", "sort"),
        ("page=0", "page"),
        ("page=1000001", "page"),
        ("size=1001", "size"),
    ],
)
def test_bad_values_are_named(api: Api, team_id: int, query: str, field: str) -> None:
    run = finish_run(api.store, team_id)
    error = api.error(422, "GET", f"{run_path(run.run_id, 'traces')}?{query}")
    assert (error["type"], error["field"]) == ("InvalidInputError", field)


def test_groups_that_there_are_not(api: Api, team_id: int) -> None:
    run = finish_run(api.store, team_id)
    for path in ("traces", "export"):
        error = api.error(404, "GET", f"{run_path(run.run_id, path)}?group=3")
        assert error["message"] == f"run {run.run_id} has no group 3"


def test_runs_without_traces_to_show(api: Api, team_id: int) -> None:
    run = run_record(team_id, status="skipped", reason="too few")
    for path in ("traces", "map", "compare?with=" + run.run_id):
        api.error(404, "GET", run_path(run.run_id, path))
        api.error(422, "GET", run_path("nonsense", path))
    api.store.runs.record(run)
    for path in ("traces", "map", "compare?with=" + run.run_id):
        error = api.error(404, "GET", run_path(run.run_id, path))
        assert (error["message"] or "").endswith("its status is skipped: too few")


# -- the map -------------------------------------------------------------------------------------


def test_the_map_in_numbers(api: Api, team_id: int) -> None:
    run, ids = mapped_run(api.store, team_id)
    answer = api.ask("GET", run_path(run.run_id, "map"))
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Cache-Control"] == "private, max-age=86400, immutable"
    content = answer.content
    assert (content[:4], struct.unpack_from("<I", content, 4)) == (b"TCM1", (12,))
    assert len(content) == 8 + 12 * (4 + 4 + 4 + 2 + 1)
    assert np.frombuffer(content, "<f4", 12, 8).tolist() == list(range(0, 24, 2))
    assert np.frombuffer(content, "<f4", 12, 8 + 48).tolist() == list(range(1, 25, 2))
    assert np.frombuffer(content, "<u4", 12, 8 + 96).tolist() == [0xFFFFFFFF] * 12
    assert np.frombuffer(content, "<u2", 12, 8 + 144).tolist() == [0, 1, 2] * 4
    assert list(content[8 + 168 :]) == [0] * 11 + [1]
    shown = api.get(run_path(run.run_id, "map", "11"))
    assert (shown["trace_id"], shown["x"], shown["outlier_reason"]) == (ids[11], 22.0, "far")


def test_a_point_tells_where_the_page_of_its_trace_is(api: Api, team_id: int) -> None:
    ids = ["..", ".", "a/b"]
    run = finish_run(api.store, team_id, ids=ids)
    told = [api.get(run_path(run.run_id, "map", str(number)))["url"] for number in range(3)]
    assert sorted(told) == sorted(urls.trace(team_id, one, run.run_id) for one in ids)
    assert all(api.ask("GET", one).status_code == 200 for one in told)


def test_points_that_there_are_not(api: Api, team_id: int) -> None:
    run, _ = mapped_run(api.store, team_id)
    error = api.error(404, "GET", run_path(run.run_id, "map", "12"))
    assert error["message"] == f"run {run.run_id} has no trace with the number 12"
    for number in ("-1", "x", str(2**32)):
        assert api.error(422, "GET", run_path(run.run_id, "map", number))["field"] == "number"


def test_a_run_without_a_map(api: Api, team_id: int) -> None:
    run = finish_run(api.store, team_id)
    error = api.error(404, "GET", run_path(run.run_id, "map"))
    assert error["message"] == f"run {run.run_id} has no map: this run is older than that"


# -- two runs ------------------------------------------------------------------------------------


def test_two_runs_of_a_team(api: Api, team_id: int) -> None:
    before = finish_run(api.store, team_id)
    after = finish_run(api.store, team_id, started=STARTED + timedelta(hours=1))
    found = api.get(f"{run_path(after.run_id, 'compare')}?with={before.run_id}")
    moved = [(flow["before"], flow["after"], flow["traces"]) for flow in found["flows"]]
    assert sorted(moved) == [(0, 0, 4), (1, 1, 4), (2, 2, 4)]


def test_runs_of_other_teams_are_refused_in_the_same_words(
    api: Api, team_id: int, other_team_id: int
) -> None:
    run, theirs = finish_run(api.store, team_id), finish_run(api.store, other_team_id)
    absent = run_record(other_team_id, started=STARTED + timedelta(days=9)).run_id
    path = run_path(run.run_id, "compare")
    for other in (theirs.run_id, absent, "nonsense", ""):
        error = api.error(422, "GET", f"{path}?with={other}")
        assert error["message"] == f"with: {other!r} is no run of team {team_id}"
    assert api.error(422, "GET", path)["field"] == "with"
    absent = run_record(team_id, started=STARTED + timedelta(days=9)).run_id
    api.error(404, "GET", f"{path}?with={absent}")


# -- what an address says ------------------------------------------------------------------------


def test_groups_become_clusters_or_leaves() -> None:
    found = [trace_filter(TableQuery(group=i), LEVELS) for i in range(6)]
    assert [one.cluster_id for one in found] == [0, 1, None, None, None, None]
    assert [one.leaf_ids for one in found] == [None, None, (4, 5), (3,), (4,), (5,)]
    assert trace_filter(TableQuery(), LEVELS).cluster_id is None
    with pytest.raises(NotFoundError, match="run the run has no group 6"):
        trace_filter(TableQuery(group=6), LEVELS)


def test_lassos() -> None:
    assert parse_lasso("") == ()
    assert parse_lasso("0,0,1.5,-2,3e-1,+4.") == ((0, 0), (1.5, -2), (0.3, 4))
    assert len(parse_lasso(",".join(["0,1"] * MAX_CORNERS))) == MAX_CORNERS


@pytest.mark.parametrize(
    "text",
    [
        ",",
        "0,0,1,1",
        "0,0,1,1,2",
        "0,0,1,1,2,",
        "0,0,1,1,2,inf",
        "0,0,1,1,2,1e10",
        "0,0,1,1,2,1e999",
        "0,0,1,1,2, 3",
        "0,0,1,1,2,1_0",
        "0,0,1,1,2,٣",
        ",".join(["0,1"] * (MAX_CORNERS + 1)),
    ],
)
def test_what_is_no_lasso(text: str) -> None:
    with pytest.raises(InvalidInputError, match=r"^lasso: "):
        parse_lasso(text)


@given(st.text() | st.text("0123456789.,-+e "))
def test_any_text_is_a_lasso_or_is_none(text: str) -> None:
    corners: tuple[tuple[float, float], ...] = ()
    with suppress(InvalidInputError):
        corners = parse_lasso(text)
        assert len(corners) >= 3 or not text
    assert all(abs(value) <= 1e9 for corner in corners for value in corner)


QUERIES = st.fixed_dictionaries(
    {},
    optional={
        "group": st.integers(-1, 3).map(str) | st.text(max_size=5),
        "q": st.text(max_size=20),
        "model": st.text(max_size=20),
        "tool": st.text(max_size=20),
        "user": st.text(max_size=20),
        "error": st.sampled_from(["1", "0", "", "x"]),
        "outliers": st.sampled_from(["1", "0", "true", "2"]),
        "day": st.dates().map(str) | st.text(max_size=10),
        "lasso": st.lists(st.floats().map(str), max_size=12).map(",".join),
        "sort": st.sampled_from(["cost", "newest", "", "x"]),
        "page": st.integers().map(str) | st.text(max_size=3),
        "size": st.integers(-1, 1001).map(str),
    },
)


@pytest.fixture(scope="module")
def shared(store: Store, tmp_path_factory: pytest.TempPathFactory) -> tuple[Api, str]:
    """An application with a run that nobody changes."""
    api = Api(store, Settings(data_dir=tmp_path_factory.mktemp("shared")))
    run, _ = mapped_run(store, 902)
    return api, run_path(run.run_id, "traces")


@settings(max_examples=50)
@given(QUERIES)
def test_any_query_of_strangers_has_an_answer(
    shared: tuple[Api, str], query: dict[str, str]
) -> None:
    api, path = shared
    answer = api.ask("GET", path, params=query)
    assert answer.status_code in (200, 404, 422), answer.text
    if answer.status_code == 422:
        assert answer.json()["error"]["field"] in query
