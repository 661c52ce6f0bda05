"""How templates are filled: everything escaped, strangers' text made harmless, numbers rounded."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from trace_clustering import amounts
from trace_clustering.plain_text import one_line, printable, sentence
from trace_clustering.run_reading import number_of, share_of, title_of
from trace_clustering.web.urls import Address

MAX_TEXT_CHARS = 2_000
"""Of any one text in a page that does not say otherwise."""


def make_environment(folder: str) -> Environment:
    """Templates of a folder of this package, with the filters that all of them use."""
    environment = Environment(
        loader=PackageLoader("trace_clustering.web", folder),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "line": one_line,
        "sentence": sentence,
        "percent": amounts.percent,
        "money": amounts.money,
        "seconds": amounts.seconds,
        "count": amounts.count,
        "ratio": amounts.ratio,
        "when": when,
        "iso": iso,
        "lines": text_lines,
        "exactly": exactly,
    }
    environment.globals |= {
        "number_of": number_of,
        "title_of": title_of,
        "share_of": share_of,
    }
    return environment


def shown(value: Any) -> Any:
    """Whatever text gets into a page is one line of printable characters, and bounded.

    Addresses are not for reading, and stay whole.
    """
    if isinstance(value, str) and not isinstance(value, Markup | Address):
        return one_line(value, MAX_TEXT_CHARS)
    return value


def exactly(value: str) -> Markup:
    """A field's value: nothing is left out, and what is no character to look at is spelled."""
    escaped = Markup.escape(value)
    return Markup("".join(c if c.isprintable() else f"&#{ord(c)};" for c in escaped))


def text_lines(text: str, most: int = 100_000) -> list[Markup]:
    """The lines of a text, escaped, printable and with their blanks; ``most`` characters in all.

    A line that is too long for the rest ends in "…", and so does the list.
    """
    lines: list[Markup] = []
    for line in text.splitlines():
        if len(line) > most:
            return [*lines, _escaped(line[: max(most - 1, 0)] + "…")]
        lines.append(_escaped(line))
        most -= len(line) + 1
    return lines


def when(moment: datetime | str | None) -> str:
    """A moment to the minute, in UTC; as it stands where it is none."""
    if moment is None:
        return amounts.UNKNOWN
    known = _moment(moment)
    return f"{known:%Y-%m-%d %H:%M}" if known else str(moment)


def iso(moment: datetime | str | None) -> str:
    """A moment for machines, RFC 3339 in UTC; empty where it is none."""
    known = _moment(moment) if moment is not None else None
    return f"{known:%Y-%m-%dT%H:%M:%SZ}" if known else ""


def _moment(moment: datetime | str) -> datetime | None:
    try:
        known = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    except ValueError:
        return None
    return known.astimezone(UTC)


def _escaped(line: str) -> Markup:
    return Markup.escape(printable(line))
