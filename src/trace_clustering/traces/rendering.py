"""From a trace to the text that is embedded, and the facts that are kept beside its vector.

Two renderings: *minimal* is what the user wanted, *detailed* is all of the summary. The
embedder averages token vectors, so whatever is in the text pulls the vector towards itself:
system prompts (equal in all traces of a product), tool results (data, not intent) and ids,
numbers and mail addresses (which would group traces by person) are left out.
"""

import json
import re
from collections.abc import Mapping, Sequence

from trace_clustering.models.traces import TraceSummary
from trace_clustering.traces.trace import Trace

MAX_MINIMAL_CHARS = 4_000
"""Bound of the minimal text, shared evenly between the user's messages."""

MAX_DETAILED_CHARS = 6_000
"""Bound of the detailed text."""

MAX_OPENING_CHARS = 300
"""Bound of an opening; a shorter one is whole."""

OPENING_HEAD_CHARS = 198
"""So much of an opening stands before what is left out of it."""

NO_TEXT = "(no text)"
"""What a trace without any text is rendered as."""

_MAX_TOOLS = 100
_MAX_METADATA_CHARS = 8_192
_GAP = " … "

# Marks such as ###STOP### or <|end|>, mail addresses, long hexadecimal ids, words with two or
# more digits (user ids, booking codes, flight numbers), and bare numbers.
_UNMEANING = re.compile(
    r"#{2,8}[A-Z]{1,32}#{2,8}|<\|\w{1,32}\|>"
    r"|[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64})+"
    r"|\b(?=[\w-]{0,64}[0-9][\w-]{0,64}[0-9])\w[\w-]{4,64}\b"
    r"|[#$€£]?(?<![\w-])[0-9]+(?:[.,:/-][0-9]+)*\b%?"
)
_TIMES = re.compile(r" ?×[0-9]{1,12}(?:,[0-9]{3})*")
_SPACE_BEFORE_MARK = re.compile(r" +(?=[.,;:!?](?:\s|$))")


def render_minimal(trace: Trace) -> str:
    """What the user wanted: their messages, oldest first, at most 4,000 characters.

    Never empty: without a user message, the text of the assistant, of tools, of any other
    role, or the names of the tools stand in.
    """
    return _joined(_asking_texts(trace), MAX_MINIMAL_CHARS)


def render_detailed(summary: TraceSummary) -> str:
    """All of a summary but its references, in one line of at most 6,000 characters.

    Ids and numbers are left out, as of the minimal rendering. Never empty.
    """
    steps = _TIMES.sub("", summary.flow_diagram)
    notes = [_TIMES.sub("", note.text) for note in summary.notes]
    return _joined([summary.title, *notes, steps], MAX_DETAILED_CHARS)


def trace_metadata(trace: Trace) -> dict[str, object]:
    """Compact facts about a trace that can be written as JSON.

    Holds ``model``, ``user_id``, ``is_error``, ``tools`` (in order, the first 100),
    ``message_count``, ``opening`` (how the asking begins, in the trace's own words) and
    ``metadata`` (the trace's own, up to 8,192 characters of JSON).
    """
    return {
        "model": trace.model,
        "user_id": trace.user_id,
        "is_error": trace.is_error,
        "tools": list(trace.tools[:_MAX_TOOLS]),
        "message_count": len(trace.messages),
        "opening": _opening(trace),
        "metadata": _bounded(trace.metadata),
    }


def _opening(trace: Trace) -> str:
    texts = _asking_texts(trace)
    return _cut(" ".join(texts[0].split()), MAX_OPENING_CHARS) if texts else ""


def _asking_texts(trace: Trace) -> Sequence[str]:
    """The texts that tell best what a trace is about."""
    for role in ("user", "assistant", "tool"):
        if texts := trace.texts_of(role):
            return texts
    if texts := tuple(m.content for m in trace.messages if m.content.strip()):
        return texts
    return [name.replace("_", " ") for name in trace.tools]


def _joined(texts: Sequence[str], bound: int) -> str:
    """The texts in one line of at most ``bound`` characters, without ids and numbers."""
    folded = [" ".join(text.split()) for text in _shared_out(texts, 2 * bound)]
    telling = [_without_ids(text) for text in folded]
    # A text that is nothing but a number is better than none.
    chosen = [text for text in telling if _has_word(text)] or [text for text in folded if text]
    separators = max(len(chosen) - 1, 0)
    return " ".join(_shared_out(chosen, max(bound - separators, 1)))[:bound].strip() or NO_TEXT


def _without_ids(text: str) -> str:
    without = " ".join(_UNMEANING.sub(" ", text).split())
    return _SPACE_BEFORE_MARK.sub("", without)


def _has_word(text: str) -> bool:
    return any(character.isalpha() for character in text)


def _shared_out(texts: Sequence[str], bound: int) -> list[str]:
    """The texts, cut so that together they have at most ``bound`` characters.

    Short texts stay whole; what they leave of their share goes to the longer ones, so that one
    pasted log does not drown what was said about it.
    """
    shares = dict.fromkeys(range(len(texts)), 0)
    left = bound
    for rank, index in enumerate(sorted(shares, key=lambda i: len(texts[i]))):
        shares[index] = min(len(texts[index]), left // (len(texts) - rank))
        left -= shares[index]
    return [_cut(text, shares[index]) for index, text in enumerate(texts)]


def _cut(text: str, length: int) -> str:
    """The first two thirds and the last third of ``length`` characters of a longer text."""
    if len(text) <= length:
        return text
    kept = length - len(_GAP)
    if kept < 3:
        return text[:length]
    tail = kept // 3
    return text[: kept - tail] + _GAP + text[-tail:]


def _bounded(metadata: Mapping[str, object]) -> dict[str, object]:
    """The leading entries that fit; an entry too large for itself is left out."""
    kept: dict[str, object] = {}
    left = _MAX_METADATA_CHARS
    for key, value in metadata.items():
        size = len(json.dumps({key: value}))
        if size <= left:
            kept[key] = value
            left -= size
    return kept
