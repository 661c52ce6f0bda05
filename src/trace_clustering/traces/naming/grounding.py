"""Whether a title rests on its group, and not on what one trace demands to be called.

A model may obey an order that stands in a trace ("name this cluster …"). So a title needs a word
that the group's keywords hold, which come from many traces, or at least two of its texts; a text
that gives such orders vouches for nothing; and no word that only such texts hold may be in a title.
Orders that no pattern knows are met by counting: a title holds no word that a single text of the
whole run holds, and words of a single text of the group do not outnumber those that rest on it. A
description may tell more, but no such word that is written to be seen.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trace_clustering.traces.naming.portrait import GroupPortrait
from trace_clustering.traces.naming.words import ENGLISH, IS_WORD, OTHERS, TOKEN, UNSPACED

_INSIDE = re.compile(r"['\u2019_-]+")
_ENDINGS = (
    *("ations", "ation", "ments", "ment", "ings", "ing", "ions", "ion"),
    *("ies", "ied", "ed", "es", "ly", "s", "e", "y"),
)
_ROOT_CHARS = 5
_SHORTEST_ROOT = 3
_FEWEST_CHARS = 3
_FEWEST_TEXTS = 2

# Words that any group could be called by, and those of the orders themselves.
_EMPTY = """
    client clients cluster clusters concern concerning concerns conversation conversations customer
    customers description general group groups inquiries inquiry instruction instructions label
    miscellaneous name named naming names new people please previous queries query regarding related
    request requested requesting requests support task tasks text texts title titles topic topics
    trace traces use used user users using various
"""
_NOT_TELLING = frozenset(_EMPTY.split()) | ENGLISH.keys() | OTHERS

_THINGS = (
    r"(?:cl[uú]sters?|kluster|klaster|groups?|grupp?[eo]s?|groupe?s?|categor\w{1,5}|kategor\w{1,5}"
    r"|topics?|segments?|conversations?|traces?|transcripts?)"
)
_NAMING = (
    r"(?:(?:re)?nam(?:e[ds]?|ing)|call(?:ed|ing)?|(?:en)?titled?|label(?:l?ed|l?ing)?|tag(?:ged)?"
    r"|dub(?:bed)?|described?|headlined?|captioned?"
    r"|(?:be)?nenn\w{0,4}|bezeichn\w{0,5}|betitel\w{0,3}|intitul\w{0,4}|(?:re)?nomm\w{0,4}"
    r"|appel\w{0,5}|llam\w{0,4}|nombr\w{0,4}|denomin\w{0,5}|chiam\w{0,4}|nazw\w{0,4})"
)
_ORDERS = re.compile(
    rf"\b{_NAMING}\b[^.!?]{{0,40}}\b{_THINGS}\b"
    rf"|\b{_THINGS}\b[^.!?]{{0,40}}\b{_NAMING}\b"
    r"|\b(?:ignore|disregard|forget|override|bypass)\b[^.!?]{0,40}"
    r"\b(?:instruction|prompt|rule|direction|guideline|above|previous|prior|everything)"
    r"|\bnew (?:rule|instruction)"
)
_BEFORE_ORDER = 80
# These also stand in forms, articles and honest questions.
_MAYBE_ORDERS = re.compile(
    r"\b(?:sub)?(?:title|label|heading|headline|caption|name)s?\b[\"'`*]{0,3}\s{0,3}[:=]"
    r"|\b(?:title|label|heading|headline|caption)\b[\"'`*]{0,3} (?:is|must|should|shall|has|will)\b"
    r"|\b(?:answer|respond|reply|output|print|return|write|say)\b"
    r" (?:only|just|exactly|with|the (?:title|word|name))\b"
    r"|\bsystem (?:prompt|message|note)\b|\bsystem\s{0,3}:"
    r"|命名|名付|名称|名稱|标题|標題|タイトル|이름|제목"
)
# So may be asked for a word in an answer, and for many other things.
_ASKS = re.compile(
    r"(?:^|[,:–—-] ?|\b(?:and|but|then|please|also|always|just|must|should|shall),? )(?:"
    r"(?:begin|start|open|end|finish|close)\b(?: \w+){0,3} with\b"
    r"|(?:mention|include|insert|repeat|append|prepend|incorporate|emphasi[sz]e|highlight|stress"
    r"|feature|contain|add|use|put|write|say)\b)"
    r"|\b(?:упомя|начн|начина|назов|назва|добавь|включи|встав|использу|напиш|укаж|подчеркн)\w*"
    r"|提到|提及|开头|開頭|包含|加上|写上|写入|突出|强调|強調|必须|必須|使用|含め|始め|書い"
)
_SENTENCE_END = re.compile(r"[.!?;\n。！？；]+")
_BEFORE_CAPITAL = frozenset(".!?:;\"'“‘«(")


@dataclass(frozen=True)
class Grounds:
    """What may carry a group's title.

    Attributes:
        roots: of the words that carry it.
        single: roots that only one of the group's texts holds, and no keyword.
        lone: roots of any group's texts that one text of the whole run holds, and no keyword.
        loud: those of them that are written to be seen, in capitals or with digits.
        planted: roots that stand where a text gives orders, in this group or another.
        orders: texts that give orders, as their bare words.
    """

    roots: frozenset[str]
    single: frozenset[str]
    lone: frozenset[str]
    loud: frozenset[str]
    planted: frozenset[str]
    orders: tuple[str, ...]

    def carries(self, text: str) -> bool:
        """Whether at least one word of a title or description rests on the group."""
        return not self.roots.isdisjoint(roots_of(text))

    def is_of_one_text(self, title: str) -> bool:
        """Whether a title says what one text says: a word of its own, or mostly such words."""
        roots = roots_of(title)
        return not self.lone.isdisjoint(roots) or self._is_mostly_single(roots)

    def tells_of_one_text(self, description: str) -> bool:
        """Whether a description says mostly what one text says, or a word written to be seen."""
        roots = roots_of(description)
        if roots & self.loud or _loud(description) & self.lone:
            return True
        return self._is_mostly_single(frozenset(r for r in roots if not is_unspaced(r)))

    def _is_mostly_single(self, roots: frozenset[str]) -> bool:
        return len(roots & self.single) > len(roots & self.roots)

    def is_ordered(self, title: str) -> bool:
        """Whether a title says what a trace demands, in whole or in a word."""
        if (roots_of(title) - self.roots) & self.planted:
            return True
        return any(f" {bare(title)} " in f" {order} " for order in self.orders)


def grounds_of(portraits: Sequence[GroupPortrait]) -> dict[int, Grounds]:
    """What may carry the title of each group, by its id, of all that are shown together."""
    texts = [text for portrait in portraits for text in portrait.texts]
    shown = _Shown(
        roots=_roots_of_all(texts),
        loud=frozenset().union(*map(_loud, texts)),
        planted=_roots_of_all(map(_ordering, texts)),
        orders=tuple(bare(text) for text in texts if _has_orders(text)),
    )
    return {portrait.group_id: _grounds(portrait, shown) for portrait in portraits}


def lone_roots(texts: Iterable[str]) -> frozenset[str]:
    """Roots that only one of these texts holds.

    Without those of scripts that put no spaces between words: theirs are no words, but any pairs
    of characters.
    """
    counts = Counter(root for text in texts for root in roots_of(text))
    return frozenset(root for root, n in counts.items() if n == 1 and not is_unspaced(root))


def words_of(text: str) -> list[str]:
    """The words of a text in small letters without accents, in order."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    bared = "".join(c for c in plain if not unicodedata.combining(c))
    composed = unicodedata.normalize("NFC", bared)
    spaced = UNSPACED.sub(lambda found: f" {' '.join(_pairs(found[0]))} ", composed)
    tokens = [token for token in TOKEN.findall(spaced) if IS_WORD.match(token)]
    return [word for token in tokens for word in _INSIDE.split(token) if word]


