"""Distances of rows to the centroids of their clusters."""

import numpy as np
from numpy.typing import ArrayLike

from trace_clustering.clustering.threads import Float32, Labels

_BLOCK = 4096


def distances_to_centroids(embeddings: ArrayLike, centroids: Float32, labels: Labels) -> Float32:
    """Euclidean distance of each row to the centroid of its cluster.

    Args:
        embeddings: (n, d) real numbers.
        centroids: (k, d).
        labels: (n,) cluster numbers 0..k-1.

    Returns:
        (n,) float32, in the units of ``embeddings``.
    """
    rows = np.asarray(embeddings)
    distances = np.empty(len(rows), dtype=np.float32)
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        distances[block] = np.linalg.norm(rows[block] - centroids[labels[block]], axis=1)
    return distances
