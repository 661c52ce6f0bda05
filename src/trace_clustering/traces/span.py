"""A trace with everything that is known of it: its spans as a tree, its conversation, its facts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from trace_clustering.models.traces import CostSource, TraceFacts
from trace_clustering.traces.trace import Message, Trace

TRACE = "trace"
GENERATION = "generation"
EMBEDDING = "embedding"
TOOL = "tool"
AGENT = "agent"
RETRIEVER = "retriever"
SPAN = "span"


@dataclass(frozen=True, slots=True)
class Span:
    """One step of a run: a call of a model, a tool, or what holds several steps together.

    Children take no part in comparisons, because a chain of thousands would exhaust the stack;
    compare what :func:`walk` yields.

    Attributes:
        span_id: as the client named it; empty where it did not.
        parent_id: the same of the span it belongs to; None for roots.
        uuid: of the event it was read from.
        kind: ``trace``, ``generation``, ``embedding``, ``tool``, ``retriever``, ``agent``,
            ``chain``, …; ``span`` where nothing is known.
        name: for tools, the name they are called by.
        start: aware, in UTC, as is ``end``.
        input: the chat messages it was given; empty if it was given none.
        input_text: what it was given where that is no messages: a text, or JSON text.
        output: the same of what it gave back.
        input_tokens: None where unknown, as are ``output_tokens`` and ``cost_usd``.
        error: what went wrong, where it is said.
        children: those it holds, by start.
    """

    span_id: str
    parent_id: str | None
    uuid: str
    kind: str
    name: str
    start: datetime
    end: datetime
    model: str | None = None
    provider: str | None = None
    input: tuple[Message, ...] = ()
    input_text: str = ""
    output: tuple[Message, ...] = ()
    output_text: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    cost_source: CostSource = "unknown"
    is_error: bool = False
    error: str | None = None
    children: tuple[Span, ...] = field(default=(), compare=False, repr=False)

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.end - self.start).total_seconds()


@dataclass(frozen=True)
class TraceRecord:
    """One trace, put together from its events.

    Attributes:
        trace: its conversation, for the texts that are embedded.
        roots: its spans; at least one.
    """

    trace: Trace
    roots: tuple[Span, ...]
    facts: TraceFacts

    def walk(self) -> Iterator[tuple[int, Span]]:
        """Every span with its depth from 0, each before its children."""
        return walk(self.roots)

    @property
    def is_conversation_only(self) -> bool:
        """Whether all that is known is one list of messages, as of an ingested trace line."""
        (first, *others) = self.roots
        return not others and not first.children and first.kind == TRACE


def walk(roots: Sequence[Span]) -> Iterator[tuple[int, Span]]:
    """Every span with its depth from 0, each before its children; of any depth."""
    waiting = [(0, root) for root in reversed(roots)]
    while waiting:
        depth, span = waiting.pop()
        yield depth, span
        waiting += [(depth + 1, child) for child in reversed(span.children)]
