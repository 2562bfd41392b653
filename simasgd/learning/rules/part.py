"""Parts: functions of an update rule, kept as what builds them, so that their numbers can be arguments of a program."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, final

import jax

RuleNumber: TypeAlias = float | jax.Array
"""A number, or a vector of numbers: as written, or as it is known while a program is traced."""


@final
@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class RulePart:
    """A function of an update rule, such as an optax transformation, before it is built.

    It is built by build(*inner, name=number, …, **fixed), with the inner parts built first. A part is
    a pytree. Its leaves are the numbers, and all else is its structure. So a program that takes parts
    as arguments is compiled once for all their numbers. What decides which operations there are must
    be `fixed`.
    """

    inner: tuple[RulePart, ...]
    numbers: tuple[RuleNumber, ...]
    names: tuple[str, ...] = field(metadata={"static": True})
    """The names of the numbers, as arguments of `build`."""
    build: Callable[..., Any] = field(metadata={"static": True})
    fixed: tuple[tuple[str, Hashable], ...] = field(metadata={"static": True})

    @classmethod
    def of(
        cls, build: Callable[..., Any], *inner: RulePart, fixed: Mapping[str, Hashable] | None = None, **numbers: RuleNumber
    ) -> RulePart:
        """Return the part that `build` makes of these parts, fixed arguments and numbers."""
        return cls(inner, tuple(numbers.values()), tuple(numbers), build, tuple((fixed or {}).items()))

    @property
    def built(self) -> Any:
        """The function that the part stands for, made anew at each call."""
        numbers = dict(zip(self.names, self.numbers, strict=True))
        return self.build(*(part.built for part in self.inner), **numbers, **dict(self.fixed))
