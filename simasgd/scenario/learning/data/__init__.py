"""The data sets. The union `Data` is the registry."""

from __future__ import annotations

from typing import Annotated

from simasgd.scenario.learning.data.base import DATA, AbstractData, DataShape, samples_of_epochs
from simasgd.scenario.learning.data.generated import AbstractRegression, Characters, LinearRegression, LogisticRegression, Noise
from simasgd.scenario.learning.data.images import AbstractImages, Cifar10, Digits, FashionMnist, ImageNet, Mnist
from simasgd.scenario.learning.data.own import OwnData
from simasgd.scenario.vocabulary.on_demand import ByKind
from simasgd.scenario.vocabulary.section import NameForKind

__all__ = [
    "DATA",
    "AbstractData",
    "AbstractImages",
    "AbstractRegression",
    "Characters",
    "Cifar10",
    "Data",
    "DataShape",
    "Digits",
    "FashionMnist",
    "ImageNet",
    "LinearRegression",
    "LogisticRegression",
    "Mnist",
    "Noise",
    "OwnData",
    "samples_of_epochs",
]

Data = Annotated[
    Digits | Mnist | FashionMnist | Cifar10 | ImageNet | Characters | LinearRegression | LogisticRegression | Noise | OwnData,
    ByKind(),
    NameForKind,
]
