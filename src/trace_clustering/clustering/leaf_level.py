"""How many groups a tree holds that other rows of the same kind would show again.

The rows are halved at random and each half gets a tree of its own. Cut into n groups, the one
half's tree predicts the groups of the other half's rows by their nearest mean; the prediction is
compared with what the other half's own tree and the tree of all rows say, by mutual information
adjusted for chance (Tibshirani and Walther 2005, "Cluster validation by prediction strength"; Vinh
and Epps 2009, "A novel approach for automatic number of clusters detection in microarray data
based on consensus clustering").
The level lies in the middle, on a logarithmic scale, of the numbers around the best one that
agree as well as the best, as far as single halvings tell; where agreement falls and rises again
nearly as high, around the finer peak: a perfect coarse division does not mean that there is no
finer one. If even the best agrees no better than one does for a single Gaussian cloud of the same
covariance, there is one group.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from trace_clustering.clustering.kmeans import squared_norms
from trace_clustering.clustering.linkage import Cuts, ward
from trace_clustering.clustering.neighbours import nearest_rows
from trace_clustering.clustering.null import cloud_like
from trace_clustering.clustering.preparation import Scalar
from trace_clustering.clustering.threads import Float32, Float64, Labels, Workers

_HALVINGS = 4
# More rows than twice these tell hardly more about how many groups there are.
_HALF_ROWS = 2048
# A half has at least this many rows for each group, on average.
_ROWS_PER_GROUP = 3
# Numbers of groups to try: one by one while they are few, then each this many times the one before.
_STEP = 1.15
# In normal deviates: values of single halvings within this of the best are as good (95%).
_AS_GOOD = 2.0
# Agreements that differ by less than this are equal.
_EQUAL = 0.01
# Agreement that rises so much from its lowest, to this share of the best, has another peak.
_RISE = 0.05
_NEARLY = 0.85
_CLOUD_ROWS = 512
_CLOUD_HALVINGS = 2
_CLOUDS = 10
# After so many clouds a lead may be clear, or there is none.
_FIRST_CLOUDS = 3
_CLEAR_LEAD = 0.25
# With this certainty an agreement is more than one of clouds.
_CERTAINTY = 0.99


@dataclass(frozen=True)
class Agreements:
    """How well cuts are predicted.

    Attributes:
        groups: numbers of groups, ascending.
        values: (halvings times 2, g) at most 1; about 0 where the prediction is as good as chance.
    """

    groups: list[int]
    values: Float64

    @property
    def means(self) -> Float64:
        """(g,) over all halvings."""
        means: Float64 = self.values.mean(axis=0)
        return means


def neighbour_means(workers: Workers, rows: Float32) -> Float32:
    """The means (n, d) of each row and its nearest neighbours, log n rows in all.

    One step of mean shift (Fukunaga and Hostetler 1975): rows move towards where rows are dense,
    so that those between two groups take sides. Equal rows stay equal.
    """
    near = int(np.ceil(np.log(len(rows)))) - 1
    if near < 1:
        return rows
    nearest, _ = nearest_rows(workers, rows, near)
    means = rows.copy()
    for neighbours in nearest.T:
        means += rows[neighbours]
    means /= np.float32(near + 1)
    return means


def choose_leaves(
    workers: Workers,
    rows: Float32,
    cuts: Cuts,
    points: Labels,
    rng: np.random.Generator,
    least: int = 1,
) -> int:
    """The number of groups to divide rows into.

    Args:
        workers: told of progress.
        rows: (n, d) in canonical order.
        cuts: of the tree of all rows.
        points: (n,) the tree's point of each row.
        rng: draws halves and clouds.
        least: so many groups there are in any case.
    """
    if not _numbers(least, _most_groups(rows, cuts)):
        return least
    found = _agreements(workers, rows, cuts, points, rng, least=least)
    if not _beyond_clouds(workers, rows, rng):
        return least
    return _middle_of_best(_from_finest_peak(found))


def _agreements(
    workers: Workers,
    rows: Float32,
    cuts: Cuts,
    points: Labels,
    rng: np.random.Generator,
    halvings: int = _HALVINGS,
    least: int = 1,
) -> Agreements:
    half = _half(rows)
    groups = _numbers(least, _most_groups(rows, cuts))
    whole = np.stack([cuts.labels(number)[points] for number in groups])
    values: list[Float64] = []
    for _ in range(halvings):
        drawn = rng.permutation(len(rows))
        halves = [np.sort(drawn[:half]), np.sort(drawn[half : 2 * half])]
        trees = [Cuts(ward(workers, neighbour_means(workers, rows[part]))) for part in halves]
        for one, other in ((0, 1), (1, 0)):
            workers.progress()
            predicted = _predicted(rows[halves[one]], trees[one], rows[halves[other]], groups)
            own = np.stack([trees[other].labels(number) for number in groups])
            values.append(_agreement(predicted, own, whole[:, halves[other]], rng))
    return Agreements(groups, np.array(values))


def _half(rows: Float32) -> int:
    return min(len(rows) // 2, _HALF_ROWS)


def _most_groups(rows: Float32, cuts: Cuts) -> int:
    return min(_half(rows) // _ROWS_PER_GROUP, len(cuts.order))


def _numbers(least: int, most: int) -> list[int]:
    """Numbers of groups to try, of two groups or more; none where there are too few rows."""
    numbers = [max(2, least)]
    if numbers[0] > most:
        return []
    while numbers[-1] < most:
        numbers.append(min(max(numbers[-1] + 1, round(numbers[-1] * _STEP)), most))
    return numbers


def _predicted(rows: Float32, cuts: Cuts, others: Float32, groups: list[int]) -> Labels:
    """For each number of groups (g, m) the group with the nearest mean of each of the others.

    Groups are runs of rows in the order of the leaves, and of the groups of every finer cut, whose
    sums add up to theirs.
    """
    begins = cuts.begins(groups[-1])
    # A run of the finest cut may be of any length, and rounding would add up.
    sums = _sums_of_runs(rows[cuts.order].astype(np.float64), begins).astype(np.float32)
    products = sums @ others.T
    predicted = np.empty((len(groups), len(others)), dtype=np.int32)
    for place, number in reversed(list(enumerate(groups))):
        finer, begins = begins, cuts.begins(number)
        places = np.searchsorted(finer, begins)
        sums, products = _sums_of_runs(sums, places), _sums_of_runs(products, places)
        shares = (1 / np.diff(begins, append=len(rows))).astype(np.float32)[:, None]
        scores = products * shares
        scores -= np.float32(0.5) * squared_norms(sums * shares)[:, None]
        predicted[place] = scores.argmax(axis=0)
    return predicted


def _sums_of_runs(rows: NDArray[Scalar], begins: NDArray[np.integer]) -> NDArray[Scalar]:
    """As ``reduceat``, which takes several times as long where most runs are of one row."""
    sums: NDArray[Scalar] = rows[begins]
    first = np.zeros(len(rows), dtype=np.bool_)
    first[begins] = True
    run_of = np.cumsum(first) - 1
    for row in np.flatnonzero(~first):
        sums[run_of[row]] += rows[row]
    return sums


def _agreement(predicted: Labels, own: Labels, seen: Labels, rng: np.random.Generator) -> Float64:
    """(g,) means of the adjusted mutual information with two other labelings, all (g, m)."""
    shuffled = predicted[:, rng.permutation(predicted.shape[1])]
    entropy = _entropies(predicted)
    values = [_adjusted(entropy, predicted, shuffled, labels) for labels in (own, seen)]
    return 0.5 * (values[0] + values[1])


def _adjusted(entropy: Float64, labels: Labels, shuffled: Labels, others: Labels) -> Float64:
    """Mutual information beyond what shuffled labels have, over the mean entropy beyond that."""
    entropies = entropy + _entropies(others)
    width = int(others.max()) + 1
    information = entropies - _entropies(labels * width + others)
    chance = entropies - _entropies(shuffled * width + others)
    most = 0.5 * entropies - chance
    return np.where(most > 0, (information - chance) / np.where(most > 0, most, 1.0), 0.0)


def _entropies(labels: Labels) -> Float64:
    """(g,) of the rows of (g, m)."""
    g, m = labels.shape
    # Pairs of labels have far more values than there are rows: sorting beats counting each value.
    ordered = np.sort(labels, axis=1)
    is_last = np.ones((g, m), dtype=np.bool_)
    np.not_equal(ordered[:, 1:], ordered[:, :-1], out=is_last[:, :-1])
    last = np.flatnonzero(is_last)
    counts = np.diff(last, prepend=-1)
    sums = np.bincount(last // m, weights=counts * np.log(counts), minlength=g)
    entropies: Float64 = np.log(m) - sums / m
    return entropies


def _beyond_clouds(workers: Workers, rows: Float32, rng: np.random.Generator) -> bool:
    """Whether some rows agree better than clouds like them, as sure as a few clouds can tell."""
    some = rows[np.sort(rng.permutation(len(rows))[:_CLOUD_ROWS])]
    some = some - some.mean(axis=0, dtype=np.float64).astype(np.float32)
    best = _best_agreement(workers, some, rng)
    clouds: list[float] = []
    for _ in range(_CLOUDS):
        clouds.append(_best_agreement(workers, cloud_like(workers, some, rng), rng))
        lead = best - float(np.mean(clouds))
        if len(clouds) >= _FIRST_CLOUDS and (lead <= 0 or lead > _CLEAR_LEAD):
            return lead > 0
    # The lead that one more cloud would not have, if they are normal (a prediction interval).
    deviates = float(stdtrit(_CLOUDS - 1, _CERTAINTY)) * np.sqrt(1 + 1 / _CLOUDS)
    return bool(lead > deviates * np.std(clouds, ddof=1))


def _best_agreement(workers: Workers, rows: Float32, rng: np.random.Generator) -> float:
    cuts = Cuts(ward(workers, neighbour_means(workers, rows)))
    points = np.arange(len(rows), dtype=np.int32)
    return float(_agreements(workers, rows, cuts, points, rng, _CLOUD_HALVINGS).means.max())


def _from_finest_peak(found: Agreements) -> Agreements:
    """The agreements from the valley on that comes before the finest peak."""
    means, valley = found.means, 0
    best = int(means.argmax())
    while True:
        finer = means[best:]
        rises = (finer - np.minimum.accumulate(finer) > _RISE) & (finer >= _NEARLY * means.max())
        if not rises.any():
            return Agreements(found.groups[valley:], found.values[:, valley:])
        valley = best + int(finer[: rises.argmax()].argmin())
        best = valley + int(means[valley:].argmax())


def _middle_of_best(found: Agreements) -> int:
    means, spreads = found.means, found.values.std(axis=0, ddof=1)
    highest = int(means.argmax())
    # Of those that agree equally the largest number: every group of it is there again.
    best = int(np.flatnonzero(means >= means[highest] - _EQUAL)[-1])
    # Perfect agreement has no spread, by chance if it is of few groups.
    spread = max(spreads[best], spreads[highest], np.median(spreads))
    good = means >= means[best] - _AS_GOOD * spread
    first = last = best
    while first > 0 and good[first - 1]:
        first -= 1
    while last < len(good) - 1 and good[last + 1]:
        last += 1
    return round(float(np.sqrt(found.groups[first] * found.groups[last])))
