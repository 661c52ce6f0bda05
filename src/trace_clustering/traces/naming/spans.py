"""Pieces of what texts say that tell a group from the others, and can stand in a title.

A span is a run of words out of a text of the group. It begins and ends where a person would cut:
never inside a run of words of content, never at a word that only links.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trace_clustering.traces.naming.bounds import MAX_TITLE_WORDS
from trace_clustering.traces.naming.corpus import Corpus, Floats, Ints
from trace_clustering.traces.naming.phrases import units_of
from trace_clustering.traces.naming.weights import NamedGroup, Weighted
from trace_clustering.traces.naming.words import (
    IDEOGRAPHIC,
    UNSPACED,
    Kind,
    begins_with_mark,
    count_words,
)

MAX_PAIRS = 14
"""Longest span of a script without spaces, in pairs of characters."""

_SEEN_TEXTS = 400
_READ_TEXTS = 40
_READ_WORDS = 6_000
_TRIED = 20
_WORD_COST = 0.1
_LINK_COST = 0.03
_NEVER = -9.0
_BORDER_COST = -99.0
_LEAST_GAIN = 0.05
_FEWEST_TEXTS = 2
# A name may be a person's, so it has to be what many in the group speak of.
_FEWEST_TEXTS_OF_NAME = 5
_NAME_SHARE = 0.3
_FREQUENT_BONUS = 0.05
_EARLY_BONUS = 0.3
_EARLY_WORDS = 25
_ONE_WORD = 0.7
_HASH_FACTOR = 1_000_003


@dataclass(frozen=True)
class Span:
    """A run of words.

    Attributes:
        text: how it is shown.
        units: its words, with all inflections as one.
        terms: its words of content, ascending.
        n_words: as many words as it counts for in a title.
        score: how well it tells the group from the others.
        covered: the group's texts that hold all its words of content, as bits.
    """

    text: str
    units: tuple[int, ...]
    terms: tuple[int, ...]
    n_words: int
    score: float
    covered: int


@dataclass(frozen=True)
class _Run:
    """Words as they stand in a text, how often, and whether mostly early in it."""

    words: list[int]
    count: int
    is_early: bool


class SpanFinder:
    """Finds spans for the groups of a run."""

    def __init__(
        self, corpus: Corpus, groups: Sequence[NamedGroup], told: dict[int, Weighted]
    ) -> None:
        self._corpus = corpus
        self._told = told
        self._units = units_of(corpus)
        self._columns = corpus.held.tocsc()
        self._term_bits: dict[int, int] = {}
        self._shared: dict[int, frozenset[int]] = {}
        self._rows = {g.group_id: np.asarray(g.rows, np.int64) for g in groups}
        self._bits = {group_id: self._as_bits(rows) for group_id, rows in self._rows.items()}
        kinds = corpus.kinds[corpus.words]
        self._may_start, self._may_end = _ends(kinds, corpus.opens)
        self._is_border = _borders(kinds, corpus.opens)
        self._is_pair = np.array([bool(UNSPACED.match(s)) for s in corpus.spellings], bool)
        is_mark = np.array([begins_with_mark(s) for s in corpus.spellings], bool)
        self._may_start &= ~is_mark[corpus.words]

    def bits(self, group_id: int) -> int:
        """The texts of a group, as bits."""
        return self._bits[group_id]

    def find(
        self,
        group_id: int,
        *,
        most_words: int,
        coverage: float,
        among: int | None = None,
        used: Collection[int] = (),
    ) -> list[Span]:
        """Spans of a group, the best first.

        Args:
            most_words: the longest span.
            coverage: how much it counts how many texts hold the span's words; 0 for not at all.
            among: the texts of the group to be covered, as bits; all if None.
            used: terms that no span may hold.
        """
        wanted = self._bits[group_id] if among is None else among
        gains = self._gains(group_id, wanted)
        gains[list(used)] = _BORDER_COST
        size = len(self._rows[group_id])
        found = (
            self._span(run, gains, wanted, size, coverage)
            for run in self._runs(group_id, gains, most_words)
        )
        spans = [span for span in found if span is not None]
        return sorted(spans, key=lambda span: (-span.score, span.text, span.units))

    def may_show(self, group_id: int, term: int) -> bool:
        """Whether so many texts of a group hold a term that it can be nobody's own."""
        if group_id not in self._shared:
            told = self._told[group_id]
            shared = told.features[self._is_shared(group_id, told)]
            self._shared[group_id] = frozenset(shared.tolist())
        return term in self._shared[group_id]

    def _is_shared(self, group_id: int, told: Weighted) -> NDArray[np.bool_]:
        size = len(self._rows[group_id])
        is_name = self._corpus.is_name[told.features]
        is_shared: NDArray[np.bool_] = told.counts >= min(_FEWEST_TEXTS, size)
        least = max(_FEWEST_TEXTS_OF_NAME, _NAME_SHARE * size)
        return is_shared & (~is_name | (told.counts >= least))

    def _gains(self, group_id: int, wanted: int) -> Floats:
        """By term, what it adds to a span's score."""
        told = self._told[group_id]
        is_shared = self._is_shared(group_id, told)
        weights = np.where(is_shared, told.weights, 0.0)
        top = weights.max(initial=0.0)
        if wanted != self._bits[group_id] and top > 0:
            weights = weights * self._shares(told, weights, top, wanted)
        gains = np.full(len(self._corpus.roots) + 1, _NEVER)
        gains[told.features[is_shared]] = np.round(
            weights[is_shared] / (top or 1.0) - _WORD_COST, 9
        )
        return gains

    def _shares(self, told: Weighted, weights: Floats, top: float, wanted: int) -> Floats:
        """By term, of the texts that hold it the share that is wanted; of strong terms only."""
        shares = np.zeros(len(weights))
        for place in np.flatnonzero(weights > _WORD_COST * top).tolist():
            inside = (self._bits_of(int(told.features[place])) & wanted).bit_count()
            shares[place] = inside / int(told.counts[place])
        return shares

    def _runs(self, group_id: int, gains: Floats, most_words: int) -> Iterator[_Run]:
        """The most promising runs of words, each once."""
        places, is_early = self._places(group_id)
        words = self._corpus.words[places]
        gain = self._gain_by_place(words, self._is_border[places], gains)
        may_start, may_end = self._may_start[places], self._may_end[places]
        sums = gain.copy()
        for length in range(1, self._longest(words, most_words) + 1):
            if length > 1:
                sums = sums[:-1] + gain[length - 1 :]
            good = may_start[: len(sums)] & may_end[length - 1 :] & (sums > _LEAST_GAIN)
            starts = np.flatnonzero(good)
            runs = words[starts[:, None] + np.arange(length)]
            yield from self._best_of(runs, np.round(sums[starts], 9), is_early[starts])

    def _best_of(self, runs: Ints, gains: Floats, is_early: NDArray[np.bool_]) -> Iterator[_Run]:
        units = self._units[runs]
        keys = np.zeros(len(runs), np.int64)
        for column in units.T:
            keys = keys * _HASH_FACTOR + column
        _, first, same, counts = np.unique(
            keys, return_index=True, return_inverse=True, return_counts=True
        )
        early = np.bincount(same, weights=is_early, minlength=len(first))
        for place in np.argsort(-gains[first], kind="stable")[:_TRIED].tolist():
            run = runs[first[place]].tolist()
            yield _Run(run, int(counts[place]), bool(2 * early[place] >= counts[place]))

    def _places(self, group_id: int) -> tuple[Ints, NDArray[np.bool_]]:
        """Where the words of the group's first texts stand, and which stand early in theirs."""
        rows = self._rows[group_id][:_SEEN_TEXTS].tolist()
        # Of texts that are equal, one is enough.
        chosen = list({self._corpus.same[row]: row for row in reversed(rows)}.values())
        starts = self._corpus.starts
        spans = [np.arange(starts[row], starts[row + 1]) for row in chosen[::-1][:_READ_TEXTS]]
        places = np.concatenate([*spans, np.zeros(0, np.int64)])[:_READ_WORDS]
        offsets = np.concatenate([*(span - span[:1] for span in spans), np.zeros(0, np.int64)])
        return places, offsets[:_READ_WORDS] < _EARLY_WORDS

    def _gain_by_place(self, words: Ints, is_border: NDArray[np.bool_], gains: Floats) -> Floats:
        without = np.where(is_border, _BORDER_COST, -_LINK_COST)
        terms = self._corpus.terms[words]
        return np.where(terms >= 0, gains[terms], without)

    def _longest(self, words: Ints, most_words: int) -> int:
        if len(words) and self._is_pair[words].mean() > 0.5:
            most_words = MAX_PAIRS * most_words // MAX_TITLE_WORDS
        return min(most_words, len(words))

    def _span(
        self, run: _Run, gains: Floats, wanted: int, size: int, coverage: float
    ) -> Span | None:
        words = run.words
        terms = [int(self._corpus.terms[word]) for word in words if self._corpus.terms[word] >= 0]
        if len(set(terms)) < len(terms):
            return None
        covered = wanted & self.holding(terms)
        gain = float(sum(gains[sorted(terms)])) - _LINK_COST * (len(words) - len(terms))
        share = (covered.bit_count() + 0.5) / (size + 0.5)
        score = gain * share**coverage * (1 + _FREQUENT_BONUS * min(run.count, 8))
        score *= 1 + _EARLY_BONUS * run.is_early
        score *= 1.0 if len(words) > 1 else _ONE_WORD
        text = shown([self._corpus.spellings[word] for word in words])
        return Span(
            text=text,
            units=tuple(self._units[words].tolist()),
            terms=tuple(sorted(terms)),
            n_words=count_words(text),
            score=round(score, 9),
            covered=covered,
        )

    def strongest(self, group_id: int, among: int) -> list[tuple[int, float, int]]:
        """Terms of a group, the strongest among these texts first, with gain and texts."""
        gains = self._gains(group_id, among)
        terms = np.flatnonzero(gains > -_LEAST_GAIN)
        order = np.argsort(-gains[terms], kind="stable")[:_TRIED]
        return [(t, float(gains[t]), self._bits_of(t) & among) for t in terms[order].tolist()]

    def spelling(self, term: int) -> str:
        """How a term is shown."""
        return self._corpus.term_spellings[term]

    def holding(self, terms: Iterable[int]) -> int:
        """The texts that hold all these terms, as bits."""
        held = -1
        for term in terms:
            held &= self._bits_of(term)
        return held

    def _bits_of(self, term: int) -> int:
        if term not in self._term_bits:
            start, end = self._columns.indptr[term : term + 2]
            self._term_bits[term] = self._as_bits(self._columns.indices[start:end])
        return self._term_bits[term]

    def _as_bits(self, rows: NDArray[np.integer[Any]]) -> int:
        marks = np.zeros(self._corpus.n_texts, np.uint8)
        marks[rows] = 1
        return int.from_bytes(np.packbits(marks).tobytes(), "big")


