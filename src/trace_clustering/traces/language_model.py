"""One question to a language model, through ``pydantic-ai``, which is heavy to import.

Import this module where a question is asked, not before.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx
import openai
from pydantic_ai import Agent, ModelRetry, TextOutput, ToolOutput
from pydantic_ai import exceptions as errors
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.profiles import ModelProfile
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

from trace_clustering.traces import endpoints, prompting
from trace_clustering.traces.summarizing import FailureReason
from trace_clustering.traces.summary_answer import SummaryAnswer, answer_of_text, problem_of

_CONTENT_CODES = ("content_filter", "content_policy_violation", "invalid_prompt")
_NOT_FOR_THE_TEXT = (errors.ModelAuthenticationError, errors.ModelNotFoundError)


@dataclass(frozen=True)
class NoAnswer:
    """Why there is no summary.

    Attributes:
        again: whether the same question may be answered later.
        asked_seconds: how long the endpoint asks to wait.
        for_every_text: whether others of the same batch will hardly fare better.
        for_tools: whether the endpoint may take the question without a tool on offer.
    """

    reason: FailureReason
    detail: str
    again: bool = False
    asked_seconds: float | None = None
    for_every_text: bool = False
    for_tools: bool = False


@dataclass(frozen=True)
class LanguageModel:
    """One model at one endpoint that speaks OpenAI's API for chats.

    Attributes:
        base_url: of the API, such as https://host/v1.
        timeout_seconds: for one question with all that belongs to it.
    """

    base_url: str
    model: str
    api_key: str | None
    timeout_seconds: float

    def ask(self, text: str, *, with_tool: bool) -> SummaryAnswer | NoAnswer:
        """Ask for the summary of a numbered text, in an event loop of its own.

        An answer that is none is sent back once.

        Args:
            with_tool: offer a tool to call; otherwise the answer is text that holds JSON.
        """
        try:
            return asyncio.run(self._ask(text, with_tool))
        except (errors.AgentRunError, TimeoutError) as error:
            return self._no_answer(error)
        except RecursionError:
            return NoAnswer("invalid", "answers with something that is nested too deep")

    async def _ask(self, text: str, with_tool: bool) -> SummaryAnswer:
        async with self._client() as client, asyncio.timeout(self.timeout_seconds):
            run = await self._agent(client, with_tool).run(prompting.prompt(text))
            return run.output

    @cached_property
    def _trusted(self) -> ssl.SSLContext:
        # Half of what a question costs here, if it were read for each.
        return httpx.create_ssl_context()

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[openai.AsyncOpenAI]:
        async with openai.AsyncOpenAI(
            base_url=self.base_url,
            api_key=self.api_key or "none",  # the client wants one; endpoints without do not look
            max_retries=0,
            timeout=self.timeout_seconds,
            http_client=openai.DefaultAsyncHttpxClient(
                verify=self._trusted, trust_env=endpoints.uses_proxies(self.base_url)
            ),
        ) as client:
            yield client

    def _agent(self, client: openai.AsyncOpenAI, with_tool: bool) -> Agent[object, SummaryAnswer]:
        model = OpenAIChatModel(
            self.model,
            provider=OpenAICompatibleProvider("endpoint", openai_client=client),
            # Wherever it runs, nothing in a trace may pass for a turn of the conversation.
            profile=ModelProfile(may_tokenize_special_tokens_in_content=True),
        )
        output: list[Any] = [TextOutput(_answer_of_text)]
        if with_tool:
            output.insert(0, ToolOutput(SummaryAnswer, name=prompting.TOOL_NAME))
        return Agent(
            model,
            output_type=output,
            instructions=prompting.INSTRUCTIONS,
            name="trace_summary",
            retries=1,
        )

    def _no_answer(self, error: errors.AgentRunError | TimeoutError) -> NoAnswer:
        match error:
            case errors.ContentFilterError():
                return NoAnswer("refused", self._told(error))
            case errors.ModelAPIError():
                return self._of_api(error)
            case errors.UnexpectedModelBehavior():
                return NoAnswer("invalid", "answers with something that is no summary")
            case TimeoutError():
                return self._too_late()
            case _:
                raise error

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


def _answer_of_text(text: str) -> SummaryAnswer:
    try:
        return answer_of_text(text)
    except ValueError as error:
        raise ModelRetry(problem_of(error)) from error
