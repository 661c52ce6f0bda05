"""Titles out of spans: one that says it all, or several that together do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trace_clustering.traces.naming.bounds import MAX_TITLE_WORDS, MIN_TITLE_WORDS
from trace_clustering.traces.naming.spans import Span, SpanFinder, listed
from trace_clustering.traces.naming.words import count_words

_LONG_COVERAGE = 0.3
_SHORT_COVERAGE = 0.4
_PART_WORDS = 3
_ENOUGH = 0.15
_ENOUGH_OF_DIVIDED = 0.4
_SAYS_ALL = 0.6
_LONGER_SHARE = 0.5
_WORTH_ADDING = 0.25
_MOST_PARTS = 3
_MOST_WHOLE = 8
_HEAD_SHARE = 0.5
_JOINS = re.compile(r"\b(?:and|or)\b")
_NOT_LETTERS = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Title:
    """A title that may be given to a group.

    Attributes:
        terms: its words of content; titles of the same words say the same.
    """

    text: str
    terms: frozenset[int]


def titles_of(finder: SpanFinder, group_id: int, *, is_divided: bool) -> Iterator[Title]:
    """Titles for a group, the best first, without a capital; none if no word tells it apart.

    Args:
        is_divided: whether there are groups below it, so that it is about several things.
    """
    size = finder.bits(group_id).bit_count()
    long = finder.find(group_id, most_words=MAX_TITLE_WORDS, coverage=_LONG_COVERAGE)
    whole = [span for span in long if span.n_words >= MIN_TITLE_WORDS]
    least = _LONGER_SHARE * long[0].score if long else 0.0
    telling = [span for span in whole if span.score >= least]
    enough = (_ENOUGH_OF_DIVIDED if is_divided else _ENOUGH) * size
    yield from (_title([span]) for span in telling if span.covered.bit_count() >= enough)
    several = (_headed, _joined) if is_divided else (_joined, _headed)
    for make in several:
        yield from make(finder, group_id)
    yield from (_title([span]) for span in [*whole, *long][:_MOST_WHOLE])


def capitalized(text: str) -> str:
    """The text with a capital, but for a word with one inside, such as ``iPhone``."""
    first = text.split(" ", 1)[0]
    return text[:1].upper() + text[1:] if first == first.lower() else text


def _headed(finder: SpanFinder, group_id: int) -> Iterator[Title]:
    """What most of the group is about, and what of it: "Card: expire, activate, virtual"."""
    everything = left = finder.bits(group_id)
    heads = finder.strongest(group_id, everything)[:1]
    if not heads or heads[0][2].bit_count() < _HEAD_SHARE * everything.bit_count():
        return
    terms = [heads[0][0]]
    while len(terms) <= _MOST_PARTS:
        new = (one for one in finder.strongest(group_id, left) if _is_new(finder, one[0], terms))
        term, _, held = next(new, (-1, 0.0, 0))
        if term < 0:
            break
        terms.append(term)
        left &= ~held
    if len(terms) >= MIN_TITLE_WORDS:
        head, *rest = map(finder.spelling, terms)
        yield Title(f"{head}: {listed(rest)}", frozenset(terms))


def _is_new(finder: SpanFinder, term: int, terms: Sequence[int]) -> bool:
    return not any(holds(finder.spelling(one), finder.spelling(term)) for one in terms)


def _joined(finder: SpanFinder, group_id: int) -> Iterator[Title]:
    """Titles of several short spans, each for the texts that those before do not cover."""
    for first in _short(finder, group_id, [], finder.bits(group_id))[:2]:
        parts = [first]
        while len(parts) < _MOST_PARTS:
            added = _next(finder, group_id, parts)
            if added is None:
                break
            parts.append(added)
        # Two bare words with "and" between them say too little.
        if sum(part.n_words for part in parts) >= MIN_TITLE_WORDS:
            yield _title(parts)


def _next(finder: SpanFinder, group_id: int, parts: Sequence[Span]) -> Span | None:
    """What is worth adding to the parts, if they do not say all yet."""
    everything = left = finder.bits(group_id)
    for part in parts:
        left &= ~part.covered
    says_all = left.bit_count() <= (1 - _SAYS_ALL) * everything.bit_count()
    if sum(part.n_words for part in parts) >= MIN_TITLE_WORDS and says_all:
        return None
    spans = _short(finder, group_id, parts, left)
    if sum(part.n_words for part in parts) < MIN_TITLE_WORDS:
        spans += _short(finder, group_id, parts, everything)
    return next((span for span in spans if _fits(parts, span)), None)


def _short(finder: SpanFinder, group_id: int, parts: Sequence[Span], among: int) -> list[Span]:
    used = {term for part in parts for term in part.terms}
    least = _WORTH_ADDING * parts[0].score if parts else 0.0
    spans = finder.find(
        group_id, most_words=_PART_WORDS, coverage=_SHORT_COVERAGE, among=among, used=used
    )
    return [span for span in spans if span.score >= least]


def _fits(parts: Sequence[Span], span: Span) -> bool:
    if any(holds(part.text, span.text) for part in parts):
        return False
    return count_words(_text([*parts, span])) <= MAX_TITLE_WORDS


def holds(one: str, other: str) -> bool:
    """Whether one says the other too, however it is written: "top-up" and "top up"."""
    letters = (_NOT_LETTERS.sub("", text.lower()) for text in (one, other))
    short, long = sorted(letters, key=len)
    return short in long


def _title(parts: Sequence[Span]) -> Title:
    return Title(_text(parts), frozenset(t for part in parts for t in part.terms))


def _text(parts: Sequence[Span]) -> str:
    texts = [part.text for part in parts]
    return listed(texts, ", " if any(_JOINS.search(text) for text in texts) else " and ")
