"""Reading trace lines: what is accepted, what is refused, and which field is blamed."""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trace_clustering.errors import InvalidInputError
from trace_clustering.traces.reading import parse_trace_line
from trace_clustering.traces.trace import Trace

GOOD: dict[str, object] = {
    "trace_id": "t-1",
    "timestamp": "2026-11-20T10:30:00.250+02:00",
    "model": "gpt-4o",
    "user_id": "ada",
    "is_error": True,
    "metadata": {"cost_usd": 0.25, "nested": {"tags": ["a", None]}},
    "messages": [
        {"role": "user", "content": "hello"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "find", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "content": "found", "tool_call_id": "c1", "name": "find"},
    ],
}

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def line(**changes: object) -> str:
    return json.dumps({**GOOD, **changes})


def without(field: str) -> str:
    return json.dumps({key: value for key, value in GOOD.items() if key != field})


def message(**fields: object) -> str:
    return line(messages=[{"role": "user", "content": "hi"}, fields])


def content_of(content: object) -> str:
    return (
        parse_trace_line(line(messages=[{"role": "user", "content": content}])).messages[0].content
    )


def test_a_good_line_becomes_a_trace() -> None:
    trace = parse_trace_line(line())
    assert trace.trace_id == "t-1"
    assert trace.timestamp == datetime(2026, 11, 20, 8, 30, 0, 250_000, tzinfo=UTC)
    assert trace.timestamp.tzinfo is UTC
    assert (trace.model, trace.user_id, trace.is_error) == ("gpt-4o", "ada", True)
    assert trace.metadata == GOOD["metadata"]
    assert trace.tools == ("find",)
    assert [m.role for m in trace.messages] == ["user", "assistant", "tool"]
    assert trace.messages[2].tool_call_id == "c1"
    assert parse_trace_line(line().encode()) == trace


def test_optional_fields_may_be_missing_or_null() -> None:
    bare = {key: GOOD[key] for key in ("trace_id", "timestamp", "messages")}
    nulls = dict.fromkeys(("model", "user_id", "is_error", "metadata"))
    for document in (bare, {**bare, **nulls}):
        trace = parse_trace_line(json.dumps(document))
        assert (trace.model, trace.user_id, trace.is_error) == (None, None, False)
        assert trace.metadata == {}


@pytest.mark.parametrize(
    ("text", "field", "problem"),
    [
        ("{", "line", "not JSON"),
        ("", "line", "not JSON"),
        ("[1]", "line", "not a JSON object"),
        ("null", "line", "not a JSON object"),
        ("[" * 100_000, "line", "nested deeper"),
        ("[" * 70 + "]" * 70, "line", "nested deeper"),
        ('{"a":' + "9" * 5_000 + "}", "line", "number"),
        (without("trace_id"), "trace_id", "field required"),
        (line(trace_id=7), "trace_id", "must be a text"),
        (line(trace_id=None), "trace_id", "must be a text"),
        (line(trace_id=""), "trace_id", "empty"),
        (line(trace_id="  "), "trace_id", "empty"),
        (line(trace_id="x" * 513), "trace_id", "longer than 512"),
        (line(trace_id="a\nb"), "trace_id", "control character"),
        (line(trace_id="a\ud800"), "trace_id", "decoded"),
        (without("timestamp"), "timestamp", "field required"),
        (line(timestamp=1_700_000_000), "timestamp", "RFC 3339"),
        (line(timestamp="yesterday"), "timestamp", "RFC 3339"),
        (line(timestamp="2026-11-20"), "timestamp", "RFC 3339"),
        (line(timestamp="2026-11-20T10:30:00"), "timestamp", "no time zone"),
        (line(timestamp="2026-02-30T10:30:00Z"), "timestamp", "exists"),
        (line(timestamp="2026-02-20T10:30:00+99:00"), "timestamp", "exists"),
        (line(timestamp="1969-12-31T23:59:59Z"), "timestamp", "1970 to 2100"),
        (line(timestamp="2101-01-01T00:00:00Z"), "timestamp", "1970 to 2100"),
        (line(timestamp="0001-01-01T00:00:00+10:00"), "timestamp", "exists"),
        (line(timestamp="9999-12-31T23:59:59-10:00"), "timestamp", "exists"),
        (line(model=4), "model", "string"),
        (line(user_id=True), "user_id", "string"),
        (line(is_error="no"), "is_error", "boolean"),
        (line(is_error=1), "is_error", "boolean"),
        (line(metadata=[]), "metadata", "dictionary"),
        (without("messages"), "messages", "field required"),
        (line(messages=[]), "messages", "at least 1"),
        (line(messages=None), "messages", "list"),
        (line(messages=["hi"]), "messages.0", "dictionary"),
        (message(content="x"), "messages.1.role", "field required"),
        (message(role=""), "messages.1.role", "at least 1"),
        (message(role=3), "messages.1.role", "string"),
        (message(role="user", content=3), "messages.1.content", "a list of parts"),
        (message(role="user", content=[3]), "messages.1.content", "part"),
        (message(role="tool", tool_call_id=3), "messages.1.tool_call_id", "string"),
        (message(role="tool", name=[]), "messages.1.name", "string"),
        (message(role="assistant", tool_calls={}), "messages.1.tool_calls", "list"),
        (
            message(role="assistant", tool_calls=[{"id": "c"}]),
            "messages.1.tool_calls.0.function",
            "field required",
        ),
        (
            message(role="assistant", tool_calls=[{"function": {"arguments": ""}}]),
            "messages.1.tool_calls.0.function.name",
            "field required",
        ),
    ],
)
def test_a_bad_line_is_refused_by_the_name_of_its_field(
    text: str, field: str, problem: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_trace_line(text)
    assert caught.value.field == field
    assert problem in caught.value.problem
    assert str(caught.value).startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, ""),
        ("plain", "plain"),
        ([], ""),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "a\nb"),
        (["a", {"type": "image_url", "image_url": {"url": "data:…"}}], "a\n[image]"),
        ([{"type": "input_audio", "input_audio": {}}], "[audio]"),
        ([{"type": "file", "file": {}}], "[file]"),
        ([{"type": "refusal", "refusal": "no"}], "no"),
        ([{"type": "x" * 99}], f"[{'x' * 32}]"),
        ([{}], "[part]"),
    ],
)
def test_content_of_every_shape_becomes_text(content: object, text: str) -> None:
    assert content_of(content) == text


