"""From any JSON form of chat messages to messages, and from many histories to one conversation.

Known forms: OpenAI chat completions and responses, Anthropic, Gemini, Bedrock, the GenAI semantic
conventions, PostHog's choices, LangChain, and plain texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeGuard

import orjson

from trace_clustering.traces.content import (
    Content,
    answer_text,
    compact_json,
    is_answer,
    is_call,
    is_thought,
    read_content,
    tool_answer_of,
    tool_call_of,
)
from trace_clustering.traces.history import History
from trace_clustering.traces.trace import Message, ToolCall

_DEEPEST = 16
_ROLES = {"human": "user", "ai": "assistant", "model": "assistant"}
_PLAIN_ROLES = ("user", "assistant", "system")
_TOOL_ROLES = ("tool", "function")
_LANGCHAIN_TYPES = {
    "human": "user",
    "ai": "assistant",
    "system": "system",
    "developer": "developer",
    "chat": "user",
    "tool": "tool",
    "function": "tool",
}
_SYSTEM_KEYS = ("system", "instructions", "system_instruction", "systemInstruction")
_LIST_KEYS = ("messages", "contents", "choices", "candidates", "generations", "chat_history")
_INPUT_KEYS = ("input", "prompt", "question", "query", "text", "message", "prompts")
_OUTPUT_KEYS = (
    "output",
    "answer",
    "response",
    "result",
    "completion",
    "output_text",
    "text",
    "message",
)
_TEXT_KEYS = frozenset(_INPUT_KEYS + _OUTPUT_KEYS)
_BODY_KEYS = ("content", "parts", "contents")


def messages_of(value: object, *, default_role: str = "user") -> tuple[Message, ...]:
    """The messages that ``value`` holds, in order; never fails.

    Args:
        value: any JSON value: a list of messages, one message, an object that holds messages or
            a text, a text, or JSON text of any of these. What is unknown becomes its JSON text.
        default_role: of what names no role.
    """
    return tuple(_Reader(default_role).read(value, _DEEPEST))


def holds_messages(value: object) -> bool:
    """Whether ``value`` is plainly made of chat messages, rather than any other data."""
    value = _parsed(value) if isinstance(value, str) else value
    if isinstance(value, list):
        return any(isinstance(item, dict) and _is_message(item) for item in _flat(value))
    if not isinstance(value, dict):
        return False
    if _is_message(value):
        return True
    inner = value["kwargs"] if "lc" in value and isinstance(value.get("kwargs"), dict) else value
    return any(
        isinstance(inner.get(key), list) and holds_messages(inner[key]) for key in _LIST_KEYS
    )


def holds_text(value: object) -> bool:
    """Whether ``value`` is an object with nothing but a text, such as ``{"question": "…"}``."""
    if not isinstance(value, dict) or len(value) != 1:
        return False
    ((key, text),) = value.items()
    return key in _TEXT_KEYS and isinstance(text, str)


def merged(conversations: Iterable[Sequence[Message]]) -> tuple[Message, ...]:
    """One conversation out of those of many calls, oldest first; each message once.

    An agent sends the whole history again with every call. What a conversation says as often as
    those before it is not repeated; what it says once more is new, and comes after them.
    """
    history = History()
    return tuple(message for each in conversations for message in history.add(each))


class _Reader:
    """Reads one value; knows the role of what names none."""

    def __init__(self, default_role: str) -> None:
        self._role = default_role
        self._is_output = default_role == "assistant"

    def read(self, value: object, depth: int) -> Iterator[Message]:
        if value is None:
            return
        if isinstance(value, str):
            yield from self._of_text(value, depth)
        elif not isinstance(value, dict | list) or depth <= 0:
            yield Message(self._role, compact_json(value))
        elif isinstance(value, list):
            yield from self._of_list(value, depth - 1)
        else:
            yield from self._of_object(value, depth - 1)

    def _of_text(self, text: str, depth: int) -> Iterator[Message]:
        document = _parsed(text) if depth > 0 else None
        if holds_messages(document) or holds_text(document):
            yield from self.read(document, depth - 1)
        elif text.strip():
            yield Message(self._role, text)

    def _of_list(self, items: list[object], depth: int) -> Iterator[Message]:
        if _is_pair(items):
            yield Message(_role_of(items[0]), str(items[1]))
        elif any(not isinstance(item, dict | list | str) for item in items if item is not None):
            yield Message(self._role, compact_json(items))
        else:
            yield from _joined_turns(self._of_items(items, depth))

    def _of_items(self, items: list[object], depth: int) -> Iterator[tuple[bool, Message]]:
        """Messages, and whether each is a piece of a turn rather than a whole one."""
        pieces: list[object] = []
        for item in items:
            if isinstance(item, dict) and "role" not in item and _is_piece(item):
                pieces.append(item)
                continue
            if pieces:
                yield from self._of_pieces(pieces, depth)
                pieces = []
            if _is_plain(item):
                yield False, Message(item["role"], item["content"])
                continue
            is_turn_text = isinstance(item, dict) and item.get("type") == "message"
            for message in self.read(item, depth):
                yield is_turn_text, message
        if pieces:
            yield from self._of_pieces(pieces, depth)

    def _of_pieces(self, pieces: list[object], depth: int) -> Iterator[tuple[bool, Message]]:
        """Parts that stand in a list without a message around them, as in responses."""
        run: list[object] = []
        for piece in pieces:
            if isinstance(piece, dict) and is_answer(piece):
                yield from self._of_run(run, depth)
                run = []
                yield False, tool_answer_of(piece, depth)
            else:
                run.append(piece)
                if isinstance(piece, dict) and is_call(piece) and piece.get("output") is not None:
                    yield from self._of_run(run, depth)
                    run = []
                    yield False, tool_answer_of({**piece, "content": piece["output"]}, depth)
        yield from self._of_run(run, depth)

    def _of_run(self, run: list[object], depth: int) -> Iterator[tuple[bool, Message]]:
        content = read_content(run, depth)
        if content.texts or content.calls:
            role = "assistant" if content.calls else self._role
            yield True, Message(role, content.text, tuple(content.calls))

    def _of_object(self, value: dict[str, object], depth: int) -> Iterator[Message]:
        unwrapped = _unwrapped(value)
        if unwrapped is not value:
            yield from self.read(unwrapped, depth)
        elif _is_piece(value):
            yield from (message for _, message in self._of_pieces([value], depth))
        elif _is_message(value) or "content" in value:
            yield from self._of_message(value, depth)
        else:
            yield from self._of_container(value, depth)

    def _of_container(self, value: dict[str, object], depth: int) -> Iterator[Message]:
        """An object around messages or a text."""
        keys = _OUTPUT_KEYS + _INPUT_KEYS if self._is_output else _INPUT_KEYS + _OUTPUT_KEYS
        lists = [key for key in _LIST_KEYS if isinstance(value.get(key), list) and value[key]]
        texts = [key for key in keys if value.get(key)][:1]
        # A chat history is only what was said before the input.
        chosen = lists + texts if lists == ["chat_history"] else (lists or texts)[:1]
        if not chosen:
            yield Message(self._role, compact_json(value))
            return
        for key in _SYSTEM_KEYS:
            if value.get(key):
                yield from _Reader("system").read(value[key], depth)
        for key in chosen:
            yield from self.read(value[key], depth)

    def _of_message(self, value: dict[str, object], depth: int) -> Iterator[Message]:
        role = self._role_of(value)
        if role in _TOOL_ROLES:
            yield from _tool_messages(value, role, depth)
            return
        content = read_content(_body_of(value, _BODY_KEYS), depth)
        yield from content.answers
        calls = (*content.calls, *_own_calls(value))
        text = content.text or _text_beside(value)
        if text or calls or not content.answers:
            answered, name = _text_or_none(value, "tool_call_id"), _text_or_none(value, "name")
            yield Message(role, text, calls, answered, name)

    def _role_of(self, value: Mapping[str, object]) -> str:
        role = value.get("role")
        if isinstance(role, str) and role:
            return _ROLES.get(role, role)
        kind = str(value.get("type", "")).removesuffix("MessageChunk").removesuffix("Message")
        return _LANGCHAIN_TYPES.get(kind.lower(), self._role)


def _joined_turns(pieces: Iterable[tuple[bool, Message]]) -> Iterator[Message]:
    """The messages, with text and calls of one turn of the model put together."""
    last: Message | None = None
    for is_piece, message in pieces:
        if last is not None:
            is_one_turn = message.role == last.role == "assistant" and message.tool_calls
            if is_piece and is_one_turn and not message.content:
                last = Message(last.role, last.content, last.tool_calls + message.tool_calls)
                continue
            yield last
        last = message if is_piece else None
        if not is_piece:
            yield message
    if last is not None:
        yield last


def _tool_messages(value: dict[str, object], role: str, depth: int) -> Iterator[Message]:
    """A message in the role of a tool: it may hold several answers."""
    body = _body_of(value, (*_BODY_KEYS, "response", "result"))
    content = read_content(body, depth) if isinstance(body, list) else Content()
    if content.answers:
        yield from content.answers
        return
    text = content.text if isinstance(body, list) else answer_text(body, depth)
    ids = (_text_or_none(value, key) for key in ("tool_call_id", "tool_use_id", "call_id", "id"))
    call_id = next((one for one in ids if one is not None), None)
    yield Message(role, text, (), call_id, _text_or_none(value, "name"))


def _body_of(value: Mapping[str, object], keys: Iterable[str]) -> object:
    return next((value[key] for key in keys if value.get(key) is not None), None)


def _own_calls(value: dict[str, object]) -> tuple[ToolCall, ...]:
    """Tool calls that stand beside a message's content."""
    extra = value.get("additional_kwargs")
    for place in (value, extra):
        if not isinstance(place, dict):
            continue
        calls = place.get("tool_calls")
        if isinstance(calls, list) and calls:
            return tuple(tool_call_of(call) for call in calls)
        if isinstance(place.get("function_call"), dict):
            return (tool_call_of(place["function_call"]),)
    return ()


