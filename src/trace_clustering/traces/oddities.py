"""What is odd about a trace: failures, repetitions, no answer, great length."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from trace_clustering.models.traces import Note
from trace_clustering.traces.failures import TOOL_ROLES, Failure, failures, is_same_error, run_error
from trace_clustering.traces.legibility import duration_text, shortened
from trace_clustering.traces.span import TraceRecord
from trace_clustering.traces.text_lines import Passages, refs
from trace_clustering.traces.trace import Trace
from trace_clustering.traces.wording import is_telling

_FAILED = re.compile("fail(?:ed|ure): *", re.IGNORECASE)
_MOST_FAILURES = 5
_MOST_REPETITIONS = 3
_MANY_TIMES = 3
_LONG_SECONDS = 600
_LONG_MESSAGES = 60
_LONG_SPANS = 100


def oddities(record: TraceRecord, passages: Passages, max_chars: int) -> Iterator[Note]:
    """Each in a sentence of at most ``max_chars`` characters."""
    ending = run_error(record)
    others = [f for f in failures(record) if not is_same_error(f.error, ending)]
    for failure in others[:_MOST_FAILURES]:
        yield Note(shortened(_sentence(failure), max_chars), refs(passages.of_error(failure.error)))
    if record.facts.is_error and not ending:
        yield Note("The run is marked as failed; nothing says why.")
    for name, times in _repetitions(record.trace)[:_MOST_REPETITIONS]:
        sentence = f"{name} was called {_often(times)} with the same arguments."
        yield Note(shortened(sentence, max_chars), refs(passages.of_calls_to(name)))
    if record.trace.last_assistant_text and (break_off := _break_off(record.trace)):
        yield Note(break_off, refs(passages.last()))
    if _is_long(record):
        yield Note(_length(record))


def _sentence(failure: Failure) -> str:
    often = "" if failure.times == 1 else f" {_often(failure.times)}"
    said = _FAILED.sub("", failure.error)
    error = f": {said}" if said else ""
    return f"{failure.who} failed{often}{error}"


def _often(times: int) -> str:
    return "twice" if times == 2 else f"{times:,} times"


def _repetitions(trace: Trace) -> list[tuple[str, int]]:
    """Tools that were asked the same again at once, or many times over; most often first."""
    calls = [(call.name, call.arguments) for m in trace.messages for call in m.tool_calls]
    at_once = {call for call, following in pairwise(calls) if call == following}
    counts = Counter(calls)
    odd = [(name, n) for (name, args), n in counts.most_common() if _is_odd(name, args, n, at_once)]
    return list(dict(reversed(odd)).items())[::-1]


def _is_odd(name: str, arguments: str, times: int, at_once: set[tuple[str, str]]) -> bool:
    return times >= _MANY_TIMES or (name, arguments) in at_once


def _break_off(trace: Trace) -> str:
    """Says so where the conversation breaks off."""
    last = trace.messages[-1]
    if last.role == "user" and is_telling(last.content):
        return "The user's last message has no answer."
    if last.role in TOOL_ROLES or last.tool_calls:
        return "Nothing was said after the last tool call."
    return ""


def _is_long(record: TraceRecord) -> bool:
    facts = record.facts
    many = len(record.trace.messages) >= _LONG_MESSAGES or facts.spans >= _LONG_SPANS
    return many or facts.duration >= _LONG_SECONDS


def _length(record: TraceRecord) -> str:
    parts = [f"{len(record.trace.messages):,} messages"]
    if record.facts.spans > 1:
        parts.append(f"{record.facts.spans:,} spans")
    if record.facts.duration > 0:
        parts.append(duration_text(record.facts.duration))
    return f"Unusually long: {', '.join(parts)}."
