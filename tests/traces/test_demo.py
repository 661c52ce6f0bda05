"""The demo's traces: deterministic, valid, inside their window, and recognisable."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest

from trace_clustering.errors import InvalidInputError, NotFoundError
from trace_clustering.traces.demo import DEMO_TEAMS, DemoTeam, demo_trace_lines
from trace_clustering.traces.reading import parse_trace_line
from trace_clustering.traces.trace import Trace

END = datetime(2026, 11, 23, 18, 5, 7, 123_456, tzinfo=UTC)
BIG_TEAMS = DEMO_TEAMS[:3]
by_name = pytest.mark.parametrize("team", DEMO_TEAMS, ids=lambda team: team.name)
big_by_name = pytest.mark.parametrize("team", BIG_TEAMS, ids=lambda team: team.name)


def traces_of(team: DemoTeam) -> list[Trace]:
    return [parse_trace_line(json.dumps(line)) for line in demo_trace_lines(team, END)]


@by_name
def test_same_end_and_seed_give_the_same_bytes(team: DemoTeam) -> None:
    first = json.dumps(list(demo_trace_lines(team, END)))
    same_moment = END.astimezone(timezone(timedelta(hours=9)))
    assert first == json.dumps(list(demo_trace_lines(team, same_moment, seed=7)))
    assert first != json.dumps(list(demo_trace_lines(team, END, seed=8)))


@by_name
def test_every_line_is_valid_unique_ordered_and_within_three_weeks(team: DemoTeam) -> None:
    traces = traces_of(team)
    assert len({trace.trace_id for trace in traces}) == len(traces)
    moments = [trace.timestamp for trace in traces]
    assert all(earlier <= later for earlier, later in pairwise(moments))
    assert END - timedelta(days=21) <= moments[0]
    assert moments[-1] < END


@by_name
def test_no_template_is_left_unfilled(team: DemoTeam) -> None:
    for trace in traces_of(team):
        for message in trace.messages:
            if message.role != "tool":
                assert not any(mark in message.content for mark in ("{", "}", "~~", "^^"))


def test_trace_ids_are_unique_across_teams() -> None:
    ids = [line["trace_id"] for team in DEMO_TEAMS for line in demo_trace_lines(team, END)]
    assert len(set(ids)) == len(ids)


@big_by_name
def test_big_teams_look_like_products(team: DemoTeam) -> None:
    traces = traces_of(team)
    assert 600 <= len(traces) <= 1_500
    assert 0.05 < sum(trace.is_error for trace in traces) / len(traces) < 0.2
    assert len({trace.model for trace in traces}) >= 3
    users = Counter(trace.user_id for trace in traces)
    assert len(users) > 80
    assert users.most_common(1)[0][1] > 3 * len(traces) / len(users)
    first_turns = {trace.texts_of("user")[0] for trace in traces}
    assert len(first_turns) > 0.7 * len(traces)


@by_name
def test_costs_and_latencies_are_told(team: DemoTeam) -> None:
    for trace in traces_of(team):
        facts = trace.metadata
        for key in ("cost_usd", "latency_ms", "input_tokens", "output_tokens"):
            value = facts[key]
            assert isinstance(value, int | float)
            assert value > 0 or trace.is_error
        assert ("error" in facts) == trace.is_error


def test_the_small_team_is_too_small_for_a_run() -> None:
    assert 0 < len(traces_of(DEMO_TEAMS[3])) < 20


@pytest.mark.parametrize(("position", "word"), [(0, "strike"), (2, "recall")])
def test_a_new_kind_of_question_comes_up_in_the_last_three_days(position: int, word: str) -> None:
    about = [
        trace
        for trace in traces_of(DEMO_TEAMS[position])
        if word in " ".join(trace.texts_of("user")).lower()
    ]
    assert len(about) > 40
    assert min(trace.timestamp for trace in about) >= END - timedelta(days=3)


def test_tool_results_answer_the_calls_before_them() -> None:
    for trace in traces_of(DEMO_TEAMS[0]):
        asked = [call.id for message in trace.messages for call in message.tool_calls]
        answered = [message.tool_call_id for message in trace.messages if message.role == "tool"]
        assert asked == answered


def test_an_unknown_team_and_a_naive_end_are_refused() -> None:
    with pytest.raises(NotFoundError):
        demo_trace_lines(DemoTeam(99, "x", "x"), END)
    with pytest.raises(InvalidInputError, match="end: has no time zone"):
        demo_trace_lines(DEMO_TEAMS[0], END.replace(tzinfo=None))
