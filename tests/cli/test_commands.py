"""Commands as people and scripts run them: output, errors in one line, exit codes."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.builders import STARTED, add, document, finish_run, names, run_record
from tests.cli.support import PROGRAM, Done, Run, environment, trace_line, write
from tests.support.run_event import run_event
from trace_clustering import __version__
from trace_clustering.cli import commands, shared
from trace_clustering.errors import ServiceError
from trace_clustering.store import Store

HOSTILE = "[bold]loud[/bold] [/nope] \x1b[31mred\x07"


def program(*arguments: object, **variables: str) -> Done:
    """Runs a command as people do, in a process of its own."""
    done = subprocess.run(
        [PROGRAM, *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
        env=environment(**variables),
    )
    return Done(done.returncode, done.stdout, done.stderr)


# -- reading ----------------------------------------------------------------------------------


def test_teams(run: Run, store: Store, team_id: int) -> None:
    finished = finish_run(store, team_id)
    (team,) = [one for one in run("teams", "--json").json if one["team_id"] == team_id]
    assert (team["traces"], team["last_run_id"]) == (12, finished.run_id)
    assert finished.run_id in run("teams").out


def test_runs(run: Run, store: Store, team_id: int) -> None:
    assert "has no runs yet" in run("runs", "--team-id", team_id).out
    assert run("runs", "--team-id", team_id, "--json").json == []
    store.runs.record(run_record(team_id, status="skipped", reason=HOSTILE))
    done = run("runs", "--team-id", team_id)
    assert "skipped: [bold]loud[/bold]" in done.out
    assert "\x1b" not in done.out
    (found,) = run("runs", "--team-id", team_id, "--json").json
    assert found["reason"] == HOSTILE


def test_show(run: Run, store: Store, team_id: int) -> None:
    finished = finish_run(store, team_id)
    shown = run("show", finished.run_id).out
    assert "12 traces from 2026-11-13 12:00 to 2026-11-20 12:00; k=3, silhouette 0.500" in shown
    assert "• text of trace-aaaa" in shown
    one = run("show", finished.run_id, "--cluster", 1, "--limit", 2)
    assert f"Cluster 1 of {finished.run_id}: 4 traces (33%)" in one.out
    assert "trace-0004" in one.out
    assert "trace-0007" not in one.out
    cluster = run("show", finished.run_id, "--cluster", 1, "--json").json
    assert [m["trace_id"] for m in cluster["members"]] == names(12)[1::3]


def test_show_what_was_asked_for(run: Run, store: Store, team_id: int) -> None:
    ids = ["trace-3-11", "x", "y"]
    finished = finish_run(store, team_id, ids=ids, event=run_event())
    shown = run("show", finished.run_id, "--tree", "--outliers", "--facts", "--limit", 1).out
    assert "Good: these clusters can be relied on" in shown
    parts = ("Tree: 4 → 6 → 8 groups", "Latency p50", "Outliers: 2 traces, 1.7%")
    places = [shown.index(part) for part in parts]
    assert places == sorted(places)
    assert "3.20  text of trace-d-bb" in shown
    assert "trace-1-35" not in shown
    assert "More from" not in shown
    refused = run("show", finished.run_id, "--tree", "--cluster", 1)
    refused.assert_refused(2, "--cluster: goes without --tree")
    later = STARTED + timedelta(hours=1)
    skipped = run_record(team_id, started=later, status="skipped", reason="too few")
    store.runs.record(skipped)
    assert "skipped: too few" in run("show", skipped.run_id, "--tree", "--outliers").out


def test_show_as_json_is_the_event_as_stored(run: Run, store: Store, team_id: int) -> None:
    finished = finish_run(store, team_id)
    stored = store.events.properties(team_id, finished.run_id)
    assert run("show", finished.run_id, "--json").out == f"{stored}\n"


def test_text_of_strangers_is_shown_as_text(run: Run, store: Store, team_id: int) -> None:
    finished = finish_run(store, team_id)
    hostile = document("trace-0000", metadata=json.dumps({"opening": HOSTILE, "model": HOSTILE}))
    add(store, team_id, [hostile])
    for options in ([], ["--cluster", 0]):
        out = run("show", finished.run_id, *options).out
        assert "[bold]loud[/bold] [/nope] [31mred" in " ".join(out.split())
        assert "\x1b" not in out
        assert "\x07" not in out
    cluster = run("show", finished.run_id, "--cluster", 0, "--json").json
    assert json.loads(cluster["members"][0]["metadata"])["opening"] == HOSTILE


def test_json_steers_no_terminal(run: Run, store: Store, team_id: int) -> None:
    finished = finish_run(store, team_id)
    hostile = "\x9b31m \u202e \u2066 \x1b[31m 你"
    add(store, team_id, [document("trace-0000", metadata=json.dumps({"opening": hostile}))])
    done = run("show", finished.run_id, "--cluster", 0, "--json")
    assert done.out.isascii()
    assert json.loads(done.json["members"][0]["metadata"])["opening"] == hostile


@pytest.mark.parametrize(
    ("status", "reason", "told"),
    [
        ("skipped", "too few traces", "has no clusters, its status is skipped: too few traces"),
        ("failed", "", "has no clusters, its status is failed\n"),
    ],
)
def test_a_run_without_clusters_says_why(
    run: Run, store: Store, team_id: int, status: Any, reason: str, told: str
) -> None:
    record = run_record(team_id, status=status, reason=reason)
    store.runs.record(record)
    run("show", record.run_id, "--cluster", 0).assert_refused(3, told)


# -- widths -----------------------------------------------------------------------------------


def test_columns_say_how_wide_a_pipe_is(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / ("long name" * 20)
    for columns, width in (("70", 70), ("", 120), ("0", 120), ("many", 120)):
        monkeypatch.setenv("COLUMNS", columns)
        assert max(map(len, run("config", folder=folder).out.splitlines())) == width


# -- config -----------------------------------------------------------------------------------


def test_config(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACE_CLUSTERING_CLICKHOUSE_URL", "https://ada:s3cret@host:8443/data")
    monkeypatch.setenv("TRACE_CLUSTERING_TOKEN", "s3cret")
    (tmp_path / "config.toml").write_text("max_samples = 50\n", encoding="utf-8")
    done = run("config", "--json", folder=tmp_path)
    rows = {row["name"]: row for row in done.json}
    assert rows["data_dir"]["value"] == str(tmp_path)
    assert rows["data_dir"]["source"] == "command line"
    assert rows["max_samples"]["source"] == "config.toml"
    assert rows["token"]["source"] == "TRACE_CLUSTERING_TOKEN"
    table = run("config", folder=tmp_path)
    assert "ada:********@" in table.out
    assert "s3cret" not in done.out + table.out


def test_the_folder_may_stand_before_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commands.run(["--data-dir", str(tmp_path), "config", "--json"]) == 0
    rows = {row["name"]: row["value"] for row in json.loads(capsys.readouterr().out)}
    assert rows["data_dir"] == str(tmp_path)


# -- exit codes -------------------------------------------------------------------------------


def test_bad_input_is_2(run: Run) -> None:
    run("show", "nonsense").assert_refused(2, "run_id: 'nonsense' is not of the form team_123_")


@pytest.mark.parametrize(
    "arguments",
    [
        ["runs"],
        ["runs", "--team-id", "0"],
        ["runs", "--team-id", "x"],
        ["runs", "--team-id", "1", "--limit", "0"],
        ["ingest", "--team-id", "1"],
        ["show"],
        ["show", "team_1_x", "--cluster", "-1"],
        ["nonsense"],
        ["schedule", "nonsense"],
        ["keys", "create"],
        ["keys", "revoke"],
        ["teams", "--nonsense"],
    ],
)
def test_wrong_usage_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.run(arguments) == 2
    done = capsys.readouterr()
    assert "Usage:" in done.err
    assert done.out == ""


def test_a_bad_setting_is_2(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACE_CLUSTERING_PORT", "many")
    run("teams").assert_refused(2, "port: ")
    monkeypatch.delenv("TRACE_CLUSTERING_PORT")
    monkeypatch.setenv("TRACE_CLUSTERING_HOST", "0.0.0.0")
    run("up").assert_refused(2, "TRACE_CLUSTERING_TOKEN")


@pytest.mark.parametrize("mode", ["worker", "serve"])
def test_what_needs_servers_says_so(run: Run, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    servers = {"CLICKHOUSE_URL": "http://127.0.0.1:1/db", "TEMPORAL_ADDRESS": "127.0.0.1:1"}
    for missing in servers:
        with monkeypatch.context() as patch:
            for name in servers.keys() - {missing}:
                patch.setenv(f"TRACE_CLUSTERING_{name}", servers[name])
            run(mode).assert_refused(2, f"TRACE_CLUSTERING_{missing}")


def test_not_found_is_3(run: Run, store: Store, team_id: int) -> None:
    run_id = run_record(team_id).run_id
    run("show", run_id).assert_refused(3, f"there is no run {run_id}")
    run("show", run_id, "--json").assert_refused(3, "emitted no event")
    finish_run(store, team_id)
    run("show", run_id, "--cluster", 9).assert_refused(3, "has no cluster 9")


def test_unreachable_is_4(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and does not listen
        monkeypatch.setenv("TRACE_CLUSTERING_URL", f"http://127.0.0.1:{bound.getsockname()[1]}")
        run("teams").assert_refused(4, "the service does not answer")


def test_a_service_that_has_gone_is_not_asked(run: Run, data_dir: Path) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        left_over = data_dir / "service.json"
        left_over.write_text(json.dumps({"url": url}), encoding="utf-8")
        try:
            assert run("teams").code == 0
        finally:
            left_over.unlink()


def test_an_interruption_is_130(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(main: Any) -> None:
        main.close()
        raise KeyboardInterrupt

    monkeypatch.setattr(asyncio, "run", interrupt)
    done = run("teams")
    assert done.code == 130
    assert "Traceback" not in done.err


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.run(["--version"]) == 0
    assert capsys.readouterr().out == f"trace-clustering {__version__}\n"
    for arguments in (["--help"], ["ingest", "--help"], ["schedule", "pause", "--help"]):
        assert commands.run(arguments) == 0
        assert "Usage:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "instead"),
    [
        (["trigger", "--team-id", 1, "--no-wait"], ", or leave out --no-wait"),
        (["summarize", "--all", "--no-wait"], ", or leave out --no-wait"),
        (["schedule", "trigger"], ""),
    ],
)
def test_nothing_is_started_that_would_be_broken_off(
    run: Run, tmp_path: Path, arguments: list[object], instead: str
) -> None:
    told = "Error: no service runs on this data folder: start `trace-clustering up` first"
    run(*arguments, folder=tmp_path).assert_refused(2, f"{told}{instead}\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("teams", "store"),
        ("demo", "worker"),
        ("trigger --team-id 1", "worker"),
        ("trigger --team-id 1 --no-wait", "lasting"),
        ("schedule trigger", "lasting"),
        ("ingest /dev/null --team-id 1", "store"),
        ("summarize --all", "worker"),
        ("summarize --all --no-wait", "lasting"),
        ("embed --backfill --all", "store"),
        ("keys list", "store"),
        *[(f"schedule {name}", "temporal") for name in ("show", "create", "pause", "resume")],
        ("schedule delete", "temporal"),
    ],
)
def test_what_a_command_needs(
    run: Run, monkeypatch: pytest.MonkeyPatch, arguments: str, expected: str
) -> None:
    def refuse(settings: object, *, needs: str, overrides: object) -> None:
        raise ServiceError(f"needs {needs}")

    monkeypatch.setattr(shared, "api_client", refuse)
    run(*arguments.split()).assert_refused(4, f"needs {expected}\n")


def test_a_bug_is_told_in_a_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise ZeroDivisionError("one\nby [none]")

    monkeypatch.setattr(commands, "describe_settings", fail)
    told = "unexpected (TRACE_CLUSTERING_LOG_LEVEL=debug shows where): ZeroDivisionError: one by"
    run("config").assert_refused(1, told)
    monkeypatch.setenv("TRACE_CLUSTERING_LOG_LEVEL", "debug")
    done = run("config")
    assert done.code == 1
    assert done.err.startswith("Traceback")
    assert f"Error: {told} [none]\n" in done.err


# -- in processes of their own ----------------------------------------------------------------


def test_a_folder_from_nothing_to_a_table(tmp_path: Path) -> None:
    path = write(tmp_path, trace_line("a", HOSTILE), trace_line("b"), "{\n")
    folder = tmp_path / "data"
    done = program("ingest", path, "--team-id", 5, "--json", TRACE_CLUSTERING_DATA_DIR=str(folder))
    assert done.code == 1
    assert json.loads(done.out)["stored"] == 2
    assert f"{path}:3: line: not JSON" in done.err
    assert "Traceback" not in done.err
    (team,) = program("teams", "--data-dir", folder, "--json").json
    assert (team["team_id"], team["traces"]) == (5, 2)


@pytest.mark.parametrize("port", ["notaport", "99999999"])
def test_an_address_that_is_none(port: str) -> None:
    done = program("teams", TRACE_CLUSTERING_URL=f"http://127.0.0.1:{port}")
    done.assert_refused(2, "url: ")


def test_a_name_that_cannot_be_one_of_a_host() -> None:
    done = program("teams", TRACE_CLUSTERING_URL="http://a..b")
    done.assert_refused(4, "the service does not answer")


def test_a_folder_that_another_process_has_open(store: Store, data_dir: Path) -> None:
    done = program("teams", "--data-dir", data_dir)
    done.assert_refused(4, "another process has this data folder open")


def test_completion() -> None:
    script = program(_TRACE_CLUSTERING_COMPLETE="source_bash")
    assert "_TRACE_CLUSTERING_COMPLETE=complete_bash" in script.out
    words = program(
        _TRACE_CLUSTERING_COMPLETE="complete_bash",
        COMP_WORDS="trace-clustering sch",
        COMP_CWORD="1",
    )
    assert words.out.split() == ["schedule"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="this machine has no bash")
def test_show_completion() -> None:
    # The shell is found among the parent processes: `; true` keeps bash there.
    done = subprocess.run(
        ["bash", "-c", '"$0" --show-completion; true', PROGRAM],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "complete" in done.stdout
    assert "trace-clustering" in done.stdout
