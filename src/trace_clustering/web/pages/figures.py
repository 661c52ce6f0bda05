"""Charts as plotly's figures: plain data, which ``static/charts.js`` draws.

Colours are written as names of the style sheet's custom properties, so that a chart follows the
colour scheme: ``"--c3"``; ``"--c3/0.5"`` is half of it over the panel's colour, and ``"--c3~0.5"``
half transparent; ``"on --c3"`` is what can be read on it. Only values of keys that end in "color"
or "colors" are read so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

from trace_clustering.amounts import count, percent, ratio
from trace_clustering.models.browsing import Flow
from trace_clustering.plain_text import one_line
from trace_clustering.run_reading import Branch, Properties, number_of, title_of, tree_of
from trace_clustering.web.palette import colour_index

Figure = dict[str, Any]

_LABEL_CHARS = 80
_LINE_CHARS = 20
_HEAD_CHARS = 30
_ROOT = "all"
# How much of its cluster's colour a group of the tree has, from the clusters down.
_STRENGTHS = (1.0, 0.72, 0.5, 0.36)


def label(text: str, most: int = _LABEL_CHARS) -> str:
    """Text of strangers for plotly, which takes tags in a label for markup."""
    line = one_line(text, most)
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def silhouette_figure(properties: Properties) -> Figure | None:
    """How clear the clusters are for each number of them; None where that is not told.

    Beside them stands what shuffled data reaches, where the run was judged.
    """
    scores = [
        (one["k"], one["silhouette_score"])
        for one in properties.get("$ai_scores_by_k") or ()
        if one.get("silhouette_score") is not None
    ]
    if not scores:
        return None
    noise = (properties.get("$ai_quality") or {}).get("null_silhouette")
    lines = [_scores(scores, properties.get("$ai_optimal_k"))]
    if noise is not None:
        lines.append(_noise(scores, noise))
    layout = _layout(
        xaxis=_axis("Number of clusters", tickmode="array", tickvals=_ticks(scores)),
        yaxis=_axis("Silhouette", rangemode="tozero", tickformat=".2f"),
        hovermode="x",
    )
    return {"data": lines, "layout": layout}


def treemap_figure(properties: Properties, address: Callable[[int], str] | None = None) -> Figure:
    """The groups of a run within each other, as large as they have traces.

    Args:
        address: the page of a group; a click on it leads there.
    """
    rows = [_Row(_ROOT, "", "All sampled traces", 0, "--shade")]
    for branch in tree_of(properties) or _flat(properties):
        rows += _rows(branch, _ROOT, 0, colour_index(number_of(branch.group)), address)
    rows[0].value = sum(row.value for row in rows if row.parent == _ROOT)
    return {
        "data": [_treemap(rows)],
        "layout": _layout(margin=_margin(0, 0, 26, 0), uniformtext={"minsize": 11, "mode": "hide"}),
    }


def sankey_figure(
    flows: Sequence[Flow],
    before: Sequence[Mapping[str, Any]],
    after: Sequence[Mapping[str, Any]],
) -> Figure:
    """What became of the traces of each cluster; clusters that share no trace are left out."""
    known = [{one["cluster_id"] for one in clusters} for clusters in (before, after)]
    flows = [one for one in flows if one.before in known[0] and one.after in known[1]]
    left = _involved(before, {flow.before for flow in flows})
    right = _involved(after, {flow.after for flow in flows})
    places = {("before", one): i for i, one in enumerate(left)}
    places |= {("after", one): len(left) + i for i, one in enumerate(right)}
    named = [*left.items(), *right.items()]
    trace = {
        "type": "sankey",
        "arrangement": "fixed",
        "textfont": {"color": "--text", "size": 13, "shadow": "none"},
        "node": {
            "label": [label(title_of(cluster), 44) for _, cluster in named],
            "color": [f"--c{colour_index(number)}" for number, _ in named],
            "line": {"width": 0},
            "pad": 14 if len(named) <= 16 else 7,
            "thickness": 14,
            "customdata": [label(title_of(cluster)) for _, cluster in named],
            "hovertemplate": "%{customdata}<br>%{value:,} traces of both runs<extra></extra>",
        },
        "link": {
            "source": [places["before", flow.before] for flow in flows],
            "target": [places["after", flow.after] for flow in flows],
            "value": [flow.traces for flow in flows],
            "color": [f"--c{colour_index(flow.before)}~0.35" for flow in flows],
            "hovertemplate": "%{source.customdata} → %{target.customdata}<br>%{value:,} traces"
            "<extra></extra>",
        },
    }
    return {"data": [trace], "layout": _layout(margin=_margin(4, 4, 8, 8))}


@dataclass
class _Row:
    """A part of a treemap; a leaf is made of no others."""

    key: str
    parent: str
    title: str
    value: int
    colour: str
    address: str = ""
    is_leaf: bool = False

    @property
    def label(self) -> str:
        """On several lines, so that it finds room in a narrow part; on one where parts follow."""
        if not self.is_leaf:
            return label(self.title, _HEAD_CHARS)
        return "<br>".join(map(label, wrap(one_line(self.title, _LABEL_CHARS), _LINE_CHARS)))


def _rows(
    branch: Branch,
    parent: str,
    depth: int,
    colour: int,
    address: Callable[[int], str] | None,
) -> Iterator[_Row]:
    number, title = number_of(branch.group), title_of(branch.group)
    strength = _STRENGTHS[min(depth, len(_STRENGTHS) - 1)]
    shade = f"--c{colour}/{strength}"
    leads = address(number) if address else ""
    size = branch.group["size"]
    yield _Row(str(number), parent, title, size, shade, leads, is_leaf=not branch.branches)
    for below in branch.branches:
        yield from _rows(below, str(number), depth + 1, colour, address)


def _treemap(rows: Sequence[_Row]) -> dict[str, Any]:
    total = rows[0].value or 1
    return {
        "type": "treemap",
        "ids": [row.key for row in rows],
        "parents": [row.parent for row in rows],
        "labels": [row.label for row in rows],
        "values": [row.value for row in rows],
        "text": [f"{count(row.value)} · {percent(row.value / total)}" for row in rows],
        "customdata": [row.address for row in rows],
        "branchvalues": "total",
        "maxdepth": 3,
        "textinfo": "label+text",
        "textfont": {"size": 13, "color": [f"on {row.colour}" for row in rows]},
        "hovertext": [label(row.title) for row in rows],
        "hovertemplate": "%{hovertext}<br>%{text}<extra></extra>",
        "marker": {
            "colors": [row.colour for row in rows],
            "line": {"width": 1, "color": "--panel"},
            "pad": {"t": 24, "l": 3, "r": 3, "b": 3},
        },
        "tiling": {"pad": 2},
        "pathbar": {"thickness": 24, "textfont": {"color": "on --shade", "size": 13}},
    }


def _scores(scores: Sequence[tuple[int, float]], chosen: int | None) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "These traces",
        "x": [k for k, _ in scores],
        "y": [score for _, score in scores],
        "text": [ratio(score, 3) for _, score in scores],
        "hovertemplate": "%{x} clusters: %{text}<extra></extra>",
        "line": {"color": "--c0", "width": 2},
        "marker": {
            "color": ["--c1" if k == chosen else "--c0" for k, _ in scores],
            "size": [14 if k == chosen else 7 for k, _ in scores],
            "line": {"width": 2, "color": "--panel"},
            "opacity": 1,
        },
    }


def _noise(scores: Sequence[tuple[int, float]], noise: float) -> dict[str, Any]:
    ks = [k for k, _ in scores]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "Noise like these traces",
        "x": [min(ks), max(ks)],
        "y": [noise, noise],
        "hovertemplate": f"noise like these traces: {ratio(noise, 3)}<extra></extra>",
        "line": {"color": "--faint", "width": 2, "dash": "dot"},
    }


def _ticks(scores: Sequence[tuple[int, float]]) -> list[int]:
    """At most a dozen numbers of clusters, so that none hides another."""
    ks = sorted(k for k, _ in scores)
    return ks[:: -(-len(ks) // 12)]


def _axis(title: str, **more: Any) -> dict[str, Any]:
    return {
        "title": {"text": title, "standoff": 10, "font": {"size": 13}},
        "gridcolor": "--line",
        "linecolor": "--line",
        "zerolinecolor": "--line",
        "automargin": True,
        "fixedrange": True,
        **more,
    }


def _layout(**more: Any) -> dict[str, Any]:
    return {
        "autosize": True,
        "paper_bgcolor": "--panel~0",
        "plot_bgcolor": "--panel~0",
        "font": {"color": "--text", "size": 13},
        "margin": _margin(8, 8, 8, 8),
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "hoverlabel": {"bgcolor": "--panel", "bordercolor": "--line", "font": {"color": "--text"}},
        "dragmode": False,
        **more,
    }


def _margin(left: int, right: int, top: int, bottom: int) -> dict[str, int]:
    return {"l": left, "r": right, "t": top, "b": bottom}


def _involved(
    clusters: Sequence[Mapping[str, Any]], numbers: set[int]
) -> dict[int, Mapping[str, Any]]:
    return {one["cluster_id"]: one for one in clusters if one["cluster_id"] in numbers}


def _flat(properties: Properties) -> Iterator[Branch]:
    for cluster in properties.get("$ai_clusters") or ():
        yield Branch(cluster, ())
