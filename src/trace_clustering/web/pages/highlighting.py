"""Words that were looked for, marked where they stand in strangers' text."""

from __future__ import annotations

import re

from markupsafe import Markup

from trace_clustering.plain_text import one_line

MAX_CHARS = 400
_MAX_WORDS = 8
_MARK = Markup("<mark>{}</mark>")


def highlighted(text: str, words: str, most: int = MAX_CHARS) -> Markup:
    """The text on one line, escaped, with each of the words marked in whatever case it stands."""
    line = one_line(text, most)
    sought = sorted(set(one_line(words).split()[:_MAX_WORDS]), key=lambda word: (-len(word), word))
    if not sought:
        return Markup.escape(line)
    # With a group around the whole, every second piece is a word that was found.
    pieces = re.split(f"({'|'.join(map(re.escape, sought))})", line, flags=re.IGNORECASE)
    return Markup("").join(
        _MARK.format(piece) if i % 2 else Markup.escape(piece) for i, piece in enumerate(pieces)
    )
