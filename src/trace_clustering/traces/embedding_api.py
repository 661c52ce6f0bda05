"""OpenAI's API for embeddings: one request, and what its answer means."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

from trace_clustering.traces import endpoints

Row = NDArray[np.float32]

SERVER_ERROR = 500
_TEXT_MAY_BE_AT_FAULT = frozenset({400, 413, 422, SERVER_ERROR})
_TRY_AGAIN = frozenset({408, 409, 425, 429, SERVER_ERROR, 502, 503, 504})
_OUT_OF_MONEY = "insufficient_quota"
_MALFORMED = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)


@dataclass(frozen=True)
class Failed:
    """Why there are no vectors.

    Attributes:
        problem: for a person, such as "answers 429: too many requests".
        again: whether the same request may go through later.
        for_its_texts: whether it may be for what the texts are.
        asked_seconds: how long the endpoint asks to wait.
    """

    problem: str
    again: bool = False
    for_its_texts: bool = False
    asked_seconds: float | None = None


@dataclass(frozen=True)
class EmbeddingsApi:
    """One model at one endpoint.

    Attributes:
        url: where to post.
        timeout_seconds: for each part of a request.
    """

    url: str
    model: str
    api_key: str | None
    timeout_seconds: float

    def client(self) -> httpx.Client:
        """Connections for some requests; to be closed."""
        return httpx.Client(
            headers={"Authorization": f"Bearer {self.api_key}"} if self.api_key else {},
            timeout=self.timeout_seconds,
            trust_env=endpoints.uses_proxies(self.url),
        )

    def ask(self, http: httpx.Client, texts: Sequence[str]) -> list[Row] | Failed:
        """The rows of these texts in their order, finite; they may differ in length."""
        body = {"model": self.model, "input": list(texts), "encoding_format": "float"}
        try:
            answer = http.post(self.url, json=body)
        except httpx.TimeoutException:
            return Failed(f"does not answer within {self.timeout_seconds:g} seconds", again=True)
        except httpx.RequestError as error:
            return Failed(f"does not answer ({_named(error)})", again=True)
        except (httpx.InvalidURL, UnicodeError) as error:
            return Failed(f"cannot be asked ({_named(error)})")
        return _rows(answer, len(texts)) if answer.is_success else self._failure(answer)

    def _failure(self, answer: httpx.Response) -> Failed:
        status = answer.status_code
        said, code = _said(answer)
        # What an endpoint says of a key that it does not know may hold a part of the key.
        told = "" if status in (401, 403) else endpoints.message(said, self.api_key)
        return Failed(
            f"answers {status}{f': {told}' if told else ''}",
            again=status in _TRY_AGAIN and code != _OUT_OF_MONEY,
            for_its_texts=status in _TEXT_MAY_BE_AT_FAULT,
            asked_seconds=endpoints.retry_after(answer.headers, endpoints.utc_now()),
        )


def _rows(answer: httpx.Response, count: int) -> list[Row] | Failed:
    try:
        found = _by_index(answer.json()["data"], count)
    except _MALFORMED as error:
        return Failed(f"answers with something that is no embedding ({_named(error)})")
    if not all(np.isfinite(row).all() for row in found):
        return Failed("answers with numbers that are none", for_its_texts=True)
    return found


def _by_index(data: Sequence[Any], count: int) -> list[Row]:
    rows = {int(one.get("index", place)): _row(one["embedding"]) for place, one in enumerate(data)}
    if len(data) != count or sorted(rows) != list(range(count)):
        raise ValueError(f"{len(data)} vectors for {count} texts")
    return [rows[index] for index in range(count)]


def _row(value: Any) -> Row:
    if isinstance(value, str):
        return np.frombuffer(base64.b64decode(value, validate=True), "<f4").astype(np.float32)
    if not isinstance(value, list) or not all(isinstance(n, int | float) for n in value):
        raise ValueError("an embedding that is no list of numbers")
    with np.errstate(over="ignore"):  # what is too large for 32 bits is found to be infinite
        return np.array(value, dtype=np.float64).astype(np.float32)


def _said(answer: httpx.Response) -> tuple[str, str]:
    """What an error's answer says, and its code; in the API's form or in any other."""
    try:
        error = answer.json()["error"]
        return str(error["message"]), str(error.get("code"))
    except _MALFORMED:
        return answer.text, ""


def _named(error: Exception) -> str:
    told = endpoints.message(str(error))
    return f"{type(error).__name__}: {told}" if told else type(error).__name__
