"""Building the events that every receiver hands on: storable JSON, ids and times."""

import hashlib
import math
import re
from datetime import UTC, datetime, timedelta

import orjson

from trace_clustering.errors import InvalidInputError
from trace_clustering.models.traces import TraceEvent

MAX_NESTING = 64
"""What is nested deeper in properties is cut; code further on may walk them recursively."""

MAX_EVENTS = 250_000
"""A request with more is refused; no batch of a client's comes near it."""

CUT = "[nested too deep]"
"""Stands where something was cut."""

MAX_FUTURE = timedelta(days=1)
"""How far a sender's clock may be ahead."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_REPLACEMENT = "\ufffd"
_UNSTORABLE = re.compile("[\ud800-\udfff\0]")
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1


def make_event(
    *,
    event: str,
    uuid: str,
    trace_id: str,
    distinct_id: str,
    timestamp: datetime,
    properties: dict[str, object],
) -> TraceEvent:
    """An event whose properties can be stored, whatever they hold.

    Properties that are None are left out; ``$ai_trace_id`` is put in. NUL and lone surrogates
    become U+FFFD, numbers that are not finite null, whole numbers beyond 64 bits text, and what
    is nested deeper than ``MAX_NESTING`` becomes ``CUT``. The ids get the same treatment.

    Args:
        timestamp: already checked, see :func:`checked_time`.
        properties: JSON values by name; not changed.
    """
    return TraceEvent(
        uuid,
        event,
        storable_text(trace_id),
        storable_text(distinct_id),
        timestamp,
        storable_json(properties, trace_id),
    )


def storable_json(properties: dict[str, object], trace_id: str) -> str:
    """JSON text of one object, cleaned as :func:`make_event` says, with the trace's id in it."""
    present = {name: value for name, value in properties.items() if value is not None}
    present["$ai_trace_id"] = trace_id
    try:
        data = orjson.dumps(present)
    except TypeError:
        # Lone surrogates, whole numbers beyond 64 bits, or nesting beyond orjson's own limit.
        return orjson.dumps(_cleaned_object(present, MAX_NESTING)).decode()
    has_nul = b"\\" in data and b"\\u0000" in data
    # Every level has its bracket, so few brackets cannot be deep, and need not be walked.
    is_bushy = data.count(b"{") + data.count(b"[") > MAX_NESTING
    if has_nul or (is_bushy and _is_deeper(present, MAX_NESTING)):
        data = orjson.dumps(_cleaned_object(present, MAX_NESTING))
    return data.decode()


def storable_text(text: str) -> str:
    """The text with U+FFFD for NUL and lone surrogates."""
    return text if text.isascii() and "\0" not in text else _UNSTORABLE.sub(_REPLACEMENT, text)


def uuid_of(*parts: str) -> str:
    """The text of a version 5 UUID that is the same for the same parts, and only for those."""
    # A length before each part: ("ab", "c") and ("a", "bc") are not the same.
    name = "".join([f"{len(part)}:{part}" for part in parts])
    return uuid_of_bytes(name.encode("utf-8", "surrogatepass"))


def uuid_of_bytes(name: bytes) -> str:
    """The text of a version 5 UUID that is the same for the same bytes, and only for those."""
    digest = hashlib.sha1(name, usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def checked_time(moment: datetime, now: datetime) -> datetime:
    """The moment in UTC.

    Raises:
        InvalidInputError: names ``timestamp`` if it has no time zone, lies before 1970 or
            further ahead of ``now`` than ``MAX_FUTURE``.
    """
    if moment.tzinfo is None:
        raise InvalidInputError("timestamp", "has no time zone")
    if moment < EPOCH:
        raise InvalidInputError("timestamp", "lies before 1970")
    if moment > now + MAX_FUTURE:
        raise InvalidInputError("timestamp", "lies more than a day in the future")
    return moment.astimezone(UTC)


def _is_deeper(container: dict[str, object] | list[object], levels: int) -> bool:
    parts = container.values() if isinstance(container, dict) else container
    inner = [part for part in parts if isinstance(part, dict | list)]
    return levels <= 0 or any(_is_deeper(part, levels - 1) for part in inner)


def _cleaned_object(properties: dict[str, object], depth_left: int) -> dict[str, object]:
    return {
        storable_text(name): _cleaned(value, depth_left - 1) for name, value in properties.items()
    }


def _cleaned(value: object, depth_left: int) -> object:
    """The same JSON value, storable; ``depth_left`` is how many levels it may still have."""
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return value if _SMALLEST <= value <= _LARGEST else _digits(value)
    if value is None:
        return None
    if not isinstance(value, dict | list | tuple):
        return storable_text(str(value))
    if depth_left <= 0:
        return CUT
    if isinstance(value, dict):
        return {
            storable_text(str(key)): _cleaned(part, depth_left - 1) for key, part in value.items()
        }
    return [_cleaned(part, depth_left - 1) for part in value]


def _digits(number: int) -> str:
    """The number in decimals; in hexadecimals where Python refuses to write that many."""
    return str(number) if number.bit_length() < 8_000 else hex(number)