def _text_beside(value: Mapping[str, object]) -> str:
    """What was said where a message has no content: a refusal, or speech."""
    audio = value.get("audio")
    said = [value.get("refusal"), audio.get("transcript") if isinstance(audio, dict) else None]
    said.append(value.get("text"))
    return next((text for text in said if isinstance(text, str) and text), "")


def _unwrapped(value: dict[str, object]) -> dict[str, object]:
    """The message that stands inside of another object; the object itself if none does."""
    inner = value.get("message")
    if isinstance(inner, dict) and "role" not in value:
        return inner
    for key in ("kwargs", "data"):
        inner = value.get(key)
        if isinstance(inner, dict) and ("lc" in value if key == "kwargs" else "content" in inner):
            return {"type": _class_name(value), **inner}
    inner = value.get("content")
    if isinstance(inner, dict) and "parts" in inner and "role" not in value:
        return inner
    return value


def _class_name(value: Mapping[str, object]) -> str:
    """``HumanMessage`` of a serialized LangChain message, or ``human``."""
    path = value.get("id")
    name = path[-1] if isinstance(path, list) and path else value.get("type")
    return name if isinstance(name, str) else ""


def _is_message(value: Mapping[str, object]) -> bool:
    role = value.get("role")
    if isinstance(role, str) and role:
        return True
    if value.get("type") == "message" or isinstance(value.get("parts"), list):
        return True
    if "lc" in value and isinstance(value.get("kwargs"), dict):
        return "essage" in _class_name(value)
    inner = value.get("message")
    if isinstance(inner, dict) and ("role" in inner or "content" in inner or "lc" in inner):
        return True
    kind = str(value.get("type", "")).removesuffix("MessageChunk").removesuffix("Message")
    if kind.lower() in _LANGCHAIN_TYPES and ("content" in value or "data" in value):
        return True
    if "function" in value and "type" in value:
        return False
    return "content" in value and ("tool_calls" in value or len(value) == 1)


