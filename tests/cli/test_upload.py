"""Lines arrive once and in order, whatever breaks off in between."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console

from tests.cli.fake_service import FakeService
from trace_clustering.cli import upload
from trace_clustering.cli.checkpoints import FOLDER, Checkpoint, Checkpoints
from trace_clustering.cli.sources import Source, find_sources
from trace_clustering.cli.unpacking import UnreadableError
from trace_clustering.cli.upload import (
    BadFile,
    BadLine,
    Batch,
    Totals,
    Upload,
    batches,
    report_sentence,
)
from trace_clustering.errors import ServiceError
from trace_clustering.settings_sources import load_settings

TEAM = 3


def numbered(count: int) -> list[bytes]:
    return [b'{"trace_id": "%d"}\n' % number for number in range(1, count + 1)]


class Ingest:
    """An ingest command's middle part, with a data folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.service = FakeService()
        self.limits = {"batch_lines": 10}

    def __call__(self, *files: Path, team: int = TEAM, **settings: object) -> tuple[Totals, str]:
        """Run it to its end; returns the totals and what was told."""
        told = io.StringIO()
        err = Console(file=told, width=200)
        checkpoints = self.checkpoints(team, **settings)
        self.sources = find_sources(files).sources
        try:
            sending = Upload(self.service.api(), err, team, checkpoints, **self.limits)
            totals = asyncio.run(sending.run(self.sources))
        finally:
            self.told = told.getvalue()
        return totals, self.told

    def checkpoints(self, team: int = TEAM, **settings: object) -> Checkpoints:
        return Checkpoints(load_settings({"data_dir": self.folder, **settings}), team)

    def lines(self, team: int = TEAM) -> list[tuple[int, bytes]]:
        return self.service.lines.get(team, [])

    def break_off(self, *files: Path, after: int, team: int = TEAM) -> str:
        """Let the service go after so many batches; returns what was told."""
        self.service.gone_after = after
        with pytest.raises(ServiceError, match="does not answer: gone"):
            self(*files, team=team)
        self.service.gone_after = None
        self.service.requests.clear()
        return self.told


@pytest.fixture
def ingest(tmp_path: Path) -> Ingest:
    return Ingest(tmp_path / "data")


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write_lines(count: int, name: str = "traces.jsonl", rest: bytes = b"") -> Path:
        path = tmp_path / name
        path.write_bytes(b"".join(numbered(count)) + rest)
        return path

    return write_lines


Write = Callable[..., Path]


# -- going on ---------------------------------------------------------------------------------


def test_it_goes_on_after_the_last_batch_that_was_taken(ingest: Ingest, write: Write) -> None:
    path = write(35)
    told = ingest.break_off(path, after=2)
    assert f"{path}: taken up to line 20; the same command goes on there" in told
    totals, told = ingest(path)
    assert f"{path}: going on at line 21" in told
    assert [query["first_line"] for query, _ in ingest.service.asked("/api/v1/teams/3/traces")] == [
        "21",
        "31",
    ]
    assert ingest.lines() == [(n, line.strip()) for n, line in enumerate(numbered(35), 1)]
    assert (totals.received, totals.stored, totals.unchanged) == (35, 35, 0)


def test_a_compressed_file_goes_on_too(ingest: Ingest, tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(b"".join(numbered(35))))
    ingest.break_off(path, after=3)
    assert ingest(path)[0].unchanged == 0
    assert [number for number, _ in ingest.lines()] == list(range(1, 36))


def test_an_interruption_says_where_it_goes_on(ingest: Ingest, write: Write) -> None:
    path = write(35)

    def interrupt() -> None:
        if len(ingest.service.requests) == 3:
            raise asyncio.CancelledError

    ingest.service.on_lines = interrupt
    with pytest.raises(asyncio.CancelledError):
        ingest(path)
    assert "taken up to line 20; the same command goes on there" in ingest.told
    ingest.service.on_lines = lambda: None
    totals, _ = ingest(path)
    # The third batch was taken, but nobody was there to hear of it.
    assert (totals.received, totals.stored, totals.unchanged) == (35, 25, 10)


