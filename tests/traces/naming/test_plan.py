"""Which groups are asked about together, and how much of them is shown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.traces.naming.portraits import ALL, CARDS, STOLEN, TOPS
from trace_clustering.traces.asking import Question, Usage
from trace_clustering.traces.naming.name_answer import NamesAnswer
from trace_clustering.traces.naming.naming_prompt import Known
from trace_clustering.traces.naming.plan import fitting_question, plan_of
from trace_clustering.traces.naming.portrait import GroupPortrait
from trace_clustering.traces.naming.spending import Amount, Spending, tokens_to_read

RICH = 10**9


def spending(tokens: int = RICH, usd: float = 1.0, model: str = "some/model") -> Spending:
    return Spending(model, usd, tokens)


def leaves(count: int, level: int = 1, parents: int = 2) -> list[GroupPortrait]:
    return [
        replace(STOLEN, group_id=100 * level + i, parent=i % parents, first_level=level)
        for i in range(count)
    ]


def test_the_top_clusters_come_first_then_level_by_level() -> None:
    groups = [*leaves(3, level=2), *leaves(90), *TOPS]
    plan = plan_of(groups, spending())
    assert [len(batch) for batch in plan.batches] == [2, 30, 30, 30, 3]
    levels = [{group.first_level for group in batch} for batch in plan.batches]
    assert levels == [{0}, {1}, {1}, {1}, {2}]
    parents = [group.parent for batch in plan.batches[1:4] for group in batch]
    assert parents == [0] * 45 + [1] * 45
    assert (plan.thrift, plan.left_out) == (0, None)


def test_all_top_clusters_are_named_together() -> None:
    plan = plan_of([replace(CARDS, group_id=i) for i in range(100)], spending())
    assert [len(batch) for batch in plan.batches] == [100]


def test_the_order_of_the_groups_does_not_matter() -> None:
    groups = [*TOPS, *leaves(50)]
    assert plan_of(groups, spending()) == plan_of(groups[::-1], spending())


def test_no_groups() -> None:
    plan = plan_of([], spending(0))
    assert (plan.batches, plan.left_out) == ((), None)


@pytest.mark.parametrize("tokens", [500, 1_600, 2_000, 3_000, 4_000, RICH])
def test_a_plan_fits_its_budget(tokens: int) -> None:
    plan = plan_of(ALL, spending(tokens))
    assert plan.later(-1).total <= tokens
    assert bool(plan.left_out) == (len(plan.batches) < 2)
    assert plan.batches or plan.left_out


def test_a_question_is_never_too_long_to_be_read() -> None:
    long = ("Where is my card? " * 30,) * 7
    batch = [replace(one, texts=long) for one in leaves(40)]
    question, amount, excess = fitting_question(batch, Known({}), 0, spending())
    assert excess is None
    assert 20_000 < len(question.prompt) <= 60_000
    assert amount == Amount(tokens_to_read(question), 200 + 120 * 40)


def test_what_is_spent() -> None:
    account = spending(tokens=1_000)
    account.count(Usage(1, 600, 100), Amount(1, 1))
    assert account.spent == Amount(600, 100)
    assert account.excess(Amount(200, 100)) is None
    assert account.excess(Amount(200, 101)) is not None
    assert account.room(Amount(100, 100), most=50) == 50
    assert account.room(Amount(100, 100), most=500) == 100
    assert account.room(Amount(1_000, 100), most=500) == 0
    # A question without an answer costs nothing; one whose answer says nothing of it, as expected.
    account.count(Usage(), Amount(9, 9))
    account.count(Usage(1), Amount(9, 9))
    assert account.spent == Amount(609, 109)


def test_prices() -> None:
    account = spending(usd=0.01, model="gpt-4o")
    assert account.cost(Amount(1_000, 100)) == pytest.approx(0.0035)
    assert account.excess(Amount(3_000, 200)) is None
    assert account.excess(Amount(4_000, 200)) == (
        "would cost about $0.012, more than naming_budget_usd=0.01"
    )
    assert account.room(Amount(2_000, 100), most=10_000) == 400
    assert "about $12.50, more" in str(account.excess(Amount(5_000_000, 0)))


def test_other_scripts_take_more_tokens() -> None:
    texts = ("card " * 30, "卡" * 150)
    latin, chinese = (
        tokens_to_read(Question("", text, NamesAnswer, "t", what="w")) for text in texts
    )
    assert chinese - latin == 100
