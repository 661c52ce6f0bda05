"""The attributes of Langfuse's SDKs."""

import json
from typing import Any

import pytest

from tests.traces.receiving.otlp_requests import failed, read_one

TOOL = {"type": "function", "function": {"name": "search", "parameters": {}}}
MESSAGES = [{"role": "system", "content": "Be nice"}, {"role": "user", "content": "find x"}]
ANSWER = {"role": "assistant", "content": "Here it is."}

CALL: dict[str, Any] = {
    "user.id": "ada",
    "session.id": "s1",
    "langfuse.trace.name": "My trace",
    "langfuse.trace.tags": ["t"],
    "langfuse.trace.metadata.k": '"v"',
    "langfuse.observation.metadata.n": "1",
    "langfuse.observation.type": "generation",
    "langfuse.observation.input": json.dumps({"tools": [TOOL], "messages": MESSAGES}),
    "langfuse.observation.output": json.dumps(ANSWER),
    "langfuse.observation.model.name": "gpt-4o",
    "langfuse.observation.model.parameters": '{"temperature": 0.3}',
    "langfuse.observation.usage_details": '{"input": 11, "output": 7, "input_cached_tokens": 4}',
    "langfuse.observation.cost_details": '{"input": 0.001, "output": 0.002, "total": 0.003}',
    "langfuse.observation.prompt.name": "greeting",
    "langfuse.observation.completion_start_time": '"2026-11-20T10:00:00Z"',
    "langfuse.internal.is_app_root": True,
    "langfuse.environment": "production",
    "langfuse.release": "1.2",
}


def test_a_generation() -> None:
    event = read_one(CALL, name="OpenAI-generation")
    assert event.event == "$ai_generation"
    kept = ("langfuse.observation.usage_details", "langfuse.observation.cost_details")
    assert all(event[name] == CALL[name] for name in kept)
    ids = {"$ai_span_id", "$ai_parent_id", "$ai_trace_id", "$ai_latency", "service.name", *kept}
    assert {key: event[key] for key in event.properties if key not in ids} == {
        "$ai_span_name": "OpenAI-generation",
        "$ai_trace_name": "My trace",
        "$ai_user_id": "ada",
        "$ai_session_id": "s1",
        "$ai_metadata": {"k": "v", "n": 1},
        "$ai_input": MESSAGES,
        "$ai_tools": [TOOL],
        "$ai_output_choices": [ANSWER],
        "$ai_model": "gpt-4o",
        "$ai_model_parameters": {"temperature": 0.3},
        "$ai_input_tokens": 11,
        "$ai_output_tokens": 7,
        "$ai_cache_read_input_tokens": 4,
        "$ai_input_cost_usd": 0.001,
        "$ai_output_cost_usd": 0.002,
        "$ai_total_cost_usd": 0.003,
        "langfuse.trace.tags": ["t"],
        "langfuse.observation.prompt.name": "greeting",
        "langfuse.observation.completion_start_time": '"2026-11-20T10:00:00Z"',
        "langfuse.environment": "production",
        "langfuse.release": "1.2",
    }
    assert event.row.distinct_id == "ada"


