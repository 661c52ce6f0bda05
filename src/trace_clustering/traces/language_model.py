"""One question to a language model, through ``pydantic-ai``, which is heavy to import.

Import this module where a question is asked, not before.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic
from urllib.parse import urlsplit

import httpx
import openai
from pydantic_ai import Agent, ModelRetry, TextOutput, ToolOutput
from pydantic_ai import exceptions as errors
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RunUsage

from trace_clustering.observability import get_logger
from trace_clustering.traces import endpoints
from trace_clustering.traces.asking import (
    AnswerT,
    NoAnswer,
    Question,
    Usage,
    answer_in,
    problem_of,
)

log = get_logger()

_CONTENT_CODES = ("content_filter", "content_policy_violation", "invalid_prompt")
_NOT_FOR_THE_TEXT = (errors.ModelAuthenticationError, errors.ModelNotFoundError)
# What reading an answer raises that has JSON's form but not that of a chat: a date in the year
# 55,000, choices that are a number, half a character.
_OF_NONSENSE = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError)

# So often a question that waits for its answer says that it is alive.
_PULSE_SECONDS = 0.1


@dataclass(frozen=True)
class LanguageModel:
    """One model at one endpoint that speaks OpenAI's API for chats.

    Attributes:
        base_url: of the API, such as https://host/v1.
    """

    base_url: str
    model: str
    api_key: str | None

    def ask(
        self,
        question: Question[AnswerT],
        *,
        with_tool: bool,
        timeout_seconds: float,
        usage: Usage,
        on_progress: Callable[[], None],
    ) -> AnswerT | NoAnswer:
        """Ask one question, in an event loop of its own.

        Args:
            with_tool: offer a tool to call; otherwise the answer is text that holds JSON.
            timeout_seconds: for all tries together.
            usage: gets what the answers have taken.
            on_progress: called often while it waits; what it raises breaks the question off.
        """
        broken_off: list[BaseException] = []

        def listen() -> None:
            try:
                on_progress()
            except BaseException as error:
                broken_off.append(error)
                raise

        asking = _Asking(self, question, with_tool, timeout_seconds, usage, listen)
        try:
            return asyncio.run(asking.answer())
        except RecursionError:
            return NoAnswer("invalid", "answers with something that is nested too deep")
        except Exception as error:
            if any(error is one for one in broken_off):
                raise
            return _Failure(self.api_key, question.what, timeout_seconds).no_answer(error)


@dataclass(frozen=True)
class _Asking(Generic[AnswerT]):
    """One question under way."""

    model: LanguageModel
    question: Question[AnswerT]
    with_tool: bool
    timeout_seconds: float
    usage: Usage
    on_progress: Callable[[], None]

    async def answer(self) -> AnswerT:
        used = RunUsage()
        received: list[httpx.Response] = []
        try:
            async with self._client(received) as client, asyncio.timeout(self.timeout_seconds):
                return await self._watched(self._run(client, used, received))
        finally:
            self.usage.add(used.requests, used.input_tokens, used.output_tokens)

    async def _run(
        self, client: openai.AsyncOpenAI, used: RunUsage, received: Sequence[httpx.Response]
    ) -> AnswerT:
        settings = ModelSettings()
        if self.question.max_tokens is not None:
            settings["max_tokens"] = self.question.max_tokens
        agent = self._agent(client)
        try:
            run = await agent.run(self.question.prompt, usage=used, model_settings=settings)
        except (errors.AgentRunError, RecursionError):
            raise
        except (*_OF_NONSENSE, RuntimeError) as error:
            if not received:
                raise
            raise errors.UnexpectedModelBehavior("the answer cannot be read") from error
        return run.output

    async def _watched(self, work: Coroutine[Any, Any, AnswerT]) -> AnswerT:
        """Wait for the work; whoever wants it broken off is heard in the meantime."""
        task = asyncio.create_task(work)
        try:
            while not task.done():
                await asyncio.wait({task}, timeout=_PULSE_SECONDS)
                self.on_progress()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return task.result()

    @asynccontextmanager
    async def _client(self, received: list[httpx.Response]) -> AsyncIterator[openai.AsyncOpenAI]:
        """A client that notes what it receives."""
        model = self.model

        async def note(response: httpx.Response) -> None:
            received.append(response)

        async with openai.AsyncOpenAI(
            base_url=model.base_url,
            api_key=model.api_key or "none",  # the client wants one; endpoints without do not look
            max_retries=0,
            timeout=self.timeout_seconds,
            http_client=openai.DefaultAsyncHttpxClient(
                verify=_trusted(),
                trust_env=endpoints.uses_proxies(model.base_url),
                event_hooks={"response": [note]},
            ),
        ) as client:
            yield client

    def _agent(self, client: openai.AsyncOpenAI) -> Agent[object, AnswerT]:
        question = self.question
        model = OpenAIChatModel(
            self.model.model,
            provider=OpenAICompatibleProvider("endpoint", openai_client=client),
            profile=OpenAIModelProfile(
                # Wherever it runs, nothing in a trace may pass for a turn of the conversation.
                may_tokenize_special_tokens_in_content=True,
                openai_chat_supports_max_completion_tokens=counts_thoughts(self.model.base_url),
            ),
        )
        output: list[Any] = [TextOutput(self._of_text)]
        if self.with_tool:
            output.insert(0, ToolOutput(question.answer_type, name=question.tool_name))
        return Agent(
            model,
            output_type=output,
            instructions=question.instructions,
            name=question.tool_name,
            retries=question.tries - 1,
        )

    def _of_text(self, text: str) -> AnswerT:
        try:
            return answer_in(text, self.question.answer_type)
        except ValueError as error:
            raise ModelRetry(problem_of(error)) from error


@dataclass(frozen=True)
class _Failure:
    """What an error says to who asked."""

    api_key: str | None
    what: str
    timeout_seconds: float

    def no_answer(self, error: Exception) -> NoAnswer:
        match error:
            case errors.ContentFilterError():
                return NoAnswer("refused", self._told(error))
            case errors.ModelAPIError():
                return self._of_api(error)
            case errors.UnexpectedModelBehavior():
                return NoAnswer("invalid", f"answers with something that is no {self.what}")
            case TimeoutError():
                return self._too_late()
        # A proxy of a kind that needs another package, a list of authorities that is not there, a
        # redirect to nowhere: each is told, and costs the answer alone.
        told = endpoints.message(f"{type(error).__name__}: {error}", self.api_key)
        log.warning("Language model cannot be asked", exc_info=error)
        return NoAnswer("unreachable", f"cannot be asked: {told}", for_every_text=True)

    def _of_api(self, error: errors.ModelAPIError) -> NoAnswer:
        detail = self._told(error)
        match error:
            case errors.ModelTimeoutError():
                return self._too_late()
            case errors.ModelRateLimitError():
                asked = error.retry_after
                return NoAnswer("rate_limited", detail, True, asked, for_every_text=True)
            case errors.ModelQuotaExceededError():
                return NoAnswer("rate_limited", detail, for_every_text=True)
            case errors.ModelConnectionError() | errors.ModelUnavailableError():
                return NoAnswer("unreachable", detail, True, error.retry_after, True)
            case errors.ModelServerError():
                return NoAnswer(
                    "unreachable", detail, True, error.retry_after, True, "tool" in detail.lower()
                )
            case errors.ModelHTTPError():
                return self._of_refused_request(error, detail)
        return NoAnswer("invalid", "answers with something that is no answer")

    def _of_refused_request(self, error: errors.ModelHTTPError, detail: str) -> NoAnswer:
        if any(code in str(error.body) for code in _CONTENT_CODES):
            return NoAnswer("refused", detail)
        is_for_all = isinstance(error, _NOT_FOR_THE_TEXT)
        return NoAnswer(
            "rejected",
            detail,
            for_every_text=is_for_all,
            for_tools="tool" in detail.lower() or error.status_code in (400, 422, 501),
        )

    def _too_late(self) -> NoAnswer:
        told = f"does not answer within {self.timeout_seconds:g} seconds"
        return NoAnswer("timeout", told, for_every_text=True)

    def _told(self, error: errors.AgentRunError) -> str:
        if not isinstance(error, errors.ModelHTTPError):
            return endpoints.message(getattr(error, "message", ""), self.api_key)
        said = error.body.get("message") if isinstance(error.body, dict) else error.body
        # What an endpoint says of a key that it does not know may hold a part of the key.
        is_known = isinstance(error, errors.ModelAuthenticationError) or said is None
        told = "" if is_known else endpoints.message(str(said), self.api_key)
        return f"answers {error.status_code}{f': {told}' if told else ''}"


def counts_thoughts(base_url: str) -> bool:
    """Whether an answer's bound has OpenAI's newer name, which others often do not know."""
    host = urlsplit(base_url).hostname or ""
    return host.endswith((".openai.com", ".azure.com"))


@cache
def _trusted() -> ssl.SSLContext:
    """Authorities that vouch for an endpoint."""
    # Half of what a question costs here, if it were read for each.
    return httpx.create_ssl_context()
