"""``docs/sending-traces.md``: every snippet does what it says, as it stands there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.clients.support import ROOT, Service, clean_environment, made_once, read_back, service
from tests.support.fake_openai import FakeOpenAI

DOCUMENT = ROOT / "docs" / "sending-traces.md"
QUESTION = "Where is my parcel?"
MODEL = "gpt-4o-mini"
# Sections whose snippets call no tool.
WITHOUT_TOOLS = ("OpenInference", "OpenTelemetry's own instrumentation", "Files and the shell")


def sections() -> dict[str, list[tuple[str, str]]]:
    """Of every section with snippets its title, and their languages and contents."""
    text = DOCUMENT.read_text(encoding="utf-8")
    titles = re.split(r"^## (.+)$", text, flags=re.MULTILINE)[1:]
    found = dict(zip(titles[::2], map(snippets, titles[1::2]), strict=True))
    return {title: given for title, given in found.items() if given}


def snippets(section: str) -> list[tuple[str, str]]:
    return re.findall(r"^```(bash|python)\n(.*?)^```$", section, flags=re.MULTILINE | re.DOTALL)


SECTIONS = sections()


def script(given: list[tuple[str, str]], folder: Path) -> str:
    """One shell script of a section's snippets, in their order."""

    def lines() -> Iterator[str]:
        yield "set -eu\n"
        for number, (language, content) in enumerate(given):
            if language == "python":
                (folder / f"{number}.py").write_text(content, encoding="utf-8")
                yield f"'{sys.executable}' -W error {number}.py\n"
            else:
                yield content

    return "".join(lines())


def run(title: str, folder: Path, environment: dict[str, str]) -> None:
    folder.mkdir()
    done = subprocess.run(
        ["bash", "-c", script(SECTIONS[title], folder)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, (title, done.stdout, done.stderr)


def environment(running: Service, fake: FakeOpenAI, team_id: int) -> dict[str, str]:
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {
        **clean_environment(),
        "PATH": programs,
        "OPENAI_BASE_URL": fake.url,
        "OPENAI_API_KEY": "sk-of-the-fake",
        "TRACES_URL": running.url,
        "TRACES_KEY": running.new_key(team_id),
        "TRACE_CLUSTERING_DATA_DIR": running.env["TRACE_CLUSTERING_DATA_DIR"],
    }


def follow(folder: Path) -> dict[str, Any]:
    """Do what the document says, each section for a team of its own; what is stored of it."""
    teams = {title: team_id for team_id, title in enumerate(reversed(SECTIONS), start=1)}
    with FakeOpenAI() as fake, service(folder) as running, ThreadPoolExecutor(2) as pool:
        given = {title: environment(running, fake, team_id) for title, team_id in teams.items()}
        list(pool.map(lambda t: run(t, folder / str(teams[t]), given[t]), teams))
        for team_id in teams.values():
            running.summarize(team_id)
    stored = read_back(folder)
    return {title: stored[team_id] for title, team_id in teams.items()}


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    made: dict[str, Any] = made_once("followed", tmp_path_factory.getbasetemp(), follow)
    return made


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine")
@pytest.mark.parametrize("title", SECTIONS)
def test_every_snippet_sends_what_it_says(followed: dict[str, Any], title: str) -> None:
    found = followed[title]
    assert len(found["events"]) == (3 if title == "Files and the shell" else 1)
    for trace_id, facts in found["facts"].items():
        assert QUESTION in found["texts"][trace_id]
        assert found["wanted"][trace_id] == QUESTION
        assert (facts["models"], facts["user_id"]) == ([MODEL], "user-7")
        assert facts["tools"] == ([] if title in WITHOUT_TOOLS else ["track_parcel"])


def test_the_sections_are_those_of_the_clients() -> None:
    assert list(SECTIONS) == [
        "PostHog",
        "OpenInference",
        "OpenTelemetry's own instrumentation",
        "Any OpenTelemetry exporter",
        "Langfuse",
        "Files and the shell",
    ]
