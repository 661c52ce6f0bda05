"""JSON as strangers write it: everything that can be read is, the rest is refused with a reason."""

import json
from typing import Final

from trace_clustering.errors import InvalidInputError

MAX_CONTAINERS: Final = 2_000_000
"""Lists and objects in JSON: two bytes may be one, which takes up to two hundred in memory."""

MAX_ITEMS: Final = 5_000_000
"""Commas in JSON, nearly as many as there are values."""

# Also as they can be written in a text that is JSON itself.
_OPENING: Final = ("{", "[", "u007b", "u007B", "u005b", "u005B")
_COMMAS: Final = (",", "u002c", "u002C")


def check_bulk(data: bytes | str, field: str) -> None:
    """Refuse JSON that takes far more room once it is parsed, before it is parsed.

    Brackets and commas in texts count too: they may be JSON that is parsed later.

    Raises:
        InvalidInputError: names ``field``: more than ``MAX_CONTAINERS`` or ``MAX_ITEMS``.
    """
    if _count(data, _OPENING) > MAX_CONTAINERS:
        raise InvalidInputError(field, f"holds more than {MAX_CONTAINERS:,} opening brackets")
    if _count(data, _COMMAS) > MAX_ITEMS:
        raise InvalidInputError(field, f"holds more than {MAX_ITEMS:,} commas")


def _count(data: bytes | str, written: tuple[str, ...]) -> int:
    if isinstance(data, str):
        return sum(data.count(one) for one in written)
    return sum(data.count(one.encode()) for one in written)


def parse_json(data: bytes | str, field: str) -> object:
    """The JSON value; ``NaN`` and ``Infinity``, which are no JSON, are null.

    Texts may hold lone surrogates, which escapes can spell.

    Raises:
        InvalidInputError: names ``field``; also if it is too much, see :func:`check_bulk`.
    """
    check_bulk(data, field)
    text = data.removeprefix("\ufeff") if isinstance(data, str) else _decoded(data, field)
    try:
        value: object = json.loads(text, parse_constant=lambda _: None)
    except json.JSONDecodeError as error:
        problem = f"not JSON: {error.msg} at character {error.pos + 1}"
        raise InvalidInputError(field, problem) from None
    except RecursionError:
        raise InvalidInputError(field, "nested too deep") from None
    except ValueError:
        # json.loads refuses integers of thousands of digits with a bare ValueError.
        raise InvalidInputError(field, "not JSON: holds a number that is too long") from None
    return value


def _decoded(data: bytes, field: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInputError(field, f"not UTF-8 at byte {error.start}") from None
