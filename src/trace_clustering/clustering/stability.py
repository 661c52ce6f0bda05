"""How far clusters come back when the rows are drawn anew.

Hennig (2007, "Cluster-wise assessment of cluster stability"): bootstrap resamples of the rows are
clustered, and of every cluster the Jaccard similarity to the most similar one of each resample is
averaged. He calls clusters above 0.75 stable, and below 0.5 dissolved.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from trace_clustering.clustering.kmeans import nearest_centroids
from trace_clustering.clustering.neighbours import nearest_rows
from trace_clustering.clustering.preparation import Prepared
from trace_clustering.clustering.projection import leading_subspace, project
from trace_clustering.clustering.restarts import RANK, search_projected
from trace_clustering.clustering.threads import (
    BLOCK_ROWS,
    Float32,
    Float64,
    Labels,
    Workers,
    row_blocks,
)

RESAMPLES = 20
# Of Lloyd's algorithm over all columns: the search in few columns ends close to rest.
_FULL_STEPS = 1
# Nearest neighbours are looked for among so many rows.
_PROBED_ROWS = 2000


@dataclass(frozen=True)
class Stability:
    """What resamples make of a clustering.

    Attributes:
        clusters: (k,) mean best-match Jaccard of every cluster, 0..1.
        agreement: mean adjusted Rand index between the clusterings of two resamples, at most 1
            (Hubert and Arabie 1985).
        kept: of all rows and resamples, the share in which a row's nearest neighbour is in the
            row's cluster. Close to 1 where clusters are cut between groups of rows, never through
            them, even if resamples unite different groups.
        kept_of: (k,) the same for the rows of every cluster.
    """

    clusters: Float64
    agreement: float
    kept: float
    kept_of: Float64


def resample_stability(
    workers: Workers, prepared: Prepared, labels: Labels, rng: np.random.Generator
) -> Stability:
    """Clusters bootstrap resamples from scratch and compares.

    The resamples share the subspace in which the search for centroids takes place.

    Args:
        workers: told of progress with every resample.
        prepared: the rows.
        labels: (n,) clusters 0..k-1 of ``prepared.rows``.
        rng: draws the resamples.
    """
    n, k = len(labels), int(labels.max()) + 1
    # (resamples, n): how often each row was drawn.
    counts = rng.multinomial(n, np.full(n, 1 / n), RESAMPLES).astype(np.int32)
    found = np.stack(list(_clusterings(workers, prepared, counts, k, rng)))
    for _ in range(_FULL_STEPS):
        found = _full_step(workers, prepared, found, counts, k)
    one_hot = np.eye(k, dtype=np.float32)
    jaccards = [
        best_jaccards(one_hot[labels[drawn > 0]], one_hot[other[drawn > 0]])
        for other, drawn in zip(found, counts, strict=True)
    ]
    kept, kept_of = _kept_neighbours(workers, prepared.rows, labels, found, rng)
    return Stability(
        clusters=np.mean(jaccards, axis=0),
        agreement=mean_adjusted_rand(found, k),
        kept=kept,
        kept_of=kept_of,
    )


def _clusterings(
    workers: Workers, prepared: Prepared, counts: Labels, k: int, rng: np.random.Generator
) -> Iterator[Labels]:
    """The labels (n,) of all rows by the centroids of each resample."""
    basis = leading_subspace(workers, prepared.rows, max(RANK, k), rng)
    projected = project(workers, prepared.rows, basis)
    for drawn in counts:
        rows = np.repeat(projected, drawn, axis=0)
        step = search_projected(workers, rows, range(k, k + 1), rng)
        best = step.starts[k][np.argmax(step.gains[k])]
        yield nearest_centroids(workers, projected, best[None])[0]


def _full_step(
    workers: Workers, prepared: Prepared, found: Labels, counts: Labels, k: int
) -> Labels:
    """One step of Lloyd's algorithm over all columns, for all resamples together."""
    rows, clusters = prepared.rows, np.arange(len(found))[:, None] * k + found

    def sum_up(part: slice) -> tuple[Float32, Float32]:
        members = np.zeros((len(found) * k, len(rows[part])), dtype=np.float32)
        members[clusters[:, part], np.arange(members.shape[1])] = counts[:, part]
        return members @ rows[part], members.sum(axis=1)

    sums, drawn = np.zeros((len(found) * k, rows.shape[1])), np.zeros(len(found) * k)
    for more_sums, more_drawn in workers.map_rows(sum_up, rows):
        sums += more_sums
        drawn += more_drawn
    # A cluster without drawn rows is at the mean of all, which is zero.
    centroids = (sums / np.maximum(drawn, 1)[:, None]).astype(np.float32)
    return nearest_centroids(workers, rows, centroids.reshape(len(found), k, -1))


def best_jaccards(clusters: Float32, others: Float32) -> Float64:
    """Of every cluster the similarity to the most similar other one; both one-hot (rows, k)."""
    shared = (clusters.T @ others).astype(np.float64)
    united = clusters.sum(axis=0)[:, None] + others.sum(axis=0) - shared
    best: Float64 = (shared / np.maximum(united, 1)).max(axis=1)
    return best


def mean_adjusted_rand(found: Labels, k: int) -> float:
    """Over all pairs of clusterings (resamples, n) into clusters 0..k-1, some perhaps empty."""
    count, n = found.shape
    identity, counts = np.eye(k, dtype=np.float32), np.zeros((count * k, count * k))
    for part in row_blocks(n, BLOCK_ROWS):
        one_hot = identity[found[:, part]].transpose(1, 0, 2).reshape(-1, count * k)
        counts += one_hot.T @ one_hot
    shared = counts.reshape(count, k, count, k)
    together = _pairs(shared).sum(axis=(1, 3))
    own = np.diagonal(together)
    expected = np.outer(own, own) / _pairs(np.float64(n))
    most = (own[:, None] + own) / 2
    pairs = np.triu_indices(count, 1)
    # Two clusterings of one cluster each are equal.
    gain, most_gain = (together - expected)[pairs], (most - expected)[pairs]
    return float(np.where(most_gain > 0, gain / np.where(most_gain > 0, most_gain, 1), 1).mean())


def _pairs(counts: Float64 | np.float64) -> Float64:
    return np.asarray(counts * (counts - 1) / 2)


def _kept_neighbours(
    workers: Workers, rows: Float32, labels: Labels, found: Labels, rng: np.random.Generator
) -> tuple[float, Float64]:
    """Of all rows, and of the rows of each cluster; 1 for clusters of which none was probed."""
    probed = np.sort(rng.permutation(len(rows))[:_PROBED_ROWS])
    neighbours = nearest_rows(workers, rows[probed], 1)[0][:, 0]
    others = found[:, probed]
    kept = (others == others[:, neighbours]).mean(axis=0)
    k = int(labels.max()) + 1
    sizes = np.bincount(labels[probed], minlength=k)
    sums = np.bincount(labels[probed], weights=kept, minlength=k)
    return float(kept.mean()), np.where(sizes > 0, sums / np.maximum(sizes, 1), 1.0)
