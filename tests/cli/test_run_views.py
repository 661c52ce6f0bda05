"""What a run tells, in a terminal: whole, in part, of older versions, and from strangers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.cli.test_views import HOSTILE, detail, member, printed
from tests.support.run_event import RUN_ID, facts_of, no_answer, old_event, run_event
from trace_clustering.cli.run_parts import facts_view, outliers_view, tree_view
from trace_clustering.cli.run_views import run_view, sparkline


def told(event: Mapping[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """The API's answer for a run with such an event."""
    facts = dict(event or run_event(**changes))
    clusters = [
        {**one, "share": one["size"] / 120, "members": [member(f"t{i}", content=f"Text {i}")]}
        for i, one in enumerate(facts.pop("$ai_clusters"))
    ]
    run = {"run_id": RUN_ID, "status": "completed", "reason": ""}
    return {"run": run, "facts": facts, "clusters": clusters}


OUTLIERS = {
    "total": 3,
    "threshold": 2.1,
    "share": 0.025,
    "missing": None,
    "outliers": [
        {
            "trace_id": HOSTILE,
            "cluster_id": 3,
            "score": 3.2,
            "reason": "far from all others",
            "opening": HOSTILE,
        }
    ],
}


def test_a_run_is_read_from_the_top() -> None:
    text = printed(run_view(told()), 120)
    lines = text.splitlines()
    assert lines[:2] == [RUN_ID, "Good: these clusters can be relied on"]
    assert lines[2].startswith(" • 4 clusters separate these traces far better than noise")
    assert "60 users; 118 sessions; 5% errors; cost $0.48; latency p50 1.8 s, p95 9.6 s" in text
    (figures,) = [line for line in lines if "24 traces" in line]
    assert figures == (
        "   20% (14–26)  █▎      24 traces  21% errors (run 5%)  $0.096  p50 1.8 s  "
        "stable 0.83  ▂▄▇█"
    )
    assert "2  Refund of a ticket's price" in lines
    assert "   refund, money back, voucher" in lines
    assert "   • Text 2" in lines
    assert lines[-2] == (
        "More from `show`: --tree (4 → 6 → 8 groups), --outliers (2), --facts (all figures)"
    )


def test_what_a_model_said_stands_for_the_keywords() -> None:
    run = told()
    run["clusters"][0]["title_source"] = "model"
    run["clusters"][0]["examples"] = [{"trace_id": "x", "opening": "Another flight, please"}]
    text = printed(run_view(run))
    assert "Customers ask to be put on another flight" in text
    assert "• Another flight, please" in text
    assert "next flight" not in text
    assert "Text 0" not in text


def test_what_is_no_answer_is_never_shown_as_one() -> None:
    text = printed(run_view(told(quality=no_answer())))
    verdict, reason, *_ = text.splitlines()[1:]
    assert verdict == "Not an answer: these clusters say nothing about the traces"
    assert reason == " • one cluster holds 91% of traces"
    before, _, after = text.partition("What k-means found all the same")
    assert "Rebooking cancelled flights" not in before
    assert "Rebooking cancelled flights" in after


def test_what_is_missing_is_told_with_the_reason() -> None:
    parts = ("levels", "outliers", "map", "facts", "names", "quality")
    gone = dict.fromkeys(parts[:4] + parts[5:])
    event = run_event(**gone, missing_parts={part: f"no {part} {HOSTILE}" for part in parts})
    for cluster in event["$ai_clusters"]:
        for key in set(cluster) - {"cluster_id", "size", "trace_ids"}:
            del cluster[key]
    run = told(event)
    text = printed(run_view(run))
    assert "Not judged: no quality [bold]x" in text
    assert "Without the map: no map [bold]x" in text
    assert "Without the verdict: no quality" in text
    assert "0  Cluster 0" in text
    assert "40%  ██▍     48 traces" in text
    assert printed(tree_view(run)).startswith("\nTree: none, no levels [bold]x")
    assert printed(facts_view(run)).startswith("\nFacts: none, no facts [bold]x")
    absent = {"total": 0, "outliers": [], "share": None, "threshold": None, "missing": "no memory"}
    assert printed(outliers_view(absent)) == "\nOutliers: none, no memory\n"
    nobody = printed(outliers_view({**absent, "share": 0.0, "missing": None}))
    assert nobody == "\nOutliers: no trace stands out\n"


def test_runs_of_before_look_as_they_did() -> None:
    run = told(old_event())
    text = printed(run_view(run))
    assert "Closest to the centre" in text
    assert "Not judged" not in text
    assert "none, this run is older than that" in printed(tree_view(run))
    assert "none, this run is older than that" in printed(facts_view(run))


def test_the_tree() -> None:
    lines = printed(tree_view(told()), 100).splitlines()
    assert lines[1] == "Tree: 4 → 6 → 8 groups"
    assert lines[2] == "├── 0 Rebooking cancelled flights  48 traces, 40% (34–46)"
    assert lines[4] == "│   │   ├── 8 Missed connections in Lisbon  16 traces, 13% (7–19)"
    assert lines[-1] == "└── 3 Seats and meals on board  12 traces, 10% (4–16)"


@pytest.mark.parametrize("width", [60, 100, 200])
def test_everything_fits(width: int) -> None:
    run = told()
    for view in (run_view(run), tree_view(run), facts_view(run), outliers_view(OUTLIERS)):
        assert max(map(len, printed(view, width).splitlines())) <= width
    facts = printed(facts_view(run), width)
    assert facts.count("Latency p50") == {60: 5, 100: 2, 200: 1}[width]
    assert "$0.0172" in facts or "$0.017" in facts
    assert "find_flights 60" in facts


def test_users_of_whom_nobody_told_are_not_none() -> None:
    nobody = facts_of(120, users=0, sessions=0)
    lines = printed(facts_view(told(facts=nobody)), 200).splitlines()
    (users,) = [line for line in lines if line.strip(" │").startswith("Users")]
    assert "–" in users
    assert " 0 " not in users


def test_strangers_words_are_words() -> None:
    run = told()
    group = {"title": HOSTILE, "description": HOSTILE, "title_source": "model"}
    hostile = {**run["clusters"][0], **group}
    hostile["facts"] = {**hostile["facts"], "models": [[HOSTILE, 1]], "tools": [[HOSTILE, 1]] * 6}
    run["clusters"][0] = hostile
    run["facts"]["$ai_levels"]["groups"][4]["title"] = HOSTILE
    run["facts"]["$ai_quality"]["reasons"] = [HOSTILE]
    views = [run_view(run), tree_view(run), outliers_view(OUTLIERS)]
    for text in map(printed, views):
        assert "[bold]x[/bold] [/nope] [link=http://e.vil]y[/link]" in text
        assert "\x07" not in text
    assert "\x07" not in printed(facts_view(run))
    assert "1 more" in printed(facts_view(run))


def test_a_run_without_parts_at_all() -> None:
    assert "Closest to the centre" in printed(run_view(detail()))


@pytest.mark.parametrize(
    ("counts", "drawn"),
    [([0, 0], "··"), ([1, 8], "▁█"), ([0, 3, 3], "·██"), ([1] * 42, "█" * 21), ([1], "█")],
)
def test_day_by_day(counts: list[int], drawn: str) -> None:
    days = [f"2026-{1 + i // 28:02}-{1 + i % 28:02}" for i in range(len(counts))]
    by_day = [list(pair) for pair in zip(days, counts, strict=True)]
    assert sparkline({"by_day": by_day}, days) == drawn
    assert sparkline(None, days) == ""
