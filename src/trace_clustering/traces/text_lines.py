"""Finding things in a trace's text again, to refer to their lines."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from trace_clustering.traces.legibility import legible, wrapped
from trace_clustering.traces.span import TOOL
from trace_clustering.traces.text import CONTINUED, LINE_WIDTH

_MAX_REFS = 8


@dataclass(slots=True)
class Passage:
    """One entry of a text, such as a message: its lines, and how its first line reads.

    Attributes:
        first: label of the first line, such as ``L004``; ``last`` the same of the last.
        says: the first line without number and indentation.
    """

    first: str
    last: str
    says: str

    @property
    def ref(self) -> str:
        """Such as ``L004`` or ``L004-L009``."""
        return self.first if self.first == self.last else f"{self.first}-{self.last}"


class Passages:
    """All entries of a text as :func:`~trace_clustering.traces.text.trace_text` writes it."""

    def __init__(self, text: str) -> None:
        self._all = list(_passages(text))

    def of_message(self, role: str, content: str) -> list[Passage]:
        """Where somebody says this; empty if those lines are not shown."""
        says = f"{role}: {next(wrapped(legible(content), LINE_WIDTH))}"
        return [passage for passage in self._all if passage.says == says][:1]

    def of_calls(self) -> list[Passage]:
        """Where tools are called."""
        return [p for p in self._all if " calls " in p.says.partition(":")[0]]

    def of_calls_to(self, name: str) -> list[Passage]:
        """Where this tool is called."""
        part = f" calls {name}:"
        return [passage for passage in self._all if part in passage.says]

    def of_tool_spans(self, names: Collection[str]) -> list[Passage]:
        """Where the own spans of these tools begin."""
        heads = tuple(f"[{TOOL}] {name}" for name in names)
        return [passage for passage in self._all if passage.says.startswith(heads)]

    def last(self) -> list[Passage]:
        """The last entry, if there is any."""
        return self._all[-1:]

    def of_error(self, text: str) -> list[Passage]:
        """Where this error stands."""
        says = f"ERROR: {next(wrapped(legible(text), LINE_WIDTH))}"
        return [passage for passage in self._all if passage.says.endswith(says)]


def refs(passages: Iterable[Passage]) -> str:
    """References to the first few, separated by commas."""
    found = list(dict.fromkeys(passage.ref for passage in passages))
    return ", ".join(found[:_MAX_REFS])


def _passages(text: str) -> Iterator[Passage]:
    passage: Passage | None = None
    for line in text.split("\n"):
        number, _, rest = line.partition(": ")
        if not number.startswith("L"):
            continue  # a mark of what was left out
        says = rest.lstrip(" ")
        if passage is not None and says.startswith(CONTINUED):
            passage.last = number
            continue
        if passage is not None:
            yield passage
        passage = Passage(number, number, says)
    if passage is not None:
        yield passage
