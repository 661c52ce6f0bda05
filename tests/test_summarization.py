"""From stored events to summaries, facts and vectors, on a real store."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.fakes import FakeEmbedder
from tests.trace_events import generation
from trace_clustering.constants import RENDERING_DETAILED, RENDERING_MINIMAL
from trace_clustering.errors import EmbeddingError, EmbeddingRefusedError
from trace_clustering.models.traces import EVENT_SUMMARY, Note, TraceSummary
from trace_clustering.store import Store
from trace_clustering.store.traces import MAX_ATTEMPTS
from trace_clustering.summarization import Summarization, slices
from trace_clustering.traces.summarizing import SummaryFailure
from trace_clustering.traces.summary_event import read_summary


@dataclass
class FakeSummarizer:
    """Says what it was told to say of a text; remembers the texts."""

    say: Callable[[str], TraceSummary | SummaryFailure]
    texts: list[str] = field(default_factory=list)
    model_name: str = "fake-llm"

    def summarize(self, texts: Sequence[str]) -> list[TraceSummary | SummaryFailure]:
        self.texts += texts
        return [self.say(text) for text in texts]


class PickyEmbedder(FakeEmbedder):
    """Refuses, for good, texts about what is forbidden."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = super().embed(texts)
        refused = [i for i, text in enumerate(texts) if "forbidden" in text]
        if refused:
            rows[refused] = 0
            raise EmbeddingRefusedError("this text is not taken", tuple(refused), rows)
        return rows


class Overtaken(FakeEmbedder):
    """Takes so long that something happens in the meantime."""

    def __init__(self, happens: Callable[[], None]) -> None:
        super().__init__()
        self._happens = happens

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self._happens()
        return super().embed(texts)


def good(text: str) -> TraceSummary:
    bullets = (Note("The parcel was found.", "L001"),)
    return TraceSummary("Parcel found", "user → answer", bullets, source="model", model="fake-llm")


def summary_of(store: Store, team_id: int, trace_id: str) -> TraceSummary:
    event = store.events.of_kind(team_id, EVENT_SUMMARY, [trace_id])[trace_id]
    summary = read_summary(event.properties)
    assert summary is not None
    return summary


def rows(store: Store, team_id: int) -> int:
    found = store._database.select(
        "SELECT count() AS n FROM document_embeddings WHERE team_id = {team_id:Int64}",
        team_id=team_id,
    )
    return int(found[0]["n"])


def test_a_trace_gets_a_summary_facts_and_both_vectors(any_store: Store, team_id: int) -> None:
    any_store.events.insert(team_id, [generation("a", 1), generation("a", 0)])
    done = Summarization(any_store, FakeEmbedder()).summarize(team_id, ["a"])
    assert (done.summarized, done.embedded, done.failed, done.fallbacks) == (1, 2, 0, {})
    facts = any_store.traces.get(team_id, ["a"])["a"].facts
    assert (facts.spans, facts.models, facts.input_tokens) == (2, ("gpt-4o",), 24)
    assert facts.duration == pytest.approx(61.5)
    assert facts.cost_source == "estimated"
    summary = summary_of(any_store, team_id, "a")
    assert summary.source == "extractive"
    assert "parcel" in summary.title.lower()
    renderings = {d.rendering for d in any_store.embeddings.without_vector(team_id, "x", limit=9)}
    assert renderings == {RENDERING_MINIMAL, RENDERING_DETAILED}
    assert any_store.traces.count_pending(team_id) == 0


def test_done_again_it_changes_nothing(store: Store, team_id: int) -> None:
    store.events.insert(team_id, [generation("a"), generation("b")])
    summarization = Summarization(store, FakeEmbedder())
    first = summarization.summarize(team_id, ["a", "b"])
    second = summarization.summarize(team_id, ["b", "a"])
    assert (first.embedded, second.embedded) == (4, 0)
    assert rows(store, team_id) == 4


def test_a_trace_that_grew_is_done_again(store: Store, team_id: int) -> None:
    embedder = FakeEmbedder()
    store.events.insert(team_id, [generation("a")])
    Summarization(store, embedder).summarize(team_id, ["a"])
    store.events.insert(team_id, [generation("a", 1, asked="And the invoice?")])
    assert store.traces.pending(team_id, limit=9) == ["a"]
    done = Summarization(store, embedder).summarize(team_id, ["a"])
    assert done.embedded == 2
    assert store.traces.get(team_id, ["a"])["a"].facts.spans == 2
    assert any("invoice" in text for text in embedder.texts)


def test_unknown_ids_do_nothing(store: Store, team_id: int) -> None:
    done = Summarization(store, FakeEmbedder()).summarize(team_id, ["nobody"])
    assert (done.summarized, done.failed) == (0, 0)


