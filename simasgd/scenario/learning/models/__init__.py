"""The models. The union `ModelKind` is the registry."""

from __future__ import annotations

from typing import Annotated

from simasgd.scenario.learning.models.base import AbstractModel
from simasgd.scenario.learning.models.convnets import Cifar10Rudra, LeNet5, pooled_size
from simasgd.scenario.learning.models.own import Own
from simasgd.scenario.learning.models.resnets import ResNet18, ResNet20
from simasgd.scenario.learning.models.simple import MLP, Linear, Logistic, Quadratic, Softmax
from simasgd.scenario.learning.models.transformers import Transformer
from simasgd.scenario.vocabulary.on_demand import ByKind
from simasgd.scenario.vocabulary.section import NameForKind

__all__ = [
    "MLP",
    "AbstractModel",
    "Cifar10Rudra",
    "LeNet5",
    "Linear",
    "Logistic",
    "ModelKind",
    "Own",
    "Quadratic",
    "ResNet18",
    "ResNet20",
    "Softmax",
    "Transformer",
    "pooled_size",
]

ModelKind = Annotated[
    Softmax | Linear | Logistic | Quadratic | MLP | LeNet5 | Cifar10Rudra | ResNet18 | ResNet20 | Transformer | Own,
    ByKind(),
    NameForKind,
]