def test_bad_lines_of_before_count(ingest: Ingest, write: Write) -> None:
    path = write(4, rest=b"bad\n" + b"".join(numbered(30)))
    ingest.break_off(path, after=1)
    totals, told = ingest(path)
    assert totals.bad_lines == 1
    assert "bad" not in told.replace(str(path), "")
    assert not totals.is_whole


def test_files_that_were_done_are_left_out(ingest: Ingest, write: Write) -> None:
    files = [write(15, "a"), write(15, "b")]
    ingest.break_off(*files, after=3)
    totals, told = ingest(*files)
    assert f"{files[0]}: sent already, by an ingest that was interrupted" in told
    assert f"{files[1]}: going on at line 11" in told
    assert len(ingest.service.requests) == 1
    assert (totals.files, totals.received) == (2, 30)


def test_whatever_else_is_ingested_begins_at_the_beginning(ingest: Ingest, write: Write) -> None:
    path = write(35)
    ingest.break_off(path, after=2)
    assert "going on" not in ingest(path, team=4)[1]
    assert "going on" not in ingest(path, url="http://127.0.0.1:1")[1]
    assert "going on" in ingest(path)[1]


@pytest.mark.parametrize("change", ["size", "time"])
def test_a_file_that_has_changed_begins_anew(ingest: Ingest, write: Write, change: str) -> None:
    path = write(35)
    ingest.break_off(path, after=2)
    if change == "size":
        write(36)
    else:
        os.utime(path, ns=(1, 1))
    totals, told = ingest(path)
    assert "going on" not in told
    assert totals.unchanged == 20


def test_a_restart_begins_anew(ingest: Ingest, write: Write) -> None:
    path = write(35)
    ingest.break_off(path, after=2)
    ingest.checkpoints().forget(ingest.sources)
    totals, told = ingest(path)
    assert "going on" not in told
    assert (totals.stored, totals.unchanged) == (15, 20)


def test_nothing_is_known_of_a_pipe(ingest: Ingest) -> None:
    checkpoints = ingest.checkpoints()
    source = Source(Path("-"))
    checkpoints.write(source, Checkpoint(5))
    assert checkpoints.read(source) == Checkpoint()
    assert not ingest.folder.exists()


def test_nothing_is_left_when_all_is_done(ingest: Ingest, write: Write) -> None:
    path = write(35)
    ingest(path)
    (kept,) = (ingest.folder / FOLDER).iterdir()
    assert json.loads(kept.read_text())["done"]
    assert kept.parent.stat().st_mode & 0o077 == 0
    ingest.checkpoints().forget(ingest.sources)
    assert list(kept.parent.iterdir()) == []
    ingest.checkpoints().forget(ingest.sources)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b"null", b"\xff", b'{"file": 1, "what": 2}']
)
def test_a_broken_checkpoint_is_none(ingest: Ingest, write: Write, content: bytes) -> None:
    path = write(35)
    ingest.break_off(path, after=1)
    (kept,) = (ingest.folder / FOLDER).iterdir()
    if b"what" in content:
        about = json.loads(kept.read_text())["file"]
        content = json.dumps({"file": about, "what": 2}).encode()
    kept.write_bytes(content)
    assert ingest(path)[0].unchanged == 10


def test_a_folder_that_cannot_be_written_to_stops_nothing(ingest: Ingest, write: Write) -> None:
    ingest.folder.mkdir()
    (ingest.folder / FOLDER).write_text("in the way", encoding="utf-8")
    path = write(35)
    told = ingest.break_off(path, after=2)
    assert "the same command goes on there" not in told
    assert ingest(path)[0].received == 35
    checkpoints = ingest.checkpoints()
    checkpoints.write(ingest.sources[0], Checkpoint(1))
    assert checkpoints.problem.endswith(f"{FOLDER}: File exists")
    checkpoints.forget(ingest.sources)


# -- what cannot be read ----------------------------------------------------------------------


