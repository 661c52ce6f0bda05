"""Numbers of clusters: 0..k-1, none left out."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trace_clustering.clustering.preparation import whole_numbers
from trace_clustering.clustering.threads import Labels
from trace_clustering.errors import InvalidInputError


def numbered_by_size(labels: NDArray[np.integer], order: NDArray[np.intp] | None = None) -> Labels:
    """Numbers groups (n,) by size, largest first, equal ones by their first row in ``order``."""
    ordered = labels if order is None else labels[order]
    _, first, inverse, sizes = np.unique(
        ordered, return_index=True, return_inverse=True, return_counts=True
    )
    rank = np.empty(len(sizes), dtype=np.int32)
    rank[np.lexsort((first, -sizes))] = np.arange(len(sizes))
    numbered = np.empty(len(labels), dtype=np.int32)
    numbered[slice(None) if order is None else order] = rank[inverse]
    return numbered


def cluster_numbers(name: str, values: ArrayLike, n: int, least: int = 1) -> Labels:
    """The values (n,), the clusters of n rows, as an array.

    Raises:
        InvalidInputError: they are not 0..k-1 with none left out, for a k of at least ``least``.
    """
    given = whole_numbers(name, values, n)
    found = np.unique(given)
    if len(found) < least or not np.array_equal(found, np.arange(len(found))):
        problem = f"expected one of the clusters 0..k-1 for every row, none empty, k >= {least}"
        raise InvalidInputError(name, problem)
    return given.astype(np.int32)
