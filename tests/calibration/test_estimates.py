"""A number and its standard error are written to the digits that the error supports, in one multiple of the unit."""

from __future__ import annotations

from math import inf

import pytest

from simasgd.calibration.laws.law_fit import write_distance
from simasgd.calibration.laws.standard_errors import Estimate, Unit


@pytest.mark.parametrize(
    ("value", "error", "unit", "expected"),
    [
        (0.00126952, 6.3e-6, "s", "1.2695 ± 0.0063 ms"),
        (0.520083, 0.23, "s", "520 ± 230 ms"),
        (1e-4, 3.3e-18, "s", "100 µs"),
        (0.0, inf, "s", "0 s (standard error unknown)"),
        (0.0, 2e-6, "s", "0.0 ± 2.0 µs"),
        (3.01133, 0.071, "", "3.011 ± 0.071"),
        (1.0, 0.0996, "", "1.00 ± 0.10"),
        (10_506.0, 123.0, "", "10,510 ± 120"),
        (1.25e9, 3.4e7, "B/s", "1.250 ± 0.034 GB/s"),
    ],
)
def test_the_number_ends_where_its_error_does(value: float, error: float, unit: Unit, expected: str) -> None:
    assert Estimate(value, error).describe(unit) == expected


@pytest.mark.parametrize(("distance", "expected"), [(0.0104, "0.010"), (0.0207, "0.021"), (0.0004, "below 0.001")])
def test_a_distance_has_one_form(distance: float, expected: str) -> None:
    assert write_distance(distance) == expected
