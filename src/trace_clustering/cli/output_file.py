"""Where a command writes a file to: under its name once it is whole, or to standard output."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from trace_clustering.errors import InvalidInputError

STANDARD_OUTPUT = "-"


def write_all(file: BinaryIO, piece: bytes) -> None:
    """Write to an unbuffered file, which may take a part at a time."""
    rest = memoryview(piece)
    while rest:
        rest = rest[file.write(rest) :]


@contextmanager
def opened(output: str) -> Iterator[BinaryIO]:
    """Where to write to; a file is there under its name once everything is in it.

    Raises:
        InvalidInputError: it cannot be written.
    """
    with told(output):
        place = _place(output)
    with place as file:
        yield file


def _place(output: str) -> AbstractContextManager[BinaryIO]:
    if output == STANDARD_OUTPUT:
        return _standard_output()
    # A link stays one.
    path = Path(os.path.realpath(output))
    if path.is_dir():
        raise InvalidInputError("--output", f"{output} is a folder; name a file in it")
    if not path.parent.is_dir():
        raise InvalidInputError("--output", f"there is no folder {path.parent}")
    is_special = path.exists() and not path.is_file()
    return _special(path, output) if is_special else _whole_file(path, output)


@contextmanager
def _whole_file(path: Path, output: str) -> Iterator[BinaryIO]:
    beside = path.with_name(f".trace-clustering-{os.getpid()}.part")
    with told(output):
        file = _unbuffered(beside)
    try:
        with file:
            yield file
        with told(output):
            os.replace(beside, path)
    finally:
        with suppress(OSError):
            beside.unlink()


@contextmanager
def _special(path: Path, output: str) -> Iterator[BinaryIO]:
    """A pipe, or whatever else no file may take the place of."""
    with told(output):
        file = _unbuffered(path)
    with file:
        yield file


def _unbuffered(path: Path) -> BinaryIO:
    # Pieces are large, and what a buffer still held would fail once more when it is closed.
    return cast("BinaryIO", path.open("wb", buffering=0))


@contextmanager
def _standard_output() -> Iterator[BinaryIO]:
    if sys.stdout.isatty():
        # What strangers wrote may hold what steers a terminal.
        raise InvalidInputError("--output", "- is a terminal here; name a file, or pipe it on")
    yield getattr(sys.stdout.buffer, "raw", sys.stdout.buffer)


@contextmanager
def told(output: str) -> Iterator[None]:
    """What the system says of a file is said of the option."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InvalidInputError("--output", f"{output}: {error.strerror or error}") from error
