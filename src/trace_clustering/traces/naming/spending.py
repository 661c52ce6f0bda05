"""What asking may cost: estimated before a question, counted after it."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import floor
from typing import Any

from trace_clustering.traces import pricing
from trace_clustering.traces.asking import Question, Usage
from trace_clustering.traces.endpoints import utc_now

# Fewer than a token holds in any script, so that an estimate is rather too high.
_BYTES_PER_TOKEN = 3
# What the form of the answer takes, and the words around each message.
_FRAME_TOKENS = 400


@dataclass(frozen=True)
class Amount:
    """Tokens, read and written."""

    read: int = 0
    written: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.read + other.read, self.written + other.written)

    @property
    def total(self) -> int:
        return self.read + self.written


@dataclass
class Spending:
    """What was spent of a budget.

    Attributes:
        usd: the budget, by list prices; counts if the model is on the list.
        tokens: the budget, read and written together.
        spent: as reported; as estimated where nothing is reported.
    """

    model: str
    usd: float
    tokens: int
    spent: Amount = field(default_factory=Amount)

    def cost(self, amount: Amount) -> float | None:
        """The list price in US dollars; None if the model is on no list."""
        return pricing.estimate(
            self.model,
            None,
            input_tokens=amount.read,
            output_tokens=amount.written,
            when=utc_now(),
        )

    def excess(self, planned: Amount) -> str | None:
        """In which way so much more would be too much; None if it would not."""
        whole = self.spent + planned
        cost = self.cost(whole)
        if cost is not None and cost > self.usd:
            return f"would cost about {_dollars(cost)}, more than naming_budget_usd={self.usd:g}"
        if whole.total > self.tokens:
            return (
                f"would take about {whole.total:,} tokens, "
                f"more than naming_budget_tokens={self.tokens}"
            )
        return None

    def room(self, planned: Amount, most: int) -> int:
        """Tokens that may be written beside what is planned: at most so many."""
        whole = self.spent + planned
        spare = self.tokens - whole.total
        cost, more = self.cost(whole), self.cost(whole + Amount(0, 1_000))
        if cost is not None and more is not None and more > cost:
            spare = min(spare, floor((self.usd - cost) / (more - cost) * 1_000))
        return max(0, min(spare, most))

    def count(self, usage: Usage, estimate: Amount) -> None:
        """Count what a question took."""
        if usage.input_tokens or usage.output_tokens:
            self.spent += Amount(usage.input_tokens, usage.output_tokens)
        elif usage.answers:
            self.spent += estimate


def tokens_to_read(question: Question[Any]) -> int:
    """Tokens that a question has at most, about."""
    texts = (question.instructions, question.prompt)
    size = sum(len(text.encode("utf-8", "replace")) for text in texts)
    return size // _BYTES_PER_TOKEN + _FRAME_TOKENS


def _dollars(amount: float) -> str:
    return f"${amount:,.2f}" if amount >= 0.1 else f"${amount:.2g}"
