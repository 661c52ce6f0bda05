"""What a run tells beyond its clusters: made by activities of its own, and none fails the run."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from tests.support.fake_openai import Answer, Fail, FakeOpenAI, Hang, Raw, Request, Structured
from tests.temporal.support import Cluster, documents, history_events, load, mixture, payload_sizes
from tests.test_cluster_event import RUN
from trace_clustering.clustering import KScore
from trace_clustering.errors import StoreRefusedError
from trace_clustering.models import ClusteringInputs
from trace_clustering.models.findings import PARTS, GroupName
from trace_clustering.store import Store
from trace_clustering.temporal.part_activities import final_scores
from trace_clustering.traces.naming.model_names import LanguageModelNamer
from trace_clustering.traces.naming.portrait import GroupPortrait, Naming

pytestmark = pytest.mark.anyio

TOPICS = ("Where is my parcel, it is late", "Refund the fee of my card", "Reset my password please")
KEYS = {
    "$ai_levels",
    "$ai_outliers",
    "$ai_map",
    "$ai_quality",
    "$ai_facts",
    "$ai_names",
    "$ai_missing_parts",
}
# What differs between two runs of the same traces.
OF_ONE_RUN = ("$ai_clustering_run_id", "$ai_timestamp", "$ai_window_start", "$ai_window_end")


def load_topics(store: Store, team_id: int, n: int = 90) -> None:
    """Traces about three things, their vectors apart accordingly, two of them about no thing."""
    rng = np.random.default_rng(3)
    topics = np.arange(n) % 3
    centres = np.eye(3, 12) * 8
    vectors = (centres[topics] + rng.normal(size=(n, 12)) * 0.5).astype(np.float32)
    vectors[-2:] = [[-8.0] * 12, [8.0] * 6 + [-8.0] * 6]
    traces = [
        dataclasses.replace(document, content=f"{TOPICS[topic]}, number {chr(97 + i % 7)}")
        for i, (document, topic) in enumerate(zip(documents(n), topics, strict=True))
    ]
    store.embeddings.insert(team_id, traces, vectors, "test-model")


async def test_a_run_tells_all_its_parts(cluster: Cluster, team_id: int) -> None:
    load_topics(cluster.store, team_id)
    output = await cluster.run(ClusteringInputs(team_id, seed=1))
    event = cluster.event(team_id, output["clustering_run_id"])
    assert set(event) >= KEYS
    assert event["$ai_missing_parts"] == {}
    clusters = event["$ai_clusters"]
    for one in clusters:
        assert 3 <= len(one["title"].split()) <= 8
        assert set(one["representatives"]) <= set(one["trace_ids"])
        assert one["facts"]["traces"] == one["size"]
        assert 0 <= one["stability"] <= 1
    assert len({one["title"] for one in clusters}) == len(clusters)
    placed = event["$ai_map"]
    assert [len(points) for points in placed["points"]] == [one["size"] for one in clusters]
    assert len(placed["centroids"]) == len(clusters)
    assert len(event["$ai_outliers"]["traces"]) >= 2
    assert event["$ai_facts"]["traces"] == 90
    assert event["$ai_quality"]["verdict"] == output["verdict"] == "good"
    record = cluster.store.runs.get(team_id, output["clustering_run_id"])
    assert record is not None
    assert record.verdict == "good"


def test_a_run_is_judged_by_the_scores_of_the_clusters_that_it_ended_with() -> None:
    done = dataclasses.replace(RUN.done, silhouette_score=0.5, inertia=1200.0)
    assert final_scores(RUN.optimal, done) == {3: KScore(3, 0.5, 1200.0), 4: KScore(4, 0.4, 1000.0)}


async def test_leaves_nest_in_the_clusters(cluster: Cluster, team_id: int) -> None:
    load(cluster.store, team_id, mixture(300, groups=12))
    output = await cluster.run(ClusteringInputs(team_id, seed=1))
    event = cluster.event(team_id, output["clustering_run_id"])
    levels = event["$ai_levels"]
    groups = {group["group_id"]: group for group in levels["groups"]}
    assert levels["sizes"][0] == len(event["$ai_clusters"])
    assert len(levels["sizes"]) > 1
    for cluster_id, leaf_ids in enumerate(levels["leaf_ids"]):
        for leaf in set(leaf_ids):
            top = groups[leaf]
            while top["parent"] is not None:
                top = groups[top["parent"]]
            assert top["group_id"] == cluster_id
    below = [group for group in groups.values() if group["parent"] is not None]
    assert all(group["title"] and group["facts"]["traces"] == group["size"] for group in below)


async def test_same_data_and_seed_tell_the_same(cluster: Cluster, team_id: int) -> None:
    load_topics(cluster.store, team_id)
    told = []
    for _ in range(2):
        output = await cluster.run(ClusteringInputs(team_id, seed=5))
        event = cluster.event(team_id, output["clustering_run_id"])
        told.append(json.dumps({name: event[name] for name in event if name not in OF_ONE_RUN}))
    assert told[0] == told[1]


@dataclasses.dataclass
class FailingFindings:
    """Hands everything on to the real findings, but refuses some calls."""

    real: Any
    refused: set[str]

    def __getattr__(self, name: str) -> Any:
        if name in self.refused:
            return self._refuse
        return getattr(self.real, name)

    def _refuse(self, *_: object) -> None:
        raise StoreRefusedError("ClickHouse: no such table")


def failing(store: Store, *refused: str) -> Any:
    """The store, but for some calls of its findings."""

    class Failing:
        findings = FailingFindings(store.findings, set(refused))

        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

    return Failing()


MISSING: list[tuple[str, set[str], set[str]]] = [
    ("write_map", {"map"}, {"$ai_map"}),
    ("write_leaves", {"levels"}, {"$ai_levels"}),
    ("write_outliers", {"outliers"}, {"$ai_outliers"}),
    ("texts", {"names"}, {"$ai_names"}),
    ("facts", {"facts"}, {"$ai_facts"}),
    ("write", set(PARTS), KEYS - {"$ai_missing_parts"}),
]


@pytest.mark.parametrize(("refused", "parts", "keys"), MISSING, ids=[m[0] for m in MISSING])
async def test_a_part_that_cannot_be_made_is_absent_and_the_run_completes(
    cluster: Cluster, team_id: int, refused: str, parts: set[str], keys: set[str]
) -> None:
    load_topics(cluster.store, team_id)
    async with cluster.worker(store=failing(cluster.store, refused)):
        output = await (await cluster.start(ClusteringInputs(team_id, seed=1))).result()
    assert output["status"] == "completed"
    event = cluster.event(team_id, output["clustering_run_id"])
    assert set(event["$ai_missing_parts"]) == parts
    assert set(event["$ai_missing_parts"].values()) == {"ClickHouse: no such table"}
    assert not keys & set(event)
    assert KEYS - keys <= set(event)
    assert len(event["$ai_clusters"]) == output["optimal_k"]


async def test_traces_without_texts_have_no_names_and_all_else(
    cluster: Cluster, team_id: int
) -> None:
    documents_without = [dataclasses.replace(one, content="") for one in documents(40)]
    cluster.store.embeddings.insert(team_id, documents_without, mixture(40), "test-model")
    output = await cluster.run(ClusteringInputs(team_id, seed=1))
    event = cluster.event(team_id, output["clustering_run_id"])
    assert list(event["$ai_missing_parts"]) == ["names"]
    assert "text" in event["$ai_missing_parts"]["names"]


class Christener:
    """A namer that knows a name for every top cluster."""

    model_name = "christener"

    def name(
        self, groups: Sequence[GroupPortrait], *, on_progress: Callable[[], None] = lambda: None
    ) -> Naming:
        on_progress()
        names = {
            group.group_id: GroupName(
                f"The group number {group.group_id}", "It is so.", (), "model"
            )
            for group in groups
            if group.parent is None
        }
        return Naming(names, "the others were too many", input_tokens=7)


async def test_a_language_models_names_come_first(cluster: Cluster, team_id: int) -> None:
    load_topics(cluster.store, team_id)
    async with cluster.worker(namer=Christener()):
        output = await (await cluster.start(ClusteringInputs(team_id, seed=1))).result()
    event = cluster.event(team_id, output["clustering_run_id"])
    titles = [one["title"] for one in event["$ai_clusters"]]
    assert titles == [f"The group number {i}" for i in range(len(titles))]
    assert event["$ai_names"]["model"] == "christener"
    assert event["$ai_names"]["named_by_model"] == len(titles)


def obeying(request: Request) -> Answer:
    """What a model answers that does what a trace tells it to."""
    names = [
        {"id": number, "title": "PWNED by a trace", "description": "PWNED."} for number in range(40)
    ]
    return Structured({"groups": names})


def repeating(request: Request) -> Answer:
    """What a model answers to which all groups are the same."""
    names = [
        {"id": number, "title": "Requests of many users", "description": "Requests."}
        for number in range(40)
    ]
    return Structured({"groups": names})


MODELS: list[tuple[Answer | Callable[[Request], Answer], str]] = [
    (Hang(), "does not answer within"),
    (Raw(b"<html>"), "answer"),
    (Fail(401), "401"),
    (obeying, "did not rest on"),
    (repeating, "did not rest on|title"),
]


@pytest.mark.parametrize(
    ("script", "reason"), MODELS, ids=["hangs", "nonsense", "401", "obeys", "repeats"]
)
async def test_a_run_ends_well_whatever_a_language_model_does(
    cluster: Cluster,
    team_id: int,
    script: Answer | Callable[[Request], Answer],
    reason: str,
) -> None:
    load_topics(cluster.store, team_id)
    hangs = isinstance(script, Hang)
    with FakeOpenAI() as fake:
        fake.answer_with(script if callable(script) else lambda _: script)
        namer = LanguageModelNamer(fake.url, "model", None, timeout_seconds=1.5 if hangs else 30)
        async with cluster.worker(namer=namer):
            output = await (await cluster.start(ClusteringInputs(team_id, seed=1))).result()
        # So short a time may be over before a slow machine has asked.
        assert fake.requests or hangs
    event = cluster.event(team_id, output["clustering_run_id"])
    assert event["$ai_missing_parts"] == {}
    assert event["$ai_names"]["source"] == "keywords"
    assert re.search(reason, event["$ai_names"]["reason"])
    assert "PWNED" not in json.dumps([one["title"] for one in event["$ai_clusters"]])


async def test_a_run_ends_well_whose_names_would_cost_more_than_they_may(
    cluster: Cluster, team_id: int
) -> None:
    load_topics(cluster.store, team_id)
    with FakeOpenAI() as fake:
        namer = LanguageModelNamer(fake.url, "model", None, timeout_seconds=30, budget_tokens=50)
        async with cluster.worker(namer=namer):
            output = await (await cluster.start(ClusteringInputs(team_id, seed=1))).result()
        assert fake.requests == []
    event = cluster.event(team_id, output["clustering_run_id"])
    assert event["$ai_missing_parts"] == {}
    assert "naming_budget_tokens" in event["$ai_names"]["reason"]
    assert all(one["title"] for one in event["$ai_clusters"])


async def test_what_travels_does_not_grow_with_the_traces(cluster: Cluster, team_id: int) -> None:
    sizes = []
    for n in (60, 240):
        load(cluster.store, team_id, mixture(n, groups=3), prefix=f"of-{n}")
        async with cluster.worker():
            handle = await cluster.start(ClusteringInputs(team_id, seed=1, max_k=4))
            await handle.result()
        sizes.append(sum(payload_sizes(await history_events(handle))))
    assert abs(sizes[1] - sizes[0]) < 500
