"""Questions to a language model whose answers have a form: what is asked, and what comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from pydantic import BaseModel

from trace_clustering.traces import endpoints
from trace_clustering.traces.fields import MAX_COUNT

if TYPE_CHECKING:
    from trace_clustering.traces.language_model import LanguageModel

FailureReason = Literal["refused", "timeout", "rate_limited", "invalid", "unreachable", "rejected"]
"""The model will not; is too slow; too busy; answers nonsense; is not there; takes no such
request."""

AnswerT = TypeVar("AnswerT", bound=BaseModel)


@dataclass(frozen=True)
class Question(Generic[AnswerT]):
    """One question.

    Attributes:
        instructions: who the model is to be, and what it is to do.
        prompt: what it is asked.
        answer_type: the form of the answer.
        tool_name: the tool that takes the answer, where the endpoint takes tools.
        what: what a good answer is, such as "summary".
        tries: how often it is asked at most, until the answer has its form.
        max_tokens: bound of the answer; None for the endpoint's own.
    """

    instructions: str
    prompt: str
    answer_type: type[AnswerT]
    tool_name: str
    what: str
    tries: int = 2
    max_tokens: int | None = None


@dataclass(frozen=True)
class NoAnswer:
    """Why there is no answer.

    Attributes:
        detail: for a person; never what was asked nor a key.
        again: whether the same question may be answered later.
        asked_seconds: how long the endpoint asks to wait.
        for_every_text: whether other questions will hardly fare better now.
        for_tools: whether the endpoint may take the question without a tool on offer.
    """

    reason: FailureReason
    detail: str
    again: bool = False
    asked_seconds: float | None = None
    for_every_text: bool = False
    for_tools: bool = False


@dataclass
class Usage:
    """What answers have taken, as far as the endpoint says.

    Attributes:
        answers: good ones and others.
    """

    answers: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def add(self, answers: int, input_tokens: int, output_tokens: int) -> None:
        """Count more of each."""
        self.answers += answers
        # An endpoint may say anything.
        self.input_tokens += min(max(input_tokens, 0), MAX_COUNT)
        self.output_tokens += min(max(output_tokens, 0), MAX_COUNT)


class Asker:
    """Asks one model at one endpoint; safe to share between threads.

    Args:
        url: the API's base, such as https://host/v1; without a path it gets ``/v1``.
        model: its name there.
        api_key: sent as a bearer token.
        timeout_seconds: for one question with all that belongs to it.
    """

    def __init__(self, url: str, model: str, api_key: str | None, timeout_seconds: float) -> None:
        self.model = model
        self.timeout_seconds = timeout_seconds
        self._url = endpoints.api_base(url)
        self._api_key = api_key
        self._takes_tools = True

    @property
    def place(self) -> str:
        """Who is asked, for a person."""
        return f"language model {self.model} at {endpoints.place(self._url)}"

    def ask(
        self,
        question: Question[AnswerT],
        *,
        timeout_seconds: float | None = None,
        usage: Usage | None = None,
        on_progress: Callable[[], None] = lambda: None,
    ) -> AnswerT | NoAnswer:
        """Ask with a tool on offer; without, of an endpoint that takes none.

        Args:
            timeout_seconds: less than usual.
            usage: gets what the answers have taken.
            on_progress: called often while it waits; what it raises breaks the question off.
        """
        seconds = timeout_seconds or self.timeout_seconds

        def once(with_tool: bool) -> AnswerT | NoAnswer:
            return self._language_model.ask(
                question,
                with_tool=with_tool,
                timeout_seconds=seconds,
                usage=usage or Usage(),
                on_progress=on_progress,
            )

        if not self._takes_tools:
            return once(False)
        answer = once(True)
        if not isinstance(answer, NoAnswer) or not answer.for_tools:
            return answer
        without = once(False)
        if not isinstance(without, NoAnswer):
            self._takes_tools = False
        return without

    @cached_property
    def _language_model(self) -> LanguageModel:
        # Only who asks a model pays for loading what it takes.
        from trace_clustering.traces.language_model import LanguageModel

        return LanguageModel(self._url, self.model, self._api_key)


def answer_in(text: str, answer_type: type[AnswerT]) -> AnswerT:
    """The answer in a text: its outermost JSON object, whatever is said around it.

    Raises:
        ValueError: there is none, or it does not have the form.
    """
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start:
        raise ValueError("answer with one JSON object and nothing else")
    return answer_type.model_validate_json(text[start : end + 1])


def problem_of(error: Exception) -> str:
    """What a model is told of an answer that is none, without repeating it."""
    errors: Any = getattr(error, "errors", None)
    if errors is None:
        return str(error)
    told = errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in told[:5])