def bare(text: str) -> str:
    """A text as its words, for comparing: case, accents and punctuation do not count."""
    return " ".join(words_of(text))


def roots_of(text: str) -> frozenset[str]:
    """What is left of a text's telling words without their endings."""
    return frozenset(_root(word) for word in words_of(text) if _is_telling(word))


def is_unspaced(word: str) -> bool:
    """Whether a word is written in a script that puts no spaces between words."""
    return UNSPACED.search(word) is not None


@dataclass(frozen=True)
class _Shown:
    """What stands in the texts of all groups that are shown together; as in ``Grounds``."""

    roots: frozenset[str]
    loud: frozenset[str]
    planted: frozenset[str]
    orders: tuple[str, ...]


def _grounds(portrait: GroupPortrait, shown: _Shown) -> Grounds:
    carrying = _carrying(portrait)
    lone = (portrait.lone & shown.roots) - carrying
    return Grounds(
        roots=carrying,
        single=_roots_of_all(portrait.texts) - carrying,
        lone=lone,
        loud=lone & shown.loud,
        planted=shown.planted | _roots_of_all(map(_asking, portrait.texts)),
        orders=shown.orders,
    )


def _carrying(portrait: GroupPortrait) -> frozenset[str]:
    """Roots in keywords, or in two texts; in one where there is only one."""
    calm = {bare(text): roots_of(text) for text in portrait.texts if not _has_orders(text)}
    needed = _FEWEST_TEXTS if len(portrait.texts) > 1 else 1
    counts = Counter(root for roots in calm.values() for root in roots)
    shared = {root for root, count in counts.items() if count >= needed}
    # A keyword that is seen only where orders stand may come from them.
    loud = _roots_of_all(text for text in portrait.texts if _ORDERS.search(text.casefold()))
    return frozenset(shared | (_roots_of_all(portrait.keywords) - (loud - counts.keys())))


def _ordering(text: str) -> str:
    """A text from shortly before its first order; empty if it gives none."""
    folded = text.casefold()
    starts = [found.start() for p in (_ORDERS, _MAYBE_ORDERS) if (found := p.search(folded))]
    return folded[max(0, min(starts) - _BEFORE_ORDER) :] if starts else ""


def _asking(text: str) -> str:
    """The sentences of a text that may ask for a word in an answer."""
    sentences = (sentence.strip() for sentence in _SENTENCE_END.split(text.casefold()))
    return " . ".join(sentence for sentence in sentences if _ASKS.search(sentence))


def _loud(text: str) -> frozenset[str]:
    """Roots of words with capitals, but for those that a sentence begins with, or with digits."""
    tokens = [] if text.isupper() else TOKEN.findall(text)
    return _roots_of_all(
        token
        for before, token in zip([".", *tokens], tokens, strict=False)
        if any(c.isdigit() or c.isupper() for c in token[1:])
        or (token[:1].isupper() and before not in _BEFORE_CAPITAL)
    )


def _has_orders(text: str) -> bool:
    return _ordering(text) != ""


def _roots_of_all(texts: Iterable[str]) -> frozenset[str]:
    return frozenset().union(*map(roots_of, texts))


def _is_telling(word: str) -> bool:
    if UNSPACED.match(word):
        return True
    return len(word) >= _FEWEST_CHARS and word not in _NOT_TELLING and not word.isdigit()


def _root(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_ROOT:
            return word[: -len(ending)][:_ROOT_CHARS]
    return word[:_ROOT_CHARS]


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(max(1, len(run) - 1))]
