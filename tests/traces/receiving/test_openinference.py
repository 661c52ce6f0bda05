"""The OpenInference conventions."""

import json
from typing import Any

import pytest

from tests.traces.receiving.otlp_requests import failed, read_one

TOOL = {"type": "function", "function": {"name": "search", "parameters": {}}}
REQUEST = {
    "model": "gpt-4o",
    "messages": [{"role": "user", "content": "find x"}],
    "tools": [TOOL],
}

CALL: dict[str, Any] = {
    "openinference.span.kind": "LLM",
    "llm.system": "openai",
    "input.value": json.dumps(REQUEST),
    "input.mime_type": "application/json",
    "output.value": '{"id": "chatcmpl-2", "choices": []}',
    "output.mime_type": "application/json",
    "llm.tools.0.tool.json_schema": json.dumps(TOOL),
    "llm.invocation_parameters": '{"model": "gpt-4o", "temperature": 0.3}',
    "llm.input_messages.0.message.role": "system",
    "llm.input_messages.0.message.content": "Be nice",
    "llm.input_messages.1.message.role": "user",
    "llm.input_messages.1.message.contents.0.message_content.type": "text",
    "llm.input_messages.1.message.contents.0.message_content.text": "find x",
    "llm.input_messages.1.message.contents.1.message_content.type": "image",
    "llm.input_messages.1.message.contents.1.message_content.image.image.url": "http://x/y.png",
    "llm.input_messages.2.message.role": "assistant",
    "llm.input_messages.2.message.tool_calls.0.tool_call.id": "c1",
    "llm.input_messages.2.message.tool_calls.0.tool_call.function.name": "search",
    "llm.input_messages.2.message.tool_calls.0.tool_call.function.arguments": '{"q": "x"}',
    "llm.input_messages.3.message.role": "tool",
    "llm.input_messages.3.message.tool_call_id": "c1",
    "llm.input_messages.3.message.name": "search",
    "llm.input_messages.3.message.content": "found",
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.content": "Here it is.",
    "llm.model_name": "gpt-4o-2024-08-06",
    "llm.token_count.prompt": 11,
    "llm.token_count.completion": 7,
    "llm.token_count.total": 18,
    "llm.token_count.prompt_details.cache_read": 4,
    "llm.token_count.prompt_details.cache_write": 2,
    "llm.token_count.completion_details.reasoning": 3,
    "llm.cost.total": 0.003,
    "llm.cost.prompt": 0.001,
    "llm.cost.completion": 0.002,
    "session.id": "s1",
    "user.id": "ada",
    "metadata": '{"plan": "pro"}',
    "tag.tags": ["a", "b"],
}


def test_messages_are_put_together() -> None:
    event = read_one(CALL)
    call = {
        "id": "c1",
        "type": "function",
        "function": {"name": "search", "arguments": '{"q": "x"}'},
    }
    assert event.event == "$ai_generation"
    assert event["$ai_input"] == [
        {"role": "system", "content": "Be nice"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "find x"},
                {"type": "image", "image": {"url": "http://x/y.png"}},
            ],
        },
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "name": "search", "content": "found"},
    ]
    assert event["$ai_output_choices"] == [{"role": "assistant", "content": "Here it is."}]


def test_the_rest_gets_its_names() -> None:
    event = read_one(CALL)
    messages = {"$ai_input", "$ai_output_choices", "$ai_span_id", "$ai_parent_id", "$ai_trace_id"}
    assert {key: event[key] for key in event.properties if key not in messages} == {
        "$ai_span_name": "step",
        "$ai_latency": 1.5,
        "$ai_provider": "openai",
        "$ai_model": "gpt-4o-2024-08-06",
        "$ai_model_parameters": {"model": "gpt-4o", "temperature": 0.3},
        "$ai_tools": [TOOL],
        "$ai_input_tokens": 11,
        "$ai_output_tokens": 7,
        "$ai_cache_read_input_tokens": 4,
        "$ai_cache_creation_input_tokens": 2,
        "$ai_reasoning_tokens": 3,
        "$ai_total_cost_usd": 0.003,
        "$ai_input_cost_usd": 0.001,
        "$ai_output_cost_usd": 0.002,
        "$ai_session_id": "s1",
        "$ai_user_id": "ada",
        "$ai_metadata": {"plan": "pro"},
        "llm.token_count.total": 18,
        "tag.tags": ["a", "b"],
        "service.name": "shop",
    }
    assert event.row.distinct_id == "ada"


def test_a_call_that_failed_is_known_by_its_request() -> None:
    event = read_one(
        {
            "openinference.span.kind": "LLM",
            "input.value": json.dumps(REQUEST),
            "input.mime_type": "application/json",
        },
        status=failed("RateLimitError: 429"),
    )
    assert event["$ai_model"] == "gpt-4o"
    assert event["$ai_input"] == REQUEST["messages"]
    assert event["$ai_tools"] == [TOOL]
    assert (event["$ai_is_error"], event["$ai_error"]) == (True, "RateLimitError: 429")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("plain", [{"role": "user", "content": "plain"}]),
        ('{"input": "hello", "instructions": "be"}', ["system", "user"]),
        ('{"contents": [{"role": "user", "parts": []}]}', [{"role": "user", "parts": []}]),
        ('{"role": "user", "content": "x"}', [{"role": "user", "content": "x"}]),
        ('{"x": 1}', [{"x": 1}]),
    ],
)
def test_requests_of_any_form_become_messages(sent: str, kept: list[object]) -> None:
    read = read_one({"openinference.span.kind": "LLM", "input.value": sent})["$ai_input"]
    assert kept in (read, [message.get("role") for message in read])


