"""Texts as arrays of words, to be counted by groups.

Nothing here depends on the order of the texts: words are numbered by their spelling.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from trace_clustering.traces.masking import masked
from trace_clustering.traces.naming.words import (
    BEFORE_VERBS,
    DETERMINERS,
    ENGLISH,
    IS_WORD,
    TOKEN,
    UNSPACED,
    UNSPACED_LINKS,
    Kind,
    kind_of,
    root_of,
)

BORDER = 0
"""The word that stands where a phrase cannot go on; also behind each text."""

_READ_CHARS = 1_000
_ALL_CHARS = 1_000_000
_FEWEST_CHARS = 300
_FEWEST_OWNERS = 2
_FEWEST_TEXTS = 2
_ENGLISH_SHARE = 0.2
_NAME_SHARE = 0.8
_LONGEST_ACRONYM = 4

# Links and tags say what a text is made of, not what it is about.
_SYNTAX = re.compile(r"\b[A-Za-z]{2,20}://\S+|</?[A-Za-z][^<>]{0,300}>")

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Corpus:
    """The words of all texts.

    A *term* is a word of content with all its inflections.

    Attributes:
        owners: by text, the number that all texts of the same owner have.
        words: word numbers of all texts, one behind the other.
        opens: by place in ``words``, whether words were dropped right before.
        same: by text, the number that all texts of the same words have.
        starts: where each text begins in ``words``, and where the last ends.
        spellings: how each word is shown, by its number.
        kinds: what :class:`Kind` each word is, by its number.
        terms: each word's term, by its number; -1 of words without.
        roots: what each term's words share, by its number; ascending.
        held: texts × terms, 1 where the text holds the term.
        term_spellings: how each term is shown: its most frequent word, with a particle that mostly
            follows it, as in "top up".
        is_name: by term, whether it is a name as capitals tell it.
    """

    owners: Ints
    words: Ints
    opens: NDArray[np.bool_]
    starts: Ints
    same: list[int]
    spellings: list[str]
    kinds: NDArray[np.int8]
    terms: Ints
    roots: list[str]
    held: sparse.csr_array
    term_spellings: list[str]
    is_name: NDArray[np.bool_]

    @property
    def n_texts(self) -> int:
        return len(self.starts) - 1


def read_corpus(texts: Sequence[str], owners: Sequence[str] | None = None) -> Corpus:
    """The words of texts, without what is personal.

    Words of one owner only count as breaks: a name or an id would be among them. All but those
    that several texts use as only plain words are used, as in "the invoices" or "to export the".

    Args:
        owners: whose each text is; without, or where it is empty, each text is somebody else's.
    """
    bound = max(_FEWEST_CHARS, min(_READ_CHARS, _ALL_CHARS // max(len(texts), 1)))
    tokens = [_tokens(text, bound) for text in texts]
    stream = _Stream(tokens)
    kinds = stream.kinds()
    of_owner = _owner_numbers(owners, len(texts))
    is_own = stream.owner_counts(of_owner) < _FEWEST_OWNERS
    is_several = stream.owner_counts(np.arange(len(texts))) >= _FEWEST_TEXTS
    kinds[is_own & ~(is_several & stream.plain())] = Kind.BREAK
    kinds[BORDER] = Kind.BREAK
    roots, terms = _terms(stream.folded, kinds)
    words, opens, starts = stream.without(kinds)
    spellings = stream.spellings()
    return Corpus(
        owners=of_owner,
        words=words,
        opens=opens,
        starts=starts,
        same=_same(tokens),
        spellings=spellings,
        kinds=kinds,
        terms=terms,
        roots=roots,
        held=_held(words, starts, terms, len(roots)),
        term_spellings=_term_spellings(words, kinds, terms, spellings),
        is_name=_names(stream, terms, len(roots)),
    )


class _Stream:
    """All tokens one behind the other, with a border behind each text."""

    def __init__(self, tokens: Sequence[Sequence[str]]) -> None:
        lengths = np.fromiter((len(each) + 1 for each in tokens), np.int64, len(tokens))
        self._starts = np.concatenate([[0], np.cumsum(lengths)])
        self._texts = np.repeat(np.arange(len(tokens)), lengths)
        flat = list(chain.from_iterable(chain(each, ("",)) for each in tokens))
        self._surfaces = sorted({"", *flat})
        numbers = {surface: number for number, surface in enumerate(self._surfaces)}
        self._stream = np.fromiter(map(numbers.__getitem__, flat), np.int64, len(flat))
        folded = [_folded(surface) for surface in self._surfaces]
        self.folded = sorted(set(folded))
        places = {word: number for number, word in enumerate(self.folded)}
        self._word_of = np.array([places[word] for word in folded])
        self._words = self._word_of[self._stream]
        is_word = np.array([bool(IS_WORD.match(word)) for word in self.folded])
        # What stands behind a word is not capitalized because a sentence begins.
        self._is_mid = np.zeros(len(flat), bool)
        self._is_mid[1:] = is_word[self._words[:-1]]
        self.is_english = self._english(is_word)

    def _english(self, is_word: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """By word, whether the texts that it stands in are mostly English."""
        n = len(self._starts) - 1
        known = np.array([word in ENGLISH for word in self.folded])
        in_words = np.bincount(self._texts[is_word[self._words]], minlength=n)
        in_known = np.bincount(self._texts[known[self._words]], minlength=n)
        is_english = in_known >= np.maximum(_ENGLISH_SHARE * in_words, 1)
        size = len(self.folded)
        both = np.bincount(self._words[is_english[self._texts]], minlength=size)
        return 2 * both >= np.bincount(self._words, minlength=size)

    def kinds(self) -> NDArray[np.int8]:
        pairs = zip(self.folded, self.is_english.tolist(), strict=True)
        return np.array([kind_of(word, is_english) for word, is_english in pairs], np.int8)

    def owner_counts(self, owners: Ints) -> Ints:
        """By word, of how many owners there are texts that hold it."""
        size = len(self.folded)
        pairs = distinct(owners[self._texts] * size + self._words)
        return np.bincount(pairs % size, minlength=size)

    def plain(self) -> NDArray[np.bool_]:
        """By word, whether it is no name: in small letters, and used as nouns or verbs are."""
        is_determiner, is_subject = self._are(DETERMINERS), self._are(BEFORE_VERBS)
        words = self._words
        nouns = words[1:][is_determiner[words[:-1]]]
        verbs = words[1:-1][is_subject[words[:-2]] & is_determiner[words[2:]]]
        used = {root_of(self.folded[word]) for word in distinct(np.concatenate([nouns, verbs]))}
        mid, capital = self.capitalized()
        is_used = [word.isalpha() and root_of(word) in used for word in self.folded]
        is_plain: NDArray[np.bool_] = (mid > 0) & (capital == 0) & np.array(is_used, bool)
        return is_plain

    def _are(self, words: Collection[str]) -> NDArray[np.bool_]:
        return np.array([word in words for word in self.folded])

    def without(self, kinds: NDArray[np.int8]) -> tuple[Ints, NDArray[np.bool_], Ints]:
        """Words, those before which some are dropped, and starts; with borders for breaks."""
        stream = kinds[self._words]
        is_kept = stream != Kind.DROPPED
        words = np.where(stream == Kind.BREAK, BORDER, self._words)[is_kept]
        opens = np.concatenate([[False], ~is_kept[:-1]])[is_kept]
        kept_before = np.concatenate([[0], np.cumsum(is_kept)])
        return words, opens, kept_before[self._starts]

    def mid_counts(self) -> Ints:
        """By surface, how often it stands inside a sentence."""
        return np.bincount(self._stream[self._is_mid], minlength=len(self._surfaces))

    def capitalized(self) -> tuple[Ints, Ints]:
        """By word, how often it stands inside a sentence, and how often with a capital there."""
        counts = self.mid_counts()
        is_capital = np.array([_is_capital(surface) for surface in self._surfaces])
        size = len(self.folded)
        mid = np.bincount(self._word_of, weights=counts, minlength=size)
        capital = np.bincount(self._word_of, weights=counts * is_capital, minlength=size)
        return mid.astype(np.int64), capital.astype(np.int64)

    def spellings(self) -> list[str]:
        """How each word is mostly written inside a sentence; in small letters if nothing tells."""
        counts = self.mid_counts().tolist()
        best: dict[int, tuple[int, str]] = {}
        for surface, word, count in zip(
            self._surfaces, self._word_of.tolist(), counts, strict=True
        ):
            told = (count, surface) if count or surface.isupper() else (0, self.folded[word])
            best[word] = max(best.get(word, told), told)
        return [best[word][1] for word in range(len(self.folded))]


def _tokens(text: str, bound: int) -> list[str]:
    head = _SYNTAX.sub(" [syntax] ", masked(_head(text, bound)))
    head = unicodedata.normalize("NFC", head)
    if head.isascii() or not UNSPACED.search(head):
        return TOKEN.findall(head)
    spaced = UNSPACED_LINKS.sub(r" \g<0> ", UNSPACED.sub(r" \g<0> ", head))
    return list(_with_pairs(TOKEN.findall(spaced)))


def _head(text: str, bound: int) -> str:
    """The beginning of a text, cut between words."""
    if len(text) <= bound:
        return text
    cut = text.rfind(" ", bound // 2, bound)
    return text[: cut if cut > 0 else bound]


def _with_pairs(tokens: Sequence[str]) -> Iterator[str]:
    """The tokens, with each pair of neighbours in place of a run that has no blanks."""
    for token in tokens:
        if len(token) > 2 and UNSPACED.match(token):
            yield from (token[i : i + 2] for i in range(len(token) - 1))
        else:
            yield token


def _folded(surface: str) -> str:
    return surface.casefold().replace("\u2019", "'")


def _is_capital(surface: str) -> bool:
    """Whether it is written as names and codes are; short ones in capitals are terms, as ATM is."""
    return surface[:1].isupper() and (not surface.isupper() or len(surface) > _LONGEST_ACRONYM)


def _owner_numbers(owners: Sequence[str] | None, n_texts: int) -> Ints:
    numbers = np.arange(n_texts)
    if owners is None or len({owner for owner in owners if owner}) < _FEWEST_OWNERS:
        return numbers
    first: dict[str, int] = {}
    for number, owner in enumerate(owners):
        if owner:
            numbers[number] = first.setdefault(owner, number)
    return numbers


def _terms(folded: Sequence[str], kinds: NDArray[np.int8]) -> tuple[list[str], Ints]:
    """The roots of all words of content, and each word's number among them."""
    found = [
        root_of(word) if kind == Kind.CONTENT else ""
        for word, kind in zip(folded, kinds.tolist(), strict=True)
    ]
    roots = sorted(set(found) - {""})
    numbers = {root: number for number, root in enumerate(roots)} | {"": -1}
    return roots, np.array([numbers[root] for root in found], np.int64)


