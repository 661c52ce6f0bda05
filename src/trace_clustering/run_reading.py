"""What the properties of a run's event say, for whoever shows them.

Runs of before there were parts have none of their keys, and a later run lacks those of the parts
that could not be made: everything here copes with any of them absent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trace_clustering.amounts import share_within
from trace_clustering.models.findings import Part, Verdict

Properties = Mapping[str, Any]

BEFORE_PARTS = "this run is older than that"

_KEYS: dict[Part, str] = {
    "levels": "$ai_levels",
    "outliers": "$ai_outliers",
    "map": "$ai_map",
    "facts": "$ai_facts",
    "quality": "$ai_quality",
}
_WORDS: dict[Part, str] = {
    "levels": "levels",
    "outliers": "outliers",
    "map": "the map",
    "facts": "facts",
    "names": "names",
    "quality": "the verdict",
}
_HEADLINES: dict[Verdict, tuple[str, str]] = {
    "good": ("Good", "these clusters can be relied on"),
    "weak": ("Weak", "read these clusters with care"),
    "degenerate": ("Not an answer", "these clusters say nothing about the traces"),
}


@dataclass(frozen=True)
class Judgement:
    """Whether to trust a run, in words.

    Attributes:
        verdict: None where the run was not judged.
        headline: a word or three, and what that means.
        reasons: may be empty where the run was not judged.
    """

    verdict: Verdict | None
    headline: tuple[str, str]
    reasons: tuple[str, ...]

    @property
    def is_no_answer(self) -> bool:
        return self.verdict == "degenerate"


def judgement_of(properties: Properties) -> Judgement:
    quality = properties.get("$ai_quality") or {}
    verdict = quality.get("verdict")
    if verdict in _HEADLINES:
        return Judgement(verdict, _HEADLINES[verdict], tuple(quality.get("reasons") or ()))
    return Judgement(None, ("Not judged", reason_missing(properties, "quality") or ""), ())


def reason_missing(properties: Properties, part: Part) -> str | None:
    """Why a run lacks a part that has a key of its own; None if it has it."""
    reasons = properties.get("$ai_missing_parts") or {}
    if part in reasons:
        return str(reasons[part])
    return None if part == "names" or properties.get(_KEYS[part]) else BEFORE_PARTS


def missing_parts(properties: Properties) -> list[tuple[str, str]]:
    """What could not be made of a run, in words, and why."""
    reasons = properties.get("$ai_missing_parts") or {}
    return [(_WORDS.get(part, str(part)), str(reason)) for part, reason in reasons.items()]


def number_of(group: Mapping[str, Any]) -> int:
    """The id of a cluster, or of a group of the tree; a cluster's group has the cluster's."""
    return int(group["group_id"] if "group_id" in group else group["cluster_id"])


def title_of(group: Mapping[str, Any]) -> str:
    """What a cluster or group is called; its kind and number where it has no title."""
    kind = "Cluster" if group.get("parent") is None else "Group"
    return str(group.get("title") or f"{kind} {number_of(group)}")


def share_of(group: Mapping[str, Any], total: int) -> str:
    """A group's share of the sampled traces, with the interval where that is known."""
    facts = group.get("facts")
    if facts:
        return share_within(facts["share"], facts["share_low"], facts["share_high"])
    return share_within(group["size"] / total if total else None, None, None)


@dataclass(frozen=True)
class Branch:
    """A group of the tree with those that it is made of, the largest first."""

    group: Mapping[str, Any]
    branches: tuple[Branch, ...]


def tree_of(properties: Properties) -> tuple[Branch, ...]:
    """The groups of a run as a tree; the top clusters first, empty where there are no levels.

    A top group has what is told of the cluster that it is.
    """
    levels = properties.get("$ai_levels") or {}
    clusters = {one["cluster_id"]: one for one in properties.get("$ai_clusters") or ()}
    below: dict[int | None, list[Mapping[str, Any]]] = {}
    for group in levels.get("groups") or ():
        parent = group.get("parent")
        told = clusters.get(group["group_id"], {}) if parent is None else {}
        below.setdefault(parent, []).append({**told, **group})
    return _branches(below, None)


def groups_of(properties: Properties) -> dict[int, Mapping[str, Any]]:
    """Every group of a run by its id: the clusters, and the groups below them.

    A cluster's group has its id and what is told of the cluster.
    """
    groups = {one["cluster_id"]: one for one in properties.get("$ai_clusters") or ()}
    for group in (properties.get("$ai_levels") or {}).get("groups") or ():
        group_id = group["group_id"]
        groups[group_id] = {**groups.get(group_id, {}), **group}
    return groups


def level_sizes(properties: Properties) -> tuple[int, ...]:
    """How many groups each level has, that of the clusters first; just that one without levels."""
    sizes = (properties.get("$ai_levels") or {}).get("sizes")
    return tuple(sizes or (len(properties.get("$ai_clusters") or ()),))


def groups_at(properties: Properties, level: int) -> list[Mapping[str, Any]]:
    """The groups of one level, the largest first; level 0 are the clusters in their order."""
    if level == 0:
        groups = groups_of(properties)
        return [groups[one["cluster_id"]] for one in properties.get("$ai_clusters") or ()]
    found = [
        group
        for group in groups_of(properties).values()
        if group.get("first_level", 0) <= level <= group.get("last_level", 0)
    ]
    return sorted(found, key=lambda group: (-group["size"], number_of(group)))


def leaves_of(properties: Properties, group_id: int) -> tuple[int, ...]:
    """The leaves of the tree that make up a group, itself if it is one; ascending."""
    below = _children(properties)
    reached, waiting = set(), [group_id]
    while waiting:
        one = waiting.pop()
        waiting += below.get(one, ())
        if one not in below:
            reached.add(one)
    return tuple(sorted(reached))


def path_to(properties: Properties, group_id: int) -> list[Mapping[str, Any]]:
    """From the cluster that a group is a part of down to the group itself; empty if unknown."""
    groups = groups_of(properties)
    path: list[Mapping[str, Any]] = []
    at: int | None = group_id
    while at is not None and at in groups and len(path) <= len(groups):
        path.insert(0, groups[at])
        at = groups[at].get("parent")
    return path


def groups_below(properties: Properties, group_id: int) -> list[Mapping[str, Any]]:
    """What a group is directly made of, the largest first; empty for a leaf."""
    groups = groups_of(properties)
    found = [groups[one] for one in _children(properties).get(group_id, ())]
    return sorted(found, key=lambda group: (-group["size"], number_of(group)))


def _children(properties: Properties) -> dict[int, list[int]]:
    below: dict[int, list[int]] = {}
    for group in (properties.get("$ai_levels") or {}).get("groups") or ():
        if group.get("parent") is not None:
            below.setdefault(group["parent"], []).append(group["group_id"])
    return below


def _branches(
    below: Mapping[int | None, Sequence[Mapping[str, Any]]], parent: int | None
) -> tuple[Branch, ...]:
    ranked = sorted(below.get(parent, ()), key=lambda group: (-group["size"], group["group_id"]))
    return tuple(Branch(group, _branches(below, group["group_id"])) for group in ranked)
