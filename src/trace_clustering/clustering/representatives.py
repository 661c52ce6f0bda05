"""A few rows of each group that show what it is made of."""

from math import ceil

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trace_clustering.clustering.kmeans import squared_norms
from trace_clustering.clustering.neighbours import first_of_equals
from trace_clustering.clustering.outliers import median_by_length
from trace_clustering.clustering.preparation import (
    Prepared,
    check_whole_number,
    prepare,
    whole_numbers,
)
from trace_clustering.clustering.threads import Float32, Float64, Workers
from trace_clustering.errors import InvalidInputError

Rows = NDArray[np.intp]

# Beyond this share of a group's rows, by distance to the centroid, lies what is not typical of it.
_TYPICAL = 0.8
# Unless much of the rest is of another kind, so many times as far from the centroid; then beyond
# this share.
_HELD, _FARTHER = 0.95, 1.35
# The longest distances have no more say than the rest in what is usual.
_LONGEST = 0.05
# Two rows this near, in units of how far a row's nearest usually is, say the same.
_SAME = 0.8
# Two rows of one template are this near, in units of how far apart a group's rows usually reach.
_ALIKE = 0.6
# And copies of one text are nearer than such rows by this factor.
_COPIES = 4.0
# Of a large group so many rows are looked at: the closest to the centroid, and some of the rest.
_CLOSEST, _SPREAD = 128, 384


def representatives(
    embeddings: ArrayLike, labels: ArrayLike, centroids: ArrayLike | None = None, *, limit: int = 7
) -> list[Rows]:
    """Chooses up to ``limit`` rows of each group: first the closest to its centroid, then others.

    A bit more than half are the closest; the others are typical rows far from those chosen before,
    and from each other. Rows that are equal or nearly so are chosen once, rows of one template
    only where there is nothing else.

    Args:
        embeddings: (n, d) real numbers, n >= 2.
        labels: (n,) the group of each row, 0..k-1; some may be empty.
        centroids: (k, d); without, the means.
        limit: at least 1.

    Returns:
        For each group the numbers of the rows chosen, at least one if it has any.

    Raises:
        InvalidInputError: names the argument that cannot be accepted.
    """
    check_whole_number("limit", limit, 1)
    with Workers() as workers:
        prepared = prepare(workers, embeddings)
        given = _checked_labels(labels, len(prepared.rows))
        centres = _checked_centroids(centroids, prepared, int(given.max()) + 1)
        groups = given[prepared.order]
        ends = np.cumsum(np.bincount(groups, minlength=len(centres)))
        members = np.split(np.argsort(groups, kind="stable"), ends[:-1])
        seen = [_seen(prepared.rows, *one) for one in zip(members, centres, strict=True)]
        # Made twice: those of all groups at once might be too much to hold.
        reaches = [_reach(_distances(prepared.rows[rows]), limit) for rows in seen]
        alike = _ALIKE * _usual_reach(reaches)
        return [
            prepared.order[rows[_pick(_distances(prepared.rows[rows]), alike, limit)]]
            for rows in seen
        ]


def _checked_labels(labels: ArrayLike, n: int) -> Rows:
    given = whole_numbers("labels", labels, n)
    if given.min() < 0:
        raise InvalidInputError("labels", f"expected groups 0..k-1, got {given.min()}")
    return given.astype(np.intp)


