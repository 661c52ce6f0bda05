"""The texts that are embedded: what is in them, what stays out, and their bounds."""

import json
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trace_clustering.models.traces import Note, TraceSummary
from trace_clustering.traces.rendering import (
    MAX_DETAILED_CHARS,
    MAX_MINIMAL_CHARS,
    MAX_OPENING_CHARS,
    NO_TEXT,
    OPENING_HEAD_CHARS,
    render_detailed,
    render_minimal,
    trace_metadata,
)
from trace_clustering.traces.trace import Message, ToolCall, Trace


def make_trace(
    *turns: tuple[str, str],
    tools: tuple[str, ...] = (),
    is_error: bool = False,
    metadata: dict[str, object] | None = None,
) -> Trace:
    messages = [Message(role, content) for role, content in turns]
    messages += [Message("assistant", "", (ToolCall("c", name, "{}"),)) for name in tools]
    moment = datetime(2026, 11, 20, tzinfo=UTC)
    return Trace("t", moment, "m", "u", is_error, metadata or {}, tuple(messages))


def test_minimal_is_what_the_user_wanted() -> None:
    trace = make_trace(
        ("system", "SECRET POLICY"),
        ("user", "Cancel my\n\n  flight"),
        ("tool", "RESULT"),
        ("assistant", "ANSWER"),
        ("user", "and refund it"),
        tools=("cancel_flight",),
    )
    assert render_minimal(trace) == "Cancel my flight and refund it"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("I am mia_li_5876, booking PEP4E0.", "I am, booking."),
        ("mail ada@example.com about 1,200.50 EUR", "mail about EUR"),
        ("Thanks! ###STOP###", "Thanks!"),
        ("id 3f2b8a10-77aa-4c1e-9a55-0123456789ab is stuck", "id is stuck"),
        ("explain get_user and GPT-4 in HTTP2", "explain get_user and GPT-4 in HTTP2"),
        ("flight HAT266 on 2024-05-19", "flight on"),
    ],
)
def test_ids_and_numbers_do_not_pull_on_the_vector(text: str, left: str) -> None:
    assert render_minimal(make_trace(("user", text))) == left


def test_a_text_of_numbers_only_is_better_than_none() -> None:
    assert render_minimal(make_trace(("user", "2 + 2"))) == "2 + 2"


@pytest.mark.parametrize(
    ("turns", "tools", "text"),
    [
        ((("system", "s"), ("assistant", "a")), (), "a"),
        ((("system", "s"), ("tool", "r")), (), "r"),
        ((("system", "s"),), (), "s"),
        ((("user", "  "),), ("get_user",), "get user"),
        ((("user", ""),), (), NO_TEXT),
    ],
)
def test_something_stands_in_where_the_user_said_nothing(
    turns: tuple[tuple[str, str], ...], tools: tuple[str, ...], text: str
) -> None:
    assert render_minimal(make_trace(*turns, tools=tools)) == text


def test_a_pasted_log_does_not_drown_the_question() -> None:
    trace = make_trace(
        ("user", "why does this fail"), ("user", "log " * 300_000), ("user", "please explain")
    )
    text = render_minimal(trace)
    assert MAX_MINIMAL_CHARS - 10 < len(text) <= MAX_MINIMAL_CHARS
    assert text.startswith("why does this fail log")
    assert text.endswith("log please explain")
    assert "…" in text


def test_detailed_is_all_of_the_summary_but_its_references() -> None:
    summary = TraceSummary(
        title="Cancel booking PEP4E0",
        flow_diagram="user → find ×2 → cancel → answer",
        summary_bullets=(
            Note("Asked: cancel my flight", "L001-L004"),
            Note("Done in 1,003 tool calls: find ×1,002, cancel."),
            Note("Ended with: It is cancelled.", "L009"),
        ),
        interesting_notes=(Note("find failed: no such booking", "L005"),),
    )
    assert render_detailed(summary) == (
        "Cancel booking Asked: cancel my flight Done in tool calls: find, cancel. "
        "Ended with: It is cancelled. find failed: no such booking user → find → cancel → answer"
    )


def test_detailed_shares_its_bound_and_is_never_empty() -> None:
    long = tuple(Note("word " * 2_000) for _ in range(30))
    text = render_detailed(TraceSummary("title", "flow", long, (Note("oddity"),)))
    assert MAX_DETAILED_CHARS - 100 < len(text) <= MAX_DETAILED_CHARS
    assert text.startswith("title word")
    assert text.endswith("word oddity flow")
    assert render_detailed(TraceSummary("", "", ())) == NO_TEXT
    assert render_detailed(TraceSummary("7", " ", ())) == "7"


@given(
    st.lists(
        st.tuples(st.sampled_from(["system", "user", "assistant", "tool", "x"]), st.text()),
        min_size=1,
    )
)
def test_renderings_are_bounded_single_and_never_empty(turns: list[tuple[str, str]]) -> None:
    trace = make_trace(*turns)
    minimal = render_minimal(trace)
    assert 0 < len(minimal) <= MAX_MINIMAL_CHARS
    assert minimal == " ".join(minimal.split())


@given(st.text(), st.lists(st.text(), max_size=4))
def test_any_summary_is_rendered(title: str, notes: list[str]) -> None:
    bullets = tuple(Note(note) for note in notes)
    text = render_detailed(TraceSummary(title, title, bullets, bullets))
    assert 0 < len(text) <= MAX_DETAILED_CHARS
    assert text == " ".join(text.split())


def test_many_messages_share_the_bound() -> None:
    text = render_minimal(make_trace(*[("user", "hello world")] * 20_000))
    assert 0 < len(text) <= MAX_MINIMAL_CHARS


def test_metadata_is_compact_json() -> None:
    trace = make_trace(
        ("user", "x"), tools=("a", "b", "a"), metadata={"big": "x" * 9_000, "cost_usd": 0.5}
    )
    assert json.loads(json.dumps(trace_metadata(trace))) == {
        "model": "m",
        "user_id": "u",
        "is_error": False,
        "tools": ["a", "b", "a"],
        "message_count": 4,
        "opening": "x",
        "metadata": {"cost_usd": 0.5},
    }


def test_of_a_long_opening_the_middle_is_left_out() -> None:
    opening = str(trace_metadata(make_trace(("user", "ab" * 200)))["opening"])
    assert len(opening) == MAX_OPENING_CHARS
    assert opening.partition(" … ")[0] == "ab" * (OPENING_HEAD_CHARS // 2)
    whole = "a" * (MAX_OPENING_CHARS - 1)
    assert trace_metadata(make_trace(("user", whole)))["opening"] == whole


@pytest.mark.parametrize("unit", ["#", "a1-_", "1.", "a.", "@a", "<|a", "$ ", "\u2028"])
def test_no_text_makes_rendering_slow(unit: str) -> None:
    trace = make_trace(("user", unit * (1_000_000 // len(unit))))
    # Of this thread alone: whatever else the machine does takes no time of it.
    started = time.thread_time()
    render_minimal(trace)
    assert time.thread_time() - started < 0.5
