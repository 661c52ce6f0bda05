"""Names of groups: which rows each holds, who names them, and how that is told."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

import numpy as np
import pytest

from trace_clustering.errors import DegenerateDataError
from trace_clustering.group_names import GroupRows, name_groups, rows_of_groups, top_groups
from trace_clustering.models.findings import OF_RUN, Group, GroupName
from trace_clustering.store import SampledText
from trace_clustering.traces.naming.grounding import roots_of
from trace_clustering.traces.naming.portrait import GroupPortrait, Naming
from trace_clustering.traces.rendering import trace_metadata
from trace_clustering.traces.trace import Message, Trace

TREE = [
    Group(0, None, 0, 0, 20),
    Group(1, None, 0, 1, 10),
    Group(2, 0, 1, 1, 12),
    Group(3, 0, 1, 1, 8),
]
LEAVES = np.repeat(np.array([2, 3, 1], dtype=np.int32), [12, 8, 10])
SAID = {2: "Where is my parcel", 3: "Refund the fee please", 1: "Reset my password"}
TEXTS = [
    SampledText(f"t{i}", f"{SAID[int(leaf)]} today {chr(97 + i % 5)}", SAID[int(leaf)])
    for i, leaf in enumerate(LEAVES)
]


@pytest.fixture
def groups() -> list[GroupRows]:
    rng = np.random.default_rng(0)
    centres = {1: [9.0, 9.0], 2: [0.0, 0.0], 3: [0.0, 4.0]}
    rows = np.array([centres[int(leaf)] for leaf in LEAVES]) + rng.normal(size=(30, 2)) / 4
    return rows_of_groups(rows.astype(np.float32), LEAVES, TREE)


def test_each_group_holds_the_rows_of_its_leaves(groups: list[GroupRows]) -> None:
    held = {one.group.group_id: sorted(one.rows.tolist()) for one in groups}
    assert held == {
        0: list(range(20)),
        1: list(range(20, 30)),
        2: list(range(12)),
        3: list(range(12, 20)),
    }
    for one in groups:
        assert 1 <= len(one.representatives) <= 7
        assert set(one.representatives.tolist()) <= set(one.rows.tolist())
        # The first to stand for a group is the one closest to its centroid.
        assert one.representatives[0] == one.rows[0]


def test_clusters_without_levels_are_groups_of_one_level() -> None:
    assert top_groups(np.array([0, 1, 0, 0], dtype=np.int32)) == [
        Group(0, None, 0, 0, 3),
        Group(1, None, 0, 0, 1),
    ]


def test_keywords_name_groups_where_nobody_is_asked(groups: list[GroupRows]) -> None:
    told = name_groups(TEXTS, groups, None)
    assert told[OF_RUN] == {"source": "keywords"}
    assert set(told) == {OF_RUN, 0, 1, 2, 3}
    assert "parcel" in told[2]["title"].lower()
    assert told[2]["title_source"] == "keywords"
    assert all(trace_id.startswith("t") for trace_id in told[2]["representatives"])


class Halfway:
    """Names some groups, and says why not all."""

    model_name = "halfway"

    def __init__(self, *group_ids: int) -> None:
        self.group_ids = group_ids
        self.shown: Sequence[GroupPortrait] = ()

    def name(
        self, groups: Sequence[GroupPortrait], *, on_progress: Callable[[], None] = lambda: None
    ) -> Naming:
        self.shown = groups
        names = {i: GroupName(f"Named by model {i}", "So.", (), "model") for i in self.group_ids}
        return Naming(names, reason="too dear", input_tokens=5, output_tokens=2, cost_usd=0.01)


@pytest.mark.parametrize(
    ("named", "source"), [((), "keywords"), ((0, 2), "mixed"), ((0, 1, 2, 3), "model")]
)
def test_a_models_names_come_first(
    groups: list[GroupRows], named: tuple[int, ...], source: str
) -> None:
    namer = Halfway(*named)
    told = name_groups(TEXTS, groups, namer)
    by_model = {i for i in told if i != OF_RUN and told[i]["title_source"] == "model"}
    assert by_model == set(named)
    assert (told[OF_RUN]["source"], told[OF_RUN]["named_by_model"]) == (source, len(named))
    assert (told[OF_RUN]["reason"], told[OF_RUN]["cost_usd"]) == ("too dear", 0.01)
    (portrait,) = [one for one in namer.shown if one.group_id == 3]
    assert (portrait.share, portrait.parent) == (8 / 30, 0)
    assert set(portrait.texts) == {SAID[3]}


@pytest.mark.parametrize(
    ("secret", "halves"),
    [
        ("john.doe@engineering.example.com", ("john", "doe", "example")),
        ("sk-proj-abcDEF1234567890abcd", ("sk-", "abcDEF", "7890")),
        ("4111 1111 1111 1111", ("1111",)),
        ("my password is 'open sesame 7'", ("sesame",)),
    ],
)
def test_no_half_of_a_secret_is_shown_where_an_opening_is_cut(
    groups: list[GroupRows], secret: str, halves: tuple[str, ...]
) -> None:
    for before, after in product(range(0, 320, 5), (60, 240)):
        said = f"{('lorem ' * 60)[:before]} {secret} {'ipsum ' * (after // 6)}"
        message = Message("user", said)
        trace = Trace("t", datetime(2026, 11, 16, tzinfo=UTC), None, None, False, {}, (message,))
        opening = str(trace_metadata(trace)["opening"])
        texts = [replace(one, opening=opening) for one in TEXTS]
        namer = Halfway()
        told = name_groups(texts, groups, namer)
        shown = [*(text for one in namer.shown for text in one.texts), told[0]["description"]]
        assert not any(half in text for half in halves for text in shown)
        assert all("lorem" in text for text in shown) or before < 70


def test_a_whole_opening_is_shown_to_its_end(groups: list[GroupRows]) -> None:
    namer = Halfway()
    said = f"{'x' * 280} … the end."
    name_groups([replace(one, opening=said) for one in TEXTS], groups, namer)
    assert {text for one in namer.shown for text in one.texts} == {said}


def test_where_an_opening_was_cut_is_told_between_words(groups: list[GroupRows]) -> None:
    namer = Halfway()
    cut = [replace(one, opening=f"{'lorem ' * 33} … {'ipsum ' * 17}") for one in TEXTS]
    told = name_groups(cut, groups, namer)
    (shown,) = {text for one in namer.shown for text in one.texts}
    assert re.fullmatch(r"(lorem ){20,}lorem…", shown)
    assert f"“{shown}”" in told[0]["description"]


def test_a_namer_is_told_which_words_one_trace_alone_holds(groups: list[GroupRows]) -> None:
    namer = Halfway()
    texts = [replace(TEXTS[0], opening="Where is my kraken"), *TEXTS[1:]]
    name_groups(texts, groups, namer)
    assert all(one.lone == roots_of("kraken") for one in namer.shown)


def test_without_any_text_there_are_no_names(groups: list[GroupRows]) -> None:
    with pytest.raises(DegenerateDataError, match="text"):
        name_groups([SampledText(one.trace_id, "", "") for one in TEXTS], groups, None)
