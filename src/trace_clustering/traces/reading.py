"""From a line of JSON to a trace: the edge where untrusted input is checked.

A line is one JSON object with ``trace_id``, ``timestamp`` (RFC 3339), ``messages`` in the OpenAI
chat format, and optionally ``model``, ``user_id``, ``is_error`` and ``metadata``. Whatever else
it holds is ignored. Anything that cannot be accepted is an
:class:`~trace_clustering.errors.InvalidInputError` that names the field by its path, such as
``messages.3.role``.
"""

import json
import math
import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictStr,
    ValidationError,
)

from trace_clustering.errors import InvalidInputError
from trace_clustering.traces.content import arguments_text, part_text
from trace_clustering.traces.trace import Message, ToolCall, Trace

MAX_TRACE_ID_CHARS = 512
"""A longer trace id is refused."""

MAX_NESTING = 64
"""A line nested deeper is refused; code further on may walk it recursively."""

_FIRST_YEAR, _LAST_YEAR = 1970, 2100
_REPLACEMENT = "\ufffd"
_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,12})?"
    r"(?P<zone>[Zz]|[+-][0-9]{2}:[0-9]{2})?"
)
_UNSTORABLE = re.compile("[\ud800-\udfff\0]")
_UNFIT_FOR_ID = re.compile("[\x00-\x1f\x7f-\x9f\ufffd]")


def parse_trace_line(line: str | bytes) -> Trace:
    """Read one trace from one line of JSON.

    Lone surrogates and NUL characters in texts become U+FFFD and numbers that are not finite
    become null, so that nothing further on can stumble over them.

    Raises:
        InvalidInputError: names the offending field, or ``line`` if it is no JSON object.
    """
    return trace_of(_parse_json(_decoded(line)))


def trace_of(document: object) -> Trace:
    """The trace of a line whose JSON was parsed already; what holds for the line holds for it.

    Raises:
        InvalidInputError: names the offending field, or ``line`` if it is no JSON object.
    """
    cleaned = _cleaned(document, MAX_NESTING)
    if not isinstance(cleaned, dict):
        raise InvalidInputError("line", "not a JSON object")
    try:
        return _TraceLine.model_validate(cleaned).to_trace()
    except ValidationError as error:
        raise _as_invalid_input(error) from None


def _decoded(line: str | bytes) -> str:
    """The line as text, without a byte order mark."""
    if isinstance(line, str):
        return line.removeprefix("\ufeff")
    try:
        return line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInputError("line", f"not UTF-8 at byte {error.start}") from None


def _parse_json(text: str) -> object:
    """The JSON value of ``text``; ``NaN`` and ``Infinity``, which are no JSON, are null."""
    try:
        value: object = json.loads(text, parse_constant=lambda _: None)
    except json.JSONDecodeError as error:
        problem = f"not JSON: {error.msg} at character {error.pos + 1}"
        raise InvalidInputError("line", problem) from None
    except RecursionError:
        raise InvalidInputError("line", f"nested deeper than {MAX_NESTING} levels") from None
    except ValueError:
        # json.loads refuses integers of thousands of digits with a bare ValueError.
        raise InvalidInputError("line", "not JSON: holds a number that is too long") from None
    return value


def _cleaned(value: object, depth_left: int) -> object:
    """The same value with every text storable and every number finite."""
    if isinstance(value, str):
        return _UNSTORABLE.sub(_REPLACEMENT, value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if not isinstance(value, dict | list):
        return value
    if depth_left == 0:
        raise InvalidInputError("line", f"nested deeper than {MAX_NESTING} levels")
    if isinstance(value, list):
        return [_cleaned(item, depth_left - 1) for item in value]
    return {
        _UNSTORABLE.sub(_REPLACEMENT, key): _cleaned(item, depth_left - 1)
        for key, item in value.items()
    }


def _as_invalid_input(error: ValidationError) -> InvalidInputError:
    """The first problem that pydantic found, with the path of its field."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    problem = first["msg"].removeprefix("Value error, ")
    return InvalidInputError(field, problem[:1].lower() + problem[1:])


def _check_trace_id(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("must be a text")
    if not value.strip():
        raise ValueError("must not be empty")
    if len(value) > MAX_TRACE_ID_CHARS:
        raise ValueError(f"longer than {MAX_TRACE_ID_CHARS} characters")
    if _UNFIT_FOR_ID.search(value):
        raise ValueError("holds a control character or one that cannot be decoded")
    return value


def _parse_timestamp(value: object) -> datetime:
    match = _RFC_3339.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("must be an RFC 3339 time such as 2026-01-31T12:00:00Z")
    if match["zone"] is None:
        raise ValueError("has no time zone; end it with Z or an offset such as +02:00")
    try:
        moment = datetime.fromisoformat(match[0].upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is no date and time that exists") from None
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError(f"must lie in the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return moment


def _number_as_text(value: object) -> object:
    """Whole numbers are common as user ids."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _none_as_false(value: object) -> object:
    return False if value is None else value


def _none_as_list(value: object) -> object:
    return [] if value is None else value


def _none_as_dict(value: object) -> object:
    return {} if value is None else value


def _none_as_text(value: object) -> object:
    return "" if value is None else value


def _flatten_content(value: object) -> str:
    """Text of a message's content: a text, null, or a list of parts."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(_part_text(part) for part in value)
    raise ValueError("must be a text, null or a list of parts")


def _part_text(part: object) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, dict):
        raise ValueError("a part must be a text or an object")
    return part_text(part)


class _Edge(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _FunctionLine(_Edge):
    name: Annotated[StrictStr, Field(min_length=1)]
    arguments: Annotated[str, BeforeValidator(arguments_text)] = ""


class _ToolCallLine(_Edge):
    id: Annotated[StrictStr, BeforeValidator(_none_as_text)] = ""
    function: _FunctionLine

    def to_tool_call(self) -> ToolCall:
        return ToolCall(self.id, self.function.name, self.function.arguments)


class _MessageLine(_Edge):
    role: Annotated[StrictStr, Field(min_length=1)]
    content: Annotated[str, BeforeValidator(_flatten_content)] = ""
    tool_calls: Annotated[list[_ToolCallLine], BeforeValidator(_none_as_list)] = []
    tool_call_id: StrictStr | None = None
    name: StrictStr | None = None

    def to_message(self) -> Message:
        calls = tuple(call.to_tool_call() for call in self.tool_calls)
        return Message(self.role, self.content, calls, self.tool_call_id, self.name)


class _TraceLine(_Edge):
    trace_id: Annotated[StrictStr, BeforeValidator(_check_trace_id)]
    timestamp: Annotated[datetime, BeforeValidator(_parse_timestamp)]
    model: StrictStr | None = None
    user_id: Annotated[StrictStr | None, BeforeValidator(_number_as_text)] = None
    is_error: Annotated[StrictBool, BeforeValidator(_none_as_false)] = False
    metadata: Annotated[dict[str, object], BeforeValidator(_none_as_dict)] = {}
    messages: Annotated[list[_MessageLine], Field(min_length=1)]

    def to_trace(self) -> Trace:
        return Trace(
            trace_id=self.trace_id,
            timestamp=self.timestamp,
            model=self.model,
            user_id=self.user_id,
            is_error=self.is_error,
            metadata=self.metadata,
            messages=tuple(message.to_message() for message in self.messages),
        )
