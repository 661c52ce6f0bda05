"""The activities: thin methods over a store and the numeric core.

They run in threads, report that they are alive while they work, and end at the next safe
point when they are cancelled.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import structlog
from temporalio import activity

from trace_clustering.cluster_event import RunParts, event_properties
from trace_clustering.clustering import KScore, distances_to_centroids, fit_clusters, search_k
from trace_clustering.constants import RENDERING_MINIMAL
from trace_clustering.errors import DegenerateDataError, StoreError
from trace_clustering.inputs import format_time, make_run_id, seed_of_run_id
from trace_clustering.models import (
    ClusteredRun,
    ClusteringDone,
    ClusteringInput,
    ClusterResult,
    DiscoverTeamsInput,
    EmbeddingsFound,
    Excluded,
    KQuality,
    OptimalK,
    OptimalKInput,
    RunEnd,
    RunParameters,
    RunRecord,
    SampleInput,
    SampleRef,
)
from trace_clustering.models.findings import PARTS
from trace_clustering.observability import get_logger
from trace_clustering.store import Store
from trace_clustering.temporal.names import TRACES_METRIC
from trace_clustering.temporal.under_way import check_cancelled, under_way

log = get_logger()

MAX_REASON_CHARS = 1000


class ClusteringActivities:
    """Activities of both workflows.

    Args:
        store: where everything is kept.
        min_traces: a team with fewer usable traces is skipped.
        seed: of every run that names none; None to derive one from each run's id.
        rendering: name of the texts whose vectors are clustered.
    """

    def __init__(
        self,
        store: Store,
        *,
        min_traces: int,
        seed: int | None = None,
        rendering: str = RENDERING_MINIMAL,
    ) -> None:
        self._store = store
        self._min_traces = min_traces
        self._seed = seed
        self._rendering = rendering

    @property
    def all(self) -> list[Callable[..., object]]:
        return [
            self.query_trace_embeddings_activity,
            self.sample_embeddings_activity,
            self.determine_optimal_k_activity,
            self.perform_clustering_activity,
            self.emit_cluster_events_activity,
            self.find_teams_with_embeddings_activity,
            self.record_run_end_activity,
        ]

    @activity.defn(name="query_trace_embeddings_activity", no_thread_cancel_exception=True)
    def query_trace_embeddings_activity(self, parameters: RunParameters) -> EmbeddingsFound:
        """Claim the run's id, and count the window's traces with a usable vector."""
        with under_way(parameters.team_id):
            team_id, window = parameters.team_id, parameters.window
            embeddings = self._store.embeddings
            run = self._claim_run(parameters)
            structlog.contextvars.bind_contextvars(run_id=run.run_id)
            cutoff = embeddings.now_micros()
            family = embeddings.find_family(team_id, window, cutoff, self._rendering)
            usable, excluded = embeddings.count(team_id, window, cutoff, family)
            log.info("Queried trace embeddings", usable=usable, excluded=excluded.total)
            reason = _too_few(usable, excluded, self._min_traces)
            if reason:
                self._skip(run, reason, traces_analyzed=usable)
            return EmbeddingsFound(
                run_id=run.run_id,
                seed=self._seed_of(parameters, run.run_id),
                cutoff=cutoff,
                usable=usable,
                excluded=excluded,
                family=family,
                skip_reason=reason,
            )

    @activity.defn(name="sample_embeddings_activity", no_thread_cancel_exception=True)
    def sample_embeddings_activity(self, given: SampleInput) -> SampleRef:
        """Copy a random sample of the window's traces for this run."""
        parameters, found = given.parameters, given.found
        family = found.family
        if family is None:
            raise DegenerateDataError("there is no usable vector to sample")
        with under_way(parameters.team_id, found.run_id):
            attempt = activity.info().attempt
            size = self._store.embeddings.draw_sample(
                parameters.team_id,
                found.run_id,
                attempt,
                window=parameters.window,
                cutoff=found.cutoff,
                family=family,
                size=parameters.max_samples,
                seed=found.seed,
            )
            log.info("Sampled embeddings", sampled=size, available=found.usable)
            return SampleRef(parameters.team_id, found.run_id, attempt, size, family.dimensions)

    @activity.defn(name="determine_optimal_k_activity", no_thread_cancel_exception=True)
    def determine_optimal_k_activity(self, given: OptimalKInput) -> OptimalK:
        """Search k; keep the best centroids for the final fit."""
        parameters, ref = given.parameters, given.sample
        with under_way(ref.team_id, ref.run_id):
            sample = self._store.runs.read_sample(ref)
            try:
                search = search_k(
                    sample.embeddings,
                    min_k=parameters.min_k,
                    max_k=parameters.max_k,
                    seed=given.found.seed,
                    on_k=lambda k: log.info(f"Testing k={k}", k=k),
                    on_progress=check_cancelled,
                )
            except DegenerateDataError as error:
                return self._skip_degenerate(given, str(error))
            log.info(f"Optimal k determined: {search.optimal_k}", k=search.optimal_k)
            self._store.runs.write_centroids(ref.team_id, ref.run_id, "search", search.centroids)
            scores = [
                KQuality(score.k, score.silhouette_score, score.inertia)
                for score in search.scores_by_k.values()
            ]
            return OptimalK(search.optimal_k, scores)

    @activity.defn(name="perform_clustering_activity", no_thread_cancel_exception=True)
    def perform_clustering_activity(self, given: ClusteringInput) -> ClusteringDone:
        """Final fit, started from the search's best centroids; store who belongs where."""
        ref, optimal = given.sample, given.optimal
        runs = self._store.runs
        with under_way(ref.team_id, ref.run_id):
            sample = runs.read_sample(ref)
            start = runs.read_centroids(
                ref.team_id, ref.run_id, "search", optimal.optimal_k, ref.dimensions
            )
            scores = {q.k: KScore(q.k, q.silhouette_score, q.inertia) for q in optimal.scores_by_k}
            result = fit_clusters(sample.embeddings, start, scores, on_progress=check_cancelled)
            check_cancelled()
            distances = distances_to_centroids(sample.embeddings, result.centroids, result.labels)
            runs.write_centroids(ref.team_id, ref.run_id, "final", result.centroids)
            runs.write_assignments(ref.team_id, ref.run_id, sample, result.labels, distances)
            sizes = [int((result.labels == i).sum()) for i in range(result.optimal_k)]
            return ClusteringDone(
                optimal_k=result.optimal_k,
                silhouette_score=result.silhouette_score,
                inertia=result.inertia,
                clusters=[ClusterResult(i, size) for i, size in enumerate(sizes)],
            )

    @activity.defn(name="emit_cluster_events_activity", no_thread_cancel_exception=True)
    def emit_cluster_events_activity(self, given: ClusteredRun) -> None:
        """Write the run's event, once, and mark the run completed."""
        parameters, found, done = given.parameters, given.found, given.done
        with under_way(parameters.team_id, found.run_id):
            started = _whole_second(parameters)
            assigned = self._store.runs.read_assignments(
                parameters.team_id, found.run_id, done.optimal_k
            )
            clusters = [one.trace_ids for one in assigned]
            parts = self._parts(given)
            properties = event_properties(given, format_time(started), clusters, parts)
            is_new = self._store.events.emit(parameters.team_id, found.run_id, started, properties)
            log.info("Emitted event" if is_new else "Event was emitted already")
            self._store.runs.record(
                replace(
                    self._run(parameters, found.run_id),
                    status="completed",
                    finished_at=datetime.now(UTC),
                    traces_analyzed=found.usable,
                    sampled_traces=given.sample.size,
                    optimal_k=done.optimal_k,
                    silhouette_score=done.silhouette_score,
                    verdict=parts.verdict if parts else "",
                )
            )
            activity.metric_meter().create_counter(TRACES_METRIC, "Traces clustered.").add(
                given.sample.size
            )
            # Otherwise whoever looks first has to wait for it; that is no reason to fail now.
            with suppress(StoreError):
                self._store.browsing.gather(parameters.team_id, found.run_id)

    @activity.defn(name="find_teams_with_embeddings_activity", no_thread_cancel_exception=True)
    def find_teams_with_embeddings_activity(self, given: DiscoverTeamsInput) -> list[int]:
        """One page of the teams that have enough traces in the window."""
        with under_way():
            teams = self._store.embeddings.teams(
                window=given.window,
                min_embeddings=given.min_embeddings,
                allowed=given.allowed_team_ids,
                after=given.after_team_id,
                limit=given.limit,
            )
            return [team.team_id for team in teams]

    @activity.defn(name="record_run_end_activity", no_thread_cancel_exception=True)
    def record_run_end_activity(self, end: RunEnd) -> None:
        """Store that a run failed, was cancelled or took too long, and why."""
        with under_way(end.parameters.team_id):
            workflow_run_id = activity.info().workflow_run_id or ""
            run = self._store.runs.of_workflow(end.parameters.team_id, workflow_run_id)
            self._store.runs.record(
                replace(
                    run or self._claim_run(end.parameters),
                    status=end.status,
                    reason=end.reason[:MAX_REASON_CHARS],
                    finished_at=datetime.now(UTC),
                )
            )

    def _parts(self, run: ClusteredRun) -> RunParts | None:
        """What was made of the parts; what is left of one that failed in the middle is not read."""
        missing = run.missing_parts
        if missing is None:
            return None
        team_id, run_id, findings = run.parameters.team_id, run.found.run_id, self._store.findings
        return RunParts(
            missing=missing,
            findings={
                part: findings.read(team_id, run_id, part) for part in PARTS if part not in missing
            },
            leaves=findings.leaves(team_id, run_id) if "levels" not in missing else {},
            points=findings.points(team_id, run_id) if "map" not in missing else {},
            outliers=findings.outliers(team_id, run_id) if "outliers" not in missing else [],
        )

    def _claim_run(self, parameters: RunParameters) -> RunRecord:
        """Record the run under an id that no other run has.

        Two runs of a team may start within the second that the contract's id resolves; the
        later one's id then carries milliseconds.
        """
        run = self._run(parameters, run_id="")
        precise = make_run_id(run.team_id, run.started_at)
        of_second = make_run_id(run.team_id, _whole_second(parameters))
        return self._store.runs.claim(run, [of_second, precise, f"{precise}_{run.workflow_run_id}"])

    def _seed_of(self, parameters: RunParameters, run_id: str) -> int:
        if parameters.seed is not None:
            return parameters.seed
        return self._seed if self._seed is not None else seed_of_run_id(run_id)

    def _skip(self, run: RunRecord, reason: str, *, traces_analyzed: int, sampled: int = 0) -> None:
        log.info("Skipping", reason=reason)
        self._store.runs.record(
            replace(
                run,
                status="skipped",
                reason=reason,
                finished_at=datetime.now(UTC),
                traces_analyzed=traces_analyzed,
                sampled_traces=sampled,
            )
        )

    def _skip_degenerate(self, given: OptimalKInput, reason: str) -> OptimalK:
        run = self._run(given.parameters, given.found.run_id)
        self._skip(run, reason, traces_analyzed=given.found.usable, sampled=given.sample.size)
        return OptimalK(optimal_k=0, scores_by_k=[], skip_reason=reason)

    def _run(self, parameters: RunParameters, run_id: str) -> RunRecord:
        info = activity.info()
        return RunRecord(
            run_id=run_id,
            team_id=parameters.team_id,
            status="running",
            started_at=datetime.fromisoformat(parameters.started_at),
            finished_at=None,
            workflow_id=info.workflow_id or "",
            workflow_run_id=info.workflow_run_id or "",
        )


def _whole_second(parameters: RunParameters) -> datetime:
    return datetime.fromisoformat(parameters.started_at).replace(microsecond=0)


def _too_few(usable: int, excluded: Excluded, needed: int) -> str | None:
    if usable >= needed:
        return None
    left_out = f" ({excluded.total} more were left out)" if excluded.total else ""
    traces = "1 trace" if usable == 1 else f"{usable} traces"
    return f"{traces} with usable embeddings{left_out}, at least {needed} are needed"
