"""Lines in, events stored, vectors made: bad lines are told, nothing is stored twice."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.builders import WINDOW, draw
from tests.fakes import FakeEmbedder
from trace_clustering.ingestion import IngestReport, RejectedLine, ingest_lines
from trace_clustering.store import Store
from trace_clustering.summarization import Summarization

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def line(trace_id: str, text: str = "hello", **changes: Any) -> bytes:
    trace = {
        "trace_id": trace_id,
        "timestamp": "2026-11-16T09:00:00Z",
        "messages": [{"role": "user", "content": text}],
    }
    return json.dumps(trace | changes).encode() + b"\n"


def load(store: Store, team_id: int, *lines: bytes, **options: Any) -> IngestReport:
    return ingest_lines(store.events, team_id, lines, now=NOW, **options)


def contents(store: Store, team_id: int) -> list[tuple[Any, ...]]:
    """What is embedded of a team's traces, once they are summarized."""
    pending = store.traces.pending(team_id, limit=1000)
    Summarization(store, FakeEmbedder()).summarize(team_id, pending)
    rows = store._database.select(
        "SELECT document_id, content, inserted_at, metadata FROM document_embeddings "
        "WHERE team_id = {team_id:Int64} AND rendering = 'llma_trace_minimal' "
        "ORDER BY document_id, inserted_at",
        team_id=team_id,
    )
    return [tuple(row.values()) for row in rows]


def latest_texts(store: Store, team_id: int) -> dict[str, str]:
    return {row[0]: row[1] for row in contents(store, team_id)}


def test_traces_are_stored_with_their_text(any_store: Store, team_id: int) -> None:
    report = load(any_store, team_id, line("a", "how do I pay?"), line("b", model="gpt-4o"))
    assert report == IngestReport(received=2, stored=2, unchanged=0, ignored=0, rejected=[])
    (first, second) = contents(any_store, team_id)
    assert draw(any_store, team_id).ids == ["a", "b"]
    assert "how do I pay?" in first[1]
    assert json.loads(first[3])["opening"] == "how do I pay?"
    assert json.loads(second[3])["model"] == "gpt-4o"
    family = any_store.embeddings.find_family(team_id, WINDOW, any_store.embeddings.now_micros())
    assert family is not None
    assert (family.model_name, family.dimensions) == ("fake-model", 8)


def test_bad_lines_are_told_by_number_and_the_rest_is_loaded(
    any_store: Store, team_id: int
) -> None:
    report = load(
        any_store,
        team_id,
        line("a"),
        b"not json\n",
        b"\n",
        line("", "no id"),
        b"\xff\xfe\n",
        line("b", timestamp="2026-11-16T09:00:00"),
        line("c"),
        b"[1]",
        first_line=101,
    )
    assert (report.received, report.stored, report.unchanged) == (7, 2, 0)
    assert [(bad.line, bad.field) for bad in report.rejected] == [
        (102, "line"),
        (104, "trace_id"),
        (105, "line"),
        (106, "timestamp"),
        (108, "line"),
    ]
    assert all(bad.problem for bad in report.rejected)
    assert list(latest_texts(any_store, team_id)) == ["a", "c"]


@pytest.mark.parametrize("lines", [[], [b""], [b"\n", b"  \n", b"\r\n"]])
def test_nothing_to_load(store: Store, team_id: int, lines: list[bytes]) -> None:
    assert load(store, team_id, *lines) == IngestReport(0, 0, 0, 0, [])


def test_nothing_but_bad_lines(store: Store, team_id: int) -> None:
    report = load(store, team_id, b"{}")
    assert report.stored == 0
    assert report.rejected == [RejectedLine(1, "line", report.rejected[0].problem)]


def test_loading_twice_changes_nothing(any_store: Store, team_id: int) -> None:
    lines = [line(f"t-{i}", f"text {i}", timestamp=f"2026-11-1{i}T09:00:00Z") for i in range(9)]
    assert load(any_store, team_id, *lines).stored == 9
    before = contents(any_store, team_id)
    assert load(any_store, team_id, *lines) == IngestReport(9, 0, 9, 0, [])
    assert load(any_store, team_id, lines[4]) == IngestReport(1, 0, 1, 0, [])
    assert contents(any_store, team_id) == before


def test_a_changed_trace_replaces_the_one_before(any_store: Store, team_id: int) -> None:
    load(any_store, team_id, line("a", "old words"), line("b"))
    report = load(any_store, team_id, line("a", "new words"), line("b"))
    assert report == IngestReport(2, 1, 1, 0, [])
    assert "new words" in latest_texts(any_store, team_id)["a"]
    drawn = draw(any_store, team_id)
    assert drawn.ids == ["a", "b"]
    expected = FakeEmbedder().embed([latest_texts(any_store, team_id)["a"]])[0].tolist()
    assert drawn.vector_of("a") == expected


def test_a_file_with_two_versions_of_a_trace_settles(any_store: Store, team_id: int) -> None:
    """Its versions may lie in different batches; loading it again must not swap them for ever."""
    batches = [line("a", "first words"), line("a", "last words")]
    stored = [[load(any_store, team_id, batch).stored for batch in batches] for _ in range(3)]
    assert stored == [[1, 1], [0, 0], [0, 0]]
    assert "last words" in latest_texts(any_store, team_id)["a"]


def test_within_a_batch_the_last_line_wins(store: Store, team_id: int) -> None:
    report = load(store, team_id, line("a", "first"), line("b"), line("a", "last"))
    assert (report.received, report.stored) == (3, 2)
    assert "last" in latest_texts(store, team_id)["a"]
    assert len(contents(store, team_id)) == 2


def test_kinds_may_be_mixed(store: Store, team_id: int) -> None:
    event = {
        "event": "$ai_generation",
        "timestamp": "2026-11-16T09:00:00Z",
        "distinct_id": "anna",
        "properties": {"$ai_trace_id": "b", "$ai_input": [{"role": "user", "content": "hi"}]},
    }
    page_view = {**event, "event": "$pageview", "properties": {}}
    lines = [line("a"), json.dumps(event).encode(), json.dumps(page_view).encode()]
    report = load(store, team_id, *lines)
    assert (report.received, report.stored, report.ignored) == (3, 2, 1)
    assert latest_texts(store, team_id) == {"a": "hello", "b": "hi"}


def test_long_texts(any_store: Store, team_id: int) -> None:
    text = "wörter und zeichen " * 2632  # 50,008 characters
    assert len(text) > 50_000
    assert load(any_store, team_id, line("a", text)).stored == 1
    assert load(any_store, team_id, line("a", text)).unchanged == 1
    assert "wörter" in latest_texts(any_store, team_id)["a"]


@pytest.mark.parametrize(
    "text", ["\x00", "\ud800", "{x:String}", "'; DROP TABLE events", "\\'", ""]
)
def test_hostile_texts_are_only_texts(store: Store, team_id: int, text: str) -> None:
    assert load(store, team_id, line("a", text)).stored == 1
    assert load(store, team_id, line("a", text)).unchanged == 1


def test_teams_do_not_share_traces(store: Store, team_id: int, other_team_id: int) -> None:
    load(store, team_id, line("a"))
    assert load(store, other_team_id, line("a")).stored == 1
