"""The event has the contract's keys with the contract's types, and says nothing twice."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import chain
from typing import Any

import pytest

from trace_clustering.cluster_event import RunParts, event_properties
from trace_clustering.models import (
    ClusteredRun,
    ClusteringDone,
    ClusterResult,
    EmbeddingsFound,
    Excluded,
    KQuality,
    OptimalK,
    RunParameters,
    SampleRef,
    VectorFamily,
    Window,
)
from trace_clustering.models.findings import OF_RUN, Outlier

RUN_ID = "team_123_2025-01-23T00:00:00Z"
CLUSTERS = [["trace_1", "trace_2", "trace_5"], ["trace_50", 'quo"te ñ 你'], ["x"]]
RUN = ClusteredRun(
    parameters=RunParameters(
        123,
        Window("2025-01-16T00:00:00Z", "2025-01-23T00:00:00Z"),
        2000,
        3,
        6,
        "2025-01-23T00:00:00+00:00",
        None,
    ),
    found=EmbeddingsFound(
        RUN_ID, 77, 1_737_590_400_000_000, 1847, Excluded(1, 2, 3), VectorFamily("model", 256)
    ),
    sample=SampleRef(123, RUN_ID, 1, 6, 256),
    optimal=OptimalK(3, [KQuality(3, 0.42, 1234.56), KQuality(4, 0.4, 1000.0)]),
    done=ClusteringDone(
        3, 0.42, 1234.56, [ClusterResult(0, 3), ClusterResult(1, 2), ClusterResult(2, 1)]
    ),
)


def event(run: ClusteredRun = RUN) -> dict[str, Any]:
    properties: dict[str, Any] = json.loads(event_properties(run, "2025-01-23T00:00:00Z", CLUSTERS))
    return properties


def test_every_key_of_the_contract() -> None:
    contract = {
        "$ai_clustering_version": "v1",
        "$ai_clustering_run_id": RUN_ID,
        "$ai_team_id": 123,
        "$ai_timestamp": "2025-01-23T00:00:00Z",
        "$ai_window_start": "2025-01-16T00:00:00Z",
        "$ai_window_end": "2025-01-23T00:00:00Z",
        "$ai_total_traces_analyzed": 1847,
        "$ai_sampled_traces_count": 6,
        "$ai_optimal_k": 3,
        "$ai_silhouette_score": 0.42,
        "$ai_inertia": 1234.56,
        "$ai_clusters": [
            {"cluster_id": 0, "size": 3, "trace_ids": ["trace_1", "trace_2", "trace_5"]},
            {"cluster_id": 1, "size": 2, "trace_ids": ["trace_50", 'quo"te ñ 你']},
            {"cluster_id": 2, "size": 1, "trace_ids": ["x"]},
        ],
    }
    found = event()
    assert {name: found[name] for name in contract} == contract
    assert list(found)[: len(contract)] == list(contract)
    for name, value in contract.items():
        assert type(found[name]) is type(value)


def test_keys_that_were_added() -> None:
    found = event()
    assert found["$ai_scores_by_k"] == [
        {"k": 3, "silhouette_score": 0.42, "inertia": 1234.56},
        {"k": 4, "silhouette_score": 0.4, "inertia": 1000.0},
    ]
    assert found["$ai_excluded_traces"] == {
        "other_model": 1,
        "other_dimensions": 2,
        "invalid_vector": 3,
    }
    assert found["$ai_embedding_model"] == "model"
    assert found["$ai_embedding_dimensions"] == 256
    assert found["$ai_clustering_parameters"] == {
        "max_samples": 2000,
        "min_k": 3,
        "max_k": 6,
        "seed": 77,
    }


def test_the_text_is_small_and_the_same_every_time() -> None:
    text = event_properties(RUN, "2025-01-23T00:00:00Z", CLUSTERS)
    assert text == event_properties(RUN, "2025-01-23T00:00:00Z", [tuple(c) for c in CLUSTERS])
    assert "你" in text
    assert ": " not in text
    assert "\n" not in text


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_what_is_no_json_is_never_written(score: float) -> None:
    broken = replace(RUN, done=replace(RUN.done, inertia=score))
    with pytest.raises(ValueError, match="JSON"):
        event(broken)


GROUPS = [
    {"group_id": 0, "parent": None, "first_level": 0, "last_level": 1, "size": 3},
    {"group_id": 3, "parent": 1, "first_level": 1, "last_level": 1, "size": 2},
]
PARTS = RunParts(
    findings={
        "names": {
            OF_RUN: {"source": "keywords"},
            0: {"title": "Late card deliveries", "keywords": ["card"]},
            3: {"title": "Refunds of fees", "keywords": ["fee"]},
        },
        "facts": {OF_RUN: {"traces": 6}, 0: {"traces": 3}, 3: {"traces": 2}},
        "levels": {OF_RUN: {"sizes": [3, 4], "groups": GROUPS, "merges": [[0, 1, 0.5]]}},
        "quality": {OF_RUN: {"verdict": "good", "stability": [0.9, 0.8, 0.7]}},
        "outliers": {OF_RUN: {"threshold": 2.0, "share": 0.2}},
        "map": {OF_RUN: {"method": "pacmap", "centroids": [[0, 0], [1, 1], [0, 1]]}},
    },
    leaves={"trace_1": 0, "trace_2": 0, "trace_5": 0, "trace_50": 3, 'quo"te ñ 你': 3, "x": 2},
    points={trace_id: (0.25, i) for i, trace_id in enumerate(chain(*CLUSTERS))},
    outliers=[Outlier("x", 2, 3.5, "far")],
)


def told(parts: RunParts) -> dict[str, Any]:
    properties: dict[str, Any] = json.loads(
        event_properties(RUN, "2025-01-23T00:00:00Z", CLUSTERS, parts)
    )
    return properties


def test_what_a_run_tells_beyond_its_clusters() -> None:
    found = told(PARTS)
    first = found["$ai_clusters"][0]
    assert first["trace_ids"] == CLUSTERS[0]
    assert (first["title"], first["facts"], first["stability"]) == (
        "Late card deliveries",
        {"traces": 3},
        0.9,
    )
    assert "title" not in found["$ai_clusters"][1]
    levels = found["$ai_levels"]
    assert levels["groups"][0] == GROUPS[0]
    assert levels["groups"][1]["title"] == "Refunds of fees"
    assert levels["leaf_ids"] == [[0, 0, 0], [3, 3], [2]]
    assert found["$ai_map"]["points"][1] == [[0.25, 3], [0.25, 4]]
    assert found["$ai_outliers"] == {
        "threshold": 2.0,
        "share": 0.2,
        "traces": [{"trace_id": "x", "cluster_id": 2, "score": 3.5, "reason": "far"}],
    }
    assert found["$ai_quality"]["verdict"] == "good"
    assert found["$ai_facts"] == {"traces": 6}
    assert found["$ai_missing_parts"] == {}


def test_what_could_not_be_made_is_absent_with_the_reason() -> None:
    found = told(RunParts(missing={"map": "no memory"}))
    assert found["$ai_missing_parts"] == {"map": "no memory"}
    assert set(found) - set(event()) == {"$ai_missing_parts"}
    assert found["$ai_clusters"] == event()["$ai_clusters"]


def test_a_run_that_was_begun_by_an_older_version_tells_no_more() -> None:
    assert "$ai_missing_parts" not in event()
