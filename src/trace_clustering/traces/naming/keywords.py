"""Names of groups by their distinctive words, without a language model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

import numpy as np

from trace_clustering.models.findings import GroupName
from trace_clustering.traces.legibility import shortened
from trace_clustering.traces.masking import masked_head
from trace_clustering.traces.naming.bounds import (
    MAX_KEYWORDS,
    MAX_TITLE_CHARS,
    MAX_TITLE_WORDS,
    MIN_TITLE_WORDS,
)
from trace_clustering.traces.naming.corpus import read_corpus
from trace_clustering.traces.naming.openings import masked_opening
from trace_clustering.traces.naming.phrases import phrases_of
from trace_clustering.traces.naming.pieces import pieces_of, with_pieces
from trace_clustering.traces.naming.spans import SpanFinder, listed, shown
from trace_clustering.traces.naming.titles import (
    Title,
    capitalized,
    holds,
    titles_of,
)
from trace_clustering.traces.naming.weights import NamedGroup, Weighted, weighted
from trace_clustering.traces.naming.words import count_words
from trace_clustering.traces.rendering import NO_TEXT

__all__ = ["NamedGroup", "keyword_names"]

SILENT = "Traces without any text"
"""Title of traces in which nothing was said."""

_LOOKED_AT = 40
# By words: what more words say is clearer, though less often said in the same way.
_PHRASE_BONUS = {2: 1.5, 3: 1.6}
_DESCRIBING = 3
_TYPICAL_CHARS = 140
_ENDS = tuple(".?!…。？！")
_READ_CHARS = 600
_COMMON_SHARE = 0.9


def keyword_names(
    texts: Sequence[str],
    groups: Sequence[NamedGroup],
    *,
    owners: Sequence[str] | None = None,
    openings: Sequence[str] = (),
) -> dict[int, GroupName]:
    """What each group is called, by its id.

    Titles of one level differ from each other, and from those of the groups above. Names depend on
    the order of the rows within a group, and on no other order.

    Args:
        texts: of all traces; more than their first 1,000 characters are not read.
        groups: a tree; each group is a part of its parent.
        owners: whose each trace is; what may be a name and only one owner says is never in a title
            or keyword. If None, or where it is empty, each trace counts as somebody else's.
        openings: how each trace begins in its own words, for descriptions to quote, masked;
            without one the text is quoted.
    """
    return _Naming(texts, groups, owners, openings).names() if groups else {}


class _Naming:
    """The names of one run."""

    def __init__(
        self,
        texts: Sequence[str],
        groups: Sequence[NamedGroup],
        owners: Sequence[str] | None,
        openings: Sequence[str] = (),
    ) -> None:
        self._texts = texts
        self._openings = openings
        self._groups = sorted(groups, key=lambda group: (group.first_level, group.group_id))
        self._parents = {group.parent for group in groups}
        corpus = read_corpus(["" if _is_silent(t) else t for t in texts], owners)
        self._phrases = phrases_of(corpus)
        self._pieces = pieces_of(corpus, self._phrases)
        self._corpus = with_pieces(corpus, self._pieces)
        self._told = weighted(self._corpus.held, groups)
        self._told_phrases = weighted(self._phrases.held, groups)
        self._finder = SpanFinder(self._corpus, groups, self._told)

    def names(self) -> dict[int, GroupName]:
        taken = _Taken(self._groups)
        names = {}
        for group in self._groups:
            keywords = self.keywords(group)
            title = taken.first_free(group, self._titles(group, keywords))
            names[group.group_id] = GroupName(title, self._description(group, keywords), keywords)
        return names

    def keywords(self, group: NamedGroup) -> tuple[str, ...]:
        """The strongest terms and phrases; a phrase stands for its words."""
        chosen: list[str] = []
        if all(_is_silent(self._texts[row]) for row in group.rows):
            return ()
        used: list[frozenset[int]] = []
        for _, text, terms in sorted(self._candidates(group)):
            # What has been said for the most part is not said again.
            if not any(2 * len(terms & one) >= min(len(terms), len(one)) + 1 for one in used):
                chosen.append(text)
                used.append(terms)
            if len(chosen) == MAX_KEYWORDS:
                break
        return tuple(chosen)

    def _candidates(self, group: NamedGroup) -> Iterator[tuple[float, str, frozenset[int]]]:
        """The strongest, with what orders them: the weight below zero, then the text."""
        for term, weight in _strongest(self._told[group.group_id]):
            if self._finder.may_show(group.group_id, term):
                terms = self._pieces[term].terms if term in self._pieces else frozenset([term])
                yield -weight, self._corpus.term_spellings[term], terms
        for number, weight in _strongest(self._told_phrases[group.group_id]):
            units = [int(unit) for unit in self._phrases.units[number] if unit >= 0]
            terms = frozenset(unit for unit in units if unit < len(self._corpus.roots))
            # Where there are no spaces, pieces are what phrases are elsewhere.
            if terms.isdisjoint(self._pieces) and self._may_show_all(group, terms):
                words = self._phrases.words[number, : len(units)].tolist()
                text = shown([self._corpus.spellings[word] for word in words])
                yield -_PHRASE_BONUS[len(units)] * weight, text, terms

    def _may_show_all(self, group: NamedGroup, terms: Iterable[int]) -> bool:
        return all(self._finder.may_show(group.group_id, term) for term in terms)

    def _titles(self, group: NamedGroup, keywords: Sequence[str]) -> Iterator[Title]:
        """Titles that may be given, the best first; the last has the id, so that one is free."""
        if all(_is_silent(self._texts[row]) for row in group.rows):
            yield from _numbered(SILENT, group.group_id)
        found: list[Title] = []
        is_divided = group.group_id in self._parents
        for title in titles_of(self._finder, group.group_id, is_divided=is_divided):
            padded = _padded(title, keywords)
            if len(padded.text) <= MAX_TITLE_CHARS:
                found.append(padded)
                yield padded
        for title in found[:_DESCRIBING]:
            yield from _extended(title, keywords)
        yield from self._mixed(group)

    def _mixed(self, group: NamedGroup) -> Iterator[Title]:
        """Titles of a group that nothing tells from the others."""
        words = [self._corpus.term_spellings[term] for term in self._frequent(group)]
        pairs = [listed(pair, " and ") for pair in combinations(words, 2)] or words
        for about in pairs:
            yield Title(f"mixed requests about {about}", frozenset())
        shared = f"mixed requests about {pairs[0]}" if pairs else self._untold(group)
        yield from _numbered(shared, group.group_id)

    def _untold(self, group: NamedGroup) -> str:
        """Title of a group of which no word may be told."""
        if self._is_copies(group):
            return "the same text repeated" if len(group.rows) > 1 else "a single trace"
        is_of_one = self._is_of_one_user(group)
        return "requests of a single user" if is_of_one else "mixed requests without shared words"

    def _is_copies(self, group: NamedGroup) -> bool:
        return len({self._corpus.same[row] for row in group.rows}) == 1

    def _is_of_one_user(self, group: NamedGroup) -> bool:
        return len(group.rows) > 1 and len(set(self._corpus.owners[group.rows].tolist())) == 1

    def _frequent(self, group: NamedGroup) -> list[int]:
        """The terms that most of its texts hold, but for what nearly all texts hold."""
        told = self._told[group.group_id]
        everywhere = np.asarray(self._corpus.held.sum(axis=0)).ravel()[told.features]
        is_common = everywhere > _COMMON_SHARE * self._corpus.n_texts
        order = np.lexsort((told.features, -told.counts, is_common))
        terms = (int(term) for term in told.features[order[:_LOOKED_AT]])
        return [t for t in terms if self._finder.may_show(group.group_id, t)][:_DESCRIBING]

    def _description(self, group: NamedGroup, keywords: Sequence[str]) -> str:
        size = len(group.rows)
        count = "1 trace" if size == 1 else f"{size:,} traces"
        spoken = [row for row in group.rows if not _is_silent(self._texts[row])]
        if not spoken:
            return f"{count} without any text."
        told = count + self._told_of(group, keywords)
        typical = shortened(self._quoted(spoken[0]), _TYPICAL_CHARS)
        end = "" if typical.endswith(_ENDS) else "."
        return f"{told}; typical: “{typical}”{end}"

    def _told_of(self, group: NamedGroup, keywords: Sequence[str]) -> str:
        """What the description says of the group's traces."""
        whose = " of a single user" if self._is_of_one_user(group) else ""
        if about := listed(keywords[:_DESCRIBING], " and "):
            return f"{whose}, mostly about {about}"
        if len(group.rows) > 1 and self._is_copies(group):
            return f"{whose} with the same text"
        return whose or (" with nothing that sets them apart" if len(group.rows) > 1 else "")

    def _quoted(self, row: int) -> str:
        opening = self._openings[row] if self._openings else ""
        return masked_opening(opening) if opening else masked_head(self._texts[row], _READ_CHARS)


