"""Chooses the number of clusters by silhouette, and fits them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from trace_clustering.clustering.final import (
    Division,
    confirmed,
    divide,
    fit_from,
)
from trace_clustering.clustering.preparation import (
    Prepared,
    check_arguments,
    prepare,
    testable_range,
)
from trace_clustering.clustering.restarts import find_centroids
from trace_clustering.clustering.silhouette import DistanceBlocks, silhouette_samples
from trace_clustering.clustering.threads import Float32, Labels, Workers
from trace_clustering.errors import InvalidInputError


@dataclass(frozen=True)
class KScore:
    """How well the data divide into ``k`` clusters.

    Attributes:
        k: number of clusters.
        silhouette_score: mean silhouette of all rows, -1 to 1, exact (Rousseeuw 1987).
        inertia: sum of squared distances to the rows' centroids, in the caller's units squared.
    """

    k: int
    silhouette_score: float
    inertia: float


@dataclass(frozen=True, eq=False)
class KSearch:
    """The result of a search; all that another process needs for ``fit_clusters`` but ``labels``.

    Attributes:
        optimal_k: the k with the largest silhouette, the smaller of equal ones.
        scores_by_k: of every k tested, ascending.
        centroids: (optimal_k, d) float32 in the caller's units, largest cluster first.
        labels: (n,) int32, each row's nearest centroid.
    """

    optimal_k: int
    scores_by_k: Mapping[int, KScore]
    centroids: Float32
    labels: Labels


@dataclass(frozen=True, eq=False)
class Clustering:
    """Rows divided into clusters, numbered from 0 by size, largest first.

    Attributes:
        optimal_k: number of clusters.
        labels: (n,) int32, the cluster of each row.
        centroids: (optimal_k, d) float32 means of the members, in the caller's units.
        silhouette_score: mean silhouette of exactly these labels.
        inertia: sum of squared distances to ``centroids``, in the caller's units squared.
        scores_by_k: of every k tested, ascending; that of ``optimal_k`` is of these labels.
    """

    optimal_k: int
    labels: Labels
    centroids: Float32
    silhouette_score: float
    inertia: float
    scores_by_k: Mapping[int, KScore]


def search_k(
    embeddings: ArrayLike,
    *,
    min_k: int = 3,
    max_k: int = 6,
    seed: int = 42,
    on_k: Callable[[int], None] | None = None,
    on_progress: Callable[[], None] | None = None,
) -> KSearch:
    """Tests every k of a range and returns the best with its centroids.

    Byte for byte the same for the same data and seed, whatever number of threads is allowed.

    Args:
        embeddings: (n, d) real numbers, n >= 2; used in float32 precision, not changed.
        min_k: smallest number of clusters to test, at least 2.
        max_k: largest, at least ``min_k``; k above the number of distinct rows or of n - 1 are
            left out.
        seed: of the random generator, not negative.
        on_k: called with every k that is tested, ascending.
        on_progress: called often; what it raises ends the search.

    Raises:
        InvalidInputError: names the argument that cannot be accepted.
        DegenerateDataError: too few distinct rows for ``min_k`` clusters.
    """
    check_arguments(min_k, max_k, seed)
    with Workers(on_progress) as workers:
        prepared = prepare(workers, embeddings)
        ks = testable_range(prepared.rows, min_k, max_k)
        if on_k is not None:
            for k in ks:
                on_k(k)
        best = _search(workers, prepared, DistanceBlocks(workers, prepared.rows), ks, seed)
    scores = {k: score for k, (score, _) in best.items()}
    chosen = best[_optimal(scores)][1]
    labels = prepared.to_caller_rows(chosen.labels)
    return KSearch(len(chosen.centroids), scores, chosen.centroids, labels)


def fit_clusters(
    embeddings: ArrayLike,
    centroids: ArrayLike,
    scores_by_k: Mapping[int, KScore] | None = None,
    *,
    on_progress: Callable[[], None] | None = None,
) -> Clustering:
    """Fits the final clusters with scikit-learn's KMeans, started from a search's centroids.

    Needs only what a search can store. Where the fit keeps the search's labels, as it nearly always
    does, the silhouette of ``scores_by_k`` is taken over, else it is computed.

    Args:
        embeddings: (n, d), as given to ``search_k``.
        centroids: (k, d) of the search, k >= 2; k is the number of clusters.
        scores_by_k: of the search.
        on_progress: called often; what it raises ends the fit.

    Raises:
        InvalidInputError: names the argument that cannot be accepted.
        DegenerateDataError: too few distinct rows for k clusters.
    """
    with Workers(on_progress) as workers:
        prepared = prepare(workers, embeddings)
        start = _as_centroids(centroids, prepared.rows.shape[1])
        testable_range(prepared.rows, len(start), len(start))
        searched = divide(workers, prepared, [start])[0]
        blocks = DistanceBlocks(workers, prepared.rows)
        return _fit(workers, prepared, blocks, searched, scores_by_k or {})


def cluster_embeddings(
    embeddings: ArrayLike, *, min_k: int = 3, max_k: int = 6, seed: int = 42
) -> Clustering:
    """Groups vectors: ``search_k`` followed by ``fit_clusters``; see there.

    Raises:
        InvalidInputError: names the argument that cannot be accepted.
        DegenerateDataError: too few distinct rows for ``min_k`` clusters.
    """
    check_arguments(min_k, max_k, seed)
    with Workers() as workers:
        prepared = prepare(workers, embeddings)
        ks = testable_range(prepared.rows, min_k, max_k)
        blocks = DistanceBlocks(workers, prepared.rows)
        best = _search(workers, prepared, blocks, ks, seed)
        scores = {k: score for k, (score, _) in best.items()}
        return _fit(workers, prepared, blocks, best[_optimal(scores)][1], scores)


def _search(
    workers: Workers,
    prepared: Prepared,
    blocks: DistanceBlocks,
    ks: range,
    seed: int,
) -> dict[int, tuple[KScore, Division]]:
    """For each k the division of best silhouette among those found, and its scores."""
    rng = np.random.default_rng(seed)
    blocks.begin()
    found = find_centroids(workers, prepared, ks, rng)
    rivals = [prepared.to_caller(centroids) for k in ks for centroids in found[k]]
    divisions = divide(workers, prepared, rivals)
    samples = silhouette_samples(blocks, [division.labels for division in divisions])
    best: dict[int, tuple[KScore, Division]] = {}
    for division, silhouettes in zip(divisions, samples, strict=True):
        score = KScore(len(division.centroids), float(silhouettes.mean()), division.inertia)
        if score.k not in best or score.silhouette_score > best[score.k][0].silhouette_score:
            best[score.k] = score, division
    return best


def _optimal(scores: Mapping[int, KScore]) -> int:
    return max(scores, key=lambda k: (scores[k].silhouette_score, -k))


def _fit(
    workers: Workers,
    prepared: Prepared,
    blocks: DistanceBlocks,
    searched: Division,
    scores: Mapping[int, KScore],
) -> Clustering:
    k = len(searched.centroids)
    final = fit_from(workers, prepared, searched)
    score = scores.get(k)
    if score is None or not confirmed(searched, final, score.inertia):
        silhouettes = silhouette_samples(blocks, [final.labels])[0]
        score = KScore(k, float(silhouettes.mean()), final.inertia)
    score = replace(score, inertia=final.inertia)
    return Clustering(
        optimal_k=k,
        labels=prepared.to_caller_rows(final.labels),
        centroids=final.centroids,
        silhouette_score=score.silhouette_score,
        inertia=score.inertia,
        scores_by_k=dict(sorted({**scores, k: score}.items())),
    )


def _as_centroids(centroids: ArrayLike, columns: int) -> Float32:
    start = np.asarray(centroids, dtype=np.float32)
    if start.ndim != 2 or start.shape[0] < 2 or start.shape[1] != columns:
        problem = f"expected at least 2 rows of {columns} columns, got {start.shape}"
        raise InvalidInputError("centroids", problem)
    if not np.isfinite(start).all():
        raise InvalidInputError("centroids", "holds NaN or infinity")
    return start
