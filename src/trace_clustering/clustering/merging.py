"""The merges of Ward's method, found many at a time.

Two groups that are nearest to each other are joined whatever happens elsewhere, because no union is
nearer to anything than both of its sides were (Bruynooghe 1978, "Classification ascendante
hiérarchique des grands ensembles de données"). So all such pairs are joined at once, round after
round, in operations on whole matrices. Where a round would find few, as around one point that is
the nearest of most others, the nearest-neighbour chain does the rest one by one (Murtagh 1983, "A
survey of recent advances in hierarchical clustering algorithms").

The squared height between what weighs a and b is 2ab / (a + b) times the squared distance of the
means. Lance and Williams' formula gives those of a union from those of its sides. They are kept
symmetric to the last bit, or neither way would be sure to end.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trace_clustering.clustering.kmeans import squared_norms
from trace_clustering.clustering.neighbours import first_of_equals
from trace_clustering.clustering.threads import Float32, Float64, Workers, row_blocks

_STRIP_ROWS = 256
# A strip of fewer values would spend more time on passing the interpreter's lock around.
_STRIP_VALUES = 1 << 20
# Squared distances below this share of the squared lengths are rounding.
_EQUAL = np.float32(4 * np.finfo(np.float32).eps)
# A round is worth its matrices where it joins a pair for so many groups.
_GROUPS_PER_PAIR = 12

Numbers = NDArray[np.intp]


@dataclass(frozen=True)
class Merges:
    """Merges, every one after those that made its sides.

    Attributes:
        children: (m, 2). Of p points: numbers below p are points, p + i is what merge i made. With
            p - 1 merges all are joined.
        heights: (m,) none below those of its sides.
    """

    children: Numbers
    heights: Float64


@dataclass(frozen=True)
class _Groups:
    """What is still to be joined.

    Attributes:
        squares: (g, g) squared heights, infinite from a group to itself; overwritten.
        heavy: (g,) what each weighs.
        numbers: (g,) as in ``Merges``.
    """

    squares: Float32
    heavy: Float32
    numbers: Numbers

    def __len__(self) -> int:
        return len(self.numbers)


@dataclass(frozen=True)
class _Pairs:
    """Places of groups to be joined, no group in two pairs: (p,) each; a union keeps ``other``."""

    one: Numbers
    other: Numbers

    def __len__(self) -> int:
        return len(self.one)


def merges(workers: Workers, points: Float32, weights: Float64) -> Merges:
    """All merges of points (n, d) that weigh (n,)."""
    groups = _points_as_groups(workers, points, weights)
    children, squares = [np.empty((0, 2), dtype=np.intp)], [np.empty(0, dtype=np.float32)]
    made = len(points)
    while len(pairs := _nearest_to_each_other(workers, groups)) * _GROUPS_PER_PAIR >= len(groups):
        children.append(np.column_stack([groups.numbers[pairs.one], groups.numbers[pairs.other]]))
        squares.append(groups.squares[pairs.one, pairs.other])
        groups = _united(workers, groups, pairs, made)
        made += len(pairs)
    for (one, other), square in _chained(workers, groups, made):
        children.append(np.array([[one, other]], dtype=np.intp))
        squares.append(np.array([square]))
    return Merges(np.concatenate(children), np.sqrt(np.concatenate(squares).astype(np.float64)))


def _points_as_groups(workers: Workers, points: Float32, weights: Float64) -> _Groups:
    squares, heavy = _squared_distances(workers, points), weights.astype(np.float32)
    if (weights != 1).any():
        for part in row_blocks(len(points), _STRIP_ROWS):
            squares[part] *= 2 * heavy[part, None] * heavy / (heavy[part, None] + heavy)
    np.fill_diagonal(squares, np.inf)
    return _Groups(squares, heavy, np.arange(len(points)))


def _squared_distances(workers: Workers, points: Float32) -> Float32:
    """(n, n), symmetric to the last bit; equal points, side by side, are at exactly zero."""
    norms = squared_norms(points)
    distinct = np.cumsum(first_of_equals(points), dtype=np.int32)
    copies = len(points) > int(distinct[-1])
    squares = np.empty((len(points), len(points)), dtype=np.float32)

    def fill(part: slice) -> None:
        apart = points[part] @ points[: part.stop].T
        apart *= np.float32(-2)
        apart += norms[part, None]
        apart += norms[: part.stop]
        np.maximum(apart, 0, out=apart)
        apart[apart < _EQUAL * (norms[part, None] + norms[: part.stop])] = 0
        if copies:
            apart[distinct[part, None] == distinct[: part.stop]] = 0
        # Sums of the same numbers in another order round differently.
        corner = apart[:, part]
        np.minimum(corner, corner.T, out=corner)
        squares[part, : part.stop] = apart
        squares[: part.start, part] = apart[:, : part.start].T

    for _ in workers.map(fill, _strips(len(points), len(points))):
        pass
    return squares


def _strips(rows: int, columns: int) -> list[slice]:
    return row_blocks(rows, max(_STRIP_ROWS, _STRIP_VALUES // columns))


def _nearest_to_each_other(workers: Workers, groups: _Groups) -> _Pairs:
    """At least one pair where there are two groups: the first of the lowest."""
    parts = _strips(len(groups), len(groups))
    found = workers.map(lambda part: groups.squares[part].argmin(axis=1), parts)
    nearest = np.concatenate(list(found))
    places = np.arange(len(groups))
    one = np.flatnonzero((nearest[nearest] == places) & (places < nearest))
    return _Pairs(one, nearest[one])


def _united(workers: Workers, groups: _Groups, pairs: _Pairs, made: int) -> _Groups:
    """What is left when pairs are joined; their unions are numbered from ``made`` on."""
    squares, heavy, numbers = groups.squares, groups.heavy, groups.numbers
    apart = squares[pairs.one, pairs.other]
    sides = (heavy[pairs.one], heavy[pairs.other])
    unions = sides[0] + sides[1]
    between = np.empty((len(pairs), len(pairs)), dtype=np.float32)

    def unite(part: slice) -> None:
        one, other = pairs.one[part], pairs.other[part]
        side = (sides[0][part, None], sides[1][part, None])
        rows = _to_union(squares[one], squares[other], side, apart[part, None], heavy)
        squares[other] = rows
        columns = (rows[:, pairs.one], rows[:, pairs.other])
        between[part] = _to_union(*columns, sides, apart, unions[part, None])

    for _ in workers.map(unite, _strips(len(pairs), len(groups))):
        pass
    np.minimum(between, between.T, out=between)
    kept = np.ones(len(groups), dtype=np.bool_)
    kept[pairs.one] = False
    heavy[pairs.other], numbers[pairs.other] = unions, made + np.arange(len(pairs))
    left = np.flatnonzero(kept)
    return _Groups(_kept(workers, squares, left, pairs, between), heavy[left], numbers[left])


def _kept(
    workers: Workers, squares: Float32, left: Numbers, pairs: _Pairs, between: Float32
) -> Float32:
    """The rows and columns that are left, those of unions put right in all rows."""
    kept = np.empty((len(left), len(left)), dtype=np.float32)
    unions = np.searchsorted(left, pairs.other)
    are_unions = np.zeros(len(left), dtype=np.bool_)
    are_unions[unions] = True

    def keep(part: slice) -> None:
        np.take(squares[left[part]], left, axis=1, out=kept[part], mode="clip")
        rows = np.flatnonzero(~are_unions[part]) + part.start
        kept[np.ix_(rows, unions)] = squares[np.ix_(pairs.other, left[rows])].T

    for _ in workers.map(keep, _strips(len(left), len(left))):
        pass
    kept[np.ix_(unions, unions)] = between
    return kept


def _to_union(
    to_one: Float32,
    to_other: Float32,
    sides: tuple[Float32, Float32],
    apart: Float32,
    heavy: Float32,
) -> Float32:
    """Lance and Williams' formula; all broadcast.

    Args:
        to_one: squared heights from what weighs ``heavy`` to one side.
        to_other: to the other side.
        sides: what the sides weigh.
        apart: squared height between the sides.
        heavy: see above.
    """
    one, other = sides
    lowest = np.minimum(to_one, to_other)
    squares: Float32 = (one + heavy) * to_one
    squares += (other + heavy) * to_other
    squares -= heavy * apart
    squares /= (one + other) + heavy
    # So it is but for rounding: a union is not nearer than the nearer of its sides.
    return np.maximum(squares, lowest, out=squares)


def _chained(
    workers: Workers, groups: _Groups, made: int
) -> Iterator[tuple[tuple[int, int], np.float32]]:
    """The numbers of two sides and their squared height, merge by merge.

    The chain ends, without going round, because of the ties that ``_climb`` breaks.
    """
    squares, heavy, numbers = groups.squares, groups.heavy, groups.numbers.tolist()
    chain: list[int] = []
    begin = 0
    for merge in range(len(groups) - 1):
        if not chain:
            while heavy[begin] == 0:
                begin += 1
            chain.append(begin)
        one, other = _climb(workers, squares, chain)
        yield (numbers[one], numbers[other]), squares[one, other]
        _unite(squares, heavy, one, other)
        numbers[other] = made + merge
        if merge % _STRIP_ROWS == 0:
            workers.progress()


def _climb(workers: Workers, squares: Float32, chain: list[int]) -> tuple[int, int]:
    """Goes on to the nearest until two are nearest to each other; takes them off the chain."""
    while True:
        last = chain[-1]
        row = squares[last]
        nearest = int(row.argmin())
        # Of equally near ones the one that it came from, or the chain would go round.
        if len(chain) > 1 and row[chain[-2]] <= row[nearest]:
            before = chain[-2]
            del chain[-2:]
            return (last, before) if last < before else (before, last)
        chain.append(nearest)
        if len(chain) % _STRIP_ROWS == 0:
            workers.progress()


def _unite(squares: Float32, heavy: Float32, one: int, other: int) -> None:
    """Puts the union of both in the place of ``other``."""
    sides, apart = (heavy[one], heavy[other]), squares[one, other]
    row = _to_union(squares[one], squares[other], sides, apart, heavy)
    row[other] = np.inf
    squares[other] = row
    squares[:, other] = row
    squares[one] = np.inf
    squares[:, one] = np.inf
    heavy[one], heavy[other] = 0, sides[0] + sides[1]
