"""The queries of the documentation run, on both engines, and say what they are to say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.builders import finish_run
from tests.store.received import facts
from trace_clustering.store import Store, TraceRow
from trace_clustering.store.times import from_micros

DOCS = Path(__file__).parents[2] / "docs"
QUERIES = [
    pytest.param(query, id=f"{path.stem}-{number}")
    for path in sorted(DOCS.glob("*.md"))
    for number, query in enumerate(re.findall(r"```sql\n(.*?)```", path.read_text(), re.DOTALL))
]


def ask(store: Store, query: str, team_id: int) -> list[dict[str, Any]]:
    return store._database.select(query.replace("team_id = 1", f"team_id = {team_id}"))


@pytest.mark.parametrize("query", QUERIES)
def test_a_documented_query_finds_something(any_store: Store, team_id: int, query: str) -> None:
    run = finish_run(any_store, team_id)
    clusters = any_store.runs.read_assignments(team_id, run.run_id, run.optimal_k)
    any_store.traces.record(
        team_id,
        [
            TraceRow(facts(one), "title", "summarized", seen_events=1, seen_until=from_micros(1))
            for cluster in clusters
            for one in cluster.trace_ids
        ],
    )
    rows = ask(any_store, query, team_id)
    # Either the run, or each of its clusters.
    assert len(rows) == (len(clusters) if "cluster_id" in query else 1)


def test_there_are_some() -> None:
    assert QUERIES
