"""An event of a run that tells all there is to tell: 120 sampled traces of an airline's chat."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

RUN_ID = "team_7_2026-11-20T12:00:00Z"

_DAYS = ["2026-11-16", "2026-11-17", "2026-11-18", "2026-11-19"]
_SIZES = [48, 36, 24, 12]
_SAMPLED, _IN_WINDOW = sum(_SIZES), 900

# Title, description and keywords of a group.
_NAMES: dict[int, tuple[str, str, list[str]]] = {
    0: (
        "Rebooking cancelled flights",
        "Customers ask to be put on another flight after theirs was cancelled.",
        ["cancelled flight", "rebook", "next flight"],
    ),
    1: (
        "Lost or delayed baggage",
        "Customers report bags that did not arrive, and ask where they are.",
        ["baggage", "suitcase", "claim number"],
    ),
    2: (
        "Refund of a ticket's price",
        "Customers want their money back.",
        ["refund", "money back", "voucher"],
    ),
    3: ("Seats and meals on board", "Wishes for a certain seat or meal.", ["seat", "meal"]),
    4: ("Rebooking for the same day", "Whoever has to fly today.", ["today", "next flight"]),
    5: ("Rebooking for another day", "Whoever can wait.", ["another day", "rebook"]),
    6: ("Suitcases that did not arrive", "Bags left behind.", ["suitcase", "carousel"]),
    7: ("Damaged baggage and claims", "Bags that broke.", ["damaged", "claim number"]),
    8: ("Missed connections in Lisbon", "A hub and its short transfers.", ["lisbon", "connection"]),
    9: ("Flights cancelled by the storm", "One bad Tuesday.", ["storm", "cancelled"]),
    10: ("Refunds after a cancellation", "The airline cancelled.", ["refund", "cancelled"]),
    11: ("Vouchers instead of refunds", "A voucher was offered.", ["voucher", "expired"]),
}
# Parent, first and last level, size.
_PLACES: dict[int, tuple[int | None, int, int, int]] = {
    0: (None, 0, 0, 48),
    1: (None, 0, 0, 36),
    2: (None, 0, 1, 24),
    3: (None, 0, 2, 12),
    4: (0, 1, 1, 28),
    5: (0, 1, 2, 20),
    6: (1, 1, 2, 20),
    7: (1, 1, 2, 16),
    8: (4, 2, 2, 16),
    9: (4, 2, 2, 12),
    10: (2, 2, 2, 14),
    11: (2, 2, 2, 10),
}
_LEAVES = {0: [(8, 16), (9, 12), (5, 20)], 1: [(6, 20), (7, 16)], 2: [(10, 14), (11, 10)]}


def run_event(**changes: Any) -> dict[str, Any]:
    """The properties of the event: 4 clusters, 3 levels, outliers, map, quality and facts.

    Args:
        changes: keys to put in place of what is there, without their ``$ai_``; None takes a key
            out.
    """
    found = {**_clustering(), **_parts()}
    for name, value in changes.items():
        found[f"$ai_{name}"] = value
    return copy.deepcopy({key: value for key, value in found.items() if value is not None})


def old_event() -> dict[str, Any]:
    """The same run by a version that told of nothing but the clusters."""
    found = copy.deepcopy(_clustering())
    for cluster in found["$ai_clusters"]:
        for key in set(cluster) - {"cluster_id", "size", "trace_ids"}:
            del cluster[key]
    return found


def facts_of(traces: int, **changes: Any) -> dict[str, Any]:
    """What is known of a group of so many of the sampled traces."""
    share = traces / _SAMPLED
    facts: dict[str, Any] = {
        "traces": traces,
        "share": share,
        "share_low": max(0.0, share - 0.06),
        "share_high": min(1.0, share + 0.06),
        "known": traces,
        "users": traces // 2,
        "sessions": traces - 2,
        "cost_usd": {"total": traces * 0.004, "mean": 0.004, "p50": 0.0031, "p95": 0.0172},
        "latency_p50": 1.84,
        "latency_p95": 9.6,
        "input_tokens": traces * 700,
        "output_tokens": traces * 90,
        "error_rate": 0.05,
        "models": [["gpt-4.1-mini", traces - 2], ["claude-haiku-4.5", 2]],
        "tools": [["find_flights", traces // 2]],
        "first_seen": "2026-11-16T06:10:00Z",
        "last_seen": "2026-11-19T21:45:00Z",
        "by_day": [[day, traces * (i + 1) // 10] for i, day in enumerate(_DAYS)],
    }
    return {**facts, **changes}


def _clustering() -> dict[str, Any]:
    return {
        "$ai_clustering_version": "v1",
        "$ai_clustering_run_id": RUN_ID,
        "$ai_team_id": 7,
        "$ai_timestamp": "2026-11-20T12:00:00Z",
        "$ai_window_start": "2026-11-13T12:00:00Z",
        "$ai_window_end": "2026-11-20T12:00:00Z",
        "$ai_total_traces_analyzed": _IN_WINDOW,
        "$ai_sampled_traces_count": _SAMPLED,
        "$ai_optimal_k": 4,
        "$ai_silhouette_score": 0.312,
        "$ai_inertia": 41.5,
        "$ai_clusters": [_cluster(i) for i in range(4)],
        "$ai_scores_by_k": [
            {"k": k, "silhouette_score": score, "inertia": 50.0 - k}
            for k, score in ((3, 0.281), (4, 0.312), (5, 0.274), (6, 0.251))
        ],
        "$ai_excluded_traces": {"other_model": 2, "other_dimensions": 0, "invalid_vector": 1},
        "$ai_embedding_model": "builtin-1",
        "$ai_embedding_dimensions": 384,
        "$ai_clustering_parameters": {"max_samples": 120, "min_k": 3, "max_k": 6, "seed": 42},
    }


def _cluster(cluster_id: int) -> dict[str, Any]:
    size = _SIZES[cluster_id]
    told = {
        "stability": [0.96, 0.91, 0.83, 0.55][cluster_id],
        "facts": facts_of(size, error_rate=[0.02, 0.05, 0.21, 0.0][cluster_id]),
    }
    ids = trace_ids(cluster_id)
    return {"cluster_id": cluster_id, "size": size, "trace_ids": ids, **_named(cluster_id), **told}


def trace_ids(cluster_id: int) -> list[str]:
    """The traces of a cluster, closest to the centroid first."""
    return [f"trace-{cluster_id}-{i:02}" for i in range(_SIZES[cluster_id])]


def _named(group_id: int) -> dict[str, Any]:
    title, description, keywords = _NAMES[group_id]
    top = group_id
    while (parent := _PLACES[top][0]) is not None:
        top = parent
    return {
        "title": title,
        "description": description,
        "keywords": keywords,
        "title_source": "keywords",
        "representatives": trace_ids(top)[:3],
    }


def _parts() -> dict[str, Any]:
    return {
        "$ai_levels": {
            "sizes": [4, 6, 8],
            "groups": [_group(group_id) for group_id in _PLACES],
            "merges": [
                *([4, 5, 0.4], [6, 7, 0.5], [8, 1, 0.6], [2, 3, 0.7]),
                *([10, 11, 0.9], [12, 9, 1.1], [13, 0, 1.4]),
            ],
            "leaf_ids": [_leaf_ids(i) for i in range(4)],
        },
        "$ai_outliers": {"threshold": 2.1, "share": 2 / _SAMPLED, "traces": _outliers()},
        "$ai_map": {
            "method": "pacmap",
            "points": [
                [[round(4.0 * i + j % 7 / 4, 2), round(j / 12 - i, 2)] for j in range(size)]
                for i, size in enumerate(_SIZES)
            ],
            "centroids": [[4.0 * i + 0.7, 1.0 - i] for i in range(4)],
        },
        "$ai_quality": _quality(),
        "$ai_facts": facts_of(_SAMPLED, share_high=1.0, share_low=1.0),
        "$ai_names": {"source": "keywords"},
        "$ai_missing_parts": {},
    }


def _quality() -> dict[str, Any]:
    return {
        "verdict": "good",
        "reasons": [
            "4 clusters separate these traces far better than noise: silhouette 0.31, "
            "shuffled data 0.04"
        ],
        "silhouette_score": 0.312,
        "null_silhouette": 0.041,
        "stability": [0.96, 0.91, 0.83, 0.55],
        "agreement": 0.93,
        "outlier_share": 2 / _SAMPLED,
        "largest_share": 0.4,
    }


def no_answer() -> Mapping[str, Any]:
    """The quality of a run that is none."""
    return {
        **_quality(),
        "verdict": "degenerate",
        "reasons": ["one cluster holds 91% of traces", "silhouette 0.02, as shuffled data"],
    }


def _outliers() -> list[dict[str, Any]]:
    far = "3.2 times as far from the centre of its cluster as is usual there"
    alone = "no other trace is near: 2.4 times as far from its neighbours as is usual"
    return [
        {"trace_id": "trace-3-11", "cluster_id": 3, "score": 3.2, "reason": far},
        {"trace_id": "trace-1-35", "cluster_id": 1, "score": 2.4, "reason": alone},
    ]


def _group(group_id: int) -> dict[str, Any]:
    parent, first, last, size = _PLACES[group_id]
    group = {
        "group_id": group_id,
        "parent": parent,
        "first_level": first,
        "last_level": last,
        "size": size,
    }
    return group if parent is None else {**group, **_named(group_id), "facts": facts_of(size)}


def _leaf_ids(cluster_id: int) -> list[int]:
    leaves = _LEAVES.get(cluster_id, [(cluster_id, _SIZES[cluster_id])])
    return [leaf for leaf, size in leaves for _ in range(size)]
