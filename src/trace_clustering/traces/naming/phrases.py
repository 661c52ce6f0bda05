"""Phrases of two or three words that occur in several texts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from trace_clustering.traces.naming.corpus import BORDER, Corpus, Ints, counted
from trace_clustering.traces.naming.words import Kind

_FEWEST_TEXTS = 2


@dataclass(frozen=True)
class Phrases:
    """Phrases, with all inflections of a phrase as one.

    Attributes:
        units: what each is made of, as :func:`units_of` numbers it; -1 behind a shorter one.
        words: the words that each is mostly made of; -1 behind a shorter one.
        held: texts × phrases, 1 where the text holds the phrase.
    """

    units: Ints
    words: Ints
    held: sparse.csr_array


def units_of(corpus: Corpus) -> Ints:
    """By word: its term, or a number of its own beyond those of all terms."""
    own = np.arange(len(corpus.kinds)) + len(corpus.roots)
    return np.where(corpus.terms >= 0, corpus.terms, own)


def phrases_of(corpus: Corpus) -> Phrases:
    """All phrases that begin with a word of content, end with one or a particle, and are shared."""
    size = len(corpus.roots) + len(corpus.kinds) + 1
    units, own = units_of(corpus), np.arange(len(corpus.kinds))
    texts = np.repeat(np.arange(corpus.n_texts), np.diff(corpus.starts))
    runs = [corpus.words[np.stack(places)] for places in _places(corpus)]
    rows = np.concatenate([texts[places[0]] for places in _places(corpus)])
    keys = np.concatenate([_packed(units[run], size) for run in runs])
    spelled = np.concatenate([_packed(own[run], size) for run in runs])
    return _shared(keys, spelled, rows, size, corpus.n_texts)


def _packed(units: Ints, size: int) -> Ints:
    """Two or three numbers each as one; a place that is not filled counts as 0."""
    key = np.zeros(units.shape[1], np.int64)
    for step in range(3):
        key = key * size + (units[step] + 1 if step < len(units) else 0)
    return key


def _unpacked(keys: Ints, size: int) -> Ints:
    return np.stack([keys // size**2, keys // size % size, keys % size], axis=1) - 1


def _places(corpus: Corpus) -> Iterator[tuple[Ints, ...]]:
    """Where the words of all phrases stand: of those of two words, and of those of three."""
    kinds = corpus.kinds[corpus.words]
    starts = np.flatnonzero(kinds[:-1] == Kind.CONTENT)
    second = kinds[starts + 1]
    yield _pair(starts[(second == Kind.CONTENT) | (second == Kind.PARTICLE)], 2)
    longer = starts[(corpus.words[starts + 1] != BORDER) & (starts + 2 < len(kinds))]
    yield _pair(longer[kinds[longer + 2] == Kind.CONTENT], 3)


def _pair(starts: Ints, length: int) -> tuple[Ints, ...]:
    return tuple(starts + step for step in range(length))


def _shared(keys: Ints, spelled: Ints, rows: Ints, size: int, n_texts: int) -> Phrases:
    """The phrases that at least two texts hold."""
    known, numbers = np.unique(keys, return_inverse=True)
    held = counted(rows, numbers.astype(np.int64), (n_texts, len(known)))
    is_shared = np.asarray(held.sum(axis=0)).ravel() >= _FEWEST_TEXTS
    words = _most_frequent(numbers, spelled, len(known))
    return Phrases(
        _unpacked(known[is_shared], size),
        _unpacked(words[is_shared], size),
        held[:, np.flatnonzero(is_shared)],
    )


def _most_frequent(numbers: Ints, spelled: Ints, n_phrases: int) -> Ints:
    """By phrase, the words in which it stands most often; the first by spelling of several."""
    order = np.lexsort((spelled, numbers))
    is_new = np.ones(len(order), bool)
    is_new[1:] = np.diff(numbers[order]).astype(bool) | np.diff(spelled[order]).astype(bool)
    first = np.flatnonzero(is_new)
    counts = np.diff([*first, len(order)])
    chosen = np.zeros(n_phrases, np.int64)
    best = np.lexsort((-spelled[order][first], counts))
    chosen[numbers[order][first][best]] = spelled[order][first][best]
    return chosen