def test_what_was_good_before_a_cut_is_stored_and_the_next_file_too(
    ingest: Ingest, write: Write, tmp_path: Path
) -> None:
    half = gzip.compress(b"".join(numbered(15)), mtime=0) + gzip.compress(b"x" * 1000)
    cut = tmp_path / "cut.gz"
    cut.write_bytes(half[:-9])
    table = tmp_path / "table.csv"
    table.write_text("id,text\n1,hello\n", encoding="utf-8")
    totals, told = ingest(cut, table, write(17))
    assert [line for _, line in ingest.lines()] == [line.strip() for line in numbered(17)]
    assert totals.unreadable == [
        BadFile(str(cut), "ends in the middle of its compressed data"),
        BadFile(str(table), totals.unreadable[1].problem),
    ]
    assert f"{cut}: ends in the middle" in told
    assert f"{table}: does not begin like JSON lines" in told
    assert not totals.is_whole


def test_a_line_that_is_too_long_is_a_bad_line(ingest: Ingest, write: Write) -> None:
    ingest.limits = {"max_line_bytes": 100}
    path = write(7, rest=b'{"trace_id": "' + b"x" * 300 + b'"}\n{"trace_id": "last"}\n')
    totals, told = ingest(path)
    assert (totals.received, totals.stored, totals.bad_lines) == (9, 8, 1)
    assert f"{path}:8: line: longer than 100 bytes" in told
    assert [number for number, _ in ingest.lines()] == [1, 2, 3, 4, 5, 6, 7, 9]


def test_the_list_of_bad_lines_has_an_end(ingest: Ingest, write: Write) -> None:
    totals, told = ingest(write(1, rest=b"bad\n" * 2000))
    assert (totals.received, totals.bad_lines) == (2001, 2000)
    assert len(totals.rejected) == upload.MAX_LISTED
    assert told.count(": line: bad") == upload.MAX_LISTED


def test_a_name_is_no_markup(ingest: Ingest, write: Write) -> None:
    path = write(1, "[bold]x[bold]\x1b[31m.jsonl", rest=b"bad\n")
    assert "[bold]x[bold] [31m.jsonl:2: line: bad" in ingest(path)[1]


# -- batches and sentences --------------------------------------------------------------------


def sized(*sizes: int) -> Iterator[bytes]:
    return iter([b"x" * (size - 1) + b"\n" for size in sizes])


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((), []),
        ((3,), [(1, 3, 1)]),
        ((3, 3, 3), [(1, 6, 2), (3, 3, 1)]),
        ((6, 6), [(1, 6, 1), (2, 6, 1)]),
        ((3, 50, 3), [(1, 3, 1), (2, 50, 1), (3, 3, 1)]),
        ((1, 1, 1, 1, 1), [(1, 2, 2), (3, 2, 2), (5, 1, 1)]),
    ],
)
def test_batches_are_whole_lines(sizes: tuple[int, ...], expected: list[tuple[int, ...]]) -> None:
    found = list(batches(sized(*sizes), max_lines=2, max_bytes=10))
    assert [(b.first_line, len(b.content), b.lines) for b in found] == expected
    assert b"".join(batch.content for batch in found) == b"".join(sized(*sizes))


def test_a_last_line_without_an_end_is_a_line() -> None:
    assert list(batches(iter([b"a\n", b"b"]))) == [Batch(1, b"a\nb", 2)]


def test_batches_give_what_they_hold_before_an_error() -> None:
    def broken() -> Iterator[bytes]:
        yield b"a\n"
        raise UnreadableError("no")

    found = batches(broken(), first_line=7)
    assert next(found) == Batch(7, b"a\n", 1)
    with pytest.raises(UnreadableError):
        next(found)


def test_totals_in_a_sentence() -> None:
    bad = [BadLine("f", 1, "line", "no")]
    totals = Totals(1, 2004, 2000, 3, 2, 1, bad, [BadFile("f", "no")])
    assert report_sentence(totals, 5) == (
        "2,004 lines read, 2,000 events stored for team 5, 3 were stored already, "
        "2 are no trace events, 1 line could not be read, 1 file could not be read to the end."
    )
    assert totals.as_json()["rejected"][0]["problem"] == "no"
    assert totals.as_json()["unreadable"] == [{"file": "f", "problem": "no"}]


def test_one_is_no_plural() -> None:
    assert report_sentence(Totals(1, 1, 1, 1, 1), 5) == (
        "1 line read, 1 event stored for team 5, 1 was stored already, 1 is no trace event."
    )
