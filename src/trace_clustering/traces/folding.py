"""Folding strangers' text so that it is to a pattern what it is to an eye."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from trace_clustering.plain_text import JOINERS

# Where they are part of a script or of an emoji, and not between digits, joiners mean something.
_IDLE_JOINERS = re.compile(
    rf"(?:(?<=\d)|(?<![\u0600-\u18ff\u2190-\u2bff\ufb50-\ufdff\ufe70-\ufefc\U0001f000-\U0001ffff]))"
    rf"[{JOINERS}]+"
)
# Fillers, selectors and marks without a look of their own that are no format characters.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U000e0000-\U000e0fff]"
)
_VARIANTS = ("<wide>", "<font>", "<small>", "<narrow>")
_FOLDED_MARKS = "@._%+-"
_DASH = re.compile(r"[\u2010-\u2015\u2212](?= ?[\d(])|(?<=\d)[\u2010-\u2015\u2212](?=[A-Za-z])")


def folded(text: str) -> str:
    """The text in one line, with single blanks and without what nobody sees.

    Letters and digits that are another shape of an ASCII one, as the wide ones are, become that
    one, and a dash before digits a hyphen. All else stays: the text is still for people.
    """
    if not (text.isascii() and text.isprintable()):
        text = _IDLE_JOINERS.sub("", text.translate(_Folding()))
        text = _DASH.sub("-", text)
    return " ".join(text.split())


def has_idle_joiners(text: str) -> bool:
    """Whether joiners stand in a text where they mean nothing."""
    return any(text.count(joiner) != folded(text).count(joiner) for joiner in JOINERS)


class _Folding:
    """What each character becomes, as :meth:`str.translate` asks for it."""

    def __getitem__(self, code: int) -> str | None:
        return _fold(code)


@lru_cache(maxsize=8_192)
def _fold(code: int) -> str | None:
    character = chr(code)
    if character.isspace() or code == 0x2800:
        return " "
    if character in JOINERS:
        return character
    if unicodedata.category(character) in ("Cc", "Cf", "Cs") or _UNSEEN.match(character):
        return None
    variant, _, plain = unicodedata.decomposition(character).partition(" ")
    if variant in _VARIANTS and " " not in plain:
        shape = chr(int(plain, 16))
        return (
            shape if shape.isascii() and (shape.isalnum() or shape in _FOLDED_MARKS) else character
        )
    return character
