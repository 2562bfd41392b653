"""The bars of a learner's cycle show the shares that the table has."""

from __future__ import annotations

import pytest

from simasgd.report.validation.figures import list_shares
from simasgd.validation.measures import OTHER, REST


def test_the_sum_of_all_but_computing_does_not_count_beside_its_parts() -> None:
    shares = list_shares({"pull": 0.15, "compute": 0.8, OTHER: 0.05, REST: 0.2})
    assert shares == pytest.approx({"compute": 0.8, "pull": 0.15, OTHER: 0.05})
