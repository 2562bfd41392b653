"""A row for every modulation, model, optimizer, compression and data set.

Tests hold each table equal to the union that is its registry, and take what they try from here. So a new member joins every
law by adding a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, get_args

from simasgd.scenario.learning.compression import Compression
from simasgd.scenario.learning.data import Data
from simasgd.scenario.learning.models import ModelKind
from simasgd.scenario.learning.modulation import Modulation
from simasgd.scenario.learning.optimizers import Optimizer
from simasgd.scenario.vocabulary.section import Section


@dataclass(frozen=True)
class Row:
    """One member of a union."""

    typical: Mapping[str, Any] = field(default_factory=dict)
    """Its parameters, where the defaults do not do."""
    differ: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    """For every parameter two values with different results, the others as in `typical`."""


OF_ADAM = {"b1": (0.9, 0.5), "b2": (0.999, 0.5), "eps": (1e-8, 1.0), "nesterov": (False, True)}
OF_OPTIMIZERS = {"learning_rate": (0.1, 0.2), "weight_decay": (0.0, 0.5), "clip": (None, 0.1)}
RATE = {"learning_rate": 0.1}
OF_IMAGES = {"subtract_mean": (False, True), "crop": (0, 2), "flip": (False, True)}
OF_REGRESSIONS = {"features": (4, 5), "samples": (10, 20), "test": (10, 20), "condition": (1.0, 2.0)}
SMALL = {"features": 4, "samples": 10}

MODULATIONS = {
    "default": Row(),
    "none": Row(),
    "inverse-staleness": Row(),
    "inverse-mean-staleness": Row(),
    "sqrt-batch": Row({"reference": 8}, {"reference": (8, 9)}),
    "polynomial-staleness": Row({}, {"power": (0.5, 1.0)}),
    "exponential-staleness": Row({"rate": 0.2}, {"rate": (0.2, 0.3)}),
    "staleness-table": Row({"factors": [1, 0.5]}, {"factors": ([1, 0.5], [1, 0.4])}),
    "delay-compensation": Row({}, {"lambda0": (0.04, 2.0)}),
    "adaptive-delay-compensation": Row({}, {"lambda0": (2.0, 1.0), "decay": (0.95, 0.0)}),
    "gap-aware": Row({}, {"decay": (0.95, 0.5)}),
    "wu-adaptive-1": Row({}, {"fraction": (0.9, 0.5)}),
    "wu-adaptive-2": Row(),
    "mishchenko": Row({"smoothness": 5.0}, {"smoothness": (5.0, 6.0)}),
    "koloskova": Row({"smoothness": 5.0}, {"smoothness": (5.0, 6.0), "threshold": (None, 2)}),
    "dana-slim": Row({}, {"decay": (0.9, 0.5)}),
    "learner-momentum": Row({}, {"decay": (0.9, 0.5)}),
    "dana-zero": Row({}, {"decay": (0.9, 0.5)}),
    "dana-dc": Row({}, {"decay": (0.9, 0.5), "lambda0": (2.0, 1.0)}),
}
OPTIMIZERS = {
    "sgd": Row({**RATE, "momentum": 0.9}, {**OF_OPTIMIZERS, "momentum": (0.9, {"total": 0.9}), "nesterov": (False, True)}),
    "adagrad": Row(RATE, {**OF_OPTIMIZERS, "initial_accumulator_value": (0.1, 0.2), "eps": (1e-7, 1.0)}),
    "adam": Row(RATE, {**OF_OPTIMIZERS, **OF_ADAM}),
    "adamw": Row(RATE, {**OF_OPTIMIZERS, **OF_ADAM}),
    "rmsprop": Row(
        {**RATE, "momentum": 0.5},
        {
            **OF_OPTIMIZERS,
            "decay": (0.9, 0.5),
            "eps": (1e-8, 1.0),
            "initial_scale": (0.0, 1.0),
            "centered": (False, True),
            "momentum": (0.5, 0.9),
            "nesterov": (False, True),
        },
    ),
}
COMPRESSIONS = {
    "none": Row(),
    "fp16": Row(),
    "top-k": Row({"fraction": 0.5}, {"fraction": (0.5, 0.25), "error_feedback": (True, False)}),
    "qsgd": Row({}, {"levels": (4, 1), "bucket": (None, 2)}),
    "sign": Row({}, {"error_feedback": (True, False)}),
}
MODELS = {
    "softmax": Row(),
    "linear": Row(),
    "logistic": Row(),
    "quadratic": Row({"spectrum": [2, 1, 0.5]}, {"spectrum": ([2, 1, 0.5], [2, 1, 1]), "start": (1.0, 2.0)}),
    "mlp": Row({"hidden": [8]}, {"hidden": ([8], [8, 8])}),
    "lenet5": Row(),
    "cifar10-rudra": Row(),
    "resnet18": Row(),
    "resnet20": Row(),
    "transformer": Row(
        {"layers": 1, "width": 12, "heads": 3, "context": 5},
        {"layers": (1, 2), "width": (12, 15), "heads": (3, 4), "context": (5, 6)},
    ),
    "own": Row({"parameters": 5}, {"parameters": (5, 6)}),
}
DATA = {
    "digits": Row({}, OF_IMAGES),
    "mnist": Row({}, OF_IMAGES),
    "fashion-mnist": Row({}, OF_IMAGES),
    "cifar10": Row({}, OF_IMAGES),
    "imagenet": Row(
        {"resolution": 16},
        {**OF_IMAGES, "resolution": (16, 32), "classes": (1000, 10), "train": (1000, 2000), "test": (10, 20)},
    ),
    "characters": Row(),
    "linear-regression": Row(SMALL, {**OF_REGRESSIONS, "noise": (0.1, 0.2)}),
    "logistic-regression": Row(SMALL, {**OF_REGRESSIONS, "scale": (4.0, 5.0)}),
    "noise": Row(SMALL, {"features": (4, 5), "samples": (10, 20), "deviation": (1.0, 2.0)}),
    "own": Row(
        {"samples": 10, "test": 5, "sample": [3]},
        {"samples": (10, 20), "test": (5, 6), "sample": ([3], [4]), "classes": (0, 2)},
    ),
}


class Family(NamedTuple):
    """A union, and the table of its members."""

    union: Any
    rows: Mapping[str, Row]

    @property
    def members(self) -> dict[str, type[Section]]:
        """The sections of the union by their kinds."""
        return {section.model_fields["kind"].default: section for section in get_args(get_args(self.union)[0])}

    def typical(self, kind: str, **changes: Any) -> Any:
        """Build the section of a kind with its row's parameters, some of them changed."""
        return self.members[kind].model_validate({**self.rows[kind].typical, **changes})

    def pairs(self) -> list[Any]:
        """Return (id, section, other) for every parameter of every row."""
        return [
            (f"{kind}.{key}", self.typical(kind, **{key: first}), self.typical(kind, **{key: second}))
            for kind, row in self.rows.items()
            for key, (first, second) in row.differ.items()
        ]


FAMILIES = {
    "modulation": Family(Modulation, MODULATIONS),
    "optimizer": Family(Optimizer, OPTIMIZERS),
    "compression": Family(Compression, COMPRESSIONS),
    "model": Family(ModelKind, MODELS),
    "data": Family(Data, DATA),
}
