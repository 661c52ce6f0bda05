"""Bodies of requests from clients of all kinds: bounded, and unpacked as far as the bound."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Protocol

import anyio
import zstandard
from fastapi import Request
from starlette.requests import ClientDisconnect

from trace_clustering.constants import MAX_BODY_BYTES

# A body is read to its end, though not kept, as long as it is so many times too large at most.
_PATIENCE = 4
# So long may a sender take for its body: what it has sent is held meanwhile.
_MAX_SECONDS = 120
_RETRY_AFTER_SECONDS = 10
# What a slice unpacks to is bounded too: 32 MiB at the densest that zstd knows.
_SLICE_BYTES = 1024
# Each costs more than its bytes; no client needs nearly as many.
_MAX_FRAMES = 10_000
# What decoders of HTTP bodies are expected to take (RFC 9659).
_ZSTD_WINDOW_BYTES = 8 * 1024 * 1024


class Refused(Exception):
    """A request that is answered with an error, in the form of its protocol.

    Attributes:
        status: the HTTP status.
        kind: the error's type, as answers name it.
        field: what of the request is to blame, where one thing is.
        message: for people.
        headers: of the answer.
        team_id: whose request it is, once that is known.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        field: str | None,
        message: str,
        headers: Mapping[str, str] | None = None,
        team_id: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.field = field
        self.message = message
        self.headers = dict(headers or {})
        self.team_id = team_id


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


class Space:
    """The bytes that all bodies that are held at a time may have together.

    A body finds room as its bytes come, so that a sender that sends nothing keeps none.
    """

    def __init__(self, size: int) -> None:
        self._free = size

    @asynccontextmanager
    async def body(self, request: Request, *, limit: int = MAX_BODY_BYTES) -> AsyncIterator[bytes]:
        """The body as it was sent; it takes its room until the block is left.

        Raises:
            Refused: it is longer than ``limit`` bytes (413), its sender hung up (400) or takes
                too long (408), or there is no room for it now (503).
        """
        held = 0

        def has_room(size: int) -> bool:
            nonlocal held
            if size > self._free:
                return False
            self._free, held = self._free - size, held + size
            return True

        try:
            yield await _read(request, limit, has_room)
        finally:
            self._free += held


async def drain(request: Request) -> None:
    """Read a body and keep nothing of it: who is cut off while it sends never sees the answer."""
    try:
        await _read(request, MAX_BODY_BYTES, lambda _: False)
    except Refused:
        return


async def _read(request: Request, limit: int, has_room: Callable[[int], bool]) -> bytes:
    kept, size, fits = BytesIO(), 0, True
    try:
        with anyio.fail_after(_MAX_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                fits = fits and size <= limit and has_room(len(chunk))
                if fits:
                    kept.write(chunk)
                elif size <= _PATIENCE * limit:
                    # Read on: who is cut off while it still sends never sees the answer.
                    kept = BytesIO()
                else:
                    break
    except ClientDisconnect:
        raise bad_body("ended before it was complete") from None
    except TimeoutError:
        message = f"body: was not complete after {_MAX_SECONDS} seconds"
        raise Refused(408, "RequestTimeout", "body", message) from None
    if size > limit:
        raise too_large(limit)
    if not fits:
        message = "too many large requests at a time; send it again later"
        wait = {"Retry-After": str(_RETRY_AFTER_SECONDS)}
        raise Refused(503, "ServiceUnavailable", None, message, wait)
    return kept.getvalue()


def unpacked(body: bytes, encoding: str, *, limit: int = MAX_BODY_BYTES) -> bytes:
    """The body without its ``Content-Encoding``: none, gzip, deflate or zstd.

    Raises:
        Refused: it is broken or incomplete (400), unpacks to more than ``limit`` bytes (413),
            or the encoding is not known (415).
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return body
    new_decoder = _decoder_of(name, body)
    if new_decoder is None:
        message = "Content-Encoding: must be gzip, deflate, zstd or identity"
        raise Refused(415, "UnsupportedMediaType", "Content-Encoding", message)
    try:
        return _unpack(body, new_decoder, limit)
    except (zlib.error, zstandard.ZstdError):
        raise bad_body(f"is no valid {name}") from None
    except EOFError:
        raise bad_body(f"its {name} ends too early; part of it is missing") from None


def too_large(limit: int) -> Refused:
    """The refusal of a body with more bytes than ``limit``."""
    message = f"a request may hold {limit} bytes at most, also when unpacked"
    return Refused(413, "PayloadTooLarge", "body", message)


def bad_body(problem: str) -> Refused:
    """The refusal of a body that cannot be read."""
    return Refused(400, "InvalidInputError", "body", f"body: {problem}")


def _decoder_of(name: str, body: bytes) -> Callable[[], _Decoder] | None:
    if name in ("gzip", "x-gzip"):
        return lambda: zlib.decompressobj(wbits=31)
    if name == "deflate":
        # Meant is the zlib format; some clients send the bare stream.
        wbits = 15 if _is_zlib(body) else -15
        return lambda: zlib.decompressobj(wbits=wbits)
    if name == "zstd":
        return zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES).decompressobj
    return None


def _is_zlib(body: bytes) -> bool:
    return len(body) > 1 and body[0] & 15 == 8 and (body[0] << 8 | body[1]) % 31 == 0


def _unpack(body: bytes, new_decoder: Callable[[], _Decoder], limit: int) -> bytes:
    """Raises EOFError if the last frame is incomplete."""
    decoder, frames = new_decoder(), 1
    whole, size = BytesIO(), 0
    for start in range(0, len(body), _SLICE_BYTES):
        rest = body[start : start + _SLICE_BYTES]
        while rest:
            if decoder.eof:
                decoder, frames = new_decoder(), frames + 1
            if frames > _MAX_FRAMES:
                raise bad_body(f"is packed in more than {_MAX_FRAMES} parts")
            piece = decoder.decompress(rest)
            size += len(piece)
            if size > limit:
                raise too_large(limit)
            whole.write(piece)
            rest = decoder.unused_data if decoder.eof else b""
    if not decoder.eof:
        raise EOFError
    return whole.getvalue()
