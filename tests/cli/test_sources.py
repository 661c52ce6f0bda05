"""What is read: files, folders and pipes, compressed or not, whole or damaged."""

from __future__ import annotations

import gzip
import io
import os
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from trace_clustering.cli.sources import Lines, Source, _Counted, find_sources
from trace_clustering.cli.unpacking import UnreadableError, unpacked
from trace_clustering.errors import InvalidInputError

LINES = [b'{"trace_id": "%d"}\n' % number for number in range(400)]
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "zstd": zstandard.compress,
}


def read(path: Path, **options: int) -> tuple[list[bytes], str]:
    """The lines up to the end or to an error, and the error."""
    found: list[bytes] = []
    try:
        for line in Lines(Source(path), **options):
            found.append(line)
    except UnreadableError as error:
        return found, str(error)
    return found, ""


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


# -- compressed files -------------------------------------------------------------------------


@pytest.mark.parametrize("packer", PACKERS)
def test_content_tells_how_it_is_compressed_not_the_name(tmp_path: Path, packer: str) -> None:
    packed = PACKERS[packer](b"".join(LINES))
    path = write(tmp_path / "traces.jsonl", packed)
    lines = Lines(Source(path))
    assert list(lines) == LINES
    assert lines.bytes_read == len(packed)


@pytest.mark.parametrize("packer", ["gzip", "zstd"])
def test_files_that_were_put_one_after_the_other(tmp_path: Path, packer: str) -> None:
    pack = PACKERS[packer]
    path = write(tmp_path / "x", pack(LINES[0]) + pack(b"".join(LINES[1:])))
    assert read(path) == (LINES, "")


def test_a_frame_that_may_be_skipped_comes_first(tmp_path: Path) -> None:
    skippable = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"note"
    path = write(tmp_path / "x", skippable + zstandard.compress(LINES[0]))
    assert read(path) == (LINES[:1], "")


@pytest.mark.parametrize(
    "content", [b"", gzip.compress(b"", mtime=0), zstandard.compress(b""), b"\n \n"]
)
def test_nothing_inside_is_no_error(tmp_path: Path, content: bytes) -> None:
    found, problem = read(write(tmp_path / "x", content))
    assert b"".join(found).strip() == b""
    assert problem == ""


@pytest.mark.parametrize("packer", ["gzip", "zstd"])
@given(data=st.data())
def test_what_came_before_a_cut_is_read(packer: str, data: st.DataObject) -> None:
    lines = [line.hex().encode() for line in data.draw(st.lists(st.binary(max_size=30)))]
    lines = [b'{"x": "%s"}\n' % line for line in lines]
    pack = PACKERS[packer]
    half = len(lines) // 2
    packed = pack(b"".join(lines[:half])) + pack(b"".join(lines[half:]))
    cut = data.draw(st.integers(1, len(packed)))
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(packed[:cut])
    found, problem = read(Path(f"/dev/fd/{reading}"))
    os.close(reading)
    assert found == lines[: len(found)] or found[:-1] == lines[: len(found) - 1]
    at_an_end = cut in (len(packed), len(pack(b"".join(lines[:half]))))
    assert (problem == "") is at_an_end or cut < 4
    if cut == len(packed):
        assert found == lines


@pytest.mark.parametrize("packer", ["gzip", "zstd"])
def test_a_file_that_was_cut_off(tmp_path: Path, packer: str) -> None:
    pack = PACKERS[packer]
    whole = pack(b"".join(LINES)) + pack(b"".join(LINES))
    found, problem = read(write(tmp_path / "x", whole[:-3]))
    assert found[:400] == LINES
    assert problem == "ends in the middle of its compressed data"


@pytest.mark.parametrize("packer", ["gzip", "zstd"])
def test_a_file_that_was_damaged(tmp_path: Path, packer: str) -> None:
    packed = PACKERS[packer](b"".join(LINES))
    found, problem = read(write(tmp_path / "x", packed + b"what else"))
    assert found == LINES
    assert problem.startswith("its compressed data is damaged: ")
    broken = packed[:20] + bytes(255 - byte for byte in packed[20:])
    assert "its compressed data is damaged" in read(write(tmp_path / "x", broken))[1]


@pytest.mark.parametrize("packer", ["gzip", "zstd"])
def test_little_is_held_of_a_line_that_never_ends(tmp_path: Path, packer: str) -> None:
    out = io.BytesIO()
    pack = gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1) if packer == "gzip" else None
    writer = pack or zstandard.ZstdCompressor().stream_writer(out, closefd=False)
    with writer:
        writer.write(LINES[0])
        for _ in range(100):
            writer.write(bytes(1024 * 1024))
        writer.write(b"\n" + LINES[1])
    path = write(tmp_path / "x", out.getvalue())
    tracemalloc.start()
    found, problem = read(path, max_bytes=1000)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == [LINES[0], bytes(1001), LINES[1]]
    assert problem == ""
    assert most < 50 * 1024 * 1024


@pytest.mark.parametrize("ends", [True, False])
def test_a_line_that_is_too_long_is_cut(tmp_path: Path, ends: bool) -> None:
    long = b"x" * 50 + (b"\n" if ends else b"")
    found, _ = read(write(tmp_path / "x", LINES[0] + b"{}\n" * 3 + long), max_bytes=40)
    assert found == [LINES[0], *[b"{}\n"] * 3, b"x" * 41]


