"""The ``$ai_trace_clusters`` event: the contract's keys and types, and those we add. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from trace_clustering.constants import CLUSTERING_VERSION
from trace_clustering.models import EmitInput


def event_properties(run: EmitInput, timestamp: str, clusters: Sequence[Sequence[str]]) -> str:
    """JSON text of the event's properties.

    Args:
        run: what the activities before found.
        timestamp: RFC 3339, of the run.
        clusters: trace ids of cluster 0, 1, …, each closest to its centroid first.
    """
    found, done, parameters = run.found, run.done, run.parameters
    family = found.family
    properties = {
        "$ai_clustering_version": CLUSTERING_VERSION,
        "$ai_clustering_run_id": found.run_id,
        "$ai_team_id": parameters.team_id,
        "$ai_timestamp": timestamp,
        "$ai_window_start": parameters.window.start,
        "$ai_window_end": parameters.window.end,
        "$ai_total_traces_analyzed": found.usable,
        "$ai_sampled_traces_count": run.sample.size,
        "$ai_optimal_k": done.optimal_k,
        "$ai_silhouette_score": done.silhouette_score,
        "$ai_inertia": done.inertia,
        "$ai_clusters": [
            {"cluster_id": cluster_id, "size": len(trace_ids), "trace_ids": list(trace_ids)}
            for cluster_id, trace_ids in enumerate(clusters)
        ],
        # Added to the contract's keys.
        "$ai_scores_by_k": [asdict(score) for score in run.optimal.scores_by_k],
        "$ai_excluded_traces": asdict(found.excluded),
        "$ai_embedding_model": family.model_name if family else None,
        "$ai_embedding_dimensions": family.dimensions if family else None,
        "$ai_clustering_parameters": {
            "max_samples": parameters.max_samples,
            "min_k": parameters.min_k,
            "max_k": parameters.max_k,
            "seed": found.seed,
        },
    }
    return json.dumps(properties, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
