from __future__ import annotations

import math
from typing import Any

import pint
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simasgd.scenario.vocabulary.units import BANDWIDTH, DIMENSIONS, SIZE, TIME, UNLIMITED, Dimension, parse, show


@pytest.mark.parametrize(
    ("text", "dimension", "value"),
    [
        ("2 ms", TIME, 2e-3),
        ("1.5 s", TIME, 1.5),
        ("3 min", TIME, 180.0),
        ("0.5 h", TIME, 1800.0),
        ("10 us", TIME, 10 * 1e-6),
        ("10 µs", TIME, 10 * 1e-6),  # U+00B5, the micro sign
        ("10 μs", TIME, 10 * 1e-6),  # U+03BC, the Greek letter
        ("7 ns", TIME, 7 * 1e-9),
        ("2ms", TIME, 2e-3),
        ("  2   ms ", TIME, 2e-3),
        ("+2 ms", TIME, 2e-3),
        (".5 s", TIME, 0.5),
        ("5. s", TIME, 5.0),
        ("1e-3 s", TIME, 1e-3),
        ("0 s", TIME, 0.0),
        (0, TIME, 0.0),
        (0.0, TIME, 0.0),
        (0, SIZE, 0.0),
        ("350 kB", SIZE, 350_000.0),
        ("289 MB", SIZE, 289e6),
        ("1.2 MiB", SIZE, 1.2 * 1048576),
        ("1 KiB", SIZE, 1024.0),
        ("8 bit", SIZE, 1.0),
        ("8 b", SIZE, 1.0),
        ("1 Mbit", SIZE, 125_000.0),
        ("25 Gbit/s", BANDWIDTH, 3.125e9),
        ("25 Gb/s", BANDWIDTH, 3.125e9),
        ("3.4 GB/s", BANDWIDTH, 3.4e9),
        ("1 TiB/s", BANDWIDTH, 2.0**40),
        ("8 Kibit/s", BANDWIDTH, 1024.0),
    ],
)
def test_right_quantities(text: Any, dimension: Dimension, value: float) -> None:
    assert parse(text, dimension) == value


@pytest.mark.parametrize(
    ("value", "dimension", "fragments"),
    [
        ("5 m", TIME, ["unknown unit 'm'", "did you mean 'ms' or 'min'?", "expected a time"]),
        ("5 sec", TIME, ["unknown unit 'sec'", "did you mean 's'?"]),
        ("5 S", TIME, ["did you mean 's'?"]),
        ("25 Gbps", BANDWIDTH, ["unknown unit 'Gbps'", "did you mean 'Gbit/s'?"]),
        ("25 Gbit", BANDWIDTH, ["'25 Gbit' is a size; expected a bandwidth", "25 Gbit/s"]),
        ("3 ms", SIZE, ["'3 ms' is a time; expected a size"]),
        ("3 GB/s", SIZE, ["is a bandwidth; expected a size"]),
        ("350 KB", SIZE, ["unknown unit 'KB'", "did you mean 'kB'?"]),
        ("350 kBB", SIZE, ["did you mean 'kB'?"]),
        ("3 parsecs", TIME, ["unknown unit 'parsecs' in '3 parsecs'"]),
        (2, TIME, ["2 has no unit", "expected a time (e.g. 2 ms, 1.5 s)"]),
        (0.25, SIZE, ["0.25 has no unit"]),
        ("2", TIME, ["'2' has no unit"]),
        ("0", SIZE, ["'0' is text; write 0 or '350 kB'"]),
        ("-1 us", TIME, ["'-1 us' is negative"]),
        (-3, TIME, ["-3 has no unit"]),
        ("1e400 s", TIME, ["is not finite"]),
        ("1e308 h", TIME, ["is not finite"]),
        (math.nan, TIME, ["NaN is not finite"]),
        (math.inf, TIME, ["inf is not finite"]),
        ("nan s", TIME, ["'nan s' is not a quantity"]),
        ("inf s", TIME, ["'inf s' is not a quantity"]),
        ("fast", TIME, ["'fast' is not a quantity"]),
        ("", TIME, ["'' is not a quantity"]),
        ("1 2 ms", TIME, ["is not a quantity"]),
        (True, TIME, ["true is not a quantity"]),
        (False, SIZE, ["false is not a quantity"]),
        (None, SIZE, ["null is not a quantity"]),
        (["1 s"], TIME, ["a list is not a quantity"]),
        ({"s": 1}, TIME, ["a mapping is not a quantity"]),
    ],
)
def test_wrong_quantities(value: Any, dimension: Dimension, fragments: list[str]) -> None:
    with pytest.raises(ValueError, match=r"expected|write") as caught:
        parse(value, dimension)
    for fragment in fragments:
        assert fragment in str(caught.value)


def test_an_unknown_unit_has_no_hint_where_none_is_near() -> None:
    with pytest.raises(ValueError, match="unknown unit 'xyzzy'") as caught:
        parse("3 xyzzy", TIME)
    assert "did you mean" not in str(caught.value)


def test_the_shown_text_is_short_and_customary() -> None:
    assert show(2e-3, TIME) == "2 ms"
    assert show(350e3, SIZE) == "350 kB"
    assert show(3.125e9, BANDWIDTH) == "3.125 GB/s"
    assert show(0.0, TIME) == "0 s"
    assert show(math.inf, BANDWIDTH) == UNLIMITED


_positive = st.floats(min_value=0.0, allow_nan=False, allow_infinity=False, allow_subnormal=True)
_usual = st.builds(lambda digits, exponent: digits * 10.0**exponent, st.integers(0, 99_999), st.integers(-15, 15))


@pytest.mark.parametrize("dimension", DIMENSIONS, ids=lambda dimension: dimension.name)
@settings(deadline=None)
@given(value=st.one_of(_positive, _usual))
def test_shown_then_parsed_is_the_same_float(dimension: Dimension, value: float) -> None:
    assert parse(show(value, dimension), dimension) == value


def _registry() -> pint.UnitRegistry:
    registry = pint.UnitRegistry(None)
    for line in (
        "milli- = 1e-3 = m-",
        "micro- = 1e-6 = u- = µ- = μ-",
        "nano- = 1e-9 = n-",
        "kilo- = 1e3 = k-",
        "mega- = 1e6 = M-",
        "giga- = 1e9 = G-",
        "tera- = 1e12 = T-",
        "kibi- = 2**10 = Ki-",
        "mebi- = 2**20 = Mi-",
        "gibi- = 2**30 = Gi-",
        "tebi- = 2**40 = Ti-",
        "second = [time] = s",
        "minute = 60 * second = min",
        "hour = 60 * minute = h",
        "bit = [information] = b",
        "byte = 8 * bit = B",
    ):
        registry.define(line)
    return registry


_REGISTRY = _registry()
_BASE = {TIME.name: "second", SIZE.name: "byte", BANDWIDTH.name: "byte / second"}


@pytest.mark.parametrize(
    ("dimension", "unit"),
    [(dimension, unit) for dimension in DIMENSIONS for unit in dimension.units],
    ids=lambda case: case if isinstance(case, str) else case.name,
)
@settings(max_examples=25, deadline=None)
@given(number=st.floats(min_value=1e-6, max_value=1e9))
def test_parse_agrees_with_pint(dimension: Dimension, unit: str, number: float) -> None:
    expected = _REGISTRY.Quantity(number, unit).to(_BASE[dimension.name]).magnitude
    assert parse(f"{number!r} {unit}", dimension) == pytest.approx(expected, rel=1e-14)
