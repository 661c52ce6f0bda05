"""Events that can be stored whatever a stranger sent, their ids and their times."""

import json
import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trace_clustering.errors import InvalidInputError
from trace_clustering.models.traces import TraceEvent
from trace_clustering.traces.receiving.properties import (
    CUT,
    MAX_NESTING,
    checked_time,
    make_event,
    uuid_of,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def event(**properties: object) -> TraceEvent:
    return make_event(
        event="$ai_span",
        uuid=uuid_of("x"),
        trace_id="t",
        distinct_id="ada",
        timestamp=NOW,
        properties=properties,
    )


def stored(**properties: object) -> object:
    return json.loads(event(**properties).properties)


def depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


def nested(levels: int) -> object:
    value: object = "core"
    for level in range(levels):
        value = [value] if level % 2 else {"in": value}
    return value


def test_what_is_clean_is_kept_as_it_is() -> None:
    properties = {"text": "größe", "list": [1, 2.5, None, True], "object": {"a": None}}
    made = event(**properties)
    assert json.loads(made.properties) == {**properties, "$ai_trace_id": "t"}
    assert (made.event, made.trace_id, made.distinct_id) == ("$ai_span", "t", "ada")
    assert made.timestamp is NOW


def test_what_is_unknown_is_left_out() -> None:
    assert stored(nothing=None) == {"$ai_trace_id": "t"}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("a\0b", "a\ufffdb"),
        ("a\ud800b", "a\ufffdb"),
        ("ü\0", "ü\ufffd"),
        ("the letters \\u0000", "the letters \\u0000"),
        ({"k\0": ["\0"]}, {"k\ufffd": ["\ufffd"]}),
        ([float("nan"), float("-inf")], [None, None]),
        (2**63, 2**63),
        (2**64, str(2**64)),
        ([-(2**63) - 1, True], [str(-(2**63) - 1), True]),
        pytest.param(1 << 70_000, hex(1 << 70_000), id="huge"),
        ({1: (2,)}, {"1": [2]}),
    ],
)
def test_what_cannot_be_stored_becomes_what_can(sent: object, kept: object) -> None:
    assert stored(value=sent) == {"value": kept, "$ai_trace_id": "t"}


@pytest.mark.parametrize("levels", [MAX_NESTING - 1, MAX_NESTING, 300, 5_000])
def test_nesting_is_bounded(levels: int) -> None:
    made = event(value=nested(levels))
    assert depth(json.loads(made.properties)) <= MAX_NESTING
    assert (CUT in made.properties) == (levels >= MAX_NESTING)


def test_many_brackets_side_by_side_are_not_deep() -> None:
    assert stored(value=[[]] * 500) == {"value": [[]] * 500, "$ai_trace_id": "t"}


def test_ids_are_storable_too() -> None:
    made = make_event(
        event="$ai_trace",
        uuid=uuid_of("x"),
        trace_id="t\0",
        distinct_id="\ud800",
        timestamp=NOW,
        properties={"$ai_trace_id": "another"},
    )
    assert (made.trace_id, made.distinct_id) == ("t\ufffd", "\ufffd")
    assert json.loads(made.properties) == {"$ai_trace_id": "t\ufffd"}


TEXTS = st.text(st.sampled_from('ab"\\u0{[é\0\ud800\udfff\uffff\U0001f600'), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_any_properties_become_strict_json(properties: dict[str, object]) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    made = make_event(
        event="$ai_span",
        uuid=uuid_of("x"),
        trace_id="t",
        distinct_id="t",
        timestamp=NOW,
        properties=properties,
    )
    text = made.properties
    assert json.loads(text, parse_constant=refuse)["$ai_trace_id"] == "t"
    assert "\\u0000" not in text.replace("\\\\", "")
    text.encode()


def test_uuids_are_valid_and_tell_their_parts_apart() -> None:
    made = uuid_of("ab", "c")
    assert str(uuid.UUID(made)) == made
    assert uuid.UUID(made).version == 5
    assert uuid.UUID(made).variant == uuid.RFC_4122
    assert made == uuid_of("ab", "c")
    assert len({made, uuid_of("a", "bc"), uuid_of("abc"), uuid_of("ab", "c", ""), uuid_of()}) == 5
    assert uuid_of("\ud800") != uuid_of("\ud801")


def test_times_are_in_utc_and_sane() -> None:
    east = timezone(timedelta(hours=2))
    assert checked_time(datetime(2026, 11, 20, 10, tzinfo=east), NOW).hour == 8
    assert checked_time(NOW + timedelta(days=1), NOW) == NOW + timedelta(days=1)
    assert checked_time(datetime(1970, 1, 1, tzinfo=UTC), NOW).year == 1970


@pytest.mark.parametrize(
    ("moment", "problem"),
    [
        (NOW + timedelta(days=1, seconds=1), "future"),
        (datetime.max.replace(tzinfo=timezone(timedelta(hours=-10))), "future"),
        (datetime(1969, 12, 31, tzinfo=UTC), "1970"),
        (datetime.min.replace(tzinfo=timezone(timedelta(hours=10))), "1970"),
        (NOW.replace(tzinfo=None), "time zone"),
    ],
)
def test_other_times_are_refused(moment: datetime, problem: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        checked_time(moment, NOW)
    assert caught.value.field == "timestamp"
    assert problem in caught.value.problem
