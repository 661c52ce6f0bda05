"""Pairwise Controlled Manifold Approximation: places rows in the plane, near means similar.

Wang, Huang, Rudin and Shaposhnik (2021, "Understanding how dimension reduction tools work: an
empirical approach to deciphering t-SNE, UMAP, TriMap, and PaCMAP for data visualization"), with
their numbers of pairs, weights and steps, but with exact nearest neighbours. In NumPy, because the
authors' package compiles for half a minute where it is first used and brings 270 MB of libraries.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from trace_clustering.clustering.kmeans import squared_norms
from trace_clustering.clustering.neighbours import nearest_rows
from trace_clustering.clustering.threads import Float32, Workers, row_blocks

# (rows, some) numbers of the rows that each row is paired with
Partners = NDArray[np.intp]

# Pairs of each row: with near rows, with rows in the middle, and with rows taken at random.
_NEAR, _MIDDLE, _FAR = 10, 5, 20
# The near rows are chosen among some more, by distances in units of what is near for both.
_CANDIDATES = 60
_NEAR_FOR_SCALE = slice(3, 6)
# A middle row is the second nearest of so many.
_MIDDLE_AMONG = 6
# Below this there are not enough rows for a row's pairs to differ from each other.
MIN_ROWS = 2 * (_NEAR + _MIDDLE + _FAR)

# Steps of the three phases: from the whole to the details.
_STEPS = (100, 100, 250)
_FIRST_PULL_OF_MIDDLE, _PULL_OF_MIDDLE = 1000.0, 3.0
# Adam, Kingma and Ba (2015).
_KEPT_MEAN, _KEPT_SQUARE, _TINY = 0.9, 0.999, 1e-7
# So many pairs of a block stay in a core's cache.
_BLOCK_ROWS = 2048


@dataclass(frozen=True)
class _Forces:
    """The pairs of every row, and how they pull.

    A pair at distance d pulls by ``strengths / (softness + d^2)^2``; far pairs push.

    Attributes:
        partners: (n, m).
        strengths, softness: (m,).
        arriving: (n, n m) sums a number of each pair over those that name a row as partner.
    """

    partners: Partners
    strengths: Float32
    softness: Float32
    arriving: csr_array


def pacmap(workers: Workers, rows: Float32, start: Float32, rng: np.random.Generator) -> Float32:
    """Places ``rows`` (n, d), at least ``MIN_ROWS``, in the plane, from ``start`` (n, 2).

    Byte for byte the same for the same input, whatever the number of threads.
    """
    near = _near_pairs(workers, rows)
    far = _far_pairs(near, rng)
    middle = _middle_pairs(workers, rows, rng)
    with_middle = _forces(np.hstack([near, far, middle]))
    without_middle = _forces(np.hstack([near, far]))
    place = np.ascontiguousarray(start.T)
    mean, square = np.zeros_like(place), np.zeros_like(place)
    for step in range(sum(_STEPS)):
        pulls = _pulls(step)
        forces = with_middle if pulls[2] else without_middle
        _adam(place, _gradient(workers, place, forces, pulls), mean, square, step)
        workers.progress()
    return np.ascontiguousarray(place.T)


def _pulls(step: int) -> tuple[float, float, float]:
    """The weights of the near, far and middle pairs."""
    first, second, _ = _STEPS
    if step < first:
        done = step / first
        return 2.0, 1.0, (1 - done) * _FIRST_PULL_OF_MIDDLE + done * _PULL_OF_MIDDLE
    return (3.0, 1.0, _PULL_OF_MIDDLE) if step < first + second else (1.0, 1.0, 0.0)


def _adam(place: Float32, gradient: Float32, mean: Float32, square: Float32, step: int) -> None:
    mean += np.float32(1 - _KEPT_MEAN) * (gradient - mean)
    square += np.float32(1 - _KEPT_SQUARE) * (gradient * gradient - square)
    rate = np.sqrt(1 - _KEPT_SQUARE ** (step + 1)) / (1 - _KEPT_MEAN ** (step + 1))
    place -= np.float32(rate) * mean / (np.sqrt(square) + np.float32(_TINY))


def _forces(partners: Partners) -> _Forces:
    n, m = partners.shape
    order = np.argsort(partners, axis=None, kind="stable")
    ends = np.cumsum(np.bincount(partners.ravel(), minlength=n))
    arriving = csr_array(
        (np.ones(n * m, dtype=np.float32), order, np.concatenate([[0], ends])), shape=(n, n * m)
    )
    sizes = [_NEAR, _FAR, m - _NEAR - _FAR]
    strengths = np.repeat(np.array([20, -2, 20_000], dtype=np.float32), sizes)
    return _Forces(
        partners,
        # Twice: the gradient of a squared distance.
        np.float32(2) * strengths,
        np.repeat(np.array([11, 2, 10_001], dtype=np.float32), sizes),
        arriving,
    )


def _gradient(
    workers: Workers, place: Float32, forces: _Forces, pulls: tuple[float, float, float]
) -> Float32:
    """The gradient (2, n) at ``place`` (2, n)."""
    n, m = forces.partners.shape
    weights = np.repeat(np.array(pulls, dtype=np.float32), [_NEAR, _FAR, m - _NEAR - _FAR])
    strengths = weights * forces.strengths
    pulled = np.empty((2, n, m), dtype=np.float32)
    gradient = np.empty((2, n), dtype=np.float32)

    def one(part: slice) -> None:
        apart = pulled[:, part]
        for axis in range(2):
            np.take(place[axis], forces.partners[part], out=apart[axis], mode="clip")
            np.subtract(place[axis, part, None], apart[axis], out=apart[axis])
        force = apart[0] * apart[0]
        force += apart[1] * apart[1]
        force += forces.softness
        force *= force
        np.divide(strengths, force, out=force)
        apart *= force
        apart.sum(axis=2, out=gradient[:, part])

    for _ in workers.map(one, row_blocks(n, _BLOCK_ROWS)):
        pass
    for axis in range(2):
        gradient[axis] -= forces.arriving @ pulled[axis].ravel()
    return gradient


def _near_pairs(workers: Workers, rows: Float32) -> Partners:
    found, distances = nearest_rows(workers, rows, min(_CANDIDATES, len(rows) - 1))
    scale = np.maximum(distances[:, _NEAR_FOR_SCALE].mean(axis=1), np.float32(1e-10))
    scaled = distances**2 / scale[:, None] / scale[found]
    return np.take_along_axis(found, np.argsort(scaled, axis=1, kind="stable")[:, :_NEAR], axis=1)


def _others(n: int, each: int, rng: np.random.Generator) -> Partners:
    """For each of n rows ``each`` others at random."""
    return (np.arange(n)[:, None] + rng.integers(1, n, (n, each))) % n


def _far_pairs(near: Partners, rng: np.random.Generator) -> Partners:
    far = _others(len(near), _FAR, rng)
    while True:
        clash = (far[:, :, None] == near[:, None, :]).any(axis=2)
        if not clash.any():
            return far
        far[clash] = _others(len(near), _FAR, rng)[clash]


def _middle_pairs(workers: Workers, rows: Float32, rng: np.random.Generator) -> Partners:
    among = _others(len(rows), _MIDDLE * _MIDDLE_AMONG, rng)
    squares = squared_norms(rows)

    def one(part: slice) -> Partners:
        products = np.matmul(rows[among[part]], rows[part, :, None])[:, :, 0]
        apart = (squares[among[part]] - 2 * products).reshape(-1, _MIDDLE, _MIDDLE_AMONG)
        second = np.argsort(apart, axis=2, kind="stable")[:, :, 1:2]
        drawn = among[part].reshape(apart.shape)
        return np.take_along_axis(drawn, second, axis=2)[:, :, 0]

    return np.concatenate(list(workers.map(one, row_blocks(len(rows), 256))))
