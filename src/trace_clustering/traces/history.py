"""What was said so far: tells what one more conversation adds to those before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TypeAlias

import orjson

from trace_clustering.traces.trace import Message, ToolCall

_Atom: TypeAlias = tuple[str, str] | tuple[str, str, str]


class History:
    """What was said so far, to tell what a further conversation adds.

    Texts, tool calls and answers are compared one by one, because the same turn may be one
    message in a model's output and several in the next input. The ids of calls do not count, nor
    how the JSON of arguments and answers is spelled.
    """

    def __init__(self) -> None:
        self._known: Counter[_Atom] = Counter()
        self._spellings: dict[str, str] = {}

    def add(self, conversation: Iterable[Message]) -> list[Message]:
        """What of ``conversation`` is new; from now on it is known."""
        return [message for _, message in self.additions(conversation)]

    def additions(self, conversation: Iterable[Message]) -> list[tuple[int, Message]]:
        """The same, each with its position in ``conversation``."""
        counts: Counter[_Atom] = Counter()
        added = []
        for position, message in enumerate(conversation):
            new = self._new_part(message, counts)
            if new is not None:
                added.append((position, new))
        for atom, count in counts.items():
            if count > self._known[atom]:
                self._known[atom] = count
        return added

    def hear(self, role: str, text: str) -> None:
        """Someone said this once more."""
        self._known[self._text(role, text.strip())] += 1

    def knows_call(self, call: ToolCall) -> bool:
        """Whether this very call was made."""
        return self._call(call) in self._known

    def knows_text(self, role: str, text: str) -> bool:
        """Whether someone in that role said this."""
        return self._text(role, text.strip()) in self._known

    def _new_part(self, message: Message, counts: Counter[_Atom]) -> Message | None:
        """The message, or what of it is new; None if nothing is."""
        text = message.content.strip()
        text_is_new = False
        if text or not message.tool_calls:
            text_is_new = self._is_new(self._text(message.role, text), counts)
        if not message.tool_calls:
            return message if text_is_new else None
        calls = tuple(c for c in message.tool_calls if self._is_new(self._call(c), counts))
        if len(calls) == len(message.tool_calls) and (text_is_new or not text):
            return message
        if not calls and not text_is_new:
            return None
        content = message.content if text_is_new else ""
        return Message(message.role, content, calls, message.tool_call_id, message.name)

    def _is_new(self, atom: _Atom, counts: Counter[_Atom]) -> bool:
        counts[atom] += 1
        return counts[atom] > self._known[atom]

    def _text(self, role: str, text: str) -> _Atom:
        return (role, self._canonical(text) if role == "tool" else text)

    def _call(self, call: ToolCall) -> _Atom:
        return ("", call.name, self._canonical(call.arguments.strip()))

    def _canonical(self, text: str) -> str:
        """JSON in one spelling, whatever the order of keys and the spaces between."""
        if not text.startswith(("{", "[")):
            return text
        if text not in self._spellings:
            self._spellings[text] = _respelled(text)
        return self._spellings[text]


def _respelled(text: str) -> str:
    try:
        return orjson.dumps(orjson.loads(text), option=orjson.OPT_SORT_KEYS).decode()
    except (ValueError, TypeError):
        return text
