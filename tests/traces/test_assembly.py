"""From events in any order and any state to the tree, the conversation and the facts."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.traces.events import (
    MOMENT,
    TRACE_ID,
    as_generations,
    event,
    generation,
    line_event,
    loop,
    root,
    said,
    span,
    tool_call,
)
from trace_clustering.errors import InvalidInputError
from trace_clustering.models.traces import TRACE_EVENTS, TraceEvent
from trace_clustering.traces.assembly import assemble
from trace_clustering.traces.demo import DEMO_TEAMS, demo_trace_lines
from trace_clustering.traces.reading import parse_trace_line
from trace_clustering.traces.rendering import render_minimal
from trace_clustering.traces.span import TraceRecord

DATA = Path(__file__).parents[2].parent / "shared" / "data"
NAMES = ("tau_airline_traces", "mt_bench_conversations")

ASK, ANSWER = said("user", "Where is it?"), said("assistant", "In Lyon.")
FOUND = said("tool", "Lyon", tool_call_id="c")


def put_together(*events: TraceEvent) -> TraceRecord:
    record = assemble(TRACE_ID, events)
    shuffled = list(events)
    random.Random(7).shuffle(shuffled)
    again = assemble(TRACE_ID, shuffled)
    assert (again.trace, again.facts) == (record.trace, record.facts)
    assert list(again.walk()) == list(record.walk())
    return record


def tree(record: TraceRecord) -> list[tuple[int, str]]:
    return [(depth, one.uuid) for depth, one in record.walk()]


def texts(record: TraceRecord) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in record.trace.messages]


# The tree.


def test_spans_become_a_tree_by_start() -> None:
    record = put_together(
        root(takes=9),
        span("agent", at=1, takes=7, parent="root", span_kind="agent"),
        generation("second", at=4, takes=1, parent="agent"),
        generation("first", at=2, takes=1, parent="agent"),
        span("last", at=8, parent="root"),
    )
    assert tree(record) == [(0, "root"), (1, "agent"), (2, "first"), (2, "second"), (1, "last")]
    kinds = [one.kind for _, one in record.walk()]
    assert kinds == ["trace", "agent", "generation", "generation", "span"]


def test_no_events_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="events"):
        assemble(TRACE_ID, [])


def test_the_last_of_two_with_one_uuid_is_taken() -> None:
    record = assemble(TRACE_ID, [root(span_name="old"), root(span_name="new")])
    assert (record.facts.name, record.facts.spans) == ("new", 1)


def test_a_missing_parent_makes_a_root() -> None:
    record = put_together(root(), generation("orphan", at=1, parent="gone"))
    assert tree(record) == [(0, "root"), (0, "orphan")]


def test_the_traces_id_stands_for_its_event() -> None:
    record = put_together(root(span_id=None), generation("g", at=1, parent=TRACE_ID))
    assert tree(record) == [(0, "root"), (1, "g")]
    assert tree(put_together(generation("g", parent=TRACE_ID))) == [(0, "g")]


def test_without_a_parent_it_belongs_to_the_whole_trace() -> None:
    assert tree(put_together(root(), span("s", at=1))) == [(0, "root"), (1, "s")]
    assert tree(put_together(span("a"), span("b", at=1))) == [(0, "a"), (0, "b")]


@pytest.mark.parametrize(
    ("parents", "expected"),
    [
        ({"a": "a"}, [(0, "a")]),
        ({"a": "b", "b": "a"}, [(0, "a"), (1, "b")]),
        ({"a": "b", "b": "c", "c": "b"}, [(0, "b"), (1, "a"), (1, "c")]),
        ({"a": "c", "b": "a", "c": "b", "d": "c"}, [(0, "a"), (1, "b"), (2, "c"), (3, "d")]),
    ],
)
def test_circles_are_broken_at_the_first_span(
    parents: dict[str, str], expected: list[tuple[int, str]]
) -> None:
    events = [span(uuid, at=i, parent=parent) for i, (uuid, parent) in enumerate(parents.items())]
    assert tree(put_together(*events)) == expected


def test_of_two_spans_with_one_id_the_first_is_the_parent() -> None:
    record = put_together(
        span("a", span_id="same"), span("b", at=1, span_id="same"), span("c", at=2, parent="same")
    )
    assert tree(record) == [(0, "a"), (1, "c"), (0, "b")]
    assert tree(put_together(span("a", span_id="same", parent="same"))) == [(0, "a")]


def test_a_chain_of_thousands_and_thousands_side_by_side() -> None:
    chain = [span(f"s{i}", at=i / 100, parent=f"s{i - 1}" if i else None) for i in range(5_000)]
    record = assemble(TRACE_ID, chain)
    assert [depth for depth, _ in record.walk()] == list(range(5_000))
    circle = [span(f"s{i}", at=i, parent=f"s{(i + 1) % 5_000}") for i in range(5_000)]
    assert len(list(assemble(TRACE_ID, circle).walk())) == 5_000
    wide = [generation(f"g{i}", at=i, parent="root", input=[ASK]) for i in range(10_000)]
    assert assemble(TRACE_ID, [root(), *wide]).facts.spans == 10_001


# The conversation.


def test_trace_lines_and_what_clients_make_of_them_give_the_same_conversation() -> None:
    for team in DEMO_TEAMS:
        lines = list(demo_trace_lines(team, datetime(2026, 11, 20, tzinfo=UTC)))
        for line in lines[::25]:
            assert_same(line)


@pytest.mark.skipif(not DATA.is_dir(), reason="no shared/data folder beside the checkout")
@pytest.mark.parametrize("name", NAMES)
def test_real_traces_give_the_same_conversation_whoever_sends_them(name: str) -> None:
    with (DATA / f"{name}.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            assert_same(json.loads(line))


def assert_same(line: dict[str, object]) -> None:
    trace = parse_trace_line(json.dumps(line))
    record = assemble(trace.trace_id, [line_event(line)])
    assert record.trace == trace
    assert record.facts.tools == trace.tools
    split = assemble(trace.trace_id, as_generations(line)[::-1])
    assert split.trace == trace
    assert render_minimal(split.trace) == render_minimal(trace)
    assert split.facts.tools == trace.tools


def test_calls_at_the_same_moment_are_ordered_by_what_they_know() -> None:
    calls = [
        generation("b", input=[ASK], output_choices=[ANSWER]),
        generation("a", input=[ASK, ANSWER, said("user", "And now?")]),
    ]
    contents = [content for _, content in texts(put_together(*calls))]
    assert contents == ["Where is it?", "In Lyon.", "And now?"]


def test_what_only_the_root_says_comes_last() -> None:
    record = put_together(
        root(takes=5, input_state=[ASK, ANSWER, said("user", "Thanks!")]),
        generation("g", at=1, input=[ASK], output_choices=[ANSWER]),
    )
    assert texts(record)[-1] == ("user", "Thanks!")
    assert len(texts(record)) == 3


def test_texts_of_the_root_are_words_where_no_model_was_called() -> None:
    record = put_together(root(input_state="Where is it?", output_state={"answer": "In Lyon."}))
    assert texts(record) == [("user", "Where is it?"), ("assistant", "In Lyon.")]
    called = put_together(
        root(takes=3, input_state="job 7", output_state="done"),
        generation("g", at=1, input=[ASK], output_choices=[ANSWER]),
    )
    assert texts(called) == [("user", "Where is it?"), ("assistant", "In Lyon.")]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([event("$ai_embedding", "e", input="a text", model="m")], ("user", "a text")),
        ([root(), span("s", at=1, input_state={"city": "Paris"})], ("user", '{"city":"Paris"}')),
        (
            [root(), span("s", at=1, span_kind="tool", span_name="sync", input_state={"i": 1})],
            ("user", "sync"),
        ),
        ([root(span_name="job"), span("s", at=1, span_name="step")], ("user", "job, step")),
        ([root()], ("user", "")),
    ],
)
def test_something_stands_in_where_nobody_speaks(
    events: list[TraceEvent], expected: tuple[str, str]
) -> None:
    assert texts(put_together(*events)) == [expected]


# The facts.


def test_costs_beyond_all_measure_are_unknown() -> None:
    calls = [generation(name, total_cost_usd=1e308) for name in ("a", "b")]
    facts = put_together(*calls).facts
    assert (facts.cost_usd, facts.cost_source) == (None, "unknown")


@pytest.mark.parametrize(
    ("distinct_id", "profile", "user"),
    [
        ("ada", None, "ada"),
        ("ada", False, "ada"),
        ("0198c1b2-6f6a-7b7a-9d0e-0123456789ab", None, "0198c1b2-6f6a-7b7a-9d0e-0123456789ab"),
        ("0198c1b2-6f6a-7b7a-9d0e-0123456789ab", False, None),
    ],
)
def test_a_user_that_an_sdk_made_up_is_none(
    distinct_id: str, profile: bool | None, user: str | None
) -> None:
    made = replace(root(), distinct_id=distinct_id)
    said = json.loads(made.properties) | {"$process_person_profile": profile}
    made = replace(made, properties=json.dumps(said))
    assert put_together(made).facts.user_id == user


def test_the_facts_of_a_run() -> None:
    record = put_together(
        root(takes=6, trace_name="parcels", session_id="s1", metadata={"plan": "pro"}),
        *[
            replace(call, distinct_id="ada")
            for call in loop([ASK, tool_call("find")], [FOUND, ANSWER])
        ],
        span("t", at=0.6, takes=0.2, span_kind="tool", span_name="find", is_error=True),
        event(
            "$ai_embedding",
            "e",
            at=3,
            model="text-embedding-3-small",
            provider="openai",
            input_tokens=5,
        ),
    )
    facts = record.facts
    assert (facts.trace_id, facts.name, facts.session_id) == (TRACE_ID, "parcels", "s1")
    assert (facts.start, facts.duration) == (MOMENT, 6.0)
    assert facts.models == ("gpt-4o", "text-embedding-3-small")
    assert facts.tools == ("find",)
    assert (facts.input_tokens, facts.output_tokens) == (205, 20)
    assert facts.cost_source == "estimated"
    assert facts.cost_usd == pytest.approx(2 * (100 * 2.5 + 10 * 10) / 1e6 + 5 * 0.02 / 1e6)
    assert (facts.errors, facts.is_error) == (1, False)
    assert (facts.user_id, facts.spans) == ("ada", 5)
    trace = record.trace
    assert (trace.timestamp, trace.model, trace.user_id) == (MOMENT, "gpt-4o", "ada")
    assert (trace.metadata, trace.is_error) == ({"plan": "pro"}, False)


def test_the_metadata_of_a_trace_line_tell_what_no_span_does() -> None:
    metadata = {"session_id": "s", "input_tokens": 7, "output_tokens": 3, "cost_usd": 0.5}
    line: dict[str, object] = {
        "trace_id": TRACE_ID,
        "timestamp": MOMENT.isoformat(),
        "messages": [ASK, ANSWER],
        "metadata": {**metadata, "latency_ms": 1_500},
    }
    facts = assemble(TRACE_ID, [line_event(line)]).facts
    assert (facts.session_id, facts.input_tokens, facts.output_tokens) == ("s", 7, 3)
    assert (facts.cost_usd, facts.cost_source, facts.duration) == (0.5, "sent", 1.5)


@pytest.mark.parametrize(
    ("costs", "total", "source"),
    [
        ([{"total_cost_usd": 0.5}, {"total_cost_usd": 0.25}], 0.75, "sent"),
        ([{"input_cost_usd": 0.5, "output_cost_usd": "0.25"}], 0.75, "sent"),
        ([{"model": "gpt-4o", "input_tokens": 1_000_000}], 2.5, "estimated"),
        ([{"total_cost_usd": 1}, {"model": "gpt-4o", "input_tokens": 1_000_000}], 3.5, "mixed"),
        ([{"total_cost_usd": 0.5}, {"model": "no-such-model", "input_tokens": 9}], 0.5, "mixed"),
        ([{"total_cost_usd": 0.5}, {"model": "gpt-4o", "is_error": True}], 0.5, "sent"),
        ([{"model": "no-such-model", "input_tokens": 9}], None, "unknown"),
        ([{"model": "gpt-4o"}], None, "unknown"),
        ([{"model": "gpt-4o", "input_tokens": 0, "output_tokens": 0}], None, "unknown"),
        ([{"total_cost_usd": 0, "input_tokens": 0}], None, "unknown"),
        ([{"total_cost_usd": 0, "input_tokens": 9}], 0.0, "sent"),
        ([{"total_cost_usd": "NaN"}, {"total_cost_usd": -1}], None, "unknown"),
    ],
)
def test_costs(costs: list[dict[str, object]], total: float | None, source: str) -> None:
    calls = [generation(f"g{i}", at=i, **cost) for i, cost in enumerate(costs)]
    facts = put_together(*calls).facts
    assert facts.cost_usd == (None if total is None else pytest.approx(total))
    assert facts.cost_source == source


def test_cached_input_that_was_counted_apart_is_paid_too() -> None:
    def cost(**more: object) -> float:
        call = generation(
            "g",
            model="claude-sonnet-4-5",
            provider="anthropic",
            input_tokens=900,
            cache_read_input_tokens=800,
            **more,
        )
        return put_together(call).facts.cost_usd or 0.0

    inclusive = cost()
    assert cost(cache_reporting_exclusive=True) > inclusive
    assert cost(lib="posthog-ai") > inclusive
    assert cost(lib="posthog-ai", cache_reporting_exclusive=False) == inclusive


def test_usage_that_is_reported_twice_counts_once() -> None:
    used: dict[str, Any] = {"input_tokens": 10, "output_tokens": 2, "total_cost_usd": 0.5}
    both = put_together(
        root(takes=9, **used),
        generation("framework", at=1, takes=3, parent="root", model="m", **used),
        generation("library", at=2, takes=1, parent="framework", model="m", **used),
    ).facts
    assert (both.input_tokens, both.output_tokens, both.cost_usd) == (10, 2, 0.5)
    none = put_together(root(takes=9, **used), span("s", at=1, parent="root", **used)).facts
    assert (none.input_tokens, none.output_tokens, none.cost_usd) == (10, 2, 0.5)
    only_root = put_together(root(takes=9, **used), generation("g", at=1, model="x")).facts
    assert (only_root.input_tokens, only_root.cost_usd, only_root.cost_source) == (
        None,
        0.5,
        "sent",
    )


@pytest.mark.parametrize(
    ("between", "calls"),
    [
        ((), 1),
        (("chain",), 1),
        (("span", "chain"), 1),
        (("tool",), 2),
        (("agent",), 2),
        (("retriever",), 2),
        (("chain", "tool", "chain"), 2),
    ],
)
def test_what_a_tool_asks_of_a_model_is_a_request_of_its_own(
    between: tuple[str, ...], calls: int
) -> None:
    used: dict[str, Any] = {"input_tokens": 10, "output_tokens": 2, "total_cost_usd": 0.5}
    above, events = "outer", [generation("outer", takes=9, **used)]
    for number, kind in enumerate(between, 1):
        events.append(span(f"s{number}", at=number, takes=3, parent=above, span_kind=kind))
        above = f"s{number}"
    events.append(generation("wrapper", at=5, takes=2, parent=above, **used))
    events.append(generation("inner", at=6, takes=1, parent="wrapper", **used))
    facts = put_together(*events).facts
    told = (facts.input_tokens, facts.output_tokens, facts.cost_usd)
    assert told == (10 * calls, 2 * calls, 0.5 * calls)


ESTIMATED: dict[str, Any] = {"model": "gpt-4o", "input_tokens": 1_000_000}


@pytest.mark.parametrize(
    ("events", "total", "source"),
    [
        # What was sent for the whole, or for a part of it, before what a list of prices says.
        ([root(takes=9, total_cost_usd=0.5), generation("g", at=1, **ESTIMATED)], 0.5, "sent"),
        (
            [
                root(takes=9, total_cost_usd=0.5),
                span("agent", at=1, takes=7, span_kind="agent", total_cost_usd=0.25),
                generation("g", at=2, parent="agent", **ESTIMATED),
            ],
            0.5,
            "sent",
        ),
        (
            [
                root(takes=9),
                span("a", at=1, takes=3, span_kind="agent", total_cost_usd=0.5),
                generation("g", at=2, parent="a", **ESTIMATED),
                span("b", at=5, takes=3, span_kind="agent", total_cost_usd=0.25),
                generation("h", at=6, parent="b", **ESTIMATED),
            ],
            0.75,
            "sent",
        ),
        (
            [
                root(takes=9),
                span("a", at=1, takes=3, span_kind="agent", total_cost_usd=0.5),
                generation("g", at=2, parent="a", **ESTIMATED),
                generation("h", at=6, **ESTIMATED),
            ],
            3.0,
            "mixed",
        ),
        (
            [
                generation("outer", takes=9, model="gpt-4o", total_cost_usd=0.5),
                generation("g", at=2, parent="outer", **ESTIMATED),
            ],
            0.5,
            "sent",
        ),
        # A call that tells its own is believed before what is around it.
        (
            [
                root(takes=9, total_cost_usd=0.5),
                generation("g", at=1, total_cost_usd=0.25),
                generation("h", at=2, **ESTIMATED),
            ],
            2.75,
            "mixed",
        ),
    ],
)
def test_a_cost_that_was_sent_for_the_calls_together(
    events: list[TraceEvent], total: float, source: str
) -> None:
    facts = put_together(*events).facts
    assert facts.cost_usd == pytest.approx(total)
    assert facts.cost_source == source


def test_tools_are_counted_once_in_the_order_of_their_calls() -> None:
    calls = loop(
        [ASK, tool_call("find", call_id="a")],
        [FOUND, tool_call("find", call_id="b")],
        [FOUND, ANSWER],
    )
    tools = [
        span("t1", at=0.6, span_kind="tool", span_name="find"),
        span(
            "t2",
            at=1.6,
            extra={"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "find"},
        ),
        span("t3", at=1.7, takes=0.1, span_kind="TOOL", span_name="execute_tool audit"),
        span("t4", at=1.75, parent="t3", span_kind="tool", span_name="audit"),
        span("t5", at=0.1, span_kind="tool"),
    ]
    assert put_together(*calls, *tools).facts.tools == ("unnamed tool", "find", "find", "audit")
    assert put_together(*tools).facts.tools == ("unnamed tool", "find", "find", "audit")


def test_a_step_by_the_name_of_a_tool_that_was_asked_for_is_its_run() -> None:
    calls = loop([ASK, tool_call("find")], [FOUND, ANSWER])
    record = put_together(*calls, span("t", at=0.6, span_name="find", input_state={"query": "x"}))
    (step,) = [one for _, one in record.walk() if one.uuid == "t"]
    assert (step.kind, step.input, step.input_text) == ("tool", (), '{"query":"x"}')
    assert record.facts.tools == ("find",)


def test_tools_of_earlier_runs_are_not_this_runs() -> None:
    earlier = [said("user", "Hello"), tool_call("greet"), FOUND, said("assistant", "Hi.")]
    record = put_together(*loop([*earlier, ASK, tool_call("find")], [FOUND, ANSWER]))
    assert record.facts.tools == ("find",)
    assert record.trace.tools == ("greet", "find")


@pytest.mark.parametrize(
    ("events", "errors", "failed"),
    [
        ([root(is_error=True), generation("g", at=1)], 1, True),
        ([root(error="broken"), generation("g", at=1)], 1, True),
        ([root(is_error="true")], 1, True),
        ([root(http_status=500)], 1, True),
        ([root(http_status=200, error="")], 0, False),
        ([root(is_error=False, error="handled")], 0, False),
        ([generation("a", is_error=True), generation("b", at=1)], 1, False),
        ([generation("a"), generation("b", at=1, is_error=True)], 1, True),
        ([root(), generation("g", at=1, http_status="429", parent="root")], 1, True),
        ([root(), span("t", at=1, is_error=True, span_kind="tool")], 1, False),
        ([span("t", is_error=True, span_kind="tool")], 1, True),
        ([span("t", is_error=True, span_kind="tool"), generation("g", at=1)], 1, False),
    ],
)
def test_a_run_failed_if_nothing_recovered(
    events: list[TraceEvent], errors: int, failed: bool
) -> None:
    record = put_together(*events)
    assert (record.facts.errors, record.facts.is_error) == (errors, failed)
    assert record.trace.is_error is failed


@pytest.mark.parametrize(
    ("events", "user"),
    [
        ([root(user="ada")], "ada"),
        ([root(user_id="ada", user="other")], "ada"),
        ([root(user=TRACE_ID)], None),
        ([root(user="root")], None),
        ([root(user=TRACE_ID), generation("g", at=1, user="ada")], "ada"),
    ],
)
def test_whom_it_was_run_for(events: list[TraceEvent], user: str | None) -> None:
    assert put_together(*events).facts.user_id == user


def test_errors_are_told_in_words() -> None:
    errors: list[object] = [
        "plain",
        {"message": "slow down", "type": "RateLimit"},
        {"error": {"message": "inner"}},
        '{"message": "in JSON"}',
        {"code": 3},
        True,
    ]
    told = [put_together(root(is_error=True, error=error)).roots[0].error for error in errors]
    assert told == ["plain", "RateLimit: slow down", "inner", "in JSON", '{"code":3}', None]


@pytest.mark.parametrize("wrong", ["12", 12.0, " 12 "])
def test_numbers_may_be_written_as_texts(wrong: object) -> None:
    assert put_together(generation("g", input_tokens=wrong)).facts.input_tokens == 12


@pytest.mark.parametrize("wrong", [True, -1, [], {}, "many", 1.5, 1e300, "NaN", "1e999", "9" * 400])
def test_wrong_numbers_count_as_absent(wrong: object) -> None:
    call = generation("g", takes=None, input_tokens=wrong, latency=wrong, total_cost_usd=wrong)
    facts = put_together(call).facts
    assert facts.input_tokens is None
    assert 0 <= facts.duration <= 10


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "{", '{"$ai_span_id": NaN}', '{"a": "\\ud800"}']
)
def test_properties_that_cannot_be_read_are_none(text: str) -> None:
    broken = TraceEvent("u", "$ai_generation", TRACE_ID, TRACE_ID, MOMENT, text)
    assert assemble(TRACE_ID, [broken]).facts.spans == 1


# Whatever is sent.

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYS = """$ai_span_id $ai_parent_id $ai_span_name $ai_trace_name $ai_session_id $ai_latency
$ai_error $ai_is_error $ai_http_status $ai_model $ai_provider $ai_input
$ai_output_choices $ai_input_state $ai_output_state $ai_input_tokens $ai_output_tokens
$ai_total_cost_usd $ai_span_kind $ai_user_id
$ai_metadata gen_ai.operation.name $ai_cache_read_input_tokens"""
IDS = st.sampled_from(["a", "b", "c", TRACE_ID])
PROPERTIES = st.dictionaries(st.sampled_from(KEYS.split()), JSON, max_size=6)
LINKED = st.fixed_dictionaries({}, optional={"$ai_span_id": IDS, "$ai_parent_id": IDS})
EVENTS = st.builds(
    lambda name, properties, links, seconds: (name, {**properties, **links}, seconds),
    st.sampled_from(TRACE_EVENTS),
    PROPERTIES,
    LINKED,
    st.integers(0, 3),
)


@given(st.lists(EVENTS, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_any_events_are_put_together_in_any_order(
    sent: list[tuple[str, dict[str, object], int]], order: random.Random
) -> None:
    events = [
        TraceEvent(
            f"u{i}", name, TRACE_ID, "ada", MOMENT + timedelta(seconds=at), json.dumps(properties)
        )
        for i, (name, properties, at) in enumerate(sent)
    ]
    record = put_together(*events)
    order.shuffle(events)
    assert assemble(TRACE_ID, events).facts == record.facts
    assert sorted(one.uuid for _, one in record.walk()) == [f"u{i}" for i in range(len(events))]
    assert record.trace.messages
    assert record.facts.cost_usd is None or record.facts.cost_usd >= 0
    assert (record.facts.cost_usd is None) == (record.facts.cost_source == "unknown")
    assert record.facts.duration >= 0
    render_minimal(record.trace)
