"""The ``$ai_trace_clusters`` event: the contract's keys and types, and those we add. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from trace_clustering.constants import CLUSTERING_VERSION
from trace_clustering.models import ClusteredRun
from trace_clustering.models.findings import OF_RUN, Outlier, Part

Finding = Mapping[str, Any]


@dataclass(frozen=True)
class RunParts:
    """What a run tells beyond its clusters, as far as it could be made.

    Attributes:
        missing: by part, why it is not there.
        findings: by part and group; ``OF_RUN`` stands for the run.
        leaves: each sampled trace's leaf.
        points: where each sampled trace lies on the map.
        outliers: the most unusual first.
    """

    missing: Mapping[str, str] = field(default_factory=dict)
    findings: Mapping[Part, Mapping[int, Finding]] = field(default_factory=dict)
    leaves: Mapping[str, int] = field(default_factory=dict)
    points: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    outliers: Sequence[Outlier] = ()

    @property
    def verdict(self) -> str:
        """Of the quality; empty where that could not be made."""
        return str((self.of_run("quality") or {}).get("verdict", ""))

    def of_run(self, part: Part) -> Finding | None:
        return self.findings.get(part, {}).get(OF_RUN)

    def of_group(self, group_id: int) -> dict[str, Any]:
        """Name and facts of a cluster or another group."""
        told = dict(self.findings.get("names", {}).get(group_id, {}))
        facts = self.findings.get("facts", {}).get(group_id)
        return told if facts is None else {**told, "facts": facts}


def event_properties(
    run: ClusteredRun,
    timestamp: str,
    clusters: Sequence[Sequence[str]],
    parts: RunParts | None = None,
) -> str:
    """JSON text of the event's properties.

    Args:
        run: what the activities before found.
        timestamp: RFC 3339, of the run.
        clusters: trace ids of cluster 0, 1, …, each closest to its centroid first.
        parts: what the run tells beyond; None where it was not asked to.
    """
    properties = _clustering(run, timestamp, clusters)
    if parts is not None:
        _tell_of_clusters(properties["$ai_clusters"], parts)
        properties |= _told(clusters, parts)
    return json.dumps(properties, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _clustering(
    run: ClusteredRun, timestamp: str, clusters: Sequence[Sequence[str]]
) -> dict[str, Any]:
    found, done, parameters = run.found, run.done, run.parameters
    family = found.family
    return {
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


def _tell_of_clusters(clusters: Iterable[dict[str, Any]], parts: RunParts) -> None:
    quality = parts.of_run("quality")
    for cluster in clusters:
        cluster |= parts.of_group(cluster["cluster_id"])
        if quality is not None:
            cluster["stability"] = quality["stability"][cluster["cluster_id"]]


def _told(clusters: Sequence[Sequence[str]], parts: RunParts) -> dict[str, Any]:
    levels, names = parts.of_run("levels"), parts.of_run("names")
    outliers, drawn = parts.of_run("outliers"), parts.of_run("map")
    told = {
        "$ai_levels": levels and _levels(levels, clusters, parts),
        "$ai_outliers": outliers
        and {**outliers, "traces": [asdict(outlier) for outlier in parts.outliers]},
        "$ai_map": drawn and {**drawn, "points": _of_traces(clusters, parts.points)},
        "$ai_quality": parts.of_run("quality"),
        "$ai_facts": parts.of_run("facts"),
        "$ai_names": names,
    }
    there = {key: value for key, value in told.items() if value is not None}
    return {**there, "$ai_missing_parts": dict(parts.missing)}


def _levels(levels: Finding, clusters: Sequence[Sequence[str]], parts: RunParts) -> dict[str, Any]:
    """The tree; what is told of its top groups stands with the clusters, which they are."""
    groups = [
        group if group["parent"] is None else {**group, **parts.of_group(group["group_id"])}
        for group in levels["groups"]
    ]
    return {**levels, "groups": groups, "leaf_ids": _of_traces(clusters, parts.leaves)}


def _of_traces(clusters: Sequence[Sequence[str]], values: Mapping[str, Any]) -> list[list[Any]]:
    """What is known of each trace, in the order of the clusters' traces."""
    return [[values[trace_id] for trace_id in trace_ids] for trace_ids in clusters]
