"""Numbers as people read them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trace_clustering.amounts import (
    count,
    days_of,
    money,
    per_day,
    percent,
    ratio,
    seconds,
    share_within,
)
from trace_clustering.plain_text import one_line, sentence


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (percent(0.264), "26%"),
        (percent(0.004), "0.4%"),
        (percent(0.0001), "<0.1%"),
        (percent(0.0), "0%"),
        (percent(0.998), "99.8%"),
        (percent(1.0), "100%"),
        (percent(None), "–"),
        (percent(math.nan), "–"),
        (share_within(0.26, 0.24, 0.28), "26% (24–28)"),
        (share_within(0.26, 0.26, 0.26), "26%"),
        (share_within(0.26, 0.259, 0.261), "26%"),
        (share_within(0.26, None, 0.28), "26%"),
        (share_within(None, 0.1, 0.2), "–"),
        (money(0), "$0"),
        (money(0.00001), "<$0.0001"),
        (money(0.00123), "$0.0012"),
        (money(0.1234), "$0.12"),
        (money(12.3), "$12.30"),
        (money(1234.4), "$1,234"),
        (money(None), "–"),
        (seconds(0.45), "450 ms"),
        (seconds(0.9999), "1.0 s"),
        (seconds(1.23), "1.2 s"),
        (seconds(12.3), "12 s"),
        (seconds(210), "3.5 min"),
        (seconds(7200), "2.0 h"),
        (seconds(None), "–"),
        (count(12345), "12,345"),
        (count(None), "–"),
        (ratio(0.8149), "0.81"),
        (ratio(None), "–"),
    ],
)
def test_amounts(shown: str, expected: str) -> None:
    assert shown == expected


def test_long_times_go_in_steps_of_several_days() -> None:
    days = [f"2026-11-{day:02}" for day in range(1, 11)]
    facts = {"by_day": [[day, 1] for day in days[2:]]}
    assert days_of([None, {}, facts, {"by_day": [[days[0], 3], [days[1], 0]]}]) == days
    assert per_day(facts, days, 4) == [
        (days[0], days[2], 1),
        (days[3], days[5], 3),
        (days[6], days[8], 3),
        (days[9], days[9], 1),
    ]
    assert per_day(None, days, 4) == []


@given(st.text(max_size=60), st.integers(1, 12))
def test_strangers_text_is_one_line(text: str, most: int) -> None:
    line = one_line(text, most)
    assert len(line) <= most
    assert line.isprintable() or not one_line(text).isprintable()
    assert one_line(line, most) == line


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("the store was away", "The store was away."),
        (" ñu ", "Ñu."),
        ("Why?", "Why?"),
        ("3 traces …", "3 traces …"),
        ("no. Really no!", "No. Really no!"),
        (" ", "Nobody knows."),
    ],
)
def test_a_sentence_begins_with_a_capital_and_ends(text: str, told: str) -> None:
    assert sentence(text, "nobody knows") == told
