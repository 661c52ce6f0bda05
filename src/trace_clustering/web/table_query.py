"""Which traces of a run a table shows, and in which order, as an address says it.

Pages, the API and the export all read it the same way, so that what is shown is what is exported.
"""

from __future__ import annotations

import math
import re
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from trace_clustering.errors import InvalidInputError, NotFoundError
from trace_clustering.models.browsing import Place, TraceFilter, TraceOrder
from trace_clustering.run_reading import Properties, groups_of, leaves_of

PAGE_SIZE = 50
MAX_SIZE = 1_000
MAX_TEXT_CHARS = 1_000
MAX_CORNERS = 200
MAX_COORDINATE = 1e9

_MAX_PAGE = 1_000_000
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,400}\.?[0-9]{0,400}|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,3})?")

Text = Annotated[str, Field(max_length=MAX_TEXT_CHARS)]


def _day(value: object) -> object:
    """Only as it is written in addresses: pydantic would take numbers for days too."""
    if isinstance(value, str) and not _DAY.fullmatch(value):
        raise ValueError("a day is written YYYY-MM-DD")
    return value


def without_empty(values: Any) -> Any:
    """The parameters of an address but those that a form sent empty."""
    if not isinstance(values, dict):
        return values
    return {name: value for name, value in values.items() if value != ""}


class TableQuery(BaseModel):
    """A table of a run's traces; what is empty counts as not given, as forms send it."""

    group: int | None = Field(None, description="A cluster, or a group below one.")
    q: Text = Field("", description="What the title or the text contains, in any case.")
    model: Text = ""
    tool: Text = ""
    user: Text = ""
    error: bool = Field(False, description="Only traces that failed, or a span of theirs.")
    outliers: bool = Field(False, description="Only traces that stand out.")
    day: Annotated[date | None, BeforeValidator(_day)] = Field(
        None, description="That began on this day, in UTC."
    )
    lasso: str = Field("", description="x,y,x,y,… : the corners of a polygon on the map.")
    sort: TraceOrder = "closest"
    page: int = Field(1, ge=1, le=_MAX_PAGE)
    size: int = Field(PAGE_SIZE, ge=1, le=MAX_SIZE)

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, values: Any) -> Any:
        return without_empty(values)

    @property
    def offset(self) -> int:
        """How many traces come before the page."""
        return (self.page - 1) * self.size


def trace_filter(query: TableQuery, properties: Properties) -> TraceFilter:
    """What a table query asks of the store.

    Args:
        query: an address's.
        properties: of the run's event; groups are looked up in it.

    Raises:
        InvalidInputError: the lasso is none.
        NotFoundError: the run has no such group.
    """
    cluster_id, leaf_ids = _traces_of(query.group, properties)
    return TraceFilter(
        cluster_id=cluster_id,
        leaf_ids=leaf_ids,
        text=query.q,
        model=query.model,
        tool=query.tool,
        user=query.user,
        errors=query.error,
        outliers=query.outliers,
        day=query.day,
        lasso=parse_lasso(query.lasso),
    )


def parse_lasso(text: str) -> tuple[Place, ...]:
    """The corners of a polygon that is written ``x,y,x,y,…``; none if the text is empty.

    Raises:
        InvalidInputError: it is no polygon, or one with more corners than anybody draws.
    """
    if not text:
        return ()
    if text.count(",") >= 2 * MAX_CORNERS:
        raise InvalidInputError("lasso", f"has more than {MAX_CORNERS} corners")
    numbers = [_coordinate(part) for part in text.split(",")]
    if len(numbers) % 2:
        raise InvalidInputError("lasso", "the last corner has x but no y")
    if len(numbers) < 6:
        raise InvalidInputError("lasso", "has fewer than 3 corners")
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def _coordinate(text: str) -> float:
    number = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not abs(number) <= MAX_COORDINATE:
        raise InvalidInputError("lasso", "is written x,y,x,y,… in numbers")
    return number


def _traces_of(
    group_id: int | None, properties: Properties
) -> tuple[int | None, tuple[int, ...] | None]:
    """The cluster that a group is, or the leaves that it is made of."""
    if group_id is None:
        return None, None
    group = groups_of(properties).get(group_id)
    if group is None:
        run_id = properties.get("$ai_clustering_run_id", "")
        raise NotFoundError(f"run {run_id} has no group {group_id}")
    if group.get("parent") is None:
        return group_id, None
    return None, leaves_of(properties, group_id)
