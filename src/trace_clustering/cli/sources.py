"""What ``ingest`` reads: files, folders and standard input, compressed or not, line by line.

Nothing is ever held but the line at hand, whatever the size of a file and whatever a compressed
one unpacks to.
"""

from __future__ import annotations

import io
import json
import os
import stat
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from trace_clustering.cli.unpacking import (
    MAGIC_BYTES,
    UnreadableError,
    telling_what_is_wrong,
    unpacked,
)
from trace_clustering.constants import MAX_BODY_BYTES
from trace_clustering.errors import InvalidInputError

STANDARD_INPUT = Path("-")

_SUFFIXES = tuple(
    f"{kind}{packed}" for kind in (".jsonl", ".ndjson", ".json") for packed in ("", ".gz", ".zst")
)
_SKIPPED_AT_ONCE = 1024 * 1024
_TEXTS_LOOKED_AT = 10
_BYTES_LOOKED_AT = 1024 * 1024

EXPECTED = (
    "one JSON object a line is expected (a trace line, OTLP JSON or a PostHog event), "
    "plain or compressed with gzip or zstd"
)


@dataclass(frozen=True)
class Source:
    """One file to read, or standard input.

    Attributes:
        size: bytes of a file, as they lie on the disk; None where they cannot be known.
        modified: nanoseconds since 1970, of a file.
    """

    path: Path
    size: int | None = None
    modified: int | None = None

    @property
    def name(self) -> str:
        return str(self.path)


@dataclass
class Found:
    """What there is to read, and which files of folders are left out because of their names."""

    sources: list[Source] = field(default_factory=list)
    passed_over: list[Path] = field(default_factory=list)


def find_sources(given: Iterable[Path]) -> Found:
    """Look up what was given, before anything is sent; folders are taken with all inside.

    Raises:
        InvalidInputError: names the first file that cannot be read, or a folder without any.
    """
    found = Found()
    for path in given:
        if path == STANDARD_INPUT:
            found.sources.append(Source(path))
        elif os.path.isdir(path):
            _add_folder(found, path)
        else:
            found.sources.append(_source(path))
    # A file that is named twice is read once.
    found.sources = list({os.path.abspath(one.path): one for one in found.sources}.values())
    return found


class Lines:
    """The lines of a source, in order; one that is too long is cut, the rest of it skipped.

    Iterating raises UnreadableError where the source ends in the middle or is damaged, after
    the lines before that, and at once where its beginning shows that it holds no JSON lines.

    Attributes:
        bytes_read: how far the file has been read, as it lies on the disk.
    """

    def __init__(self, source: Source, *, max_bytes: int = MAX_BODY_BYTES) -> None:
        self.bytes_read = 0
        self._lines = _json_lines(self._read(source, max_bytes))

    def __iter__(self) -> Iterator[bytes]:
        return self._lines

    def close(self) -> None:
        """Close the file, unless another thread is reading it just now."""
        with suppress(ValueError):
            self._lines.close()

    def _read(self, source: Source, max_bytes: int) -> Iterator[bytes]:
        with telling_what_is_wrong(), _open(source) as raw:
            yield from _bounded_lines(unpacked(io.BufferedReader(_Counted(raw, self))), max_bytes)


class _Counted(io.RawIOBase):
    """Passes on what is read, and counts it."""

    def __init__(self, raw: io.FileIO, lines: Lines) -> None:
        super().__init__()
        self._raw = raw
        self._lines = lines

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count, room = 0, memoryview(buffer)
        least = 1 if self._lines.bytes_read else MAGIC_BYTES  # a pipe gives what it has
        while count < least and (read := self._raw.readinto(room[count:])):
            count += read
        self._lines.bytes_read += count
        return count


def _open(source: Source) -> io.FileIO:
    if source.path == STANDARD_INPUT:
        return io.FileIO(0, closefd=False)
    return io.FileIO(source.path)


def _source(path: Path) -> Source:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            # Nothing is opened: who writes to a pipe would find that its reader has gone.
            return Source(path)
        path.open("rb").close()
    except OSError as error:
        raise InvalidInputError("FILES", f"{path}: {error.strerror}") from None
    return Source(path, found.st_size, found.st_mtime_ns)


def _add_folder(found: Found, folder: Path) -> None:
    sources = []
    for path in sorted(_files(folder)):
        if path.name.lower().endswith(_SUFFIXES) and not path.name.startswith("."):
            sources.append(_source(path))
        else:
            found.passed_over.append(path)
    if not sources:
        raise InvalidInputError("FILES", f"{folder}: holds no file named *{', *'.join(_SUFFIXES)}")
    found.sources += sources


def _files(folder: Path) -> Iterator[Path]:
    """Everything inside that is no folder, and hidden folders themselves."""

    def refuse(error: OSError) -> None:
        raise InvalidInputError("FILES", f"{error.filename}: {error.strerror}")

    for place, folders, files in os.walk(folder, onerror=refuse):
        hidden = [name for name in folders if name.startswith(".")]
        folders[:] = [name for name in folders if name not in hidden]
        yield from (Path(place, name) for name in (*files, *hidden))


def _bounded_lines(stream: io.BufferedIOBase, max_bytes: int) -> Iterator[bytes]:
    while line := stream.readline(max_bytes + 1):
        yield line
        if len(line) > max_bytes:
            while line and not line.endswith(b"\n"):
                line = stream.readline(_SKIPPED_AT_ONCE)


def _json_lines(lines: Iterable[bytes]) -> Generator[bytes]:
    """The same lines, unless the first ones show that they are something else."""
    head: list[bytes] = []
    texts: list[bytes] = []
    size = 0
    for line in lines:
        head.append(line)
        size += len(line)
        if text := line.removeprefix(b"\xef\xbb\xbf").strip():
            texts.append(text)
        if texts and (texts[0] == b"{" or texts[0].startswith(b"[")):
            break
        if _may_be_line(text):
            texts.clear()
            break
        if len(texts) == _TEXTS_LOOKED_AT or size > _BYTES_LOOKED_AT:
            break
    if texts:
        raise UnreadableError(_what_else(texts[0]))
    yield from head
    yield from lines


def _may_be_line(text: bytes) -> bool:
    """Whether it is a JSON object, or too long to look at."""
    if not text.startswith(b"{") or len(text) > _BYTES_LOOKED_AT:
        return text.startswith(b"{")
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _what_else(start: bytes) -> str:
    """What a file holds that holds no JSON lines, as far as its first line tells."""
    if start == b"{":
        return f"is one JSON document over many lines, but {EXPECTED}; `jq -c .` makes it a line"
    if start.startswith(b"["):
        return f"is a JSON list, but {EXPECTED}; `jq -c '.[]'` makes lines of it"
    for magic, name in _OTHER_ARCHIVES.items():
        if start.startswith(magic):
            return f"is compressed with {name}, but {EXPECTED}"
    return f"does not begin like JSON lines: {EXPECTED}"


_OTHER_ARCHIVES = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"PK\x03\x04": "zip"}
