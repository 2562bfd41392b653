"""Products have the precision that the scenario names, in gradients and their derivatives."""

from __future__ import annotations

import re

import jax
import jax.numpy as jnp
import pytest

from simasgd.learning.problem.gradients import gradient_function
from simasgd.learning.problem.precision import describe_missing_tf32, has_tf32
from simasgd.simulator import describe_plans
from tests.build import LEARNING, scenario
from tests.learning.agreement import simulate_problem

PRECISIONS = ["float32", "tf32"]


@pytest.mark.parametrize("precision", PRECISIONS)
def test_all_products_of_a_gradient_have_the_precision_of_the_scenario(precision):
    """A device without TF32 computes in float32, as its note says."""
    expected = "HIGH" if precision == "tf32" and has_tf32() else "HIGHEST"
    problem = simulate_problem(scenario(LEARNING, {"learning": {"precision": precision}, "stop": {"gradients": 4}}))
    assert problem.dtype == jnp.float32
    inputs, labels = problem.train.batch(problem.batches[0])
    text = jax.jit(gradient_function(problem.recipe.frame)).lower(problem.start, inputs, labels, None).as_text()
    products = [line for line in text.splitlines() if "dot_general" in line]
    assert len(products) >= 3, "two layers and the gradients of their weights"
    assert all(re.search(r"precision = \[(\w+), (\w+)\]", line).groups() == (expected, expected) for line in products)


def test_a_device_without_tf32_says_that_it_computes_in_float32():
    assert describe_missing_tf32("float32") == describe_missing_tf32("float64") == ""
    chosen = scenario(LEARNING, {"learning": {"precision": "tf32"}, "stop": {"gradients": 4}})
    sentence = "The precision is tf32, which this CPU does not have: matrix products were computed in float32."
    assert simulate_problem(chosen).note.endswith(sentence)
    assert "\n  precision    The precision is tf32, which this CPU does not have: matrix products are" in describe_plans(chosen)
