"""What one chat message holds, in whatever JSON form: texts, tool calls and tools' answers.

Everything here takes any JSON value and never fails; what is unknown becomes its JSON text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from trace_clustering.traces.trace import Message, ToolCall

UNNAMED_TOOL = "unnamed tool"
"""Stands for the name of a tool where a call has none."""

_TOO_DEEP = "[nested too deep]"
_DEEPEST = 16

_CALL_WRAPPERS = ("function", "functionCall", "function_call", "toolUse", "tool_call")
_CALL_TYPES = ("function", "tool_use", "tool_call", "tool-call", "server_tool_use")
_ANSWER_WRAPPERS = ("functionResponse", "function_response", "toolResult")
_ANSWER_TYPES = ("tool_result", "tool_call_response", "tool-result")
_THOUGHT_TYPES = ("thinking", "redacted_thinking", "reasoning", "compaction", "item_reference")
_ID_KEYS = ("call_id", "id", "tool_call_id", "toolCallId", "toolUseId", "tool_use_id")
_ANSWERED_KEYS = ("tool_use_id", "tool_call_id", "call_id", "toolUseId", "toolCallId", "id")
_ARGUMENT_KEYS = ("arguments", "args", "input", "action", "code", "parameters", "queries")
_OUTPUT_KEYS = ("content", "response", "result", "output")
_MEDIA = ("image", "audio", "video", "file")

# "Error: no such user", "Failed: …" and "ValueError: …", but not "Error handling in Python".
_FAILING = re.compile(
    r"(?:(?P<bare>error)|[a-z_.]{0,60}(?:error|exception)|failed|failure)"
    r"(?=\s*(?:[:!(]|- |code\b|[0-9]|$))[\s:!-]*",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Content:
    """What was found in a message, in order of appearance by kind.

    Attributes:
        thoughts: placeholders of what the model thought to itself, which nobody was told.
    """

    texts: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    answers: list[Message] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All texts; a placeholder where the model only thought."""
        if self.texts or self.calls:
            return "\n".join(self.texts)
        return self.thoughts[0] if self.thoughts else ""


def read_content(value: object, depth: int = _DEEPEST) -> Content:
    """What a message's ``content`` or ``parts`` hold."""
    found = Content()
    _gather(value, found, depth)
    return found


def part_text(part: Mapping[str, object]) -> str:
    """Text of one content part; a placeholder such as ``[image]`` for what is no text."""
    for key in ("text", "refusal"):
        text = part.get(key)
        if isinstance(text, str):
            return text
    kind = part.get("type")
    return _placeholder(kind) if isinstance(kind, str) and kind else "[part]"


def arguments_text(value: object) -> str:
    """Tool arguments as text; most sources give JSON text, some the object itself."""
    if value is None:
        return ""
    return value if isinstance(value, str) else _json_text(value)


def compact_json(value: object) -> str:
    """JSON text without spaces; a text stays as it is."""
    return value if isinstance(value, str) else _json_text(value, separators=(",", ":"))


def tool_call_of(value: object) -> ToolCall:
    """A request to run a tool, in any vendor's form."""
    if not isinstance(value, dict):
        return ToolCall("", UNNAMED_TOOL, arguments_text(value))
    inner = _first_dict(value, _CALL_WRAPPERS)
    places = (value, inner, _first_dict(inner, _CALL_WRAPPERS))
    kind = str(value.get("type", ""))
    own_name = kind.removesuffix("_call") if kind.endswith("_call") and kind != "tool_call" else ""
    return ToolCall(
        _first_text(places, _ID_KEYS),
        _first_text(places, ("name", "toolName")) or own_name or UNNAMED_TOOL,
        arguments_text(_first_value(places, _ARGUMENT_KEYS)),
    )


def tool_answer_of(value: Mapping[str, object], depth: int = _DEEPEST) -> Message:
    """A tool's answer, in any vendor's form, as a message of role ``tool``."""
    places = (value, _first_dict(value, _ANSWER_WRAPPERS))
    output = _first_value(places, (*_OUTPUT_KEYS, "server_tool_call_response"))
    text = answer_text(output, depth)
    if _first_value(places, ("is_error", "isError")) is True and not failure_of(text):
        text = f"Error: {text}"
    name = _first_text(places, ("name", "toolName"))
    return Message("tool", text, (), _first_text(places, _ANSWERED_KEYS) or None, name or None)


def answer_text(value: object, depth: int = _DEEPEST) -> str:
    """What a tool gave back: texts as they are, anything else as JSON."""
    if isinstance(value, list) and any(_is_part(part) for part in value):
        return read_content(value, depth).text
    if isinstance(value, dict) and isinstance(value.get("type"), str):
        if "value" in value:
            return answer_text(value["value"], depth)
        if value["type"] == "text":
            return read_content(value, depth).text
    return "" if value is None else compact_json(value)


