"""Finds good centroids for every k: a wide search where it is cheap, then full dimension.

1. The rows are projected on a few leading singular directions and gathered in a few hundred
   weighted points (``_condense``).
2. On those points many seedings of every k run together, the worse ones leave early
   (``_explore``), and the best are crossed with their neighbours in k (``_cross``), which finds
   divisions that no seeding led to.
3. The best distinct ones go on over all projected rows, the best of those over the full rows until
   nothing moves.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from trace_clustering.clustering.kmeans import (
    Starts,
    Step,
    draw,
    greedy_seeds,
    lloyd_step,
    squared_distances,
    squared_norms,
    weighted_lloyd_step,
)
from trace_clustering.clustering.preparation import Prepared
from trace_clustering.clustering.projection import leading_subspace, project
from trace_clustering.clustering.threads import Float32, Float64, Workers, bounded_groups

# (steps, how many starts of each k are kept after them)
Rounds = tuple[tuple[int, int], ...]

RANK = 16
_POINTS = 320
_SEEDINGS = 64
_SEEDED_HALVING: Rounds = ((1, 40), (2, 16), (2, 12))
_CROSSINGS = 2
_CROSSED = 6
_ADDED = 6
_CROSSED_HALVING: Rounds = ((1, 24), (2, 16))
# Over all projected rows: how many are kept, and steps.
_PROJECTED = ((6, 2), (4, 1))
_FULL_KEPT = 4
_FULL_STEPS = 60
# Inertias this close (relative) are equal for every purpose: then the silhouette decides.
EQUAL_INERTIA = 9.5e-4
# A start that much behind (relative) will not catch up in full dimension.
_HOPE = 3e-3
# Starts whose gains agree to this much are the same division.
_SAME = 1e-5
# So many centroids are moved together, few columns of them and all: of three to six clusters all,
# of many clusters those of one number after the other.
_MOST_NARROW, _MOST_FULL = 8192, 512


def find_centroids(
    workers: Workers, prepared: Prepared, ks: range, rng: np.random.Generator
) -> dict[int, list[Float32]]:
    """The best few centroids (k, d) found for every k, where Lloyd's algorithm rests."""
    rows = prepared.rows
    basis = leading_subspace(workers, rows, RANK, rng)
    step = search_projected(workers, project(workers, rows, basis), ks, rng)
    total = prepared.total
    starts = ((k, group @ basis.T) for k, group in _promising(step, total).items())
    found: dict[int, list[Float32]] = {}
    for together in _together(starts, _MOST_FULL):
        found |= _polish(workers, rows, together, total)
    return found


def search_projected(workers: Workers, rows: Float32, ks: range, rng: np.random.Generator) -> Step:
    """The best few starts of every k over rows (n, d) of few dimensions, nearly at rest."""
    points, weights = _condense(workers, rows, rng)
    step = _explore(workers, points, weights, ks, rng)
    for _ in range(_CROSSINGS):
        step = _cross(workers, points, weights, step, rng)
    for kept, steps in _PROJECTED:
        starts = _best(step, kept)
        for _ in range(steps):
            step = lloyd_step(workers, rows, starts)
            starts = step.starts
    return step


def _condense(workers: Workers, rows: Float32, rng: np.random.Generator) -> tuple[Float32, Float32]:
    """At most ``_POINTS`` weighted points that stand for all rows: one Lloyd step from a sample."""
    n = len(rows)
    if n <= _POINTS:
        return rows, np.ones(n, dtype=np.float32)
    sample = rows[rng.choice(n, _POINTS, replace=False)]
    half_squares = np.float32(0.5) * squared_norms(sample)

    def one(part: slice) -> tuple[Float32, Float32]:
        nearest = np.argmax(rows[part] @ sample.T - half_squares, axis=1)
        one_hot = np.zeros((_POINTS, len(nearest)), dtype=np.float32)
        one_hot[nearest, np.arange(len(nearest))] = 1
        return one_hot @ rows[part], one_hot.sum(axis=1)

    sums = np.zeros(sample.shape)
    counts = np.zeros(_POINTS)
    for more_sums, more_counts in workers.map_rows(one, rows):
        sums += more_sums
        counts += more_counts
    used = counts > 0
    means = sums[used] / counts[used, None]
    return means.astype(np.float32), counts[used].astype(np.float32)


def _explore(
    workers: Workers, points: Float32, weights: Float32, ks: range, rng: np.random.Generator
) -> Step:
    """The best of many seedings of every k, after a few steps of Lloyd's algorithm.

    In the calling thread: the single operations are too short to be worth handing over.
    """
    seeds = greedy_seeds(points, weights, _SEEDINGS, ks[-1], rng)
    starts = ((k, points[seeds[:, :k]]) for k in ks)
    return _halve(workers, points, weights, starts, _SEEDED_HALVING)


