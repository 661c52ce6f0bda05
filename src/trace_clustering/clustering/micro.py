"""A few thousand points that stand for many rows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trace_clustering.clustering.kmeans import lloyd_step, squared_norms
from trace_clustering.clustering.neighbours import first_of_equals
from trace_clustering.clustering.projection import leading_subspace, project
from trace_clustering.clustering.threads import Float32, Float64, Labels, Workers

_POINTS = 4000
# Rows are gathered by their coordinates in so many leading directions.
_RANK = 64


@dataclass(frozen=True)
class Points:
    """What a tree joins.

    Attributes:
        of_rows: (n,) the point of each row.
        means: (m, d) where the points lie.
        weights: (m,) how many rows they stand for.
    """

    of_rows: Labels
    means: Float32
    weights: Float64


def gathered(workers: Workers, rows: Float32, rng: np.random.Generator) -> Points:
    """Micro-clusters: a step of k-means from rows drawn at random.

    Args:
        workers: told of progress.
        rows: (n, d), more than 4,000, in canonical order.
        rng: draws the rows.
    """
    basis = leading_subspace(workers, rows, min(_RANK, rows.shape[1]), rng)
    projected = project(workers, rows, basis)
    drawn = np.sort(rng.choice(len(rows), _POINTS, replace=False))
    moved = lloyd_step(workers, projected, {_POINTS: projected[drawn][None]})
    nearest = _nearest(workers, projected, moved.starts[_POINTS][0])
    # Equal rows of different blocks may come out differently.
    first = first_of_equals(rows)
    nearest = nearest[first][np.cumsum(first) - 1]
    return united(rows, nearest)


def united(rows: Float32, numbers: NDArray[np.integer]) -> Points:
    """A point for the rows (n, d) of each number (n,), in the order of the numbers."""
    _, of_rows, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    members = np.split(np.argsort(of_rows, kind="stable"), np.cumsum(counts)[:-1])
    means = [rows[part].mean(axis=0, dtype=np.float64).astype(np.float32) for part in members]
    return Points(
        of_rows=of_rows.astype(np.int32),
        means=np.stack(means),
        weights=counts.astype(np.float64),
    )


def _nearest(workers: Workers, rows: Float32, centroids: Float32) -> Labels:
    halves = np.float32(0.5) * squared_norms(centroids)
    parts = workers.map_rows(lambda part: (rows[part] @ centroids.T - halves).argmax(axis=1), rows)
    return np.concatenate(list(parts)).astype(np.int32)
