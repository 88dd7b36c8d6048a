"""The colours: said in two places alike, readable, in order, and to be told apart by everybody."""

from __future__ import annotations

import tomllib
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest

from charts.theme import INKS, LAYERS, MODES, NETWORKS, PAPER, REFERENCE, Mode, shade
from model.experiment import MOST_LAYERS

ROOT = Path(__file__).parents[2]

# What is left of linear RGB without one kind of cone (Machado, Oliveira & Fernandes 2009, table 1).
SIGHT = {
    "all colours": np.eye(3),
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
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def linear(colour: str) -> np.ndarray:
    """Linear RGB (IEC 61966-2-1)."""
    c = np.array(list(bytes.fromhex(colour[1:]))) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """Contrast (WCAG 2.1)."""
    a, b = sorted(float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (one, other))
    return (b + 0.05) / (a + 0.05)


def oklab(rgb: np.ndarray) -> np.ndarray:
    """OKLab of linear RGB (Ottosson 2020)."""
    cones = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    lab = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    return np.array(lab @ np.cbrt(cones @ rgb))


def apart(one: str, other: str, sight: np.ndarray) -> float:
    """How far two colours lie apart for somebody, in OKLab times 100."""
    a, b = (oklab(np.clip(sight @ linear(c), 0, 1)) for c in (one, other))
    return 100 * float(np.linalg.norm(a - b))


@pytest.mark.parametrize("mode", MODES)
def test_the_page_has_the_colours_of_the_theme(mode: Mode) -> None:
    page = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))["theme"][mode]
    assert page["chartCategoricalColors"] == list(LAYERS[mode])
    assert page["backgroundColor"] == PAPER[mode]
    for text in ("textColor", "orangeTextColor", "violetTextColor"):
        assert contrast(page[text], page["secondaryBackgroundColor"]) >= 4.5


@pytest.mark.parametrize("mode", MODES)
def test_every_colour_stands_out_from_its_ground(mode: Mode) -> None:
    assert contrast(INKS[mode], PAPER[mode]) >= 4.5
    for colour in (*LAYERS[mode], *NETWORKS, REFERENCE):
        assert contrast(colour, PAPER[mode]) >= 3, colour


@pytest.mark.parametrize("mode", MODES)
def test_layers_are_a_ramp_from_dark_to_light(mode: Mode) -> None:
    lightness = [oklab(linear(colour))[0] for colour in LAYERS[mode]]
    assert lightness == sorted(lightness)


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("mode", MODES)
def test_layers_and_networks_can_be_told_apart(mode: Mode, sight: str) -> None:
    seen, ramp = SIGHT[sight], LAYERS[mode]
    whole = sight == "all colours"
    neighbours = min(apart(a, b, seen) for a, b in pairwise(ramp))
    assert neighbours >= (5 if whole else 2.6)
    three = [ramp[shade(place, 3)] for place in range(3)]
    assert min(apart(a, b, seen) for a, b in combinations(three, 2)) >= (18 if whole else 14)
    assert apart(*NETWORKS, seen) >= (20 if whole else 14)


def test_a_network_of_any_depth_takes_the_ramp_from_end_to_end_in_order() -> None:
    for layers in range(2, MOST_LAYERS + 1):
        shades = [shade(place, layers) for place in range(layers)]
        assert (shades[0], shades[-1]) == (0, len(LAYERS["light"]) - 1)
        assert shades == sorted(set(shades))