def _is_plain(value: object) -> TypeGuard[dict[str, str]]:
    """Whether it is a message with nothing but a text, as most are: worth a short way."""
    if not isinstance(value, dict) or len(value) != 2:
        return False
    return value.get("role") in _PLAIN_ROLES and isinstance(value.get("content"), str)


def _is_piece(value: Mapping[str, object]) -> bool:
    """Whether it is a part of a message, standing on its own."""
    if "role" in value or value.get("type") == "message":
        return False
    if is_answer(value) or is_thought(value):
        return True
    if is_call(value):
        return "tool_calls" not in value and "content" not in value
    return value.get("type") in (
        "text",
        "output_text",
        "input_text",
        "refusal",
        "image",
        "image_url",
    )


def _is_pair(items: Sequence[object]) -> bool:
    """Whether it is a role and a text, as LangChain writes messages for short."""
    if len(items) != 2 or not all(isinstance(item, str) for item in items):
        return False
    return items[0] in ("user", "assistant", "system", *_ROLES)


def _role_of(name: object) -> str:
    return _ROLES.get(str(name), str(name))


def _flat(items: Iterable[object]) -> Iterator[object]:
    """The items, and those of lists in it: LangChain sends batches of conversations."""
    for item in items:
        if isinstance(item, list):
            yield from item
        else:
            yield item


def _parsed(text: str) -> object:
    """The object or list that a text spells; None if it spells none."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        document: object = orjson.loads(text)
    except ValueError:
        return None
    return document


def _text_or_none(value: Mapping[str, object], key: str) -> str | None:
    text = value.get(key)
    return text if isinstance(text, str) else None
