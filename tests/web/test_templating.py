"""Strangers' text in a page: escaped, printable, bounded; moments and lines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from html import unescape
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import nodes

from trace_clustering.web import urls
from trace_clustering.web.templating import iso, make_environment, text_lines, when

ENVIRONMENT = make_environment("templates/pages")
HOSTILE = '<script>alert("x")</script>\x1b[31m\u202eabc\u0000\n'


def filled(template: str, **context: object) -> str:
    return ENVIRONMENT.from_string(template).render(**context)


def test_text_is_escaped_and_does_nothing() -> None:
    told = filled("<p title='{{ text }}'>{{ text }}</p>", text=HOSTILE)
    assert "<script" not in told
    assert not {"\x1b", "\u202e", "\x00", "\n"} & set(told)
    assert len(filled("{{ text }}", text="x" * 1_000_000)) == 2_000


def test_addresses_and_values_of_fields_are_whole() -> None:
    address = urls.search(1, q="界" * 1_000, by="meaning")
    assert len(address) > 9_000
    assert unescape(filled("{{ address }}", address=address)) == address
    assert unescape(filled("{{ text|exactly }}", text="a  b" * 1_000)) == "a  b" * 1_000
    assert filled("{{ text|exactly }}", text="<\u202e\n") == "&lt;&#8238;&#10;"


@given(st.text(max_size=300))
def test_lines_hold_nothing_that_acts(text: str) -> None:
    for line in text_lines(text):
        # Joiners only join.
        seen = unescape(line).replace("\u200c", "").replace("\u200d", "")
        assert not {category(c) for c in seen} & {"Cc", "Cf", "Co", "Cs", "Cn"}
        assert "<" not in line


def test_families_and_words_stay_together() -> None:
    for text in ("👩\u200d👩\u200d👧", "می\u200cخواهم"):
        assert filled("{{ text }}", text=text) == text


def test_lines_are_bounded_together() -> None:
    assert text_lines("ab\ncd", 100) == ["ab", "cd"]
    assert text_lines("ab\n" + "x" * 1_000_000 + "\nend", 10) == ["ab", "xxxxxx…"]
    assert text_lines("  indented\tline") == ["  indented line"]


@pytest.mark.parametrize(
    ("moment", "shown", "machine"),
    [
        (None, "–", ""),
        ("2026-11-20T12:00:30Z", "2026-11-20 12:00", "2026-11-20T12:00:30Z"),
        ("soon", "soon", ""),
        (
            datetime(2026, 11, 20, 13, 0, tzinfo=timezone(timedelta(hours=1))),
            "2026-11-20 12:00",
            "2026-11-20T12:00:00Z",
        ),
        (datetime(2026, 11, 20, tzinfo=UTC), "2026-11-20 00:00", "2026-11-20T00:00:00Z"),
    ],
)
def test_moments(moment: datetime | str | None, shown: str, machine: str) -> None:
    assert (when(moment), iso(moment)) == (shown, machine)


def test_no_blank_at_an_end_is_lost() -> None:
    """What is put into a page loses its outer blanks, so no template's own words may have any."""
    made = make_environment("templates")
    loader = made.loader
    assert loader is not None
    lost = {
        f"{name}: {word!r}"
        for name in made.list_templates()
        for output in made.parse(loader.get_source(made, name)[0]).find_all(nodes.Output)
        for node in output.nodes
        for word, bare in ends(node)
        if word != bare
    }
    assert lost == set()


def test_blanks_at_the_ends_are_seen() -> None:
    def seen(template: str) -> list[str]:
        (output,) = ENVIRONMENT.parse(template).find_all(nodes.Output)
        return [word for node in output.nodes for word, bare in ends(node) if word != bare]

    assert seen("a {{ x }} {{ 'b' ~ ' c ' ~ 'd' }}{{ x|join(', ') }}") == []
    assert seen("{{ ' a' if x else ('b ' ~ x) }}{{ x or ' c' }}") == [" a", " c"]


def ends(node: nodes.Node) -> Iterator[tuple[str, str]]:
    """The words that a printed value may begin or end with, and what is left of each of them."""
    match node:
        case nodes.Const(value=str(word)):
            yield word, word.strip()
        case nodes.CondExpr():
            for one in (node.expr1, node.expr2):
                yield from ends(one) if one else ()
        case nodes.Or() | nodes.And():
            yield from ends(node.left)
            yield from ends(node.right)
        case nodes.Concat():
            first, last = node.nodes[0], node.nodes[-1]
            yield from ((word, word.lstrip()) for word, _ in ends(first))
            yield from ((word, word.rstrip()) for word, _ in ends(last))
