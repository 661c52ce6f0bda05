"""What browser tests share: the service with its traces, and what a page complained of."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
from playwright.sync_api import ConsoleMessage, Page, Request

from tests.processes.support import environment, running
from trace_clustering.traces.demo import DEMO_TEAMS, DemoTeam, demo_trace_lines

TEAM, SMALL_TEAM = DEMO_TEAMS[1], DEMO_TEAMS[3]


@dataclass(frozen=True)
class Served:
    """A running service.

    Attributes:
        earlier_run, run: two runs of ``team_id`` that share traces, in the order in which they ran.
        small_team_id: has too few traces to be clustered.
    """

    url: str
    team_id: int
    small_team_id: int
    earlier_run: str
    run: str

    def path(self, path: str) -> str:
        return self.url + path

    def json(self, path: str) -> Any:
        return httpx.get(self.url + path, timeout=60).raise_for_status().json()


@contextmanager
def serve_demo(folder: Path) -> Iterator[Served]:
    """``up`` on a fresh folder, with traces of two demo teams, one of them clustered twice."""
    env = environment(folder / "data", port=0, temporal_port=0, temporal_ui_port=0)
    with running(["up"], env, folder / "up.log") as process:
        url = process.wait_until_ready().rpartition(" at ")[2].strip().split()[0]
        with httpx.Client(base_url=url, timeout=60) as client:
            _load(client, SMALL_TEAM)
            _load(client, TEAM)
            runs = [_cluster(client, TEAM, days) for days in (12, 7)]
        yield Served(url, TEAM.team_id, SMALL_TEAM.team_id, *runs)


def _load(client: httpx.Client, team: DemoTeam) -> None:
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    lines = b"\n".join(orjson.dumps(trace) for trace in demo_trace_lines(team, end))
    base = f"/api/v1/teams/{team.team_id}"
    client.post(f"{base}/traces", content=lines).raise_for_status()
    while True:
        done = client.post(f"{base}/summaries", params={"limit": 500}).raise_for_status().json()
        assert not done["failed"]
        if not done["remaining"]:
            return


def _cluster(client: httpx.Client, team: DemoTeam, lookback_days: int) -> str:
    body = {"lookback_days": lookback_days, "seed": 1}
    started = client.post(f"/api/v1/teams/{team.team_id}/runs", json=body).raise_for_status().json()
    while True:
        state = client.get(f"/api/v1/workflows/{started['workflow_id']}").raise_for_status().json()
        if state["status"] != "running":
            assert state["status"] == "completed", state
            return str(state["result"]["clustering_run_id"])
        time.sleep(0.1)


@dataclass
class Noticed:
    """What a page should never do: break its policy, fail, or ask another host."""

    problems: list[str] = field(default_factory=list)

    @classmethod
    def on(cls, page: Page) -> Noticed:
        noticed = cls()
        page.on("console", noticed._said)
        page.on("pageerror", lambda error: noticed.problems.append(f"error: {error}"))
        page.on("request", noticed._asked)
        return noticed

    def check(self) -> None:
        assert self.problems == []

    def _said(self, message: ConsoleMessage) -> None:
        # A page that answers 404 or 422 on purpose is told in the console too.
        failed = message.type == "error" and "Failed to load resource" not in message.text
        if failed or "Content Security Policy" in message.text:
            self.problems.append(message.text)

    def _asked(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in ("http", "https") and address.hostname != "127.0.0.1":
            self.problems.append(f"asked {request.url}")


def wait_until(condition: Callable[[], object], what: str, seconds: float = 60) -> None:
    """Poll; Playwright's own waiting for an expression would break a strict policy."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.03)


def serious_findings(page: Page, *rules: str) -> list[str]:
    """What axe-core finds on a page that is serious or worse, by these rules or by all."""
    # A click that leads to a page only waits until that begins to come.
    page.wait_for_load_state()
    if not page.evaluate("'axe' in window"):
        # Evaluated by the browser's debugger, which no policy of the page's forbids.
        page.evaluate(_axe())
    options: dict[str, object] = {"resultTypes": ["violations"], "iframes": False}
    if rules:
        options["runOnly"] = {"type": "rule", "values": rules}
    # A long table's rows are alike.
    looked_at = {"include": ["html"], "exclude": ["tbody tr:nth-child(n + 6)"]}
    found = page.evaluate("([where, how]) => axe.run(where, how)", [looked_at, options])
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


def _axe() -> str:
    return resources.files("axe_playwright_python").joinpath("axe.min.js").read_text()


def fits(page: Page) -> bool:
    """Whether nothing sticks out at the side."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def assert_nothing_found(page: Page) -> None:
    """In both schemes and down to narrow screens; they are left as the last of these."""
    assert fits(page)
    assert serious_findings(page) == []
    page.emulate_media(color_scheme="dark")
    for width in (800, 400):
        page.set_viewport_size({"width": width, "height": 900})
        wait_until(lambda: fits(page), f"at {width} something sticks out at the side")
    # What depends on the scheme is contrast alone.
    assert serious_findings(page, "color-contrast") == []
