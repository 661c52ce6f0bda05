"""Compressed files, told by their first bytes and unpacked a little at a time."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from trace_clustering.errors import TraceClusteringError

MAGIC_BYTES = 4
"""So many bytes tell what a file is."""

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE = tuple(bytes([first]) + b"\x2a\x4d\x18" for first in range(0x50, 0x60))
# A block of 128 KiB may come from four bytes: what is unpacked at once stays below 17 MiB.
_ZSTD_STEP = 512
_BUFFER = 128 * 1024


class UnreadableError(TraceClusteringError):
    """A file that cannot be read, or not to its end; the message leaves out its name."""


def unpacked(packed: io.BufferedReader) -> io.BufferedIOBase:
    """The content of a file: unpacked if it is compressed with gzip or zstd, else as it is.

    ``packed`` has to give ``MAGIC_BYTES`` at its first read, where it has so many.
    """
    magic = packed.peek(MAGIC_BYTES)[:MAGIC_BYTES]
    if magic.startswith(_GZIP):
        return gzip.GzipFile(fileobj=packed, mode="rb")
    if magic.startswith((_ZSTD, *_ZSTD_SKIPPABLE)):
        return io.BufferedReader(_Unzstd(packed), _BUFFER)
    return packed


@contextmanager
def telling_what_is_wrong() -> Iterator[None]:
    """Whatever reading a file raises, as UnreadableError."""
    try:
        yield
    except EOFError:
        raise UnreadableError("ends in the middle of its compressed data") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise UnreadableError(f"its compressed data is damaged: {error}") from None
    except OSError as error:
        raise UnreadableError(error.strerror or str(error)) from None


class _Unzstd(io.RawIOBase):
    """What a file of zstd frames unpacks to.

    The package's own reader takes a file that was cut off for one that is complete, hence this.
    """

    def __init__(self, packed: io.BufferedReader) -> None:
        import zstandard

        super().__init__()
        self._packed = packed
        self._error = zstandard.ZstdError
        self._new_frame = zstandard.ZstdDecompressor().decompressobj
        self._frame = self._new_frame()
        self._is_inside = False
        self._damage = ""
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            if self._damage:
                raise UnreadableError(f"its compressed data is damaged: {self._damage}")
            if not (packed := self._packed.read(_ZSTD_STEP)):
                if self._is_inside:
                    raise EOFError
                return 0
            self._rest = memoryview(b"".join(self._unpack(packed)))
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def _unpack(self, packed: bytes) -> Iterator[bytes]:
        """What comes of the next bytes: the end of a frame, whole ones, the start of one."""
        while packed:
            self._is_inside = True
            try:
                yield self._frame.decompress(packed)
            except self._error as error:
                # Told once what was good before it has been read.
                self._damage = str(error)
                return
            packed = b""
            if self._frame.eof:
                packed = self._frame.unused_data
                self._frame = self._new_frame()
                self._is_inside = False
