"""Divides the rows by given centroids, and the final fit by scikit-learn."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from sklearn.cluster import KMeans

from trace_clustering.clustering.kmeans import inertia_of, scores_of
from trace_clustering.clustering.numbering import numbered_by_size
from trace_clustering.clustering.preparation import Prepared
from trace_clustering.clustering.threads import (
    Float32,
    Float64,
    Labels,
    Workers,
    bounded_groups,
    single_openmp_thread,
)

_MAX_STEPS = 100
# A row's lead must exceed this share of the squared lengths involved to survive float32 rounding.
_CLEAR_LEAD = 1e-5
_SAME_INERTIA = 1e-6
# Below this share of the total, the difference of two float32 sums is not exact enough.
_CANCELLED = 0.1
# Scores, of a row for a centroid, that are held: they take 32 MB, and their parts as much.
_MOST_SCORES = 2**23


@dataclass(frozen=True)
class Division:
    """The rows divided among centroids.

    Attributes:
        centroids: (k, d) float32 in the caller's units, largest cluster first.
        labels: (n,) int32, 0..k-1, every cluster with at least one row.
        inertia: in the caller's units squared.
        clear: every cluster has a row that float32 rounding cannot take away from it, and no row
            is exactly as near to a second centroid.
    """

    centroids: Float32
    labels: Labels
    inertia: float
    clear: bool


def divide(workers: Workers, prepared: Prepared, candidates: Sequence[Float32]) -> list[Division]:
    """Assigns every row to its nearest centroid, for several (k, d) centroids at once.

    A pure function of the bytes of rows and centroids, so that a second process gets the same.

    Args:
        workers: go over the rows once, or several times where there are many candidates.
        prepared: the rows.
        candidates: centroids in the caller's units.
    """
    n = len(prepared.rows)
    groups = bounded_groups(candidates, lambda centroids: n * len(centroids), _MOST_SCORES)
    return [one for group in groups for one in _divisions(workers, prepared, group)]


def _divisions(
    workers: Workers, prepared: Prepared, candidates: Sequence[Float32]
) -> list[Division]:
    working = [prepared.to_working(centroids) for centroids in candidates]
    scores = scores_of(workers, prepared.rows, np.concatenate(working))
    ends = np.cumsum([len(centroids) for centroids in working])
    return [
        _divide(workers, prepared, centroids, group)
        for centroids, group in zip(candidates, np.vsplit(scores, ends[:-1]), strict=True)
    ]


def _divide(workers: Workers, prepared: Prepared, centroids: Float32, scores: Float32) -> Division:
    labels = scores.argmax(axis=0).astype(np.int32)
    sizes = np.bincount(labels, minlength=len(centroids))
    if sizes.min() == 0:
        return _divided(workers, prepared, _without_gaps(prepared.rows, labels, len(centroids)))
    best = scores.max(axis=0)
    inertia = prepared.total - 2 * float(best.sum(dtype=np.float64))
    if inertia < _CANCELLED * prepared.total:
        working = prepared.to_working(centroids)
        inertia = inertia_of(workers, prepared.rows, working, labels)
    scores[labels, np.arange(len(labels))] = -np.inf
    leads = best - scores.max(axis=0)
    clear = leads.min() > 0 and _holds_every_cluster(prepared, labels, leads, len(centroids))
    return _ordered(Division(centroids, labels, prepared.squared_to_caller(inertia), clear))


def _holds_every_cluster(prepared: Prepared, labels: Labels, leads: Float32, k: int) -> bool:
    """Whether each cluster has a row whose lead is no matter of rounding."""
    safe = leads > _CLEAR_LEAD * (prepared.squares + prepared.squares.max())
    return len(np.unique(labels[safe])) == k


def fit_from(workers: Workers, prepared: Prepared, start: Division) -> Division:
    """Fits scikit-learn's KMeans from the start's centroids.

    Where float32 hardly tells clusters apart, KMeans may lose one and warn; a warning cannot be
    caught safely in a thread, so there the start's division stands as it is.
    """
    if not start.clear:
        return _divided(workers, prepared, start.labels)
    # tol=0 goes on until no label changes, and spares a pass for the variance.
    kmeans = KMeans(
        n_clusters=len(start.centroids),
        init=prepared.to_working(start.centroids),
        n_init=1,
        max_iter=_MAX_STEPS,
        tol=0.0,
        copy_x=False,
    )
    with single_openmp_thread():
        labels = kmeans.fit(prepared.rows).labels_
    return _divided(workers, prepared, labels.astype(np.int32))


def confirmed(searched: Division, final: Division, inertia: float) -> bool:
    """Whether the final labels are those that a search scored with this inertia."""
    same = abs(searched.inertia - inertia) <= _SAME_INERTIA * inertia
    return searched.clear and same and np.array_equal(searched.labels, final.labels)


def _divided(workers: Workers, prepared: Prepared, labels: Labels) -> Division:
    """The division by the means of given clusters."""
    centroids = prepared.to_caller(_means(workers, prepared.rows, labels))
    inertia = inertia_of(workers, prepared.rows, prepared.to_working(centroids), labels)
    return _ordered(Division(centroids, labels, prepared.squared_to_caller(inertia), clear=False))


def _ordered(division: Division) -> Division:
    """Numbers the clusters by size, equal ones by their first row in canonical order."""
    labels = numbered_by_size(division.labels)
    before = division.labels[np.unique(labels, return_index=True)[1]]
    return replace(division, centroids=division.centroids[before], labels=labels)


def _means(workers: Workers, rows: Float32, labels: Labels) -> Float64:
    sizes = np.bincount(labels)
    one_hot = np.eye(len(sizes), dtype=np.float32)

    def one(part: slice) -> Float32:
        return one_hot[:, labels[part]] @ rows[part]

    sums = np.zeros((len(sizes), rows.shape[1]))
    for more in workers.map_rows(one, rows):
        sums += more
    return sums / sizes[:, None]


def _without_gaps(rows: Float32, labels: Labels, k: int) -> Labels:
    """Gives every empty cluster the row farthest from the mean of a cluster that can spare one."""
    labels = labels.copy()
    for cluster in np.flatnonzero(np.bincount(labels, minlength=k) == 0):
        sizes = np.bincount(labels, minlength=k)
        distances = np.where(sizes[labels] > 1, _distances_to_means(rows, labels), -1.0)
        labels[np.argmax(distances)] = cluster
    return labels


def _distances_to_means(rows: Float32, labels: Labels) -> Float64:
    """Squared, in float64: float32 could not tell these rows apart."""
    distances = np.zeros(len(rows))
    for cluster in np.unique(labels):
        members = rows[labels == cluster].astype(np.float64)
        distances[labels == cluster] = ((members - members.mean(axis=0)) ** 2).sum(axis=1)
    return distances
