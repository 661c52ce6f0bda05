"""The activities that make what a run tells beyond its clusters, each one part.

Each reads the run's sample anew, which is cheap, and leaves its part in the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from temporalio import activity

from trace_clustering.clustering import (
    KScore,
    assess_clustering,
    cluster_levels,
    draw_map,
    find_outliers,
    hierarchy,
    place_centroids,
)
from trace_clustering.group_facts import facts_of_groups, paths_of_leaves
from trace_clustering.group_names import name_groups, rows_of_groups, top_groups
from trace_clustering.models import ClusteredRun, ClusteringDone, OptimalK, PartMade
from trace_clustering.models.findings import OF_RUN, Group, Part
from trace_clustering.observability import get_logger
from trace_clustering.store import Sample, Store
from trace_clustering.temporal.under_way import check_cancelled, under_way
from trace_clustering.traces.naming.portrait import Namer

log = get_logger()


@dataclass(frozen=True)
class Clustered:
    """A run's sample, and the cluster of each of its rows, (n,)."""

    sample: Sample
    labels: NDArray[np.int32]


def final_scores(optimal: OptimalK, done: ClusteringDone) -> dict[int, KScore]:
    """Those of the search, but of the run's number of clusters those that it ended with.

    The final fit may move rows between the clusters that the search found.
    """
    scores = {q.k: KScore(q.k, q.silhouette_score, q.inertia) for q in optimal.scores_by_k}
    scores[done.optimal_k] = KScore(done.optimal_k, done.silhouette_score, done.inertia)
    return scores


