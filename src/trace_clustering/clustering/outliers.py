"""How unusual each row is, and which rows stand out.

A row's score weighs two distances against what is usual: that to its k-th nearest neighbour
(Ramaswamy, Rastogi and Shim 2000, "Efficient algorithms for mining outliers from large data sets")
and that to the mean of its cluster. Which scores stand out is read from the scores themselves: the
body of their distribution says how many rows should lie beyond any score.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammainc

from trace_clustering.clustering.kmeans import squared_norms
from trace_clustering.clustering.neighbours import kth_distances
from trace_clustering.clustering.preparation import Prepared, prepare, whole_numbers
from trace_clustering.clustering.silhouette import DistanceBlocks
from trace_clustering.clustering.threads import Float32, Float64, Workers

# So many copies of something foreign, and one more, are no outliers any more but a group.
_NEIGHBOURS = 10
# In a small set already a tenth of the rows is a group.
_SHARE_OF_GROUP = 10
# Neighbours tell more than the mean of a cluster, which may be a point that no row is near to.
_WEIGHT_OF_NEIGHBOURS = 0.75

# The longest distances of a group, which may be those of outliers, say as much as so many others.
_MOST_SAY = 10
# Rows this much nearer to others than is usual are near copies, of which there may be any number.
_NEAR_COPY = float(np.log(1 / 3))
# Shares of the upper half of the scores that the tail is fitted at. Flags begin beyond the second.
_BODY, _TAIL = 0.5, 0.1
# Of fewer rows the shape of the tail is not to be learned: it is then taken to be exponential.
_ROWS_FOR_SHAPE = 30
# At least half of the flagged must be more than the tail explains...
_MAX_EXPLAINED = 0.5
# ...and that there are so many, had the tail made them, as unlikely as this.
_CHANCE = 3e-4


@dataclass(frozen=True, eq=False)
class Outliers:
    """How unusual each of n rows is.

    Attributes:
        scores: (n,) higher is more unusual; about 1 is usual, 0 is a row with equal ones.
        flags: (n,) whether a row stands out.
        threshold: the lowest score with a flag; None where no row stands out.
        from_cluster: (n,) distance to the mean of the row's cluster, in multiples of what is usual
            in that cluster.
        from_neighbours: (n,) distance to the k-th nearest row, in multiples of what is usual.
    """

    scores: Float64
    flags: NDArray[np.bool_]
    threshold: float | None
    from_cluster: Float64
    from_neighbours: Float64

    def reason(self, row: int) -> str:
        """Why a row is unusual, in words."""
        far = float(self.from_neighbours[row])
        neighbours = f"its nearest neighbours are {_times(far)} as far away as is usual"
        off_centre = float(self.from_cluster[row])
        if off_centre < 1.05:
            return neighbours
        centre = f"{_times(off_centre)} as far from its cluster's centre as is usual there"
        return f"{centre}; {neighbours}"


def _times(multiple: float) -> str:
    if multiple > 100:
        return "over 100 times"
    return f"{multiple:.0f} times" if multiple >= 10 else f"{multiple:.1f} times"


def outlier_scores(
    embeddings: ArrayLike, labels: ArrayLike, *, on_progress: Callable[[], None] | None = None
) -> Float64:
    """How unusual each row is: see ``find_outliers``.

    Returns:
        (n,) scores, higher is more unusual.

    Raises:
        InvalidInputError: names the argument that cannot be accepted.
    """
    return find_outliers(embeddings, labels, on_progress=on_progress).scores


def find_outliers(
    embeddings: ArrayLike, labels: ArrayLike, *, on_progress: Callable[[], None] | None = None
) -> Outliers:
    """Scores every row and flags those that stand out.

    The score is a weighted geometric mean of the multiples ``from_neighbours`` and
    ``from_cluster``, the latter counted only as far as the former: rows that have many near copies
    are a group, however far from everything else. Of more than some 5% of the rows that are alike
    in being far away none may be flagged: what one row in twenty does is not unusual.

    Args:
        embeddings: (n, d) real numbers, n >= 2.
        labels: (n,) whole numbers, the cluster of each row.
        on_progress: called often; what it raises ends the work.

    Raises:
        InvalidInputError: names the argument that cannot be accepted.
    """
    with Workers(on_progress) as workers:
        prepared = prepare(workers, embeddings)
        groups = _groups(labels, len(prepared.rows))[prepared.order]
        near = kth_distances(DistanceBlocks(workers, prepared.rows), prepared.rows, _k(len(groups)))
    from_neighbours = _multiples(near, np.zeros(len(near), dtype=np.intp))
    from_cluster = _multiples(_distances_to_means(prepared.rows, groups), groups)
    logs = _log_scores(from_neighbours, from_cluster)
    return _in_caller_order(prepared, logs, from_cluster, from_neighbours)


def _in_caller_order(
    prepared: Prepared, logs: Float64, from_cluster: Float64, from_neighbours: Float64
) -> Outliers:
    least = _lowest_flagged(logs)
    return Outliers(
        scores=prepared.to_caller_rows(np.exp(logs)),
        flags=prepared.to_caller_rows(logs >= least),
        threshold=float(np.exp(least)) if np.isfinite(least) else None,
        from_cluster=prepared.to_caller_rows(from_cluster),
        from_neighbours=prepared.to_caller_rows(from_neighbours),
    )


def _groups(labels: ArrayLike, n: int) -> NDArray[np.intp]:
    groups: NDArray[np.intp] = np.unique(whole_numbers("labels", labels, n), return_inverse=True)[1]
    return groups


def _k(n: int) -> int:
    return min(_NEIGHBOURS, max(2, n // _SHARE_OF_GROUP), n - 1)


def _distances_to_means(rows: Float32, groups: NDArray[np.intp]) -> Float64:
    distances = np.empty(len(rows))
    for group in range(int(groups.max()) + 1):
        members = np.flatnonzero(groups == group)
        mean = rows[members].mean(axis=0, dtype=np.float64).astype(np.float32)
        distances[members] = np.sqrt(squared_norms(rows[members] - mean))
    return distances


def _multiples(distances: Float64, groups: NDArray[np.intp]) -> Float64:
    """Distances as multiples of what is usual in each group; 1 where all are zero."""
    usual = np.array(
        [_usual_distance(distances[groups == g]) for g in range(int(groups.max()) + 1)]
    )[groups]
    multiples: Float64 = np.ones(len(distances))
    np.divide(distances, usual, out=multiples, where=usual > 0)
    return multiples


def _usual_distance(distances: Float64) -> float:
    """The median of (n,) distances, each counted by its length, ten times the middle one at most.

    A mass of near copies, all at nearly no distance, so counts nearly nothing, whatever its size:
    else every other row would be far away by its measure. Equal rows do not count at all; 0 where
    there are no others.
    """
    ascending = np.sort(distances[distances > 0])
    if len(ascending) == 0:
        return 0.0
    middle = ascending[(len(ascending) - 1) // 2]
    return median_by_length(ascending, _MOST_SAY * middle)


def median_by_length(ascending: Float64, most: float) -> float:
    """The median of (n,) distances, each counted by its length, but as ``most`` at most."""
    reached = np.cumsum(np.minimum(ascending, most))
    return float(ascending[np.searchsorted(reached, reached[-1] / 2)])


def _log_scores(from_neighbours: Float64, from_cluster: Float64) -> Float64:
    with np.errstate(divide="ignore"):
        neighbours = np.log(from_neighbours)
        cluster = np.minimum(np.log(from_cluster), neighbours)
    logs: Float64 = _WEIGHT_OF_NEIGHBOURS * neighbours + (1 - _WEIGHT_OF_NEIGHBOURS) * cluster
    return logs


def _lowest_flagged(logs: Float64) -> float:
    """The lowest logarithm of a score that is flagged; infinite where none is.

    The rows beyond it are at least twice as many as the tail of the distribution explains, and too
    many for chance.
    """
    rest = logs[logs > _NEAR_COPY]
    centre = np.median(rest) if len(rest) else 0.0
    ranked = np.sort(logs[logs > centre])[::-1]
    if len(ranked) == 0:
        return np.inf
    upper = ranked - centre
    ranks = np.arange(1, len(upper) + 1)
    explained = len(upper) * np.exp(-_tail(upper))
    # The chance that a Poisson number of mean `explained` is `ranks` or more.
    chance = gammainc(ranks, explained)
    flagged = (upper > _at_share(upper, _TAIL)) & (chance <= _CHANCE)
    flagged &= explained <= _MAX_EXPLAINED * ranks
    return float(ranked[flagged][-1]) if flagged.any() else np.inf


def _at_share(descending: Float64, share: float) -> float:
    return float(np.quantile(descending, 1 - share, method="lower"))


def _tail(upper: Float64) -> Float64:
    """Minus the logarithm of the share of the upper half that should lie beyond each value.

    Through two quantiles of the body goes a x + b x^2, of which a x is the exponential tail and
    b x^2 the normal one; where the tail is heavier than exponential, a power of x.
    """
    body, tail = _at_share(upper, _BODY), _at_share(upper, _TAIL)
    at_body, at_tail = -np.log(_BODY), -np.log(_TAIL)
    learned = len(upper) / (len(upper) + _ROWS_FOR_SHAPE)
    if tail > body and at_tail / tail < at_body / body:
        power = 1 + learned * (np.log(at_tail / at_body) / np.log(tail / body) - 1)
        heavy: Float64 = at_tail * (upper / tail) ** power
        return heavy
    bend = (at_tail / tail - at_body / body) / (tail - body) if tail > body else 0.0
    bend = learned * min(bend, at_tail / tail**2)
    light: Float64 = (at_tail / tail - bend * tail) * upper + bend * upper**2
    return light
