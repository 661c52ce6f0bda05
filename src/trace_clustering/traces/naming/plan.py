"""Which groups are named together, and how much of them a budget allows to be shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import ceil

from trace_clustering.traces.asking import Question
from trace_clustering.traces.naming.name_answer import NamesAnswer
from trace_clustering.traces.naming.naming_prompt import Known, Show, question
from trace_clustering.traces.naming.portrait import GroupPortrait
from trace_clustering.traces.naming.spending import Amount, Spending, tokens_to_read

_MOST_AT_ONCE = 40
# From the richest to the barest.
_SHOWS = (Show(7, 400), Show(5, 300), Show(4, 200), Show(3, 120), Show(2, 80), Show(0, 0))
SMALL = 4
"""How little is shown of groups to a model that may not read more."""

# About 20,000 tokens: what models with a small memory can still read.
_MAX_PROMPT_CHARS = 60_000
# A title and a description, as long as is asked for, with their frame; and what stands around all.
_TOKENS_PER_NAME = 120
_TOKENS_AROUND = 200


@dataclass(frozen=True)
class Plan:
    """What is to be asked.

    Attributes:
        batches: the groups of each question; the top clusters are the first.
        estimates: of each question.
        thrift: how little is shown of each group; 0 is all.
        left_out: why there are groups that are not asked about; None if there are none.
    """

    batches: tuple[tuple[GroupPortrait, ...], ...]
    estimates: tuple[Amount, ...]
    thrift: int
    left_out: str | None = None

    def later(self, at: int) -> Amount:
        """What the questions behind the one with this number take."""
        return sum(self.estimates[at + 1 :], Amount())


def plan_of(groups: Sequence[GroupPortrait], spending: Spending) -> Plan:
    """The questions about groups that fit a budget.

    Where not all fits, less is shown of each group; then the top clusters alone are asked about;
    then nothing is.
    """
    batches = tuple(_batches(groups))
    plan, excess = _thriftiest_needed(batches, spending)
    if excess is None:
        return plan
    plan, excess_of_first = _thriftiest_needed(batches[:1], spending)
    if excess_of_first is not None:
        return Plan((), (), 0, excess_of_first)
    return replace(plan, left_out=f"naming more than the top clusters {excess}")


def fitting_question(
    batch: Sequence[GroupPortrait], known: Known, thrift: int, spending: Spending
) -> tuple[Question[NamesAnswer], Amount, str | None]:
    """The richest question that fits, or the barest; what it takes, and in what it is too much.

    Args:
        thrift: no more is shown than the plan says.
    """
    for level in range(thrift, len(_SHOWS)):
        written = _TOKENS_AROUND + _TOKENS_PER_NAME * len(batch)
        asked = question(batch, _SHOWS[level], known, written)
        amount = Amount(tokens_to_read(asked), written)
        excess = spending.excess(amount)
        if excess is None and len(asked.prompt) <= _MAX_PROMPT_CHARS:
            break
    return asked, amount, excess


def _thriftiest_needed(
    batches: Sequence[tuple[GroupPortrait, ...]], spending: Spending
) -> tuple[Plan, str | None]:
    """The plan that shows most of these groups; in what it is too much, if the barest is."""
    for thrift in range(len(_SHOWS)):
        plan = Plan(tuple(batches), tuple(_estimates(batches, thrift, spending)), thrift)
        excess = spending.excess(plan.later(-1))
        if excess is None:
            break
    return plan, excess


def _estimates(
    batches: Sequence[Sequence[GroupPortrait]], thrift: int, spending: Spending
) -> Iterator[Amount]:
    """What the questions take, where the model's titles are as long as those of keywords."""
    titles = {group.group_id: group.keyword_title for batch in batches for group in batch}
    taken: list[str] = []
    for batch in batches:
        yield fitting_question(batch, Known(titles, taken), thrift, spending)[1]
        taken += [group.keyword_title for group in batch]


def _batches(groups: Sequence[GroupPortrait]) -> Iterator[tuple[GroupPortrait, ...]]:
    """The top clusters, then the groups of each level below, siblings side by side."""
    ordered = sorted(groups, key=_place)
    for level, members in groupby(ordered, key=lambda group: group.first_level):
        some = tuple(members)
        size = len(some) if level == 0 else ceil(len(some) / ceil(len(some) / _MOST_AT_ONCE))
        for start in range(0, len(some), size):
            yield some[start : start + size]


def _place(group: GroupPortrait) -> tuple[int, int, int]:
    parent = -1 if group.parent is None else group.parent
    return group.first_level, parent, group.group_id