def listed(parts: Sequence[str], last: str = ", ") -> str:
    """Parts one after the other, as in the scripts that they are written in.

    Args:
        last: what stands before the last where there are spaces.
    """
    if len(parts) > 1 and all(IDEOGRAPHIC.fullmatch(part.replace("、", "")) for part in parts):
        return "、".join(parts)
    return last.join([*([", ".join(parts[:-1])] if len(parts) > 1 else []), *parts[-1:]])


def shown(spellings: Sequence[str]) -> str:
    """Words as text; pairs of characters that overlap are put together again."""
    text = ""
    for before, word in zip(["", *spellings], spellings, strict=False):
        if UNSPACED.fullmatch(before) and UNSPACED.match(word):
            text += word[1:] if len(before) == 2 and word[0] == before[1] else word
        else:
            text += f" {word}" if text else word
    return text


def _borders(kinds: NDArray[np.int8], opens: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """By place, whether no span goes on there."""
    before = np.concatenate([[Kind.BREAK], kinds[:-1]])
    is_preposition = kinds == Kind.PREPOSITION
    is_verb = kinds == Kind.VERB
    is_border: NDArray[np.bool_] = kinds == Kind.BREAK
    # An article right before a link was a pronoun: "cancel this in the app".
    is_border |= (is_preposition | is_verb | (kinds == Kind.LINK)) & opens
    is_border |= is_preposition & np.isin(before, (Kind.PREPOSITION, Kind.JOIN, Kind.LINK))
    is_border |= is_verb & (before == Kind.JOIN)
    is_border |= (kinds == Kind.TAIL) & (before != Kind.LINK)
    return is_border


def _ends(
    kinds: NDArray[np.int8], opens: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """By place, whether a span may start there, and whether one may end there."""
    before = np.concatenate([[Kind.BREAK], kinds[:-1]])
    after = np.concatenate([kinds[1:], [Kind.BREAK]])
    opens_after = np.concatenate([opens[1:], [True]])
    is_content = kinds == Kind.CONTENT
    is_inside = (before == Kind.CONTENT) | (before == Kind.NEGATION) | (before == Kind.PARTICLE)
    may_start = is_content & (~is_inside | opens)
    # "Not received", but no "hasn't my …".
    may_start |= (kinds == Kind.NEGATION) & (after == Kind.CONTENT) & ~opens_after
    goes_on = (after == Kind.CONTENT) | (after == Kind.PARTICLE)
    may_end = is_content & ~goes_on
    may_end |= (kinds == Kind.PARTICLE) & (before == Kind.CONTENT) & (after != Kind.CONTENT)
    return may_start, may_end