def failure_of(answer: str) -> str:
    """What a tool's answer says went wrong; empty if it is no failure."""
    text = answer.strip()
    if text.startswith("Traceback (most recent call last)"):
        return text.splitlines()[-1].strip()
    match = _FAILING.match(text)
    if match:
        # "Error:" alone says no more than the mark that stands where this is shown.
        return text[match.end() :] or text if match["bare"] else text
    if not text.startswith("{") or '"error"' not in text:
        return ""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    error = document.get("error")
    return error_text(error) if isinstance(error, str | dict) and error else ""


def error_text(value: object) -> str:
    """What an error says, from a text, JSON text or an object with a message."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return value if isinstance(value, str) else ""
    if not isinstance(value, dict):
        return "" if value is None or isinstance(value, bool) else compact_json(value)
    inner = value.get("error")
    message = _first_text((value, inner if isinstance(inner, dict) else {}), ("message", "detail"))
    kind = _first_text((value,), ("type", "name", "code"))
    if not message:
        return inner if isinstance(inner, str) and inner else compact_json(value)
    return f"{kind}: {message}" if kind and not message.startswith(kind) else message


def is_call(part: Mapping[str, object]) -> bool:
    """Whether a part or item asks for a tool."""
    kind = part.get("type")
    if isinstance(kind, str) and (kind in _CALL_TYPES or kind.endswith("_call")):
        return True
    return any(isinstance(part.get(key), dict) for key in _CALL_WRAPPERS)


def is_answer(part: Mapping[str, object]) -> bool:
    """Whether a part or item is what a tool gave back."""
    kind = part.get("type")
    if isinstance(kind, str) and (
        kind in _ANSWER_TYPES or kind.endswith(("_call_output", "_tool_result", "_call_response"))
    ):
        return True
    return any(isinstance(part.get(key), dict) for key in _ANSWER_WRAPPERS)


def is_thought(part: Mapping[str, object]) -> bool:
    """Whether a part or item is what the model thought to itself."""
    return part.get("type") in _THOUGHT_TYPES or part.get("thought") is True


def _is_part(value: object) -> bool:
    return isinstance(value, dict) and ("type" in value or "text" in value or "json" in value)


def _gather(value: object, found: Content, depth: int) -> None:
    if value is None:
        return
    if isinstance(value, str):
        found.texts.append(value)
    elif not isinstance(value, dict | list) or depth <= 0:
        found.texts.append(compact_json(value))
    elif isinstance(value, list):
        _gather_parts(value, found, depth - 1)
    else:
        _gather_part(value, found, depth - 1)


def _gather_parts(parts: Iterable[object], found: Content, depth: int) -> None:
    for part in parts:
        _gather(part, found, depth)


def _gather_part(part: dict[str, object], found: Content, depth: int) -> None:
    wrapped = part.get("message_content")
    if isinstance(wrapped, dict | list):
        _gather(wrapped, found, depth)
    elif is_thought(part):
        found.thoughts.append(_placeholder(str(part.get("type") or "thinking")))
    elif is_answer(part):
        found.answers.append(tool_answer_of(part, depth))
    elif is_call(part):
        found.calls.append(tool_call_of(part))
    else:
        found.texts.append(_text_of(part))


def _text_of(part: Mapping[str, object]) -> str:
    """Text of a part in any form; a placeholder if nothing says what it is."""
    text = part.get("content")
    if part.get("type") in ("text", "output_text", "input_text") and isinstance(text, str):
        return text
    if isinstance(part.get("text"), dict):
        return part_text({**part, "text": _first_text((_first_dict(part, ("text",)),), ("value",))})
    if any(isinstance(part.get(key), str) for key in ("text", "refusal", "type")):
        return part_text(part)
    for key in ("inline_data", "inlineData", "file_data", "fileData"):
        if isinstance(part.get(key), dict):
            return _placeholder(
                _first_text((_first_dict(part, (key,)),), ("mime_type", "mimeType"))
            )
    for medium in (*_MEDIA, "document"):
        if isinstance(part.get(medium), dict):
            return f"[{medium}]"
    # Data of a kind nobody here knows may be a picture in letters: no text to show or embed.
    return compact_json(part["json"]) if part.keys() == {"json"} else "[part]"


def _placeholder(kind: str) -> str:
    for medium in _MEDIA:
        if medium in kind:
            return f"[{medium}]"
    return f"[{kind[:32] or 'file'}]"


def _json_text(value: object, separators: tuple[str, str] | None = None) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, separators=separators)
    except (RecursionError, ValueError, TypeError):
        return _TOO_DEEP


def _first_dict(value: Mapping[str, object], keys: Iterable[str]) -> dict[str, object]:
    for key in keys:
        inner = value.get(key)
        if isinstance(inner, dict):
            return inner
    return {}


def _first_text(places: Iterable[Mapping[str, object]], keys: Iterable[str]) -> str:
    """The first text under any of ``keys`` that is not empty; keys count before places."""
    places = tuple(places)
    for key in keys:
        for place in places:
            value = place.get(key)
            if isinstance(value, str) and value:
                return value
    return ""


def _first_value(places: Iterable[Mapping[str, object]], keys: Iterable[str]) -> object:
    places = tuple(places)
    for key in keys:
        for place in places:
            if place.get(key) is not None:
                return place[key]
    return None
