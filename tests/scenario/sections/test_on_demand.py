"""Validators on demand: they accept and refuse what pydantic's own do, and are built only for what a scenario has."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Annotated, Any, get_args

import pytest
from pydantic import Field, TypeAdapter, ValidationError, create_model

from simasgd.scenario.cluster.architecture import Architecture
from simasgd.scenario.cluster.collective import Collective
from simasgd.scenario.cluster.network import Network, Topology
from simasgd.scenario.learning.compression import Compression
from simasgd.scenario.learning.data import Data
from simasgd.scenario.learning.models import ModelKind
from simasgd.scenario.learning.modulation import Modulation
from simasgd.scenario.learning.optimizers import Optimizer
from simasgd.scenario.learning.partition import Partition
from simasgd.scenario.vocabulary.on_demand import WhenGiven

CHOICES = [Architecture, Collective, Topology, Compression, Data, ModelKind, Modulation, Optimizer, Partition]
STRANGE: list[Any] = [3, None, [1], {}, *({"kind": kind} for kind in (3, None, True, 1.5, [1], {}, "none such"))]
OPTIONS: list[dict[str, Any]] = [
    {"mode": "json"}, {"include": {"kind"}}, {"exclude": {"kind"}}, {"exclude_unset": True}, {"exclude_none": True},
]  # fmt: skip
PROGRAM = """
import json
from typing import get_args
from simasgd import Scenario
from simasgd.protocols import Protocol
from simasgd.scenario.cluster.cluster import Costs, Faults, Stragglers
from simasgd.scenario.learning.models import ModelKind
from simasgd.scenario.learning.optimizers import Optimizer
Scenario.load("quickstart", "learning.optimizer={kind: adam, learning_rate: 0.1}")
kinds = [one for choice in (ModelKind, Optimizer) for one in get_args(get_args(choice)[0])]
sections = [*get_args(Protocol), *kinds, Costs, Faults, Stragglers]
print(json.dumps([one.__name__ for one in sections if one.__pydantic_complete__]))
"""


def outcome(adapter: TypeAdapter[Any], value: Any) -> Any:
    """Return the section, or the mistakes; pydantic's own locations have the kind, which is no key."""
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        kind = value.get("kind") if isinstance(value, dict) else None
        return [
            {
                **one,
                "ctx": repr(one.get("ctx")),
                "loc": [part for part in one["loc"] if not isinstance(kind, str) or part != kind],
            }
            for one in error.errors(include_url=False)
        ]


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: get_args(get_args(choice)[0])[0].__name__)
def test_a_choice_by_kind_accepts_and_refuses_what_pydantics_own_does(choice: Any) -> None:
    union = get_args(choice)[0]
    own, theirs = TypeAdapter(choice), TypeAdapter(Annotated[union, Field(discriminator="kind")])
    kinds = [section.model_fields["kind"].default for section in get_args(union)]
    for value in [*STRANGE, *({"kind": kind} for kind in kinds), *({"kind": kind, "unheard": 1} for kind in kinds)]:
        found = outcome(own, value)
        assert found == outcome(theirs, value)
        if not isinstance(found, list):
            assert own.validate_python(found) is found
            for how in OPTIONS:
                assert own.dump_python(found, **how) == theirs.dump_python(found, **how)
    assert own.json_schema() == theirs.json_schema()


@pytest.mark.parametrize("value", [3, None, "fair", [], {"learners": 4}, {"latency": "1 parsec"}, {"bandwidth": 2}])
def test_a_section_with_a_validator_of_its_own_is_accepted_and_refused_as_one_without(value: Any) -> None:
    own, theirs = (
        TypeAdapter[Any](create_model("Holder", network=(kind, ...))) for kind in (Annotated[Network, WhenGiven()], Network)
    )
    assert outcome(own, {"network": value}) == outcome(theirs, {"network": value})
    assert own.json_schema() == theirs.json_schema()


def test_validators_are_built_only_for_what_a_scenario_has() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == ["Hardsync", "Async", "MLP", "Adam"]
