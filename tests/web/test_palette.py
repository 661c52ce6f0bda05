"""Colours that are told apart, by colour-blind eyes too, and that are seen on their background."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from trace_clustering.web.palette import COLOURS, DARK, LIGHT, palette_css

Floats = NDArray[np.float64]

# Ottosson, "A perceptual color space for image processing" (2020).
_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
# Machado, Oliveira, Fernandes, "A Physiologically-based Model" (2009), severity 1.
_EYES = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}
SCHEMES = {"light": (LIGHT, "#ffffff"), "dark": (DARK, "#1b1f26")}


def linear(colours: tuple[str, ...]) -> Floats:
    rgb = np.array([[int(one[i : i + 2], 16) / 255 for i in (1, 3, 5)] for one in colours])
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def nearest(colours: tuple[str, ...], eyes: str) -> float:
    """The smallest distance of two colours in OKLab; 0.02 is just noticeable."""
    seen = np.clip(linear(colours) @ _EYES[eyes].T, 0, 1)
    lab = np.cbrt(seen @ _TO_CONES.T) @ _TO_LAB.T
    return min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(lab, 2))


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("eyes", _EYES)
@pytest.mark.parametrize(("how_many", "least"), [(6, 0.045), (30, 0.03)])
def test_colours_are_told_apart(scheme: str, eyes: str, how_many: int, least: float) -> None:
    assert nearest(SCHEMES[scheme][0][:how_many], eyes) >= least


@pytest.mark.parametrize("scheme", SCHEMES)
def test_colours_are_seen_on_their_background(scheme: str) -> None:
    colours, background = SCHEMES[scheme]
    weights = np.array([0.2126, 0.7152, 0.0722])
    behind = float((linear((background,)) @ weights)[0])
    for luminance in linear(colours) @ weights:
        bright, dim = max(luminance, behind), min(luminance, behind)
        assert (bright + 0.05) / (dim + 0.05) >= 1.7


def test_the_style_sheet_has_every_colour_for_both_schemes() -> None:
    css = palette_css()
    assert len(LIGHT) == len(DARK) == len({*LIGHT}) == len({*DARK}) == COLOURS
    assert all(css.count(f"--c{i}: {LIGHT[i]};") == 1 for i in range(COLOURS))
    assert all(css.count(f"--c{i}: {DARK[i]};") == 2 for i in range(COLOURS))
    assert all(f".c{i} {{ --own: var(--c{i}); }}" in css for i in range(COLOURS))
