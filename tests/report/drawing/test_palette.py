"""Colours that differ for every reader, and text that stands out, by computation."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest

from simasgd.report.drawing import palette, svg

Colour = npt.NDArray[np.float64]

# What is seen of linear RGB, after Machado, Oliveira and Fernandes (2009), at full severity.
READERS = {
    "all colours": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}  # fmt: skip
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)  # fmt: skip
APART = 12.0
"""Colours of lines are told apart with ease from some 10 in CIEDE2000."""


def linear(colour: str) -> Colour:
    """Return the linear RGB of an sRGB colour."""
    part = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)


def lab(rgb: Colour) -> Colour:
    """Return CIELAB (D65) of linear RGB."""
    relative = (TO_XYZ @ rgb) / TO_XYZ.sum(axis=1)
    root = np.where(relative > 216 / 24389, np.cbrt(relative), (24389 / 27 * relative + 16) / 116)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2."""
    light, dark = sorted((float(TO_XYZ[1] @ linear(colour)) for colour in (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def difference(one: Colour, other: Colour) -> float:
    """Return CIEDE2000 (Sharma, Wu and Dalal 2005) of two colours in CIELAB."""
    (l1, a1, b1), (l2, a2, b2) = one, other
    chroma = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    more = 1.5 - 0.5 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    c1, c2 = np.hypot(more * a1, b1), np.hypot(more * a2, b2)
    h1, h2 = (np.degrees(np.arctan2(b, more * a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = 0.0 if c1 * c2 == 0 else (h2 - h1 + 180) % 360 - 180
    hue = h1 + h2 if c1 * c2 == 0 else (h1 + turn / 2) % 360
    light, chroma = (l1 + l2) / 2 - 50, (c1 + c2) / 2
    angles = ((-0.17, 1, -30), (0.24, 2, 0), (0.32, 3, 6), (-0.20, 4, -63))
    t = 1 + sum(weight * np.cos(np.radians(times * hue + shift)) for weight, times, shift in angles)
    d_light = (l2 - l1) / (1 + 0.015 * light**2 / np.sqrt(20 + light**2))
    d_chroma = (c2 - c1) / (1 + 0.045 * chroma)
    d_hue = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2)) / (1 + 0.015 * chroma * t)
    spin = 2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7)) * np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2))))
    return float(np.sqrt(d_light**2 + d_chroma**2 + d_hue**2 - spin * d_chroma * d_hue))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, 2.5, 0.0), (50.0, 0.0, -2.5), 4.3065),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_the_difference_of_colours_is_the_published_one(
    one: tuple[float, ...], other: tuple[float, ...], expected: float
) -> None:
    assert difference(np.array(one), np.array(other)) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("paper", [palette.LIGHT, palette.DARK], ids=["light and print", "dark"])
def test_series_differ_for_every_reader(paper: dict[str, str], reader: str) -> None:
    seen = [lab(np.clip(READERS[reader] @ linear(paper[f"series-{i}"]), 0.0, 1.0)) for i in range(palette.NUM_SERIES)]
    least = min((difference(seen[i], seen[k]), i, k) for i, k in combinations(range(palette.NUM_SERIES), 2))
    assert least[0] >= APART, least


@pytest.mark.parametrize("paper", [palette.LIGHT, palette.DARK], ids=["light and print", "dark"])
def test_marks_and_texts_stand_out(paper: dict[str, str]) -> None:
    for name in (*(f"series-{i}" for i in range(palette.NUM_SERIES)), "ink", "muted", "fault", "accent"):
        assert contrast(paper[name], paper["card"]) >= 3.0, name
    for name in ("ink", "muted", "accent"):
        for ground in ("paper", "card", "code", "note"):
            if (name, ground) != ("muted", "note"):
                assert contrast(paper[name], paper[ground]) >= 4.5, (name, ground)
    for activity in palette.ACTIVITIES:
        assert contrast(paper[f"on-{activity}"], paper[activity]) >= 4.5, activity


def test_a_colour_of_light_paper_belongs_to_one_variable() -> None:
    assert len(set(palette.LIGHT.values())) == len(palette.LIGHT)
    assert palette.LIGHT.keys() == palette.DARK.keys()


def test_sixty_four_series_differ_in_colour_or_marker() -> None:
    looks = {(svg.choose_series_colour(i), svg.choose_series_marker(i)) for i in range(64)}
    assert len(looks) == 64
