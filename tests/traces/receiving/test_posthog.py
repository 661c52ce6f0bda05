"""PostHog's events: which are kept, as what, and what is said of the others."""

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
from trace_clustering.models.traces import TRACE_EVENTS, Delivery, TraceEvent
from trace_clustering.traces.receiving.posthog import (
    MAX_DISTINCT_ID_CHARS,
    project_key,
    read_posthog,
    read_posthog_line,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
UUID_TEXT = "0191c8de-5b0e-7f0a-b1c7-1d9c52000001"


def generation(**changes: Any) -> dict[str, Any]:
    event = {
        "event": "$ai_generation",
        "distinct_id": "ada",
        "uuid": UUID_TEXT,
        "timestamp": "2026-11-20T11:59:58.250000+00:00",
        "properties": properties(),
    }
    return event | changes


def properties(**changes: Any) -> dict[str, Any]:
    given = {
        "$ai_trace_id": "t-1",
        "$ai_model": "gpt-4o",
        "$ai_input": [{"role": "user", "content": "größe?"}],
        "$ai_input_tokens": 12,
        "$ai_latency": 0.5,
    }
    return given | changes


def read(document: object) -> Delivery:
    return read_posthog(document, now=NOW)


def kept(document: object) -> TraceEvent:
    delivery = read(document)
    assert (delivery.rejected, delivery.ignored) == ((), 0)
    (event,) = delivery.events
    return event


def stored(**changes: Any) -> Any:
    return json.loads(kept(generation(properties=properties(**changes))).properties)


def problem(document: object) -> tuple[str, str]:
    delivery = read(document)
    assert delivery.events == ()
    (rejection,) = delivery.rejected
    return rejection.part, rejection.problem


def test_an_event_is_kept_as_it_was_sent() -> None:
    event = kept(generation())
    assert event.uuid == UUID_TEXT
    assert (event.event, event.trace_id, event.distinct_id) == ("$ai_generation", "t-1", "ada")
    assert event.timestamp == datetime(2026, 11, 20, 11, 59, 58, 250_000, tzinfo=UTC)
    assert json.loads(event.properties) == properties()


@pytest.mark.parametrize("name", TRACE_EVENTS)
def test_every_kind_that_traces_are_made_of_is_kept(name: str) -> None:
    assert kept(generation(event=name)).event == name


@pytest.mark.parametrize(
    "name",
    ["$pageview", "$identify", "$exception", "$feature_flag_called", "$ai_metric", "clicked", ""],
)
def test_other_events_are_counted_and_left_alone(name: str) -> None:
    delivery = read({"batch": [generation(event=name), {"event": name}, generation()]})
    assert (len(delivery.events), delivery.rejected, delivery.ignored) == (1, (), 2)


@pytest.mark.parametrize("name", ["$ai_trace_summary", "$ai_trace_clusters"])
def test_nobody_outside_writes_what_this_service_concludes(name: str) -> None:
    assert read(generation(event=name)) == Delivery((), (), 1)


def test_a_batch_a_list_and_a_single_event_hold_the_same() -> None:
    single = read(generation())
    assert read({"api_key": "k", "batch": [generation()], "sentAt": "x"}) == single
    assert read([generation()]) == single
    assert read({"batch": []}) == read([]) == Delivery(())


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "body: holds neither event nor batch"),
        ({"api_key": "k"}, "body: holds neither event nor batch"),
        ("text", "body: must be an object or a list of events"),
        (None, "body: must be an object or a list of events"),
        ({"batch": {}}, "batch: must be a list of events"),
        ({"batch": None}, "batch: must be a list of events"),
        ({"batch": [{}] * 250_001}, "batch: holds more than 250,000 events"),
        ([{}] * 250_001, "body: holds more than 250,000 events"),
    ],
)
def test_a_document_without_events_is_refused(document: object, message: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        read(document)
    assert str(refused.value) == message


def test_bad_events_do_not_hold_up_the_others() -> None:
    bad: list[object] = [7, {}, {"event": 5}, generation(properties={})]
    delivery = read({"batch": [*bad, generation()]})
    assert len(delivery.events) == 1
    assert [(one.part, one.problem) for one in delivery.rejected] == [
        ("batch.0", "event: must be an object"),
        ("batch.1", "event: must be a text"),
        ("batch.2", "event: must be a text"),
        ("batch.3", "properties.$ai_trace_id: is missing"),
    ]
    assert problem([{}])[0] == "body.0"
    assert problem(generation(properties=[])) == ("body", "properties: must be an object")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("t-1", "t-1"),
        (17, "17"),
        (0.5, "0.5"),
        (UUID(UUID_TEXT), UUID_TEXT),
        ("x" * 512, "x" * 512),
        ("größe 你", "größe 你"),
    ],
)
def test_a_trace_id_may_be_a_number(given: object, expected: str) -> None:
    event = kept(generation(properties={"$ai_trace_id": given}))
    assert event.trace_id == expected
    assert json.loads(event.properties) == {"$ai_trace_id": expected}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, "is missing"),
        (True, "must be a text or a number"),
        ([], "must be a text or a number"),
        ({"id": 1}, "must be a text or a number"),
        (float("inf"), "must be a text or a number"),
        ("", "must not be empty"),
        ("  ", "must not be empty"),
        ("x" * 513, "longer than 512 characters"),
        ("a\0", "holds a control character or one that cannot be decoded"),
        ("a\n", "holds a control character or one that cannot be decoded"),
        ("\ud800", "holds a control character or one that cannot be decoded"),
    ],
)
def test_a_trace_id_that_cannot_be_used(given: object, expected: str) -> None:
    part = problem(generation(properties={"$ai_trace_id": given}))
    assert part == ("body", f"properties.$ai_trace_id: {expected}")


