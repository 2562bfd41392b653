"""The rules that change a gradient by its staleness. The union `Modulation` is the registry."""

from __future__ import annotations

from typing import Annotated

from simasgd.scenario.learning.modulation.adaptive import Koloskova, Mishchenko, WuAdaptive1, WuAdaptive2
from simasgd.scenario.learning.modulation.base import AbstractModulation, RunFact
from simasgd.scenario.learning.modulation.compensation import AdaptiveDelayCompensation, DelayCompensation, GapAware
from simasgd.scenario.learning.modulation.momentum import DanaDC, DanaSlim, DanaZero, LearnerMomentum
from simasgd.scenario.learning.modulation.staleness import (
    DefaultModulation,
    ExponentialStaleness,
    InverseMeanStaleness,
    InverseStaleness,
    NoModulation,
    PolynomialStaleness,
    SqrtBatch,
    StalenessTable,
)
from simasgd.scenario.vocabulary.on_demand import ByKind
from simasgd.scenario.vocabulary.section import NameForKind

__all__ = [
    "AbstractModulation",
    "AdaptiveDelayCompensation",
    "DanaDC",
    "DanaSlim",
    "DanaZero",
    "DefaultModulation",
    "DelayCompensation",
    "ExponentialStaleness",
    "GapAware",
    "InverseMeanStaleness",
    "InverseStaleness",
    "Koloskova",
    "LearnerMomentum",
    "Mishchenko",
    "Modulation",
    "NoModulation",
    "PolynomialStaleness",
    "RunFact",
    "SqrtBatch",
    "StalenessTable",
    "WuAdaptive1",
    "WuAdaptive2",
]

Modulation = Annotated[
    DefaultModulation
    | NoModulation
    | InverseStaleness
    | InverseMeanStaleness
    | SqrtBatch
    | PolynomialStaleness
    | ExponentialStaleness
    | StalenessTable
    | DelayCompensation
    | AdaptiveDelayCompensation
    | GapAware
    | WuAdaptive1
    | WuAdaptive2
    | Mishchenko
    | Koloskova
    | DanaSlim
    | LearnerMomentum
    | DanaZero
    | DanaDC,
    ByKind(),
    NameForKind,
]
