"""Exact silhouettes of many labelings from one pass over the pairwise distances."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from itertools import combinations
from typing import TypeVar

import numpy as np

from trace_clustering.clustering.threads import (
    BLOCK_ROWS,
    Float32,
    Float64,
    Labels,
    Workers,
    bounded_groups,
    row_blocks,
)

Result = TypeVar("Result")
# (rows of the block, columns of the block, distances)
Visit = Callable[[slice, slice, Float32], Result]
# Numbers of a block's rows and columns among the blocks.
Pair = tuple[int, int]

# Up to here the blocks of the upper triangle together take at most about 40 MB.
_MAX_ROWS_HELD = 4096
# Sums of distances, of a row to the members of a cluster, that are held: they take 64 MB, and what
# they are made of as much.
_MOST_SUMS = 2**23


class DistanceBlocks:
    """The Euclidean distances between rows: blocks of the upper triangle, never held whole.

    Args:
        workers: compute the blocks, several at once.
        rows: (n, d) centred float32 rows.
    """

    def __init__(self, workers: Workers, rows: Float32) -> None:
        self.workers = workers
        self._rows = rows
        self._squares = np.empty(len(rows), dtype=np.float32)
        self._blocks = row_blocks(len(rows), BLOCK_ROWS)
        self._early: dict[Pair, Future[Float32]] = {}

    def begin(self) -> None:
        """Computes ahead in the background where the rows are few enough to hold all blocks."""
        if len(self._rows) <= _MAX_ROWS_HELD:
            for pair in [*self._diagonal(), *self._off_diagonal()]:
                self._early[pair] = self.workers.submit_aside(self._compute, pair)

    def map(self, visit: Visit[Result]) -> Iterator[tuple[slice, slice, Result]]:
        """Calls ``visit(I, J, distances)`` for every block, in a worker's thread.

        Blocks on the diagonal are full squares, with exact zeros on the diagonal.

        Yields:
            (I, J, what ``visit`` returned), in a fixed order.
        """

        def one(pair: Pair) -> tuple[slice, slice, Result]:
            left, right = self._blocks[pair[0]], self._blocks[pair[1]]
            return left, right, visit(left, right, self._distances(pair))

        yield from self.workers.map(one, self._diagonal())
        yield from self.workers.map(one, self._off_diagonal())

    def _diagonal(self) -> list[Pair]:
        return [(i, i) for i in range(len(self._blocks))]

    def _off_diagonal(self) -> list[Pair]:
        return list(combinations(range(len(self._blocks)), 2))

    def _distances(self, pair: Pair) -> Float32:
        early = self._early.get(pair)
        if early is None:
            return self._compute(pair)
        # Rather than wait for a block that is not begun, compute it here; but those on the diagonal
        # are left to the thread that goes on to the others.
        if pair[0] != pair[1] and early.cancel():
            return self._compute(pair)
        return early.result()

    def _compute(self, pair: Pair) -> Float32:
        """The blocks on the diagonal come first: they give the norms that the others need."""
        left, right = self._blocks[pair[0]], self._blocks[pair[1]]
        distances = self._rows[left] @ self._rows[right].T
        if left == right:
            # Norms from the products themselves: for equal rows the terms below cancel exactly.
            self._squares[left] = distances.diagonal()
        distances *= np.float32(-2)
        distances += self._squares[left, None]
        distances += self._squares[right]
        np.maximum(distances, 0, out=distances)
        np.sqrt(distances, out=distances)
        if left == right:
            np.fill_diagonal(distances, 0.0)
        return distances


def silhouette_samples(blocks: DistanceBlocks, labelings: Sequence[Labels]) -> list[Float64]:
    """The silhouette of every row under every labeling, each an (n,) array.

    From one pass over the distances, or several where there are many rows and clusters.
    """
    groups = bounded_groups(labelings, lambda one: len(one) * int(one.max() + 1), _MOST_SUMS)
    return [samples for group in groups for samples in _silhouettes(blocks, group)]


def _silhouettes(blocks: DistanceBlocks, labelings: Sequence[Labels]) -> list[Float64]:
    members = [np.eye(labels.max() + 1, dtype=np.float32)[labels] for labels in labelings]
    one_hot = np.ascontiguousarray(np.hstack(members))
    sums = np.zeros(one_hot.shape)

    def visit(left: slice, right: slice, distances: Float32) -> tuple[Float32, Float32 | None]:
        across = distances @ one_hot[right]
        return across, None if left == right else distances.T @ one_hot[left]

    for left, right, (across, down) in blocks.map(visit):
        sums[left] += across
        if down is not None:
            sums[right] += down
    ends = np.cumsum([part.shape[1] for part in members])
    return [
        _from_sums(part, labels)
        for part, labels in zip(np.hsplit(sums, ends[:-1]), labelings, strict=True)
    ]


def _from_sums(sums: Float64, labels: Labels) -> Float64:
    """Silhouettes from each row's summed distances to the members of each cluster (n, k)."""
    rows = np.arange(len(labels))
    sizes = np.bincount(labels, minlength=sums.shape[1])
    own = sizes[labels]
    within = sums[rows, labels] / np.maximum(own - 1, 1)
    means = sums / sizes
    means[rows, labels] = np.inf
    nearest = means.min(axis=1)
    largest = np.maximum(within, nearest)
    # A row alone in its cluster scores 0, as do rows without any distance.
    scored = (own > 1) & (largest > 0)
    scores: Float64 = np.zeros(len(labels))
    np.divide(nearest - within, largest, out=scores, where=scored)
    return scores
