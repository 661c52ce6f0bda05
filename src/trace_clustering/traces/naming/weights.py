"""How much each term or phrase tells a group of texts from the others.

In the manner of class-based TF-IDF (Grootendorst, 2022, BERTopic: how frequent a word is in a
class, times how rare it is in all): with shares of texts in place of counts of words, so that no
long text outweighs the others, and against the siblings of a group above all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from trace_clustering.traces.naming.corpus import Floats, Ints

_SIBLINGS_SHARE = 0.6
_PRIOR_TEXTS = 1.0


@dataclass(frozen=True)
class NamedGroup:
    """A group that is to be named.

    Attributes:
        parent, first_level, last_level: as in :class:`Group`.
        rows: the numbers of its texts, closest to the centroid first.
    """

    group_id: int
    parent: int | None
    first_level: int
    last_level: int
    rows: Sequence[int] | NDArray[np.integer]


@dataclass(frozen=True)
class Weighted:
    """The features that a group's texts hold.

    Attributes:
        features: their numbers, ascending.
        counts: texts of the group that hold each.
        weights: how much each tells; 0 of what is no more frequent here than elsewhere.
    """

    features: Ints
    counts: Ints
    weights: Floats


def weighted(held: sparse.csr_array, groups: Sequence[NamedGroup]) -> dict[int, Weighted]:
    """What tells each group, by its id.

    Args:
        held: texts × features, 1 where the text holds the feature.
    """
    counts = members_of(groups, held.shape[0]) @ held
    counts.sort_indices()
    total: Floats = np.asarray(held.sum(axis=0), dtype=np.float64).ravel()
    place = {group.group_id: i for i, group in enumerate(groups)}
    rows: dict[int | None, Floats] = {None: total}
    found: dict[int, Weighted] = {}
    for group in groups:
        parent = group.parent if group.parent in place else None
        if parent is not None and parent not in rows:
            rows[parent] = counts[[place[parent]], :].toarray().ravel()
        size = held.shape[0] if parent is None else len(groups[place[parent]].rows)
        start, end = counts.indptr[place[group.group_id] : place[group.group_id] + 2]
        features, inside = counts.indices[start:end], counts.data[start:end]
        weights = _weights(
            _Share(inside, len(group.rows)),
            _Share(rows[parent][features], size),
            _Share(total[features], held.shape[0]),
        )
        found[group.group_id] = Weighted(features.astype(np.int64), inside, weights)
    return found


def members_of(groups: Sequence[NamedGroup], n_texts: int) -> sparse.csr_array:
    """Groups × texts, 1 where the text is one of the group's."""
    sizes = [len(group.rows) for group in groups]
    columns = np.concatenate([np.asarray(group.rows, np.int64) for group in groups])
    indptr = np.concatenate([[0], np.cumsum(sizes)])
    ones = np.ones(len(columns), np.int64)
    return sparse.csr_array((ones, columns, indptr), shape=(len(groups), n_texts))


@dataclass(frozen=True)
class _Share:
    """How many of ``size`` texts hold each feature."""

    counts: Ints | Floats
    size: int

    def without(self, other: _Share) -> _Share:
        return _Share(self.counts - other.counts, self.size - other.size)

    def rate(self, prior: Floats) -> Floats:
        rates: Floats = (self.counts + _PRIOR_TEXTS * prior) / (self.size + _PRIOR_TEXTS)
        return rates


def _weights(inside: _Share, parent: _Share, everything: _Share) -> Floats:
    prior = everything.counts / everything.size
    rate = inside.rate(prior)
    told = np.log(rate / everything.without(inside).rate(prior))
    if parent.size > inside.size:
        beside = np.log(rate / parent.without(inside).rate(prior))
        told = _SIBLINGS_SHARE * beside + (1 - _SIBLINGS_SHARE) * told
    weights: Floats = inside.counts / inside.size * np.maximum(told, 0.0)
    return np.round(weights, 12)