def test_a_model_summarizes(store: Store, team_id: int) -> None:
    store.events.insert(team_id, [generation("a")])
    model = FakeSummarizer(good)
    Summarization(store, FakeEmbedder(), model).summarize(team_id, ["a"])
    assert model.texts[0].startswith("L001")
    assert summary_of(store, team_id, "a") == good("")
    assert store.traces.get(team_id, ["a"])["a"].title == "Parcel found"


def test_what_a_model_said_of_a_text_is_not_asked_again(store: Store, team_id: int) -> None:
    """A batch whose vectors could not be had is done again; the model has been paid for."""
    store.events.insert(team_id, [generation("a", asked="refuse me")])
    model = FakeSummarizer(good)
    with pytest.raises(EmbeddingError):
        Summarization(store, FakeEmbedder(), model).summarize(team_id, ["a"])
    assert store.traces.pending(team_id, limit=9) == ["a"]
    Summarization(store, PickyEmbedder(), model)
    store.events.insert(team_id, [generation("b")])
    with pytest.raises(EmbeddingError):
        Summarization(store, FakeEmbedder(), model).summarize(team_id, ["a", "b"])
    assert len(model.texts) == 2


def test_a_model_that_fails_falls_back_and_is_counted(store: Store, team_id: int) -> None:
    store.events.insert(team_id, [generation(name, asked=f"About {name}") for name in "abc"])

    def say(text: str) -> TraceSummary | SummaryFailure:
        if "About a" in text:
            return SummaryFailure("rate_limited", "too many requests")
        return SummaryFailure("refused", "no") if "About b" in text else good(text)

    done = Summarization(store, FakeEmbedder(), FakeSummarizer(say)).summarize(team_id, list("abc"))
    assert (done.summarized, done.failed) == (3, 0)
    assert done.fallbacks == {"rate_limited": 1, "refused": 1}
    fallen = summary_of(store, team_id, "a")
    assert (fallen.source, fallen.fallback_reason) == ("extractive", "rate_limited")
    assert fallen.title


def test_a_text_that_is_refused_holds_up_no_other(store: Store, team_id: int) -> None:
    asked = {name: "a forbidden thing" if name == "c" else f"About {name}" for name in "abcdef"}
    store.events.insert(team_id, [generation(n, asked=text) for n, text in asked.items()])
    done = Summarization(store, PickyEmbedder()).summarize(team_id, list(asked))
    assert (done.summarized, done.embedded, done.failed) == (5, 10, 1)
    failed = store.traces.get(team_id, ["c"])["c"]
    assert failed.status == "failed"
    assert "this text is not taken" in failed.reason
    # What is known of it is known all the same.
    assert (failed.facts.models, failed.facts.input_tokens) == (("gpt-4o",), 12)
    assert failed.title


def test_a_failing_trace_is_tried_a_few_times_and_again_when_it_grows(
    store: Store, team_id: int
) -> None:
    store.events.insert(team_id, [generation("a", asked="forbidden")])
    summarization = Summarization(store, PickyEmbedder())
    for _ in range(MAX_ATTEMPTS):
        assert store.traces.pending(team_id, limit=9) == ["a"]
        summarization.summarize(team_id, ["a"])
    assert store.traces.pending(team_id, limit=9) == []
    store.events.insert(team_id, [generation("a", 1)])
    assert store.traces.pending(team_id, limit=9) == ["a"]


def test_a_trace_that_cannot_be_understood_holds_up_no_other(store: Store, team_id: int) -> None:
    broken = replace(generation("b"), properties="[no object")
    store.events.insert(team_id, [generation("a"), broken, generation("c")])
    done = Summarization(store, FakeEmbedder()).summarize(team_id, ["a", "b", "c"])
    assert done.summarized + done.failed == 3
    assert store.traces.get(team_id, ["c"])["c"].status == "summarized"


def test_what_is_done_is_kept_when_the_rest_is_broken_off(store: Store, team_id: int) -> None:
    store.events.insert(team_id, [generation(name, asked=f"About {name}") for name in "abcdef"])
    model = FakeSummarizer(good)
    summarization = Summarization(store, FakeEmbedder(), model, at_once=2)
    left = iter([None, None])

    def break_off() -> None:
        if next(left, "over") == "over":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        summarization.summarize(team_id, list("abcdef"), on_progress=break_off)
    assert store.traces.count_pending(team_id) == 2
    done = summarization.summarize(team_id, list("abcdef"))
    assert (done.summarized, done.embedded) == (6, 4)
    assert len(model.texts) == 6


