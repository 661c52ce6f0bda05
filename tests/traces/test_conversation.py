"""Chat messages in every form that clients send, and one conversation out of many histories."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trace_clustering.traces.conversation import holds_messages, merged, messages_of
from trace_clustering.traces.reading import parse_trace_line
from trace_clustering.traces.trace import Message, ToolCall

CALL = ToolCall("c1", "find", '{"user": "ada"}')
ASK = Message("user", "Where is it?")
CALLS = Message("assistant", "", (CALL,))
FOUND = Message("tool", "in Lyon", (), "c1")
TELLS = Message("assistant", "It is in Lyon.")

OPENAI_CALL = {
    "id": "c1",
    "type": "function",
    "function": {"name": "find", "arguments": CALL.arguments},
}
ARGUMENTS = {"user": "ada"}

FORMS: dict[str, list[object]] = {
    "openai chat": [
        {"role": "user", "content": "Where is it?"},
        {"role": "assistant", "content": None, "tool_calls": [OPENAI_CALL]},
        {"role": "tool", "content": "in Lyon", "tool_call_id": "c1"},
        {"role": "assistant", "content": "It is in Lyon.", "refusal": None, "annotations": []},
    ],
    "openai responses": [
        {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "Where is it?"}],
        },
        {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {
            "type": "function_call",
            "id": "x",
            "call_id": "c1",
            "name": "find",
            "arguments": CALL.arguments,
        },
        {"type": "function_call_output", "call_id": "c1", "output": "in Lyon"},
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "It is in Lyon.", "annotations": []}],
        },
    ],
    "anthropic": [
        {"role": "user", "content": "Where is it?"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "I should look.", "signature": "s"},
                {"type": "tool_use", "id": "c1", "name": "find", "input": ARGUMENTS},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "c1",
                    "content": [{"type": "text", "text": "in Lyon"}],
                }
            ],
        },
        {"role": "assistant", "content": [{"type": "text", "text": "It is in Lyon."}]},
    ],
    "genai conventions": [
        {"role": "user", "parts": [{"type": "text", "content": "Where is it?"}]},
        {
            "role": "assistant",
            "parts": [
                {"type": "reasoning", "content": "I should look."},
                {"type": "tool_call", "id": "c1", "name": "find", "arguments": ARGUMENTS},
            ],
            "finish_reason": "tool_calls",
        },
        {
            "role": "tool",
            "parts": [{"type": "tool_call_response", "id": "c1", "response": "in Lyon"}],
        },
        {
            "role": "assistant",
            "parts": [{"type": "text", "content": "It is in Lyon."}],
            "finish_reason": "stop",
        },
    ],
    "langchain data": [
        {"type": "human", "data": {"content": "Where is it?"}},
        {
            "type": "ai",
            "data": {
                "content": "",
                "tool_calls": [
                    {"name": "find", "args": ARGUMENTS, "id": "c1", "type": "tool_call"}
                ],
            },
        },
        {"type": "tool", "data": {"content": "in Lyon", "tool_call_id": "c1"}},
        {"type": "ai", "data": {"content": "It is in Lyon."}},
    ],
    "langchain serialized": [
        {
            "lc": 1,
            "type": "constructor",
            "id": ["langchain", "schema", "messages", "HumanMessage"],
            "kwargs": {"content": "Where is it?", "type": "human"},
        },
        {
            "lc": 1,
            "type": "constructor",
            "id": ["langchain", "schema", "messages", "AIMessageChunk"],
            "kwargs": {"content": "", "additional_kwargs": {"tool_calls": [OPENAI_CALL]}},
        },
        {"type": "tool", "content": "in Lyon", "tool_call_id": "c1"},
        {"type": "AIMessage", "content": "It is in Lyon."},
    ],
    "vercel": [
        {"role": "user", "content": [{"type": "text", "text": "Where is it?"}]},
        {
            "role": "assistant",
            "content": [
                {"type": "tool-call", "toolCallId": "c1", "toolName": "find", "input": ARGUMENTS}
            ],
        },
        {
            "role": "tool",
            "content": [
                {
                    "type": "tool-result",
                    "toolCallId": "c1",
                    "output": {"type": "text", "value": "in Lyon"},
                }
            ],
        },
        {"role": "assistant", "content": [{"type": "text", "text": "It is in Lyon."}]},
    ],
    "bedrock": [
        {"role": "user", "content": [{"text": "Where is it?"}]},
        {
            "role": "assistant",
            "content": [{"toolUse": {"toolUseId": "c1", "name": "find", "input": ARGUMENTS}}],
        },
        {
            "role": "user",
            "content": [{"toolResult": {"toolUseId": "c1", "content": [{"text": "in Lyon"}]}}],
        },
        {"role": "assistant", "content": [{"text": "It is in Lyon."}]},
    ],
}


@pytest.mark.parametrize("form", FORMS)
def test_every_vendors_messages_are_understood(form: str) -> None:
    assert messages_of(FORMS[form]) == (ASK, CALLS, FOUND, TELLS)
    assert messages_of(json.dumps(FORMS[form])) == (ASK, CALLS, FOUND, TELLS)
    assert messages_of({"messages": FORMS[form], "stream": True}) == (ASK, CALLS, FOUND, TELLS)
    assert holds_messages(FORMS[form])


def test_gemini_names_no_ids() -> None:
    contents = [
        {"role": "user", "parts": [{"text": "Where is it?"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "find", "args": ARGUMENTS}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "find", "response": {"at": 1}}}]},
        {"role": "model", "parts": [{"text": "It is in Lyon."}]},
    ]
    body = {"system_instruction": {"parts": [{"text": "Be brief."}]}, "contents": contents}
    assert messages_of(body) == (
        Message("system", "Be brief."),
        ASK,
        Message("assistant", "", (ToolCall("", "find", CALL.arguments),)),
        Message("tool", '{"at":1}', (), None, "find"),
        TELLS,
    )
    answer = {"candidates": [{"content": contents[3], "finishReason": "STOP"}]}
    assert messages_of(answer, default_role="assistant") == (TELLS,)


@pytest.mark.parametrize(
    "choices",
    [
        [{"role": "assistant", "content": [{"type": "text", "text": "Hm."}, OPENAI_CALL]}],
        [{"content": [{"type": "text", "text": "Hm."}, OPENAI_CALL]}],
        [{"type": "text", "text": "Hm."}, OPENAI_CALL],
        [{"message": {"role": "assistant", "content": "Hm.", "tool_calls": [OPENAI_CALL]}}],
        {"choices": [{"message": {"content": "Hm.", "tool_calls": [OPENAI_CALL]}}]},
        {"output": [{"content": "Hm.", "tool_calls": [OPENAI_CALL]}], "input": "x"},
        [[{"text": "Hm.", "message": {"content": "Hm.", "tool_calls": [OPENAI_CALL]}}]],
        [
            {"type": "message", "role": "assistant", "content": "Hm."},
            {"type": "function_call", "call_id": "c1", "name": "find", "arguments": CALL.arguments},
        ],
    ],
)
def test_what_a_model_gave_back_is_the_assistants(choices: object) -> None:
    assert messages_of(choices, default_role="assistant") == (Message("assistant", "Hm.", (CALL,)),)


@pytest.mark.parametrize(
    ("value", "role", "text"),
    [
        ("hello", "user", "hello"),
        (["hello"], "user", "hello"),
        (["human", "hello"], "user", "hello"),
        ([["ai", "hello"]], "assistant", "hello"),
        ({"input": "hello", "temperature": 0}, "user", "hello"),
        ({"prompt": "hello"}, "user", "hello"),
        ({"question": "hello"}, "user", "hello"),
        ('{"query": "hello"}', "user", "hello"),
        ({"input": {"messages": [{"role": "human", "content": "hello"}]}}, "user", "hello"),
        ({"role": "user", "text": "hello"}, "user", "hello"),
        ({"role": "assistant", "content": None, "refusal": "No."}, "assistant", "No."),
        ({"role": "assistant", "audio": {"transcript": "hello"}}, "assistant", "hello"),
        (
            {"role": "assistant", "content": [{"type": "thinking", "x": 1}]},
            "assistant",
            "[thinking]",
        ),
        ({"role": "user", "content": [{"type": "image", "source": {}}]}, "user", "[image]"),
        (
            {"role": "user", "content": [{"inline_data": {"mime_type": "image/png"}}]},
            "user",
            "[image]",
        ),
        ({"role": "user", "content": [{"blob": "AAAA"}]}, "user", "[part]"),
        (
            {"role": "user", "content": [{"type": "text", "text": {"value": "hello"}}]},
            "user",
            "hello",
        ),
        ({"role": "function", "name": "f", "content": "hello"}, "function", "hello"),
        ({"role": "tool", "content": {"a": 1}}, "tool", '{"a":1}'),
        ({"unknown": {"a": [1, "ü"]}}, "user", '{"unknown":{"a":[1,"ü"]}}'),
        ([[101, 7592], [102]][0], "user", "[101,7592]"),
        (5, "user", "5"),
        ("[not json", "user", "[not json"),
        ('{"status": 3}', "user", '{"status": 3}'),
    ],
)
def test_anything_else_becomes_one_message(value: object, role: str, text: str) -> None:
    (message,) = messages_of(value)
    assert (message.role, message.content) == (role, text)


@pytest.mark.parametrize(
    "value", [None, "", "  ", [], [None], {"type": "reasoning", "summary": []}]
)
def test_nothing_is_no_message(value: object) -> None:
    assert messages_of(value) == ()


def test_old_function_calls_and_instructions() -> None:
    assert messages_of(
        {
            "instructions": "Be brief.",
            "input": [{"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}}],
        }
    ) == (Message("system", "Be brief."), Message("assistant", "", (ToolCall("", "f", "{}"),)))


def test_a_history_stands_before_the_input() -> None:
    value = {"input": "and now?", "chat_history": [{"role": "user", "content": "before"}]}
    assert [m.content for m in messages_of(value)] == ["before", "and now?"]


def test_a_failed_tool_result_says_so() -> None:
    result = {
        "type": "tool_result",
        "tool_use_id": "c",
        "content": "no such user",
        "is_error": True,
    }
    (message,) = messages_of([{"role": "user", "content": [result]}])
    assert message == Message("tool", "Error: no such user", (), "c")


def test_text_beside_a_tool_result_stays_the_users() -> None:
    content = [
        {"type": "tool_result", "tool_use_id": "c", "content": "ok"},
        {"type": "text", "text": "go on"},
    ]
    roles = [m.role for m in messages_of([{"role": "user", "content": content}])]
    assert roles == ["tool", "user"]


def test_a_hosted_tools_call_holds_its_answer() -> None:
    item = {"type": "mcp_call", "id": "m", "name": "search", "arguments": "{}", "output": "found"}
    assert messages_of([item], default_role="assistant") == (
        Message("assistant", "", (ToolCall("m", "search", "{}"),)),
        Message("tool", "found", (), "m", "search"),
    )


@pytest.mark.parametrize(
    ("value", "holds"),
    [
        ({"messages": [{"role": "user", "content": "x"}]}, True),
        ([[{"role": "user", "content": "x"}]], True),
        ('[{"role": "user", "content": "x"}]', True),
        ({"city": "Paris"}, False),
        ([{"title": "a", "text": "b"}], False),
        ({"messages": 3}, False),
        ("plain", False),
        (None, False),
        (3.5, False),
    ],
)
def test_messages_are_told_from_other_data(value: object, holds: bool) -> None:
    assert holds_messages(value) is holds


# Merging.

SYSTEM = Message("system", "Be brief.")


def test_a_loop_that_sends_everything_again_is_one_conversation() -> None:
    histories = [[SYSTEM, ASK, CALLS], [SYSTEM, ASK, CALLS, FOUND, TELLS]]
    assert merged(histories) == (SYSTEM, ASK, CALLS, FOUND, TELLS)


def test_who_says_yes_twice_said_it_twice() -> None:
    yes = Message("user", "yes")
    first = [ASK, TELLS, yes, TELLS]
    assert merged([first, [*first, yes]]) == (*first, yes)


def test_ids_of_calls_and_the_spelling_of_json_do_not_count() -> None:
    again = Message("assistant", " ", (ToolCall("other", "find", '{"user":"ada"}'),))
    found = Message("tool", '{"b": 1, "a": 2}', (), "c1")
    spelled = Message("tool", '{"a":2,"b":1}', (), "other")
    assert merged([[ASK, CALLS, found], [ASK, again, spelled, TELLS]]) == (ASK, CALLS, found, TELLS)


def test_one_turn_may_be_one_message_or_several() -> None:
    turn = Message("assistant", "Let me see.", (CALL,))
    pieces = [Message("assistant", "Let me see."), CALLS]
    assert merged([[ASK, turn], [ASK, *pieces, FOUND]]) == (ASK, turn, FOUND)
    assert merged([[ASK, *pieces], [ASK, turn, FOUND]]) == (ASK, *pieces, FOUND)


def test_only_what_is_new_of_a_message_is_added() -> None:
    other = ToolCall("c2", "refund", "{}")
    both = Message("assistant", "Let me see.", (CALL, other))
    assert merged([[Message("assistant", "Let me see."), CALLS], [both]])[2:] == (
        Message("assistant", "", (other,)),
    )


def test_every_agent_has_its_own_instructions() -> None:
    critic = Message("system", "Be harsh.")
    assert merged([[SYSTEM, ASK, TELLS], [critic, ASK, FOUND]]) == (
        SYSTEM,
        ASK,
        TELLS,
        critic,
        FOUND,
    )


def test_nothing_merged_is_nothing() -> None:
    assert merged([]) == merged([[], []]) == ()


MESSAGES = st.builds(
    Message,
    st.sampled_from(["system", "user", "assistant", "tool"]),
    st.sampled_from(["", "a", " a", "b", '{"a": 1}', '{"a":1}', "[", "{"]),
    st.lists(
        st.builds(ToolCall, st.just(""), st.sampled_from("fg"), st.sampled_from(["", "{}"])),
        max_size=2,
    ).map(tuple),
)


@given(st.lists(MESSAGES, max_size=6))
def test_a_conversation_merged_with_its_own_beginnings_stays_as_it_is(said: list[Message]) -> None:
    beginnings = [said[:end] for end in range(len(said) + 1)]
    assert merged([said]) == tuple(said)
    assert merged([*beginnings, said]) == tuple(said)
    assert merged([said, *beginnings]) == tuple(said)


# Whatever is sent.

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KEYS = """role content parts type text message messages tool_calls function function_call
functionCall toolUse toolResult name arguments id lc kwargs data input output choices generations
chat_history thought refusal audio message_content response is_error"""
WORDS = """user human ai tool function text tool_use tool_result function_call message reasoning
function_call_output mcp_call HumanMessage {} [] [[ {"""
SHAPED = st.recursive(
    JSON | st.sampled_from(WORDS.split()),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS.split()), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(SHAPED, st.sampled_from(["user", "assistant"]))
def test_any_value_is_read(value: object, role: str) -> None:
    for message in messages_of(value, default_role=role):
        assert all(isinstance(text, str) for text in (message.role, message.content))
        assert message.role
        assert all(call.name and isinstance(call.arguments, str) for call in message.tool_calls)
        assert isinstance(message.tool_call_id, str | None)
        assert isinstance(message.name, str | None)
    assert holds_messages(value) in (True, False)


@pytest.mark.parametrize(
    ("open_", "close"), [("[", "]"), ('{"messages":[', "]}"), ('{"input":', "}")]
)
def test_no_depth_exhausts_the_stack(open_: str, close: str) -> None:
    text = open_ * 400 + "1" + close * 400
    assert messages_of(json.loads(text))
    assert messages_of(text)
    deep: object = "x"
    for _ in range(50_000):
        deep = [deep]
    assert messages_of(deep)


PART = st.one_of(
    st.text(),
    st.fixed_dictionaries({"type": st.just("text"), "text": st.text()}),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["image_url", "input_audio", "file"]), "x": JSON}
    ),
    st.fixed_dictionaries({"type": st.just("refusal"), "refusal": st.text()}),
)
OPENAI_MESSAGE = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["system", "developer", "user", "assistant", "tool", "function"]),
        "content": st.none() | st.text() | st.lists(PART, max_size=3),
    },
    optional={
        "tool_calls": st.none()
        | st.lists(
            st.fixed_dictionaries(
                {
                    "id": st.text(),
                    "type": st.just("function"),
                    "function": st.fixed_dictionaries(
                        {"name": st.text(min_size=1), "arguments": st.text() | st.none()}
                    ),
                }
            ),
            max_size=2,
        ),
        "tool_call_id": st.none() | st.text(),
        "name": st.none() | st.text(),
    },
)


@given(st.lists(OPENAI_MESSAGE, min_size=1, max_size=4))
def test_trace_lines_are_read_as_strictly_as_leniently(messages: list[dict[str, object]]) -> None:
    for message in messages:
        if message["role"] in ("tool", "function"):
            message.pop("tool_calls", None)
    line = {"trace_id": "t", "timestamp": "2026-11-20T10:30:00Z", "messages": messages}
    trace = parse_trace_line(json.dumps(line))
    assert (
        messages_of(json.loads(json.dumps(messages).replace("\\u0000", "\\ufffd")))
        == trace.messages
    )
