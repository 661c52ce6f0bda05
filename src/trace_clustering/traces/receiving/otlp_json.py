"""Spans in OTLP's JSON: that of protobuf, but for ids, which are hexadecimal.

Read by hand, at a tenth of the price of filling a message of protobuf with them.
"""

import binascii
import math
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any, Final

from opentelemetry.proto.trace.v1.trace_pb2 import Status

from trace_clustering.errors import InvalidInputError
from trace_clustering.traces.receiving.attributes import MAX_DEPTH, Pairs
from trace_clustering.traces.receiving.span_events import SpanEvent
from trace_clustering.traces.receiving.spans import SPAN_ID_BYTES, TRACE_ID_BYTES, OtlpSpan

_INT64: Final = 2**63
_UINT64: Final = 2**64
_MAX_DIGITS: Final = 32


def field_of(holder: dict[str, Any], name: str) -> Any:
    """What ``holder`` has under a name of several words, written together or with underscores."""
    if name in holder:
        return holder[name]
    return holder.get("".join([f"_{c.lower()}" if c.isupper() else c for c in name]))


def list_of(holder: dict[str, Any], name: str) -> list[Any]:
    """The list that ``holder`` has under a name; an empty one if it has none.

    Raises:
        InvalidInputError: names the field if it is no list.
    """
    items = field_of(holder, name)
    if items is None:
        return []
    if not isinstance(items, list):
        raise InvalidInputError(name, "must be a list")
    return items


def span_of(fields: dict[str, Any]) -> OtlpSpan:
    """The span that JSON describes; fields that are unknown do not matter.

    Raises:
        InvalidInputError: names the field that has a wrong type.
    """
    status = _object(fields, "status")
    return OtlpSpan(
        trace_id=_id_of(fields, "traceId", TRACE_ID_BYTES),
        span_id=_id_of(fields, "spanId", SPAN_ID_BYTES),
        parent_id=_id_of(fields, "parentSpanId", SPAN_ID_BYTES),
        name=_text(fields, "name"),
        start=_time(fields, "startTimeUnixNano"),
        end=_time(fields, "endTimeUnixNano"),
        status=_status(status.get("code")),
        message=_text(status, "message"),
        attributes=pairs_of_json(fields),
        events=[_event(event) for event in list_of(fields, "events")],
    )


def pairs_of_json(holder: dict[str, Any]) -> Pairs:
    """Names and values of the attributes that ``holder`` has.

    Raises:
        InvalidInputError: names ``attributes`` if one of them has a wrong type.
    """
    return _pairs(list_of(holder, "attributes"), MAX_DEPTH)


def _pairs(attributes: list[Any], depth_left: int) -> Pairs:
    pairs: Pairs = []
    for attribute in attributes:
        if not isinstance(attribute, dict) or not isinstance(attribute.get("key", ""), str):
            raise InvalidInputError("attributes", "must be objects with a key and a value")
        value = _value(attribute.get("value"), depth_left)
        if value is not None:
            pairs.append((attribute.get("key", ""), value))
    return pairs


def _value(held: Any, depth_left: int) -> object:
    if held is None or depth_left < 0:
        return None
    if not isinstance(held, dict):
        raise InvalidInputError("attributes", "must have values such as {stringValue: …}")
    for kind, content in held.items():
        read = _READERS.get(kind)
        if read and content is not None:
            return read(content, depth_left - 1)
    return None


def _string(content: Any, depth_left: int) -> object:
    if not isinstance(content, str):
        raise InvalidInputError("attributes", "stringValue must be a text")
    return content


def _bool(content: Any, depth_left: int) -> object:
    if not isinstance(content, bool):
        raise InvalidInputError("attributes", "boolValue must be true or false")
    return content


def _int(content: Any, depth_left: int) -> object:
    number = _whole(content)
    if number is None or not -_INT64 <= number < _INT64:
        raise InvalidInputError("attributes", "intValue must be a whole number of 64 bits")
    return number


