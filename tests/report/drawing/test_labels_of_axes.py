"""Every axis of the figures of a fit and of a validation says what it shows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from simasgd.calibration.fit import Calibration, calibrate
from simasgd.calibration.links import LineFit
from simasgd.report.calibration import figures as of_fits
from simasgd.report.validation import figures as of_validations


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory) -> Calibration:
    """Return the fit of two unlike learners, two sizes of mini-batches and two of messages."""
    random = np.random.default_rng(1)
    many = 100
    compute = np.repeat([0.1, 0.2], many) * np.tile([1.0, 2.0], many) * random.gamma(25.0, 1 / 25.0, 2 * many)
    log = pd.DataFrame(
        {
            "learner": [*np.repeat([0, 1], many), *[0] * 40],
            "operation": ["compute"] * 2 * many + ["push"] * 40,
            "seconds": [*compute, *np.tile([0.001, 0.002], 20)],
            "mini_batch": [*np.tile([8.0, 16.0], many), *[np.nan] * 40],
            "bytes": [*[np.nan] * 2 * many, *np.tile([1e6, 2e6], 20)],
        }
    )
    path = tmp_path_factory.mktemp("axes") / "log.parquet"
    log.to_parquet(path)
    return calibrate([path])


def _link(fit: Calibration) -> LineFit:
    assert fit.link is not None
    return fit.link


DRAWN: dict[str, Callable[[Calibration], Figure]] = {
    "quantiles": lambda fit: of_fits.draw_quantiles(fit.compute, fit.compute.law),
    "autocorrelation": lambda fit: of_fits.draw_autocorrelation(fit.compute.autocorrelation, fit.compute.mini_batches),
    "speeds": lambda fit: of_fits.draw_speeds(fit.compute),
    "sizes": lambda fit: of_fits.draw_sizes(fit.compute),
    "messages": lambda fit: of_fits.draw_messages(_link(fit)),
    "residuals": lambda fit: of_fits.draw_residuals(_link(fit)),
    "progress": lambda _: of_validations.draw_progress([([0.0, 1.0], [1, 2])] * 2, [0.0, 0.5]),
    "staleness": lambda _: of_validations.draw_staleness([1, 2], [2, 1]),
}


@pytest.mark.parametrize("name", DRAWN)
def test_both_axes_have_a_label(name: str, fit: Calibration) -> None:
    for axes in DRAWN[name](fit).axes:
        assert axes.get_xlabel()
        assert axes.get_ylabel()
