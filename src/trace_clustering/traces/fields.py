"""Reading an event's properties, whatever their types are: a wrong one counts as absent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

import orjson

Properties: TypeAlias = Mapping[str, Any]

MAX_COUNT = 10**12
"""A larger number of tokens, or of anything, is a mistake."""


def properties_of(text: str) -> Properties:
    """The properties in JSON text; none if it is no JSON object."""
    try:
        value = orjson.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def first_of(properties: Properties, *names: str) -> object:
    """The first value under any of these names that is not null."""
    return next((properties[name] for name in names if properties.get(name) is not None), None)


def text_in(properties: Properties, *names: str) -> str | None:
    """The first text under any of these names that holds more than whitespace."""
    for name in names:
        value = properties.get(name)
        if isinstance(value, str) and value.strip():
            return value
    return None


def number_in(properties: Properties, name: str) -> float | None:
    """A finite number that is not negative; it may be written as text."""
    value = properties.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number >= 0 else None


def count_in(properties: Properties, name: str) -> int | None:
    """A whole number from 0 to ``MAX_COUNT``; it may be written as text."""
    number = number_in(properties, name)
    if number is None or number > MAX_COUNT or number != int(number):
        return None
    return int(number)


def flag_in(properties: Properties, name: str) -> bool | None:
    """A truth value; it may be written as text."""
    value = properties.get(name)
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return value if isinstance(value, bool) else None