def test_types_of_properties_are_left_alone() -> None:
    odd = {
        "$ai_input_tokens": "12",
        "$ai_latency": "fast",
        "$ai_is_error": "true",
        "$ai_input": "no list",
        "$ai_model": ["x"],
        "mine": {"nested": [None]},
    }
    assert stored(**odd) == properties(**odd)


def test_span_ids_are_texts_under_one_name() -> None:
    assert stored(**{"$ai_span_id": 7, "$ai_parent_id": 8})["$ai_span_id"] == "7"
    assert stored(**{"$ai_span_id": 7, "$ai_parent_id": 8})["$ai_parent_id"] == "8"
    assert stored(**{"$ai_generation_id": "g"})["$ai_span_id"] == "g"
    assert stored(**{"$ai_generation_id": "g", "$ai_span_id": "s"})["$ai_span_id"] == "s"
    assert "$ai_span_id" not in stored()
    assert "$ai_parent_id" not in stored(**{"$ai_parent_id": None})


@pytest.mark.parametrize("name", ["token", "$token", "api_key"])
def test_the_senders_key_is_not_stored(name: str) -> None:
    assert "secret" not in kept(generation(**{name: "secret"})).properties
    assert name not in stored(**{name: "secret"})
    # A number under that name is a property like any other.
    assert stored(**{name: 5})[name] == 5


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"distinct_id": "ada"}, "ada"),
        ({"distinct_id": 7}, "7"),
        ({"distinct_id": ""}, "t-1"),
        ({"distinct_id": None}, "t-1"),
        ({"distinct_id": {"a": 1}}, "t-1"),
        ({"distinct_id": None, "properties": properties(distinct_id="bob")}, "bob"),
        ({"distinct_id": "a\0\ud800"}, "a\ufffd\ufffd"),
        ({"distinct_id": "x" * 600}, "x" * MAX_DISTINCT_ID_CHARS),
    ],
)
def test_who_it_is_about(changes: dict[str, Any], expected: str) -> None:
    assert kept(generation(**changes)).distinct_id == expected


# -- times --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T10:30:00Z",
        "2026-11-20T10:30:00+00:00",
        "2026-11-20T11:30:00.000000+01:00",
        "2026-11-20T10:30:00.000Z",
        "2026-11-20T10:30:00.000000000Z",
        "2026-11-20T10:30:00",
        "2026-11-20 10:30:00.000000",
        " 2026-11-20T10:30:00Z ",
    ],
)
def test_times_come_in_many_forms(text: str) -> None:
    assert kept(generation(timestamp=text)).timestamp == datetime(2026, 11, 20, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("yesterday", "must be an ISO 8601 time such as 2026-01-31T12:00:00Z"),
        ("", "must be an ISO 8601 time such as 2026-01-31T12:00:00Z"),
        (1_763_600_000, "must be an ISO 8601 time such as 2026-01-31T12:00:00Z"),
        ({}, "must be an ISO 8601 time such as 2026-01-31T12:00:00Z"),
        ("2026-13-20T10:30:00Z", "must be an ISO 8601 time such as 2026-01-31T12:00:00Z"),
        ("1969-12-31T23:59:59Z", "lies before 1970"),
        ("0001-01-01T00:00:00+14:00", "lies before 1970"),
        ("2026-11-21T12:00:01Z", "lies more than a day in the future"),
        ("9999-12-31T23:59:59-14:00", "lies more than a day in the future"),
    ],
)
def test_a_time_that_cannot_be(given: object, expected: str) -> None:
    assert problem(generation(timestamp=given)) == ("body", f"timestamp: {expected}")


