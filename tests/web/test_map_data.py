"""What the map's script is told of a run's groups."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.run_event import RUN_ID, old_event, run_event
from trace_clustering.web import urls
from trace_clustering.web.pages.map_data import map_data
from trace_clustering.web.pages.shell import environment
from trace_clustering.web.palette import COLOURS

HOSTILE = "</script><script>alert(1)</script>\u202e\x1b[31m\nend"


def told(level: int | None = None, focus: tuple[int, ...] = (), **changes: Any) -> dict[str, Any]:
    data = map_data(run_event(**changes), level, focus)
    assert data is not None
    return data


def ids(data: dict[str, Any]) -> list[int]:
    return [group["id"] for group in data["groups"]]


def test_the_top_clusters_are_shown_where_no_level_is_asked_for() -> None:
    data = told()
    assert (data["by"], data["focus"], data["mark"]) == ("cluster", None, None)
    assert data["of"] == {0: 0, 1: 1, 2: 2, 3: 3}
    assert [group["colour"] for group in data["groups"]] == [0, 1, 2, 3]
    assert data["groups"][1]["title"] == "Lost or delayed baggage"


def test_a_level_below_goes_by_leaves() -> None:
    data = told(level=1)
    assert data["by"] == "leaf"
    assert data["of"] == {8: 4, 9: 4, 5: 5, 6: 6, 7: 7, 10: 2, 11: 2, 3: 3}
    assert ids(data) == [2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(("asked", "nearest"), [(-3, 0), (2, 2), (99, 2)])
def test_a_level_that_there_is_not_counts_as_the_nearest(asked: int, nearest: int) -> None:
    assert told(level=asked) == told(level=nearest)


@pytest.mark.parametrize(
    ("focus", "by", "kept"),
    [
        ((1,), "cluster", [1]),
        ((4,), "leaf", [8, 9]),
        ((9, 2), "leaf", [9, 10, 11]),
        ((777,), "cluster", []),
    ],
)
def test_what_is_in_no_group_of_the_focus_is_dimmed(
    focus: tuple[int, ...], by: str, kept: list[int]
) -> None:
    data = told(focus=focus)
    assert data["by"] == by
    assert sorted(data["focus"]) == kept
    assert ids(data) == [0, 1, 2, 3]


def test_a_run_without_levels_has_its_clusters() -> None:
    assert told(level=2, levels=None) == {**told(), "groups": told(levels=None)["groups"]}


def test_a_run_without_a_map_has_none() -> None:
    assert map_data(old_event()) is None


def test_lists_by_trace_are_not_needed() -> None:
    event = run_event()
    whole = map_data(event, 2, (4,), (1.0, 2.0))
    del event["$ai_map"]["points"], event["$ai_levels"]["leaf_ids"]
    for cluster in event["$ai_clusters"]:
        del cluster["trace_ids"]
    assert map_data(event, 2, (4,), (1.0, 2.0)) == whole
    assert whole is not None
    assert whole["mark"] == [1.0, 2.0]


def test_groups_know_their_pages() -> None:
    assert told(level=1)["groups"][0]["url"] == urls.group(RUN_ID, 2)


def test_colours_begin_anew_when_there_are_no_more() -> None:
    clusters = [{"cluster_id": i, "size": 1} for i in range(COLOURS + 2)]
    data = told(clusters=clusters, levels=None)
    assert [group["colour"] for group in data["groups"]][-2:] == [0, 1]


def test_strangers_titles_stay_text() -> None:
    clusters = run_event()["$ai_clusters"]
    clusters[0]["title"] = HOSTILE
    data = told(clusters=clusters)
    title = data["groups"][0]["title"]
    assert title == "</script><script>alert(1)</script> [31m end"
    module: Any = environment().get_template("map.html.j2").module
    page = str(module.map(data, "/src", "/point/", label=HOSTILE))
    assert page.count("<script") == page.count("</script>") == 2
    assert "alert" in page
    assert "style=" not in page