def _double(content: Any, depth_left: int) -> object:
    try:
        number = None if isinstance(content, bool) else float(content)
    except (ValueError, TypeError, OverflowError):
        number = None
    if number is None:
        raise InvalidInputError("attributes", "doubleValue must be a number")
    return number if math.isfinite(number) else None


def _bytes(content: Any, depth_left: int) -> object:
    try:
        standard = content.replace("-", "+").replace("_", "/").rstrip("=")
        padded = standard + "=" * (-len(standard) % 4)
        return b64encode(b64decode(padded, validate=True)).decode()
    except (ValueError, AttributeError, binascii.Error):
        raise InvalidInputError("attributes", "bytesValue must be base64") from None


def _array(content: Any, depth_left: int) -> object:
    return [_value(item, depth_left) for item in _items(content)]


def _kvlist(content: Any, depth_left: int) -> object:
    return dict(_pairs(_items(content), depth_left))


def _items(content: Any) -> list[Any]:
    if not isinstance(content, dict):
        raise InvalidInputError("attributes", "arrayValue and kvlistValue must be objects")
    return list_of(content, "values")


_CAMEL_READERS: Final[dict[str, Callable[[Any, int], object]]] = {
    "stringValue": _string,
    "boolValue": _bool,
    "intValue": _int,
    "doubleValue": _double,
    "bytesValue": _bytes,
    "arrayValue": _array,
    "kvlistValue": _kvlist,
}
_READERS: Final = _CAMEL_READERS | {
    name.replace("Value", "_value"): read for name, read in _CAMEL_READERS.items()
}
_STATUS_NAMES: Final = dict(Status.StatusCode.items())


def _whole(written: Any) -> int | None:
    """A whole number, which JSON may have as a number or as text."""
    if isinstance(written, bool):
        return None
    if isinstance(written, str):
        digits = written.removeprefix("-")
        is_number = digits.isascii() and digits.isdecimal() and len(digits) <= _MAX_DIGITS
        return int(written) if is_number else None
    if isinstance(written, float):
        return int(written) if written.is_integer() else None
    return written if isinstance(written, int) else None


def _time(fields: dict[str, Any], name: str) -> int:
    written = field_of(fields, name)
    number = 0 if written is None else _whole(written)
    if number is None or not 0 <= number < _UINT64:
        raise InvalidInputError(name, "must be whole nanoseconds since 1970")
    return number


def _text(fields: dict[str, Any], name: str) -> str:
    written = fields.get(name)
    if written is None:
        return ""
    if not isinstance(written, str):
        raise InvalidInputError(name, "must be a text")
    return written


def _object(fields: dict[str, Any], name: str) -> dict[str, Any]:
    written = fields.get(name)
    if written is None:
        return {}
    if not isinstance(written, dict):
        raise InvalidInputError(name, "must be an object")
    return written


def _status(written: Any) -> int:
    """The number of a status, which JSON may have by name; a number that is unknown is no error."""
    if isinstance(written, str) and written in _STATUS_NAMES:
        return _STATUS_NAMES[written]
    number = 0 if written is None else _whole(written)
    if number is None:
        raise InvalidInputError("status.code", "must be 0, 1 or 2")
    return number


def _event(fields: Any) -> SpanEvent:
    if not isinstance(fields, dict):
        raise InvalidInputError("events", "must be objects")
    return SpanEvent(_text(fields, "name"), pairs_of_json(fields))


def _id_of(fields: dict[str, Any], name: str, length: int) -> bytes:
    """An id in hexadecimals, or in base64 as protobuf's own JSON has it; empty if there is none."""
    written = field_of(fields, name)
    if written is None or written == "":
        return b""
    if not isinstance(written, str):
        raise InvalidInputError(name, "must be a text")
    try:
        is_base64 = len(written) == -(-length // 3) * 4 and written.endswith("=")
        return b64decode(written, validate=True) if is_base64 else bytes.fromhex(written)
    except (ValueError, binascii.Error):
        raise InvalidInputError(name, f"must be {2 * length} hexadecimal digits") from None
