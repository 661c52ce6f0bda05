"""What comes back from a language model, checked, and cut to what a summary may hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, field_validator

from trace_clustering.models.traces import Note, TraceSummary
from trace_clustering.traces.legibility import legible, shortened

MAX_TITLE_CHARS = 120
MAX_NOTES = 12
MAX_NOTE_CHARS = 300
MAX_DIAGRAM_CHARS = 2_000
MAX_REFS = 20

_LABEL = re.compile(r"^L(\d{1,9}):", re.MULTILINE)
_REF = re.compile(r"L(\d{1,9})(?:\s*[-–—]\s*L?(\d{1,9}))?")


def _or_empty(value: object) -> object:
    return "" if value is None else value


def _as_refs(value: object) -> object:
    """Models give a list of references as often as their text."""
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    return _or_empty(value)


def _as_notes(value: object) -> object:
    """Sentences without references are notes too; none at all are an empty list."""
    if not isinstance(value, list):
        return [] if value is None else value
    return [{"text": one} if isinstance(one, str) else one for one in value]


class NoteAnswer(BaseModel):
    """One sentence."""

    text: str
    line_refs: Annotated[str, BeforeValidator(_as_refs)] = Field(
        "", description="Lines that it rests on, such as L004 or L004-L009, L012."
    )


Notes = Annotated[list[NoteAnswer], BeforeValidator(_as_notes)]


class SummaryAnswer(BaseModel):
    """The summary of the recording."""

    title: str = Field(description="What the user wanted, at most 120 characters.")
    flow_diagram: Annotated[str, BeforeValidator(_or_empty)] = Field(
        "", description="The steps in order, in plain text."
    )
    summary_bullets: Notes = Field(description="What was wanted, what was done, how it ended.")
    interesting_notes: Notes = Field(default_factory=list, description="Failures and oddities.")

    @field_validator("title", mode="after")
    @classmethod
    def _says_something(cls, title: str) -> str:
        if not shortened(title, MAX_TITLE_CHARS):
            raise ValueError("must say what the user wanted")
        return title

    @field_validator("summary_bullets", mode="after")
    @classmethod
    def _has_some(cls, bullets: list[NoteAnswer]) -> list[NoteAnswer]:
        if not any(shortened(bullet.text, MAX_NOTE_CHARS) for bullet in bullets):
            raise ValueError("must hold at least one sentence")
        return bullets


def as_summary(answer: SummaryAnswer, text: str, model: str) -> TraceSummary:
    """The summary that a model gave of a numbered text, within all bounds.

    References to lines that the text does not have are left out.
    """
    labels = {int(found[1]): found[0][:-1] for found in _LABEL.finditer(text)}
    return TraceSummary(
        title=shortened(answer.title, MAX_TITLE_CHARS),
        flow_diagram=_diagram(answer.flow_diagram),
        summary_bullets=_notes(answer.summary_bullets, labels),
        interesting_notes=_notes(answer.interesting_notes, labels),
        source="model",
        model=model,
    )


def _diagram(value: str) -> str:
    lines = legible(value[: 2 * MAX_DIAGRAM_CHARS]).split("\n")
    whole = "\n".join(line.rstrip() for line in lines).strip("\n")
    return whole if len(whole) <= MAX_DIAGRAM_CHARS else f"{whole[: MAX_DIAGRAM_CHARS - 1]}…"


def _notes(answers: list[NoteAnswer], labels: Mapping[int, str]) -> tuple[Note, ...]:
    notes = (
        Note(shortened(answer.text, MAX_NOTE_CHARS), ", ".join(_refs(answer.line_refs, labels)))
        for answer in answers[: 4 * MAX_NOTES]
    )
    return tuple(note for note in notes if note.text)[:MAX_NOTES]


def _refs(value: str, labels: Mapping[int, str]) -> list[str]:
    """The references to lines that there are, as the text writes their numbers."""
    parts = re.split(r"[,;]", value[:1_000])
    return list(dict.fromkeys(_known(parts, labels)))[:MAX_REFS]


def _known(parts: list[str], labels: Mapping[int, str]) -> Iterator[str]:
    for part in parts:
        found = _REF.fullmatch(part.strip(" []()"))
        if found is None:
            continue
        first = int(found[1])
        last = int(found[2] or first)
        if first in labels and last in labels and first <= last:
            yield labels[first] if first == last else f"{labels[first]}-{labels[last]}"
