"""Making strangers' text safe to look at: in a terminal, on a page, in a prompt."""

from __future__ import annotations

import re
from collections.abc import Iterator

_REPLACED = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_MOST_BACK = 60
"""So far back from where a line is full a place to break it is looked for."""


def legible(text: str) -> str:
    """The text with nothing in it that acts instead of being read; lines end with ``\\n``.

    Controls and escapes become their pictures (``␛``), marks that turn the direction of writing
    become ``<U+202E>``, what has no width is left out, and tabs become spaces.
    """
    # Nothing that acts counts as printable, and this is far quicker than the patterns.
    if text.replace("\n", "").isprintable():
        return text
    if _LINE_ENDS.search(text):
        text = _LINE_ENDS.sub("\n", text)
    return _REPLACED.sub(_shown, text)


def wrapped(text: str, width: int) -> Iterator[str]:
    """The lines of a text, none empty, the long ones broken; at least one line.

    They are broken at a space or behind a comma where there is one near enough.
    """
    is_empty = True
    for line in text.split("\n"):
        line = line.rstrip()
        if not line:
            continue
        is_empty = False
        if len(line) <= width:
            yield line
        else:
            yield from _pieces(line, width)
    if is_empty:
        yield ""


def shortened(text: str, bound: int) -> str:
    """The text in one line of at most ``bound`` characters, cut between words if it is longer."""
    line = " ".join(legible(text[: 4 * bound]).split())
    if len(line) <= bound:
        return line
    cut = line.rfind(" ", bound // 2, bound)
    return line[: cut if cut > 0 else bound - 1].rstrip(" ,.;:-") + "…"


def duration_text(seconds: float) -> str:
    """Such as ``400 ms``, ``1.2 s``, ``12 s`` or ``3 min 20 s``."""
    if seconds < 1:
        return f"{max(round(seconds * 1_000), 1)} ms"
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def _shown(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    if character == "\t":
        return "    "
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if code < 0xA0 or 0xD800 <= code <= 0xDFFF:
        return "\ufffd"
    is_turning = code == 0x61C or 0x200E <= code <= 0x202E or 0x2066 <= code <= 0x2069
    return f"<U+{code:04X}>" if is_turning else ""


def _pieces(line: str, width: int) -> Iterator[str]:
    start = 0
    while start < len(line):
        end = _break_at(line, start, width)
        yield line[start:end].rstrip()
        start = end
        while start < len(line) and line[start] == " ":
            start += 1


def _break_at(line: str, start: int, width: int) -> int:
    full = start + width
    if len(line) <= full:
        return len(line)
    lowest = max(full - _MOST_BACK, start + 1)
    space = line.rfind(" ", lowest, full + 1)
    if space > 0:
        return space
    comma = line.rfind(",", lowest, full)
    return comma + 1 if comma > 0 else full