def _checked_centroids(
    centroids: ArrayLike | None, prepared: Prepared, k: int
) -> list[Float32 | None]:
    if centroids is None:
        return [None] * k
    try:
        given = np.asarray(centroids, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InvalidInputError("centroids", "expected (k, d) real numbers") from error
    columns = prepared.rows.shape[1]
    if given.ndim != 2 or len(given) < k or given.shape[1] != columns:
        problem = f"expected at least {k} rows of {columns} columns, got {given.shape}"
        raise InvalidInputError("centroids", problem)
    if not np.isfinite(given).all():
        raise InvalidInputError("centroids", "holds NaN or infinity")
    return list(prepared.to_working(given))


def _seen(rows: Float32, members: Rows, centre: Float32 | None) -> Rows:
    """The rows of a group that are looked at, from the closest to its centroid on."""
    if len(members) == 0:
        return members
    if centre is None:
        centre = rows[members].mean(axis=0, dtype=np.float64).astype(np.float32)
    # A group's rows are in the order of all rows: equal ones are still neighbours.
    distinct = members[first_of_equals(rows[members])]
    off_centre = squared_norms(rows[distinct] - centre)
    order = np.argsort(off_centre, kind="stable")
    return distinct[order][_some(_count_of_kind(off_centre[order]))]


def _count_of_kind(off_centre: Float32) -> int:
    """How many rows show what the group is, by their squared distances to the centroid, ascending.

    A group of a template and some other questions has rows that are no strays far from the others.
    """
    typical, held = (max(1, ceil(share * len(off_centre))) for share in (_TYPICAL, _HELD))
    is_mixed = off_centre[held - 1] > _FARTHER**2 * off_centre[typical - 1]
    return held if is_mixed else typical


def _some(count: int) -> Rows:
    """Of so many ranks by distance to the centroid those that are looked at."""
    if count <= _CLOSEST + _SPREAD:
        return np.arange(count)
    return np.append(np.arange(_CLOSEST), np.linspace(_CLOSEST, count - 1, _SPREAD).astype(np.intp))


def _distances(rows: Float32) -> Float64:
    if len(rows) == 0:
        return np.zeros((0, 0))
    # About their own mean, rows of a tight group lose less to rounding.
    centred = rows - rows.mean(axis=0, dtype=np.float64).astype(np.float32)
    squares = squared_norms(centred)
    squared = squares[:, None] + squares - 2 * (centred @ centred.T)
    distances: Float64 = np.sqrt(np.maximum(squared, 0), dtype=np.float64)
    np.fill_diagonal(distances, 0.0)
    return distances


def _reach(distances: Float64, limit: int) -> float:
    """How far the farthest row is from ``limit`` rows that are as far apart as can be.

    Found as by Gonzalez (1985). It is far in a group of many questions, and near in one of a
    template only; 0 where there are no more rows.
    """
    if len(distances) <= limit:
        return 0.0
    nearest = distances[0]
    for _ in range(limit - 1):
        nearest = np.minimum(nearest, distances[np.argmax(nearest)])
    return float(nearest.max())


def _usual_reach(reaches: list[float]) -> float:
    told = [reach for reach in reaches if reach > 0]
    return float(np.median(told)) if told else 0.0


def _pick(distances: Float64, alike: float, limit: int) -> list[int]:
    """Picks rows that are given from the closest to the centroid on, by their distances (m, m).

    Args:
        alike: rows this near are of one template; they are picked when there are no others.
    """
    if not len(distances):
        return []
    same = _SAME * _usual_nearest(distances)
    chosen = [0]
    nearest = distances[0].copy()
    # What is left once all others are chosen is of one template with them: the most unlike first.
    for apart, closest in ((max(same, alike), limit // 2), (max(same, alike / _COPIES), 0)):
        while len(chosen) < limit and (other := nearest > apart).any():
            # The first that is other; after some, the one most unlike those chosen.
            is_early = len(chosen) <= closest
            following = int(np.argmax(other) if is_early else np.argmax(nearest))
            chosen.append(following)
            np.minimum(nearest, distances[following], out=nearest)
    return chosen


def _usual_nearest(distances: Float64) -> float:
    if len(distances) == 1:
        return 0.0
    others = distances + np.diag(np.full(len(distances), np.inf))
    ascending = np.sort(others.min(axis=1))
    # A mass of near copies counts nearly nothing, and the longest few no more than the rest.
    most = float(np.quantile(ascending, 1 - _LONGEST, method="lower"))
    return median_by_length(ascending, most)
