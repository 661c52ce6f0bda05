"""OpenLLMetry's attributes."""

import json

import pytest

from tests.traces.receiving.otlp_requests import read_one

CALL = {
    "llm.request.type": "chat",
    "gen_ai.system": "OpenAI",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.prompt_tokens": 12,
    "gen_ai.usage.completion_tokens": 5,
    "llm.usage.total_tokens": 17,
    "gen_ai.openai.api_base": "https://api.openai.com/v1/",
    "gen_ai.prompt.1.role": "user",
    "gen_ai.prompt.1.content": "Weather?",
    "gen_ai.prompt.0.role": "system",
    "gen_ai.prompt.0.content": "Be brief.",
    "gen_ai.prompt.2.role": "assistant",
    "gen_ai.prompt.2.tool_calls.0.id": "c1",
    "gen_ai.prompt.2.tool_calls.0.name": "weather",
    "gen_ai.prompt.2.tool_calls.0.arguments": '{"city": "Paris"}',
    "gen_ai.prompt.10.role": "tool",
    "gen_ai.prompt.10.tool_call_id": "c1",
    "gen_ai.prompt.10.content": "rain",
    "gen_ai.completion.0.role": "assistant",
    "gen_ai.completion.0.content": "It rains.",
    "gen_ai.completion.0.finish_reason": "stop",
    "llm.request.functions.0.name": "weather",
    "llm.request.functions.0.parameters": '{"type": "object"}',
    "traceloop.workflow.name": "forecast",
    "traceloop.association.properties.user_id": "ada",
    "traceloop.association.properties.session_id": "s1",
    "traceloop.association.properties.plan": "pro",
}


def test_numbered_messages_are_put_together() -> None:
    event = read_one(CALL)
    call = {
        "id": "c1",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city": "Paris"}'},
    }
    assert event.event == "$ai_generation"
    assert event["$ai_input"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "content": "rain", "tool_call_id": "c1"},
    ]
    assert event["$ai_output_choices"] == [
        {"role": "assistant", "content": "It rains.", "finish_reason": "stop"}
    ]
    assert event["$ai_tools"] == [{"name": "weather", "parameters": {"type": "object"}}]


def test_the_rest_gets_its_names() -> None:
    event = read_one(CALL)
    assert event["$ai_model"] == "gpt-4o"
    assert (event["$ai_input_tokens"], event["$ai_output_tokens"]) == (12, 5)
    assert event["llm.usage.total_tokens"] == 17
    assert event["$ai_base_url"] == "https://api.openai.com/v1/"
    assert (event["$ai_user_id"], event["$ai_session_id"]) == ("ada", "s1")
    assert event["$ai_metadata"] == {"plan": "pro"}
    assert event["$ai_trace_name"] == "forecast"


def test_parts_of_a_message_and_a_function_call() -> None:
    parts = [{"type": "text", "text": "Hi"}]
    event = read_one(
        {
            "llm.request.type": "chat",
            "gen_ai.prompt.0.content": json.dumps(parts),
            "gen_ai.completion.0.function_call.name": "weather",
            "gen_ai.completion.0.function_call.arguments": "{}",
        }
    )
    assert event["$ai_input"] == [{"role": "user", "content": parts}]
    assert event["$ai_output_choices"] == [
        {"role": "assistant", "function_call": {"name": "weather", "arguments": "{}"}}
    ]


def test_the_first_releases_wrote_other_prefixes() -> None:
    event = read_one(
        {
            "llm.request.type": "completion",
            "llm.prompts.0.role": "user",
            "llm.prompts.0.content": "Hi",
            "llm.completions.0.content": "Hello",
        }
    )
    assert event["$ai_input"] == [{"role": "user", "content": "Hi"}]
    assert event["$ai_output_choices"] == [{"role": "assistant", "content": "Hello"}]


@pytest.mark.parametrize(
    ("kind", "kept"), [("workflow", "chain"), ("task", "chain"), ("agent", "agent")]
)
def test_kinds(kind: str, kept: str) -> None:
    event = read_one(
        {
            "traceloop.span.kind": kind,
            "traceloop.entity.name": "plan",
            "traceloop.entity.input": '{"inputs": {"q": "Hi"}}',
            "traceloop.entity.output": '"Hello"',
        },
        name="plan.task",
    )
    assert (event.event, event["$ai_span_kind"], event["$ai_span_name"]) == (
        "$ai_span",
        kept,
        "plan.task",
    )
    assert event["$ai_input_state"] == {"inputs": {"q": "Hi"}}
    assert event["$ai_output_state"] == '"Hello"'


def test_a_tool_goes_by_its_own_name() -> None:
    event = read_one(
        {"traceloop.span.kind": "tool", "traceloop.entity.name": "weather"}, name="weather.tool"
    )
    assert (event["$ai_span_name"], event["$ai_span_kind"]) == ("weather", "tool")
