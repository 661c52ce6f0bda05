"""What a trace is: one run of an LLM application, as a list of chat messages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One request of the model to run a tool.

    Attributes:
        id: the id that the tool's answer refers to; empty where the source gave none.
        name: name of the tool.
        arguments: the arguments as the model wrote them, usually JSON text.
    """

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message.

    Attributes:
        role: such as ``system``, ``user``, ``assistant`` or ``tool``.
        content: its text; empty where there is none. A part that is no text is a placeholder.
        tool_calls: the tools that an assistant message asks for, in order.
        tool_call_id: on a tool's answer, the id of the call it answers.
        name: name of the author or the tool.
    """

    role: str
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """One run of an LLM application.

    Attributes:
        trace_id: unique within a team.
        timestamp: when it began; aware, in UTC.
        model: name of the model, where known.
        user_id: who it was run for, where known.
        is_error: whether the run failed.
        metadata: further facts, JSON values only.
        messages: the conversation, oldest first; at least one.
    """

    trace_id: str
    timestamp: datetime
    model: str | None
    user_id: str | None
    is_error: bool
    metadata: Mapping[str, object] = field(hash=False)
    messages: tuple[Message, ...]

    @property
    def tools(self) -> tuple[str, ...]:
        """Names of the tools that were called, in order, with repetitions."""
        return tuple(call.name for message in self.messages for call in message.tool_calls)

    @property
    def last_assistant_text(self) -> str:
        """Text of the last assistant message that has any; empty if none has."""
        texts = self.texts_of("assistant")
        return texts[-1] if texts else ""

    def texts_of(self, role: str) -> tuple[str, ...]:
        """Texts of all messages of ``role`` that hold more than whitespace, oldest first."""
        return tuple(m.content for m in self.messages if m.role == role and m.content.strip())
