"""What runs tell: as stored, and for the pages the parts of an event that do not grow with it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

import orjson

from trace_clustering.errors import NotFoundError
from trace_clustering.inputs import team_of_run_id
from trace_clustering.models import RunRecord
from trace_clustering.run_reading import Properties
from trace_clustering.store import Store

_KEPT = 64


@dataclass(frozen=True)
class RunStory:
    """A run and what it tells.

    Attributes:
        properties: of its event, without ``trace_ids`` of clusters, ``points`` of the map,
            ``leaf_ids`` and ``merges`` of the levels, and with the first hundred outliers only;
            None where the run emitted no event. Not to be changed.
    """

    run: RunRecord
    properties: Properties | None


class Stories:
    """Reads runs; remembers what the latest of them told, for that never changes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Properties] = OrderedDict()

    def of(self, run_id: str) -> RunStory:
        """A run by its id.

        Raises:
            InvalidInputError: it is no run's id.
            NotFoundError: there is no such run.
        """
        return RunStory(record_of(self._store, run_id), self._properties(run_id))

    def _properties(self, run_id: str) -> Properties | None:
        with self._lock:
            known = self._known.get(run_id)
        if known is not None:
            return known
        properties = properties_of(self._store, run_id)
        if properties is None:
            return None
        told = without_traces(properties)
        with self._lock:
            self._known[run_id] = told
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return told


def record_of(store: Store, run_id: str) -> RunRecord:
    """What the store holds of a run.

    Raises:
        InvalidInputError: it is no run's id.
        NotFoundError: there is no such run.
    """
    record = store.runs.get(team_of_run_id(run_id), run_id)
    if record is None:
        raise NotFoundError(f"there is no run {run_id}")
    return record


def properties_of(store: Store, run_id: str) -> dict[str, Any] | None:
    """The properties of a run's event; None if it emitted none.

    Raises:
        InvalidInputError: it is no run's id.
    """
    text = store.events.properties(team_of_run_id(run_id), run_id)
    properties: dict[str, Any] | None = orjson.loads(text) if text else None
    return properties


MAX_OUTLIERS = 100

_PER_TRACE: Mapping[str, frozenset[str]] = {
    "$ai_levels": frozenset({"leaf_ids", "merges"}),
    "$ai_map": frozenset({"points"}),
}


def without_traces(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of an event without what there is one of for each sampled trace."""
    kept = dict(properties)
    for key, inner in _PER_TRACE.items():
        if kept.get(key):
            kept[key] = without(kept[key], inner)
    kept["$ai_clusters"] = [without(one, {"trace_ids"}) for one in kept["$ai_clusters"]]
    outliers = kept.get("$ai_outliers")
    if outliers:
        traces = outliers["traces"]
        kept["$ai_outliers"] = {
            **outliers,
            "total": len(traces),
            "traces": traces[:MAX_OUTLIERS],
        }
    return kept


def without(told: Mapping[str, Any], keys: Set[str]) -> dict[str, Any]:
    return {key: value for key, value in told.items() if key not in keys}
