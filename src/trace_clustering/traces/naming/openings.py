"""How traces begin, as it is quoted: masked, and without halves of what was cut."""

from __future__ import annotations

from trace_clustering.traces.masking import masked, masked_before_cut
from trace_clustering.traces.rendering import MAX_OPENING_CHARS, OPENING_HEAD_CHARS


def masked_opening(opening: str) -> str:
    """An opening, masked; of one from which something was left out, what stands well before that.

    What is left out may begin or end in the middle of an address or a key, and no pattern knows
    the half that stays.
    """
    if len(opening) < MAX_OPENING_CHARS:
        return masked(opening)
    head = masked_before_cut(opening[:OPENING_HEAD_CHARS])
    return f"{head[: max(head.rfind(' '), 0)]}…"
