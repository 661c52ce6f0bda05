"""The files that pages load: ours, the palette, and plotly's script out of its own package."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources

from trace_clustering.errors import NotFoundError
from trace_clustering.web.palette import palette_css

_MEDIA_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


@dataclass(frozen=True)
class StaticFile:
    """A file as it is sent.

    Attributes:
        digest: of the content; part of the address, so that it may be kept for ever.
    """

    content: bytes
    media_type: str
    digest: str

    @cached_property
    def compressed(self) -> bytes:
        # A page asks for the digest of a large file long before anyone asks for the file.
        return gzip.compress(self.content, 6, mtime=0)


@cache
def static_file(name: str) -> StaticFile:
    """A file by its name.

    Raises:
        NotFoundError: there is none of this name.
    """
    if name not in names():
        raise NotFoundError(f"there is no file {name!r}")
    content = _MADE[name]() if name in _MADE else _source(name)
    return StaticFile(
        content=content,
        media_type=_MEDIA_TYPES[name.rpartition(".")[2]],
        digest=hashlib.sha256(content).hexdigest()[:16],
    )


@cache
def names() -> frozenset[str]:
    """Of every file there is."""
    ours = resources.files("trace_clustering.web").joinpath("static").iterdir()
    endings = tuple(f".{ending}" for ending in _MEDIA_TYPES)
    return frozenset(file.name for file in ours if file.name.endswith(endings)) | _MADE.keys()


def _source(name: str) -> bytes:
    return resources.files("trace_clustering.web").joinpath("static", name).read_bytes()


def _plotly() -> bytes:
    return resources.files("plotly").joinpath("package_data", "plotly.min.js").read_bytes()


_MADE: dict[str, Callable[[], bytes]] = {
    "palette.css": lambda: palette_css().encode(),
    "plotly.min.js": _plotly,
}
