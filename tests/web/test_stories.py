"""Runs as pages read them: what grows with the traces left out, and read once."""

from __future__ import annotations

import pytest

from tests.support.run_event import old_event, run_event
from trace_clustering.web.stories import MAX_OUTLIERS, without_traces


def test_what_grows_with_the_traces_is_left_out() -> None:
    event = run_event()
    told = without_traces(event)
    assert all("trace_ids" not in cluster for cluster in told["$ai_clusters"])
    assert told["$ai_map"].keys() == event["$ai_map"].keys() - {"points"}
    assert told["$ai_levels"].keys() == event["$ai_levels"].keys() - {"leaf_ids", "merges"}
    assert told["$ai_facts"] == event["$ai_facts"]
    assert "trace_ids" in event["$ai_clusters"][0]


def test_outliers_are_counted_and_the_first_are_told() -> None:
    one = {"trace_id": "t", "cluster_id": 0, "score": 9.0, "reason": "far"}
    outliers = {"threshold": 1.0, "share": 0.5, "traces": [one] * (MAX_OUTLIERS + 5)}
    told = without_traces({**run_event(), "$ai_outliers": outliers})["$ai_outliers"]
    assert (told["total"], len(told["traces"])) == (MAX_OUTLIERS + 5, MAX_OUTLIERS)


def test_an_event_of_before_there_were_parts() -> None:
    assert without_traces(old_event()).keys() == old_event().keys()


@pytest.mark.parametrize("key", ["$ai_levels", "$ai_map", "$ai_outliers"])
def test_a_part_that_is_not_there(key: str) -> None:
    event = {name: value for name, value in run_event().items() if name != key}
    assert key not in without_traces(event)
