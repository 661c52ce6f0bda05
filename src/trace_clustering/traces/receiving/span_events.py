"""What happened during a span: exceptions, and messages where a client sends them that way."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from trace_clustering.traces.receiving import genai
from trace_clustering.traces.receiving.attributes import Pairs

EXCEPTION: Final = "exception"


class SpanEvent(NamedTuple):
    """One event of a span, as OTLP has them."""

    name: str
    attributes: Pairs


@dataclass(slots=True)
class Happened:
    """The events of a span, sorted.

    Attributes:
        attributes: those that stand on an event, but belong to the span.
        inputs: messages sent to a model.
        outputs: messages that it gave back.
        exception: attributes of the last exception; empty if there was none.
        others: whatever else, each with its name and attributes.
    """

    attributes: Pairs = field(default_factory=list)
    inputs: list[object] = field(default_factory=list)
    outputs: list[object] = field(default_factory=list)
    exception: dict[str, object] = field(default_factory=dict)
    others: list[object] = field(default_factory=list)


def sort_events(events: Iterable[SpanEvent]) -> Happened:
    """Sort the events of a span by what they are."""
    happened = Happened()
    for name, pairs in events:
        attributes = dict(pairs)
        if name == genai.MESSAGES_EVENT:
            happened.attributes += pairs
        elif name in genai.MESSAGE_EVENTS:
            messages = happened.outputs if name in genai.OUTPUT_EVENTS else happened.inputs
            messages += genai.messages_of_event(name, attributes)
        elif name == EXCEPTION:
            happened.exception = {"exception.type": "exception", **attributes}
        else:
            happened.others.append({"name": name, **attributes})
    return happened
