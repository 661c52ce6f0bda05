"""Bodies of strangers: bounded, packed in several ways, broken in many."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import zstandard
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st

from trace_clustering.constants import MAX_BODY_BYTES
from trace_clustering.web import payloads
from trace_clustering.web.payloads import Refused, Space, drain, unpacked

TEXT = b'{"batch": [1, 2, 3]}' * 300


def bare_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def streamed_zstd(data: bytes) -> bytes:
    """Without the size in its head, as a stream is packed."""
    return zstandard.ZstdCompressor(write_content_size=False).compress(data)


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    " GZIP ": gzip.compress,
    "deflate": zlib.compress,
    "Deflate": bare_deflate,
    "zstd": zstandard.ZstdCompressor().compress,
    "ZSTD": streamed_zstd,
    "": bytes,
    "identity": bytes,
}
PACKED = [name for name, pack in PACKERS.items() if pack is not bytes]


def refusal(body: bytes, encoding: str, limit: int = MAX_BODY_BYTES) -> tuple[int, str]:
    with pytest.raises(Refused) as refused:
        unpacked(body, encoding, limit=limit)
    return refused.value.status, refused.value.message


def status_of(body: bytes, encoding: str) -> int:
    try:
        unpacked(body, encoding)
    except Refused as refused:
        return refused.status
    return 200


class Sender:
    """Sends a body in pieces, as a server hands it on; ``sent`` says how many were asked for."""

    def __init__(
        self, pieces: Iterator[bytes], *, hangs_up: bool = False, stalls: bool = False
    ) -> None:
        self.pieces = pieces
        self.hangs_up = hangs_up
        self.stalls = stalls
        self.sent = 0

    async def __call__(self) -> dict[str, Any]:
        piece = next(self.pieces, None)
        if piece is None and self.stalls:
            await asyncio.Event().wait()
        if piece is None and self.hangs_up:
            return {"type": "http.disconnect"}
        self.sent += piece is not None
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    def read(self, limit: int = 100) -> bytes:
        return asyncio.run(self.held(Space(10_000), limit))

    async def held(self, space: Space, limit: int = 100) -> bytes:
        async with space.body(self.request(), limit=limit) as body:
            return body

    def request(self) -> Request:
        return Request({"type": "http", "method": "POST", "headers": []}, self)


@pytest.mark.parametrize("encoding", PACKERS)
def test_what_was_packed_is_unpacked(encoding: str) -> None:
    pack = PACKERS[encoding]
    for data in (TEXT, b"", b"x", bytes(100_000)):
        assert unpacked(pack(data), encoding) == data


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_several_frames_are_one_body(encoding: str) -> None:
    pack = PACKERS[encoding]
    assert unpacked(pack(b"a" * 3000) + pack(b"") + pack(b"b"), encoding) == b"a" * 3000 + b"b"


@pytest.mark.parametrize("encoding", PACKED)
def test_a_body_cut_short_is_refused_with_the_reason(encoding: str) -> None:
    whole = PACKERS[encoding](TEXT)
    for length in (0, 1, 5, len(whole) // 2, len(whole) - 1):
        status, message = refusal(whole[:length], encoding)
        assert status == 400
        assert "ends too early; part of it is missing" in message


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
@pytest.mark.parametrize("body", [b"no such thing", TEXT, b"\xff" * 50])
def test_a_body_that_is_no_such_thing(encoding: str, body: bytes) -> None:
    assert refusal(body, encoding) == (400, f"body: is no valid {encoding}")


def test_what_follows_a_frame_must_be_one() -> None:
    assert refusal(gzip.compress(TEXT) + b"rubbish", "gzip") == (400, "body: is no valid gzip")


@pytest.mark.parametrize("encoding", ["br", "compress", "gzip, gzip", "nonsense", "\u00e9"])
def test_an_unknown_encoding(encoding: str) -> None:
    status, message = refusal(b"", encoding)
    assert (status, message) == (
        415,
        "Content-Encoding: must be gzip, deflate, zstd or identity",
    )


@pytest.mark.parametrize("encoding", PACKED)
def test_the_bound_holds_for_what_comes_out(encoding: str) -> None:
    body = PACKERS[encoding](bytes(5000))
    assert len(unpacked(body, encoding, limit=5000)) == 5000
    status, message = refusal(body, encoding, 4999)
    assert (status, message) == (413, "a request may hold 4999 bytes at most, also when unpacked")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd", "ZSTD"])
def test_a_bomb_stops_at_the_bound(encoding: str) -> None:
    bomb = PACKERS[encoding](bytes(100_000_000))
    assert len(bomb) < 100_000
    tracemalloc.start()
    try:
        assert refusal(bomb, encoding, 1_000_000)[0] == 413
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()


def test_a_window_that_no_http_client_uses_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=27, enable_ldm=True)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    body = packer.compress(bytes(1000)) + packer.flush()
    assert refusal(body, "zstd") == (400, "body: is no valid zstd")


def test_countless_frames_are_refused() -> None:
    assert unpacked(gzip.compress(b"") * 10_000, "gzip") == b""
    status, message = refusal(gzip.compress(b"") * 10_001, "gzip")
    assert (status, message) == (400, "body: is packed in more than 10000 parts")


@given(st.sampled_from(PACKED), st.binary(max_size=300), st.integers(0, 400), st.integers(0, 255))
def test_one_wrong_byte_is_no_surprise(encoding: str, data: bytes, place: int, wrong: int) -> None:
    body = bytearray(PACKERS[encoding](data))
    body[place % len(body)] = wrong
    assert status_of(bytes(body), encoding) in (200, 400)


@given(st.sampled_from(PACKED), st.binary(max_size=300))
def test_any_bytes_are_unpacked_or_refused(encoding: str, body: bytes) -> None:
    assert status_of(body, encoding) in (200, 400)


# -- reading ------------------------------------------------------------------------------------


def test_a_body_is_read_whole() -> None:
    assert Sender(iter([b"ab", b"", b"c"])).read() == b"abc"
    assert Sender(iter([])).read() == b""
    assert Sender(iter([b"x" * 100])).read(100) == b"x" * 100


def test_a_body_may_be_too_large() -> None:
    with pytest.raises(Refused) as refused:
        Sender(iter([b"x" * 60, b"x" * 41])).read(100)
    assert refused.value.status == 413


def test_a_sender_gets_to_its_end_unless_it_has_none() -> None:
    late = Sender(iter([b"x" * 100] * 4))
    with pytest.raises(Refused):
        late.read(100)
    assert late.sent == 4
    endless = Sender(iter(lambda: b"x" * 100, b""))
    with pytest.raises(Refused):
        endless.read(100)
    assert endless.sent == 5


def test_a_sender_that_hangs_up() -> None:
    with pytest.raises(Refused) as refused:
        Sender(iter([b"half"]), hangs_up=True).read()
    assert (refused.value.status, refused.value.message) == (
        400,
        "body: ended before it was complete",
    )


def test_bodies_share_the_space_as_long_as_they_are_held() -> None:
    async def check() -> None:
        space = Space(100)
        late = Sender(iter([b"x" * 40] * 3))
        async with space.body(Sender(iter([b"x" * 60])).request()):
            with pytest.raises(Refused) as refused:
                await late.held(space, 1000)
            assert (refused.value.status, refused.value.headers) == (503, {"Retry-After": "10"})
            assert late.sent == 3
            assert await Sender(iter([b"x" * 40])).held(space) == b"x" * 40
        assert await Sender(iter([b"x" * 100])).held(space) == b"x" * 100

    asyncio.run(check())


@pytest.mark.parametrize("pieces", [[b"x" * 90, b"x" * 90], [b"x" * 90, b"y"]])
def test_a_body_that_fails_leaves_its_space(pieces: list[bytes]) -> None:
    async def check() -> None:
        space = Space(100)
        with pytest.raises(Refused):
            await Sender(iter(pieces), hangs_up=True).held(space)
        with pytest.raises(RuntimeError):
            async with space.body(Sender(iter([b"x" * 100])).request()):
                raise RuntimeError
        assert await Sender(iter([b"x" * 100])).held(space) == b"x" * 100

    asyncio.run(check())


def test_a_sender_may_not_take_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payloads, "_MAX_SECONDS", 0)
    with pytest.raises(Refused) as refused:
        Sender(iter([b"x"]), stalls=True).read()
    assert refused.value.status == 408


def test_what_is_drained_is_read_to_its_end() -> None:
    async def check() -> None:
        sender = Sender(iter([b"x" * 100] * 4))
        await drain(sender.request())
        assert sender.sent == 4
        await drain(Sender(iter([b"x"]), hangs_up=True).request())

    asyncio.run(check())
