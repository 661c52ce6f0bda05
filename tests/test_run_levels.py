"""The groups of a run's levels, read from its event."""

from __future__ import annotations

from tests.support.run_event import old_event, run_event
from trace_clustering.run_reading import (
    groups_at,
    groups_below,
    groups_of,
    leaves_of,
    level_sizes,
    number_of,
    path_to,
    title_of,
)


def ids(groups: list) -> list[int]:  # type: ignore[type-arg]
    return [group["group_id"] for group in groups]


def test_levels_from_the_clusters_down_to_the_leaves() -> None:
    event = run_event()
    assert level_sizes(event) == tuple(event["$ai_levels"]["sizes"])
    for level, size in enumerate(level_sizes(event)):
        groups = groups_at(event, level)
        assert len(groups) == size
        assert sum(group["size"] for group in groups) == 120
    assert ids(groups_at(event, 2))[:2] == [5, 6]


def test_a_group_is_made_of_what_is_below_it() -> None:
    event = run_event()
    assert ids(groups_below(event, 0)) == [4, 5]
    assert leaves_of(event, 0) == (5, 8, 9)
    assert leaves_of(event, 9) == (9,)
    assert ids(path_to(event, 9)) == [0, 4, 9]
    assert path_to(event, 99) == []
    assert groups_below(event, 9) == []


def test_a_clusters_group_tells_what_the_cluster_tells() -> None:
    cluster = groups_of(run_event())[0]
    assert cluster["group_id"] == cluster["cluster_id"] == 0
    assert cluster["title"] == "Rebooking cancelled flights"
    assert cluster["stability"] is not None


def test_whatever_has_no_title_is_called_by_its_kind_and_number() -> None:
    event = run_event()
    groups = [*event["$ai_clusters"], *event["$ai_levels"]["groups"]]
    for group in groups:
        group.pop("title", None)
    called = {title_of(group) for group in groups}
    assert called == {f"{'Cluster' if i < 4 else 'Group'} {i}" for i in range(12)}
    assert {number_of(group) for group in groups} == set(range(12))
    assert title_of({"cluster_id": 0, "title": "Refunds"}) == "Refunds"


def test_a_run_without_levels_has_its_clusters() -> None:
    event = old_event()
    clusters = [one["cluster_id"] for one in event["$ai_clusters"]]
    assert level_sizes(event) == (len(clusters),)
    assert [one["cluster_id"] for one in groups_at(event, 0)] == clusters
    assert leaves_of(event, 1) == (1,)
    assert groups_at(event, 1) == groups_at(event, 0) or groups_at(event, 1) == []
