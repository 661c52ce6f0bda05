"""OTLP's attributes as plain JSON values."""

import math
from base64 import b64encode
from collections.abc import Iterable
from typing import Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

MAX_DEPTH: Final = 32
"""Values nested deeper are left out."""

Pairs = list[tuple[str, object]]
"""Names and JSON values of attributes, in order; those without a value are left out."""


def pairs_of(attributes: Iterable[KeyValue]) -> Pairs:
    """Names and values of attributes in protobuf.

    Bytes become base64 text; numbers that are not finite are left out.
    """
    pairs: Pairs = []
    for attribute in attributes:
        held = attribute.value
        # Most values are texts or counts; to ask for one costs less than to ask what it is.
        value: object = held.string_value or held.int_value or _value_of(held, MAX_DEPTH)
        if value is not None:
            pairs.append((attribute.key, value))
    return pairs


def _value_of(held: AnyValue, depth_left: int) -> object:
    kind = held.WhichOneof("value")
    if kind in ("array_value", "kvlist_value"):
        return _nested(held, kind, depth_left - 1) if depth_left else None
    if kind == "double_value":
        return held.double_value if math.isfinite(held.double_value) else None
    if kind == "bytes_value":
        return b64encode(held.bytes_value).decode()
    return getattr(held, kind) if kind in ("string_value", "int_value", "bool_value") else None


def _nested(held: AnyValue, kind: str, depth_left: int) -> object:
    if kind == "array_value":
        return [
            item.string_value or _value_of(item, depth_left) for item in held.array_value.values
        ]
    items = ((item.key, _value_of(item.value, depth_left)) for item in held.kvlist_value.values)
    return {name: value for name, value in items if value is not None}
