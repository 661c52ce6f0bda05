"""The event has the contract's keys with the contract's types, and says nothing twice."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from trace_clustering.cluster_event import event_properties
from trace_clustering.models import (
    ClusteringDone,
    ClusterResult,
    EmbeddingsFound,
    EmitInput,
    Excluded,
    KQuality,
    OptimalK,
    RunParameters,
    SampleRef,
    VectorFamily,
    Window,
)

RUN_ID = "team_123_2025-01-23T00:00:00Z"
CLUSTERS = [["trace_1", "trace_2", "trace_5"], ["trace_50", 'quo"te ñ 你'], ["x"]]
RUN = EmitInput(
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


def event(run: EmitInput = RUN) -> dict[str, Any]:
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