def test_an_event_without_a_time_happened_when_it_was_sent() -> None:
    undated = generation(timestamp=None)
    assert kept(undated).timestamp == NOW
    for name in ("sent_at", "sentAt"):
        batch = {"batch": [undated], name: "2026-11-20T11:00:00Z"}
        assert kept(batch).timestamp == NOW - timedelta(hours=1)
        assert kept({**batch, name: "never"}).timestamp == NOW
        assert kept({**batch, name: "2200-01-01T00:00:00Z"}).timestamp == NOW


def test_a_file_does_not_say_when_it_was_sent() -> None:
    assert read_posthog_line(generation(), now=NOW) == read(generation())
    delivery = read_posthog_line(generation(timestamp=None), now=NOW)
    assert [(one.part, one.problem) for one in delivery.rejected] == [
        ("line", "timestamp: is missing")
    ]
    batch = {"batch": [generation(timestamp=None)], "sent_at": "2026-11-20T11:00:00Z"}
    (event,) = read_posthog_line(batch, now=NOW).events
    assert event.timestamp == NOW - timedelta(hours=1)
    with pytest.raises(InvalidInputError, match=r"^line: "):
        read_posthog_line({}, now=NOW)


# -- what makes it the same event ---------------------------------------------------------------


def test_a_uuid_of_its_own_is_kept() -> None:
    assert kept(generation(uuid=UUID_TEXT.upper())).uuid == UUID_TEXT
    assert kept(generation(uuid="{" + UUID_TEXT + "}")).uuid == UUID_TEXT


@pytest.mark.parametrize("given", [None, "", "no uuid", 5, {}, "0" * 31, "\ud800"])
def test_without_one_the_same_event_gets_the_same(given: object) -> None:
    event = kept(generation(uuid=given))
    assert UUID(event.uuid).version == 5
    assert kept(generation(uuid=given)) == event
    for changes in (
        {"event": "$ai_span"},
        {"distinct_id": "bob"},
        {"timestamp": "2026-11-20T11:59:59Z"},
        {"properties": properties(more=1)},
    ):
        assert kept(generation(uuid=given) | changes).uuid != event.uuid


def test_an_undated_event_that_is_sent_again_is_the_same() -> None:
    undated = generation(uuid=None, timestamp=None)
    (again,) = read_posthog(undated, now=NOW + timedelta(seconds=3)).events
    assert again.uuid == kept(undated).uuid


def test_exports_hold_properties_as_text() -> None:
    row = generation(
        properties=json.dumps(properties()),
        timestamp="2026-11-20 11:59:58.250000",
        team_id=3,
        created_at="2026-11-20 11:59:59.000000",
    )
    assert kept(row) == kept(generation())
    assert problem(generation(properties="{"))[1].startswith("properties: not JSON: ")
    assert problem(generation(properties="7"))[1] == "properties: must be an object"


# -- the key ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"api_key": "k", "batch": []}, "k"),
        ({"token": "k", "event": "e"}, "k"),
        ({"$token": "k", "event": "e"}, "k"),
        ({"event": "e", "properties": {"token": "k"}}, "k"),
        ({"api_key": "k", "properties": {"token": "other"}}, "k"),
        ([{"event": "e", "properties": {"token": "k"}}], "k"),
        ([{"event": "e", "api_key": "k"}, {"api_key": "other"}], "k"),
        ({"batch": [{"properties": {"token": "k"}}]}, "k"),
        ({"api_key": "", "token": "k"}, "k"),
        ({"api_key": 5, "batch": [7]}, None),
        ({"batch": {"api_key": "k"}}, None),
        ({}, None),
        ([], None),
        ([[{"api_key": "k"}]], None),
        (None, None),
        ("api_key", None),
    ],
)
def test_the_key_is_found(document: object, expected: str | None) -> None:
    assert project_key(document) == expected


# -- strangers ----------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("event", "distinct_id", "uuid", "timestamp", "properties")
PROPERTIES = ("$ai_trace_id", "$ai_span_id", "$ai_parent_id", "token", "distinct_id")


@given(JSON)
def test_any_document_is_read_or_refused(document: object) -> None:
    project_key(document)
    with suppress(InvalidInputError):
        read(document)


@given(st.sampled_from(FIELDS), JSON, st.sampled_from(PROPERTIES), JSON)
def test_any_event_is_kept_rejected_or_ignored(
    field: str, value: object, name: str, inner: object
) -> None:
    event = generation(properties=properties(**{name: inner})) | {field: value}
    delivery = read({"batch": [event, generation()]})
    assert len(delivery.events) + len(delivery.rejected) + delivery.ignored == 2
    for one in delivery.events:
        assert json.loads(one.properties)["$ai_trace_id"] == one.trace_id
        assert UUID(one.uuid)
        (one.trace_id + one.distinct_id + one.properties).encode()