def _cross(
    workers: Workers, points: Float32, weights: Float32, step: Step, rng: np.random.Generator
) -> Step:
    starts = _crossed(points, weights, _best(step, _CROSSED), rng)
    return _halve(workers, points, weights, starts, _CROSSED_HALVING)


def _crossed(
    points: Float32, weights: Float32, best: Starts, rng: np.random.Generator
) -> Iterator[tuple[int, Float32]]:
    """Adds starts made from the best of k + 1 without a centroid and of k - 1 with one more."""
    for k, group in best.items():
        made = [group]
        if k + 1 in best:
            made += [np.delete(best[k + 1], dropped, axis=1) for dropped in range(k + 1)]
        if k - 1 in best:
            made += _with_one_more(points, weights, best[k - 1], rng)
        yield k, np.concatenate(made)


def _with_one_more(
    points: Float32, weights: Float32, starts: Float32, rng: np.random.Generator
) -> list[Float32]:
    """Some copies of the starts (s, k, d), each with another point drawn as by k-means++."""
    nearest = squared_distances(points, starts).min(axis=1)
    drawn = draw(nearest * weights, _ADDED, rng)
    return [np.concatenate([starts, points[column][:, None]], axis=1) for column in drawn.T]


def _halve(
    workers: Workers,
    points: Float32,
    weights: Float32,
    starts: Iterable[tuple[int, Float32]],
    rounds: Rounds,
) -> Step:
    """Steps of Lloyd's algorithm, from which the worse starts drop out early."""
    halved = Step({}, {})
    for left in _together(starts, _MOST_NARROW):
        for steps, kept in rounds:
            for _ in range(steps):
                step = weighted_lloyd_step(points, weights, left)
                left = step.starts
            left = _best(step, kept)
        halved.starts.update(step.starts)
        halved.gains.update(step.gains)
        workers.progress()
    return halved


def _together(starts: Iterable[tuple[int, Float32]], most: int) -> Iterator[Starts]:
    """The starts of every k, of some k together: all of them might be too many to hold."""
    return map(dict, bounded_groups(starts, lambda one: one[0] * len(one[1]), most))


def _best(step: Step, most: int) -> Starts:
    """The ``most`` best starts of every k, best first, equal ones only once."""
    return {k: step.starts[k][_distinct(gains, most)] for k, gains in step.gains.items()}


def _distinct(gains: Float64, most: int) -> list[int]:
    chosen: list[int] = []
    for index in np.argsort(-gains, kind="stable"):
        if not chosen or gains[chosen[-1]] - gains[index] > _SAME * abs(gains[chosen[-1]]):
            chosen.append(int(index))
        if len(chosen) == most:
            break
    return chosen


def _promising(step: Step, total: float) -> Starts:
    """The best few starts of every k that may still become the best in full dimension."""
    best: Starts = {}
    for k, gains in step.gains.items():
        inertias = _inertias(total, gains)
        near = [i for i in _distinct(gains, _FULL_KEPT) if _near(inertias)[i]]
        best[k] = step.starts[k][near]
    return best


def _inertias(total: float, gains: Float64) -> Float64:
    # Where the clusters are nearly points, rounding may leave less than nothing.
    return np.maximum(total - 2 * gains, 0.0)


def _near(inertias: Float64) -> NDArray[np.bool_]:
    near: NDArray[np.bool_] = inertias <= (1 + _HOPE) * inertias.min()
    return near


def _polish(
    workers: Workers, rows: Float32, starts: Starts, total: float
) -> dict[int, list[Float32]]:
    """Lloyd's algorithm in full dimension until every start rests or falls behind."""
    done: dict[int, list[tuple[float, Float32]]] = {k: [] for k in starts}
    for count in range(_FULL_STEPS):
        step = lloyd_step(workers, rows, starts)
        last = count == _FULL_STEPS - 1
        left: Starts = {}
        for k, group in starts.items():
            inertias = _inertias(total, step.gains[k])
            resting = (group == step.starts[k]).all(axis=(1, 2)) | last
            done[k] += zip(inertias[resting], group[resting], strict=True)
            going_on = ~resting & _near(inertias)
            if going_on.any():
                left[k] = step.starts[k][going_on]
        starts = left
        if not starts:
            break
    return {k: _rivals(results) for k, results in done.items()}


def _rivals(results: list[tuple[float, Float32]]) -> list[Float32]:
    """The centroids whose inertia is as good as equal to the least, which are hardly ever two."""
    least = min(inertia for inertia, _ in results)
    return [centroids for inertia, centroids in results if inertia <= least * (1 + EQUAL_INERTIA)]
