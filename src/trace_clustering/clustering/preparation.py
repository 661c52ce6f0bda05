"""Checks the input and brings it to centred float32 rows of magnitude about one.

The rows come in an order that follows from their values alone. Seeds draw rows by number and sums
round in the order of the rows, so otherwise the same data in another order would give another
result.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trace_clustering.clustering.kmeans import squared_norms
from trace_clustering.clustering.threads import (
    BLOCK_ROWS,
    Float32,
    Float64,
    Workers,
    row_blocks,
)
from trace_clustering.errors import DegenerateDataError, InvalidInputError

_FLOAT32_MAX = float(np.finfo(np.float32).max)
# Powers of two beyond these are no float32 any more.
_MIN_EXPONENT, _MAX_EXPONENT = -120, 128

Scalar = TypeVar("Scalar", bound=np.generic)
Rows = NDArray[np.intp]
Fingerprints = NDArray[np.uint64]


@dataclass(frozen=True)
class Prepared:
    """Rows in working units: ``rows = embeddings * 2**-exponent - offset``, then times ``zoom``.

    Attributes:
        rows: (n, d) float32, C-contiguous, near zero mean, magnitudes up to about one.
        order: (n,) for each of ``rows`` the number of the caller's row that it is.
        squares: (n,) squared lengths of ``rows``.
        offset: (d,) float32, the mean before ``zoom``.
        exponent: of the power of two that divides the caller's values.
        zoom: of the power of two that multiplies the centred values.
    """

    rows: Float32
    order: Rows
    squares: Float32
    offset: Float32
    exponent: int
    zoom: int

    @property
    def total(self) -> float:
        """The sum of squared distances to the origin of the working units."""
        return float(self.squares.sum(dtype=np.float64))

    @property
    def mean(self) -> Float32:
        """(d,) of the rows before they were centred, in working units."""
        mean: Float32 = np.ldexp(self.offset, self.zoom)
        return mean

    @cached_property
    def lengths(self) -> Float32:
        """(n,) of the rows before they were centred, in working units."""
        parts = row_blocks(len(self.rows), BLOCK_ROWS)
        squares = [squared_norms(self.rows[part] + self.mean) for part in parts]
        return np.sqrt(np.concatenate(squares))

    def to_caller_rows(self, values: NDArray[Scalar]) -> NDArray[Scalar]:
        """Brings values (n, …) of ``rows`` into the order of the caller's rows."""
        ordered = np.empty_like(values)
        ordered[self.order] = values
        return ordered

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
    order = _canonical_order(workers, given, scale)
    rows = np.empty(given.shape, dtype=np.float32)

    def fill(part: slice) -> Float32:
        np.multiply(given[order[part]], scale, out=rows[part], casting="same_kind")
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
    return Prepared(rows, order, squares, offset, exponent, zoom)


def _canonical_order(workers: Workers, given: NDArray[np.floating], scale: float) -> Rows:
    """Rows by a fingerprint of their values, exact because it is made of whole numbers.

    Where different rows share a fingerprint, which is rare, their values decide.
    """
    weights = np.random.default_rng(0).integers(1, 2**63, given.shape[1], dtype=np.uint64)

    def one(part: slice) -> Fingerprints:
        # Whole numbers are not multiplied by BLAS, and more slowly by ``@``.
        fingerprints: Fingerprints = np.einsum(
            "ij,j->i", _folded(_rounded(given[part], scale)), weights
        )
        return fingerprints

    fingerprints = np.concatenate(list(workers.map_rows(one, given)))
    order = np.argsort(fingerprints, kind="stable")
    ascending = fingerprints[order]
    for fingerprint in _shared(workers, given, scale, order, ascending):
        places = np.flatnonzero(ascending == np.uint64(fingerprint))
        rows = order[places]
        order[places] = rows[np.lexsort(_rounded(given[rows], scale).T)]
    return order


def _rounded(values: NDArray[np.floating], scale: float) -> Float32:
    scaled: Float32 = np.multiply(values, scale, dtype=np.float32, casting="same_kind")
    # Turns -0.0 into 0.0, which is equal but has other bits.
    scaled += np.float32(0)
    return scaled


def _folded(values: Float32) -> Fingerprints:
    """The values' bits with the upper half laid over the lower.

    The lower ones of round numbers are zero, and of 1 and -1 only the highest differs: sums of the
    bits themselves would be equal but for a few bits.
    """
    bits = values.view(np.uint32)
    bits ^= bits >> np.uint32(16)
    return bits.astype(np.uint64)


def _shared(
    workers: Workers,
    given: NDArray[np.floating],
    scale: float,
    order: Rows,
    ascending: Fingerprints,
) -> set[int]:
    """The fingerprints of rows that are not all equal, looked for where neighbours share one."""
    same = np.flatnonzero(ascending[1:] == ascending[:-1])

    def one(part: slice) -> list[int]:
        row, following = (_rounded(given[order[same[part] + i]], scale) for i in (0, 1))
        differ = (row != following).any(axis=1)
        found: list[int] = ascending[same[part]][differ].tolist()
        return found

    return set(chain.from_iterable(workers.map(one, row_blocks(len(same), BLOCK_ROWS))))


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
        raise DegenerateDataError(f"all {n} vectors are equal in single precision")
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
    check_whole_number("min_k", min_k, 2)
    check_whole_number("max_k", max_k, min_k)
    check_whole_number("seed", seed, 0)


def check_whole_number(name: str, value: object, least: int, most: int | None = None) -> None:
    """Refuses what is no whole number, of Python or NumPy, from ``least`` to ``most``.

    Raises:
        InvalidInputError: names the argument.
    """
    if not isinstance(value, int | np.integer) or isinstance(value, bool):
        raise InvalidInputError(name, f"expected a whole number, got {value!r}")
    if most is not None and not least <= value <= most:
        raise InvalidInputError(name, f"must be {least} to {most}, got {value}")
    if value < least:
        raise InvalidInputError(name, f"must be at least {least}, got {value}")


def whole_numbers(name: str, values: ArrayLike, n: int) -> NDArray[np.integer]:
    """The values (n,) as an array.

    Raises:
        InvalidInputError: they are no whole numbers, or not one for each of n rows.
    """
    problem = f"expected a whole number for each of the {n} rows"
    try:
        given = np.asarray(values)
    except ValueError as error:
        raise InvalidInputError(name, problem) from error
    if given.shape != (n,) or given.dtype.kind not in "iu":
        raise InvalidInputError(name, problem)
    return given
