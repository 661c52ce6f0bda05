"""Checks the input and brings it to centred float32 rows of magnitude about one."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trace_clustering.clustering.kmeans import squared_norms
from trace_clustering.clustering.threads import Float32, Float64, Workers
from trace_clustering.errors import DegenerateDataError, InvalidInputError

_FLOAT32_MAX = float(np.finfo(np.float32).max)
# Powers of two beyond these are no float32 any more.
_MIN_EXPONENT, _MAX_EXPONENT = -120, 128


@dataclass(frozen=True)
class Prepared:
    """Rows in working units: ``rows = embeddings * 2**-exponent - offset``, then times ``zoom``.

    Attributes:
        rows: (n, d) float32, C-contiguous, near zero mean, magnitudes up to about one.
        squares: (n,) squared lengths of ``rows``.
        offset: (d,) float32, the mean before ``zoom``.
        exponent: of the power of two that divides the caller's values.
        zoom: of the power of two that multiplies the centred values.
    """

    rows: Float32
    squares: Float32
    offset: Float32
    exponent: int
    zoom: int

    @property
    def total(self) -> float:
        """The sum of squared distances to the origin of the working units."""
        return float(self.squares.sum(dtype=np.float64))

    def to_caller(self, centroids: Float64 | Float32) -> Float32:
        """Brings (k, d) centroids from working units to the caller's."""
        moved = np.ldexp(centroids.astype(np.float64), -self.zoom) + self.offset
        limited = np.clip(np.ldexp(moved, self.exponent), -_FLOAT32_MAX, _FLOAT32_MAX)
        return limited.astype(np.float32)

    def to_working(self, centroids: Float32) -> Float32:
        """Brings (k, d) centroids from the caller's units to working units."""
        scaled = np.ldexp(centroids.astype(np.float64), -self.exponent)
        return np.ldexp(scaled - self.offset, self.zoom).astype(np.float32)

    def squared_to_caller(self, value: float) -> float:
        """Brings a squared length from working units to the caller's."""
        return math.ldexp(value, 2 * (self.exponent - self.zoom))


def prepare(workers: Workers, embeddings: ArrayLike) -> Prepared:
    """Rounds to float32, centres and scales by powers of two.

    Raises:
        InvalidInputError: ``embeddings`` is no finite real (n, d) array with n >= 2, d >= 1, or
            holds a value that float32 cannot hold.
    """
    given = _as_matrix(embeddings)
    exponent = _exponent(max(workers.map_rows(lambda part: _largest(given[part]), given)))
    scale = math.ldexp(1.0, -exponent)
    rows = np.empty(given.shape, dtype=np.float32)

    def fill(part: slice) -> Float32:
        np.multiply(given[part], scale, out=rows[part], casting="same_kind")
        column_sums: Float32 = rows[part].sum(axis=0)
        return column_sums

    total: Float64 = np.sum(list(workers.map_rows(fill, given)), axis=0, dtype=np.float64)
    offset = (total / len(rows)).astype(np.float32)

    def centre(part: slice) -> float:
        np.subtract(rows[part], offset, out=rows[part])
        return _largest(rows[part])

    zoom = -_exponent(max(workers.map_rows(centre, rows)))
    if zoom:
        rows *= np.float32(math.ldexp(1.0, zoom))
    squares = np.concatenate(list(workers.map_rows(lambda part: squared_norms(rows[part]), rows)))
    return Prepared(rows, squares, offset, exponent, zoom)


def _as_matrix(embeddings: ArrayLike) -> NDArray[np.floating]:
    try:
        given = np.asarray(embeddings)
    except ValueError as error:
        raise InvalidInputError("embeddings", "rows differ in length") from error
    if given.ndim != 2:
        raise InvalidInputError("embeddings", f"expected 2 dimensions, got {given.ndim}")
    if given.shape[0] < 2 or given.shape[1] < 1:
        problem = f"expected at least 2 rows and 1 column, got {given.shape}"
        raise InvalidInputError("embeddings", problem)
    if given.dtype.kind not in "fiub":
        raise InvalidInputError("embeddings", f"expected real numbers, got {given.dtype}")
    if given.dtype in (np.float32, np.float64):
        return given
    return given.astype(np.float64)


def _largest(block: NDArray[np.floating]) -> float:
    """The largest magnitude; unlike ``abs(block).max()`` makes no copy. NaN stays NaN."""
    largest = float(np.maximum(block.max(), -block.min()))
    # max() does not see a NaN that a later comparison drops, so it is refused here.
    if not largest <= _FLOAT32_MAX:
        problem = "holds NaN, infinity or a value beyond the range of float32"
        raise InvalidInputError("embeddings", problem)
    return largest


def _exponent(largest: float) -> int:
    return max(_MIN_EXPONENT, min(_MAX_EXPONENT, math.frexp(largest)[1])) if largest else 0


def testable_range(rows: Float32, min_k: int, max_k: int) -> range:
    """The numbers of clusters that the data allow: at most its distinct rows, fewer than n.

    Raises:
        DegenerateDataError: none is left.
    """
    n = len(rows)
    distinct = _count_distinct(rows, max_k)
    if distinct == 1:
        raise DegenerateDataError(f"all {n} vectors are equal")
    if distinct < min_k:
        raise DegenerateDataError(
            f"only {distinct} distinct vectors among {n}, fewer than min_k={min_k}"
        )
    if n <= min_k:
        raise DegenerateDataError(f"{n} vectors are too few for min_k={min_k} clusters")
    return range(min_k, min(max_k, distinct, n - 1) + 1)


def _count_distinct(rows: Float32, enough: int) -> int:
    """The number of distinct rows, but at most ``enough``: real data ends after a few rows."""
    seen: set[bytes] = set()
    for row in rows:
        # Adding zero turns -0.0 into 0.0, which is equal but has other bytes.
        seen.add((row + np.float32(0)).tobytes())
        if len(seen) >= enough:
            break
    return len(seen)


def check_arguments(min_k: int, max_k: int, seed: int) -> None:
    """Refuses a range of k or a seed that cannot be meant.

    Raises:
        InvalidInputError: names the argument.
    """
    for name, value, least in (("min_k", min_k, 2), ("max_k", max_k, min_k), ("seed", seed, 0)):
        if value < least:
            raise InvalidInputError(name, f"must be at least {least}, got {value}")
