"""Names for the groups of a run, and the traces that stand for each. Pure but for the namer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trace_clustering.clustering import distances_to_centroids, representatives
from trace_clustering.errors import DegenerateDataError
from trace_clustering.models.findings import OF_RUN, Group, GroupName
from trace_clustering.store import SampledText
from trace_clustering.traces.naming.grounding import lone_roots
from trace_clustering.traces.naming.keywords import NamedGroup, keyword_names
from trace_clustering.traces.naming.openings import masked_opening
from trace_clustering.traces.naming.portrait import GroupPortrait, Namer, Naming

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class GroupRows:
    """The rows of a sample that a group holds.

    Attributes:
        rows: closest to the group's centroid first.
        representatives: at most 7 of them that stand for the group.
    """

    group: Group
    rows: Rows
    representatives: Rows


def top_groups(labels: NDArray[np.int32]) -> list[Group]:
    """The clusters as a tree of one level."""
    return [Group(i, None, 0, 0, int(size)) for i, size in enumerate(np.bincount(labels))]


def rows_of_groups(
    embeddings: NDArray[np.float32], leaf_ids: NDArray[np.int32], groups: Sequence[Group]
) -> list[GroupRows]:
    """The rows of every group of a tree.

    Args:
        embeddings: (n, d).
        leaf_ids: (n,) the leaf of each row.
        groups: the tree.
    """
    levels = range(1 + max(group.last_level for group in groups))
    return [one for level in levels for one in _of_level(embeddings, leaf_ids, groups, level)]


def _of_level(
    embeddings: NDArray[np.float32],
    leaf_ids: NDArray[np.int32],
    groups: Sequence[Group],
    level: int,
) -> Iterator[GroupRows]:
    """Of the groups that begin at this level; the others were told of at a higher one."""
    by_id = {group.group_id: group for group in groups}
    leaves, leaf_of_row = np.unique(leaf_ids, return_inverse=True)
    of_leaf = [_ancestor(by_id, int(leaf), level).group_id for leaf in leaves]
    present, numbers = np.unique(np.array(of_leaf)[leaf_of_row], return_inverse=True)
    labels = numbers.astype(np.int32)
    centroids = np.stack([embeddings[labels == i].mean(axis=0) for i in range(len(present))])
    distances = distances_to_centroids(embeddings, centroids, labels)
    order = np.lexsort((distances, labels))
    ends = np.cumsum(np.bincount(labels))[:-1]
    chosen = representatives(embeddings, labels, centroids)
    for group_id, rows, few in zip(present, np.split(order, ends), chosen, strict=True):
        group = by_id[int(group_id)]
        if group.first_level == level:
            yield GroupRows(group, rows, few)


def _ancestor(groups: Mapping[int, Group], leaf: int, level: int) -> Group:
    group = groups[leaf]
    while group.first_level > level and group.parent is not None:
        group = groups[group.parent]
    return group


def name_groups(
    texts: Sequence[SampledText],
    groups: Sequence[GroupRows],
    namer: Namer | None,
    *,
    on_progress: Callable[[], None] = lambda: None,
) -> dict[int, dict[str, Any]]:
    """The part ``names``: of every group its name, and of the run how the names came about.

    Args:
        texts: of the sample's rows.
        namer: what may give better names than the groups' keywords are.

    Raises:
        DegenerateDataError: no trace has a text.
    """
    if not any(text.content for text in texts):
        raise DegenerateDataError("none of the sampled traces has a text to name groups by")
    names = _keyword_names(texts, groups)
    naming = Naming()
    if namer is not None:
        naming = namer.name(_portraits(texts, groups, names), on_progress=on_progress)
    chosen = {**names, **naming.names}
    told = {one.group.group_id: _told(chosen[one.group.group_id], texts, one) for one in groups}
    return {OF_RUN: _of_run(naming, namer, len(groups)), **told}


def _keyword_names(
    texts: Sequence[SampledText], groups: Sequence[GroupRows]
) -> dict[int, GroupName]:
    named = [
        NamedGroup(
            one.group.group_id,
            one.group.parent,
            one.group.first_level,
            one.group.last_level,
            one.rows,
        )
        for one in groups
    ]
    contents = [text.content for text in texts]
    return keyword_names(
        contents,
        named,
        owners=[text.user_id for text in texts],
        openings=[text.opening for text in texts],
    )


def _portraits(
    texts: Sequence[SampledText], groups: Sequence[GroupRows], names: Mapping[int, GroupName]
) -> list[GroupPortrait]:
    lone = lone_roots(text.opening for text in texts)
    return [
        GroupPortrait(
            group_id=one.group.group_id,
            parent=one.group.parent,
            first_level=one.group.first_level,
            last_level=one.group.last_level,
            size=one.group.size,
            share=one.group.size / len(texts),
            keywords=names[one.group.group_id].keywords,
            keyword_title=names[one.group.group_id].title,
            texts=tuple(masked_opening(texts[row].opening) for row in one.representatives),
            lone=lone,
        )
        for one in groups
    ]


def _told(name: GroupName, texts: Sequence[SampledText], group: GroupRows) -> dict[str, Any]:
    return {
        "title": name.title,
        "description": name.description,
        "keywords": list(name.keywords),
        "title_source": name.source,
        "representatives": [texts[row].trace_id for row in group.representatives],
    }


def _of_run(naming: Naming, namer: Namer | None, groups: int) -> dict[str, Any]:
    """How the names came about; what a language model cost, if one was asked."""
    if namer is None:
        return {"source": "keywords"}
    by_model = len(naming.names)
    source = "model" if by_model == groups else "mixed" if by_model else "keywords"
    return {
        "source": source,
        "model": namer.model_name,
        "named_by_model": by_model,
        "reason": naming.reason,
        "input_tokens": naming.input_tokens,
        "output_tokens": naming.output_tokens,
        "cost_usd": naming.cost_usd,
    }
