"""Long lists for bound parameters, split so that a server takes each part."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

# A server refuses a parameter of 128 KiB (its http_max_field_value_size) and an address of 1 MiB
# (http_max_uri_size), in which each byte may have become three.
MAX_PARAMETER_BYTES = 96 * 1024

_ESCAPED = re.compile(r"[\\'\x00-\x1f]")


def parts(values: Iterable[str]) -> Iterator[list[str]]:
    """Each value once, in order, in lists that fit into one parameter; none if there are none."""
    part: list[str] = []
    size = 0
    for value in dict.fromkeys(values):
        # Within quotes, with what separates it from the next.
        needed = len(value.encode()) + len(_ESCAPED.findall(value)) + 4
        if part and size + needed > MAX_PARAMETER_BYTES:
            yield part
            part, size = [], 0
        part.append(value)
        size += needed
    if part:
        yield part
