"""JSON as strangers write it: everything that can be read is, the rest is refused with a reason."""

import json

from trace_clustering.errors import InvalidInputError


def parse_json(data: bytes | str, field: str) -> object:
    """The JSON value; ``NaN`` and ``Infinity``, which are no JSON, are null.

    Texts may hold lone surrogates, which escapes can spell.

    Raises:
        InvalidInputError: names ``field``.
    """
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
