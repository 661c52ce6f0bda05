"""What the clients watch: a shop's help desk that calls a model and tools, and 100 visits to it.

The desk is the same for every client. Each visit is a trace of its own: a question, a call of the
model that asks for a tool, the tool, and a second call that answers. In some of them the model or
the tool fails. What must be known of each afterwards follows from the visit alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from openai.types.chat import ChatCompletionFunctionToolParam

from tests.support.fake_openai import Call, Fail, Request, Say

MODEL = "gpt-4o-mini"
SYSTEM = "You are the help desk of a shop."
ERROR_TEXTS = {"overloaded": "the model is overloaded", "refused": "this prompt is too long"}
TOOL_ERROR = "the warehouse does not answer"

Trouble = Literal["", "overloaded", "refused", "tool"]


@dataclass(frozen=True)
class Subject:
    """A kind of question, and the tool that the model asks for."""

    question: str
    tool: str
    answer: str


SUBJECTS = (
    Subject("The parcel with my shoes has not arrived, where is the delivery", "track_parcel",
            "The parcel arrives tomorrow."),
    Subject("I forgot my password and cannot log in to my account any more", "reset_password",
            "A mail with a link is on its way."),
    Subject("The invoice charged my credit card twice, please refund the money", "find_invoice",
            "The second charge is refunded."),
    Subject("Please recommend a warm winter jacket made of wool for hiking", "search_catalogue",
            "The jacket Alpina is made of wool."),
)  # fmt: skip

# So many of each ten visits have this trouble, spread over all subjects.
TROUBLES: dict[int, Trouble] = {2: "overloaded", 5: "tool", 9: "refused"}
WORDS = ("hello", "good morning", "hi there", "thanks in advance", "it is urgent")


@dataclass(frozen=True)
class Visit:
    """One run of the help desk: what is asked, and all that must be known of it afterwards."""

    number: int

    @property
    def subject(self) -> Subject:
        return SUBJECTS[self.number % len(SUBJECTS)]

    @property
    def trouble(self) -> Trouble:
        return TROUBLES.get(self.number % 10, "")

    @property
    def question(self) -> str:
        """Of its own for each visit, by its number."""
        return f"{self.subject.question}, {WORDS[self.number % len(WORDS)]} ({self.number})"

    @property
    def user(self) -> str:
        return f"user-{self.number % 7}"

    @property
    def session(self) -> str:
        return f"session-{self.number % 20}"

    @property
    def arguments(self) -> dict[str, int]:
        return {"visit": self.number}

    @property
    def is_error(self) -> bool:
        """Whether the run as a whole fails; of a tool that fails the model makes the best."""
        return self.trouble in ERROR_TEXTS

    @property
    def tool_text(self) -> str:
        """What the tool gives back, or why it fails."""
        return TOOL_ERROR if self.trouble == "tool" else f"{self.subject.tool} found {self.number}"

    @property
    def input_tokens(self) -> int:
        """Of both calls; one that fails names none."""
        first, second = 100 + self.number, 200 + self.number
        return first if self.is_error else first + second

    @property
    def output_tokens(self) -> int:
        return 10 if self.is_error else 30


VISITS = tuple(map(Visit, range(100)))
_BY_QUESTION = {visit.question: visit for visit in VISITS}

TOOLS: list[ChatCompletionFunctionToolParam] = [
    {
        "type": "function",
        "function": {
            "name": subject.tool,
            "description": f"Answers: {subject.question}?",
            "parameters": {"type": "object", "properties": {"visit": {"type": "integer"}}},
        },
    }
    for subject in SUBJECTS
]


class ToolError(Exception):
    """A tool could not do what it was asked for."""


def use_tool(name: str, arguments: str) -> str:
    """What the tool says.

    Raises:
        ToolError: the visit is one whose tool fails.
    """
    number: int = json.loads(arguments)["visit"]
    visit = VISITS[number]
    assert visit.subject.tool == name
    if visit.trouble == "tool":
        raise ToolError(visit.tool_text)
    return visit.tool_text


def attend(visit: Visit, chat: Callable[[list[Any]], Any], tool: Callable[[str, str], str]) -> str:
    """Answer a visitor: the application itself, whoever watches it.

    Args:
        chat: calls the model with messages; what it raises is not caught.
        tool: runs a tool by its name and arguments.
    """
    messages: list[Any] = [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": visit.question},
    ]
    wish = chat(messages).choices[0].message
    call = wish.tool_calls[0]
    try:
        result = tool(call.function.name, call.function.arguments)
    except ToolError as error:
        result = f"failed: {error}"
    messages.append(wish.model_dump(exclude_none=True))
    messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
    return str(chat(messages).choices[0].message.content)


def model_answer(request: Request) -> Say | Fail:
    """What the fake of the model's API says to a request of the help desk."""
    messages = request.body["messages"]
    visit = _BY_QUESTION[messages[1]["content"]]
    if messages[-1]["role"] == "user":
        calls = [Call(visit.subject.tool, visit.arguments)]
        return Say(calls=calls, input_tokens=100 + visit.number, output_tokens=10)
    if visit.trouble == "overloaded":
        return Fail(500, ERROR_TEXTS["overloaded"])
    if visit.trouble == "refused":
        return Fail(400, ERROR_TEXTS["refused"])
    return Say(visit.subject.answer, input_tokens=200 + visit.number, output_tokens=20)
