"""A subspace of few dimensions in which k-means finds nearly the same clusters.

Cohen, Elder, Musco, Musco and Persu (2015, "Dimensionality reduction for k-means clustering and low
rank approximation") show that projecting on the top singular vectors keeps the cost of every
division into k clusters up to a small factor. The vectors come from the randomized range finder
with power iterations of Halko, Martinsson and Tropp (2011, "Finding structure with randomness").
"""

import numpy as np

from trace_clustering.clustering.threads import Float32, Workers

_FIRST_ROWS = 512
_POWER_ITERATIONS = 2


def leading_subspace(
    workers: Workers, rows: Float32, rank: int, rng: np.random.Generator
) -> Float32:
    """Orthonormal columns (d, rank) close to the span of the leading right singular vectors.

    With as many columns as ``rows`` has there is nothing to save: the identity is returned.
    """
    n, d = rows.shape
    if d <= rank:
        return np.eye(d, dtype=np.float32)
    # Random combinations of some rows already lean towards the leading directions.
    some = rows[rng.choice(n, min(n, _FIRST_ROWS), replace=False)]
    basis = some.T @ rng.standard_normal((len(some), rank), dtype=np.float32)
    for _ in range(_POWER_ITERATIONS):
        basis = _multiply_by_covariance(workers, rows, _orthonormal(basis))
    return _orthonormal(basis)


def _orthonormal(basis: Float32) -> Float32:
    return np.ascontiguousarray(np.linalg.qr(basis)[0])


def _multiply_by_covariance(workers: Workers, rows: Float32, basis: Float32) -> Float32:
    def one(part: slice) -> Float32:
        return rows[part].T @ (rows[part] @ basis)

    total = np.zeros(basis.shape, dtype=np.float32)
    for product in workers.map_rows(one, rows):
        total += product
    return total


def project(workers: Workers, rows: Float32, basis: Float32) -> Float32:
    """The rows' coordinates (n, rank) in an orthonormal basis (d, rank)."""
    parts = workers.map_rows(lambda part: rows[part] @ basis, rows)
    return np.concatenate(list(parts))
