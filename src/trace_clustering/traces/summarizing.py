"""Summaries of traces by a language model; where it fails, a reason instead of a summary."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from trace_clustering.models.traces import TraceSummary
from trace_clustering.traces import prompting
from trace_clustering.traces.asking import Asker, FailureReason, NoAnswer
from trace_clustering.traces.endpoints import Patience
from trace_clustering.traces.summary_answer import SummaryAnswer, as_summary

# After so many texts in a row that failed for no fault of theirs, the others are not asked about.
_MOST_IN_A_ROW = 3


@dataclass(frozen=True)
class SummaryFailure:
    """Why there is no summary of a text.

    Attributes:
        detail: for a person; never the text itself nor a key.
    """

    reason: FailureReason
    detail: str


class Summarizer(Protocol):
    """Summarizes numbered texts of traces."""

    @property
    def model_name(self) -> str:
        """Name that is stored beside each summary."""
        ...

    def summarize(self, texts: Sequence[str]) -> list[TraceSummary | SummaryFailure]:
        """For each text, in order, its summary or why there is none."""
        ...


class LanguageModelSummarizer:
    """Summaries by a model behind any OpenAI-compatible endpoint; safe to share between threads.

    A text that fails does not hurt the others. What can heal is tried again, when the endpoint
    says; once several texts in a row have failed because the endpoint did, the rest fail at once.

    Args:
        url: the API's base, such as https://host/v1; without a path it gets ``/v1``.
        model: its name there.
        api_key: sent as a bearer token.
        timeout_seconds: for one text and one try.
        concurrency: texts asked about at once, of all threads together.
        patience: with each text.
    """

    def __init__(
        self,
        url: str,
        model: str,
        api_key: str | None = None,
        *,
        timeout_seconds: float = 60.0,
        concurrency: int = 4,
        patience: Patience | None = None,
    ) -> None:
        self._asker = Asker(url, model, api_key, timeout_seconds)
        self._concurrency = concurrency
        self._patience = patience or Patience(budget_seconds=60.0, tries=4)
        self._slots = threading.BoundedSemaphore(concurrency)

    @property
    def model_name(self) -> str:
        """The model's name as it was given."""
        return self._asker.model

    def summarize(self, texts: Sequence[str]) -> list[TraceSummary | SummaryFailure]:
        """For each text, in order, its summary or why there is none; waits for all of them."""
        if not texts:
            return []
        endpoint = _Endpoint()
        with ThreadPoolExecutor(min(self._concurrency, len(texts))) as pool:
            return list(pool.map(lambda text: self._one(endpoint, text), texts))

    def _one(self, endpoint: _Endpoint, text: str) -> TraceSummary | SummaryFailure:
        sendable = text.encode("utf-8", "replace").decode("utf-8")
        with self._slots:
            answer = endpoint.failure or self._patiently(endpoint, sendable)
        if isinstance(answer, SummaryAnswer):
            endpoint.note(None)
            return as_summary(answer, text, self.model_name)
        endpoint.note(answer)
        return SummaryFailure(answer.reason, f"{self._asker.place} {answer.detail}")

    def _patiently(self, endpoint: _Endpoint, text: str) -> SummaryAnswer | NoAnswer:
        since = self._patience.clock()
        question = prompting.question(text)
        for tries in itertools.count(1):
            answer = self._asker.ask(question)
            if isinstance(answer, SummaryAnswer) or not answer.again or endpoint.failure:
                return answer
            if not self._patience.wait(tries, since, answer.asked_seconds):
                return answer
        raise AssertionError("unreachable")


@dataclass
class _Endpoint:
    """How the endpoint fares during one call.

    Attributes:
        failure: why it is not asked any more; None while it is.
    """

    failure: NoAnswer | None = None
    _in_a_row: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, answer: NoAnswer | None) -> None:
        """Take down how a text fared; None if it has its summary."""
        with self._lock:
            is_down = answer is not None and answer.for_every_text
            self._in_a_row = self._in_a_row + 1 if is_down else 0
            if self._in_a_row >= _MOST_IN_A_ROW and self.failure is None:
                self.failure = answer
