"""PostHog's events, as its SDKs send them and its exports hold them.

A document is one event, a list of events, or a batch ``{"batch": [event, …]}``; an event is
``{"event", "properties", "timestamp", "distinct_id", "uuid"}``. Only events that traces are made
of are kept. Properties stay as they were sent, whatever their types.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from trace_clustering.errors import InvalidInputError
from trace_clustering.models.traces import TRACE_EVENTS, Delivery, Rejection, TraceEvent
from trace_clustering.traces.reading import MAX_TRACE_ID_CHARS
from trace_clustering.traces.receiving.json_text import parse_json
from trace_clustering.traces.receiving.properties import (
    MAX_EVENTS,
    checked_time,
    make_event,
    storable_text,
    uuid_of,
)

MAX_DISTINCT_ID_CHARS = 512
"""What a distinct id has beyond is cut off."""

KEY_NAMES = ("api_key", "token", "$token")
"""Under which of them a body, or an event's properties, bring the sender's key."""

_ID_NAMES = ("$ai_span_id", "$ai_parent_id")
_UNFIT_FOR_ID = re.compile("[\x00-\x1f\x7f-\x9f\ufffd\ud800-\udfff]")


def read_posthog(document: object, *, now: datetime) -> Delivery:
    """What a request brought, from its parsed JSON.

    An event without a time of its own happened when the request was sent.

    Args:
        now: when the request came in; aware.

    Raises:
        InvalidInputError: names ``body`` or ``batch``: it holds no events at all.
    """
    return _read(document, "body", now=now, undated=now)


def read_posthog_line(document: object, *, now: datetime) -> Delivery:
    """What a line of a file brought; an event without a time cannot be placed and is rejected.

    Raises:
        InvalidInputError: names ``line`` or ``batch``: it holds no events at all.
    """
    return _read(document, "line", now=now, undated=None)


def project_key(document: object) -> str | None:
    """The key that a request names in its body, or else in its first event."""
    whole = document if isinstance(document, dict) else {}
    events = whole.get("batch") if isinstance(document, dict) else document
    first = events[0] if isinstance(events, list) and events else None
    places = [whole, whole.get("properties")]
    if isinstance(first, dict):
        places += [first, first.get("properties")]
    found = (place.get(name) for place in places if isinstance(place, dict) for name in KEY_NAMES)
    return next((value for value in found if isinstance(value, str) and value), None)


def _read(document: object, root: str, *, now: datetime, undated: datetime | None) -> Delivery:
    undated = _sent_at(document, now) or undated
    kept: list[TraceEvent] = []
    rejected: list[Rejection] = []
    ignored = 0
    for part, value in _parts(document, root):
        try:
            event = _event(value, now, undated)
        except InvalidInputError as error:
            rejected.append(Rejection(part, str(error)))
            continue
        if event is None:
            ignored += 1
        else:
            kept.append(event)
    return Delivery(tuple(kept), tuple(rejected), ignored)


def _parts(document: object, root: str) -> Iterator[tuple[str, object]]:
    """Every event of a document, with where it stands."""
    if isinstance(document, list):
        yield from _numbered(document, root)
    elif not isinstance(document, dict):
        raise InvalidInputError(root, "must be an object or a list of events")
    elif "batch" in document:
        if not isinstance(document["batch"], list):
            raise InvalidInputError("batch", "must be a list of events")
        yield from _numbered(document["batch"], "batch")
    elif "event" in document:
        yield root, document
    else:
        raise InvalidInputError(root, "holds neither event nor batch")


def _numbered(events: list[object], name: str) -> Iterator[tuple[str, object]]:
    if len(events) > MAX_EVENTS:
        raise InvalidInputError(name, f"holds more than {MAX_EVENTS:,} events")
    return ((f"{name}.{i}", event) for i, event in enumerate(events))


def _event(value: object, now: datetime, undated: datetime | None) -> TraceEvent | None:
    """The event; None if traces are not made of its kind."""
    if not isinstance(value, dict):
        raise InvalidInputError("event", "must be an object")
    name = value.get("event")
    if not isinstance(name, str):
        raise InvalidInputError("event", "must be a text")
    if name not in TRACE_EVENTS:
        return None
    properties = _properties(value)
    trace_id = _trace_id(properties.get("$ai_trace_id"))
    moment = _moment(value["timestamp"]) if value.get("timestamp") is not None else undated
    if moment is None:
        raise InvalidInputError("timestamp", "is missing")
    event = make_event(
        event=name,
        uuid=_uuid(value.get("uuid")),
        trace_id=trace_id,
        distinct_id=_distinct_id(value, properties) or trace_id,
        timestamp=checked_time(moment, now),
        properties=_tidied(properties),
    )
    return event if event.uuid else replace(event, uuid=_made_up_uuid(event, value))


def _properties(value: dict[str, object]) -> dict[str, object]:
    """An event's properties; exports hold them as JSON text."""
    properties = value.get("properties")
    if isinstance(properties, str):
        properties = parse_json(properties, "properties")
    if not isinstance(properties, dict):
        raise InvalidInputError("properties", "must be an object")
    return properties


