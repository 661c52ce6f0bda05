"""Lloyd's algorithm for many starts of many k at once, and greedy k-means++ seeding."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from trace_clustering.clustering.threads import Float32, Float64, Labels, Workers

# k-means++ draws this many rows for each seed and keeps the best, as scikit-learn does for k <= 6.
_SEED_TRIALS = 3

Real = TypeVar("Real", np.float32, np.float64)
# k -> (starts, k, d) centroids
Starts = dict[int, Float32]


@dataclass(frozen=True)
class Step:
    """What one step of Lloyd's algorithm made of some starts.

    Attributes:
        starts: the moved centroids.
        gains: k -> (starts,), of the centroids that were given: their inertia is the sum of the
            rows' squared norms - 2 * gain. Larger is better.
    """

    starts: Starts
    gains: dict[int, Float64]


def lloyd_step(workers: Workers, rows: Float32, starts: Starts) -> Step:
    """One step of all starts together, with one product of the rows with all centroids."""
    centroids = _stack(starts)
    parts = workers.map_rows(
        lambda part: _assign_and_sum(rows[part], rows[part], None, centroids, starts), rows
    )
    sums, counts, gains = next(parts)
    for more_sums, more_counts, more_gains in parts:
        sums += more_sums
        counts += more_counts
        gains += more_gains
    return _moved(starts, centroids, sums, counts, gains)


def weighted_lloyd_step(rows: Float32, weights: Float32, starts: Starts) -> Step:
    """One step over few weighted rows, in the calling thread."""
    centroids = _stack(starts)
    weighted = rows * weights[:, None]
    return _moved(starts, centroids, *_assign_and_sum(rows, weighted, weights, centroids, starts))


def _stack(starts: Starts) -> Float32:
    return np.concatenate(
        [centroids.reshape(-1, centroids.shape[2]) for centroids in starts.values()]
    )


def _scores(rows: Float32, centroids: Float32) -> Float32:
    """Products minus half the squared norms (centroids, rows): largest for the nearest."""
    halves = np.float32(0.5) * squared_norms(centroids)[:, None]
    if len(centroids) > rows.shape[1]:
        # One more column subtracts the norms within the product, sparing a pass over the scores.
        ones = np.ones((len(rows), 1), dtype=np.float32)
        product: Float32 = np.hstack([centroids, -halves]) @ np.hstack([rows, ones]).T
        return product
    # BLAS multiplies a tall matrix by a narrow one faster than the other way round.
    scores = np.ascontiguousarray((rows @ centroids.T).T)
    scores -= halves
    return scores


def _assign_and_sum(
    rows: Float32, weighted: Float32, weights: Float32 | None, centroids: Float32, starts: Starts
) -> tuple[Float64, Float64, Float64]:
    """Sums (K, d) and weights (K,) of each centroid's rows, and each start's gain."""
    scores = _scores(rows, centroids)
    gains: list[NDArray[np.floating]] = []
    begin = 0
    for k, group in starts.items():
        end = begin + len(group) * k
        best = _to_one_hot(scores[begin:end].reshape(len(group), k, -1))
        gains.append(best.sum(axis=1, dtype=np.float64) if weights is None else best @ weights)
        begin = end
    counts = scores.sum(axis=1) if weights is None else scores @ weights
    return (
        (scores @ weighted).astype(np.float64),
        counts.astype(np.float64),
        np.concatenate(gains),
    )


def _to_one_hot(scores: Float32) -> Float32:
    """Replaces scores (starts, k, n) by ones at the best of each row; returns the best (starts, n).

    Comparing with the maximum is many times faster than argmax over a middle axis. A row equally
    near to two centroids counts for both, which is as good a mean on the way.
    """
    best: Float32 = scores.max(axis=1)
    np.equal(scores, best[:, None], out=scores)
    return best


def _moved(
    starts: Starts, centroids: Float32, sums: Float64, counts: Float64, gains: Float64
) -> Step:
    # A centroid without rows stays where it is.
    sums[counts == 0] = centroids[counts == 0]
    means = (sums / np.maximum(counts, 1e-30)[:, None]).astype(np.float32)
    means[counts == 0] = centroids[counts == 0]
    moved: Starts = {}
    gains_by_k: dict[int, Float64] = {}
    row = start = 0
    for k, group in starts.items():
        moved[k] = means[row : row + len(group) * k].reshape(group.shape)
        gains_by_k[k] = gains[start : start + len(group)]
        row, start = row + len(group) * k, start + len(group)
    return Step(moved, gains_by_k)


def squared_norms(rows: NDArray[Real]) -> NDArray[Real]:
    """(n,) squared lengths of rows."""
    norms: NDArray[Real] = np.einsum("ij,ij->i", rows, rows)
    return norms


def squared_distances(rows: Float32, starts: Float32) -> Float32:
    """From all centroids (starts, k, d) to the rows (n, d): (starts, k, n), never negative."""
    count, k, columns = starts.shape
    apart = _scores(rows, starts.reshape(-1, columns))
    apart *= np.float32(-2)
    apart += squared_norms(rows)
    return np.maximum(apart, 0, out=apart).reshape(count, k, -1)


def greedy_seeds(
    rows: Float32, weights: Float32, starts: int, k: int, rng: np.random.Generator
) -> Labels:
    """Indices (starts, k) of rows drawn by greedy k-means++; a prefix seeds a smaller k.

    Arthur and Vassilvitskii (2007, "k-means++: the advantages of careful seeding"), with the greedy
    choice among a few trials that their paper ends on.
    """
    apart = squared_distances(rows, rows[None])[0]
    chosen = np.empty((starts, k), dtype=np.int32)
    chosen[:, 0] = draw(np.tile(weights, (starts, 1)), 1, rng)[:, 0]
    nearest = apart[chosen[:, 0]]
    for position in range(1, k):
        trials = draw(nearest * weights, _SEED_TRIALS, rng)
        after = np.minimum(apart[trials], nearest[:, None])
        best = np.argmin(after @ weights, axis=1)
        every = np.arange(starts)
        chosen[:, position] = trials[every, best]
        nearest = after[every, best]
    return chosen


def draw(chances: Float32, draws: int, rng: np.random.Generator) -> Labels:
    """Column numbers (rows, draws), each drawn with the chance that its row gives it."""
    ladder = np.cumsum(chances, axis=1)
    points = rng.random((len(chances), draws), dtype=np.float32) * ladder[:, -1:]
    below: Labels = (ladder[:, None, :] <= points[:, :, None]).sum(axis=2, dtype=np.int32)
    return np.minimum(below, np.int32(chances.shape[1] - 1))


def scores_of(workers: Workers, rows: Float32, centroids: Float32) -> Float32:
    """Products minus half the squared norms (centroids, rows): largest for the nearest."""
    parts = workers.map_rows(lambda part: _scores(rows[part], centroids), rows)
    return np.concatenate(list(parts), axis=1)


def nearest_centroids(workers: Workers, rows: Float32, starts: Float32) -> Labels:
    """Of each of the starts (s, k, d) the number of the centroid nearest to each row: (s, n)."""
    count, k, columns = starts.shape
    centroids = starts.reshape(-1, columns)

    def one(part: slice) -> Labels:
        scores = _scores(rows[part], centroids)
        nearest: Labels = scores.reshape(count, k, -1).argmax(axis=1).astype(np.int32)
        return nearest

    return np.concatenate(list(workers.map_rows(one, rows)), axis=1)


def inertia_of(workers: Workers, rows: Float32, centroids: Float32, labels: Labels) -> float:
    """From differences: norms and products would cancel where clusters are tight."""

    def one(part: slice) -> float:
        differences = rows[part] - centroids[labels[part]]
        return float(squared_norms(differences).sum(dtype=np.float64))

    return sum(workers.map_rows(one, rows))