class PartActivities:
    """Activities of the clustering workflow that make one part of a run each.

    Args:
        store: where everything is kept.
        namer: names groups with a language model; None for keywords alone.
    """

    def __init__(self, store: Store, namer: Namer | None = None) -> None:
        self._store = store
        self._namer = namer

    @property
    def all(self) -> list[Callable[..., object]]:
        return [
            self.build_levels_activity,
            self.find_outliers_activity,
            self.draw_map_activity,
            self.collect_facts_activity,
            self.name_groups_activity,
            self.assess_quality_activity,
        ]

    @activity.defn(name="build_levels_activity", no_thread_cancel_exception=True)
    def build_levels_activity(self, run: ClusteredRun) -> PartMade:
        """Find the groups below the clusters, and how many there are."""
        with self._clustered(run) as given:
            levels = cluster_levels(
                given.sample.embeddings,
                seed=run.found.seed,
                within=given.labels,
                on_progress=check_cancelled,
            )
            tree = hierarchy(levels, given.labels)
            store, ref = self._store.findings, run.sample
            store.write_leaves(ref.team_id, ref.run_id, given.sample.trace_ids, tree.leaf_ids)
            log.info("Built levels", sizes=tree.sizes)
            told = {
                "sizes": tree.sizes,
                "groups": [asdict(node) for node in tree.nodes],
                "merges": tree.merges,
            }
            return self._write(run, "levels", told)

    @activity.defn(name="find_outliers_activity", no_thread_cancel_exception=True)
    def find_outliers_activity(self, run: ClusteredRun) -> PartMade:
        """Score how unusual each trace is, and flag those that stand out."""
        with self._clustered(run) as given:
            found = find_outliers(
                given.sample.embeddings, given.labels, on_progress=check_cancelled
            )
            ref = run.sample
            reasons = [found.reason(i) if flag else "" for i, flag in enumerate(found.flags)]
            self._store.findings.write_outliers(
                ref.team_id, ref.run_id, given.sample.trace_ids, found.scores, reasons
            )
            share = float(found.flags.mean())
            log.info("Found outliers", outliers=int(found.flags.sum()))
            return self._write(run, "outliers", {"threshold": found.threshold, "share": share})

    @activity.defn(name="draw_map_activity", no_thread_cancel_exception=True)
    def draw_map_activity(self, run: ClusteredRun) -> PartMade:
        """Give every trace and every centroid a place in a picture."""
        with self._clustered(run) as given:
            sample, ref = given.sample, run.sample
            drawn = draw_map(sample.embeddings, seed=run.found.seed, on_progress=check_cancelled)
            centroids = self._store.runs.read_centroids(
                ref.team_id, ref.run_id, "final", run.done.optimal_k, ref.dimensions
            )
            placed = place_centroids(drawn.points, sample.embeddings, centroids, given.labels)
            self._store.findings.write_map(ref.team_id, ref.run_id, sample.trace_ids, drawn.points)
            told = {"method": drawn.method, "centroids": placed.astype(float).round(4).tolist()}
            return self._write(run, "map", told)

    @activity.defn(name="collect_facts_activity", no_thread_cancel_exception=True)
    def collect_facts_activity(self, run: ClusteredRun) -> PartMade:
        """What is known of the traces of every group."""
        ref = run.sample
        with under_way(ref.team_id, ref.run_id):
            paths = paths_of_leaves(self._groups(run))
            known = self._store.findings.facts(ref.team_id, ref.run_id, paths)
            facts = facts_of_groups(known, in_window=run.found.usable)
            told = {group_id: asdict(one) for group_id, one in facts.items()}
            self._store.findings.write(ref.team_id, ref.run_id, "facts", told)
            return PartMade()

    @activity.defn(name="name_groups_activity", no_thread_cancel_exception=True)
    def name_groups_activity(self, run: ClusteredRun) -> PartMade:
        """Name every group, and choose the traces that stand for it."""
        with self._clustered(run) as given:
            ref = run.sample
            groups = self._groups(run)
            leaves = given.labels
            if groups:
                of_trace = self._store.findings.leaves(ref.team_id, ref.run_id)
                leaves = np.array([of_trace[i] for i in given.sample.trace_ids], dtype=np.int32)
            named = name_groups(
                self._store.findings.texts(ref.team_id, ref.run_id),
                rows_of_groups(given.sample.embeddings, leaves, groups or top_groups(given.labels)),
                self._namer,
                on_progress=check_cancelled,
            )
            log.info("Named groups", **named[OF_RUN])
            self._store.findings.write(ref.team_id, ref.run_id, "names", named)
            return PartMade()

    @activity.defn(name="assess_quality_activity", no_thread_cancel_exception=True)
    def assess_quality_activity(self, run: ClusteredRun) -> PartMade:
        """Whether to trust the run."""
        with self._clustered(run) as given:
            outliers = self._of_run(run, "outliers")
            assessment = assess_clustering(
                given.sample.embeddings,
                given.labels,
                final_scores(run.optimal, run.done),
                outlier_share=outliers.get("share"),
                min_k=run.parameters.min_k,
                max_k=run.parameters.max_k,
                seed=run.found.seed,
                on_progress=check_cancelled,
            )
            log.info("Assessed quality", verdict=assessment.verdict, reasons=assessment.reasons)
            told = asdict(assessment)
            # The event says these of the clustering already.
            del told["optimal_k"], told["silhouettes"]
            self._write(run, "quality", told)
            return PartMade(assessment.verdict)

    @contextmanager
    def _clustered(self, run: ClusteredRun) -> Iterator[Clustered]:
        ref = run.sample
        with under_way(ref.team_id, ref.run_id):
            sample = self._store.runs.read_sample(ref)
            yield Clustered(sample, self._store.runs.read_labels(ref, run.done.optimal_k))

    def _of_run(self, run: ClusteredRun, part: Part) -> Mapping[str, Any]:
        """What a part that was made before says of the run; empty if it could not be made."""
        ref = run.sample
        return self._store.findings.read(ref.team_id, ref.run_id, part).get(OF_RUN, {})

    def _groups(self, run: ClusteredRun) -> list[Group]:
        return [Group(**group) for group in self._of_run(run, "levels").get("groups", [])]

    def _write(self, run: ClusteredRun, part: Part, told: Mapping[str, Any]) -> PartMade:
        ref = run.sample
        self._store.findings.write(ref.team_id, ref.run_id, part, {OF_RUN: told})
        return PartMade()
