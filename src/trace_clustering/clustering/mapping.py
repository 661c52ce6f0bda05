"""A picture of the rows in the plane in which near means similar."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from trace_clustering.clustering.distances import distances_to_centroids
from trace_clustering.clustering.neighbours import first_of_equals
from trace_clustering.clustering.pacmap import MIN_ROWS, pacmap
from trace_clustering.clustering.preparation import check_whole_number, prepare
from trace_clustering.clustering.projection import leading_subspace, project
from trace_clustering.clustering.threads import Float32, Float64, Workers

# As many columns as PaCMAP's authors keep.
_COLUMNS = 100
_START_SCALE = 0.01
_DECIMALS = 4
_NEAREST_MEMBERS = 10


@dataclass(frozen=True)
class Picture:
    """Where rows lie, (n, 2), and by which method they were placed."""

    points: Float32
    method: Literal["pacmap", "pca"]


def project_2d(
    embeddings: ArrayLike, *, seed: int = 42, on_progress: Callable[[], None] | None = None
) -> Float32:
    """Gives every row a place in the plane by PaCMAP; equal rows have the same place.

    Byte for byte the same for the same data and seed, whatever number of threads is allowed; the
    order of the rows does not matter. Fewer than some 70 different rows are placed by their first
    two principal components.

    Args:
        embeddings: (n, d) real numbers, n >= 2.
        seed: of the random generator, not negative.
        on_progress: called often; what it raises ends the work.

    Returns:
        (n, 2) within -1..1, rounded to 4 decimals. The mean is at (0, 0) and the first axis is
        along which they spread most.

    Raises:
        InvalidInputError: names the argument that cannot be accepted.
    """
    return draw_map(embeddings, seed=seed, on_progress=on_progress).points


def draw_map(
    embeddings: ArrayLike, *, seed: int = 42, on_progress: Callable[[], None] | None = None
) -> Picture:
    """The same, and how the places were found; see ``project_2d``."""
    check_whole_number("seed", seed, 0)
    with Workers(on_progress) as workers:
        prepared = prepare(workers, embeddings)
        first = first_of_equals(prepared.rows)
        placed = _placed(workers, prepared.rows[first], seed)
        points = _framed(placed.points[np.cumsum(first) - 1])
    return Picture(prepared.to_caller_rows(points), placed.method)


def _placed(workers: Workers, rows: Float32, seed: int) -> Picture:
    rng = np.random.default_rng(seed)
    narrow = project(workers, rows, leading_subspace(workers, rows, _COLUMNS, rng))
    start: Float32 = (narrow @ _principal_axes(narrow)).astype(np.float32)
    if len(rows) < MIN_ROWS:
        return Picture(start, "pca")
    points = pacmap(workers, narrow, start * np.float32(_START_SCALE), rng)
    return Picture(points, "pacmap")


def _principal_axes(rows: Float32 | Float64) -> Float64:
    """The first two principal axes (d, 2); a column of zeros where d = 1."""
    centred = rows - rows.mean(axis=0, dtype=np.float64)
    axes = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :2]
    return np.pad(axes, ((0, 0), (0, 2 - axes.shape[1])))


def _framed(points: Float32) -> Float32:
    """Turned to the principal axes, the longer tail of each to the right or up, within -1..1."""
    centred = points - points.mean(axis=0, dtype=np.float64)
    turned = centred @ _principal_axes(centred)
    turned *= np.where((turned**3).sum(axis=0) < 0, -1.0, 1.0)
    largest = np.abs(turned).max()
    # Adding zero turns -0.0 into 0.0.
    framed: Float64 = np.round(turned / (largest if largest > 0 else 1.0), _DECIMALS) + 0.0
    return framed.astype(np.float32)


def place_centroids(
    points: Float32, embeddings: ArrayLike, centroids: ArrayLike, labels: ArrayLike
) -> Float32:
    """Where centroids lie in the picture: amid those of their members that are nearest to them.

    Args:
        points: (n, 2) of ``project_2d``.
        embeddings: (n, d), as given to it.
        centroids: (k, d).
        labels: (n,) cluster numbers 0..k-1.

    Returns:
        (k, 2), rounded to 4 decimals; (0, 0) for a cluster without members.
    """
    means, given = np.asarray(centroids), np.asarray(labels)
    distances = distances_to_centroids(embeddings, means, given)
    placed = np.zeros((len(means), 2), dtype=np.float32)
    for group in range(len(means)):
        members = np.flatnonzero(given == group)
        if len(members):
            placed[group] = _amid(points[members], distances[members])
    return placed


def _amid(points: Float32, distances: Float32) -> Float64:
    # Equal distances are told apart by place, not by the order of the rows.
    nearest = np.lexsort((points[:, 1], points[:, 0], distances))[:_NEAREST_MEMBERS]
    middle: Float64 = np.round(points[nearest].mean(axis=0, dtype=np.float64), _DECIMALS) + 0.0
    return middle