def _held(words: Ints, starts: Ints, terms: Ints, n_terms: int) -> sparse.csr_array:
    n_texts = len(starts) - 1
    texts = np.repeat(np.arange(n_texts), np.diff(starts))
    found = terms[words]
    is_term = found >= 0
    return counted(texts[is_term], found[is_term], (n_texts, n_terms))


def counted(rows: Ints, columns: Ints, shape: tuple[int, int]) -> sparse.csr_array:
    """Rows × columns, 1 for each pair that occurs."""
    pairs = distinct(rows * max(shape[1], 1) + columns)
    row, column = np.divmod(pairs, max(shape[1], 1))
    return sparse.csr_array((np.ones(len(pairs), np.int64), (row, column)), shape=shape)


def _term_spellings(
    words: Ints, kinds: NDArray[np.int8], terms: Ints, spellings: list[str]
) -> list[str]:
    counts = np.bincount(words, minlength=len(terms))
    chosen = [""] * (int(terms.max(initial=-1)) + 1)
    # Later ones win, so that the first of equally frequent ones comes last.
    for place in np.argsort(counts[::-1], kind="stable").tolist():
        word = len(terms) - 1 - place
        if terms[word] >= 0:
            chosen[terms[word]] = spellings[word]
    for term, particle in _particles(words, kinds, terms):
        chosen[term] += f" {spellings[particle]}"
    return chosen


