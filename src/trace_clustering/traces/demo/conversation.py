"""One conversation: what was said, which tools ran, and how it ended."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from trace_clustering.traces.demo.model import Call, Intent, Product, Question
from trace_clustering.traces.demo.wording import STYLES, Facts, filled, first_turn, later_turn

_ASKS_BACK = 0.55
_FOLLOWS_UP = 0.5
_THANKS = 0.35
_ABORTS = 0.3
_RECOVERS = 0.04
_OVERLOADED = "Error: model provider is overloaded (529)"


@dataclass(slots=True)
class Talk:
    """Messages in the OpenAI format, and what became of the run.

    ``error`` is None where all went well.
    """

    messages: list[dict[str, object]] = field(default_factory=list)
    error: str | None = None

    def say(self, role: str, text: str) -> None:
        """Add a message that is text only."""
        self.messages.append({"role": role, "content": text})


def hold_talk(product: Product, intent: Intent, dates: Mapping[str, str], rng: Random) -> Talk:
    """A conversation about ``intent``; it fails as often as the intent says.

    ``dates`` fills the slots that no product has values for.
    """
    facts, talk = Facts(product.slots, rng), Talk()
    facts.update(dates)
    style = rng.choices(list(STYLES), weights=list(STYLES.values()))[0]
    fails = rng.random() < intent.failure_rate
    question = _question(intent, rng)
    talk.say("system", product.system)
    ask = str(filled(question.text, facts))
    talk.say("user", first_turn(ask, style, product, rng))
    _ask_back(talk, intent, style, facts, rng)
    _run_tools(talk, intent.calls[: question.tools], facts, fails, rng)
    if talk.error is None:
        talk.say("assistant", str(filled(question.answer, facts)))
        _close(talk, product, intent, style, facts, rng)
    elif rng.random() >= _ABORTS:
        talk.say("assistant", rng.choice(product.apologies))
    return talk


def _question(intent: Intent, rng: Random) -> Question:
    """A first turn with the answer to it; a mere text asks for the whole procedure."""
    ask = rng.choice(intent.asks)
    if isinstance(ask, Question):
        return ask
    return Question(ask, rng.choice(intent.answers), tools=len(intent.calls))


def _ask_back(talk: Talk, intent: Intent, style: str, facts: Facts, rng: Random) -> None:
    if rng.random() >= _ASKS_BACK:
        return
    talk.say("assistant", str(filled(intent.question, facts)))
    detail = str(filled(rng.choice(intent.details), facts))
    talk.say("user", later_turn(detail, style, rng))


def _run_tools(talk: Talk, calls: Sequence[Call], facts: Facts, fails: bool, rng: Random) -> None:
    """Call the tools in order; if the run fails, one of them answers with an error."""
    failing = rng.randrange(max(len(calls), 1)) if fails else None
    if fails and not calls:
        talk.error = _OVERLOADED
    for position, call in enumerate(calls):
        if rng.random() < _RECOVERS:
            _call(talk, call, facts, "Error: rate limit exceeded, retry later", rng)
        if position == failing:
            talk.error = str(filled(call.failure, facts))
            _call(talk, call, facts, talk.error, rng)
            return
        _call(talk, call, facts, json.dumps(filled(call.result, facts)), rng)


def _call(talk: Talk, call: Call, facts: Facts, result: str, rng: Random) -> None:
    call_id = "call_" + "".join(rng.choices("abcdefghjkmnpqrstuvwxyz23456789", k=12))
    function = {"name": call.tool, "arguments": json.dumps(filled(call.arguments, facts))}
    request = {"id": call_id, "type": "function", "function": function}
    talk.messages.append({"role": "assistant", "content": None, "tool_calls": [request]})
    talk.messages.append(
        {"role": "tool", "content": result, "tool_call_id": call_id, "name": call.tool}
    )


def _close(
    talk: Talk, product: Product, intent: Intent, style: str, facts: Facts, rng: Random
) -> None:
    for user, assistant in _closing(product, intent, rng):
        talk.say("user", later_turn(str(filled(user, facts)), style, rng))
        talk.say("assistant", str(filled(assistant, facts)))


def _closing(product: Product, intent: Intent, rng: Random) -> Iterator[tuple[str, str]]:
    """Pairs of turns after the answer."""
    if rng.random() < _FOLLOWS_UP:
        yield rng.choice(intent.follow_ups)
    if rng.random() < _THANKS:
        yield rng.choice(product.thanks)
