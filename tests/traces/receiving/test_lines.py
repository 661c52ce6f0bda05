"""Lines of files: which of three kinds they are, and what is made of a trace line."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trace_clustering.errors import InvalidInputError
from trace_clustering.models.traces import TraceEvent
from trace_clustering.traces.receiving.lines import read_line

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TRACE: dict[str, Any] = {
    "trace_id": "t-1",
    "timestamp": "2026-11-20T10:30:00.250+02:00",
    "model": "gpt-4o",
    "user_id": "ada",
    "is_error": True,
    "metadata": {"cost_usd": 0.25, "nested": {"tags": ["a", None]}},
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "größe?"}], "mine": 1},
        {"role": "assistant", "content": None, "tool_calls": []},
    ],
}
POSTHOG: dict[str, Any] = {
    "event": "$ai_generation",
    "distinct_id": "ada",
    "timestamp": "2026-11-20T10:30:00Z",
    "properties": {"$ai_trace_id": "t-2"},
}
SPAN: dict[str, Any] = {
    "traceId": "5b8efff798038103d269b633813fc60c",
    "spanId": "eee19b7ec3c1b174",
    "name": "chat",
    "startTimeUnixNano": "1763634600000000000",
    "endTimeUnixNano": "1763634601000000000",
}
OTLP: dict[str, Any] = {"resourceSpans": [{"scopeSpans": [{"spans": [SPAN]}]}]}


def read(document: object) -> tuple[TraceEvent, ...]:
    delivery = read_line(json.dumps(document).encode(), now=NOW)
    assert (delivery.rejected, delivery.ignored) == ((), 0)
    return delivery.events


def event(**changes: Any) -> TraceEvent:
    (made,) = read(TRACE | changes)
    return made


def refusal(line: bytes) -> str:
    with pytest.raises(InvalidInputError) as refused:
        read_line(line, now=NOW)
    return str(refused.value)


# -- trace lines --------------------------------------------------------------------------------


def test_a_trace_line_is_one_event() -> None:
    made = event()
    assert (made.event, made.trace_id, made.distinct_id) == ("$ai_trace", "t-1", "ada")
    assert made.timestamp == datetime(2026, 11, 20, 8, 30, 0, 250_000, tzinfo=UTC)
    assert json.loads(made.properties) == {
        "$ai_trace_id": "t-1",
        "$ai_input_state": TRACE["messages"],
        "$ai_model": "gpt-4o",
        "$ai_user_id": "ada",
        "$ai_is_error": True,
        "$ai_metadata": TRACE["metadata"],
        "timestamp": TRACE["timestamp"],
    }


def test_what_a_trace_line_does_not_say_is_absent() -> None:
    bare = {name: TRACE[name] for name in ("trace_id", "timestamp", "messages")}
    nulls = dict.fromkeys(("model", "user_id", "is_error", "metadata"))
    for document in (bare, bare | nulls, bare | {"user_id": "", "metadata": {}}):
        (made,) = read(document)
        assert made.distinct_id == "t-1"
        names = ["$ai_input_state", "timestamp", "$ai_trace_id"]
        assert list(json.loads(made.properties)) == names
    assert json.loads(event(is_error=False).properties)["$ai_is_error"] is False
    assert json.loads(event(user_id=7).properties)["$ai_user_id"] == "7"


def test_a_trace_line_is_known_by_its_id() -> None:
    assert UUID(event().uuid).version == 5
    assert event(messages=TRACE["messages"][:1]).uuid == event().uuid
    assert event(trace_id="t-2").uuid != event().uuid


def test_a_trace_line_may_lie_in_the_future() -> None:
    # Made-up data does, and files have always been taken so.
    assert event(timestamp="2100-01-01T00:00:00Z").timestamp > NOW + timedelta(days=365)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"trace_id": 5}, "trace_id"),
        ({"trace_id": ""}, "trace_id"),
        ({"timestamp": "2026-11-20T10:30:00"}, "timestamp"),
        ({"timestamp": None}, "timestamp"),
        ({"messages": []}, "messages"),
        ({"messages": None}, "messages"),
        ({"messages": [{"role": 5}]}, "messages.0.role"),
        ({"is_error": "yes"}, "is_error"),
    ],
)
def test_the_fields_of_a_trace_line_are_named(changes: dict[str, Any], field: str) -> None:
    assert refusal(json.dumps(TRACE | changes).encode()).startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("document", "field"), [({"trace_id": "t"}, "timestamp"), ({"messages": []}, "trace_id")]
)
def test_half_a_trace_line_is_one(document: dict[str, Any], field: str) -> None:
    assert refusal(json.dumps(document).encode()).startswith(f"{field}: ")


def test_what_else_a_trace_line_holds_does_not_matter() -> None:
    assert event(event="x", properties={}, batch=[], resourceSpans=[]) == event()


# -- the others ---------------------------------------------------------------------------------


def test_posthogs_events() -> None:
    (made,) = read(POSTHOG)
    assert (made.event, made.trace_id) == ("$ai_generation", "t-2")
    assert read({"batch": [POSTHOG], "api_key": "k"}) == (made,)
    row = POSTHOG | {"properties": json.dumps(POSTHOG["properties"]), "team_id": 2}
    assert read(row) == (made,)
    delivery = read_line(b'{"event": "$pageview"}', now=NOW)
    assert (delivery.events, delivery.ignored) == ((), 1)


def test_posthogs_events_from_a_file_need_a_time() -> None:
    undated = {name: POSTHOG[name] for name in ("event", "properties")}
    delivery = read_line(json.dumps(undated).encode(), now=NOW)
    assert [(one.part, one.problem) for one in delivery.rejected] == [
        ("line", "timestamp: is missing")
    ]


@pytest.mark.parametrize("name", ["resourceSpans", "resource_spans"])
def test_otlp(name: str) -> None:
    (made,) = read({name: OTLP["resourceSpans"]})
    assert made.trace_id == SPAN["traceId"]


@pytest.mark.parametrize(
    "line",
    [b"{}", b'{"id": 1, "properties": {}}', b'{"spans": []}'],
)
def test_a_line_that_is_none_of_them(line: bytes) -> None:
    message = refusal(line)
    assert message.startswith("line: is no trace, no OTLP request and no PostHog event: ")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"[]", "line: not a JSON object"),
        (b"null", "line: not a JSON object"),
        (b"", "line: not JSON: Expecting value at character 1"),
        (b"{", "line: not JSON: "),
        (b'{"a": "\xff"}', "line: not UTF-8 at byte 7"),
        (b'{"a":' * 100_000, "line: nested too deep"),
        (b'{"a":' + b"9" * 5000 + b"}", "line: not JSON: holds a number that is too long"),
    ],
)
def test_a_line_that_cannot_be_read(line: bytes, message: str) -> None:
    assert refusal(line).startswith(message)


def test_marks_at_the_beginning_do_not_matter() -> None:
    line = b"\xef\xbb\xbf" + json.dumps(TRACE).encode()
    assert read_line(line, now=NOW).events == (event(),)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from([TRACE, POSTHOG, OTLP, {"batch": [POSTHOG]}]), st.data(), JSON)
def test_any_line_is_read_or_refused(
    good: dict[str, Any], data: st.DataObject, value: object
) -> None:
    name = data.draw(st.sampled_from(sorted(good)))
    with suppress(InvalidInputError):
        delivery = read_line(json.dumps(good | {name: value}).encode(), now=NOW)
        for one in delivery.events:
            assert json.loads(one.properties)["$ai_trace_id"] == one.trace_id


@given(st.binary())
def test_any_bytes_are_read_or_refused(line: bytes) -> None:
    with suppress(InvalidInputError):
        read_line(line, now=NOW)