class _Taken:
    """Which titles are given already, by level."""

    def __init__(self, groups: Sequence[NamedGroup]) -> None:
        self._given: dict[int, Title] = {}
        self._by_level: dict[int, set[str | frozenset[int]]] = {}
        self._parents = {group.group_id: group.parent for group in groups}
        parents = [group.parent for group in groups]
        self._only = {
            g.group_id for g in groups if g.parent is not None and parents.count(g.parent) == 1
        }

    def first_free(self, group: NamedGroup, titles: Iterable[Title]) -> str:
        """The first title that no other group of its levels has, and none above it."""
        levels = range(group.first_level, max(group.first_level, group.last_level) + 1)
        taken = set().union(*(self._by_level.get(level, set()) for level in levels))
        taken |= self._above(group)
        title = next(title for title in titles if taken.isdisjoint(_marks(title)))
        self._given[group.group_id] = title
        for level in levels:
            self._by_level.setdefault(level, set()).update(_marks(title))
        return capitalized(title.text)

    def _above(self, group: NamedGroup) -> set[str | frozenset[int]]:
        marks: set[str | frozenset[int]] = set()
        child, parent = group.group_id, group.parent
        while parent in self._given:
            if child not in self._only:
                marks |= _marks(self._given[parent])
            child, parent = parent, self._parents[parent]
        return marks


