"""The form that starts a run: what it shows, takes, and says of what it cannot take."""

from __future__ import annotations

import html
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import add, document, names
from tests.web.test_api import Api
from trace_clustering.models import ClusteringInputs
from trace_clustering.settings_sources import load_settings
from trace_clustering.store import Store
from trace_clustering.web import urls
from trace_clustering.web.pages.forms import MAX_FORM_BYTES

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def shared(store: Store, data_dir: Path) -> Api:
    return Api(store, load_settings({"data_dir": data_dir, "max_samples": 777, "seed": 5}))


@pytest.fixture
def api(shared: Api) -> Api:
    shared.temporal.forget()
    return shared


def send(api: Api, team_id: int, **fields: str) -> httpx.Response:
    content = urlencode(fields).encode()
    return api.ask("POST", urls.start(team_id), content=content, headers=FORM)


def test_the_form_shows_the_settings(store: Store, api: Api, team_id: int) -> None:
    at = datetime.now(UTC) - timedelta(hours=1)
    add(store, team_id, [document(name, timestamp=at) for name in names(30)])
    page = api.ask("GET", urls.start(team_id)).text
    for name, value in (("lookback_days", "7"), ("max_samples", "777"), ("seed", "5")):
        assert f'id="{name}" name="{name}" type="number"' in page
        assert f'value="{value}"' in page
    assert "30 traces of the time below" in page
    assert "30 traces of the time" in api.ask("GET", urls.start(team_id, lookback_days=1)).text


def test_the_address_fills_it_in(api: Api, team_id: int) -> None:
    path = urls.start(
        team_id, lookback_days=3, window_start="2026-11-01T00:00:00Z", min_k=4, max_k=9
    )
    page = api.ask("GET", path).text
    for value in ("3", "2026-11-01T00:00:00", "4", "9"):
        assert f'value="{value}"' in page
    assert "<details open>" in page
    assert "a run needs 20" in page


def test_a_run_is_started(api: Api, team_id: int) -> None:
    fields = {"lookback_days": "3", "max_samples": "50", "min_k": "2", "max_k": "4", "seed": "9"}
    window = {"window_start": "2026-11-01T00:00", "window_end": "2026-11-02T01:30:15"}
    answer = send(api, team_id, **fields, **window)
    assert answer.status_code == 303
    workflow_id = f"trace-clustering-team-{team_id}-1"
    assert answer.headers["location"] == urls.workflow(team_id, workflow_id)
    assert api.temporal.runs == [
        ClusteringInputs(team_id, 3, 50, 2, 4, "2026-11-01T00:00:00Z", "2026-11-02T01:30:15Z", 9)
    ]
    assert api.ask("GET", answer.headers["location"]).status_code == 200


def test_what_is_left_empty_comes_from_the_settings(api: Api, team_id: int) -> None:
    send(api, team_id, lookback_days="", window_start=" ", unknown="x")
    send(api, team_id)
    assert api.temporal.runs == [ClusteringInputs(team_id, max_samples=777, seed=5)] * 2


WRONG = [
    ("lookback_days", "abc", "is not a whole number"),
    ("lookback_days", "0", "Must be at least 1"),
    ("max_samples", "1e9", "is not a whole number"),
    ("min_k", "7", "Must be at least min_k=7"),
    ("max_k", "101", "Must be at most 100"),
    ("seed", "-1", "Must be at least 0"),
    ("window_start", "tomorrow", "is not an RFC 3339 time"),
    ("window_start", "2090-01-01T00:00", "Must lie before"),
    ("window_end", "2026-13-01T00:00", "is no such time"),
    ("lookback_days", "<script>alert(1)</script>", "is not a whole number"),
]


@pytest.mark.parametrize(("name", "typed", "problem"), WRONG)
def test_what_cannot_be_taken_is_said_at_its_field(
    api: Api, team_id: int, name: str, typed: str, problem: str
) -> None:
    answer = send(api, team_id, **{name: typed, "max_samples": "50"} | {name: typed})
    assert answer.status_code == 422
    page = answer.text
    assert problem in page
    assert 'aria-invalid="true"' in page
    assert "Nothing was started" in page
    # What was typed is kept, there and elsewhere.
    assert f'value="{html.escape(typed)}"' in page
    assert "<script>alert" not in page
    assert api.temporal.runs == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    fields=st.dictionaries(
        st.sampled_from(["lookback_days", "window_start", "window_end", "min_k", "seed"]),
        st.text(max_size=30) | st.integers().map(str),
    )
)
def test_whatever_is_typed_is_answered(api: Api, fields: dict[str, str]) -> None:
    content = urlencode(fields, errors="surrogatepass").encode()
    answer = api.ask("POST", urls.start(77), content=content, headers=FORM)
    assert answer.status_code in (303, 422)


def test_a_form_may_be_too_large(api: Api, team_id: int) -> None:
    answer = send(api, team_id, seed="1" * MAX_FORM_BYTES)
    assert answer.status_code == 413
    assert api.temporal.runs == []


def test_no_run_is_started_without_temporal(store: Store, tmp_path: Path, team_id: int) -> None:
    api = Api(store, load_settings({"data_dir": tmp_path}), workflows=None)
    assert "no run can be started" in api.ask("GET", urls.start(team_id)).text
    assert send(api, team_id).status_code == 503
