"""What a demo product is made of: intents, the tools they use, and people's words for them.

All texts are templates for :meth:`str.format_map`; a ``{slot}`` is filled from the product's
``slots``, or is a coming ``date``, ``iso_date`` or ``month``. In a slot's value ``~`` stands for a
random digit and ``^`` for a random capital.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DemoTeam:
    """A team whose traces the demo makes up."""

    team_id: int
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call and what comes of it; ``arguments`` and ``result`` are templates."""

    tool: str
    arguments: Mapping[str, object]
    result: object
    failure: str = "Error: upstream service timed out after 30 s"


@dataclass(frozen=True, slots=True)
class Question:
    """A first turn that wants an answer of its own; it needs the first ``tools`` calls only."""

    text: str
    answer: str
    tools: int = 1


@dataclass(frozen=True, slots=True)
class Intent:
    """One thing people come for.

    Attributes:
        name: ``group/detail``, for checks only; never part of a trace.
        weight: relative frequency.
        failure_rate: share of its runs that fail.
        asks: first user turns; one of ``answers`` fits those that are mere texts.
        question: what the assistant asks back.
        details: the user's answers to that.
        calls: the tools that a run calls, in order.
        answers: the assistant's answers when all goes well.
        follow_ups: pairs of a further user turn and the assistant's answer to it.
        last_days: if set, the intent occurs only in that many days before the end.
    """

    name: str
    weight: float
    failure_rate: float
    asks: tuple[str | Question, ...]
    question: str
    details: tuple[str, ...]
    calls: tuple[Call, ...]
    answers: tuple[str, ...]
    follow_ups: tuple[tuple[str, str], ...]
    last_days: int | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """A made-up LLM application.

    Attributes:
        slug: prefix of its trace ids.
        system: its system prompt.
        traces: how many traces three weeks bring.
        models: names with their share of the traffic.
        intents: what people come for.
        slots: values to fill templates with.
        openers: how turns may begin; ``asides`` are sentences that people add.
        apologies: what the assistant says when a tool failed for good.
        thanks: how people close, and what the assistant says to it.
        around_the_clock: whether nights and weekends are busy too.
    """

    slug: str
    system: str
    traces: int
    models: Mapping[str, float]
    intents: tuple[Intent, ...]
    slots: Mapping[str, tuple[str, ...]]
    openers: tuple[str, ...]
    asides: tuple[str, ...]
    apologies: tuple[str, ...]
    thanks: tuple[tuple[str, str], ...] = field(
        default=(
            ("Thanks, that's all.", "You're welcome. Have a good day!"),
            ("perfect, thank you", "Happy to help!"),
            ("Great, thanks for your help.", "Any time."),
        )
    )
    around_the_clock: bool = False