def _marks(title: Title) -> set[str | frozenset[int]]:
    """What no two titles may have in common."""
    return {title.text.casefold(), title.terms} if title.terms else {title.text.casefold()}


def _strongest(told: Weighted) -> Iterator[tuple[int, float]]:
    order = np.argsort(-told.weights, kind="stable")[:_LOOKED_AT]
    for place in order[told.weights[order] > 0].tolist():
        yield int(told.features[place]), float(told.weights[place])


def _padded(title: Title, keywords: Sequence[str]) -> Title:
    """The title, with more where it is too short for one."""
    text, terms = title.text, set(title.terms)
    for number, keyword in enumerate(keywords):
        if count_words(text) >= MIN_TITLE_WORDS:
            break
        if not holds(text, keyword):
            text = listed([text, keyword])
            terms.add(-1 - number)
    if count_words(text) < MIN_TITLE_WORDS:
        text = f"requests about {text}"
    return Title(text, frozenset(terms))


def _extended(title: Title, keywords: Sequence[str]) -> Iterator[Title]:
    """The title with one more keyword each."""
    for number, keyword in enumerate(keywords):
        text = listed([title.text, keyword])
        if not holds(title.text, keyword) and count_words(text) <= MAX_TITLE_WORDS:
            yield Title(text, title.terms | {-1 - number})


def _numbered(text: str, group_id: int) -> Iterator[Title]:
    yield Title(text, frozenset())
    yield Title(f"{text} ({group_id})", frozenset())


def _is_silent(text: str) -> bool:
    return not text.strip() or text.strip() == NO_TEXT
