"""What a language model may answer, and what of it becomes a summary."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trace_clustering.models.traces import Note, TraceSummary
from trace_clustering.traces.asking import answer_in, problem_of
from trace_clustering.traces.summary_answer import (
    MAX_DIAGRAM_CHARS,
    MAX_NOTE_CHARS,
    MAX_NOTES,
    MAX_TITLE_CHARS,
    SummaryAnswer,
    as_summary,
)

TEXT = "L001: user: hello\nL002: assistant: L009: hi\n… 3 lines left out\nL006: user: bye"
GOOD: dict[str, Any] = {
    "title": "A greeting",
    "flow_diagram": "user → assistant",
    "summary_bullets": [{"text": "The user says hello.", "line_refs": "L001"}],
    "interesting_notes": [{"text": "It is short.", "line_refs": "L001-L006"}],
}


def summary_of(value: Any, text: str = TEXT) -> TraceSummary:
    return as_summary(answer_in(json.dumps(value), SummaryAnswer), text, "some-model")


def refs_of(refs: Any, text: str = TEXT) -> str:
    bullets = [{"text": "A sentence.", "line_refs": refs}]
    return summary_of({**GOOD, "summary_bullets": bullets}, text).summary_bullets[0].line_refs


def test_a_good_answer() -> None:
    assert summary_of(GOOD) == TraceSummary(
        title="A greeting",
        flow_diagram="user → assistant",
        summary_bullets=(Note("The user says hello.", "L001"),),
        interesting_notes=(Note("It is short.", "L001-L006"),),
        source="model",
        model="some-model",
    )


@pytest.mark.parametrize(
    "around", ["{}", "```json\n{}\n```", "Here you are:\n{}\nAnything else?", "<think>hm</think>{}"]
)
def test_the_object_is_found_in_what_is_said(around: str) -> None:
    assert answer_in(around.replace("{}", json.dumps(GOOD)), SummaryAnswer).title == "A greeting"


def test_answers_in_other_forms_are_understood() -> None:
    odd = {
        "title": "T",
        "flow_diagram": None,
        "summary_bullets": ["One.", {"text": "Two.", "line_refs": ["L001", "L002-L006"]}],
        "interesting_notes": None,
        "confidence": 0.9,
    }
    summary = summary_of(odd)
    assert summary.summary_bullets == (Note("One."), Note("Two.", "L001, L002-L006"))
    assert (summary.flow_diagram, summary.interesting_notes) == ("", ())


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"title": " \n\u200b"}, "title: Value error, must say what the user wanted"),
        ({"title": None}, "title: Input should be a valid string"),
        ({"summary_bullets": []}, "must hold at least one sentence"),
        ({"summary_bullets": None}, "must hold at least one sentence"),
        ({"summary_bullets": [" "]}, "must hold at least one sentence"),
        ({"summary_bullets": "all went well"}, "summary_bullets: Input should be a valid array"),
        ({"interesting_notes": [{"line_refs": "L001"}]}, "interesting_notes.0.text: Field"),
        ({"flow_diagram": ["a", "b"]}, "flow_diagram: Input should be a valid string"),
    ],
)
def test_nonsense_is_told_apart(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match="validation error") as caught:
        summary_of(GOOD | changes)
    assert told in problem_of(caught.value)


@pytest.mark.parametrize("text", ["", "I cannot do that.", "}{", "{", '{"title": ', "[" * 9999])
def test_a_text_without_an_object(text: str) -> None:
    with pytest.raises(ValueError, match=r"JSON|validation error"):
        answer_in(text, SummaryAnswer)


def test_what_is_too_much_is_left_out() -> None:
    summary = summary_of(
        {
            "title": "word " * 1000,
            "flow_diagram": "step →\n" * 1000,
            "summary_bullets": [{"text": "a long sentence " * 100}] * 50,
            "interesting_notes": ["", *["note"] * 50],
        }
    )
    assert len(summary.title) <= MAX_TITLE_CHARS
    assert summary.title.endswith("word…")
    assert len(summary.flow_diagram) == MAX_DIAGRAM_CHARS
    assert [len(notes) for notes in (summary.summary_bullets, summary.interesting_notes)] == [
        12
    ] * 2
    assert all(len(bullet.text) <= MAX_NOTE_CHARS for bullet in summary.summary_bullets)


def test_nothing_acts_on_who_reads_it() -> None:
    summary = summary_of(
        {
            "title": "a\x1b[31m\ntitle\u202e",
            "flow_diagram": "\n one\r\n  two\x07\t\n\n",
            "summary_bullets": ["a\nb\x00"],
        }
    )
    assert summary.title == "a␛[31m title<U+202E>"
    assert summary.flow_diagram == " one\n  two␇"
    assert summary.summary_bullets[0].text == "a b␀"


@pytest.mark.parametrize(
    ("given_refs", "kept"),
    [
        ("L001", "L001"),
        ("L1, L02", "L001, L002"),
        ("L001-L002; [L006]", "L001-L002, L006"),
        ("L001 – 6", "L001-L006"),
        ("L001-L001, L001", "L001"),
        ("L003", ""),  # left out of the text
        ("L009", ""),  # what somebody wrote is no number of a line
        ("L001-L999", ""),
        ("L006-L001", ""),
        ("L000, L002", "L002"),
        ("lines 1 and 2", ""),
        ("L001\nL002", ""),
        (None, ""),
        (["L001", 2, None, {"x": 1}], "L001"),
    ],
)
def test_references_lead_to_lines_that_there_are(given_refs: Any, kept: str) -> None:
    assert refs_of(given_refs) == kept


def test_references_are_written_as_the_text_numbers_its_lines() -> None:
    assert refs_of("L1-L2", "L0001: a\nL0002: b") == "L0001-L0002"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
refs = st.text("L0123456789-, ;[]", max_size=30)
sentences = st.lists(
    st.text() | st.fixed_dictionaries({"text": st.text(), "line_refs": refs | json_values}),
    max_size=20,
)
answers = st.fixed_dictionaries(
    {"title": st.text(min_size=1), "summary_bullets": sentences},
    optional={"flow_diagram": st.text() | json_values, "interesting_notes": sentences},
)


@given(answers)
def test_whatever_is_answered_is_nonsense_or_keeps_the_bounds(value: dict[str, Any]) -> None:
    try:
        answer = SummaryAnswer.model_validate(value)
    except ValueError:
        return
    summary = as_summary(answer, TEXT, "m")
    assert 0 < len(summary.title) <= MAX_TITLE_CHARS
    assert len(summary.flow_diagram) <= MAX_DIAGRAM_CHARS
    assert 0 < len(summary.summary_bullets) <= MAX_NOTES
    assert len(summary.interesting_notes) <= MAX_NOTES
    for note in summary.notes:
        assert 0 < len(note.text) <= MAX_NOTE_CHARS
        assert re.fullmatch(r"|L00[126](-L00[26])?(, L00[126](-L00[26])?)*", note.line_refs)
        assert "\n" not in note.text
