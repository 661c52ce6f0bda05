"""Words of scripts that put no spaces between them, put together from pairs of characters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from trace_clustering.traces.naming.corpus import Corpus
from trace_clustering.traces.naming.phrases import Phrases
from trace_clustering.traces.naming.words import UNSPACED, begins_with_mark

_COHESION = 0.75
_MOST_PAIRS = 12
# What is behind a Japanese noun that is used as a verb.
_VERBAL = re.compile(r"(?<=[\u4e00-\u9fff]{2})[しすさせ]$")

Neighbours = dict[int, tuple[int, int]]


@dataclass(frozen=True)
class Piece:
    """What a pair of characters is a part of.

    Attributes:
        terms: all pairs in it.
    """

    text: str
    terms: frozenset[int]


def pieces_of(corpus: Corpus, phrases: Phrases) -> dict[int, Piece]:
    """By term that is a pair of characters, the word that it is mostly a part of."""
    counts = np.asarray(corpus.held.sum(axis=0)).ravel().tolist()
    before, behind = _neighbours(corpus, phrases)
    pairs = [term for term, root in enumerate(corpus.roots) if UNSPACED.match(root)]
    return {term: _piece(corpus, _grown(term, before, behind, counts)) for term in pairs}


def with_pieces(corpus: Corpus, pieces: dict[int, Piece]) -> Corpus:
    """The corpus, with terms shown as the words that they are a part of."""
    shown = [
        pieces[term].text if term in pieces else spelling
        for term, spelling in enumerate(corpus.term_spellings)
    ]
    return replace(corpus, term_spellings=shown)


def _neighbours(corpus: Corpus, phrases: Phrases) -> tuple[Neighbours, Neighbours]:
    """By pair, what overlaps it most often on the left and on the right, and in how many texts."""
    before: Neighbours = {}
    behind: Neighbours = {}
    for left, right, count in _overlaps(corpus, phrases):
        # Of equally frequent ones the first stays, and phrases are in order.
        if count > before.get(right, (-1, 0))[1]:
            before[right] = (left, count)
        if count > behind.get(left, (-1, 0))[1]:
            behind[left] = (right, count)
    return before, behind


def _overlaps(corpus: Corpus, phrases: Phrases) -> Iterator[tuple[int, int, int]]:
    """Pairs of which one begins in the other, and in how many texts they do."""
    texts = np.asarray(phrases.held.sum(axis=0)).ravel().tolist()
    pairs = {i: r for i, r in enumerate(corpus.roots) if len(r) == 2 and UNSPACED.fullmatch(r)}
    for (left, right, further), count in zip(phrases.units.tolist(), texts, strict=True):
        one, other = pairs.get(left), pairs.get(right)
        if further < 0 and one and other and one[1] == other[0]:
            yield left, right, count


def _grown(term: int, before: Neighbours, behind: Neighbours, counts: list[int]) -> list[int]:
    """The pair with those around that mostly go along with it."""
    grown = [term]
    for end, around in ((-1, behind), (0, before)):
        while len(grown) < _MOST_PAIRS:
            following, count = around.get(grown[end], (-1, 0))
            most = max(counts[term], counts[grown[end]])
            if following < 0 or following in grown or count < _COHESION * most:
                break
            grown.insert(len(grown) if end else 0, following)
    return grown


def _piece(corpus: Corpus, terms: list[int]) -> Piece:
    roots = [corpus.roots[term] for term in terms]
    text = roots[0] + "".join(root[1:] for root in roots[1:])
    return Piece(_VERBAL.sub("", _without_marks(text)), frozenset(terms))


def _without_marks(text: str) -> str:
    """Without marks that belong to a character before."""
    while begins_with_mark(text):
        text = text[1:]
    return text
