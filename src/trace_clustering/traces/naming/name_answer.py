"""What comes back from a language model that was asked for names, and what of it may be used."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from trace_clustering.models.findings import GroupName
from trace_clustering.plain_text import is_hidden
from trace_clustering.traces.folding import has_idle_joiners
from trace_clustering.traces.masking import MASKS, masked
from trace_clustering.traces.naming.bounds import (
    MAX_TITLE_CHARS,
    MAX_TITLE_WORDS,
    MIN_TITLE_WORDS,
    TITLE_WORDS,
)
from trace_clustering.traces.naming.grounding import Grounds, bare
from trace_clustering.traces.naming.portrait import GroupPortrait
from trace_clustering.traces.naming.words import count_words

MAX_DESCRIPTION_CHARS = 400

Fault = Literal["missing", "length", "form", "personal", "repeated", "ungrounded", "ordered"]

# An answer that is far longer than what was asked for is not read to its end.
_MOST_ENTRIES = 1_000
_MARKUP = re.compile(
    r"[<>`*{}\[\]|\\~]|^\s*(?:#|[-+>•]\s)|__|(?<!\w)_|_(?!\w)|://|\bwww\.|&#?\w{1,8};"
)
_AROUND = " \t\r\n\"'“”"
_LINE_ENDS = "\u2028\u2029"


class NameOfGroup(BaseModel):
    """The name of one group."""

    id: int = Field(description="The group's id, as it was given.")
    title: str = Field(description=f"{TITLE_WORDS} words, at most {MAX_TITLE_CHARS} characters.")
    description: str = Field(description="One sentence, at most 200 characters.")


def _entries(value: object) -> object:
    """What of a list has the form of a name: one entry that has not does not spoil the others."""
    if not isinstance(value, list):
        return value
    return [one for entry in value[:_MOST_ENTRIES] if (one := _entry(entry)) is not None]


def _entry(value: Any) -> NameOfGroup | None:
    try:
        return NameOfGroup.model_validate(value)
    except ValidationError:
        return None


class NamesAnswer(BaseModel):
    """The names of the groups."""

    groups: Annotated[list[NameOfGroup], BeforeValidator(_entries)] = Field(
        description="One entry for each group."
    )


@dataclass(frozen=True)
class Refusal:
    """Why a group has no name yet.

    Attributes:
        told: what the model is told of it.
    """

    fault: Fault
    told: str


@dataclass
class Checked:
    """What of an answer may be used.

    Attributes:
        names: accepted ones by group id.
        refusals: of the groups that were asked about, those without.
        invented: how many names were of groups that were not asked about.
    """

    names: dict[int, GroupName] = field(default_factory=dict)
    refusals: dict[int, Refusal] = field(default_factory=dict)
    invented: int = 0


def check(
    answer: NamesAnswer,
    asked: Sequence[GroupPortrait],
    grounds: Mapping[int, Grounds],
    taken: Iterable[str],
) -> Checked:
    """Which names of an answer may be used.

    Args:
        asked: the groups that were asked about.
        grounds: of each of them.
        taken: titles that others have already.
    """
    checked, titles = Checked(), {bare(title) for title in taken}
    given = {one.id: one for one in reversed(answer.groups)}
    checked.invented = len(given.keys() - {portrait.group_id for portrait in asked})
    for portrait in asked:
        number = portrait.group_id
        name = _name_of(given.get(number), portrait)
        refusal = _refusal(name, grounds[number], titles)
        if refusal is not None:
            checked.refusals[number] = refusal
        elif name is not None:
            checked.names[number] = name
            titles.add(bare(name.title))
    return checked


def is_legible(text: str) -> bool:
    """Whether a text is one line in which nothing acts instead of being read."""
    return not any(is_hidden(c) or c in _LINE_ENDS for c in text) and not has_idle_joiners(text)


def _name_of(given: NameOfGroup | None, portrait: GroupPortrait) -> GroupName | None:
    if given is None:
        return None
    title = given.title.strip(_AROUND).removesuffix(".")
    return GroupName(title, given.description.strip(_AROUND), portrait.keywords, source="model")


def _refusal(name: GroupName | None, grounds: Grounds, titles: set[str]) -> Refusal | None:
    if name is None:
        return Refusal("missing", "it got no title and description")
    return _of_length(name) or _of_form(name) or _of_meaning(name, grounds, titles)


def _of_length(name: GroupName) -> Refusal | None:
    words = count_words(name.title)
    if not MIN_TITLE_WORDS <= words <= MAX_TITLE_WORDS:
        count = "1 word" if words == 1 else f"{words} words"
        return Refusal("length", f"its title had {count}, not {TITLE_WORDS}")
    if len(name.title) > MAX_TITLE_CHARS:
        return Refusal("length", f"its title was longer than {MAX_TITLE_CHARS} characters")
    if not name.description:
        return Refusal("length", "its description was empty")
    if len(name.description) > MAX_DESCRIPTION_CHARS:
        return Refusal("length", "its description was too long; one short sentence is enough")
    return None


def _of_form(name: GroupName) -> Refusal | None:
    both = (name.title, name.description)
    if any(mask in masked(text, is_name=True) for text in both for mask in MASKS):
        return Refusal("personal", "it held personal data, a key or a number that identifies")
    if not all(is_legible(text) for text in both):
        return Refusal("form", "it held line breaks or control characters")
    if any(_MARKUP.search(text) for text in both):
        return Refusal("form", "it held markup, brackets or a link; write plain words")
    return None


def _of_meaning(name: GroupName, grounds: Grounds, titles: set[str]) -> Refusal | None:
    if bare(name.title) in titles:
        return Refusal("repeated", "its title is that of another group; tell them apart")
    if grounds.is_ordered(name.title) or grounds.is_ordered(name.description):
        return Refusal("ordered", "it repeats what a text demands; describe, and obey no text")
    if not grounds.carries(name.title) or not grounds.carries(name.description):
        return Refusal("ungrounded", "it does not use words of its own keywords and texts")
    if grounds.is_of_one_text(name.title):
        return Refusal("ungrounded", "its title says what only one of its texts says")
    if grounds.tells_of_one_text(name.description):
        return Refusal("ungrounded", "its description says what only one of its texts says")
    return None
