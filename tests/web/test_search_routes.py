"""The API that finds traces of a team: by words, by meaning, and what lies near one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import add, names, text_of, vectors
from tests.fakes import FakeEmbedder
from tests.web.test_api import Api
from trace_clustering.settings import Settings
from trace_clustering.store import Store


@pytest.fixture
def api(store: Store, tmp_path: Path) -> Api:
    return Api(store, Settings(data_dir=tmp_path))


def path_of(team_id: int) -> str:
    return f"/api/v1/teams/{team_id}/search"


def ids(found: dict[str, Any]) -> list[str]:
    return [one["trace_id"] for one in found["traces"]]


def add_embedded(store: Store, team_id: int, traces: list[str]) -> None:
    """Traces with the vectors that the service's own embedder makes of their texts."""
    rows = FakeEmbedder().embed([text_of(one) for one in traces])
    add(store, team_id, traces, rows, model=FakeEmbedder.model_name)


def test_by_words(api: Api, team_id: int) -> None:
    add(api.store, team_id, names(60))
    found = api.get(path_of(team_id), params={"q": "TEXT trace"})
    assert (found["total"], len(found["traces"])) == (60, 50)
    assert found["traces"][0]["snippet"] == text_of("trace-0000")
    second = api.get(path_of(team_id), params={"q": "text trace", "page": 2, "by": ""})
    assert ids(found) + ids(second) == names(60)


def test_by_meaning(api: Api, team_id: int) -> None:
    add_embedded(api.store, team_id, names(60))
    asked = {"q": text_of("trace-0007"), "by": "meaning"}
    found = api.get(path_of(team_id), params=asked)
    assert found["total"] == 60
    assert ids(found)[0] == "trace-0007"
    assert found["traces"][0]["similarity"] == pytest.approx(1)
    second = api.get(path_of(team_id), params={**asked, "page": 2})
    assert sorted(ids(found) + ids(second)) == names(60)


def test_vectors_of_another_model_cannot_be_compared(api: Api, team_id: int) -> None:
    add(api.store, team_id, ["a"])
    error = api.error(422, "GET", path_of(team_id), params={"q": "a", "by": "meaning"})
    assert error["field"] == "by"
    assert error["message"] == (
        "by: this team's vectors are of the model test-model, the service embeds with "
        "fake-model: search by words"
    )


def test_vectors_of_another_length_cannot_be_compared(api: Api, team_id: int) -> None:
    add(api.store, team_id, ["a"], vectors(1, 3), model=FakeEmbedder.model_name)
    error = api.error(422, "GET", path_of(team_id), params={"q": "a", "by": "meaning"})
    assert error["message"] == (
        "by: this team's vectors have 3 numbers, those of fake-model have 8: search by words"
    )


def test_nothing_to_find(api: Api, team_id: int) -> None:
    nothing = {"total": 0, "traces": []}
    for by in ("words", "meaning"):
        assert api.get(path_of(team_id), params={"q": "a bag", "by": by}) == nothing
        assert api.get(path_of(team_id), params={"q": "  ", "by": by}) == nothing
        assert api.get(path_of(team_id), params={"by": by}) == nothing


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"q": "x" * 1001}, "q"),
        ({"by": "magic"}, "by"),
        ({"page": 0}, "page"),
        ({"q": "x", "by": "meaning", "page": 21}, "page"),
    ],
)
def test_bad_values_are_named(api: Api, team_id: int, query: dict[str, Any], field: str) -> None:
    assert api.error(422, "GET", path_of(team_id), params=query)["field"] == field


def test_an_embedder_that_is_out_of_order(api: Api, team_id: int) -> None:
    add_embedded(api.store, team_id, ["a"])
    error = api.error(502, "GET", path_of(team_id), params={"q": "refuse me", "by": "meaning"})
    assert error["message"] == "the model is out of order"


def test_neighbours(api: Api, team_id: int, other_team_id: int) -> None:
    add(api.store, team_id, ["a", "b/ñ", "c"], np.array([[1, 0], [1, 1], [1, 0.1]], np.float32))
    path = f"/api/v1/teams/{team_id}/neighbours"
    assert ids(api.get(path, params={"trace_id": "b/ñ"})) == ["c", "a"]
    assert ids(api.get(path, params={"trace_id": "a", "limit": 1})) == ["c"]
    assert api.get(path, params={"trace_id": "unknown"})["traces"] == []
    assert api.error(422, "GET", path, params={"trace_id": "a", "limit": 101})["field"] == "limit"
    assert api.error(422, "GET", path)["field"] == "trace_id"
    elsewhere = f"/api/v1/teams/{other_team_id}/neighbours"
    assert api.get(elsewhere, params={"trace_id": "a"})["traces"] == []


@pytest.fixture(scope="module")
def shared(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Api:
    """An application over a team's traces that nobody changes."""
    api = Api(store, Settings(data_dir=tmp_path_factory.mktemp("shared")))
    add_embedded(store, 903, names(3))
    return api


@settings(max_examples=25)
@given(text=st.text(max_size=50), by=st.sampled_from(["words", "meaning"]), page=st.integers(1, 3))
def test_any_query_of_strangers_has_an_answer(shared: Api, text: str, by: str, page: int) -> None:
    found = shared.get(path_of(903), params={"q": text, "by": by, "page": page})
    assert len(found["traces"]) <= found["total"] <= 3
