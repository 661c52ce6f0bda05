"""Addresses: whatever an id holds, a request to its address reaches the route with that id."""

from __future__ import annotations

from datetime import date
from inspect import isfunction, signature
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from trace_clustering.web import urls

_app = FastAPI()


@_app.get("/teams/{team_id}/traces/{trace_id:path}")
def _trace(team_id: int, trace_id: str, run: str = "") -> list[object]:
    return [team_id, trace_id, run]


_client = TestClient(_app)


# Ids with control characters are not taken; one of dots alone is a folder to every browser.
_ids = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1)


@given(_ids.filter(lambda one: one.strip(".")))
def test_a_trace_is_reached_whatever_its_id(trace_id: str) -> None:
    answer = _client.get(urls.trace(7, trace_id, "team_7_2026-11-20T12:00:00Z"))
    assert answer.json() == [7, trace_id, "team_7_2026-11-20T12:00:00Z"]


def test_every_address_stays_whole_in_a_page() -> None:
    ours = [one for one in vars(urls).values() if getattr(one, "__module__", "") == urls.__name__]
    builders = [one for one in ours if isfunction(one) and not one.__name__.startswith("_")]
    assert len(builders) > 20
    assert {signature(one).return_annotation for one in builders} == {"Address"}


def test_state_that_says_nothing_is_left_out() -> None:
    assert urls.group("r", 3, q="", model=None, error=False) == "/runs/r/groups/3"
    address = urls.group("r", 3, q="a&b=c", error=True, day=date(2026, 11, 20), page=2)
    assert parse_qs(urlsplit(address).query) == {
        "q": ["a&b=c"],
        "error": ["1"],
        "day": ["2026-11-20"],
        "page": ["2"],
    }
    assert urls.run("r", level=0) == "/runs/r?level=0"


@pytest.mark.parametrize(
    "address",
    [
        urls.run("team_1_2026/?#"),
        urls.compare("team_1_2026/?#", "x/?#"),
        urls.workflow(1, "a/b?c#d"),
        urls.sign_in("/teams/1?x=1#y"),
        urls.api_export("a/b?c#d", "csv", q="#?"),
    ],
)
def test_ids_do_not_break_out_of_their_place(address: str) -> None:
    parts = urlsplit(address)
    assert (parts.netloc, parts.fragment) == ("", "")
    assert parts.path.startswith("/")
    assert "?" not in parts.query
