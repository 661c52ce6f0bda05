"""The fake answers the real openai client as the API would."""

from __future__ import annotations

import json
from collections.abc import Iterator
from threading import Barrier, Thread
from typing import Any

import openai
import pytest

from tests.support.fake_openai import (
    Call,
    Drop,
    Fail,
    FakeOpenAI,
    Hang,
    Raw,
    Request,
    Say,
    Structured,
    Vectors,
    vector_of,
)

QUESTION: Any = [{"role": "user", "content": "Where is it?"}]
SEARCH = Call("search", {"query": "parcel"})
TOOL: Any = {"type": "function", "function": {"name": "answer", "parameters": {"type": "object"}}}


@pytest.fixture
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as running:
        yield running


@pytest.fixture
def client(fake: FakeOpenAI) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=fake.url, api_key="some-key", max_retries=0) as connected:
        yield connected


def chat(client: openai.OpenAI, model: str = "m", **options: Any) -> Any:
    return client.chat.completions.create(model=model, messages=QUESTION, **options)


def test_a_chat(fake: FakeOpenAI, client: openai.OpenAI) -> None:
    said = Say("Here.", input_tokens=5, output_tokens=3, cached_tokens=2, reasoning_tokens=1)
    fake.answer_with([said])
    answer = chat(client)
    assert (answer.model, answer.choices[0].message.content) == ("m", "Here.")
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (5, 3)
    assert answer.usage.prompt_tokens_details.cached_tokens == 2
    (request,) = fake.requests
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.headers["authorization"] == "Bearer some-key"
    assert request.body == {"model": "m", "messages": QUESTION}
    assert request.texts == ["Where is it?"]


def test_without_a_script_it_repeats_what_it_hears(fake: FakeOpenAI, client: openai.OpenAI) -> None:
    fake.answer_with(["Once."])
    assert chat(client).choices[0].message.content == "Once."
    assert chat(client).choices[0].message.content == "You said: Where is it?"


def test_a_function_may_answer(fake: FakeOpenAI, client: openai.OpenAI) -> None:
    fake.answer_with(lambda request: None if "tools" in request.body else request.body["model"])
    assert chat(client).choices[0].message.content == "m"
    assert chat(client, tools=[TOOL]).choices[0].message.content.startswith("You said")


def test_tools_refusals_and_odd_ends(fake: FakeOpenAI, client: openai.OpenAI) -> None:
    fake.answer_with(
        [Say(calls=[SEARCH, SEARCH]), Say(refusal="No."), Say("He", finish_reason="length")]
    )
    choice = chat(client).choices[0]
    first, second = choice.message.tool_calls
    assert (choice.finish_reason, first.function.name) == ("tool_calls", "search")
    assert json.loads(first.function.arguments) == {"query": "parcel"}
    assert first.id != second.id
    assert chat(client).choices[0].message.refusal == "No."
    assert chat(client).choices[0].finish_reason == "length"


def test_an_object_comes_the_way_it_is_asked_for(fake: FakeOpenAI, client: openai.OpenAI) -> None:
    fake.answer_with(lambda _: Structured({"title": "T"}))
    (call,) = chat(client, tools=[TOOL]).choices[0].message.tool_calls
    assert (call.function.name, call.function.arguments) == ("answer", '{"title": "T"}')
    assert chat(client).choices[0].message.content == '{"title": "T"}'


def test_a_streamed_chat(fake: FakeOpenAI, client: openai.OpenAI) -> None:
    fake.answer_with([Say("It is on the way to you.", calls=[SEARCH])])
    chunks = list(chat(client, stream=True, stream_options={"include_usage": True}))
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert "".join(c.delta.content or "" for c in choices) == "It is on the way to you."
    pieces = [call for c in choices for call in c.delta.tool_calls or ()]
    assert pieces[0].function.name == "search"
    assert json.loads("".join(p.function.arguments for p in pieces)) == {"query": "parcel"}
    assert choices[-1].finish_reason == "tool_calls"
    assert chunks[-1].usage.total_tokens == 18


def test_a_response(fake: FakeOpenAI, client: openai.OpenAI) -> None:
    fake.answer_with([Say("Here.", calls=[SEARCH])])
    answer = client.responses.create(model="m", input=QUESTION)
    assert answer.output_text == "Here."
    assert answer.output[1].type == "function_call"
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (11, 7)
    assert fake.requests[0].texts == ["Where is it?"]


def test_a_streamed_response(fake: FakeOpenAI, client: openai.OpenAI) -> None:
    fake.answer_with([Say("It is on the way.", calls=[SEARCH])])
    with client.responses.stream(model="m", input="Where is it?") as stream:
        kinds = [event.type for event in stream]
        whole = stream.get_final_response()
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert whole.output_text == "It is on the way."
    assert fake.requests[0].texts == ["Where is it?"]


def test_embeddings(fake: FakeOpenAI, client: openai.OpenAI) -> None:
    drawn = client.embeddings.create(model="m", input=["a", "b"], encoding_format="float").data
    assert drawn[0].embedding == vector_of("a", 8)
    # The client asks for base64 where nothing else is said.
    again = client.embeddings.create(model="m", input="a").data
    assert fake.requests[1].body["encoding_format"] == "base64"
    assert again[0].embedding == pytest.approx(vector_of("a", 8))
    fake.answer_with([Vectors([[1.0], [2.0]], order=[1, 0])])
    placed = client.embeddings.create(model="m", input=["a", "b"]).data
    assert [(one.index, one.embedding) for one in placed] == [(1, [2.0]), (0, [1.0])]


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        (Fail(400, "bad"), openai.BadRequestError),
        (Fail(429, headers={"Retry-After": "1"}), openai.RateLimitError),
        (Fail(500), openai.InternalServerError),
        (Drop(), openai.APIConnectionError),
        (Drop(sent=20), openai.APIConnectionError),
        (Hang(), openai.APITimeoutError),
        (Raw(b"{", headers={"Content-Type": "application/json"}), ValueError),
    ],
)
def test_what_can_go_wrong(
    fake: FakeOpenAI, client: openai.OpenAI, answer: Any, raised: type[Exception]
) -> None:
    fake.answer_with(lambda request: answer if request.body["model"] == "bad" else "Well again.")
    with pytest.raises(raised) as caught:
        chat(client, "bad", timeout=0.1 if isinstance(answer, Hang) else 30)
    if isinstance(caught.value, openai.RateLimitError):
        assert caught.value.response.headers["Retry-After"] == "1"
    assert chat(client).choices[0].message.content == "Well again."


def test_an_unknown_path(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        client.models.list()
    with pytest.raises(openai.NotFoundError):
        client.completions.create(model="m", prompt="x")


def test_functions_may_wait_for_each_other(fake: FakeOpenAI, client: openai.OpenAI) -> None:
    both = Barrier(2)

    def meet(_: Request) -> str:
        both.wait(30)
        return "met"

    fake.answer_with(meet)
    other = Thread(target=chat, args=[client])
    other.start()
    assert chat(client).choices[0].message.content == "met"
    other.join()
    assert fake.most_at_once == 2
