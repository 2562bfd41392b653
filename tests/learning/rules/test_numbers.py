"""A rule is a pytree: its numbers are arguments of the programs that use it, so other numbers need no other program."""

from __future__ import annotations

from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from simasgd.learning import rules
from simasgd.scenario.learning.compression import NoCompression
from simasgd.scenario.learning.modulation import NoModulation
from simasgd.scenario.learning.optimizers import SGD, Adam
from tests.scenario.sections.table import FAMILIES

SETTING = rules.Setting(mean_staleness=3.0, tape_staleness=3.0, samples_per_round=32, learners=3, window=8)
PLAIN: dict[str, Any] = {"optimizer": SGD(learning_rate=0.1), "modulation": NoModulation(), "compression": NoCompression()}
WEIGHTS = np.array([1.0, -2.0, 0.5], np.float32)
# What decides which operations there are, or the length of an array. Of a decay or a limit that is whether there is one.
DECIDING = ("nesterov", "centered", "clip", "weight_decay", "top-k.fraction", "error_feedback", "bucket")
PAIRS = [
    (family, name, first, second)
    for family in PLAIN
    for name, first, second in FAMILIES[family].pairs()
    if name != "adamw.weight_decay"  # that is decoupled, and always there
]
PAIRS += [
    (
        "optimizer",
        "present",
        SGD(learning_rate=0.1, weight_decay=0.1, clip=1.0),
        SGD(learning_rate=0.1, weight_decay=0.2, clip=2.0),
    ),
    (
        "optimizer",
        "adamw",
        *(FAMILIES["optimizer"].typical("adamw").model_copy(update={"weight_decay": w}) for w in (0.0, 0.5)),
    ),
]


def rule_of(family: str, section: Any) -> rules.Rule:
    chosen = {**PLAIN, family: section}
    return rules.rule(
        chosen["optimizer"], chosen["modulation"], SETTING, local_learning_rate=0.2, compression=chosen["compression"]
    )


def one_step(rule: rules.Rule, memory: Any, state: Any, weights: Any) -> Any:
    """Return all that a rule computes in a step with one gradient."""
    extra = {"learner": jnp.int32(0), "staleness": jnp.int32(1), "step": jnp.int32(0), "share": 1.0, "last": True}
    gradient, memory = rule.per_gradient.update(2.0 * weights, memory, weights, read=weights, **extra)
    update, state = rule.update.update(gradient, state, weights, factor=jnp.array(0.5))
    sent = weights if rule.look is None else rule.look(weights, memory, jnp.array(0.5))
    return update, memory, state, sent, rule.local(gradient, weights, jnp.array(0.5))


@pytest.mark.parametrize(("family", "name", "first", "second"), PAIRS, ids=[f"{case[0]}-{case[1]}" for case in PAIRS])
def test_other_numbers_need_no_other_program(family: str, name: str, first: Any, second: Any) -> None:
    made, other = rule_of(family, first), rule_of(family, second)
    is_number = not name.endswith(DECIDING)
    assert (jax.tree.structure(made) == jax.tree.structure(other)) is is_number
    if is_number:
        made_of = [
            jax.make_jaxpr(one_step)(rule, rule.per_gradient.init(WEIGHTS), rule.update.init(WEIGHTS), WEIGHTS)
            for rule in (made, other)
        ]
        assert str(made_of[0]) == str(made_of[1])


def test_facts_of_a_run_are_numbers_too() -> None:
    """The mean staleness differs from tape to tape, and decides how much momentum is left."""
    for section in (SGD(learning_rate=0.1, momentum={"total": 0.9}), Adam(learning_rate=0.1)):
        for modulation in (
            FAMILIES["modulation"].typical(kind) for kind in ("inverse-mean-staleness", "sqrt-batch", "mishchenko")
        ):
            settings = [
                SETTING._replace(mean_staleness=mean, tape_staleness=mean, samples_per_round=samples)
                for mean, samples in product((3.0, 4.5), (32, 64))
            ]
            assert len({jax.tree.structure(rules.rule(section, modulation, setting)) for setting in settings}) == 1
