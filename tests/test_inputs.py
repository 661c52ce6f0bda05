"""What a run may be started with, and how a refusal reads."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trace_clustering import constants as c
from trace_clustering.errors import InvalidInputError
from trace_clustering.inputs import (
    check_run_of,
    format_time,
    is_workflow_of,
    make_run_id,
    parse_clustering_inputs,
    parse_coordinator_inputs,
    parse_rfc3339,
    resolve_window,
    run_parameters,
    seed_of_run_id,
    team_of_run_id,
    team_of_workflow_id,
)
from trace_clustering.models import (
    ClusteringInputs,
    CoordinatorInputs,
    CoordinatorProgress,
    TeamReason,
    Window,
)

Parser = Callable[[object], object]

NOW = datetime(2025, 1, 23, 12, 30, 15, 250_000, tzinfo=UTC)
START, END = "2025-01-16T00:00:00Z", "2025-01-23T00:00:00Z"
FULL = ClusteringInputs(123, 14, 5000, 2, 9, START, END, 7)

UPPER_BOUNDS = {
    "team_id": 2**63 - 1,
    "lookback_days": c.MAX_LOOKBACK_DAYS,
    "max_samples": c.MAX_MAX_SAMPLES,
    "max_k": c.MAX_MAX_K,
    "seed": 2**32 - 1,
}
LOWER_BOUNDS = {
    "team_id": 1,
    "lookback_days": 1,
    "max_samples": 1,
    "min_k": 2,
    "seed": 0,
}
WHOLE_NUMBERS = ("team_id", "lookback_days", "max_samples", "min_k", "max_k", "seed")
COORDINATOR_NUMBERS = (
    "lookback_days",
    "max_samples",
    "min_k",
    "max_k",
    "min_embeddings",
    "max_concurrent_teams",
    "seed",
)
NO_WHOLE_NUMBERS: tuple[object, ...] = (
    True,
    False,
    1.5,
    math.nan,
    math.inf,
    "",
    "many",
    "3.0",
    "0x10",
    "٣",
    "1e3",
    [3],
    {"value": 3},
    b"3",
)
NO_TIMES: tuple[object, ...] = (
    "2025-01-16T00:00:00",
    "2025-01-16",
    "2025-02-30T00:00:00Z",
    "2025-13-01T00:00:00Z",
    "2025-01-16T25:00:00Z",
    "2025-01-16T00:00:00+25:00",
    "2025-01-16T00:00Z",
    "20250116T000000Z",
    "2025-W03-4T00:00:00Z",
    "yesterday",
    "",
    1737000000,
    True,
    ["2025-01-16T00:00:00Z"],
    "٢٠٢٥-01-16T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59-23:59",
    "1969-12-31T23:59:59Z",
    "2101-01-01T00:00:00Z",
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def refused(parse: Parser, value: object) -> InvalidInputError:
    with pytest.raises(InvalidInputError) as caught:
        parse(value)
    assert str(caught.value) == f"{caught.value.field}: {caught.value.problem}"
    return caught.value


@pytest.mark.parametrize(
    "value",
    [
        FULL,
        asdict(FULL),
        [123, 14, 5000, 2, 9, START, END, 7],
        ["123", "14", "5000", "2", "9", START, END, "7"],
        (123, 14, 5000, 2, 9, START, END, 7),
        [FULL],
        [asdict(FULL)],
        {**asdict(FULL), "window_start": "2025-01-16T02:00:00.000+02:00"},
        {**asdict(FULL), "lookback_days": 14.0},
    ],
)
def test_every_shape_that_the_contract_shows_is_accepted(value: object) -> None:
    assert parse_clustering_inputs(value) == FULL


@pytest.mark.parametrize("value", [["123"], [123], "123", 123, " 123 ", {"team_id": "123"}, 123.0])
def test_a_team_alone_takes_every_default(value: object) -> None:
    assert parse_clustering_inputs(value) == ClusteringInputs(
        team_id=123, lookback_days=7, max_samples=2000, min_k=3, max_k=6
    )


@pytest.mark.parametrize("count", range(1, 9))
def test_a_list_sets_its_leading_fields(count: int) -> None:
    names = [f.name for f in fields(ClusteringInputs)]
    expected = {name: getattr(FULL, name) for name in names[:count]}
    assert parse_clustering_inputs(list(expected.values())) == ClusteringInputs(**expected)


@pytest.mark.parametrize("field", [f.name for f in fields(ClusteringInputs)[1:]])
def test_none_means_the_default(field: str) -> None:
    assert parse_clustering_inputs({"team_id": 1, field: None}) == ClusteringInputs(1)


@pytest.mark.parametrize("value", [None, {}, [], {"team_id": None}, [None], {"lookback_days": 3}])
def test_the_team_is_required(value: object) -> None:
    error = refused(parse_clustering_inputs, value)
    assert (error.field, error.problem) == ("team_id", "is required")


@pytest.mark.parametrize("field", WHOLE_NUMBERS)
@pytest.mark.parametrize("value", NO_WHOLE_NUMBERS, ids=repr)
def test_what_is_no_whole_number_is_refused(field: str, value: object) -> None:
    error = refused(parse_clustering_inputs, {"team_id": 1, field: value})
    assert error.field == field
    assert "is not a whole number" in error.problem


@pytest.mark.parametrize("field", COORDINATOR_NUMBERS)
@pytest.mark.parametrize("value", NO_WHOLE_NUMBERS, ids=repr)
def test_the_coordinator_refuses_it_too(field: str, value: object) -> None:
    assert refused(parse_coordinator_inputs, {field: value}).field == field


@pytest.mark.parametrize(("field", "bound"), LOWER_BOUNDS.items())
def test_lower_bounds(field: str, bound: int) -> None:
    accepted = parse_clustering_inputs({"team_id": 1, field: bound})
    assert getattr(accepted, field) == bound
    for too_small in (bound - 1, -5, str(bound - 1), -(10**30)):
        error = refused(parse_clustering_inputs, {"team_id": 1, field: too_small})
        assert error.field == field
        assert f"must be at least {bound}" in error.problem


@pytest.mark.parametrize(("field", "bound"), UPPER_BOUNDS.items())
def test_upper_bounds(field: str, bound: int) -> None:
    accepted = parse_clustering_inputs({"team_id": 1, field: bound})
    assert getattr(accepted, field) == bound
    for too_large in (bound + 1, str(bound + 1), 1e300):
        error = refused(parse_clustering_inputs, {"team_id": 1, field: too_large})
        assert error.field == field
        assert f"must be at most {bound}" in error.problem


@pytest.mark.parametrize("value", [0, -1, 501, "0"])
def test_bounds_of_what_only_the_coordinator_takes(value: object) -> None:
    assert refused(parse_coordinator_inputs, {"max_concurrent_teams": value}).field == (
        "max_concurrent_teams"
    )


@pytest.mark.parametrize("parse", [parse_clustering_inputs, parse_coordinator_inputs])
def test_k_from_above_to_below_is_refused(parse: Parser) -> None:
    team = {"team_id": 1} if parse is parse_clustering_inputs else {}
    error = refused(parse, {**team, "min_k": 5, "max_k": 4})
    assert str(error) == "max_k: must be at least min_k=5, got 4"
    assert refused(parse, {**team, "min_k": 7}).field == "max_k"
    assert parse({**team, "min_k": 4, "max_k": 4})


@pytest.mark.parametrize("field", ["window_start", "window_end"])
@pytest.mark.parametrize("value", NO_TIMES, ids=repr)
def test_what_is_no_time_is_refused(field: str, value: object) -> None:
    assert refused(parse_clustering_inputs, {"team_id": 1, field: value}).field == field


@pytest.mark.parametrize("start", [END, "2025-01-24T00:00:00Z", "2025-01-23T02:00:00+02:00"])
def test_a_window_must_not_be_empty(start: str) -> None:
    error = refused(
        parse_clustering_inputs, {"team_id": 1, "window_start": start, "window_end": END}
    )
    assert error.field == "window_start"
    assert "must lie before window_end" in error.problem


@pytest.mark.parametrize(
    ("parse", "value"),
    [
        (parse_clustering_inputs, {"team_id": 1, "lookback": 3}),
        (parse_coordinator_inputs, {"lookback": 3}),
    ],
)
def test_an_unknown_field_is_refused(parse: Parser, value: object) -> None:
    error = refused(parse, value)
    assert error.field == "lookback"
    assert "known are" in error.problem
    assert "lookback_days" in error.problem


def test_too_many_values_in_a_list() -> None:
    error = refused(parse_clustering_inputs, [1, 7, 2000, 3, 6, START, END, 1, "more"])
    assert error.field == "inputs"
    assert "at most 8 values (team_id, lookback_days" in error.problem


@pytest.mark.parametrize("value", [None, {}, CoordinatorInputs()])
def test_the_coordinator_needs_nothing(value: object) -> None:
    assert parse_coordinator_inputs(value) == CoordinatorInputs()


@pytest.mark.parametrize("value", [[], ["1"], "1", 5, True])
def test_the_coordinator_takes_an_object_only(value: object) -> None:
    assert refused(parse_coordinator_inputs, value).field == "inputs"


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("1,2", "allowed_team_ids"),
        (3, "allowed_team_ids"),
        ([1, "x"], "allowed_team_ids.1"),
        ([0], "allowed_team_ids.0"),
        ([1, 2, True], "allowed_team_ids.2"),
        ([None], "allowed_team_ids.0"),
    ],
)
def test_bad_allowlists(value: object, field: str) -> None:
    assert refused(parse_coordinator_inputs, {"allowed_team_ids": value}).field == field


@pytest.mark.parametrize(
    "progress", [5, "x", [], {}, {"skipped": 1, "failed": []}, {"skipped": [], "failed": [{}]}]
)
def test_bad_progress(progress: object) -> None:
    assert refused(parse_coordinator_inputs, {"progress": progress}).field == "progress"


def test_progress_comes_back_as_it_was_handed_on() -> None:
    progress = CoordinatorProgress(
        START, 12, 3, 2, 1, 9, [TeamReason(4, "too few")], [TeamReason(5, "broken")]
    )
    inputs = CoordinatorInputs(allowed_team_ids=[4, 5], seed=1, progress=progress)
    assert parse_coordinator_inputs(asdict(inputs)) == inputs
    assert parse_coordinator_inputs(inputs) == inputs


@given(json_values)
@example({"team_id": 1, "window_start": "٢٠٢٥-01-16T00:00:00Z"})
@example({"team_id": 10**4000})
def test_anything_else_is_refused_in_our_words(value: object) -> None:
    for parse in (parse_clustering_inputs, parse_coordinator_inputs):
        only_invalid_input(parse, value)


@given(st.dictionaries(st.sampled_from([f.name for f in fields(ClusteringInputs)]), json_values))
def test_anything_in_a_known_field_is_taken_or_refused(value: dict[str, Any]) -> None:
    only_invalid_input(parse_clustering_inputs, {"team_id": 1, **value})
    only_invalid_input(parse_clustering_inputs, list(value.values()))


@given(st.dictionaries(st.sampled_from([f.name for f in fields(CoordinatorInputs)]), json_values))
def test_anything_in_a_coordinator_field_is_taken_or_refused(value: dict[str, Any]) -> None:
    only_invalid_input(parse_coordinator_inputs, value)


def only_invalid_input(parse: Parser, value: object) -> None:
    try:
        parsed: Any = parse(value)
    except InvalidInputError:
        return
    assert parse(asdict(parsed)) == parsed


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-01-16T00:00:00Z", datetime(2025, 1, 16, tzinfo=UTC)),
        ("2025-01-16t00:00:00z", datetime(2025, 1, 16, tzinfo=UTC)),
        ("2025-01-16 00:00:00Z", datetime(2025, 1, 16, tzinfo=UTC)),
        ("2025-01-16T05:30:00+05:30", datetime(2025, 1, 16, tzinfo=UTC)),
        ("2025-01-15T23:00:00-01:00", datetime(2025, 1, 16, tzinfo=UTC)),
        ("2025-01-16T00:00:00-00:00", datetime(2025, 1, 16, tzinfo=UTC)),
        ("2025-01-16T00:00:00.5Z", datetime(2025, 1, 16, 0, 0, 0, 500_000, tzinfo=UTC)),
        ("2025-01-16T00:00:00.123456789Z", datetime(2025, 1, 16, 0, 0, 0, 123_456, tzinfo=UTC)),
        ("2024-02-29T12:00:00Z", datetime(2024, 2, 29, 12, tzinfo=UTC)),
        (" 2025-01-16T00:00:00Z\n", datetime(2025, 1, 16, tzinfo=UTC)),
    ],
)
def test_forms_of_rfc_3339(text: str, moment: datetime) -> None:
    assert parse_rfc3339("window_start", text) == moment


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2025, 1, 23, tzinfo=UTC), "2025-01-23T00:00:00Z"),
        (datetime(2025, 1, 23, 2, tzinfo=timezone(timedelta(hours=2))), "2025-01-23T00:00:00Z"),
        (NOW, "2025-01-23T12:30:15.250Z"),
        (datetime(2025, 1, 23, 0, 0, 0, 999, tzinfo=UTC), "2025-01-23T00:00:00Z"),
        (datetime(2025, 1, 23, 0, 0, 0, 1_999, tzinfo=UTC), "2025-01-23T00:00:00.001Z"),
    ],
)
def test_times_are_written_as_in_the_contract(moment: datetime, text: str) -> None:
    assert format_time(moment) == text


zones = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(
    st.datetimes(
        min_value=datetime(1970, 1, 2),
        max_value=datetime(2100, 12, 30),
        timezones=zones,
    )
)
def test_a_time_survives_being_written_to_the_millisecond(moment: datetime) -> None:
    text = format_time(moment)
    again = parse_rfc3339("window_start", text)
    assert timedelta(0) <= moment - again < timedelta(milliseconds=1)
    assert format_time(again) == text
    assert parse_rfc3339("window_start", moment.isoformat()) == moment


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Window("2025-01-16T12:30:15.250Z", "2025-01-23T12:30:15.250Z")),
        ({"lookback_days": 1}, Window("2025-01-22T12:30:15.250Z", "2025-01-23T12:30:15.250Z")),
        ({"window_start": START}, Window(START, "2025-01-23T12:30:15.250Z")),
        ({"window_end": END}, Window("2025-01-16T00:00:00Z", END)),
        ({"window_start": START, "window_end": END, "lookback_days": 1}, Window(START, END)),
    ],
)
def test_the_window_of_a_run(changes: dict[str, Any], expected: Window) -> None:
    inputs = parse_clustering_inputs({"team_id": 1, **changes})
    assert resolve_window(inputs, NOW) == expected
    parameters = run_parameters(inputs, NOW)
    assert parameters.window == expected
    assert datetime.fromisoformat(parameters.started_at) == NOW


@pytest.mark.parametrize("start", ["2025-01-23T12:30:15.250Z", "2026-01-01T00:00:00Z"])
def test_a_start_in_the_future_needs_an_end(start: str) -> None:
    inputs = parse_clustering_inputs({"team_id": 1, "window_start": start})
    assert refused(lambda _: resolve_window(inputs, NOW), None).field == "window_start"


def test_a_window_can_begin_before_the_first_year() -> None:
    inputs = parse_clustering_inputs(
        {"team_id": 1, "window_end": "1970-01-02T00:00:00Z", "lookback_days": 366}
    )
    assert resolve_window(inputs, NOW).start == "1969-01-01T00:00:00Z"


def test_run_ids_are_those_of_the_contract() -> None:
    run_id = make_run_id(123, datetime(2025, 1, 23, tzinfo=UTC))
    assert run_id == "team_123_2025-01-23T00:00:00Z"
    assert team_of_run_id(run_id) == 123
    assert team_of_run_id(make_run_id(2**63 - 1, NOW)) == 2**63 - 1


@pytest.mark.parametrize(
    "run_id",
    [
        "",
        "team_",
        "team_x_2025",
        "team_1_",
        "run_1_2025",
        "team_1",
        "team_-1_x",
        "team_1_a\nb",
        "team_9223372036854775808_x",
        "team_99999999999999999999_x",
        "team_١_x",
    ],
)
def test_what_is_no_run_id(run_id: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        team_of_run_id(run_id)
    assert caught.value.field == "run_id"


def test_seeds_follow_from_the_run_id_alone() -> None:
    ids = [make_run_id(1, NOW + timedelta(seconds=i)) for i in range(1000)]
    seeds = [seed_of_run_id(run_id) for run_id in ids]
    assert seeds == [seed_of_run_id(run_id) for run_id in ids]
    assert len(set(seeds)) == len(ids)
    assert all(0 <= seed < 2**32 for seed in seeds)
    # Of all versions of this program: a stored run can be made again.
    assert seed_of_run_id("team_123_2025-01-23T00:00:00Z") == 493_351_650


def test_checked_inputs_stay_as_they_are() -> None:
    assert parse_clustering_inputs(parse_clustering_inputs(FULL)) == FULL
    bare = replace(FULL, window_start=None, window_end=None, seed=None)
    assert parse_clustering_inputs(bare) == bare


@pytest.mark.parametrize(
    "workflow_id",
    [
        "trace-clustering-team-12-2026-11-20T12:00:00+00:00",
        "trace-summarization-team-12-2026-11-20T12:00:00+00:00",
        "trace-summarization-team-12",
    ],
)
def test_the_team_of_a_workflow(workflow_id: str) -> None:
    assert team_of_workflow_id(workflow_id) == 12


@pytest.mark.parametrize(
    "workflow_id",
    [
        *("", "any-id", "team-12", "trace-clustering-coordinator-manual-2026", "trace-clustering"),
        *("trace-summarization-coordinator-manual-2026", "x-trace-clustering-team-12-x"),
        *("trace-clustering-team-12x", "trace-clustering-team--12-x", "trace-clustering-team-"),
        *("trace-clustering-team-9999999999999999999-x", "trace-clustering-team-١٢-x"),
    ],
)
def test_a_workflow_of_no_team(workflow_id: str) -> None:
    with pytest.raises(InvalidInputError, match="workflow_id: "):
        team_of_workflow_id(workflow_id)
    assert not is_workflow_of(12, workflow_id)


def test_whose_a_run_is() -> None:
    check_run_of(12, "with", "team_12_2025-01-23T00:00:00Z")
    for other in ("team_1_2025-01-23T00:00:00Z", "12", ""):
        with pytest.raises(InvalidInputError, match=f"with: '{other}' is no run of team 12"):
            check_run_of(12, "with", other)


def test_whose_a_workflow_is() -> None:
    assert is_workflow_of(12, "trace-clustering-team-12-x")
    assert not is_workflow_of(1, "trace-clustering-team-12-x")
