"""Words: where they begin and end in any script, what they share, and what kind they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trace_clustering.traces.naming.words import TOKEN, Kind, kind_of, root_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I don't know rank_hits", ["I", "don't", "know", "rank_hits"]),
        ("état-major, l’arbre!", ["état-major", ",", "l’arbre", "!"]),
        ("mail [email] now", ["mail", "[email]", "now"]),
        ("कार्ड खो गया है।", ["कार्ड", "खो", "गया", "है", "।"]),
        ("卡片丢失了，怎么办", ["卡片丢失了", "，", "怎么办"]),
        ("بطاقتي؟", ["بطاقتي", "؟"]),
        ("hi👍\u202ex", ["hi", "👍", "\u202e", "x"]),
    ],
)
def test_words_of_all_scripts(text: str, words: list[str]) -> None:
    assert TOKEN.findall(text) == words


@given(st.text())
def test_no_character_but_blanks_is_lost(text: str) -> None:
    assert "".join(TOKEN.findall(text)) == "".join(text.split())


@pytest.mark.parametrize(
    "forms",
    [
        ("transfer", "transfers", "transferred", "transferring", "transfer's"),
        ("cancel", "cancelled", "canceled", "cancelling"),
        ("decline", "declines", "declined", "declining"),
        ("city", "cities"),
        ("try", "tries", "tried", "trying"),
        ("address", "addresses", "addressed"),
        ("box", "boxes"),
    ],
)
def test_inflections_share_a_root(forms: tuple[str, ...]) -> None:
    assert len({root_of(form) for form in forms}) == 1


@pytest.mark.parametrize("pair", [("card", "care"), ("string", "str"), ("status", "stat")])
def test_other_words_do_not(pair: tuple[str, str]) -> None:
    assert root_of(pair[0]) != root_of(pair[1])


@pytest.mark.parametrize(
    ("word", "is_english", "kind"),
    [
        ("card", True, Kind.CONTENT),
        ("the", True, Kind.DROPPED),
        ("die", True, Kind.CONTENT),
        ("die", False, Kind.LINK),
        ("2nd", True, Kind.CONTENT),
        ("hat266", True, Kind.BREAK),
        ("[email]", True, Kind.BREAK),
        ("x" * 31, True, Kind.BREAK),
        *((pair, False, Kind.CONTENT) for pair in ("退款", "忘れ", "お願", "カー", "申请", "รห")),
        *(
            (pair, False, Kind.LINK)
            for pair in ("可以", "码的", "了怎", "ドを", "ます", "だ届", "办")
        ),
    ],
)
def test_kinds_of_words(word: str, is_english: bool, kind: Kind) -> None:
    assert kind_of(word, is_english) == kind