def test_characters_and_numbers_that_cannot_be_stored_are_replaced() -> None:
    assert content_of("a\ud800b\0c 😀") == "a\ufffdb\ufffdc 😀"
    document = line(metadata={"k": "\udfff", "n": 1}).replace('"n": 1', '"n": NaN, "big": 1e999')
    metadata = parse_trace_line(document).metadata
    assert metadata == {"k": "\ufffd", "n": None, "big": None}
    json.dumps(metadata, allow_nan=False).encode()


def test_extra_fields_are_ignored_and_arguments_may_be_objects() -> None:
    call = {"function": {"name": "f", "arguments": {"a": "ü"}, "strict": True}}
    text = line(extra=1, messages=[{"role": "assistant", "tool_calls": [call], "audio": {}}])
    (parsed,) = parse_trace_line(text).messages
    assert (parsed.tool_calls[0].arguments, parsed.tool_calls[0].id) == ('{"a": "ü"}', "")


def test_a_whole_number_is_a_user_id_and_a_megabyte_of_text_is_fine() -> None:
    assert parse_trace_line(line(user_id=42)).user_id == "42"
    assert len(content_of("é" * 1_000_000)) == 1_000_000


@pytest.mark.parametrize("text", ["2026-11-20t10:30:00z", "2026-11-20 10:30:00.123456789-00:00"])
def test_all_spellings_of_rfc_3339_are_read(text: str) -> None:
    assert parse_trace_line(line(timestamp=text)).timestamp.hour == 10


def test_a_line_of_bytes_is_utf_8() -> None:
    assert parse_trace_line(b"\xef\xbb\xbf" + line().encode()) == parse_trace_line(line())
    with pytest.raises(InvalidInputError, match="not UTF-8 at byte 0"):
        parse_trace_line(b"\xff{}")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("role", "content", "tool_calls", "function", "name", "arguments", "type", "text", "id")
SHAPED = st.recursive(
    JSON,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(FIELDS), inner),
    max_leaves=8,
)


def only_refuses(parse: Callable[[], Trace]) -> None:
    try:
        outcome: Trace | InvalidInputError = parse()
    except InvalidInputError as error:
        outcome = error
    if isinstance(outcome, InvalidInputError):
        assert outcome.field
        assert outcome.problem
    else:
        json.dumps([outcome.metadata, *map(asdict, outcome.messages)], allow_nan=False)
        str(outcome).encode()


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    only_refuses(lambda: parse_trace_line(data))


@given(st.sampled_from(sorted(GOOD)), JSON)
def test_any_value_of_any_field_is_read_or_refused(field: str, value: object) -> None:
    only_refuses(lambda: parse_trace_line(line(**{field: value})))


@given(st.lists(SHAPED, max_size=3))
def test_any_messages_are_read_or_refused(messages: list[object]) -> None:
    only_refuses(lambda: parse_trace_line(line(messages=messages)))


@pytest.mark.skipif(not DATA.is_dir(), reason="no shared/data folder beside the checkout")
def test_every_real_line_is_read() -> None:
    for name, count in (("tau_airline_traces", 200), ("mt_bench_conversations", 1_000)):
        with (DATA / f"{name}.jsonl").open("rb") as lines:
            assert len([parse_trace_line(line) for line in lines]) == count
