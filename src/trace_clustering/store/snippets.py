"""The piece of a text in which words were found."""

from __future__ import annotations

import re
from collections.abc import Sequence

_BEFORE, _LENGTH = 60, 200


def snippet(texts: Sequence[str], words: Sequence[str]) -> str:
    """Where the first of the texts that holds one of the words has it, with what is around it.

    In one line of some 200 characters; empty where no text holds a word.
    """
    looked_for = re.compile("|".join(map(re.escape, words)), re.IGNORECASE)
    for text in texts if words else ():
        found = looked_for.search(text)
        if found:
            return _cut(text, found.start())
    return ""


def _cut(text: str, at: int) -> str:
    start = max(0, at - _BEFORE)
    end = start + _LENGTH
    piece = " ".join(text[start:end].split())
    return f"{'…' if start else ''}{piece}{'…' if end < len(text) else ''}"
