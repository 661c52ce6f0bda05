"""One colour for each cluster, distinguishable up to thirty of them, by colour-blind eyes too.

The first six are near those of Okabe and Ito, "Color Universal Design" (2008). The others were
found by farthest-point search in OKLab (Ottosson 2020), where the distance of two colours is the
smallest of those that normal, protanopic and deuteranopic eyes see (Machado et al. 2009), within
bounds of chroma and lightness that keep them calm. Beyond a handful no colour is told by colour
alone: everywhere a number or a name stands beside it.
"""

from __future__ import annotations

from collections.abc import Sequence

COLOURS = 30
"""So many groups have colours of their own; then they begin anew."""

LIGHT = (
    *("#0072b4", "#de9000", "#00966c", "#c65496", "#54b4ea", "#ba4212", "#5a2478", "#c6c678"),
    *("#900c00", "#303096", "#ae7ede", "#72663c", "#721854", "#fca8d8", "#9cb454", "#a8bafc"),
    *("#00d8de", "#cc9cae", "#ae8400", "#4e5436", "#9660cc", "#9c5a7e", "#78368a", "#789c7e"),
    *("#187200", "#9c3078", "#664eba", "#ea6666", "#66843c", "#6c90fc"),
)
DARK = (
    *("#54b4ea", "#e49c00", "#00c08a", "#de78c0", "#f0de48", "#d26600", "#247878", "#96fcfc"),
    *("#8a4eb4", "#72a254", "#a86cc6", "#a2c6fc", "#9c5a36", "#bac630", "#fcf6d2", "#fcaed2"),
    *("#54eaa2", "#c0fc8a", "#d296d8", "#8ac05a", "#a88afc", "#b49600", "#ba5aa2", "#726cd8"),
    *("#ba480c", "#788a0c", "#00965a", "#60724e", "#d2ccf0", "#6096e4"),
)


def colour_index(group_id: int) -> int:
    """Which of the colours a cluster or group has, 0 to 29."""
    return group_id % COLOURS


def palette_css() -> str:
    """The colours as custom properties ``--c0`` … ``--c29``, for both schemes.

    What has the class ``c3`` finds its own colour in ``--own``.
    """
    light, dark = _properties(LIGHT), _properties(DARK)
    classes = "\n".join(f".c{i} {{ --own: var(--c{i}); }}" for i in range(COLOURS))
    return (
        f":root {{ {light} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root:not([data-theme=light]) {{ {dark} }} }}\n"
        f":root[data-theme=dark] {{ {dark} }}\n"
        f"{classes}\n"
    )


def _properties(colours: Sequence[str]) -> str:
    return " ".join(f"--c{i}: {colour};" for i, colour in enumerate(colours))
