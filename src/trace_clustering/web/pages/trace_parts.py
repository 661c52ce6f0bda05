"""What the page of a trace shows: its spans in time, its numbered lines, what was sent. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import orjson
from markupsafe import Markup

from trace_clustering.models.traces import Note, TraceEvent
from trace_clustering.plain_text import printable
from trace_clustering.web.trace_routes import SpanRow

MAX_LINE_CHARS = 2_000
"""Of a line of a trace's text."""

MAX_TEXT_CHARS = 300_000
MAX_SPANS = 500
MAX_EVENTS = 50
MAX_EVENT_CHARS = 20_000
MAX_DEPTH = 12
"""Deeper spans are indented no further."""

_READ = 400_000  # Characters of an event that are worth being arranged.
_NUMBERED = re.compile(r"L(\d{1,9}): ", re.ASCII)
_REF = re.compile(r"(L\d{1,9})(?:-L\d{1,9})?", re.ASCII)
_LEAST_WIDTH = 0.4


@dataclass(frozen=True)
class SpanView:
    """A span of the tree, and where it lies in the trace's time.

    Attributes:
        depth: 0 to ``MAX_DEPTH``.
        after: seconds from the first start to its own.
        x, width: per cent of the time from the first start to the last end.
    """

    row: SpanRow
    depth: int
    after: float
    x: float
    width: float


@dataclass(frozen=True)
class Line:
    """A line of a trace's text.

    Attributes:
        anchor: such as ``L004``; empty for a mark of what was left out.
        text: escaped, printable.
        more: characters that are not shown.
    """

    anchor: str
    text: Markup
    more: int = 0


@dataclass(frozen=True)
class Reference:
    """Lines that a note rests on; ``anchor`` is empty where they are not shown."""

    label: str
    anchor: str


@dataclass(frozen=True)
class Sent:
    """An event as it was sent, its properties arranged; ``more`` characters are not shown."""

    event: TraceEvent
    text: str
    more: int


def span_views(rows: Sequence[SpanRow]) -> list[SpanView]:
    """At most ``MAX_SPANS`` of them."""
    if not rows:
        return []
    start = min(row.start for row in rows)
    whole = max(_since(start, row.start) + row.duration for row in rows)
    return [_view(row, start, whole) for row in rows[:MAX_SPANS]]


def numbered_lines(text: str) -> list[Line]:
    """The lines of a trace's text; long ones, and very many, are cut."""
    lines: list[Line] = []
    seen: set[str] = set()
    left = MAX_TEXT_CHARS
    for line in text.split("\n"):
        found = _NUMBERED.match(line)
        anchor = f"L{found.group(1)}" if found else ""
        # What stands twice could not be found by its number.
        anchor = "" if anchor in seen else anchor
        seen.add(anchor)
        shown = line[found.end() :] if found and anchor else line
        most = min(MAX_LINE_CHARS, left)
        lines.append(_line(anchor, shown, most))
        left -= min(len(shown), most) + 1
        if left <= 0:
            break
    return lines


def references(note: Note, anchors: Collection[str]) -> list[Reference]:
    """The lines that a note names, those that are shown with their anchor."""
    return [
        Reference(found.group(0), found.group(1) if found.group(1) in anchors else "")
        for found in _REF.finditer(note.line_refs)
    ]


def sent_events(events: Iterable[TraceEvent]) -> Iterator[Sent]:
    """The first ``MAX_EVENTS``, none longer than ``MAX_EVENT_CHARS``."""
    for number, event in enumerate(events):
        if number == MAX_EVENTS:
            return
        text = _arranged(event.properties)
        yield Sent(event, text[:MAX_EVENT_CHARS], max(len(text) - MAX_EVENT_CHARS, 0))


def _view(row: SpanRow, start: datetime, whole: float) -> SpanView:
    depth, after = min(row.depth, MAX_DEPTH), _since(start, row.start)
    if whole <= 0:
        return SpanView(row, depth, after, 0, 100)
    width = max(100 * row.duration / whole, _LEAST_WIDTH)
    x = min(100 * after / whole, 100 - _LEAST_WIDTH)
    return SpanView(row, depth, after, round(x, 2), round(min(width, 100 - x), 2))


def _since(start: datetime, moment: datetime) -> float:
    return (moment - start).total_seconds()


def _line(anchor: str, line: str, most: int) -> Line:
    shown = Line(anchor, Markup.escape(printable(line[:most])))
    return shown if len(line) <= most else replace(shown, more=len(line) - most)


def _arranged(properties: str) -> str:
    if len(properties) > _READ:
        return properties
    try:
        return orjson.dumps(orjson.loads(properties), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError:
        return properties
