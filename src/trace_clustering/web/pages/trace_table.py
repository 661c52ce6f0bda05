"""The table of traces on the pages of a cluster and of a run, with its state in addresses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, get_args

from markupsafe import Markup

from trace_clustering.amounts import count
from trace_clustering.models.browsing import BrowsedTrace, TraceOrder, TracePage
from trace_clustering.plain_text import one_line
from trace_clustering.web import urls
from trace_clustering.web.export import Format
from trace_clustering.web.table_query import MAX_TEXT_CHARS, TableQuery
from trace_clustering.web.templating import exactly
from trace_clustering.web.urls import Address

ORDERS: Mapping[TraceOrder, str] = {
    "closest": "Closest to the centre first",
    "unusual": "Most unusual first",
    "cost": "Most expensive first",
    "latency": "Slowest first",
    "errors": "Most errors first",
    "newest": "Newest first",
    "oldest": "Oldest first",
}
FORMATS: tuple[Format, ...] = get_args(Format)

_ASCENDING = frozenset({"closest", "oldest"})
_FILTERS = ("q", "group", "model", "tool", "user", "error", "outliers", "day", "lasso")
_MAX_OPTIONS = 200
_LABEL_CHARS = 60


@dataclass(frozen=True)
class Place:
    """Where a table stands: on the page of a group, or of all traces of a run."""

    run_id: str
    group_id: int | None = None

    def url(self, **table: object) -> Address:
        if self.group_id is None:
            return urls.run_traces(self.run_id, **table)
        return urls.group(self.run_id, self.group_id, **table)

    def export_url(self, file_format: Format, **table: object) -> Address:
        group = {} if self.group_id is None else {"group": self.group_id}
        return urls.api_export(self.run_id, file_format, **{**table, **group})


@dataclass(frozen=True)
class Option:
    """An entry of a list to choose from; ``value`` is exactly what it stands for."""

    value: Markup
    label: str
    is_chosen: bool


@dataclass(frozen=True)
class Active:
    """A filter that is on; ``url`` is the table without it."""

    label: str
    url: Address


@dataclass(frozen=True)
class Column:
    """A heading.

    Attributes:
        url: the table in the order of this column; None where there is none.
        order: ``ascending`` or ``descending`` where the table is in it; for ``aria-sort``.
    """

    label: str
    url: Address | None = None
    order: str | None = None
    is_number: bool = False


@dataclass(frozen=True)
class Facets:
    """What can be chosen.

    Attributes:
        facts: of the group whose traces these are; None if nothing is known.
        groups: (id, title) of the clusters; empty where the page is one cluster's.
    """

    facts: Mapping[str, Any] | None
    groups: Sequence[tuple[int, str]] = ()

    def names(self, kind: str) -> list[tuple[str, str]]:
        """(name, name and number of traces) of models, tools or days."""
        return [
            (str(name), f"{one_line(str(name), _LABEL_CHARS)} ({count(traces)})")
            for name, traces in ((self.facts or {}).get(kind) or [])[:_MAX_OPTIONS]
            # Longer ones could not be asked for.
            if len(str(name)) <= MAX_TEXT_CHARS
        ]


class TraceTable:
    """All that the template needs of one page of traces."""

    def __init__(self, query: TableQuery, found: TracePage, place: Place, facets: Facets) -> None:
        self.query = query
        self.traces: list[BrowsedTrace] = found.traces
        self.total = found.total
        self.page, self.last = query.page, max(1, -(-found.total // query.size))
        self.facets = facets
        self.titles = dict(facets.groups)
        self._place = place
        self._state = state_of(query)

    def url(self, **changes: object) -> Address:
        """The same table with another state, from its first page on unless that says which."""
        return self._place.url(**{**self._state, "page": None, **changes})

    def page_url(self, page: int) -> Address:
        return self.url(page=page if page > 1 else None)

    def user_url(self, trace: BrowsedTrace) -> Address | None:
        """Only this user's traces; None for nobody, and where that could not be asked for."""
        user = trace.user_id
        return self.url(user=user) if user and len(user) <= MAX_TEXT_CHARS else None

    @property
    def action(self) -> Address:
        """Where the form of filters leads."""
        return self._place.url()

    @property
    def clear_url(self) -> Address:
        return self._place.url(sort=self._state.get("sort"))

    @property
    def is_filtered(self) -> bool:
        return bool(self._filters)

    @property
    def orders(self) -> list[Option]:
        # What is so by default is left out of addresses.
        usual = TableQuery().sort
        return [
            Option(Markup("" if one == usual else one), ORDERS[one], one == self.query.sort)
            for one in ORDERS
        ]

    @property
    def order_label(self) -> str:
        return ORDERS[self.query.sort].lower()

    @property
    def told(self) -> str:
        """What is shown, for those who do not see it change."""
        if self.page > self.last:
            return f"There is no page {count(self.page)}."
        found = " found" if self.is_filtered else ""
        traces = f"{count(self.total)} trace{'' if self.total == 1 else 's'}{found}"
        return f"{traces}, {self.order_label}; page {count(self.page)} of {count(self.last)}."

    @staticmethod
    def tools_of(trace: BrowsedTrace) -> str:
        return called(trace.tools)

    @staticmethod
    def beside_title(trace: BrowsedTrace) -> str:
        """How a trace begins, where its title does not say just that."""
        title, opening = _plain(trace.title), _plain(trace.opening)
        return "" if not title or title in opening else trace.opening

    @property
    def columns(self) -> list[Column]:
        cluster = [Column("Cluster")] if self.facets.groups else []
        later: TraceOrder = "oldest" if self.query.sort == "newest" else "newest"
        return [
            Column("Trace"),
            *cluster,
            self._sorted("Time", later, ("newest", "oldest")),
            Column("User"),
            Column("Models"),
            Column("Tools"),
            Column("Tokens", is_number=True),
            self._sorted("Cost", "cost", is_number=True),
            self._sorted("Latency", "latency", is_number=True),
            self._sorted("Errors", "errors", is_number=True),
            self._sorted("Distance", "closest", is_number=True),
            self._sorted("Unusual", "unusual", is_number=True),
        ]

    def options(self, name: str, kind: str) -> list[Option]:
        """What a filter can be set to, what it is set to among it."""
        chosen = self._state.get(name)
        chosen = chosen.isoformat() if isinstance(chosen, date) else chosen
        names = self.facets.names(kind)
        if chosen and str(chosen) not in dict(names):
            names.insert(0, (str(chosen), one_line(str(chosen), _LABEL_CHARS)))
        return [Option(exactly(one), label, one == chosen) for one, label in names]

    @property
    def groups(self) -> list[Option]:
        chosen = self._state.get("group")
        return [
            Option(Markup(str(one)), one_line(title, _LABEL_CHARS), one == chosen)
            for one, title in self.facets.groups
        ]

    @property
    def active(self) -> list[Active]:
        return [
            Active(self._label(name, self._state[name]), self.url(**{name: None}))
            for name in self._filters
        ]

    @property
    def exports(self) -> list[tuple[str, Address]]:
        """(format, address) of what is shown, all of its pages."""
        state = {**self._state, "page": None, "size": None}
        return [(one, self._place.export_url(one, **state)) for one in FORMATS]

    @property
    def lasso(self) -> str:
        return str(self._state.get("lasso") or "")

    @property
    def _filters(self) -> list[str]:
        """Those that are on; cluster 0 is one as well."""
        values = {name: self._state.get(name) for name in _FILTERS}
        return [
            name
            for name, value in values.items()
            if value is not None and value is not False and value != ""
        ]

    def _sorted(
        self,
        label: str,
        order: TraceOrder,
        orders: tuple[TraceOrder, ...] = (),
        *,
        is_number: bool = False,
    ) -> Column:
        now = self.query.sort
        is_on = now in (orders or (order,))
        shown = ("ascending" if now in _ASCENDING else "descending") if is_on else None
        return Column(label, self.url(sort=order), shown, is_number)

    def _label(self, name: str, value: object) -> str:
        if name == "lasso":
            traces = f" ({count(self.total)} trace{'' if self.total == 1 else 's'})"
            return f"Selection on the map{traces if len(self._filters) == 1 else ''}"
        if name == "group":
            group = value if isinstance(value, int) else -1
            return f"Cluster: {self.titles.get(group, str(value))}"
        if name in ("error", "outliers"):
            return "Only with errors" if name == "error" else "Only outliers"
        return f"{'Text' if name == 'q' else name.capitalize()}: {value}"


def called(tools: Sequence[str]) -> str:
    """Names of tools in order of first use, with how often each was called."""
    counts = Counter(tools)
    return ", ".join(f"{one} ×{n}" if n > 1 else one for one, n in counts.items())


def _plain(text: str) -> str:
    return " ".join(text.casefold().rstrip("….").split())


def state_of(query: TableQuery) -> dict[str, object]:
    """A table query as it stands in an address; without what is as it is by default."""
    return query.model_dump(exclude_defaults=True)
