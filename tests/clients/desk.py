"""The help desk watched by each client in turn, and what had arrived in the end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.clients.shop import VISITS, Visit, model_answer
from tests.clients.support import Service, python, read_back, service
from tests.support.fake_openai import FakeOpenAI

TEAMS = {"posthog": 101, "openinference": 102, "openai_v2": 103, "langfuse": 104}
# A few traces more, which are too few to be clustered.
WAYS = "posthog_ways"
WAYS_TEAM = 105


@dataclass(frozen=True)
class Arrivals:
    """What one client's 100 visits became.

    Attributes:
        ids: the id of each visit's trace, by the visit's number as text; or by the way it went.
        stored: of the client's team, by trace id; see ``stored.py``.
        summarized: how many traces were summarized, and with how many failures.
        clusters: the trace ids of each cluster.
    """

    ids: dict[str, str]
    stored: dict[str, Any]
    summarized: dict[str, int]
    clusters: list[list[str]]

    @property
    def visits(self) -> list[tuple[Visit, str]]:
        """Every visit with its trace's id."""
        return [(visit, self.ids[str(visit.number)]) for visit in VISITS]


def watched(folder: Path) -> dict[str, dict[str, Any]]:
    """Let every client watch the help desk, at the same time, and see what arrives.

    Returns the fields of ``Arrivals`` by the client's name.
    """
    with FakeOpenAI() as fake, service(folder) as running:
        fake.answer_with(model_answer)
        teams = {**TEAMS, WAYS: WAYS_TEAM}
        given = [_environment(*team, running, fake) for team in teams.items()]
        with ThreadPoolExecutor() as pool:
            ids = dict(zip(teams, pool.map(_attend, teams, given), strict=True))
            summarized = list(pool.map(running.summarize, TEAMS.values()))
            events = list(pool.map(running.cluster, TEAMS.values()))
    stored = read_back(folder)
    clusters = [[one["trace_ids"] for one in event["$ai_clusters"]] for event in events]
    arrivals = {
        name: asdict(Arrivals(ids[name], stored[team_id], summarized[at], clusters[at]))
        for at, (name, team_id) in enumerate(TEAMS.items())
    }
    return {**arrivals, WAYS: asdict(Arrivals(ids[WAYS], stored[WAYS_TEAM], {}, []))}


def _attend(name: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Run the help desk under one client; the ids of its traces by visit."""
    ids: dict[str, str] = json.loads(
        python("-m", f"tests.clients.apps.{name}_app", env=environment).splitlines()[-1]
    )
    return ids


def _environment(name: str, team_id: int, running: Service, fake: FakeOpenAI) -> dict[str, str]:
    """All that tells a client where to send, in the variables that its users set."""
    key = running.new_key(team_id, name)
    model = {"OPENAI_BASE_URL": fake.url, "OPENAI_API_KEY": "sk-of-the-fake"}
    if name in ("posthog", WAYS):
        return {**model, "POSTHOG_HOST": running.url, "POSTHOG_KEY": key}
    if name == "langfuse":
        own = {"LANGFUSE_PUBLIC_KEY": "pk-of-anybody", "LANGFUSE_SECRET_KEY": key}
        return {**model, **own, "LANGFUSE_BASE_URL": running.url}
    return {
        **model,
        "OTEL_EXPORTER_OTLP_ENDPOINT": running.url,
        "OTEL_EXPORTER_OTLP_HEADERS": f"Authorization=Bearer%20{key}",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        # A trace's spans come in several requests.
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "50",
        "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental",
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY",
    }
