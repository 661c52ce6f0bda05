"""From a trace to numbered lines that a person can read and a summary can refer to.

::

    L001: [agent] support, 3.2 s
    L002:   [generation] gpt-4o, 1.1 s, 512 tokens in, 64 tokens out
    L003:     user: Where is my parcel?
    L004:     assistant calls find_parcel: {"user": "ada"}
    L005:   [tool] find_parcel, 400 ms
    L006:     result: ERROR: no such user

A line that begins with a bar goes on with the text of the line above it, so that nothing
anybody wrote can pass for a line of its own kind.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from trace_clustering.traces.content import failure_of
from trace_clustering.traces.failures import TOOL_ROLES, is_same_error, run_error
from trace_clustering.traces.history import History
from trace_clustering.traces.legibility import duration_text, legible, shortened, wrapped
from trace_clustering.traces.sampling import numbered
from trace_clustering.traces.span import EMBEDDING, GENERATION, TOOL, Span, TraceRecord
from trace_clustering.traces.trace import Message, ToolCall

MAX_TEXT_CHARS = 200_000
"""Bound of a trace's text: some 50,000 tokens, which a language model with a context of 128,000
reads in one go, with room for what it is asked and for languages that need more tokens."""

LINE_WIDTH = 120
"""Longer texts go on in a further line."""

CONTINUED = "| "
"""Begins a line that goes on with the one above."""

NOTHING = "(no text)"
"""Stands where a message is empty."""

_USUAL_ROLES = ("user", "assistant", "system", "tool")
_ERRORS_REMEMBERED = 8
_MAX_INDENTED = 20
_MAX_NAME_CHARS = 120
_MAX_ROLE_CHARS = 32


def trace_text(record: TraceRecord, *, max_chars: int = MAX_TEXT_CHARS) -> str:
    """Everything of a trace as numbered lines, each message once.

    A text that would be longer than ``max_chars`` is sampled evenly over the whole trace: its
    first line says so, each gap is marked, and lines keep the numbers they have in the full text.
    """
    return numbered(list(_Writer(record).lines()), max_chars)


class _Writer:
    """Writes one record; knows what was written already."""

    def __init__(self, record: TraceRecord) -> None:
        self._record = record
        self._written = History()
        self._said = History()
        self._left: dict[str, list[Message]] = {}
        self._errors: deque[str] = deque(maxlen=_ERRORS_REMEMBERED)
        self._answered: dict[str, str] = {}

    def lines(self) -> Iterator[str]:
        if self._record.is_conversation_only:
            yield from self._plain_conversation()
            return
        for _, span in self._record.walk():
            if span.kind == GENERATION:
                self._said.add((*span.input, *span.output))
        yield from self._tree()

    def _plain_conversation(self) -> Iterator[str]:
        yield from self._messages(self._record.trace.messages, "")
        if self._record.facts.is_error:
            yield from _text("ERROR", run_error(self._record) or "the run failed", "")

    def _tree(self) -> Iterator[str]:
        """Each span with what it was given, its children, and what it gave back."""
        waiting: list[tuple[int, Span, bool]] = [(0, s, False) for s in self._record.roots[::-1]]
        while waiting:
            depth, span, is_closing = waiting.pop()
            if is_closing:
                yield from self._after(span, _indent(depth + 1))
                continue
            yield _heading(span, depth)
            yield from self._before(span, _indent(depth + 1))
            waiting.append((depth, span, True))
            waiting += [(depth + 1, child, False) for child in span.children[::-1]]

    def _before(self, span: Span, indent: str) -> Iterator[str]:
        if span.kind == GENERATION:
            yield from self._messages(self._written.add((*span.input, *span.output)), indent)
            return
        if span.kind == EMBEDDING:
            for message in span.input:
                yield from _text("input", message.content, indent)
            self._left[span.uuid] = []
            return
        yield from self._messages(self._beyond_generations(span), indent)
        if span.input_text and not self._is_told(span, span.input_text):
            yield from _text("arguments" if span.kind == TOOL else "input", span.input_text, indent)

    def _after(self, span: Span, indent: str) -> Iterator[str]:
        if span.kind != GENERATION:
            yield from self._messages(self._left.pop(span.uuid), indent)
            yield from self._messages(self._said.add(span.output), indent)
            yield from self._output(span, indent)
        if span.is_error and not self._is_shown(span):
            yield from _text("ERROR", span.error or "failed", indent)
            self._errors.append(span.error or "")

    def _output(self, span: Span, indent: str) -> Iterator[str]:
        text = span.output_text
        if not text or (span.kind != TOOL and self._is_told(span, text)):
            return
        if span.kind != TOOL:
            yield from _text("output", text, indent)
            return
        # The model is told the result next; it need not be read twice.
        self._written.hear("tool", text)
        yield from _result("result", text, indent)

    def _beyond_generations(self, span: Span) -> list[Message]:
        """What it was given that no call of a model tells better, where it belongs.

        What comes behind such a message is kept for the end of the span.
        """
        additions = self._said.additions(span.input)
        new = dict(additions)
        told = next((i for i in range(len(span.input)) if i not in new), len(span.input))
        self._left[span.uuid] = [message for i, message in additions if i > told]
        return [message for i, message in additions if i < told]

    def _is_told(self, span: Span, text: str) -> bool:
        if span.kind == TOOL:
            return self._written.knows_call(ToolCall("", span.name, text))
        return any(self._said.knows_text(role, text) for role in ("user", "assistant", "tool"))

    def _is_shown(self, span: Span) -> bool:
        """Whether its result, or a span inside it, has told the same error."""
        if span.error is None:
            return False
        told = [failure_of(span.output_text), *(self._errors if span.children else ())]
        return any(is_same_error(span.error, error) for error in told)

    def _messages(self, messages: Sequence[Message], indent: str) -> Iterator[str]:
        for message in messages:
            yield from self._message(message, indent)

    def _message(self, message: Message, indent: str) -> Iterator[str]:
        role = message.role if message.role in _USUAL_ROLES else _role_label(message.role)
        if message.role in TOOL_ROLES:
            name = message.name or self._answered.get(message.tool_call_id or "", "")
            label = f"{role} {shortened(name, _MAX_NAME_CHARS)}" if name else role
            yield from _result(label, message.content, indent)
            return
        if message.content.strip() or not message.tool_calls:
            yield from _text(role, message.content, indent)
        for call in message.tool_calls:
            if call.id:
                self._answered[call.id] = call.name
            name = shortened(call.name, _MAX_NAME_CHARS)
            yield from _text(f"{role} calls {name}", call.arguments or "{}", indent)


def _role_label(role: str) -> str:
    return shortened(role, _MAX_ROLE_CHARS).replace(":", "") or "message"


def _heading(span: Span, depth: int) -> str:
    """Kind, name, model, time and tokens of a span."""
    model = span.model or ""
    names = (span.name, model) if not model or model not in span.name else (model,)
    told = [shortened(name, _MAX_NAME_CHARS) for name in names if name]
    if span.end > span.start:
        told.append(duration_text(span.seconds))
    if span.input_tokens is not None:
        told.append(f"{span.input_tokens:,} tokens in")
    if span.output_tokens is not None:
        told.append(f"{span.output_tokens:,} tokens out")
    level = [f"level {depth + 1}"] if depth > _MAX_INDENTED else []
    mark = ["ERROR"] if span.is_error else []
    kind = f"[{shortened(span.kind, _MAX_ROLE_CHARS)}]"
    return f"{_indent(depth)}{kind} {', '.join([*told, *level, *mark])}".rstrip()


def _indent(depth: int) -> str:
    """Deeper levels are not indented further: a chain of thousands has to stay readable."""
    return "  " * min(depth, _MAX_INDENTED)


def _result(label: str, text: str, indent: str) -> Iterator[str]:
    """What a tool gave back, with a failure marked."""
    failure = failure_of(text)
    yield from _text(f"{label}: ERROR" if failure else label, failure or text, indent)


def _text(label: str, text: str, indent: str) -> Iterator[str]:
    lines = wrapped(legible(text), LINE_WIDTH)
    yield f"{indent}{label}: {next(lines) or NOTHING}"
    for line in lines:
        yield f"{indent}{CONTINUED}{line}"
