"""What runs tell beyond their clusters: what was written is read, team by team."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from tests.builders import INSIDE, add, document, draw, finish_run, names, run_record, text_of
from tests.store.received import facts
from trace_clustering.errors import StoreError
from trace_clustering.models import SampleRef
from trace_clustering.models.findings import OF_RUN, Amounts, Outlier
from trace_clustering.models.traces import TraceFacts
from trace_clustering.store import KnownOfGroup, Store, TraceRow

DAY = timedelta(days=1)


def assigned(
    store: Store, team_id: int, labels: Sequence[int], moments: Sequence[datetime] | None = None
) -> tuple[str, list[str]]:
    """A run of traces in these clusters; its id and theirs, in the order of the sample."""
    times = moments or [INSIDE] * len(labels)
    ids = names(len(labels))
    add(store, team_id, [document(i, timestamp=t) for i, t in zip(ids, times, strict=True)])
    sample = draw(store, team_id).rows
    assert sample.trace_ids == ids
    run_id = run_record(team_id).run_id
    distances = np.arange(len(labels), dtype=np.float32)
    store.runs.write_assignments(team_id, run_id, sample, np.array(labels), distances)
    return run_id, ids


def know(store: Store, team_id: int, *known: TraceFacts) -> None:
    store.traces.record(
        team_id, [TraceRow(one, "A refund", "summarized", 1, INSIDE) for one in known]
    )


def test_labels_come_in_the_order_of_the_sample(any_store: Store, team_id: int) -> None:
    labels = [2, 0, 1, 0]
    run_id, _ = assigned(any_store, team_id, labels, [INSIDE + i * DAY / 100 for i in range(4)])
    assert any_store.runs.read_labels(SampleRef(team_id, run_id, 1, 4, 3), 3).tolist() == labels
    with pytest.raises(StoreError, match="4 of 5"):
        any_store.runs.read_labels(SampleRef(team_id, run_id, 1, 5, 3), 3)


def test_a_part_is_read_as_it_was_written(
    any_store: Store, team_id: int, other_team_id: int
) -> None:
    findings = any_store.findings
    assert findings.read(team_id, "run", "names") == {}
    said: dict[int, dict[str, Any]] = {OF_RUN: {"n": 1.5}, 0: {"title": "'ñ\\ \n🙂"}, 7: {}}
    for _ in range(2):
        findings.write(team_id, "run", "names", said)
    assert findings.read(team_id, "run", "names") == said
    findings.write(team_id, "run", "names", {0: {"title": "later"}})
    assert findings.read(team_id, "run", "names") == {**said, 0: {"title": "later"}}
    assert findings.read(team_id, "run", "facts") == {}
    assert findings.read(team_id, "other", "names") == {}
    assert findings.read(other_team_id, "run", "names") == {}


def test_what_was_written_of_each_trace(any_store: Store, team_id: int) -> None:
    run_id, ids = assigned(any_store, team_id, [0, 1, 0])
    findings = any_store.findings
    for _ in range(2):
        findings.write_leaves(team_id, run_id, ids, np.array([0, 1, 3]))
        findings.write_outliers(
            team_id, run_id, ids, np.array([0.5, 2.5, 3.5]), ["", "far", "farther"]
        )
        findings.write_map(
            team_id, run_id, ids, np.array([[0, 1], [0.2332, -0.1], [4, 5]], np.float32)
        )
    assert findings.leaves(team_id, run_id) == dict(zip(ids, [0, 1, 3], strict=True))
    assert findings.points(team_id, run_id)[ids[1]] == (0.2332, -0.1)
    assert findings.outliers(team_id, run_id) == [
        Outlier(ids[2], 0, 3.5, "farther"),
        Outlier(ids[1], 1, 2.5, "far"),
    ]


def test_texts_come_in_the_order_of_the_sample(any_store: Store, team_id: int) -> None:
    run_id, ids = assigned(any_store, team_id, [0, 1, 0])
    found = any_store.findings.texts(team_id, run_id)
    assert [one.trace_id for one in found] == ids
    assert [one.content for one in found] == [text_of(i) for i in ids]
    assert {one.user_id for one in found} == {""}
    facts_of_one = '{"opening": "Hello", "user_id": "ada"}'
    add(any_store, team_id, [document(ids[1], metadata=facts_of_one)])
    again = any_store.findings.texts(team_id, run_id)
    assert [(one.opening, one.user_id) for one in again][1] == ("Hello", "ada")


def known_of(store: Store, team_id: int, paths: dict[int, list[int]]) -> dict[int, KnownOfGroup]:
    moments = [INSIDE, INSIDE, INSIDE + 2 * DAY, INSIDE + 2 * DAY]
    run_id, ids = assigned(store, team_id, [0, 0, 0, 1], moments)
    store.findings.write_leaves(team_id, run_id, ids, np.array([2, 2, 3, 1]))
    one = facts(ids[0])
    know(
        store,
        team_id,
        one,
        replace(one, trace_id=ids[1], cost_usd=0.1, duration=3.25, is_error=True, user_id="bob"),
        replace(
            one, trace_id=ids[2], cost_usd=None, duration=0.0, tools=("search",), session_id=None
        ),
    )
    return store.findings.facts(team_id, run_id, paths)


def test_facts_of_all_groups_in_one_query(any_store: Store, team_id: int) -> None:
    found = known_of(any_store, team_id, {2: [2], 3: [3]})
    assert sorted(found) == [OF_RUN, 0, 1, 2, 3]
    assert [found[group].traces for group in sorted(found)] == [4, 3, 1, 2, 1]
    of_first = found[0]
    assert of_first.cost_usd is not None
    assert of_first.cost_usd.total == pytest.approx(0.1123)
    assert of_first.cost_usd.mean == pytest.approx(0.1123 / 2)
    assert of_first.latency_p50 == 2.25
    assert of_first.latency_p95 == pytest.approx(3.15)
    assert (of_first.known, of_first.errors) == (3, 1)
    assert (of_first.users, of_first.sessions) == (2, 1)
    assert (of_first.input_tokens, of_first.output_tokens) == (3600, 102)
    assert of_first.models == [("claude", 3), ("gpt-4o", 3)]
    assert of_first.tools == [("search", 3), ("refund", 2)]
    start = INSIDE.date()
    days = [(start + i * DAY).isoformat() for i in range(3)]
    assert of_first.by_day == list(zip(days, [2, 0, 1], strict=True))
    assert (of_first.first_seen, of_first.last_seen) == (INSIDE, INSIDE + 2 * DAY)
    assert (found[3].cost_usd, found[3].latency_p50) == (None, None)


def test_a_group_of_which_nothing_is_known(store: Store, team_id: int) -> None:
    of_last = known_of(store, team_id, {})[1]
    assert of_last == KnownOfGroup(
        traces=1,
        known=0,
        users=0,
        sessions=0,
        cost_usd=None,
        latency_p50=None,
        latency_p95=None,
        input_tokens=None,
        output_tokens=None,
        errors=0,
        models=[],
        tools=[],
        first_seen=INSIDE + 2 * DAY,
        last_seen=INSIDE + 2 * DAY,
        by_day=[((INSIDE + 2 * DAY).date().isoformat(), 1)],
    )


def test_facts_are_of_one_team(store: Store, team_id: int, other_team_id: int) -> None:
    run = finish_run(store, team_id)
    assert store.findings.facts(other_team_id, run.run_id, {}) == {}
    assert isinstance(known_of(store, other_team_id, {})[0].cost_usd, Amounts)
