"""What is told of a group of traces to whoever is to name it, and what the names are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from trace_clustering.models.findings import GroupName
from trace_clustering.traces.legibility import shortened
from trace_clustering.traces.masking import masked_head
from trace_clustering.traces.naming.bounds import MAX_KEYWORDS, MAX_TITLE_CHARS

MAX_TEXTS = 7
MAX_TEXT_CHARS = 400
MAX_KEYWORD_CHARS = 40

# Further is not looked: what stands there would hardly be shown.
_READ_CHARS = 5_000


@dataclass(frozen=True)
class GroupPortrait:
    """A group, without what is personal or secret in its texts, and short enough to be shown.

    Attributes:
        parent, first_level, last_level: as in :class:`Group`.
        size: sampled traces.
        share: of all sampled traces, 0 to 1.
        keywords: most distinctive first.
        keyword_title: what it is called without a language model.
        texts: of representative traces, the most telling first.
        lone: words that one text of the whole run holds, as
            :func:`~trace_clustering.traces.naming.grounding.lone_roots` tells them.
    """

    group_id: int
    parent: int | None
    first_level: int
    last_level: int
    size: int
    share: float
    keywords: tuple[str, ...]
    keyword_title: str
    texts: tuple[str, ...]
    lone: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        # Whoever makes a portrait, nothing else can be in it.
        keywords = [_name(word, MAX_KEYWORD_CHARS) for word in self.keywords[:MAX_KEYWORDS]]
        texts = [
            _shown(masked_head(t, _READ_CHARS), MAX_TEXT_CHARS) for t in self.texts[:MAX_TEXTS]
        ]
        object.__setattr__(self, "keywords", tuple(keywords))
        object.__setattr__(self, "texts", tuple(texts))
        object.__setattr__(self, "keyword_title", _name(self.keyword_title, MAX_TITLE_CHARS))


@dataclass(frozen=True)
class Naming:
    """The names that a language model gave to the groups of a run.

    Attributes:
        names: by group id; groups without a name that passed the checks are not in it.
        reason: why some or all groups are not, for a person; None if all are.
        notes: what else was odd, for a log.
        input_tokens, output_tokens: as far as known; otherwise as estimated.
        cost_usd: list price of these tokens; None if the model is on no list.
    """

    names: dict[int, GroupName] = field(default_factory=dict)
    reason: str | None = None
    notes: tuple[str, ...] = ()
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None


class Namer(Protocol):
    """Names all groups of a run together."""

    @property
    def model_name(self) -> str:
        """The model's name."""
        ...

    def name(
        self, groups: Sequence[GroupPortrait], *, on_progress: Callable[[], None] = ...
    ) -> Naming:
        """Name groups; never fails, but says why some have no name.

        Args:
            on_progress: called often; what it raises breaks the naming off.
        """
        ...


def _name(name: str, bound: int) -> str:
    return _shown(masked_head(name, _READ_CHARS, is_name=True), bound)


def _shown(text: str, bound: int) -> str:
    return shortened(text.encode("utf-8", "replace").decode("utf-8"), bound)
