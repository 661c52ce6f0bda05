"""The map of a report: its points as a drawing that needs no script, and as data for one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trace_clustering.plain_text import one_line
from trace_clustering.run_reading import Properties, title_of
from trace_clustering.web.palette import colour_index

WIDTH, HEIGHT = 1000, 700
"""Of the drawing, in its own units."""

MAX_ID_CHARS = 100

_MARGIN = 30
_FINER = 10  # The script's coordinates are so much finer, for zooming in.
_OPENING_CHARS_IN_ALL = 320_000
_MOST_OPENING, _LEAST_OPENING = 160, 24
_MANY = 5_000

Place = tuple[float, float]


@dataclass(frozen=True)
class MapLayer:
    """A cluster on the map: ``path`` has a dot for each trace, the rings mark outliers."""

    cluster_id: int
    colour: int
    title: str
    path: str
    rings: list[tuple[int, int]]
    label: tuple[int, int]


@dataclass(frozen=True)
class RunMap:
    """All of the map.

    Attributes:
        data: JSON for the script, safe to stand in a page.
        dot: diameter of a dot.
    """

    layers: list[MapLayer]
    data: str
    dot: int


def run_map(properties: Properties, openings: Mapping[str, str]) -> RunMap | None:
    """The map of a run; None where it has none."""
    drawn = properties.get("$ai_map")
    if not drawn or not any(drawn["points"]):
        return None
    clusters = properties["$ai_clusters"]
    scale = _Scale(drawn)
    places = [[scale.place(one) for one in points] for points in drawn["points"]]
    centroids = [scale.place(one) for one in drawn["centroids"]]
    outliers = _outlier_ids(properties)
    layers = [
        _layer(cluster, places[i], centroids[i], outliers) for i, cluster in enumerate(clusters)
    ]
    data = {
        "width": WIDTH * _FINER,
        "height": HEIGHT * _FINER,
        "titles": [one_line(title_of(cluster), 200) for cluster in clusters],
        "centroids": [[*_whole(x * _FINER, y * _FINER)] for x, y in centroids],
        "groups": _leaf_titles(properties),
        "clusters": list(_cluster_data(properties, places, openings, outliers)),
    }
    size = sum(map(len, places))
    return RunMap(layers, json_for_page(data), 5 if size > _MANY else 8)


def json_for_page(data: object) -> str:
    """JSON that ends no script element and begins no comment, whatever its strings hold."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


class _Scale:
    """Brings the map's coordinates into the drawing, equally in both directions."""

    def __init__(self, drawn: Mapping[str, Any]) -> None:
        every = [one for points in drawn["points"] for one in points] + list(drawn["centroids"])
        xs, ys = [x for x, _ in every], [y for _, y in every]
        self._middle = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
        room = WIDTH - 2 * _MARGIN, HEIGHT - 2 * _MARGIN
        spans = max(xs) - min(xs), max(ys) - min(ys)
        factors = [space / span for space, span in zip(room, spans, strict=True) if span > 0]
        self._factor = min(factors, default=1.0)

    def place(self, point: Sequence[float]) -> Place:
        x, y = (
            (value - middle) * self._factor
            for value, middle in zip(point, self._middle, strict=True)
        )
        # On a page y grows downwards.
        return WIDTH / 2 + x, HEIGHT / 2 - y


def _layer(
    cluster: Mapping[str, Any], places: Sequence[Place], centroid: Place, outliers: frozenset[str]
) -> MapLayer:
    dots = [_whole(x, y) for x, y in places]
    rings = [
        dot
        for dot, trace_id in zip(dots, cluster["trace_ids"], strict=True)
        if trace_id in outliers
    ]
    return MapLayer(
        cluster_id=cluster["cluster_id"],
        colour=colour_index(cluster["cluster_id"]),
        title=title_of(cluster),
        path="".join(f"M{x} {y}h0" for x, y in dict.fromkeys(dots)),
        rings=rings,
        label=_whole(*centroid),
    )


def _cluster_data(
    properties: Properties,
    places: Sequence[Sequence[Place]],
    openings: Mapping[str, str],
    outliers: frozenset[str],
) -> Iterator[dict[str, Any]]:
    clusters = properties["$ai_clusters"]
    most = _opening_chars(sum(cluster["size"] for cluster in clusters))
    leaves = (properties.get("$ai_levels") or {}).get("leaf_ids") or [[] for _ in clusters]
    for cluster, of_cluster, leaf_ids in zip(clusters, places, leaves, strict=True):
        ids = cluster["trace_ids"]
        yield {
            "points": [n for x, y in of_cluster for n in _whole(x * _FINER, y * _FINER)],
            "ids": [one_line(one, MAX_ID_CHARS) for one in ids],
            "openings": [one_line(openings.get(one, ""), most) for one in ids],
            "leaves": leaf_ids,
            "outliers": [i for i, one in enumerate(ids) if one in outliers],
        }


def _opening_chars(traces: int) -> int:
    """How much of each trace can be told, so that the page stays small."""
    share = _OPENING_CHARS_IN_ALL // max(traces, 1)
    return min(_MOST_OPENING, max(_LEAST_OPENING, share))


def _leaf_titles(properties: Properties) -> dict[str, str]:
    """Titles of the groups below the top clusters, by id."""
    groups = (properties.get("$ai_levels") or {}).get("groups") or ()
    return {
        str(group["group_id"]): one_line(title_of(group), 200)
        for group in groups
        if group.get("parent") is not None
    }


def _outlier_ids(properties: Properties) -> frozenset[str]:
    outliers = (properties.get("$ai_outliers") or {}).get("traces") or ()
    return frozenset(one["trace_id"] for one in outliers)


def _whole(x: float, y: float) -> tuple[int, int]:
    return round(x), round(y)
