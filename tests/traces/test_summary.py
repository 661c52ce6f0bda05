"""Summaries made of a trace's own words: what was wanted, what was done, how it ended."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.traces.events import TRACE_ID, generation, line_event, loop, root, said, span, tool_call
from trace_clustering.models.traces import Note, TraceEvent, TraceSummary
from trace_clustering.traces.assembly import assemble
from trace_clustering.traces.demo import DEMO_TEAMS, demo_trace_lines
from trace_clustering.traces.summary import (
    MAX_NOTE_CHARS,
    MAX_TITLE_CHARS,
    NO_TITLE,
    extractive_summary,
)
from trace_clustering.traces.text import trace_text
from trace_clustering.traces.wording import is_closing, is_telling, title_of

REFERENCE = re.compile(r"L([0-9]{3,})(?:-L([0-9]{3,}))?")


def summary_of(*events: TraceEvent, max_chars: int = 10**6) -> TraceSummary:
    record = assemble(TRACE_ID, events)
    text = trace_text(record, max_chars=max_chars)
    summary = extractive_summary(record, text)
    assert summary == extractive_summary(record, text)
    check(summary, text)
    return summary


def check(summary: TraceSummary, text: str) -> None:
    """Bounds hold, and every reference is to a line that is there."""
    assert 0 < len(summary.title) <= MAX_TITLE_CHARS
    assert (summary.source, summary.model, summary.fallback_reason) == ("extractive", None, None)
    assert summary.flow_diagram
    assert summary.summary_bullets
    numbers = {line.partition(":")[0] for line in text.split("\n")}
    for note in summary.notes:
        assert 0 < len(note.text) <= MAX_NOTE_CHARS
        for part in filter(None, note.line_refs.split(", ")):
            match = REFERENCE.fullmatch(part)
            assert match is not None
            assert set(part.split("-")) <= numbers


def line_of(*messages: dict[str, object], **more: object) -> TraceEvent:
    moment = "2026-11-20T10:00:00+00:00"
    return line_event(
        {"trace_id": TRACE_ID, "timestamp": moment, "messages": list(messages), **more}
    )


def test_a_conversation_with_tools() -> None:
    line = line_of(
        said("system", "Be brief."),
        said("user", "Hi!"),
        said("assistant", "How can I help?"),
        said("user", "Hello, I'd like to cancel my booking. It is PEP4E0."),
        tool_call("find", '{"id": 1}', "a"),
        said("tool", "Error: rate limit", tool_call_id="a"),
        tool_call("find", '{"id": 1}', "b"),
        said("tool", "found", tool_call_id="b"),
        tool_call("cancel", "{}", "c"),
        said("tool", "ok", tool_call_id="c"),
        said("assistant", "It is cancelled."),
        said("user", "When do I get my money back then?"),
        said("assistant", "Within 7 days."),
        said("user", "Thank you so much!"),
        said("assistant", "You're welcome."),
    )
    assert summary_of(line) == TraceSummary(
        title="Cancel my booking",
        flow_diagram="user (4 messages) → find ×2 → cancel → answer",
        summary_bullets=(
            Note("Asked: I'd like to cancel my booking. It is PEP4E0.", "L004"),
            Note("Later: When do I get my money back then?", "L012"),
            Note("Done in 3 tool calls: find ×2, cancel.", "L005, L007, L009"),
            Note("Ended with: Within 7 days.", "L013"),
        ),
        interesting_notes=(
            Note("find failed: rate limit", "L006"),
            Note("find was called twice with the same arguments.", "L005, L007"),
        ),
    )


def test_a_run_that_failed() -> None:
    line = line_of(
        said("user", "Print the return label"),
        tool_call("print_label"),
        said("tool", '{"error": "window closed"}', tool_call_id="c"),
        said("assistant", "Sorry, I cannot."),
        is_error=True,
        metadata={"error": "Error: window closed"},
    )
    summary = summary_of(line)
    assert summary.flow_diagram == "user → print_label → error"
    assert summary.summary_bullets[2:] == (
        Note("Ended with an error of print_label: window closed", "L003, L005"),
        Note("Said last: Sorry, I cannot.", "L004"),
    )
    assert summary.interesting_notes == ()


def test_an_error_that_is_handed_on_is_referred_to_where_it_happened() -> None:
    failed = generation("g", at=1, model="m", is_error=True, error="overloaded")
    summary = summary_of(root(takes=3, is_error=True, error="ServerError: overloaded"), failed)
    assert summary.summary_bullets[-1] == Note(
        "Ended with an error: ServerError: overloaded", "L003"
    )
    assert summary.interesting_notes == ()


def test_a_failure_without_a_reason_is_told() -> None:
    summary = summary_of(line_of(said("user", "x y z"), said("assistant", "a"), is_error=True))
    assert summary.interesting_notes == (Note("The run is marked as failed; nothing says why."),)
    assert summary.flow_diagram == "user → error"


def test_spans_that_failed_are_told_once() -> None:
    calls = loop([said("user", "Where is my parcel?"), tool_call("find")])
    failed = [
        root(takes=9, is_error=True, error="gave up"),
        span("t", at=0.6, span_kind="tool", span_name="find", is_error=True, error="no route"),
        span("chain", at=0.5, takes=1, span_name="chain", is_error=True, error="no route"),
        generation("g9", at=5, model="gpt-4o", is_error=True, error="overloaded"),
    ]
    summary = summary_of(*calls, *failed)
    assert summary.flow_diagram == "user → find → error"
    assert [note.text for note in summary.summary_bullets[2:]] == ["Ended with an error: gave up"]
    assert [note.text for note in summary.interesting_notes] == [
        "find failed: no route",
        "gpt-4o failed: overloaded",
    ]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("Error: no such user", "no such user"),
        ("error - no such user", "no such user"),
        ("failed: the warehouse is closed", "the warehouse is closed"),
        ("ValueError: not a number", "ValueError: not a number"),
        ("Error code: 500 - overloaded", "code: 500 - overloaded"),
        ('{"error": {"message": "quota", "type": "limit"}}', "limit: quota"),
        ('{"error": "quota", "retry": true}', "quota"),
        ("Traceback (most recent call last):\n  File\nKeyError: 'a'\n", "KeyError: 'a'"),
    ],
)
def test_what_a_tool_says_went_wrong(answer: str, told: str) -> None:
    summary = summary_of(
        line_of(said("user", "do it now"), tool_call("run"), said("tool", answer, name="run"))
    )
    assert summary.interesting_notes == (Note(f"run failed: {told}", "L003"),)


@pytest.mark.parametrize(
    "answer",
    [
        "Error handling in Python",
        "Failed logins are listed below",
        "errors: 0",
        '{"error": null}',
        '{"error": false, "a": 1}',
        '{"error',
        "Exceptional service",
    ],
)
def test_what_only_looks_like_a_failure(answer: str) -> None:
    line = line_of(said("user", "do it now"), tool_call("run"), said("tool", answer, name="run"))
    assert summary_of(line).interesting_notes == ()


def test_tools_that_no_message_asks_for_are_referred_to_by_their_spans() -> None:
    summary = summary_of(root(), span("t", at=1, span_kind="tool", span_name="sync"))
    assert summary.title == "Sync"
    assert Note("Done in 1 tool call: sync.", "L002") in summary.summary_bullets
    assert summary.summary_bullets[-1].text == "Ended without an answer."


@pytest.mark.parametrize(
    ("last", "note"),
    [
        (said("user", "And what about the hotel?"), "The user's last message has no answer."),
        (tool_call("book"), "Nothing was said after the last tool call."),
        (said("tool", "booked"), "Nothing was said after the last tool call."),
    ],
)
def test_what_breaks_off_is_told(last: dict[str, object], note: str) -> None:
    summary = summary_of(line_of(said("user", "Book it"), said("assistant", "Sure."), last))
    assert summary.interesting_notes == (Note(note, "L003"),)
    polite = summary_of(
        line_of(said("user", "Book it"), said("assistant", "Done."), said("user", "Thanks!"))
    )
    assert polite.interesting_notes == ()


def test_great_length_is_told() -> None:
    turns = [said("user" if n % 2 == 0 else "assistant", f"turn {n}") for n in range(80)]
    assert summary_of(line_of(*turns)).interesting_notes == (Note("Unusually long: 80 messages."),)
    (note,) = summary_of(root(takes=1_200, input_state="a b c", output_state="d")).interesting_notes
    assert note.text == "Unusually long: 2 messages, 20 min 0 s."


def test_many_steps_are_shortened() -> None:
    calls = [tool_call(f"tool_{n}", call_id=str(n)) for n in range(100)]
    summary = summary_of(line_of(said("user", "go on now"), *calls))
    assert summary.flow_diagram == (
        "user → tool_0 → tool_1 → tool_2 → tool_3 → tool_4 → tool_5 → tool_6 → tool_7"
        " → … 88 more steps … → tool_96 → tool_97 → tool_98 → tool_99 → no answer"
    )


def test_lines_that_are_not_shown_are_not_referred_to() -> None:
    asked = said("user", "Read this: " + "word " * 20_000)
    summary = summary_of(line_of(said("assistant", "x " * 9_000), asked), max_chars=3_000)
    assert (
        summary.title
        == "Read this: word word word word word word word word word word word word word…"
    )


def test_something_is_a_title_where_no_user_speaks() -> None:
    assert summary_of(root(trace_name="nightly job")).title == "Nightly job"
    assert summary_of(line_of(said("assistant", "Good news for you"))).title == "Good news for you"
    assert summary_of(root()).title == NO_TITLE
    assert summary_of(line_of(said("user", "ok"))).title == "Ok"


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Hi! I need to change my return flight from Texas.", "Change my return flight from Texas"),
        ("Could you please tell me the sum? Thanks!", "Tell me the sum"),
        ("What is a monad?", "What is a monad?"),
        ("Dear Fern & Kettle team, is it safe?", "Is it safe?"),
        ("Good morning, where is my parcel", "Where is my parcel"),
        ("Help: rename parse_rows everywhere", "Rename parse_rows everywhere"),
        ("I'd like to cancel a reservation, please.", "Cancel a reservation"),
        ("I need some help with my order 7", "My order 7"),
        ("History of Rome. Be brief.", "History of Rome"),
        ("Please help", "Please help"),
        ("hello", ""),
        (
            "wort " * 40,
            "Wort wort wort wort wort wort wort wort wort wort wort wort wort wort wort wort…",
        ),
        ("Приветствую, где моя посылка", "Приветствую, где моя посылка"),
    ],
)
def test_titles_are_a_few_telling_words(text: str, title: str) -> None:
    assert title_of(text, MAX_TITLE_CHARS) == title


@pytest.mark.parametrize(
    ("text", "telling", "closing"),
    [
        ("yes, please go ahead", False, False),
        ("Hello there!", False, False),
        ("Thanks, that's all.", False, True),
        ("Thank you so much. That's all I needed for now. ###STOP###", False, True),
        ("###STOP###", False, True),
        ("...", False, False),
        ("Thanks! Please cancel the hotel too.", True, False),
        ("Thanks, and when does it leave?", True, False),
        ("Where is it?", True, False),
        ("yes, and book a hotel in Lyon", True, False),
    ],
)
def test_small_talk_is_told_from_wishes(text: str, telling: bool, closing: bool) -> None:
    assert is_telling(text) is telling
    assert is_closing(text) is closing


@pytest.mark.parametrize(
    "unit", ["yes ", "thanks ", "please ", "###", "hi ", "no. ", "can you ", " ", "a"]
)
def test_no_text_is_slow_to_judge(unit: str) -> None:
    text = unit * (500_000 // len(unit))
    is_telling(text)
    is_closing(text)
    title_of(text, MAX_TITLE_CHARS)


def test_the_demos_traces_are_summarized() -> None:
    for team in DEMO_TEAMS:
        for line in list(demo_trace_lines(team, datetime(2026, 11, 20, tzinfo=UTC)))[::40]:
            record = assemble(str(line["trace_id"]), [line_event(line)])
            text = trace_text(record)
            summary = extractive_summary(record, text)
            check(summary, text)
            assert summary.summary_bullets[0].line_refs
            tools = json.dumps(record.facts.tools)
            assert all(json.dumps(name)[1:-1] in tools for name in record.facts.tools)


STATES = (
    st.none()
    | st.text(max_size=200)
    | st.lists(
        st.fixed_dictionaries(
            {
                "role": st.sampled_from(["user", "assistant", "tool", "system"]),
                "content": st.text(max_size=60),
            }
        ),
        max_size=5,
    )
)


@given(STATES, STATES, st.text(max_size=20), st.booleans(), st.integers(1, 2_000))
def test_any_trace_has_a_summary(
    first: object, second: object, name: str, failed: bool, max_chars: int
) -> None:
    events = [
        root(takes=3, input_state=first, output_state=second, span_name=name, is_error=failed),
        generation("g", at=1, input=second, output_choices=first, model=name, is_error=failed),
        span("t", at=2, span_kind="tool", span_name=name, input_state=second, error=name),
    ]
    summary_of(*events)
    record = assemble(TRACE_ID, events)
    check(extractive_summary(record, ""), "")
    text = trace_text(record, max_chars=max_chars)
    check(extractive_summary(record, text), text)
