"""Files go through the application itself into the store."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import zstandard

from tests.cli.support import PROGRAM, Run, environment, trace_line, write

COUNTS = ("received", "stored", "unchanged", "ignored", "bad_lines")
PAGE_VIEW = '{"event": "$pageview", "distinct_id": "d", "timestamp": "2026-11-16T09:00:00Z"}\n'


def counts(report: dict[str, Any]) -> tuple[int, ...]:
    return tuple(report[name] for name in COUNTS)


def test_ingest_and_again(run: Run, tmp_path: Path, team_id: int) -> None:
    files = [write(tmp_path, trace_line("a"), trace_line("b"), name="one.jsonl")]
    files.append(write(tmp_path, trace_line("c", "another text"), name="two.jsonl"))
    first = run("ingest", *files, "--team-id", team_id, "--json").json
    assert counts(first) == (3, 3, 0, 0, 0)
    assert (first["files"], first["rejected"], first["unreadable"]) == (2, [], [])
    summaries = first["summaries"]
    assert (summaries["summarized"], summaries["failed"], summaries["fallbacks"]) == (3, 0, {})
    assert summaries["embedded"] >= 3
    again = run("ingest", *files, "--team-id", team_id)
    assert again.code == 0
    assert again.out == (
        f"3 lines read, 0 events stored for team {team_id}, 3 were stored already.\n"
        "Nothing to summarize.\n"
    )
    (team,) = [one for one in run("teams", "--json").json if one["team_id"] == team_id]
    assert team["traces"] == 3


def test_every_kind_of_line(run: Run, tmp_path: Path, team_id: int) -> None:
    path = write(tmp_path, trace_line("a"), OTLP_LINE, POSTHOG_LINE, PAGE_VIEW)
    report = run("ingest", path, "--team-id", team_id, "--json").json
    assert counts(report) == (4, 3, 0, 1, 0)
    assert report["summaries"]["summarized"] == 3


OTLP_LINE = (
    json.dumps(
        {
            "resourceSpans": [
                {
                    "scopeSpans": [
                        {
                            "spans": [
                                {
                                    "traceId": "0af7651916cd43dd8448eb211c80319c",
                                    "spanId": "b7ad6b7169203331",
                                    "name": "chat gpt-4o",
                                    "startTimeUnixNano": "1763283600000000000",
                                    "endTimeUnixNano": "1763283601000000000",
                                    "attributes": [
                                        {
                                            "key": "gen_ai.operation.name",
                                            "value": {"stringValue": "chat"},
                                        }
                                    ],
                                }
                            ]
                        }
                    ]
                }
            ]
        }
    )
    + "\n"
)
POSTHOG_LINE = (
    json.dumps(
        {
            "event": "$ai_generation",
            "distinct_id": "ada",
            "timestamp": "2026-11-16T09:00:00Z",
            "properties": {
                "$ai_trace_id": "from posthog",
                "$ai_input": [{"role": "user", "content": "what is a trace"}],
            },
        }
    )
    + "\n"
)


def test_bad_lines_are_told_by_file_and_number(run: Run, tmp_path: Path, team_id: int) -> None:
    long_name = "x" * 150 + "-[bold].jsonl"
    path = write(tmp_path, trace_line("a"), "{\n", b"\xff\n", trace_line("b"), name=long_name)
    done = run("ingest", path, "--team-id", team_id, "--json")
    assert done.code == 1
    report = json.loads(done.out)
    assert counts(report) == (4, 2, 0, 0, 2)
    assert [(bad["line"], bad["field"]) for bad in report["rejected"]] == [(2, "line"), (3, "line")]
    told = [line for line in done.err.splitlines() if line.startswith(str(path))]
    assert [line.removeprefix(str(path)).split(": ")[0] for line in told] == [":2", ":3"]


def test_line_numbers_go_on_over_batches(run: Run, tmp_path: Path, team_id: int) -> None:
    lines = [trace_line("same") for _ in range(600)]
    path = write(tmp_path, *lines, "broken\n")
    done = run("ingest", path, "--team-id", team_id, "--no-summarize")
    assert f"{path}:601: line: " in done.err


def test_an_empty_file_is_no_error(run: Run, tmp_path: Path, team_id: int) -> None:
    done = run("ingest", write(tmp_path), "--team-id", team_id)
    assert (done.code, done.out) == (
        0,
        f"0 lines read, 0 events stored for team {team_id}.\nNothing to summarize.\n",
    )


def test_files_that_cannot_be_read(run: Run, tmp_path: Path, team_id: int) -> None:
    good = write(tmp_path, trace_line("a"))
    missing, empty = tmp_path / "missing", tmp_path / "empty"
    empty.mkdir()
    for bad, told in ((missing, "No such file"), (empty, "holds no file named *.jsonl")):
        done = run("ingest", good, bad, "--team-id", team_id)
        done.assert_refused(2, f"FILES: {bad}: {told}")
    odd = tmp_path / "a\n\x1b[31mb"
    run("ingest", odd, "--team-id", team_id).assert_refused(2, "a [31mb: No such file")
    # Nothing was sent before the bad name was noticed.
    assert team_id not in [team["team_id"] for team in run("teams", "--json").json]


def test_a_folder_of_compressed_files_and_one_that_is_none(
    run: Run, tmp_path: Path, team_id: int
) -> None:
    write(tmp_path, gzip.compress(trace_line("a").encode()), name="a.jsonl.gz")
    write(tmp_path, zstandard.compress(trace_line("b").encode()), name="b.jsonl.zst")
    write(tmp_path, '{\n "a": 1\n}\n', name="c.json")
    done = run("ingest", tmp_path, "--team-id", team_id, "--json")
    report = json.loads(done.out)
    assert (done.code, *counts(report)) == (1, 2, 2, 0, 0, 0)
    (bad,) = report["unreadable"]
    assert bad["file"].endswith("c.json")
    assert f"{tmp_path}/c.json: is one JSON document over many lines" in done.err


def test_a_pipe_can_be_read(run: Run, tmp_path: Path, team_id: int) -> None:
    reading, writing = os.pipe()
    os.write(writing, trace_line("piped").encode())
    os.close(writing)
    report = run("ingest", f"/dev/fd/{reading}", "--team-id", team_id, "--json").json
    os.close(reading)
    assert report["stored"] == 1


def test_standard_input(tmp_path: Path) -> None:
    done = subprocess.run(
        [PROGRAM, "ingest", "-", "--team-id", "5", "--json", "--data-dir", tmp_path / "data"],
        input=gzip.compress((trace_line("a") + "bad\n").encode()),
        capture_output=True,
        timeout=120,
        check=False,
        env=environment(),
    )
    assert done.returncode == 1, done.stderr
    assert counts(json.loads(done.stdout)) == (2, 1, 0, 0, 1)
    assert done.stderr.startswith(b"-:2: line: not JSON")
