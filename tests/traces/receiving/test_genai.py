"""OpenTelemetry's GenAI conventions, current and former."""

import json

import pytest

from tests.traces.receiving.otlp_requests import happening, make_span, read_all, read_one

INPUT = [
    {"role": "user", "parts": [{"type": "text", "content": "Weather in Paris?"}]},
    {
        "role": "assistant",
        "parts": [
            {"type": "tool_call", "id": "c1", "name": "weather", "arguments": {"city": "Paris"}}
        ],
    },
    {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "rain"}]},
]
OUTPUT = [
    {
        "role": "assistant",
        "parts": [{"type": "text", "content": "It rains."}],
        "finish_reason": "stop",
    }
]
TOOLS = [{"type": "function", "name": "weather", "parameters": {"type": "object"}}]

CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.request.temperature": 0.2,
    "gen_ai.request.max_tokens": 100,
    "gen_ai.usage.input_tokens": 120,
    "gen_ai.usage.output_tokens": 30,
    "gen_ai.usage.cache_read.input_tokens": 64,
    "gen_ai.usage.cache_creation.input_tokens": 0,
    "gen_ai.usage.reasoning.output_tokens": 8,
    "gen_ai.conversation.id": "conv-1",
    "gen_ai.input.messages": json.dumps(INPUT),
    "gen_ai.output.messages": json.dumps(OUTPUT),
    "gen_ai.tool.definitions": json.dumps(TOOLS),
    "server.address": "api.openai.com",
    "server.port": 443,
}


def test_a_chat_is_a_generation() -> None:
    event = read_one(CHAT, name="chat gpt-4o")
    assert event.event == "$ai_generation"
    assert event.properties == {
        "$ai_trace_id": "0af7651916cd43dd8448eb211c80319c",
        "$ai_span_id": "0000000000000002",
        "$ai_parent_id": "0000000000000001",
        "$ai_span_name": "chat gpt-4o",
        "$ai_session_id": "conv-1",
        "$ai_latency": 1.5,
        "$ai_provider": "openai",
        "$ai_model": "gpt-4o-2024-08-06",
        "$ai_model_parameters": {"temperature": 0.2, "max_tokens": 100},
        "$ai_input": INPUT,
        "$ai_output_choices": OUTPUT,
        "$ai_tools": TOOLS,
        "$ai_input_tokens": 120,
        "$ai_output_tokens": 30,
        "$ai_cache_read_input_tokens": 64,
        "$ai_cache_creation_input_tokens": 0,
        "$ai_reasoning_tokens": 8,
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.conversation.id": "conv-1",
        "server.address": "api.openai.com",
        "server.port": 443,
        "service.name": "shop",
    }


def test_structured_messages_are_read_like_json_text() -> None:
    structured = {
        **CHAT,
        "gen_ai.input.messages": INPUT,
        "gen_ai.output.messages": OUTPUT,
        "gen_ai.tool.definitions": TOOLS,
    }
    assert read_one(structured).properties == read_one(CHAT).properties
    each_as_text = {**CHAT, "gen_ai.input.messages": [json.dumps(message) for message in INPUT]}
    assert read_one(each_as_text)["$ai_input"] == INPUT


def test_system_instructions_come_first() -> None:
    parts = [{"type": "text", "content": "Be brief."}]
    event = read_one({**CHAT, "gen_ai.system_instructions": json.dumps(parts)})
    assert event["$ai_input"] == [{"role": "system", "parts": parts}, *INPUT]
    event = read_one({**CHAT, "gen_ai.system_instructions": "Be brief."})
    assert event["$ai_input"][0] == {"role": "system", "content": "Be brief."}


def test_text_that_is_no_json_is_one_message() -> None:
    event = read_one({**CHAT, "gen_ai.input.messages": "[truncated", "gen_ai.output.messages": ""})
    assert event["$ai_input"] == [{"role": "user", "content": "[truncated"}]
    assert "$ai_output_choices" not in event


def test_json_of_python_with_nan_and_lone_surrogates_is_read() -> None:
    sent = '[{"role": "user", "content": "\\ud83d", "score": NaN}]'
    event = read_one({**CHAT, "gen_ai.input.messages": sent})
    assert event["$ai_input"] == [{"role": "user", "content": "\ufffd", "score": None}]


def test_the_model_that_was_asked_for_stands_in_for_the_one_that_answered() -> None:
    event = read_one({"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"})
    assert (event.event, event["$ai_model"]) == ("$ai_generation", "gpt-4o")


