"""Strangers' text on one line, with nothing in it that acts instead of being read; sentences."""

from __future__ import annotations

import unicodedata

# A bounded line is made of so many times its length; a text may be far longer.
_LOOKED_AT = 4

# Without them families of emoji and words of Persian and Hindi fall to pieces.
JOINERS = "\u200c\u200d"


def printable(text: str) -> str:
    """The text with blanks for whatever is no character to look at."""
    return text if text.isprintable() else "".join(" " if is_hidden(c) else c for c in text)


def one_line(text: str, most: int | None = None) -> str:
    """The text on one line of at most ``most`` characters."""
    head = text if most is None else text[: _LOOKED_AT * most]
    folded = " ".join(printable(head).split())
    if most is not None and (len(folded) > most or len(head) < len(text)):
        return folded[: most - 1].rstrip() + "…"
    return folded


def sentence(text: str, otherwise: str = "") -> str:
    """The text with a capital first and a stop at its end.

    Args:
        otherwise: what to say where there is no text.
    """
    words = text.strip() or otherwise
    begun = words[:1].upper() + words[1:]
    return begun if begun.endswith((".", "!", "?", "…")) else f"{begun}."


def is_hidden(character: str) -> bool:
    """Whether it is no character to look at, nor one that joins what is."""
    # Cc and Cf hold terminal escapes and bidirectional overrides.
    hidden = unicodedata.category(character) in ("Cc", "Cf", "Co", "Cs", "Cn")
    return hidden and character not in JOINERS
