"""Charts as data: what they show of a run, in colours of the style sheet, whatever titles hold."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.run_event import old_event, run_event
from trace_clustering.models.browsing import Flow
from trace_clustering.web.pages.figures import (
    Figure,
    label,
    sankey_figure,
    silhouette_figure,
    treemap_figure,
)
from trace_clustering.web.palette import palette_css
from trace_clustering.web.static_files import static_file

TITLES = st.text(max_size=200) | st.just("<a href='https://example.org'>b</a> <b>&lt;")


def trace_of(figure: Figure | None) -> dict[str, Any]:
    assert figure is not None
    trace: dict[str, Any] = figure["data"][0]
    return trace


def colours(value: Any, key: str = "") -> Iterator[str]:
    """Everything that the script takes for a colour."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield from colours(one, name)
    elif isinstance(value, list):
        for one in value:
            yield from colours(one, key)
    elif isinstance(value, str) and re.search("colors?$", key):
        yield value


def titled(title: str) -> dict[str, Any]:
    event = run_event()
    for group in [*event["$ai_clusters"], *event["$ai_levels"]["groups"]]:
        group["title"] = title
    return event


def test_the_silhouette_of_each_number_of_clusters_with_the_chosen_one_marked() -> None:
    trace = trace_of(silhouette_figure(run_event()))
    assert (trace["x"], trace["y"]) == ([3, 4, 5, 6], [0.281, 0.312, 0.274, 0.251])
    assert [size > 10 for size in trace["marker"]["size"]] == [False, True, False, False]


def test_what_one_cloud_reaches_is_a_line_where_the_run_was_judged() -> None:
    judged, older = silhouette_figure(run_event()), silhouette_figure(old_event())
    assert judged is not None
    assert older is not None
    assert judged["data"][1]["y"] == [0.041, 0.041]
    assert len(older["data"]) == 1


def test_scores_that_are_not_known_are_left_out() -> None:
    scores = [{"k": 2, "silhouette_score": None}, {"k": 3, "silhouette_score": 0.2}]
    assert trace_of(silhouette_figure(run_event(scores_by_k=scores)))["x"] == [3]
    assert silhouette_figure(run_event(scores_by_k=scores[:1])) is None
    assert silhouette_figure(run_event(scores_by_k=None)) is None


def test_many_numbers_of_clusters_have_few_ticks() -> None:
    scores = [{"k": k, "silhouette_score": 0.1} for k in range(2, 102)]
    figure = silhouette_figure(run_event(scores_by_k=scores))
    assert figure is not None
    assert len(figure["layout"]["xaxis"]["tickvals"]) <= 12


def test_a_treemap_holds_every_group_in_the_one_that_it_is_a_part_of() -> None:
    trace = trace_of(treemap_figure(run_event(), lambda number: f"/{number}"))
    parents = dict(zip(trace["ids"], trace["parents"], strict=True))
    values = dict(zip(trace["ids"], trace["values"], strict=True))
    assert (parents["all"], parents["0"], parents["4"], parents["8"]) == ("", "all", "0", "4")
    assert values["all"] == 120
    for one in set(parents.values()) - {""}:
        assert sum(values[child] for child, of in parents.items() if of == one) <= values[one]
    leads = dict(zip(trace["ids"], trace["customdata"], strict=True))
    assert (leads["8"], leads["4"], leads["all"]) == ("/8", "/4", "")


def test_a_treemap_of_a_run_without_levels_has_its_clusters() -> None:
    trace = trace_of(treemap_figure(old_event()))
    assert trace["ids"] == ["all", "0", "1", "2", "3"]
    assert trace["labels"][1] == "Cluster 0"


def test_flows_between_clusters_that_share_traces() -> None:
    clusters = run_event()["$ai_clusters"]
    trace = trace_of(
        sankey_figure([Flow(0, 1, 5), Flow(2, 1, 3), Flow(9, 0, 1)], clusters, clusters)
    )
    assert len(trace["node"]["label"]) == 3
    assert trace["link"]["source"] == [0, 1]
    assert trace["link"]["target"] == [2, 2]
    assert trace["link"]["value"] == [5, 3]


def test_colours_are_names_that_the_style_sheets_know() -> None:
    clusters = run_event()["$ai_clusters"]
    figures = [
        *(silhouette_figure(run_event()), treemap_figure(run_event())),
        sankey_figure([Flow(0, 1, 5)], clusters, clusters),
    ]
    styles = palette_css() + static_file("style.css").content.decode()
    found = set(colours(figures))
    assert found
    for one in found:
        name = re.fullmatch(r"(?:on )?(--[\w-]+)(?:[/~][\d.]+)?", one)
        assert name, one
        # The script reads them as numbers of a colour.
        assert re.search(rf"{name[1]}: #[0-9a-f]{{6}};", styles), one


@given(TITLES)
def test_titles_are_no_markup_and_fit_into_a_page(title: str) -> None:
    assert not set("<>") & set(label(title))
    event = titled(title)
    clusters = event["$ai_clusters"]
    trace = trace_of(treemap_figure(event))
    sankey = trace_of(sankey_figure([Flow(0, 1, 5)], clusters, clusters))
    for one in [*trace["labels"], *sankey["node"]["label"]]:
        assert not set("<>") & set(one.replace("<br>", ""))
    json.dumps([trace, sankey], allow_nan=False)