@pytest.mark.parametrize(
    ("operation", "event", "kind"),
    [
        ("chat", "$ai_generation", None),
        ("text_completion", "$ai_generation", None),
        ("generate_content", "$ai_generation", None),
        ("embeddings", "$ai_embedding", None),
        ("execute_tool", "$ai_span", "tool"),
        ("invoke_agent", "$ai_span", "agent"),
        ("create_agent", "$ai_span", "agent"),
        ("invoke_workflow", "$ai_span", "chain"),
        ("retrieval", "$ai_span", "retriever"),
    ],
)
def test_operations_tell_what_a_span_is(operation: str, event: str, kind: str | None) -> None:
    read = read_one({"gen_ai.operation.name": operation})
    assert (read.event, read.properties.get("$ai_span_kind")) == (event, kind)


def test_an_unknown_operation_of_a_model_is_a_generation() -> None:
    call = {"gen_ai.operation.name": "sing", "gen_ai.request.model": "m"}
    read = read_one({**call, "gen_ai.usage.input_tokens": 3})
    assert (read.event, read["gen_ai.operation.name"]) == ("$ai_generation", "sing")
    assert read_one(call).event == "$ai_span"
    assert read_one({"gen_ai.operation.name": "sing"}).event == "$ai_span"


def test_a_tool_goes_by_its_own_name() -> None:
    event = read_one(
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "weather",
            "gen_ai.tool.call.id": "c1",
            "gen_ai.tool.call.arguments": '{"city": "Paris"}',
            "gen_ai.tool.call.result": "rain",
        },
        name="execute_tool weather",
    )
    assert event.event == "$ai_span"
    assert (event["$ai_span_name"], event["$ai_span_kind"]) == ("weather", "tool")
    assert event["$ai_input_state"] == {"city": "Paris"}
    assert event["$ai_output_state"] == "rain"
    assert event["gen_ai.tool.call.id"] == "c1"


def test_an_agent_keeps_its_messages_as_states() -> None:
    agent = {**CHAT, "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "Ann"}
    agent["gen_ai.system_instructions"] = "Be brief."
    event = read_one(agent, parent_id=None)
    assert (event.event, event["$ai_span_kind"]) == ("$ai_trace", "agent")
    assert event["$ai_input_state"] == [{"role": "system", "content": "Be brief."}, *INPUT]
    assert event["$ai_output_state"] == OUTPUT
    assert event["gen_ai.agent.name"] == "Ann"
    assert "$ai_input" not in event


def test_a_retrieval_has_a_query_and_documents() -> None:
    documents = [{"id": "d1", "score": 0.5}]
    event = read_one(
        {
            "gen_ai.operation.name": "retrieval",
            "gen_ai.retrieval.query.text": "refunds",
            "gen_ai.retrieval.documents": json.dumps(documents),
        }
    )
    assert (event["$ai_input_state"], event["$ai_output_state"]) == ("refunds", documents)


def test_an_embedding_has_tokens_and_no_vectors() -> None:
    event = read_one(
        {
            "gen_ai.operation.name": "embeddings",
            "gen_ai.request.model": "text-embedding-3-small",
            "gen_ai.usage.input_tokens": 2,
            "output.value": "[0.5, 0.25]",
        }
    )
    assert (event.event, event["$ai_input_tokens"]) == ("$ai_embedding", 2)
    assert "0.25" not in event.row.properties


@pytest.mark.parametrize(
    ("sent", "kept"),
    [(7, 7), ("7", 7), (7.0, 7), (0, 0)],
)
def test_counts_are_numbers_however_they_were_sent(sent: object, kept: int) -> None:
    assert read_one({"gen_ai.usage.input_tokens": sent})["$ai_input_tokens"] == kept


@pytest.mark.parametrize("sent", [-1, "many", True, 2.5, [7], "1" * 40, "nan"])
def test_what_is_no_count_stays_under_its_own_name(sent: object) -> None:
    event = read_one({"gen_ai.usage.input_tokens": sent})
    assert "$ai_input_tokens" not in event
    assert event["gen_ai.usage.input_tokens"] == sent


def test_users_and_statuses_are_taken_from_general_conventions() -> None:
    event = read_one({"enduser.id": "ada", "session.id": "s", "http.response.status_code": 429})
    assert (event["$ai_user_id"], event.row.distinct_id) == ("ada", "ada")
    assert (event["$ai_session_id"], event["$ai_http_status"]) == ("s", 429)
    assert read_one({"user.id": 17}).row.distinct_id == "17"
    assert read_one({"user.id": ""}).row.distinct_id == event["$ai_trace_id"]


def test_costs_that_frameworks_know_are_taken() -> None:
    event = read_one({**CHAT, "operation.cost": 0.0025})
    assert event["$ai_total_cost_usd"] == 0.0025
    assert "$ai_total_cost_usd" not in read_one(CHAT)


def test_former_names_are_understood() -> None:
    event = read_one(
        {
            "gen_ai.system": "openai",
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "gpt-4",
            "gen_ai.usage.prompt_tokens": 12,
            "gen_ai.usage.completion_tokens": 5,
            "gen_ai.prompt": json.dumps([{"role": "user", "content": "Hi"}]),
            "gen_ai.completion": json.dumps([{"role": "assistant", "content": "Hello"}]),
        }
    )
    assert event["$ai_provider"] == "openai"
    assert (event["$ai_input_tokens"], event["$ai_output_tokens"]) == (12, 5)
    assert event["$ai_input"] == [{"role": "user", "content": "Hi"}]
    assert event["$ai_output_choices"] == [{"role": "assistant", "content": "Hello"}]


def test_current_names_win_over_former_ones_in_any_order() -> None:
    both = {
        "gen_ai.usage.prompt_tokens": 1,
        "gen_ai.usage.input_tokens": 2,
        "gen_ai.system": "former",
        "gen_ai.provider.name": "current",
    }
    for attributes in (both, dict(reversed(both.items()))):
        event = read_one(attributes)
        assert (event["$ai_input_tokens"], event["$ai_provider"]) == (2, "current")


MODEL = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}


