"""Equal rows and exact nearest ones, found by blocks: the distances are never held whole."""

import numpy as np
from numpy.typing import NDArray

from trace_clustering.clustering.kmeans import Real, squared_norms
from trace_clustering.clustering.silhouette import DistanceBlocks
from trace_clustering.clustering.threads import Float32, Float64, Workers, row_blocks

# A strip of so many rows of distances to 20,000 others takes 20 MB.
_STRIP_ROWS = 256
# Columns looked at to learn what is near.
_EVERY = 8
_EPS = float(np.finfo(np.float32).eps)
# Two equal rows of length one may come out this far apart: norms and products are float32, and the
# root of their rounding is what is left.
_ROUNDING = 2 * float(np.sqrt(_EPS))
# Rows of length one that are nearer differ by the rounding of their values.
_SAME = 16 * _EPS
# Distances in float64 are computed of so many rows to so many.
_CLOSE_ROWS, _CLOSE_COLUMNS = 256, 2048


def first_of_equals(rows: Float32) -> NDArray[np.bool_]:
    """Whether each row (n, d) is the first of those equal to it, where equal rows are neighbours.

    So they are in the order of ``preparation.prepare``.
    """
    new = np.ones(len(rows), dtype=np.bool_)
    np.any(rows[1:] != rows[:-1], axis=1, out=new[1:])
    return new


def kth_distances(blocks: DistanceBlocks, rows: Float32, k: int) -> Float64:
    """The distance (n,) of each row to its k-th nearest other row, k < n.

    Zero where rows differ by no more than the rounding of their values.
    """
    nearest = np.full((len(rows), k), np.inf, dtype=np.float32)

    def visit(left: slice, right: slice, distances: Float32) -> tuple[Float32, Float32 | None]:
        if left == right:
            # The row itself is no neighbour.
            np.fill_diagonal(distances, np.inf)
        down = None if left == right else _smallest(np.ascontiguousarray(distances.T), k)
        return _smallest(distances, k), down

    for left, right, (across, down) in blocks.map(visit):
        nearest[left] = _smallest(np.hstack([nearest[left], across]), k)
        if down is not None:
            nearest[right] = _smallest(np.hstack([nearest[right], down]), k)
    found: Float64 = nearest.max(axis=1).astype(np.float64)
    close = np.flatnonzero(found < _ROUNDING * np.sqrt(squared_norms(rows)))
    found[close] = 0.0
    if len(close):
        close = close[~_among_copies(rows, k)[close]]
    if len(close):
        found[close] = _close_distances(blocks.workers, rows, close, k)
    return found


def _among_copies(rows: Float32, k: int) -> NDArray[np.bool_]:
    """Whether at least k rows beside each row are equal to it."""
    number = np.cumsum(first_of_equals(rows))
    among: NDArray[np.bool_] = np.bincount(number)[number] > k
    return among


def _close_distances(workers: Workers, rows: Float32, close: NDArray[np.intp], k: int) -> Float64:
    """The distances of some rows to their k-th nearest, in float64.

    Looks only at rows of about the same length, as are all that are so near.
    """
    lengths = np.sqrt(squared_norms(rows).astype(np.float64))
    by_length, order = np.argsort(lengths, kind="stable"), np.argsort(lengths[close], kind="stable")
    ascending = lengths[by_length]

    def one(part: slice) -> Float64:
        some = close[order[part]]
        reach = 2 * _ROUNDING * lengths[some]
        ends = [lengths[some[0]] - reach[0], lengths[some[-1]] + reach[-1]]
        others = by_length[slice(*np.searchsorted(ascending, ends))]
        return _kth_among(rows, some, others, np.repeat(reach[:, None] ** 2, k, axis=1))

    distances = np.empty(len(close))
    distances[order] = np.concatenate(list(workers.map(one, row_blocks(len(close), _CLOSE_ROWS))))
    distances[distances < _SAME * lengths[close]] = 0.0
    return distances


def _kth_among(
    rows: Float32, some: NDArray[np.intp], others: NDArray[np.intp], nearest: Float64
) -> Float64:
    """Of some rows the k-th smallest distance to others, given squared bounds (some, k) of it."""
    own = rows[some].astype(np.float64)
    for part in row_blocks(len(others), _CLOSE_COLUMNS):
        columns = rows[others[part]].astype(np.float64)
        apart = own @ columns.T
        apart *= -2
        apart += squared_norms(own)[:, None]
        apart += squared_norms(columns)
        apart[some[:, None] == others[part]] = np.inf
        nearest = _smallest(np.hstack([nearest, apart]), nearest.shape[1])
    kth: Float64 = np.sqrt(np.maximum(nearest.max(axis=1), 0))
    return kth


def _smallest(distances: NDArray[Real], k: int) -> NDArray[Real]:
    """The k smallest of each row, or all if they are fewer, in no order."""
    if distances.shape[1] <= k:
        return distances
    return np.partition(distances, k - 1, axis=1)[:, :k]


def nearest_rows(workers: Workers, rows: Float32, k: int) -> tuple[NDArray[np.intp], Float32]:
    """The k nearest other rows of each row, k < n, and how far they are: (n, k) each.

    Nearest first. For rows of few columns: every distance is computed twice.
    """
    squares = squared_norms(rows)

    def one(part: slice) -> tuple[NDArray[np.intp], Float32]:
        apart = rows[part] @ rows.T
        apart *= np.float32(-2)
        apart += squares
        apart[np.arange(len(apart)), np.arange(part.start, part.stop)] = np.inf
        return _sorted_nearest(apart, squares[part], k)

    parts = list(workers.map(one, row_blocks(len(rows), _STRIP_ROWS)))
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _sorted_nearest(apart: Float32, squares: Float32, k: int) -> tuple[NDArray[np.intp], Float32]:
    """From squared distances without the rows' own squared lengths."""
    few, columns = _promising(apart, k)
    found = np.argpartition(few, k - 1, axis=1)[:, :k]
    # Equal distances keep the order of the rows.
    found.sort(axis=1)
    near = np.take_along_axis(few, found, axis=1)
    order = np.argsort(near, axis=1, kind="stable")
    near = np.take_along_axis(near, order, axis=1) + squares[:, None]
    picked = np.take_along_axis(columns, np.take_along_axis(found, order, axis=1), axis=1)
    return picked, np.sqrt(np.maximum(near, 0))


def _promising(apart: Float32, k: int) -> tuple[Float32, NDArray[np.intp]]:
    """Some of each row's values with their columns, ascending, among them the k smallest.

    Searching all columns for the k smallest takes several times as long as to look at a few columns
    how small these are, and search what is as small.
    """
    some = apart[:, ::_EVERY]
    rank = k // 4 + 16
    if some.shape[1] <= 2 * rank:
        columns = np.arange(apart.shape[1])
        return apart, np.broadcast_to(columns, apart.shape)
    limits = np.partition(some, rank, axis=1)[:, rank]
    small = apart <= limits[:, None]
    small[small.sum(axis=1) < k] = True
    counts = small.sum(axis=1)
    values = np.full((len(apart), counts.max()), np.inf, dtype=np.float32)
    columns = np.zeros(values.shape, dtype=np.intp)
    filled = np.arange(values.shape[1]) < counts[:, None]
    values[filled], columns[filled] = apart[small], np.nonzero(small)[1]
    return values, columns
