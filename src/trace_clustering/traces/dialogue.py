"""From a trace's spans to its one conversation, and the tools called in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from trace_clustering.traces.conversation import merged, messages_of
from trace_clustering.traces.fields import first_of
from trace_clustering.traces.history import History
from trace_clustering.traces.span import EMBEDDING, GENERATION, RETRIEVER, TOOL, Span
from trace_clustering.traces.span_reading import INPUT_STATE, OUTPUT_STATE, Item
from trace_clustering.traces.trace import Message

# What these were given is not what anybody said.
_NOT_SAID = (GENERATION, EMBEDDING, TOOL, RETRIEVER)


@dataclass
class Dialogue:
    """What was said in a trace.

    Attributes:
        messages: never empty.
        calls: tools that messages of this run ask for, with the time.
    """

    messages: list[Message] = field(default_factory=list)
    calls: list[tuple[datetime, str]] = field(default_factory=list)

    def add(self, message: Message, when: datetime, *, is_earlier: bool = False) -> None:
        """Add what is new; ``is_earlier`` if it was said in a run before this one."""
        self.messages.append(message)
        if not is_earlier:
            self.calls += [(when, call.name) for call in message.tool_calls]


def dialogue_of(items: Sequence[Item], roots: Sequence[Item]) -> Dialogue:
    """The conversation: that of the models' calls, then what the roots say beyond it.

    Where no call tells what was said, whatever the roots were given and gave back stands in as
    the words of a user and an assistant, then the texts that were embedded, then what any other
    span but a tool's was given and gave back, and at last the names of the spans.

    Args:
        items: all of the trace, in order.
        roots: those of them without a parent, in order.
    """
    dialogue, history = Dialogue(), History()
    _add_generations([i.span for i in items if i.span.kind == GENERATION], dialogue, history)
    spoken = bool(dialogue.messages)
    for root in (root for root in roots if root.span.kind not in _NOT_SAID):
        states = (root.span.input, root.span.output) if spoken else _words(root)
        for message in (message for state in states for message in history.add(state)):
            dialogue.add(message, root.span.end)
    if not dialogue.messages:
        dialogue.messages += _stand_in(items)
    return dialogue


def tools_called(dialogue: Dialogue, items: Sequence[Item], roots: Iterable[Span]) -> list[str]:
    """Names of the tools in the order of their calls.

    A tool's own span repeats a call that a message asks for; without such a message it is the
    call.
    """
    asked = Counter(name for _, name in dialogue.calls)
    ran = []
    for span in _tool_spans(items, roots):
        if asked[span.name] > 0:
            asked[span.name] -= 1
        else:
            ran.append((span.start, span.name))
    return [name for _, name in sorted([*dialogue.calls, *ran], key=lambda call: call[0])]


def _tool_spans(items: Sequence[Item], roots: Iterable[Span]) -> Iterator[Span]:
    """Spans of tools, in order; of one inside another of the same name only the outer one."""
    if not any(item.span.kind == TOOL for item in items):
        return
    inner = set()
    waiting = list(roots)
    while waiting:
        span = waiting.pop()
        waiting += span.children
        if span.kind == TOOL:
            inner |= {c.uuid for c in span.children if c.kind == TOOL and c.name == span.name}
    yield from (i.span for i in items if i.span.kind == TOOL and i.span.uuid not in inner)


def _add_generations(spans: Sequence[Span], dialogue: Dialogue, history: History) -> None:
    for number, span in enumerate(spans):
        earlier = _answered_before(span.input) if number == 0 else 0
        for position, message in history.additions((*span.input, *span.output)):
            when = span.start if position < len(span.input) else span.end
            dialogue.add(message, when, is_earlier=position < earlier)


def _answered_before(messages: Sequence[Message]) -> int:
    """How many messages stand before the user's last: what they ask for was done in runs before."""
    users = [position for position, message in enumerate(messages) if message.role == "user"]
    return users[-1] if users else 0


def _stand_in(items: Sequence[Item]) -> Sequence[Message]:
    embedded = [m for i in items if i.span.kind == EMBEDDING for m in i.span.input]
    # Arguments of tools are data, not words: their names tell more.
    others = [i for i in items if i.span.kind not in (GENERATION, EMBEDDING, TOOL)]
    words = merged(state for item in others for state in _words(item))
    names = list(dict.fromkeys(item.span.name for item in items if item.span.name))
    return embedded or words or [Message("user", ", ".join(names))]


def _words(item: Item) -> tuple[Sequence[Message], Sequence[Message]]:
    """What a span was given and gave back as somebody's words, whatever they are."""
    given = item.span.input or messages_of(first_of(item.properties, *INPUT_STATE))
    if item.span.output:
        return given, item.span.output
    got = first_of(item.properties, *OUTPUT_STATE)
    return given, messages_of(got, default_role="assistant")
