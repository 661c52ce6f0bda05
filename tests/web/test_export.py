"""A run's traces as a file: read back by those who will read it, whatever strangers wrote."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import finish_run, run_record
from tests.web.test_api import Api
from trace_clustering.errors import StoreError
from trace_clustering.models.browsing import TraceFilter, TraceOrder
from trace_clustering.settings import Settings
from trace_clustering.store import Store
from trace_clustering.web import export_routes
from trace_clustering.web.export import SCHEMA, Format, export_chunks
from trace_clustering.web.services import Services

FORMATS: tuple[Format, ...] = ("parquet", "csv", "jsonl")
OLD: dict[str, Any] = {"$ai_clusters": [{"cluster_id": 0, "size": 2, "trace_ids": ["a", "b"]}]}
NAMED: dict[str, Any] = {
    "$ai_clusters": [{"cluster_id": 0, "title": "Refunds"}, {"cluster_id": 1, "title": "Bags"}],
    "$ai_levels": {"groups": [{"group_id": 0}, {"group_id": 1}, {"group_id": 2, "title": "Late"}]},
}
ROW: dict[str, Any] = {
    "trace_id": "a",
    "timestamp": datetime(2026, 11, 16, 9, 0, 0, 5_999, UTC),
    "cluster_id": 0,
    "distance": 0.25,
    "leaf_id": 2,
    "x": -1.5,
    "y": 2.0,
    "outlier_score": float("nan"),
    "is_outlier": True,
    "outlier_reason": "far",
    "title": 'Where is it?\rNow,\n"please"',
    "opening": "Where is it, please?",
    "models": ["gpt-4o", "claude"],
    "tools": [],
    "input_tokens": 2**53 + 1,
    "output_tokens": None,
    "cost_usd": -0.5,
    "latency_seconds": 1.25,
    "errors": 2,
    "is_error": False,
    "user_id": "",
    "session_id": None,
}


def batch(*rows: dict[str, Any]) -> pa.RecordBatch:
    """As the store would have them: without the columns that are looked up."""
    fields = [field for field in SCHEMA if field.name in ROW]
    return pa.RecordBatch.from_pylist(list(rows), pa.schema(fields))


def written(
    file_format: Format, *batches: pa.RecordBatch, properties: dict[str, Any] = NAMED
) -> bytes:
    return b"".join(export_chunks(batches, properties, file_format))


def read(file_format: Format, content: bytes) -> list[dict[str, Any]]:
    if file_format == "parquet":
        table = pq.read_table(io.BytesIO(content))
        assert table.schema.equals(SCHEMA)
        return cast("list[dict[str, Any]]", table.to_pylist())
    text = content.decode()
    if file_format == "csv":
        return list(csv.DictReader(io.StringIO(text, newline="")))
    return [json.loads(line) for line in text.split("\n")[:-1]]


def test_parquet_holds_values_and_nulls() -> None:
    (row,) = read("parquet", written("parquet", batch(ROW)))
    assert row.pop("outlier_score") != 0
    expected = {**ROW, "cluster_title": "Refunds", "leaf_title": "Late", "user_id": None}
    del expected["outlier_score"]
    assert row == expected


def test_lines_of_json_hold_values_and_nulls() -> None:
    (row,) = read("jsonl", written("jsonl", batch(ROW)))
    assert list(row) == SCHEMA.names
    assert row["timestamp"] == "2026-11-16T09:00:00.005Z"
    assert (row["outlier_score"], row["user_id"], row["output_tokens"]) == (None, None, None)
    assert (row["title"], row["models"], row["tools"]) == (ROW["title"], ROW["models"], [])
    assert (row["input_tokens"], row["cost_usd"]) == (2**53 + 1, -0.5)
    assert (row["is_outlier"], row["is_error"]) == (True, False)


def test_csv_holds_values_and_empty_cells() -> None:
    (row,) = read("csv", written("csv", batch(ROW)))
    assert list(row) == SCHEMA.names
    assert row["timestamp"] == "2026-11-16T09:00:00.005Z"
    assert row["title"] == ROW["title"]
    assert (row["models"], row["tools"], row["user_id"]) == ("gpt-4o; claude", "", "")
    # Negative ones are numbers, no formulas.
    assert (row["x"], row["cost_usd"], row["outlier_score"]) == ("-1.5", "-0.5", "")
    assert (row["is_outlier"], row["is_error"]) == ("true", "false")


@pytest.mark.parametrize("file_format", FORMATS)
def test_rows_of_all_batches_in_order(file_format: Format) -> None:
    many = [{**ROW, "trace_id": f"t{i}"} for i in range(4_100)]
    content = written(file_format, batch(*many[:4_050]), batch(), batch(*many[4_050:]))
    assert [row["trace_id"] for row in read(file_format, content)] == [
        row["trace_id"] for row in many
    ]


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("batches", [(), (batch(),)])
def test_no_rows_are_a_file_too(file_format: Format, batches: tuple[pa.RecordBatch, ...]) -> None:
    content = written(file_format, *batches)
    assert read(file_format, content) == []
    assert file_format != "csv" or content.decode().strip().split(",") == SCHEMA.names


@pytest.mark.parametrize("file_format", FORMATS)
def test_what_an_old_run_lacks_is_null(file_format: Format) -> None:
    bare = pa.RecordBatch.from_pylist(
        [{"trace_id": "a", "cluster_id": 0, "leaf_id": None}, {"trace_id": "b", "cluster_id": 0}]
    )
    rows = read(file_format, written(file_format, bare, properties=OLD))
    assert [row["trace_id"] for row in rows] == ["a", "b"]
    unknown = set(SCHEMA.names) - {"trace_id", "cluster_id"}
    assert {row[name] for row in rows for name in unknown} <= {None, ""}


def test_a_cluster_that_is_a_leaf_lends_its_title() -> None:
    rows = read("jsonl", written("jsonl", batch({**ROW, "cluster_id": 1, "leaf_id": 1})))
    assert [(row["cluster_title"], row["leaf_title"]) for row in rows] == [("Bags", "Bags")]


@pytest.mark.parametrize("start", [*"=+-@\t\r\n", "＝", "＠"])
def test_no_cell_is_a_formula(start: str) -> None:
    hostile = f"{start}cmd|' /C calc'!A0"
    row = {**ROW, "trace_id": hostile, "user_id": hostile, "models": [hostile, "-1"]}
    (found,) = read("csv", written("csv", batch(row)))
    assert found["trace_id"] == found["user_id"] == f"'{hostile}"
    assert found["models"] == f"'{hostile}; '-1"
    (found,) = read("jsonl", written("jsonl", batch(row)))
    assert found["trace_id"] == hostile


@pytest.mark.parametrize("mark", [";", ";;", " ; ", "\t", "\n", ";\r\n "])
@pytest.mark.parametrize("start", "=+-@＝")
def test_no_formula_begins_inside_a_cell(mark: str, start: str) -> None:
    """For a program that divides the file elsewhere."""
    row = {**ROW, "title": f"hi{mark}{start}1+1;", "tools": ["a", f"{start}b"]}
    content = written("csv", batch(row))
    (found,) = read("csv", content)
    assert found["title"] == f"hi{mark}'{start}1+1;"
    assert found["tools"] == f"a; '{start}b"
    for divider in ";\t":
        lines = csv.reader(io.StringIO(content.decode()), delimiter=divider)
        assert not any(cell.strip().startswith(start) for line in lines for cell in line)


def test_a_cell_of_blanks_takes_linear_time() -> None:
    text = f"x{' ;' * 60_000}y"
    (found,) = read("csv", written("csv", batch({**ROW, "title": text})))
    assert found["title"] == text


@settings(max_examples=40)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_texts_of_strangers_come_back(text: str) -> None:
    row = batch({**ROW, "title": text})
    for file_format in FORMATS:
        (found,) = read(file_format, written(file_format, row))
        if file_format == "csv":
            assert found["title"].replace("'", "") == text.replace("'", "")
        else:
            assert found["title"] == text


# -- the route -----------------------------------------------------------------------------------


@pytest.fixture
def api(store: Store, tmp_path: Path) -> Api:
    return Api(store, Settings(data_dir=tmp_path))


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_run_as_a_file(api: Api, team_id: int, file_format: Format) -> None:
    run = finish_run(api.store, team_id)
    answer = api.ask("GET", f"/api/v1/runs/{run.run_id}/export?format={file_format}")
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].endswith(f'.{file_format}"')
    rows = read(file_format, answer.content)
    # Closest first, as in the table of all.
    assert [float(row["distance"]) for row in rows] == list(range(12))
    assert [int(row["cluster_id"]) for row in rows] == [0, 1, 2] * 4


def test_what_a_table_shows_is_what_is_exported(api: Api, team_id: int) -> None:
    run = finish_run(api.store, team_id)
    table = "group=1&sort=unusual"
    shown = api.get(f"/api/v1/runs/{run.run_id}/traces?{table}")
    answer = api.ask("GET", f"/api/v1/runs/{run.run_id}/export?{table}&page=9&format=csv")
    rows = read("csv", answer.content)
    assert [row["trace_id"] for row in rows] == [one["trace_id"] for one in shown["traces"]]
    assert len(rows) == shown["total"] == 4


def test_runs_that_cannot_be_exported(api: Api, team_id: int) -> None:
    run = run_record(team_id, status="skipped", reason="too few")
    path = f"/api/v1/runs/{run.run_id}/export"
    error = api.error(404, "GET", path)
    assert error["message"] == f"there is no run {run.run_id}"
    api.store.runs.record(run)
    error = api.error(404, "GET", path)
    assert (error["message"] or "").endswith("has no clusters, its status is skipped: too few")
    assert api.error(422, "GET", f"{path}?format=xlsx")["field"] == "format"
    assert api.error(422, "GET", "/api/v1/runs/nonsense/export")["field"] == "run_id"


@dataclass
class BreakingBrowsing:
    """Rows of a store that is gone after some."""

    breaks_after: int

    def rows(
        self, team_id: int, run_id: str, which: TraceFilter, order: TraceOrder
    ) -> Iterator[pa.RecordBatch]:
        for _ in range(self.breaks_after):
            yield batch(ROW)
        raise StoreError("gone")


def broken(api: Api, rows: int) -> Api:
    """The same application, its store gone after so many batches of rows."""
    services: Services = api.app.state.services
    store = SimpleNamespace(
        browsing=BreakingBrowsing(rows), events=api.store.events, runs=api.store.runs
    )
    api.app.state.services = replace(services, store=cast("Store", store))
    return api


@pytest.mark.parametrize("file_format", FORMATS)
def test_nothing_is_sent_of_a_file_that_cannot_be_made_whole(
    api: Api, team_id: int, file_format: Format
) -> None:
    run = finish_run(api.store, team_id)
    path = f"/api/v1/runs/{run.run_id}/export?format={file_format}"
    assert broken(api, 2).error(503, "GET", path)["message"] == "gone"


def test_a_large_file_comes_whole(api: Api, team_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_routes, "_IN_MEMORY", 100)
    monkeypatch.setattr(export_routes, "_PIECE", 99)
    run = finish_run(api.store, team_id)
    answer = api.ask("GET", f"/api/v1/runs/{run.run_id}/export")
    assert len(read("jsonl", answer.content)) == 12
    assert int(answer.headers["Content-Length"]) == len(answer.content)
