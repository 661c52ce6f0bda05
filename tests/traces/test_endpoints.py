"""Where to ask a model over HTTP, and when to ask again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.patience import Waits
from trace_clustering.traces import endpoints
from trace_clustering.traces.endpoints import Patience

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://host", "https://host/v1"),
        ("https://host/", "https://host/v1"),
        ("http://127.0.0.1:11434", "http://127.0.0.1:11434/v1"),
        ("https://host/v1", "https://host/v1"),
        ("https://host/v1/", "https://host/v1"),
        ("https://host/v1beta/openai/", "https://host/v1beta/openai"),
    ],
)
def test_a_url_may_end_in_v1_or_not(url: str, base: str) -> None:
    assert endpoints.api_base(url) == base


@pytest.mark.parametrize(
    ("url", "uses"),
    [
        ("http://127.0.0.1:1/v1", False),
        ("http://localhost/v1", False),
        ("http://[::1]:1/v1", False),
        ("https://api.example.org/v1", True),
    ],
)
def test_no_proxy_stands_before_this_machine(url: str, uses: bool) -> None:
    assert endpoints.uses_proxies(url) is uses


def test_a_message_is_one_short_line_without_the_key() -> None:
    assert endpoints.message("bad\nkey\t'k3y'\x1b[0m", "k3y") == "bad key '***' [0m"
    assert len(endpoints.message("x" * 1000)) == endpoints.MAX_MESSAGE_CHARS
    assert endpoints.message("as it is", "") == "as it is"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": format_datetime(NOW + timedelta(seconds=30), usegmt=True)}, 30),
        ({"retry-after": format_datetime(NOW - timedelta(seconds=30), usegmt=True)}, 0),
        ({"retry-after": "Fri Nov 20 12:00:05 2026"}, 5),
    ],
)
def test_what_an_answer_asks_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert endpoints.retry_after(headers, NOW) == seconds


@given(st.text())
def test_whatever_it_asks_is_no_error(value: str) -> None:
    asked = endpoints.retry_after({"retry-after": value, "retry-after-ms": value}, NOW)
    assert asked is None or asked >= 0


def test_pauses_double_up_to_the_longest() -> None:
    patience = Patience(first_seconds=1, longest_seconds=5, draw=lambda: 1.0)
    assert [patience.pause(tries) for tries in (1, 2, 3, 4, 5000)] == [1, 2, 4, 5, 5]
    eager = Patience(first_seconds=1, longest_seconds=5, draw=lambda: 0.0)
    assert [eager.pause(tries) for tries in (1, 2, 3)] == [0.5, 1, 2]


@given(st.floats(0, 1e6), st.floats(0, 1))
def test_it_never_comes_back_before_it_was_asked_to(asked: float, drawn: float) -> None:
    assert Patience(draw=lambda: drawn).pause(1, asked) >= asked


def test_tries_and_time_are_bounded() -> None:
    waits = Waits()
    assert waits.patience(tries=2).wait(1, 0.0)
    assert not waits.patience(tries=2).wait(2, 0.0)
    waits = Waits()
    assert waits.patience(budget_seconds=10).wait(1, 0.0, asked=9)
    assert not waits.patience(budget_seconds=10).wait(2, 0.0, asked=9)
    # What would be too long is not waited for at all.
    assert not Waits().patience(budget_seconds=10).wait(1, 0.0, asked=3600)
    assert waits.seconds == [9]


def test_the_clock_runs_and_it_really_waits() -> None:
    patience = Patience(first_seconds=0.001)
    assert patience.wait(1, patience.clock())