@pytest.mark.parametrize(
    "usage",
    [
        {"input": 11, "output": 7, "input_cached_tokens": 4, "output_reasoning_tokens": 2},
        {
            "prompt_tokens": 11,
            "completion_tokens": 7,
            "total_tokens": 18,
            "prompt_tokens_details": {"cached_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 2},
        },
        {
            "input_tokens": 11,
            "output_tokens": 7,
            "input_tokens_details": {"cached_tokens": 4},
            "output_tokens_details": {"reasoning_tokens": 2},
        },
        {"input": 11, "output": 7, "cache_read_input_tokens": 4, "reasoning_tokens": 2},
    ],
)
def test_usage_goes_by_many_names(usage: dict[str, object]) -> None:
    event = read_one({**CALL, "langfuse.observation.usage_details": json.dumps(usage)})
    names = ("input", "output", "cache_read_input", "reasoning")
    assert [event[f"$ai_{name}_tokens"] for name in names] == [11, 7, 4, 2]


def test_a_total_that_was_not_sent_is_the_sum() -> None:
    event = read_one({**CALL, "langfuse.observation.cost_details": '{"input": 0.5, "audio": 0.25}'})
    assert (event["$ai_total_cost_usd"], event["$ai_input_cost_usd"]) == (0.75, 0.5)
    assert "$ai_output_cost_usd" not in event


@pytest.mark.parametrize("details", ["{}", "broken", '{"total": "much"}', "[1]"])
def test_a_cost_that_is_unknown_is_not_zero(details: str) -> None:
    event = read_one({**CALL, "langfuse.observation.cost_details": details})
    assert "$ai_total_cost_usd" not in event


def test_plain_texts_become_messages() -> None:
    event = read_one(
        {
            "langfuse.observation.type": "generation",
            "langfuse.observation.input": "text in",
            "langfuse.observation.output": "text out",
        }
    )
    assert event["$ai_input"] == [{"role": "user", "content": "text in"}]
    assert event["$ai_output_choices"] == [{"role": "assistant", "content": "text out"}]


@pytest.mark.parametrize(
    "kind", ["agent", "tool", "chain", "retriever", "evaluator", "guardrail", "event"]
)
def test_kinds(kind: str) -> None:
    event = read_one(
        {
            "langfuse.observation.type": kind,
            "langfuse.observation.input": '{"query": "x"}',
            "langfuse.observation.output": "found",
        },
        name="search",
    )
    assert (event.event, event["$ai_span_kind"]) == ("$ai_span", kind)
    assert (event["$ai_input_state"], event["$ai_output_state"]) == ({"query": "x"}, "found")
    assert event["$ai_span_name"] == "search"


def test_a_plain_span_may_be_a_model_call_of_another_convention() -> None:
    span = {"langfuse.observation.type": "span", "langfuse.observation.input": "text"}
    assert read_one(span).event == "$ai_span"
    assert read_one({**span, "gen_ai.operation.name": "chat"}).event == "$ai_generation"


def test_an_embedding() -> None:
    event = read_one(
        {
            "langfuse.observation.type": "embedding",
            "langfuse.observation.input": '["a", "b"]',
            "langfuse.observation.model.parameters": "{}",
            "langfuse.observation.usage_details": '{"input": 2}',
        }
    )
    assert (event.event, event["$ai_input"]) == ("$ai_embedding", ["a", "b"])
    assert event["$ai_input_tokens"] == 2


def test_a_level_says_that_it_failed() -> None:
    call = {
        "langfuse.observation.type": "tool",
        "langfuse.observation.level": "ERROR",
        "langfuse.observation.status_message": "no such city",
    }
    event = read_one(call)
    assert (event["$ai_is_error"], event["$ai_error"]) == (True, "no such city")
    with_status = read_one(call, status=failed("bad"))
    assert with_status["$ai_error"] == "bad"
    assert "$ai_is_error" not in read_one({**call, "langfuse.observation.level": "WARNING"})


def test_what_a_whole_trace_got_and_gave_stands_on_its_root() -> None:
    whole = {"langfuse.trace.input": '{"q": 1}', "langfuse.trace.output": "done"}
    root = read_one(whole, parent_id=None)
    assert (root.event, root["$ai_input_state"], root["$ai_output_state"]) == (
        "$ai_trace",
        {"q": 1},
        "done",
    )
    inner = read_one(whole)
    assert (inner["langfuse.trace.output"], "$ai_output_state" in inner) == ("done", False)
    own = read_one({**whole, "langfuse.observation.input": "own"}, parent_id=None)
    assert own["$ai_input_state"] == "own"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [('"v"', "v"), ("plain", "plain"), ("7", 7), ("[1]", [1]), ('{"a": 1}', {"a": 1}), (7, 7)],
)
def test_metadata_is_json_or_text(sent: object, kept: object) -> None:
    event = read_one({"langfuse.observation.metadata.k": sent})
    assert event["$ai_metadata"] == {"k": kept}


def test_metadata_that_is_no_object_stays_under_its_own_name() -> None:
    event = read_one({"langfuse.trace.metadata": '"all"'})
    assert event["langfuse.trace.metadata"] == '"all"'
    assert read_one({"langfuse.trace.metadata": '{"a": 1}'})["$ai_metadata"] == {"a": 1}


def test_users_and_sessions_by_langfuses_own_names() -> None:
    event = read_one({"langfuse.user.id": "ada", "user.id": "x", "langfuse.session.id": "s"})
    assert (event["$ai_user_id"], event["$ai_session_id"]) == ("ada", "s")