@pytest.mark.parametrize("at", ["summarizing", "embedding"])
def test_a_slow_worker_does_not_undo_what_a_quick_one_saw(
    store: Store, team_id: int, at: str
) -> None:
    """Another sees more of the trace, and is done with it, before this one writes."""
    store.events.insert(team_id, [generation("a", asked="Cancel my order")])
    quick = Summarization(store, FakeEmbedder())

    def overtake() -> None:
        if not store.traces.get(team_id, ["a"]):
            store.events.insert(team_id, [generation("a", 1, asked="And the invoice?")])
            quick.summarize(team_id, ["a"])

    def say(text: str) -> TraceSummary:
        if at == "summarizing":
            overtake()
        return good(text)

    model = FakeSummarizer(say)
    embedder = Overtaken(overtake) if at == "embedding" else FakeEmbedder()
    Summarization(store, embedder, model).summarize(team_id, ["a"])
    event = store.events.of_kind(team_id, EVENT_SUMMARY, ["a"])["a"]
    assert json.loads(event.properties)["$ai_event_count"] == 2
    assert store.traces.get(team_id, ["a"])["a"].seen_events == 2
    texts = store.embeddings.without_vector(team_id, "x", limit=9)
    assert "invoice" in next(d.content for d in texts if d.rendering == RENDERING_MINIMAL)
    assert store.traces.pending(team_id, limit=9) == []


def test_an_embedder_that_is_down_leaves_the_traces_pending(store: Store, team_id: int) -> None:
    store.events.insert(team_id, [generation("a", asked="refuse me"), generation("b")])
    with pytest.raises(EmbeddingError):
        Summarization(store, FakeEmbedder()).summarize(team_id, ["a", "b"])
    assert sorted(store.traces.pending(team_id, limit=9)) == ["a", "b"]


def test_another_model_never_mixes_and_backfill_fills(store: Store, team_id: int) -> None:
    store.events.insert(team_id, [generation("a"), generation("b", asked="Cancel my order")])
    old, new = FakeEmbedder(), FakeEmbedder()
    new.model_name = "newer-model"
    Summarization(store, old).summarize(team_id, ["a", "b"])
    summarization = Summarization(store, new)
    assert store.embeddings.count_without_vector(team_id, new.model_name) == 4
    assert [summarization.backfill(team_id, 3) for _ in range(3)] == [3, 1, 0]
    assert rows(store, team_id) == 8
    # And back again: the texts are the same, so nothing is to be done twice and nothing hangs.
    back = Summarization(store, old)
    assert [back.backfill(team_id, 100) for _ in range(2)] == [4, 0]


def test_texts_that_are_refused_do_not_hold_up_the_others(store: Store, team_id: int) -> None:
    asked = {"a": "a forbidden thing", "b": "About b", "c": "About c"}
    store.events.insert(team_id, [generation(n, asked=text) for n, text in asked.items()])
    Summarization(store, FakeEmbedder()).summarize(team_id, list(asked))
    picky = PickyEmbedder()
    picky.model_name = "picky-model"
    summarization = Summarization(store, picky)
    done = []
    while n := summarization.backfill(team_id, 2):
        done.append(n)
    assert done == [2, 2, 2]
    assert store.embeddings.count_without_vector(team_id, "picky-model") == 0


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({}, []),
        ({"a": 9}, [["a"]]),
        ({"a": 99, "b": 1, "c": 1}, [["a"], ["b", "c"]]),
        ({"a": 4, "b": 4, "c": 4, "d": 4}, [["a", "b"], ["c", "d"]]),
        (dict.fromkeys("abcdefg", 0), [["a", "b", "c"], ["d", "e", "f"], ["g"]]),
    ],
)
def test_slices_are_small(sizes: dict[str, int], expected: list[list[str]]) -> None:
    assert list(slices(sizes, at_once=3, max_size=10)) == expected


def test_the_summary_event_can_be_joined_by_trace(store: Store, team_id: int) -> None:
    store.events.insert(team_id, [generation("a", properties={"$ai_session_id": "s-1"})])
    Summarization(store, FakeEmbedder()).summarize(team_id, ["a"])
    found = store._database.select(
        """
        SELECT JSONExtractString(s.properties, '$ai_summary_title') AS title,
            JSONExtractInt(g.properties, '$ai_input_tokens') AS tokens
        FROM events AS g JOIN events AS s ON g.trace_id = s.trace_id
        WHERE g.team_id = {team_id:Int64} AND s.team_id = {team_id:Int64}
            AND g.event = '$ai_generation' AND s.event = '$ai_trace_summary'
        """,
        team_id=team_id,
    )
    assert [(bool(row["title"]), row["tokens"]) for row in found] == [(True, 12)]
    event = store.events.of_kind(team_id, EVENT_SUMMARY, ["a"])["a"]
    assert json.loads(event.properties)["$ai_session_id"] == "s-1"
