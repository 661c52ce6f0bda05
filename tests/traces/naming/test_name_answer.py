"""What of an answer may be used as names."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.traces.naming.portraits import TITLES, TOPS, entry
from trace_clustering.traces.asking import answer_in
from trace_clustering.traces.masking import MASKS, masked
from trace_clustering.traces.naming.bounds import MAX_TITLE_CHARS
from trace_clustering.traces.naming.grounding import grounds_of
from trace_clustering.traces.naming.name_answer import (
    MAX_DESCRIPTION_CHARS,
    Checked,
    NameOfGroup,
    NamesAnswer,
    check,
    is_legible,
)
from trace_clustering.traces.naming.portrait import GroupPortrait

GROUNDS = grounds_of(TOPS)


def checked(*entries: Any, taken: tuple[str, ...] = ()) -> Checked:
    answer = answer_in(json.dumps({"groups": entries}), NamesAnswer)
    return check(answer, TOPS, GROUNDS, taken)


def faults(found: Checked) -> dict[int, str]:
    return {number: refusal.fault for number, refusal in found.refusals.items()}


def test_good_names() -> None:
    found = checked(entry(1), entry(0))
    assert {number: name.title for number, name in found.names.items()} == {
        0: TITLES[0],
        1: TITLES[1],
    }
    assert (found.refusals, found.invented) == ({}, 0)


def test_one_bad_entry_does_not_spoil_the_others() -> None:
    found = checked(entry(0), "nonsense", None, {"id": 1}, 7, {**entry(1), "extra": 1})
    assert set(found.names) == {0, 1}


def test_of_two_names_for_one_group_the_first_counts() -> None:
    found = checked(entry(0), entry(1), entry(0, title="Cards stolen or lost"))
    assert found.names[0].title == TITLES[0]


def test_what_is_taken_is_taken() -> None:
    assert faults(checked(entry(0), entry(1), taken=("lost, or stolen: CARDS",))) == {0: "repeated"}


@pytest.mark.parametrize("value", [{}, {"groups": None}, {"groups": "x"}, {"groups": {"0": "x"}}])
def test_no_list_is_no_answer(value: Any) -> None:
    with pytest.raises(ValidationError):
        answer_in(json.dumps(value), NamesAnswer)


def test_an_endless_answer_is_not_read_to_its_end() -> None:
    found = checked(*[entry(i) for i in range(2, 1_500)], entry(0))
    assert faults(found) == {0: "missing", 1: "missing"}


@pytest.mark.parametrize(
    "title",
    [
        "# Lost or stolen cards",
        "- Lost or stolen cards",
        "[Lost](card) or stolen cards",
        "_Lost_ or stolen cards",
        "__Lost__ or stolen cards",
        "`Lost` or stolen cards",
        "Lost cards &amp; stolen cards",
        "Lost cards at www.evil.example",
        "Lost or stolen\tcards",
        "Lost or stolen\u2028cards",
        "Lost or stolen\x1b[31m cards",
        "Lost or stolen\u200bcards today",
    ],
)
def test_markup_and_controls(title: str) -> None:
    assert faults(checked(entry(0, title=title), entry(1))) == {0: "form"}


@pytest.mark.parametrize(
    "title",
    [
        "Lost & stolen cards",
        "Card lost: what's next?",
        "Cards (lost or stolen)",
        "find_card calls that fail",
        "Lost cards – 50% stolen",
        "Password: lost or stolen cards",
        "Lost  or stolen cards",
        "Cartes perdues ou volées, card",
    ],
)
def test_plain_words(title: str) -> None:
    assert faults(checked(entry(0, title=title), entry(1))) == {}


@pytest.mark.parametrize(
    "title",
    [
        "می\u200cخواهم کارت گم\u200cشده",
        "कार्ड क्\u200dष का खोना",
        "Lost cards 👩\u200d👩\u200d👧 and ❤\ufe0f\u200d🔥",
    ],
)
def test_joiners_that_mean_something_are_legible(title: str) -> None:
    assert is_legible(title)
    portrait = replace(TOPS[0], texts=(title,))
    answer = NamesAnswer(groups=[NameOfGroup(id=0, title=title, description=title)])
    assert check(answer, [portrait], grounds_of([portrait]), ()).names[0].title == title


@pytest.mark.parametrize(
    "title", ["Lo\u200cst cards", "Lost\u200d cards", "می\u202eخواهم", "a\ue000"]
)
def test_what_is_not_seen_is_not_legible(title: str) -> None:
    assert not is_legible(title)


words = st.sampled_from(
    ["card", "lost", "PWNED", "ada@example.org", "4111111111111111", "*", "\n", "<b>", "", "and"]
)
loose_titles = st.one_of(st.text(), st.lists(words, max_size=12).map(" ".join))


@given(
    st.lists(
        st.builds(NameOfGroup, id=st.integers(-1, 3), title=loose_titles, description=loose_titles),
        max_size=6,
    )
)
def test_whatever_is_accepted_keeps_the_rules(entries: list[NameOfGroup]) -> None:
    found = check(NamesAnswer(groups=entries), TOPS, GROUNDS, ())
    ids = {portrait.group_id for portrait in TOPS}
    assert found.names.keys() | found.refusals.keys() == ids
    assert not found.names.keys() & found.refusals.keys()
    for number, name in found.names.items():
        assert 0 < len(name.title) <= MAX_TITLE_CHARS
        assert 0 < len(name.description) <= MAX_DESCRIPTION_CHARS
        for text in (name.title, name.description):
            assert is_legible(text)
            assert not any(mask in masked(text) for mask in MASKS)
            assert not set(text) & set("<>*\n`")
            assert GROUNDS[number].carries(text)


def test_portraits_are_masked_by_whoever_makes_them() -> None:
    portrait = GroupPortrait(0, None, 0, 0, 1, 1.0, ("a@b.example",), "To a@b.example", ())
    assert (portrait.keywords, portrait.keyword_title) == (("[email]",), "To [email]")
    title, said = "Password: reset, expire", "password: secret"
    portrait = GroupPortrait(0, None, 0, 0, 1, 1.0, (), title, (said,))
    assert (portrait.keyword_title, portrait.texts) == (title, ("password: [key]",))


def test_portraits_hide_nothing_behind_what_nobody_sees() -> None:
    texts = (
        "mail john\u200b.doe@exa\u200bmple.com, card 4111\u200b1111\u200b1111\u200b1111",
        "4111    1111\n\n1111\t1111" + " " * 2_000 + "and mail a@b\u2060.example",
    )
    portrait = GroupPortrait(0, None, 0, 0, 1, 1.0, (), "", texts)
    assert portrait.texts == ("mail [email], card [card]", "[card] and mail [email]")
