"""What a page has to bring along so that plotly keeps to the page's policy."""

from __future__ import annotations

import re
from functools import cache

from trace_clustering.web.static_files import static_file

# A part of plotly that draws maps of the world writes its style sheet into the page, unless an
# element is there that has the digest of it as its id.
_GUARDED = re.compile(rb'getElementById\("([0-9a-f]{64})"\)')


@cache
def plotly_style_ids() -> tuple[str, ...]:
    """The ids of style elements that plotly would write; what has one is left alone."""
    found = _GUARDED.findall(static_file("plotly.min.js").content)
    return tuple(sorted({one.decode() for one in found}))
