"""The PostHog SDK and its wrapper of ``openai``, unmodified, against the running service."""

from __future__ import annotations

from tests.clients.checks import ArrivalTests
from tests.clients.desk import WAYS, Arrivals


class TestPostHog(ArrivalTests):
    client = "posthog"


def test_every_way_of_sending_that_the_sdk_has(arrivals: dict[str, Arrivals]) -> None:
    found = arrivals[WAYS]
    assert found.stored["events"] == {one: ["$ai_generation"] for one in found.ids.values()}
    for way, trace_id in found.ids.items():
        assert found.stored["said"][trace_id] == [["user", way]]
