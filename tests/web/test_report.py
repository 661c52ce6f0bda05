"""The report: one page that stands by itself, whatever the run tells and the traces say."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import run_record
from tests.support.run_event import facts_of, old_event, run_event, trace_ids
from trace_clustering.web.palette import COLOURS, palette_css
from trace_clustering.web.report import MAX_OUTLIERS, Report, report_page
from trace_clustering.web.report_map import json_for_page

RUN = run_record(7)
HOSTILE = "</script><script>alert(1)</script><img src=x onerror='a'>\"]]>--><!-- {{ 7*7 }}"
VOID = frozenset({"meta", "br", "hr", "img", "input", "link"})
OPENINGS = {trace_id: f"opening of {trace_id}" for i in range(4) for trace_id in trace_ids(i)}


@dataclass
class Page(HTMLParser):
    """What a browser would make of a page, as far as these tests ask."""

    source: str
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    inside: dict[str, list[str]] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
            self.inside.setdefault(tag, []).append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.texts.append(data)
        for tag in self.open[-1:]:
            self.inside[tag][-1] += data

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    @property
    def data(self) -> Any:
        return json.loads(self.inside["script"][0])

    def attributes(self, name: str) -> list[str]:
        return [attributes[name] or "" for _, attributes in self.tags if name in attributes]


def page_of(properties: Mapping[str, Any], openings: Mapping[str, str] | None = None) -> Page:
    return Page(report_page(Report(RUN, properties, OPENINGS if openings is None else openings)))


def digest(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"


def test_everything_that_a_run_tells_is_there() -> None:
    page = page_of(run_event())
    for told in (
        *("Good", "4 clusters separate these traces far better than noise"),
        *("Rebooking cancelled flights", "Customers want their money back.", "claim number"),
        *("40% (34–46)", "Flights cancelled by the storm", "opening of trace-1-02", "find_flights"),
        *("120 of 900", "0.312", "Left out: other_model", "1.7% of the sampled traces"),
    ):
        assert told in page.text
    assert page.text.index("Good") < page.text.index("Rebooking")
    assert page.tags[0] == ("html", {"lang": "en"})
    assert len(page.data["clusters"]) == 4
    assert page.data["clusters"][0]["ids"] == trace_ids(0)


def test_it_loads_nothing_and_runs_only_what_it_brings() -> None:
    page = page_of(run_event())
    (policy,) = [a["content"] for tag, a in page.tags if a.get("http-equiv")]
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert digest(page.inside["style"][0]) in policy
    assert digest(page.inside["script"][1]) in policy
    assert "://" not in page.source
    assert "url(" not in page.source
    assert page.attributes("src") == page.attributes("style") == []
    assert not [name for _, a in page.tags for name in a if name.startswith("on")]
    assert all(link.startswith("#") for link in page.attributes("href"))
    assert {link[1:] for link in page.attributes("href")} <= set(page.attributes("id"))
    assert len(page.attributes("id")) == len(set(page.attributes("id")))


def test_clusters_have_the_colours_that_they_have_on_the_pages() -> None:
    page = page_of(run_event())
    style, script = page.inside["style"][0], page.inside["script"][1]
    assert style.count("--c0:") == 3
    assert palette_css() in style
    assert f"const COLOURS = {COLOURS};" in script
    assert "own c3" in " ".join(filter(None, page.attributes("class")))


def test_a_run_of_before_there_were_parts() -> None:
    page = page_of(old_event(), {})
    assert "Not judged" in page.text
    assert "No map: this run is older than that." in page.text
    assert "Cluster 3" in page.text
    assert "trace-3-00" in page.text
    assert "script" not in page.inside


def test_least_that_an_event_can_hold() -> None:
    clusters = [{"cluster_id": 0, "size": 1, "trace_ids": ["a"]}]
    page = page_of({"$ai_sampled_traces_count": 1, "$ai_clusters": clusters})
    assert "Cluster 0" in page.text


@pytest.mark.parametrize("part", ["map", "facts", "levels", "outliers", "quality"])
def test_a_part_that_could_not_be_made(part: str) -> None:
    changes = {part: None, "missing_parts": {part: "the worker ran out of patience"}}
    text = page_of(run_event(**changes)).text
    assert text.count("the worker ran out of patience") == 2
    assert "What could not be made" in text


def test_no_answer_is_not_shown_as_one() -> None:
    verdict = {"verdict": "degenerate", "reasons": ["one cluster holds 91% of traces"]}
    source = page_of(run_event(quality=run_event()["$ai_quality"] | verdict)).source
    page = source[source.index("<main") :]
    assert page.index("Not an answer") < page.index("one cluster holds 91%")
    assert page.index("one cluster holds 91%") < page.index('<details class="no-answer">')
    assert page.index('<details class="no-answer">') < page.index("Rebooking")


def test_users_of_whom_nobody_told_are_not_none() -> None:
    page = page_of(run_event(facts=facts_of(120, users=0, sessions=0)))
    assert "Users –" in page.text
    assert "Users 0" not in page.text


def test_many_outliers_are_counted() -> None:
    one = run_event()["$ai_outliers"]["traces"][0]
    many = {"threshold": 2.0, "share": 0.5, "traces": [one] * (MAX_OUTLIERS + 7)}
    assert "And 7 more" in page_of(run_event(outliers=many)).text


def hostile_event(text: str) -> dict[str, Any]:
    """An event with the text wherever a stranger or a model can write to."""
    event = run_event(missing_parts={"map": text})
    named = {"title": text, "description": text, "keywords": [text], "representatives": [text]}
    for cluster in event["$ai_clusters"]:
        cluster |= named
        cluster["trace_ids"][0] = text
        cluster["facts"] |= {"models": [[text, 1]], "tools": [[text, 1]]}
    for group in event["$ai_levels"]["groups"]:
        group |= named
    event["$ai_outliers"]["traces"] = [
        {"trace_id": text, "cluster_id": 1, "score": 3.0, "reason": text}
    ]
    event["$ai_quality"]["reasons"] = [text]
    event["$ai_embedding_model"] = text
    event["$ai_window_start"] = text
    return event


def shape(page: Page) -> list[str]:
    return [tag for tag, _ in page.tags]


PLAIN = shape(page_of(hostile_event("plain"), {"plain": "plain"}))


def test_hostile_text_is_text() -> None:
    page = page_of(hostile_event(HOSTILE), {HOSTILE: HOSTILE})
    assert shape(page) == PLAIN
    assert HOSTILE in page.text
    assert HOSTILE in page.data["clusters"][0]["openings"]


def test_text_that_acts_or_never_ends_is_bounded() -> None:
    text = "\u202eevil\x1b[31m\x00\u2028 " + "long " * 200_000
    page = page_of(hostile_event(text), {text: text})
    assert shape(page) == PLAIN
    assert not set("\u202e\x1b\x00\u2028") & set(page.source)
    assert len(page.source) < 300_000


@settings(max_examples=25)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80).filter(str.strip))
def test_no_text_changes_the_page(text: str) -> None:
    page = page_of(hostile_event(text), {text: f"opening {text}"})
    assert shape(page) == PLAIN
    assert len(page.data["clusters"]) == 4


@given(
    st.recursive(st.text() | st.integers(), lambda x: st.lists(x) | st.dictionaries(st.text(), x))
)
def test_data_for_a_page_stays_data(data: object) -> None:
    text = json_for_page(data)
    assert json.loads(text) == data
    assert not set("<>&") & set(text)


def test_two_thousand_traces_take_less_than_a_megabyte() -> None:
    ids = [[f"01a20b3d-3387-7dde-abd2-{i}-{j:08}" for j in range(500)] for i in range(4)]
    clusters = [
        one | {"size": 500, "trace_ids": ids[i]}
        for i, one in enumerate(run_event()["$ai_clusters"])
    ]
    points = [[[i + j % 31 / 31, j % 37 / 37] for j in range(500)] for i in range(4)]
    drawn = run_event()["$ai_map"] | {"points": points}
    levels = run_event()["$ai_levels"] | {"leaf_ids": [[5] * 500] * 4}
    event = run_event(clusters=clusters, map=drawn, levels=levels, sampled_traces_count=2000)
    openings = {one: "how it began " * 300 for cluster in ids for one in cluster}
    assert len(page_of(event, openings).source.encode()) < 1_000_000