def test_messages_come_as_span_events() -> None:
    calls = [{"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}]
    event = read_one(
        MODEL,
        events=[
            happening("gen_ai.system.message", content="Be brief."),
            happening("gen_ai.user.message", content="Weather?", gen_ai__system="openai"),
            happening("gen_ai.assistant.message", tool_calls=json.dumps(calls)),
            happening("gen_ai.tool.message", content="rain", id="c1"),
            happening("gen_ai.choice", index=0, message="It rains.", finish_reason="stop"),
        ],
    )
    assert event["$ai_input"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "tool_calls": calls},
        {"role": "tool", "content": "rain", "tool_call_id": "c1"},
    ]
    assert event["$ai_output_choices"] == [
        {"role": "assistant", "content": "It rains.", "finish_reason": "stop"}
    ]
    assert "otel.events" not in event


def test_messages_come_as_json_in_span_events() -> None:
    choice = {"index": 0, "message": {"content": "Hello"}}
    event = read_one(
        MODEL,
        events=[
            happening("gen_ai.user.message", gen_ai__event__content='{"content": "Hi"}'),
            happening("gen_ai.choice", gen_ai__event__content=json.dumps(choice)),
        ],
    )
    assert event["$ai_input"] == [{"role": "user", "content": "Hi"}]
    assert event["$ai_output_choices"] == [{"role": "assistant", "content": "Hello"}]


def test_prompt_and_completion_come_as_one_span_event_each() -> None:
    prompt = [{"role": "user", "content": "Hi"}]
    event = read_one(
        MODEL,
        events=[
            happening("gen_ai.content.prompt", gen_ai__prompt=json.dumps(prompt)),
            happening("gen_ai.content.completion", gen_ai__completion="Hello"),
            happening("gen_ai.content.completion"),
        ],
    )
    assert event["$ai_input"] == prompt
    assert event["$ai_output_choices"] == [{"role": "assistant", "content": "Hello"}]


def test_details_of_an_operation_come_as_a_span_event() -> None:
    details = happening(
        "gen_ai.client.inference.operation.details",
        gen_ai__input__messages=INPUT,
        gen_ai__output__messages=json.dumps(OUTPUT),
    )
    event = read_one(MODEL, events=[details])
    assert (event["$ai_input"], event["$ai_output_choices"]) == (INPUT, OUTPUT)


def test_other_span_events_are_kept() -> None:
    event = read_one(MODEL, events=[happening("cache.miss", key="k"), happening("retry")])
    assert event["otel.events"] == [{"name": "cache.miss", "key": "k"}, {"name": "retry"}]


def test_a_span_without_any_model_is_kept() -> None:
    http = {"http.request.method": "POST", "url.full": "https://api.openai.com/v1"}
    inner, root = read_all(make_span("POST", http), make_span("job", span_id=1, parent_id=None))
    assert (inner.event, root.event) == ("$ai_span", "$ai_trace")
    assert inner["url.full"] == "https://api.openai.com/v1"
    assert "$ai_span_kind" not in inner
