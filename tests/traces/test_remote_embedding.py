"""Vectors from an OpenAI-compatible endpoint: batches, tries, and what is no vector."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from threading import Barrier, BrokenBarrierError
from typing import Any

import numpy as np
import pytest

from tests.support.fake_openai import (
    Answer,
    Drop,
    Fail,
    FakeOpenAI,
    Hang,
    Raw,
    Request,
    Vectors,
    vector_of,
)
from tests.support.openai_wire import embeddings
from tests.support.patience import Waits
from trace_clustering.errors import EmbeddingError, EmbeddingRefusedError
from trace_clustering.traces.embedding import MAX_TEXT_CHARS
from trace_clustering.traces.remote_embedding import OpenAIEmbedder

TEXTS = [f"text {number}" for number in range(10)]
KEY = "sk-very-secret"


@pytest.fixture
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as running:
        yield running


@pytest.fixture
def embedder(fake: FakeOpenAI, waits: Waits) -> OpenAIEmbedder:
    return make(fake, waits)


def make(fake: FakeOpenAI, waits: Waits, **options: Any) -> OpenAIEmbedder:
    patience = waits.patience()
    return OpenAIEmbedder(fake.url, "some/model", KEY, **({"patience": patience} | options))


def drawn(texts: list[str]) -> np.ndarray[Any, Any]:
    return np.array([vector_of(text, 8) for text in texts], dtype=np.float32)


def failure(embedder: OpenAIEmbedder, texts: list[str] = TEXTS) -> str:
    """The sentence that an error tells; it names host and model and never the key."""
    with pytest.raises(EmbeddingError) as caught:
        embedder.embed(texts)
    told = str(caught.value)
    assert told.startswith("embedding model some/model at 127.0.0.1:")
    assert KEY not in told
    assert "\n" not in told
    return told


def body_of(value: Any) -> Raw:
    return Raw(json.dumps(value).encode())


def refusing(*bad: str, answer: Answer) -> Callable[[Request], Answer | None]:
    def script(request: Request) -> Answer | None:
        return answer if any(word in text for word in bad for text in request.texts) else None

    return script


def test_rows_keep_the_order_of_their_texts(fake: FakeOpenAI, waits: Waits) -> None:
    rows = make(fake, waits, batch_size=3, concurrency=2).embed(TEXTS)
    assert rows.dtype == np.float32
    assert np.array_equal(rows, drawn(TEXTS))
    assert sorted(len(request.texts) for request in fake.requests) == [1, 3, 3, 3]
    assert waits.seconds == []


def test_what_is_sent(fake: FakeOpenAI, embedder: OpenAIEmbedder) -> None:
    embedder.embed(["hello"])
    (request,) = fake.requests
    assert request.path == "/v1/embeddings"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.body == {"model": "some/model", "input": ["hello"], "encoding_format": "float"}


def test_without_a_key_and_with_a_bare_url(fake: FakeOpenAI) -> None:
    OpenAIEmbedder(fake.url.removesuffix("/v1"), "m").embed(["hello"])
    (request,) = fake.requests
    assert request.path == "/v1/embeddings"
    assert "authorization" not in request.headers


def test_name_and_dimensions(fake: FakeOpenAI, embedder: OpenAIEmbedder) -> None:
    assert embedder.model_name == "some/model"
    assert fake.requests == []
    assert embedder.dimensions == 8
    assert embedder.embed([]).shape == (0, 8)
    assert len(fake.requests) == 1
    embedder.embed(TEXTS)
    assert embedder.dimensions == 8
    assert len(fake.requests) == 2


def test_blank_texts_are_not_sent(fake: FakeOpenAI, embedder: OpenAIEmbedder) -> None:
    rows = embedder.embed(["", "hello", " \n\t"])
    assert np.array_equal(rows[1], drawn(["hello"])[0])
    assert not rows[0].any()
    assert not rows[2].any()
    assert fake.requests[0].texts == ["hello"]
    assert embedder.embed(["  "]).shape == (1, 8)
    assert len(fake.requests) == 1


def test_long_and_odd_texts_are_sendable(fake: FakeOpenAI, embedder: OpenAIEmbedder) -> None:
    embedder.embed(["x" * 100_000, "\0", "\ud800", "🫨"])
    assert fake.requests[0].texts == ["x" * MAX_TEXT_CHARS, "\0", "?", "🫨"]


def test_requests_at_once_are_bounded_for_all_threads(fake: FakeOpenAI, waits: Waits) -> None:
    # Three requests meet each other; were there a fourth at once, the count would show it.
    three = Barrier(3)

    def meet(_: Request) -> None:
        try:
            three.wait(30)
        except BrokenBarrierError:
            return

    fake.answer_with(meet)
    embedder = make(fake, waits, batch_size=1, concurrency=3)
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(embedder.embed, [TEXTS[:6], TEXTS[4:]]))
    assert np.array_equal(both[0], drawn(TEXTS[:6]))
    assert np.array_equal(both[1], drawn(TEXTS[4:]))
    assert fake.most_at_once == 3


@pytest.mark.parametrize(
    "answer", [Fail(500), Fail(502), Fail(503), Fail(408), Drop(), Drop(sent=10)]
)
def test_what_heals_is_tried_again(
    fake: FakeOpenAI, embedder: OpenAIEmbedder, waits: Waits, answer: Answer
) -> None:
    fake.answer_with([answer, answer])
    assert np.array_equal(embedder.embed(TEXTS), drawn(TEXTS))
    assert len(fake.requests) == 3
    assert waits.seconds == [0.25, 0.5]


def test_it_comes_back_when_it_is_asked_to(
    fake: FakeOpenAI, embedder: OpenAIEmbedder, waits: Waits
) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=50), usegmt=True)
    fake.answer_with([Fail(429, headers={"Retry-After": after}) for after in ("7", date)])
    embedder.embed(["hello"])
    first, second = waits.seconds
    assert first == 7
    assert 30 < second <= 50


def test_it_does_not_wait_longer_than_it_may(
    fake: FakeOpenAI, embedder: OpenAIEmbedder, waits: Waits
) -> None:
    fake.answer_with([Fail(429, "slow down", headers={"Retry-After": "3600"})])
    assert failure(embedder).endswith("answers 429: slow down")
    assert waits.seconds == []
    fake.answer_with(lambda _: Fail(429, "slow down", headers={"Retry-After": "50"}))
    assert failure(embedder).endswith("answers 429: slow down")
    assert waits.seconds == [50, 50]


def test_tries_have_an_end(fake: FakeOpenAI, embedder: OpenAIEmbedder, waits: Waits) -> None:
    fake.answer_with(lambda _: Fail(503, "down"))
    assert failure(embedder).endswith("answers 503: down")
    assert len(fake.requests) == 6
    assert waits.seconds == [0.25, 0.5, 1, 2, 4]


def test_nobody_there(fake: FakeOpenAI, waits: Waits) -> None:
    with FakeOpenAI() as gone:
        embedder = make(gone, waits)
    assert "does not answer (ConnectError" in failure(embedder)
    assert len(waits.seconds) == 5


def test_an_answer_that_never_comes(fake: FakeOpenAI, waits: Waits) -> None:
    fake.answer_with(lambda _: Hang())
    embedder = make(fake, waits, timeout_seconds=0.05, patience=waits.patience(tries=2))
    assert failure(embedder).endswith("does not answer within 0.05 seconds")
    assert len(waits.seconds) == 1


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Fail(401, f"no such key {KEY[:9]}"), "answers 401"),
        (Fail(404, f"no model for {KEY}"), "answers 404: no model for ***"),
        (Fail(400, "unknown\nmodel"), "answers 400: unknown model"),
        (Fail(429, "pay first", code="insufficient_quota"), "answers 429: pay first"),
        (Raw(b"<html>moved</html>", status=301), "answers 301: <html>moved</html>"),
        (Raw(b"", status=418), "answers 418"),
    ],
)
def test_what_does_not_heal_is_not_tried_again(
    fake: FakeOpenAI, embedder: OpenAIEmbedder, waits: Waits, answer: Answer, told: str
) -> None:
    fake.answer_with(lambda _: answer)
    assert failure(embedder).endswith(told)
    assert waits.seconds == []
    # A 400 may be for the texts: one more request tells.
    assert len(fake.requests) == 1 + (answer == Fail(400, "unknown\nmodel"))


def test_one_batch_that_fails_ends_the_call(fake: FakeOpenAI, waits: Waits) -> None:
    fake.answer_with(refusing("text 0", answer=Fail(401)))
    embedder = make(fake, waits, batch_size=1, concurrency=1)
    failure(embedder)
    assert len(fake.requests) == 1


@pytest.mark.parametrize("answer", [Fail(400, "bad text"), Fail(413), Fail(422), Fail(500)])
def test_a_text_that_is_refused_is_found(
    fake: FakeOpenAI, embedder: OpenAIEmbedder, answer: Answer
) -> None:
    fake.answer_with(refusing("text 3", "text 8", answer=answer))
    with pytest.raises(EmbeddingRefusedError) as caught:
        embedder.embed(["", *TEXTS])
    assert caught.value.positions == (4, 9)
    assert "refuses 2 of 11 texts: it answers" in str(caught.value)
    good = [text for at, text in enumerate(["", *TEXTS]) if at not in caught.value.positions]
    assert embedder.embed(good).shape == (9, 8)


def test_a_batch_that_is_too_large_is_divided(fake: FakeOpenAI, embedder: OpenAIEmbedder) -> None:
    fake.answer_with(lambda request: Fail(400, "too much") if len(request.texts) > 2 else None)
    assert np.array_equal(embedder.embed(TEXTS), drawn(TEXTS))


def test_a_text_that_is_too_long_is_cut(fake: FakeOpenAI, embedder: OpenAIEmbedder) -> None:
    def script(request: Request) -> Answer | None:
        return Fail(413, "too long") if max(map(len, request.texts)) > 8_192 else None

    fake.answer_with(script)
    long = "é" * 20_000
    assert np.array_equal(embedder.embed([*TEXTS, long]), drawn([*TEXTS, long[:8_192]]))


@pytest.mark.parametrize(
    "answer",
    [
        Raw(b"{"),
        Raw(b"\xff\xfe"),
        Raw(b"[" * 100_000),
        Raw(b"nonsense", headers={"Content-Encoding": "gzip"}),
        body_of([]),
        body_of({"data": None}),
        body_of({"data": []}),
        body_of({"data": ["x"]}),
        body_of({"data": [{"index": 0, "embedding": {}}]}),
        body_of({"data": [{"index": 0, "embedding": [1.0, None]}]}),
        body_of({"data": [{"index": 0, "embedding": [10**400]}]}),
        body_of({"data": [{"index": 0, "embedding": "%%%"}]}),
        body_of({"data": [{"index": 0, "embedding": "AAAA"}]}),
        body_of({"data": [{"index": 1, "embedding": [1.0]}]}),
        body_of({"data": [{"index": math.inf, "embedding": [1.0]}]}),
        body_of({"data": [{"index": 0, "embedding": []}]}),
        Vectors([[1.0], [2.0]]),
        Vectors([[1.0], [2.0]], order=[0, 0]),
    ],
)
def test_what_is_no_vector(fake: FakeOpenAI, embedder: OpenAIEmbedder, answer: Answer) -> None:
    fake.answer_with(lambda _: answer)
    failure(embedder, ["hello"])


@pytest.mark.parametrize("number", [math.nan, math.inf, 1e300])
def test_numbers_that_are_none_are_the_fault_of_a_text(
    fake: FakeOpenAI, embedder: OpenAIEmbedder, number: float
) -> None:
    def script(request: Request) -> Answer:
        return Vectors([[number if "text 3" in text else 1.0] for text in request.texts])

    fake.answer_with(script)
    with pytest.raises(EmbeddingRefusedError, match="numbers that are none") as caught:
        embedder.embed(TEXTS)
    assert caught.value.positions == (3,)


def test_the_index_says_whose_a_vector_is(fake: FakeOpenAI, embedder: OpenAIEmbedder) -> None:
    fake.answer_with([Vectors([[1.0], [2.0], [3.0]], order=[2, 0, 1])])
    assert embedder.embed(["a", "b", "c"]).tolist() == [[1], [2], [3]]


def test_vectors_may_come_as_base64(fake: FakeOpenAI, embedder: OpenAIEmbedder) -> None:
    given = embeddings({"encoding_format": "base64"}, [(0, [0.5, -1.0])])
    fake.answer_with([body_of(given)])
    assert embedder.embed(["a"]).tolist() == [[0.5, -1.0]]


def test_vectors_of_another_length_are_not_mixed(
    fake: FakeOpenAI, embedder: OpenAIEmbedder
) -> None:
    fake.answer_with([Vectors([[1.0, 2.0], [3.0]])])
    assert "vectors of 1, 2 numbers" in failure(embedder, ["a", "b"])
    fake.answer_with([Vectors([[1.0, 2.0]]), Vectors([[1.0, 2.0, 3.0]])])
    embedder.embed(["a"])
    assert failure(embedder, ["a"]).endswith("vectors of 3 numbers, expected 2")
