"""Mixtures of 12 Gaussian clusters, in several flavours."""

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Rng = np.random.Generator

CLUSTERS = 12
FLAVOURS = ("separated", "overlapping", "unequal", "unit_norm")


def mixture(flavour: str, rows: int, columns: int, seed: int) -> Matrix:
    """A float64 matrix (rows, columns).

    Args:
        flavour: ``separated`` (centres as far apart as the data are wide), ``overlapping`` (centres
            four standard deviations apart), ``unequal`` (sizes and widths differ), ``unit_norm``
            (like embeddings: correlated columns, a common direction, length one).
        rows: number of vectors.
        columns: their dimension.
        seed: of the random generator.
    """
    rng = np.random.default_rng([seed, rows, columns, FLAVOURS.index(flavour)])
    shares = np.full(CLUSTERS, 1 / CLUSTERS)
    if flavour == "unequal":
        shares = rng.dirichlet(np.full(CLUSTERS, 0.7))
    clusters = rng.choice(CLUSTERS, rows, p=shares)
    centres: Matrix = rng.standard_normal((CLUSTERS, columns))[clusters]
    noise: Matrix = rng.standard_normal((rows, columns))
    if flavour == "separated":
        return np.asarray(centres + noise)
    if flavour == "overlapping":
        return centres * float(4 / np.sqrt(2 * columns)) + noise
    if flavour == "unequal":
        return 0.5 * centres + noise * rng.uniform(0.3, 1.5, CLUSTERS)[clusters, None]
    return _unit_norm(0.8 * centres + rng.standard_normal(columns), noise, rng)


def _unit_norm(centres: Matrix, noise: Matrix, rng: Rng) -> Matrix:
    columns = noise.shape[1]
    spectrum = (1 + np.arange(columns)) ** -0.6
    spectrum /= np.sqrt((spectrum**2).mean())
    rotation = np.linalg.qr(rng.standard_normal((columns, columns)))[0]
    vectors = centres + noise * spectrum @ rotation
    unit: Matrix = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
