"""Summaries, vectors and keys, asked for on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.fake_service import FakeService
from tests.cli.support import Run, write
from trace_clustering.cli.summaries import LARGEST_LIMIT, Summaries, next_limit

PATH = "/api/v1/teams/3/summaries"
HOSTILE = "[bold]x[/bold] [/nope] \x1b[31mred"


# -- after an ingest --------------------------------------------------------------------------


def lines(count: int) -> list[str]:
    return [json.dumps({"trace_id": str(number)}) + "\n" for number in range(count)]


def test_what_was_stored_is_summarized(ask: Run, service: FakeService, tmp_path: Path) -> None:
    service.fallbacks = ["timeout", "refusal", "timeout"]
    path = write(tmp_path, *lines(100))
    done = ask("ingest", path, "--team-id", 3, "--json").json
    assert done["summaries"] == {
        "summarized": 100,
        "embedded": 200,
        "failed": 0,
        "fallbacks": {"timeout": 2, "refusal": 1},
    }
    assert (done["received"], done["stored"]) == (100, 100)
    limits = [int(query["limit"]) for query, _ in service.asked(PATH)]
    assert limits == [4, 8, 16, 32, 64]
    assert service.needs == "store"


def test_people_read_it_in_two_sentences(ask: Run, service: FakeService, tmp_path: Path) -> None:
    service.failing = {3: 1}
    service.fallbacks = ["timeout"]
    done = ask("ingest", write(tmp_path, *lines(2)), "--team", 3)
    assert done.code == 1
    assert done.out == (
        "2 lines read, 2 events stored for team 3.\n"
        "1 trace summarized, 2 texts embedded, 1 trace failed, "
        "1 without the language model (timeout: 1).\n"
    )
    again = ask("ingest", write(tmp_path, *lines(2)), "--team", 3)
    assert (again.code, again.out) == (
        0,
        "2 lines read, 0 events stored for team 3, 2 were stored already.\nNothing to summarize.\n",
    )


def test_summaries_may_be_left_to_the_schedule(
    ask: Run, service: FakeService, tmp_path: Path
) -> None:
    path = write(tmp_path, *lines(2))
    assert ask("ingest", path, "--team-id", 3, "--no-summarize", "--json").json["summaries"] is None
    done = ask("ingest", path, "--team-id", 3, "--no-summarize")
    assert done.out == "2 lines read, 0 events stored for team 3, 2 were stored already.\n"
    assert not service.asked(PATH)


def test_it_does_not_ask_for_ever(ask: Run, service: FakeService, tmp_path: Path) -> None:
    service.stuck = True
    path = write(tmp_path, *lines(2))
    done = ask("ingest", path, "--team-id", 3)
    assert done.code == 4
    assert "Go on with: trace-clustering summarize --team-id 3 --now" in done.err
    assert "Error: summarizing gets no further: 2 remain; the service's log says why" in done.err
    assert len(service.asked(PATH)) == 1
    # The lines need not be sent again.
    service.stuck = False
    again = ask("ingest", path, "--team-id", 3)
    assert f"{path}: sent already, by an ingest that was interrupted" in again.err
    assert again.out.startswith("2 lines read, 2 events stored for team 3.\n2 traces summarized")
    assert len(service.asked("/api/v1/teams/3/traces")) == 1


def test_a_restart_sends_all_again(ask: Run, service: FakeService, tmp_path: Path) -> None:
    service.stuck = True
    path = write(tmp_path, *lines(2))
    assert ask("ingest", path, "--team-id", 3).code == 4
    service.stuck = False
    again = ask("ingest", path, "--team-id", 3, "--restart")
    assert "sent already" not in again.err
    assert "2 were stored already" in again.out


def test_other_files_of_a_folder_are_named(ask: Run, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    write(folder, *lines(2), name="a.jsonl")
    for number in range(25):
        write(folder, "x", name=f"[b]{number:02}.txt")
    done = ask("ingest", folder, "--team-id", 3)
    assert done.out.startswith("2 lines read")
    assert f"Passed over: {folder}/[b]19.txt\nPassed over: 5 more\n" in done.err


def test_an_unwritable_folder_is_told(ask: Run, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    write(tmp_path / "data", "in the way", name="ingest")
    done = ask("ingest", write(tmp_path, *lines(2)), "--team-id", 3)
    assert done.code == 0
    assert "After an interruption it would have begun anew: " in done.err


@pytest.mark.parametrize(
    ("limit", "seconds", "expected"),
    [(16, 0.1, 32), (16, 5.0, 16), (16, 60.0, 8), (1, 60.0, 1), (400, 0.1, LARGEST_LIMIT)],
)
def test_an_answer_should_take_a_few_seconds(limit: int, seconds: float, expected: int) -> None:
    assert next_limit(limit, seconds) == expected


def answers(*rows: tuple[int, int, int]) -> Callable[[], dict[str, Any]]:
    """What is answered, one after the other: summarized, failed, remaining."""
    left = iter(rows)

    def answer() -> dict[str, Any]:
        summarized, failed, remaining = next(left)
        counts = {"summarized": summarized, "failed": failed, "remaining": remaining}
        return {**counts, "embedded": 2 * summarized, "fallbacks": {}}

    return answer


@pytest.mark.parametrize(
    ("rows", "failed"),
    [
        ([(13, 3, 37), (29, 3, 8), (5, 3, 3), (0, 3, 3)], 3),
        ([(13, 3, 34), (34, 0, 0)], 3),
        ([(0, 3, 3)], 3),
        ([(0, 0, 0)], 0),
    ],
    ids=["wait on", "given up", "only these", "nothing"],
)
def test_what_fails_does_not_hold_up_the_rest(
    ask: Run, service: FakeService, rows: list[tuple[int, int, int]], failed: int
) -> None:
    service.on_summaries = answers(*rows)
    done = ask("ingest", "/dev/null", "--team-id", 3, "--json")
    summaries = json.loads(done.out)["summaries"]
    assert summaries["summarized"] == sum(row[0] for row in rows)
    assert summaries["failed"] == failed
    assert done.code == (1 if failed else 0)
    assert len(service.asked(PATH)) == len(rows)


# -- summarize --------------------------------------------------------------------------------

RESULT = {
    "team_id": 3,
    "summarized": 12,
    "embedded": 24,
    "failed": 0,
    "fallbacks": {},
    "failures": [],
    "duration_seconds": 0.4,
}
OF_ALL = {
    "teams": 2,
    "summarized": 12,
    "embedded": 24,
    "failed": 1,
    "fallbacks": {"timeout": 2},
    "failed_teams": [{"team_id": 5, "reason": HOSTILE}],
    "duration_seconds": 0.4,
}


@pytest.mark.parametrize(
    ("options", "path", "body"),
    [
        (["--team-id", 3], "/api/v1/teams/3/summarization", {"now": False}),
        (["--team", 3, "--now"], "/api/v1/teams/3/summarization", {"now": True}),
        (["--all"], "/api/v1/summarization", {"now": False}),
    ],
)
def test_a_workflow_is_started_and_watched(
    ask: Run, service: FakeService, options: list[object], path: str, body: dict[str, bool]
) -> None:
    service.workflow = {"status": "completed", "result": RESULT}
    done = ask("summarize", *options)
    assert (done.code, done.out) == (0, "12 traces summarized, 24 texts embedded.\n")
    assert service.asked(path) == [({}, body)]
    assert service.needs == "worker"
    assert ask("summarize", *options, "--json").json == RESULT


def test_of_all_teams(ask: Run, service: FakeService) -> None:
    service.workflow = {"status": "completed", "result": OF_ALL}
    done = ask("summarize", "--all")
    assert done.out == (
        "2 teams: 12 traces summarized, 24 texts embedded, 1 trace failed, "
        "2 without the language model (timeout: 2).\n"
        "Team 5 failed: [bold]x[/bold] [/nope] [31mred\n"
    )
    assert done.code == 1
    done = ask("summarize", "--all", "--json")
    assert (done.code, json.loads(done.out)) == (1, OF_ALL)


def test_what_is_not_quiet_is_left(ask: Run, service: FakeService) -> None:
    nothing = RESULT | {"summarized": 0, "embedded": 0}
    service.workflow = {"status": "completed", "result": nothing}
    assert ask("summarize", "--team-id", 3, "--now").out == "Nothing to summarize.\n"
    assert "--now takes the rest" in ask("summarize", "--team-id", 3).out
    failed = nothing | {"failed": 1}
    service.workflow = {"status": "completed", "result": failed}
    assert "1 trace failed" in ask("summarize", "--team-id", 3).out


def test_why_traces_failed(ask: Run, service: FakeService) -> None:
    service.workflow = {
        "status": "completed",
        "result": RESULT | {"failed": 2, "failures": [HOSTILE]},
    }
    done = ask("summarize", "--team-id", 3)
    assert done.code == 1
    assert done.out.endswith("2 traces failed.\n[bold]x[/bold] [/nope] [31mred\n")


def test_without_waiting(ask: Run, service: FakeService) -> None:
    done = ask("summarize", "--team-id", 3, "--no-wait")
    assert (done.code, done.out) == (0, "Started summarization\n")
    assert service.needs == "lasting"


@pytest.mark.parametrize("failure", [HOSTILE, None])
def test_a_workflow_that_failed(ask: Run, service: FakeService, failure: str | None) -> None:
    service.workflow = {"status": "failed", "failure": failure, "result": None}
    done = ask("summarize", "--team-id", 3)
    told = "[bold]x[/bold] [/nope] [31mred" if failure else "no reason was given"
    assert (done.code, done.out) == (1, f"The summarization failed: {told}\n")


@pytest.mark.parametrize("command", ["summarize", "embed --backfill"])
@pytest.mark.parametrize("options", ["", "--team-id 3 --all"])
def test_one_team_or_all(ask: Run, command: str, options: str) -> None:
    done = ask(*command.split(), *options.split())
    done.assert_refused(2, "--team-id: name a team, or give --all for every one")


# -- embed ------------------------------------------------------------------------------------


def test_missing_vectors_of_a_team(ask: Run, service: FakeService) -> None:
    service.pending = {3: 40, 4: 7}
    done = ask("embed", "--backfill", "--team-id", 3)
    assert (done.code, done.out) == (0, "40 texts of 1 team embedded.\n")
    assert service.pending == {3: 0, 4: 7}
    assert service.needs == "store"


def test_missing_vectors_of_every_team(ask: Run, service: FakeService) -> None:
    service.pending = {3: 40, 4: 7}
    done = ask("embed", "--backfill", "--all", "--json").json
    rows = [{"team_id": 3, "embedded": 40}, {"team_id": 4, "embedded": 7}]
    assert done == {"embedded": 47, "teams": rows}


def test_a_backfill_that_gets_no_further(ask: Run, service: FakeService) -> None:
    service.pending, service.stuck = {3: 40}, True
    done = ask("embed", "--backfill", "--team-id", 3)
    assert done.code == 4
    assert "embedding team 3 gets no further: 40 remain" in done.err


def test_embed_says_what_it_is_for(ask: Run) -> None:
    ask("embed", "--team-id", 3).assert_refused(2, "--backfill: needed; it embeds stored texts")


# -- keys -------------------------------------------------------------------------------------


def test_a_key_is_shown_once(ask: Run, service: FakeService) -> None:
    done = ask("keys", "create", "--team-id", 3, "--name", "the app")
    assert done.out == "tck_secret-wxyz\n"
    assert done.err.startswith("Key key0 of team 3. Shown this once")
    assert service.asked("/api/v1/keys") == [({}, {"team_id": 3, "name": "the app"})]
    made: Any = ask("keys", "create", "--team-id", 3, "--json").json
    assert (made["key"], made["key_id"], made["name"]) == ("tck_secret-wxyz", "key1", "")
    listed = ask("keys", "list")
    assert "secret" not in listed.out + listed.err


def test_keys_are_listed_and_revoked(ask: Run, service: FakeService) -> None:
    assert "trace-clustering keys create --team-id 1" in ask("keys", "list").out
    ask("keys", "create", "--team-id", 3, "--name", HOSTILE)
    listed = ask("keys", "list").out
    assert "[bold]x[/bold] [/nope] [31mred" in listed
    assert "\x1b" not in listed
    assert "2026-11-20 12:00" in listed
    done = ask("keys", "revoke", "key0")
    assert (done.code, done.out, done.err) == (0, "", "Key key0 of team 3 revoked.\n")
    assert ask("keys", "revoke", "key0", "--json").json["revoked_at"] is not None
    (record,) = ask("keys", "list", "--json").json
    assert (record["key_id"], record["team_id"], record["name"]) == ("key0", 3, HOSTILE)
    ask("keys", "revoke", "other/../key0").assert_refused(3, "there is no key other%2F..%2Fkey0")


def test_one_is_no_plural() -> None:
    assert Summaries(1, 1, 1, {"timeout": 1}).sentence == (
        "1 trace summarized, 1 text embedded, 1 trace failed, "
        "1 without the language model (timeout: 1)."
    )