def _tidied(properties: dict[str, object]) -> dict[str, object]:
    """The properties without the sender's key, and with span ids as texts under one name."""
    # A key may be used to write; whoever reads the events must not get to know it.
    tidied = {
        name: value
        for name, value in properties.items()
        if name not in KEY_NAMES or not isinstance(value, str)
    }
    if tidied.get("$ai_span_id") is None:
        # What the SDKs called a generation's id at first.
        tidied["$ai_span_id"] = tidied.get("$ai_generation_id")
    for name in _ID_NAMES:
        tidied[name] = _as_text(tidied.get(name))
    return tidied


def _trace_id(value: object) -> str:
    if value is None:
        raise InvalidInputError("properties.$ai_trace_id", "is missing")
    text = _as_text(value)
    if text is None:
        problem = "must be a text or a number"
    elif not text.strip():
        problem = "must not be empty"
    elif len(text) > MAX_TRACE_ID_CHARS:
        problem = f"longer than {MAX_TRACE_ID_CHARS} characters"
    elif _UNFIT_FOR_ID.search(text):
        problem = "holds a control character or one that cannot be decoded"
    else:
        return text
    raise InvalidInputError("properties.$ai_trace_id", problem)


def _distinct_id(value: dict[str, object], properties: dict[str, object]) -> str | None:
    texts = (_as_text(place.get("distinct_id")) for place in (value, properties))
    return next((text[:MAX_DISTINCT_ID_CHARS] for text in texts if text and text.strip()), None)


def _as_text(value: object) -> str | None:
    """An id as text; None if it is neither a text nor a number."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | UUID):
        return None
    is_endless = isinstance(value, float) and not math.isfinite(value)
    return None if is_endless else str(value)


def _moment(value: object) -> datetime:
    """A time; where it names no zone it is UTC, as in exports."""
    try:
        moment = datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None:
        problem = "must be an ISO 8601 time such as 2026-01-31T12:00:00Z"
        raise InvalidInputError("timestamp", problem)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _sent_at(document: object, now: datetime) -> datetime | None:
    """When the sender's clock says that it sent the document; None if it says nothing usable."""
    if not isinstance(document, dict):
        return None
    for name in ("sent_at", "sentAt"):
        try:
            return checked_time(_moment(document.get(name)), now)
        except InvalidInputError:
            continue
    return None


def _uuid(value: object) -> str:
    """The sender's own uuid; empty if there is none that can be used."""
    try:
        return str(UUID(value)) if isinstance(value, str) else ""
    except ValueError:
        return ""


def _made_up_uuid(event: TraceEvent, value: dict[str, object]) -> str:
    """The same for the same event, also where each delivery would give it another time."""
    has_time = value.get("timestamp") is not None
    moment = event.timestamp.isoformat() if has_time else ""
    return uuid_of(
        "posthog", event.event, storable_text(event.distinct_id), moment, event.properties
    )
