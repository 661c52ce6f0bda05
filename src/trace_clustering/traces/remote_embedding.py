"""Vectors from any endpoint that speaks OpenAI's API for embeddings."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import httpx
import numpy as np
from numpy.typing import NDArray

from trace_clustering.errors import EmbeddingError, EmbeddingRefusedError
from trace_clustering.traces import endpoints
from trace_clustering.traces.embedding import encodable
from trace_clustering.traces.embedding_api import EmbeddingsApi, Failed, Row
from trace_clustering.traces.endpoints import Patience

# A text may be refused for its length: it is cut to these, one after another.
_SHORTER_CHARS = (8_192, 2_048)
_PROBE = "Is anybody there?"


_Future = Future[list["Row | _Refused"]]


class _Refused(Exception):
    """The endpoint takes other texts, but not these."""


class _GaveUp(Exception):
    """It is not for the texts that there are no vectors."""


class OpenAIEmbedder:
    """Vectors from ``POST {url}/embeddings``; safe to share between threads.

    Texts go out in batches, some at a time; of a long one, only its leading characters. A text
    of white space alone is not sent: its row is zeros. What can heal is tried again, when the
    endpoint says. A batch that is refused is divided until a text that is at fault stands
    alone; that one is cut before it is given up.

    Args:
        url: the API's base, such as https://host/v1; without a path it gets ``/v1``.
        model: its name there, which is stored beside the vectors.
        api_key: sent as a bearer token.
        batch_size: texts in one request at most.
        concurrency: requests at once, of all threads together.
        timeout_seconds: for each part of one request.
        patience: with each request.
    """

    def __init__(
        self,
        url: str,
        model: str,
        api_key: str | None = None,
        *,
        batch_size: int = 64,
        concurrency: int = 4,
        timeout_seconds: float = 120.0,
        patience: Patience | None = None,
    ) -> None:
        address = f"{endpoints.api_base(url)}/embeddings"
        self._api = EmbeddingsApi(address, model, api_key, timeout_seconds)
        self._batch_size = batch_size
        self._concurrency = concurrency
        self._patience = patience or Patience()
        self._slots = threading.BoundedSemaphore(concurrency)
        self._lock = threading.Lock()
        self._dimensions: int | None = None

    @property
    def model_name(self) -> str:
        """The model's name as it was given."""
        return self._api.model

    @property
    def dimensions(self) -> int:
        """Length of each vector; asks the endpoint where nothing was embedded yet.

        Raises:
            EmbeddingError: it does not answer as it should.
        """
        if self._dimensions is None:
            self.embed([_PROBE])
        assert self._dimensions is not None
        return self._dimensions

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of ``texts`` in the same order, shape (len(texts), dimensions).

        Raises:
            EmbeddingRefusedError: the endpoint takes other texts, but not those it names.
            EmbeddingError: it cannot be reached, refuses everything or answers nonsense.
        """
        sent = [position for position, text in enumerate(texts) if text.strip()]
        found = self._found([encodable(texts[position]) for position in sent])
        rows = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        refused: dict[int, _Refused] = {}
        for position, row in zip(sent, found, strict=True):
            if isinstance(row, _Refused):
                refused[position] = row
            else:
                rows[position] = row
        if refused:
            first = next(iter(refused.values()))
            problem = f"refuses {len(refused)} of {len(texts)} texts: it {first}"
            raise EmbeddingRefusedError(self._sentence(problem), tuple(refused), rows)
        return rows

    def _found(self, texts: Sequence[str]) -> list[Row | _Refused]:
        """Of each text its row, or why there is none."""
        starts = range(0, len(texts), self._batch_size)
        if not texts:
            return []
        with (
            self._api.client() as http,
            _workers(min(self._concurrency, len(starts))) as (submit, over),
        ):
            call = _Call(partial(self._ask, http), self._patience, over)
            futures = [submit(call.batch, texts[at : at + self._batch_size]) for at in starts]
            try:
                return list(itertools.chain.from_iterable(f.result() for f in futures))
            except _GaveUp:
                # An earlier batch may have given up because of a later one.
                raise EmbeddingError(self._sentence(over[0])) from None

    def _ask(self, http: httpx.Client, texts: Sequence[str]) -> list[Row] | Failed:
        with self._slots:
            answer = self._api.ask(http, texts)
        return answer if isinstance(answer, Failed) else self._of_one_length(answer)

    def _of_one_length(self, rows: list[Row]) -> list[Row] | Failed:
        lengths = sorted({len(row) for row in rows})
        with self._lock:
            wanted = self._dimensions or lengths[0]
            if lengths != [wanted] or wanted == 0:
                shown = ", ".join(str(length) for length in lengths)
                return Failed(
                    f"answers with vectors of {shown} numbers, expected {wanted or 'some'}"
                )
            self._dimensions = wanted
        return rows

    def _sentence(self, problem: str) -> str:
        return f"embedding model {self._api.model} at {endpoints.place(self._api.url)} {problem}"


@dataclass(frozen=True)
class _Call:
    """One call of ``embed``.

    Attributes:
        ask: makes one request.
        over: reasons to ask no more, the first one first. Threads add to it, which a list allows.
    """

    ask: Callable[[Sequence[str]], list[Row] | Failed]
    patience: Patience
    over: list[str]

    def batch(self, texts: Sequence[str]) -> list[Row | _Refused]:
        """Of each text its row, or why there is none; raises _GaveUp if it is no text's fault."""
        try:
            return self._found(texts)
        except _GaveUp as error:
            # Here and not where the results are read: that thread may take its time to see it.
            self.over.append(str(error))
            raise

    def _found(self, texts: Sequence[str]) -> list[Row | _Refused]:
        try:
            return list(self._rows(texts))
        except _Refused as refusal:
            self._check_that_others_are_taken()
            return self._divided(texts, refusal)

    def _check_that_others_are_taken(self) -> None:
        """If not even this is, it is not for what the texts are: a wrong model, say."""
        try:
            self._rows([_PROBE])
        except _Refused as refusal:
            raise _GaveUp(str(refusal)) from None

    def _divided(self, texts: Sequence[str], refusal: _Refused) -> list[Row | _Refused]:
        if len(texts) == 1:
            return [self._cut(texts[0], refusal)]
        half = len(texts) // 2
        found: list[Row | _Refused] = []
        for part in (texts[:half], texts[half:]):
            try:
                found += self._rows(part, are_suspect=True)
            except _Refused as again:
                found += self._divided(part, again)
        return found

    def _cut(self, text: str, refusal: _Refused) -> Row | _Refused:
        """The row of as much of a refused text as is taken."""
        for length in _SHORTER_CHARS:
            if length < len(text):
                try:
                    return self._rows([text[:length]], are_suspect=True)[0]
                except _Refused as again:
                    refusal = again
        return refusal

    def _rows(self, texts: Sequence[str], *, are_suspect: bool = False) -> list[Row]:
        """The rows, after as many tries as are worth it; suspects get one where it may be them."""
        since = self.patience.clock()
        for tries in itertools.count(1):
            if self.over:
                raise _GaveUp(self.over[0])
            answer = self.ask(texts)
            if not isinstance(answer, Failed):
                return answer
            if answer.for_its_texts and (are_suspect or not answer.again):
                raise _Refused(answer.problem)
            again = answer.again and not self.over
            if not (again and self.patience.wait(tries, since, answer.asked_seconds)):
                raise _Refused(answer.problem) if answer.for_its_texts else _GaveUp(answer.problem)
        raise AssertionError("unreachable")


@contextmanager
def _workers(count: int) -> Iterator[tuple[Callable[..., _Future], list[str]]]:
    """Threads, and the reasons for which they ask no more: one is that nobody waits any longer."""
    over: list[str] = []
    pool = ThreadPoolExecutor(count)
    try:
        yield pool.submit, over
    finally:
        over.append("is not asked any more")
        pool.shutdown(cancel_futures=True)
