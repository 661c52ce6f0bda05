"""What an attribute of a span means: the pieces that the tables of conventions are made of."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson

from trace_clustering.errors import InvalidInputError
from trace_clustering.traces.receiving.json_text import parse_json

Reader = Callable[[Any], object]
"""Turns an attribute's value into what is wanted; None if it cannot, the attribute then stays
under its own name."""


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """Where the value of an attribute goes.

    Attributes:
        slot: a property's name, which begins with ``$``, or a name that ``mapping`` knows.
        rank: of several attributes with one slot, the one with the lowest wins.
        read: turns the value into what the slot holds; None if it goes there as it is.
        keep: whether the attribute also stays under its own name.
    """

    slot: str
    rank: int = 0
    read: Reader | None = None
    keep: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """Attributes that together make one value, such as ``llm.input_messages.0.message.role``.

    Attributes:
        prefix: ends with a dot.
        rule: its ``read`` gets the tree of what follows the prefix, as nested dictionaries.
        indexed: whether what follows begins with a number and is to be split at its dots;
            otherwise all of it is one name.
    """

    prefix: str
    rule: Rule
    indexed: bool = True


DROP: Final = Rule("dropped")
"""For attributes that are not worth keeping: said elsewhere in the span, or vectors."""

Tree = dict[int | str, Any]


def text(value: object) -> str | None:
    """A text that is not empty; numbers are common as ids."""
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def count(value: object) -> int | None:
    """A whole number that is not negative, also when it was sent as text or as a fraction."""
    if type(value) is int and 0 <= value < 2**63:
        return value
    number = amount(value)
    return int(number) if number is not None and number == int(number) else None


def amount(value: object) -> float | None:
    """A number that is not negative, also when it was sent as text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        value = _number(value)
    return value if isinstance(value, int | float) and 0 <= value < 2**63 else None


def _number(written: str) -> int | float | None:
    if len(written) > 32:
        return None
    try:
        return int(written) if written.isdecimal() else float(written)
    except ValueError:
        return None


def structure(value: object) -> object:
    """What JSON text of an object or a list says; anything else as it is."""
    if isinstance(value, str) and value.startswith(("{", "[")):
        return _parsed(value, value)
    return value


def content(value: object) -> object:
    """A message's content: a list of parts where JSON text spells one, otherwise as it is.

    Other JSON stays the text that it is, a tool's answer say: written anew it would no longer
    be the same message as where a client sends it a second time.
    """
    found = structure(value)
    is_parts = isinstance(found, list) and all(
        isinstance(part, dict) and "type" in part for part in found
    )
    return found if is_parts and found else value


def json_value(value: object) -> object:
    """What JSON text says, be it only a number; a text that is no JSON as it is."""
    return _parsed(value, value) if isinstance(value, str) else value


def json_object(value: object) -> dict[str, object] | None:
    """An object, sent as such or as JSON text."""
    value = structure(value)
    return value if isinstance(value, dict) and value else None


def json_list(value: object) -> list[object] | None:
    """A list, sent as such or as JSON text; also of objects that are JSON text each."""
    value = structure(value)
    return [structure(item) for item in value] if isinstance(value, list) and value else None


def _parsed(written: str, otherwise: object) -> object:
    try:
        return orjson.loads(written)
    except orjson.JSONDecodeError:
        pass
    try:
        # Takes what orjson does not: NaN, which Python writes, and lone surrogates.
        return parse_json(written, "attribute")
    except InvalidInputError:
        return otherwise


def listed(tree: object) -> list[Any]:
    """The branches of a tree in the order of their numbers."""
    if not isinstance(tree, dict):
        return []
    return [tree[index] for index in sorted(key for key in tree if isinstance(key, int))]


def kinds(names: dict[str, str]) -> Reader:
    """Reads a convention's name for a kind of span, in capitals or not, as ours."""

    def read(value: object) -> str | None:
        return names.get(value.lower()) if isinstance(value, str) else None

    return read
