"""What went wrong in a trace, from its spans and from what tools answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from trace_clustering.traces.content import UNNAMED_TOOL, failure_of
from trace_clustering.traces.span import GENERATION, TOOL, Span, TraceRecord
from trace_clustering.traces.trace import Message, Trace

TOOL_ROLES = ("tool", "function")
"""Roles of messages that hold what a tool gave back."""

_MOST_COMPARED = 100


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that failed, as often as it failed in the same way."""

    who: str
    error: str
    times: int


def run_error(record: TraceRecord) -> str:
    """What the run as a whole failed with; empty if it did not fail or nothing says why."""
    if not record.facts.is_error:
        return ""
    said = record.trace.metadata.get("error")
    if isinstance(said, str) and said.strip():
        return failure_of(said) or said.strip()
    failed = [span for _, span in record.walk() if span.is_error and span.error]
    at_root = [root for root in record.roots if root.is_error and root.error]
    generations = [span for span in failed if span.kind == GENERATION]
    chosen = at_root[:1] or generations[-1:] or failed[-1:]
    return chosen[0].error or "" if chosen else ""


def failures(record: TraceRecord) -> list[Failure]:
    """Everything that failed, each once, in the order of its first occurrence.

    A span that only hands on the error of one inside it is left out, as is a tool's span whose
    failing answer is a message too.
    """
    told = Counter(_failing_answers(record.trace))
    counts = Counter(told)
    failed = [span for _, span in record.walk() if span.is_error]
    answered = {who for who, _ in told}
    for span in failed:
        if span.kind == TOOL and span.name not in answered:
            counts[span.name, span.error or ""] += 1
    for span in failed:
        if span.kind == GENERATION:
            counts[_who(span), span.error or ""] += 1
    errors = list(dict.fromkeys(error for _, error in counts))[:_MOST_COMPARED]
    for span in failed:
        if span.kind in (GENERATION, TOOL) or not span.error:
            continue
        if not any(is_same_error(span.error, error) for error in errors):
            counts[_who(span), span.error] += 1
    return [Failure(who, error, times) for (who, error), times in counts.items()]


def is_same_error(one: str, other: str) -> bool:
    """Whether two texts tell the same error, one of them perhaps with its type before it."""
    return bool(one and other) and (one.endswith(other) or other.endswith(one))


def tool_names(trace: Trace) -> Iterator[tuple[Message, str]]:
    """Every answer of a tool, with the tool's name."""
    called: dict[str, str] = {}
    for message in trace.messages:
        called.update((call.id, call.name) for call in message.tool_calls if call.id)
        if message.role in TOOL_ROLES:
            name = message.name or called.get(message.tool_call_id or "", "")
            yield message, name or UNNAMED_TOOL


def _failing_answers(trace: Trace) -> Iterator[tuple[str, str]]:
    for message, name in tool_names(trace):
        failure = failure_of(message.content)
        if failure:
            yield name, failure


def _who(span: Span) -> str:
    if span.kind == GENERATION:
        return span.model or "the model"
    return span.name or span.kind