def test_responses_become_choices() -> None:
    choices = [{"index": 0, "message": {"role": "assistant", "content": "x"}}]
    sent = json.dumps({"id": "1", "choices": choices})
    event = read_one({"openinference.span.kind": "LLM", "output.value": sent})
    assert event["$ai_output_choices"] == choices


def test_a_function_call_of_old() -> None:
    prefix = "llm.output_messages.0.message."
    event = read_one(
        {
            "openinference.span.kind": "LLM",
            f"{prefix}function_call_name": "search",
            f"{prefix}function_call_arguments_json": "{}",
        }
    )
    assert event["$ai_output_choices"] == [
        {"role": "assistant", "function_call": {"name": "search", "arguments": "{}"}}
    ]


def test_completions_have_prompts_and_choices() -> None:
    event = read_one(
        {
            "openinference.span.kind": "LLM",
            "llm.prompts.0.prompt.text": "Once",
            "llm.choices.0.completion.text": "upon",
        }
    )
    assert event["$ai_input"] == [{"role": "user", "content": "Once"}]
    assert event["$ai_output_choices"] == [{"role": "assistant", "content": "upon"}]


def test_an_embedding_keeps_its_texts_and_no_vectors() -> None:
    event = read_one(
        {
            "openinference.span.kind": "EMBEDDING",
            "embedding.model_name": "text-embedding-3-small",
            "embedding.embeddings.0.embedding.text": "a",
            "embedding.embeddings.0.embedding.vector": [0.5, 0.25],
            "embedding.embeddings.1.embedding.text": "b",
            "input.value": '{"input": ["a", "b"]}',
            "output.value": '{"data": [{"embedding": [0.5, 0.25]}]}',
            "llm.token_count.prompt": 2,
        }
    )
    assert event.event == "$ai_embedding"
    assert event["$ai_model"] == "text-embedding-3-small"
    assert (event["$ai_input"], event["$ai_input_tokens"]) == (["a", "b"], 2)
    assert "0.25" not in event.row.properties


@pytest.mark.parametrize("sent", ['{"input": ["a"], "model": "m"}', '["a"]'])
def test_an_embedding_is_known_by_its_request(sent: str) -> None:
    event = read_one({"openinference.span.kind": "EMBEDDING", "input.value": sent})
    assert event["$ai_input"] == ["a"]


@pytest.mark.parametrize(
    "kind", ["TOOL", "CHAIN", "RETRIEVER", "AGENT", "RERANKER", "GUARDRAIL", "EVALUATOR"]
)
def test_kinds(kind: str) -> None:
    event = read_one(
        {"openinference.span.kind": kind, "input.value": '{"q": 1}', "output.value": "done"}
    )
    assert (event.event, event["$ai_span_kind"]) == ("$ai_span", kind.lower())
    assert (event["$ai_input_state"], event["$ai_output_state"]) == ({"q": 1}, "done")


def test_a_tool_has_a_name_and_parameters() -> None:
    event = read_one(
        {
            "openinference.span.kind": "TOOL",
            "tool.name": "search",
            "tool.parameters": '{"q": "x"}',
            "output.value": "found",
        },
        name="ToolNode",
    )
    assert (event["$ai_span_name"], event["$ai_input_state"]) == ("search", {"q": "x"})
    assert event["$ai_output_state"] == "found"


def test_parameters_that_are_no_arguments_stay() -> None:
    event = read_one({"openinference.span.kind": "AGENT", "tool.parameters": "p"})
    assert event["tool.parameters"] == "p"


def test_a_retriever_gives_documents() -> None:
    prefix = "retrieval.documents.0.document."
    event = read_one(
        {
            "openinference.span.kind": "RETRIEVER",
            "input.value": "refunds",
            f"{prefix}id": "d1",
            f"{prefix}content": "Refunds take a week.",
            f"{prefix}score": 0.5,
            f"{prefix}metadata": '{"page": 3}',
        }
    )
    assert event["$ai_input_state"] == "refunds"
    assert event["$ai_output_state"] == [
        {"id": "d1", "content": "Refunds take a week.", "score": 0.5, "metadata": {"page": 3}}
    ]


def test_an_unknown_kind_stays_under_its_own_name() -> None:
    event = read_one({"openinference.span.kind": "UNKNOWN"})
    assert (event.event, event["openinference.span.kind"]) == ("$ai_span", "UNKNOWN")


def test_instrumentations_that_write_two_conventions_are_read_once() -> None:
    messages = [{"role": "user", "parts": [{"type": "text", "content": "find x"}]}]
    event = read_one(
        {
            **CALL,
            "gen_ai.operation.name": "chat",
            "gen_ai.usage.input_tokens": 11,
            "gen_ai.input.messages": json.dumps(messages),
        }
    )
    assert (event.event, event["$ai_input"]) == ("$ai_generation", messages)
    assert event["$ai_input_tokens"] == 11


def test_names_that_only_look_numbered_stay() -> None:
    odd = {
        "llm.input_messages.x.message.role": "user",
        "llm.input_messages.": "nothing",
        "llm.input_messages.9999999.message.role": "user",
        "llm.input_messages.²": "user",
    }
    event = read_one(odd)
    assert {key: event[key] for key in odd} == odd
    assert "$ai_input_state" not in event
