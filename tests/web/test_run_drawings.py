"""The bar of shares: how long its parts are, and what each of them tells and leads to."""

from __future__ import annotations

import re

import pytest
from markupsafe import Markup

from tests.builders import run_record
from tests.support.run_event import run_event
from trace_clustering.run_reading import groups_at
from trace_clustering.web import urls
from trace_clustering.web.pages.shell import environment
from trace_clustering.web.run_drawings import slices_of


def drawn(*given: object) -> str:
    macros = environment().get_template("macros.html.j2").make_module()
    return str(macros.share_bar(*given))  # type: ignore[attr-defined]


def test_slices_fill_the_bar_one_after_the_other() -> None:
    slices = slices_of(groups_at(run_event(), 0))
    assert [one.start for one in slices] == pytest.approx([0, 0.4, 0.7, 0.9])
    assert [one.share for one in slices] == pytest.approx([0.4, 0.3, 0.2, 0.1])


def test_there_may_be_nothing_to_draw() -> None:
    assert slices_of([]) == ()
    assert [one.share for one in slices_of([{"cluster_id": 0, "size": 0}])] == [0]


def test_each_part_of_a_bar_leads_to_its_group_where_the_bar_has_a_label() -> None:
    run, slices = run_record(7), slices_of(groups_at(run_event(), 1))
    bar = drawn(slices, Markup("Share of each group"), run, 120)
    assert 'role="group" aria-label="Share of each group"' in bar
    numbers = [4, 2, 5, 6, 7, 3]
    assert re.findall(r'href="(.*?)"', bar) == [urls.group(run.run_id, one) for one in numbers]
    assert bar.count("Rebooking for the same day: 23%") == 2


def test_a_bar_beside_its_names_is_a_mere_drawing() -> None:
    bar = drawn(slices_of(groups_at(run_event(), 0)))
    assert 'aria-hidden="true"' in bar
    assert bar.count("<rect") == 4
    assert "<a" not in bar
    assert "<title>" not in bar
    assert '<rect class="c1" x="40.0" width="30.0" height="6">' in bar
