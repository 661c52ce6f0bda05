"""Puts times, people, conversations and costs together to trace lines."""

from collections.abc import Iterator
from datetime import datetime
from random import Random

from trace_clustering.traces.demo.conversation import Talk, hold_talk
from trace_clustering.traces.demo.model import Intent, Product
from trace_clustering.traces.demo.rhythm import DAYS, coming_date, moments, pick_user

_PRICES = {
    "gpt-4o": (2.5, 10.0),
    "gpt-4o-mini": (0.15, 0.6),
    "gpt-4.1": (2.0, 8.0),
    "claude-sonnet-4-5": (3.0, 15.0),
    "gemini-2.5-flash": (0.3, 2.5),
    "qwen2.5-coder-32b": (0.2, 0.6),
}
"""US dollars for a million input and output tokens."""

_CHARS_PER_TOKEN = 4
_MS_PER_OUTPUT_TOKEN = 14
_TIMEOUT_MS = 30_000


def labelled_lines(
    product: Product, end: datetime, seed: int
) -> Iterator[tuple[str, dict[str, object]]]:
    """Pairs of (name of the intent, trace line), oldest first.

    The name is the truth behind a trace; the line itself does not tell it.
    """
    # A text as seed is hashed with SHA-512, so it does not depend on PYTHONHASHSEED.
    plan = Random(f"{product.slug}:{seed}:plan")
    for number, (moment, intent) in enumerate(_schedule(product, end, plan), start=1):
        rng = Random(f"{product.slug}:{seed}:{number}")
        yield intent.name, _line(product, intent, moment, number, rng)


def _schedule(product: Product, end: datetime, rng: Random) -> list[tuple[datetime, Intent]]:
    """What happens when, oldest first."""
    planned = [
        (moment, intent)
        for intent, count in zip(product.intents, _counts(product), strict=True)
        for moment in moments(
            end,
            intent.last_days or DAYS,
            count,
            around_the_clock=product.around_the_clock,
            rng=rng,
        )
    ]
    return sorted(planned, key=lambda item: item[0])


def _counts(product: Product) -> list[int]:
    """How many traces each intent gets; together about ``product.traces``."""
    total = sum(intent.weight for intent in product.intents)
    return [round(product.traces * intent.weight / total) for intent in product.intents]


def _line(
    product: Product, intent: Intent, moment: datetime, number: int, rng: Random
) -> dict[str, object]:
    talk = hold_talk(product, intent, coming_date(moment, rng), rng)
    model = rng.choices(list(product.models), weights=list(product.models.values()))[0]
    return {
        "trace_id": f"{product.slug}-{moment:%m%d}-{number:04d}",
        "timestamp": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z",
        "model": model,
        "user_id": pick_user(rng),
        "is_error": talk.error is not None,
        "metadata": _usage(talk, model, rng),
        "messages": talk.messages,
    }


def _usage(talk: Talk, model: str, rng: Random) -> dict[str, object]:
    """Session, tokens, cost and latency that fit the conversation."""
    tokens_in, tokens_out = _tokens(talk)
    price_in, price_out = _PRICES[model]
    latency = tokens_out * _MS_PER_OUTPUT_TOKEN + rng.randint(250, 900) * len(talk.messages)
    facts: dict[str, object] = {
        "session_id": f"s-{rng.randrange(16**8):08x}",
        "environment": "production",
        "input_tokens": tokens_in,
        "output_tokens": tokens_out,
        "cost_usd": round((tokens_in * price_in + tokens_out * price_out) / 1e6, 6),
        "latency_ms": latency + (_TIMEOUT_MS if talk.error and "timed out" in talk.error else 0),
    }
    return facts if talk.error is None else {**facts, "error": talk.error}


def _tokens(talk: Talk) -> tuple[int, int]:
    """Input and output tokens; every answer of the model reads all that went before."""
    seen = tokens_in = tokens_out = 0
    for message in talk.messages:
        text = f"{message['content'] or ''}{message.get('tool_calls', '')}"
        size = len(text) // _CHARS_PER_TOKEN + 1
        if message["role"] == "assistant":
            tokens_in += seen
            tokens_out += size
        seen += size
    return tokens_in, tokens_out
