"""What is known of a group of traces, in figures and words, beside the whole run's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from trace_clustering.amounts import count, money, percent, seconds
from trace_clustering.run_reading import Properties, share_of

Figure = tuple[str, str, str]
"""Name, value, explanation."""

_SAME = 0.05
_MANY = 10


def figures_of(group: Mapping[str, Any], properties: Properties) -> list[Figure]:
    """The most important first; only the size where the run has no facts."""
    facts, whole = group.get("facts"), properties.get("$ai_facts")
    sampled = properties["$ai_sampled_traces_count"]
    size: list[Figure] = [
        ("Share", share_of(group, sampled), "of the run"),
        ("Traces", count(group["size"]), ""),
    ]
    stability = group.get("stability")
    stable: list[Figure] = []
    if stability is not None:
        stable = [("Stability", percent(stability), "comes back if drawn anew")]
    return [*size, *(_known(facts, whole or {}) if facts else ()), *stable]


def compared(value: float | None, whole: float | None) -> str:
    """A group's value beside that of the whole run: 2.1 × the run's; empty if one is unknown."""
    if value is None or whole is None or not math.isfinite(value) or not math.isfinite(whole):
        return ""
    if whole <= 0:
        return "none in the run" if value == 0 else ""
    times = value / whole
    if abs(times - 1) < _SAME:
        return "as in the whole run"
    if 0 < times < _SAME:
        return "far below the run's"
    return f"{times:.0f} × the run's" if times >= _MANY else f"{times:.1f} × the run's"


def _known(facts: Mapping[str, Any], whole: Mapping[str, Any]) -> list[Figure]:
    cost, all_cost = facts.get("cost_usd") or {}, whole.get("cost_usd") or {}
    errors, mean = facts.get("error_rate"), cost.get("mean")
    usual = facts.get("latency_p50")
    return [
        ("Errors", percent(errors), _of_errors(errors, whole.get("error_rate"))),
        ("Cost a trace", money(mean), compared(mean, all_cost.get("mean"))),
        ("Typical cost", money(cost.get("p50")), f"95% below {money(cost['p95'])}" if cost else ""),
        ("Cost in all", money(cost.get("total")), ""),
        ("Typical latency", seconds(usual), compared(usual, whole.get("latency_p50"))),
        ("Slow ones", seconds(facts.get("latency_p95")), "" if usual is None else "95% are faster"),
        users_of(facts),
        _tokens_of(facts),
    ]


def _tokens_of(facts: Mapping[str, Any]) -> Figure:
    read, written = facts.get("input_tokens"), facts.get("output_tokens")
    if read is None or written is None:
        known, way = (written, "out") if read is None else (read, "in")
        return ("Tokens", count(known), "" if known is None else way)
    return ("Tokens", count(read), f"in, {count(written)} out")


def users_of(facts: Mapping[str, Any]) -> Figure:
    """How many users a group's traces have; nobody said who they were where there are none."""
    sessions = facts.get("sessions")
    return (
        "Users",
        count(facts.get("users") or None),
        f"in {count(sessions)} sessions" if sessions else "",
    )


def _of_errors(rate: float | None, whole: float | None) -> str:
    if rate == 0:
        return f"the run's: {percent(whole)}" if whole else ""
    return compared(rate, whole)