class OneByOne(io.BytesIO):
    """A pipe whose writer is slow."""

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return super().readinto(memoryview(buffer)[:1])


@pytest.mark.parametrize("packer", PACKERS)
def test_a_pipe_that_gives_a_byte_at_a_time(packer: str) -> None:
    content = b"".join(LINES[:3])
    raw = OneByOne(PACKERS[packer](content))
    counted = _Counted(raw, Lines(Source(Path("x"))))  # type: ignore[arg-type]
    assert unpacked(io.BufferedReader(counted)).read() == content


# -- what is no JSON lines --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"id,text\n1,hello\n", "does not begin like JSON lines: one JSON object a line is"),
        (b"\xef\xbb\xbfid,text\n", "does not begin like JSON lines"),
        ('{"a": 1}\n'.encode("utf-16"), "does not begin like JSON lines"),
        (b'{\n  "trace_id": "a",\n "x": {}\n}\n', "is one JSON document over many lines"),
        (b'\n{\n{"a": 1}\n', "`jq -c .` makes it a line"),
        (b'[{"a": 1}]\n', "is a JSON list"),
        (b'[\n{"a": 1}\n]\n', "`jq -c '.[]'` makes lines of it"),
        (b'1\n"x"\nnull\n', "does not begin like JSON lines"),
        (b'{"a": [1,\n' * 20, "does not begin like JSON lines"),
        (b"BZh91AY&SY\x00", "is compressed with bzip2"),
        (b"\xfd7zXZ\x00\x00", "is compressed with xz"),
        (b"PK\x03\x04\x14\x00", "is compressed with zip"),
        (b"x" * 3_000_000, "does not begin like JSON lines"),
        (b"[" * 100_000, "is a JSON list"),
        (b'{"a":' * 100_000, "does not begin like JSON lines"),
    ],
)
def test_another_kind_of_file_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    found, problem = read(write(tmp_path / "x", content))
    assert found == []
    assert told in problem
    assert "one JSON object a line is expected" in problem


@pytest.mark.parametrize(
    "content",
    [
        b'{"a": 1}\nid,text\n',
        b'oops\n{"a": 1}\n',
        b'\xef\xbb\xbf{"a": 1}\n',
        b'\n\r\n  {"a": 1}  \r\n',
        b'cut off"}\n' * 9 + b'{"a": 1}',
        b"{" + b"x" * 2_000_000,
    ],
)
def test_a_bad_line_does_not_make_a_bad_file(tmp_path: Path, content: bytes) -> None:
    found, problem = read(write(tmp_path / "x", content))
    assert b"".join(found) == content
    assert problem == ""


# -- finding ----------------------------------------------------------------------------------


def names(found: Sequence[Source], folder: Path) -> list[str]:
    return [str(source.path.relative_to(folder)) for source in found]


def test_a_folder_is_taken_with_all_inside(tmp_path: Path) -> None:
    wanted = ["a.jsonl", "b/c.ndjson.gz", "b/d.JSON.ZST", "e.json"]
    others = [".hidden.jsonl", ".git/x.jsonl", "b/notes.txt", "b/x.csv.gz", "f.jsonl.bak"]
    for name in (*wanted, *others):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}\n", encoding="utf-8")
    (tmp_path / "g").mkdir()
    found = find_sources([tmp_path])
    assert names(found.sources, tmp_path) == wanted
    over = [str(path.relative_to(tmp_path)) for path in found.passed_over]
    assert over == [".git", ".hidden.jsonl", "b/notes.txt", "b/x.csv.gz", "f.jsonl.bak"]
    assert [source.size for source in found.sources] == [3] * 4


def test_a_file_that_is_named_is_taken_whatever_its_name_and_once(tmp_path: Path) -> None:
    path = write(tmp_path / "notes.txt", b"{}")
    write(tmp_path / "a.json", b"{}")
    found = find_sources([path, tmp_path, tmp_path / "a.json", path])
    assert names(found.sources, tmp_path) == ["notes.txt", "a.json"]


def test_standard_input_and_pipes_have_no_size(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    found = find_sources([Path("-"), tmp_path / "fifo"])
    assert [(str(s.path), s.size) for s in found.sources] == [
        ("-", None),
        (str(tmp_path / "fifo"), None),
    ]


def test_what_cannot_be_read_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    write(tmp_path / "empty" / "x.csv", b"")
    for path, told in (("missing", "No such file"), ("empty", r"holds no file named \*\.jsonl, ")):
        with pytest.raises(InvalidInputError, match=told):
            find_sources([tmp_path / path])
    os.symlink("nowhere", tmp_path / "empty" / "x.jsonl")
    with pytest.raises(InvalidInputError, match="No such file"):
        find_sources([tmp_path / "empty"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_must_not_be_read_is_told_at_once(tmp_path: Path) -> None:
    path = write(tmp_path / "secret.jsonl", b"{}")
    (tmp_path / "inside").mkdir(mode=0o000)
    path.chmod(0)
    for given_path in (path, tmp_path):
        with pytest.raises(InvalidInputError, match="Permission denied"):
            find_sources([given_path])
    (tmp_path / "inside").chmod(0o700)


def test_a_file_that_goes_away_meanwhile(tmp_path: Path) -> None:
    assert read(tmp_path / "gone") == ([], "No such file or directory")
