"""A summary of a trace made of its own words, without a language model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from trace_clustering.models.traces import Note, TraceSummary
from trace_clustering.traces.failures import failures, is_same_error, run_error
from trace_clustering.traces.legibility import shortened
from trace_clustering.traces.oddities import oddities
from trace_clustering.traces.span import TraceRecord
from trace_clustering.traces.text_lines import Passages, refs
from trace_clustering.traces.trace import Trace
from trace_clustering.traces.wording import is_closing, is_telling, title_of, without_greeting

MAX_TITLE_CHARS = 80
MAX_NOTE_CHARS = 400

NO_TITLE = "Nothing was said"

_MOST_STEPS = 12
_FIRST_STEPS = 8
_MOST_FURTHER_WISHES = 2
_WORDS_OF_A_WISH = 5


def extractive_summary(record: TraceRecord, text: str) -> TraceSummary:
    """What the user wanted, what was done and how it ended; the same for the same record.

    Args:
        text: the trace's text, whose lines the notes refer to; what it leaves out is told
            without a reference.
    """
    passages = Passages(text)
    wishes = _wishes(record.trace)
    bullets = (*_asked(wishes, passages), *_done(record, passages), *_ended(record, passages))
    return TraceSummary(
        title=_title(record, wishes),
        flow_diagram=_flow(record),
        summary_bullets=bullets,
        interesting_notes=tuple(oddities(record, passages, MAX_NOTE_CHARS)),
    )


def _wishes(trace: Trace) -> list[str]:
    """What the user said that tells something, oldest first."""
    texts = trace.texts_of("user")
    return [text for text in texts if is_telling(text)] or list(texts[:1])


def _title(record: TraceRecord, wishes: Sequence[str]) -> str:
    trace = record.trace
    texts = [*wishes[:1], record.facts.name, trace.last_assistant_text]
    texts.append(", ".join(dict.fromkeys(record.facts.tools)))
    texts += [message.content for message in trace.messages]
    titles = (title_of(text, MAX_TITLE_CHARS) for text in texts if text.strip())
    return next((title for title in titles if title), NO_TITLE)


def _asked(wishes: Sequence[str], passages: Passages) -> Iterator[Note]:
    for number, wish in enumerate([*wishes[:1], *_further(wishes[1:])]):
        said = without_greeting(wish) or wish
        label = "Later" if number else "Asked"
        where = refs(passages.of_message("user", wish))
        yield Note(shortened(f"{label}: {said}", MAX_NOTE_CHARS), where)


def _further(wishes: Sequence[str]) -> list[str]:
    """The few that say most of what else was wanted, in their order."""
    long = [wish for wish in wishes if len(wish.split()) >= _WORDS_OF_A_WISH]
    chosen = sorted(long, key=len, reverse=True)[:_MOST_FURTHER_WISHES]
    return [wish for wish in long if wish in chosen][:_MOST_FURTHER_WISHES]


def _done(record: TraceRecord, passages: Passages) -> Iterator[Note]:
    tools = record.facts.tools
    if not tools:
        answers = record.trace.texts_of("assistant")
        if answers:
            yield Note("Answered without tools.")
        return
    calls = "1 tool call" if len(tools) == 1 else f"{len(tools):,} tool calls"
    said = f"Done in {calls}: {', '.join(_steps(tools))}."
    where = refs(passages.of_calls() + passages.of_tool_spans(set(tools) - set(record.trace.tools)))
    yield Note(shortened(said, MAX_NOTE_CHARS), where)


def _ended(record: TraceRecord, passages: Passages) -> Iterator[Note]:
    error = run_error(record)
    if error:
        causes = [f for f in failures(record) if is_same_error(f.error, error)]
        who = next((f" of {cause.who}" for cause in causes if cause.who in record.facts.tools), "")
        said = shortened(f"Ended with an error{who}: {error}", MAX_NOTE_CHARS)
        told = dict.fromkeys([error, *(cause.error for cause in causes)])
        yield Note(said, refs(p for each in told for p in passages.of_error(each)))
    answer = _answer(record.trace)
    if answer:
        label = "Said last" if error else "Ended with"
        where = refs(passages.of_message("assistant", answer))
        yield Note(shortened(f"{label}: {answer}", MAX_NOTE_CHARS), where)
    elif not error:
        yield Note("Ended without an answer.")


def _answer(trace: Trace) -> str:
    """What the assistant said last, but for courtesies after the user has taken leave."""
    messages = trace.messages
    users = [i for i, message in enumerate(messages) if message.role == "user"]
    wishes = [i for i in users if not is_closing(messages[i].content)]
    leave = next((i for i in users if wishes and i > wishes[-1]), len(messages))
    texts = [m.content for m in messages[:leave] if m.role == "assistant" and m.content.strip()]
    return texts[-1] if texts else trace.last_assistant_text


def _flow(record: TraceRecord) -> str:
    """Such as ``user → find_order ×2 → refund → answer``."""
    trace = record.trace
    turns = len(trace.texts_of("user"))
    start = [] if not turns else ["user" if turns == 1 else f"user ({turns} messages)"]
    steps = _steps(record.facts.tools)
    if len(steps) > _MOST_STEPS:
        left_out = len(steps) - _MOST_STEPS
        steps[_FIRST_STEPS : _FIRST_STEPS + left_out] = [f"… {left_out} more steps …"]
    end = "answer" if trace.last_assistant_text else "no answer"
    end = "error" if record.facts.is_error else end
    return " → ".join([*start, *steps, end])


def _steps(tools: Sequence[str]) -> list[str]:
    """The tools in order; those called several times in a row once, with how often."""
    runs = ((shortened(name, MAX_TITLE_CHARS), len(list(run))) for name, run in groupby(tools))
    return [name if count == 1 else f"{name} ×{count}" for name, count in runs]
