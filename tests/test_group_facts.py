"""Facts of groups: shares with their uncertainty, and where in the tree a leaf is."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trace_clustering.group_facts import facts_of_groups, paths_of_leaves, share_interval
from trace_clustering.models.findings import OF_RUN, Group
from trace_clustering.store import KnownOfGroup

MOMENT = datetime(2026, 11, 16, 9, 30, 0, 123_000, tzinfo=UTC)


def known(traces: int, *, errors: int = 0, of: int | None = None) -> KnownOfGroup:
    return KnownOfGroup(
        traces=traces,
        known=traces if of is None else of,
        users=1,
        sessions=0,
        cost_usd=None,
        latency_p50=None,
        latency_p95=None,
        input_tokens=None,
        output_tokens=None,
        errors=errors,
        models=[],
        tools=[],
        first_seen=MOMENT,
        last_seen=MOMENT,
        by_day=[],
    )


def test_shares_are_of_the_sample_and_errors_of_what_is_known() -> None:
    groups = {OF_RUN: known(100), 0: known(25, errors=3, of=12), 1: known(75, of=0)}
    found = facts_of_groups(groups, in_window=1000)
    assert (found[0].share, found[0].error_rate) == (0.25, 0.25)
    assert found[1].error_rate is None
    assert found[0].share_low < 0.25 < found[0].share_high
    of_run = found[OF_RUN]
    assert (of_run.share_low, of_run.share, of_run.share_high) == (1, 1, 1)
    assert found[0].first_seen.startswith("2026-11-16T09:30:00")


def test_an_interval_is_known_from_the_literature() -> None:
    """Newcombe (1998), table I: 81 of 263 by Wilson's method without continuity correction."""
    low, high = share_interval(81, 263, 10**12)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)


def test_of_all_traces_the_share_is_known() -> None:
    assert share_interval(3, 10, 10) == (0.3, 0.3)


@given(st.integers(1, 500), st.integers(0, 10_000), st.data())
def test_an_interval_holds_the_share(sampled: int, more: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, sampled))
    low, high = share_interval(count, sampled, sampled + more)
    assert 0 <= low <= count / sampled + 1e-12
    assert count / sampled - 1e-12 <= high <= 1


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5])
def test_intervals_hold_the_true_share_about_as_often_as_they_say(share: float) -> None:
    window, sampled = 4000, 1000
    rng = np.random.default_rng(7)
    of_group = round(window * share)
    drawn = rng.hypergeometric(of_group, window - of_group, sampled, size=3000)
    bounds = np.array([share_interval(int(count), sampled, window) for count in drawn])
    held = ((bounds[:, 0] <= share) & (share <= bounds[:, 1])).mean()
    assert 0.93 <= held <= 0.97


def test_paths_lead_from_below_the_top_to_the_leaf() -> None:
    groups = [
        Group(0, None, 0, 0, 10),
        Group(1, None, 0, 2, 5),
        Group(2, 0, 1, 1, 6),
        Group(3, 0, 1, 2, 4),
        Group(4, 2, 2, 2, 4),
        Group(5, 2, 2, 2, 2),
    ]
    assert paths_of_leaves(groups) == {1: [], 3: [3], 4: [2, 4], 5: [2, 5]}