def _particles(words: Ints, kinds: NDArray[np.int8], terms: Ints) -> Iterator[tuple[int, int]]:
    """Terms that a particle follows at least every other time, with the most frequent one."""
    uses = np.bincount(terms[words][terms[words] >= 0])
    is_pair = (terms[words[:-1]] >= 0) & (kinds[words[1:]] == Kind.PARTICLE)
    pairs = terms[words[:-1]][is_pair] * len(terms) + words[1:][is_pair]
    known, counts = np.unique(pairs, return_counts=True)
    for pair, count in zip(known.tolist(), counts.tolist(), strict=True):
        term, particle = divmod(pair, len(terms))
        if 2 * count > uses[term]:
            yield term, particle


def _same(tokens: Sequence[Sequence[str]]) -> list[int]:
    first: dict[str, int] = {}
    return [first.setdefault(" ".join(each), number) for number, each in enumerate(tokens)]


def distinct(values: Ints) -> Ints:
    """Each value once, ascending; quicker than NumPy's own for many values."""
    values = np.sort(values)
    return values[np.concatenate([[True], values[1:] != values[:-1]])] if len(values) else values


def _names(stream: _Stream, terms: Ints, n_terms: int) -> NDArray[np.bool_]:
    """By term, whether it is mostly capitalized inside sentences of English, as names are."""
    mid, capital = stream.capitalized()
    is_told = (terms >= 0) & stream.is_english
    mids = np.bincount(terms[is_told], weights=mid[is_told], minlength=n_terms)
    capitals = np.bincount(terms[is_told], weights=capital[is_told], minlength=n_terms)
    return (mids > 0) & (capitals >= _NAME_SHARE * mids)
