"""What the map on a page knows beside its points: groups, their colours, what is dimmed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from trace_clustering.plain_text import one_line
from trace_clustering.run_reading import Properties, groups_of, number_of, title_of
from trace_clustering.web import urls
from trace_clustering.web.palette import colour_index

_TITLE_CHARS = 120

_Groups = Mapping[int, Mapping[str, Any]]


def map_data(
    properties: Properties,
    level: int | None = None,
    focus: Collection[int] = (),
    mark: Sequence[float] | None = None,
) -> dict[str, Any] | None:
    """What the macro ``map`` needs of a run; None where the run has no map.

    Args:
        properties: of the run's event; lists by trace may have been left out.
        level: whose groups have colours and labels; that of the top clusters if None. A level
            that there is not counts as the nearest.
        focus: groups of any level; what is in none of them is dimmed. Empty: nothing is.
        mark: (x, y) of a ring, in the map's coordinates.

    Returns:
        by: "cluster" or "leaf": what of a point the ids in ``of`` and ``focus`` are about.
        of: the group of each of these ids.
        focus: those of the ids that are not dimmed; None for all.
        groups: of the level, by ascending id: ``id``, ``title``, ``url`` of its page,
            ``colour`` (0 to 29) and ``size``.
        mark: as given.
    """
    if not properties.get("$ai_map"):
        return None
    groups = groups_of(properties)
    depth = max((group.get("last_level", 0) for group in groups.values()), default=0)
    level = min(max(level or 0, 0), depth)
    by_leaf = level > 0 or any(one in groups and not _is_top(groups[one]) for one in focus)
    lines = list(_lines(groups, depth if by_leaf else 0))
    shown = sorted(one for one, group in groups.items() if _is_on(group, level))
    return {
        "by": "leaf" if by_leaf else "cluster",
        "of": {line[0]: next(one for one in line if one in shown) for line in lines},
        "focus": [line[0] for line in lines if not set(focus).isdisjoint(line)] if focus else None,
        "groups": [_shown(groups[one], properties["$ai_clustering_run_id"]) for one in shown],
        "mark": mark and [float(value) for value in mark],
    }


def _shown(group: Mapping[str, Any], run_id: str) -> dict[str, Any]:
    number = number_of(group)
    return {
        "id": number,
        "title": one_line(title_of(group), _TITLE_CHARS),
        "url": urls.group(run_id, number),
        "colour": colour_index(number),
        "size": group["size"],
    }


def _is_top(group: Mapping[str, Any]) -> bool:
    return group.get("parent") is None


def _is_on(group: Mapping[str, Any], level: int) -> bool:
    return bool(group.get("first_level", 0) <= level <= group.get("last_level", 0))


def _lines(groups: _Groups, level: int) -> Iterator[list[int]]:
    """Each group of a level, followed by those that it is a part of."""
    for number, group in groups.items():
        if _is_on(group, level):
            line = [number]
            while (parent := groups[line[-1]].get("parent")) is not None:
                line.append(parent)
            yield line
