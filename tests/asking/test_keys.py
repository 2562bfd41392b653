"""Every key is explained from its field: values, default, meaning, an example that is accepted, and its place in the docs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from simasgd.asking import key_facts
from simasgd.asking.answers import Answer, answer
from simasgd.asking.as_json import describe_answer
from simasgd.asking.key_facts import KeyFacts, list_keys
from simasgd.asking.kinds import WORDS
from simasgd.asking.terminal import write_answer
from simasgd.asking.terms import TERMS, Term
from simasgd.errors import ScenarioError, UsageError
from simasgd.scenario.reading import keys, yaml_layer
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary.docstrings import load_docstrings

PAGE = (Path(__file__).parents[2] / "docs" / "scenario.md").read_text(encoding="utf-8")


def keys_of(found: Answer) -> list[str]:
    return [facts.key for facts in found.found if isinstance(facts, KeyFacts)]


def text_of(word: str) -> str:
    return "\n".join(write_answer(answer(word, keys_first=True), 100))


def test_every_key_of_the_schema_is_explained() -> None:
    every = {key.removesuffix(".kind") if key.removesuffix(".kind") in WORDS else key for key in keys.list_keys(Scenario)}
    assert every - {"variants"} <= set(list_keys())
    for key in every:
        assert keys_of(answer(key, keys_first=True))[0] == key
        assert all(form.words.meaning for form in list_keys()[key].forms)


def fields(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every field of a scenario, with its dotted key."""
    for name, field in model.model_fields.items():
        yield prefix + name, field
        if name != "variants":
            for section in keys.find_nested_sections(field.annotation):
                yield from fields(section, f"{prefix}{name}.")


def test_an_example_is_accepted() -> None:
    without = set()
    load_docstrings()
    for key, field in fields(Scenario):
        if key.endswith(".kind") or key in WORDS:
            continue  # test_kinds.py tries the choices
        meaning = " ".join((field.description or "").split())
        adapter: TypeAdapter[Any] = TypeAdapter(Annotated[field.annotation, field])
        examples = {form.example for form in list_keys()[key].forms if form.words.meaning == meaning}
        assert examples, key
        for example in filter(None, examples):
            value = yaml_layer.parse_scalar(example)
            adapter.validate_python(value)
        without |= {key for example in examples if not example}
    sections = {key.rpartition(".")[0] for key in list_keys()}
    assert without <= sections | {"variants", "cluster.profile"}, "only a section has no example"


def test_headings_are_those_of_the_docs() -> None:
    headings = re.findall(r"^#+ `([a-z._]+)`$", PAGE, re.MULTILINE)
    assert set(key_facts.HEADINGS) == set(headings)
    assert f"## {key_facts.WHOLE}" in PAGE


def test_an_ending_stands_for_its_key_and_an_ambiguous_one_for_all() -> None:
    assert keys_of(answer("learners", keys_first=True)) == ["cluster.learners"]
    assert keys_of(answer("bandwidth", keys_first=True)) == ["cluster.network.bandwidth", "cluster.server.bandwidth"]
    many = answer("cv", keys_first=True)
    assert keys_of(many) == [key for key in list_keys() if key.endswith(".cv")]
    assert len(text_of("cv").splitlines()) == len(keys_of(many)) + 2, "a line each"
    seed = answer("seed", keys_first=True)
    assert keys_of(seed) == ["seed"]
    assert seed.others == ("cluster.seed", "learning.seed", "sweep.seed")


@pytest.mark.parametrize(
    ("word", "own", "meant"),
    [
        ("batch", ["protocol.batch"], "workload.mini_batch"),
        ("rate", ["learning.modulation.rate"], "learning.optimizer.learning_rate"),
    ],
)
def test_an_ending_that_users_have_for_another_key_leads_to_both(word: str, own: list[str], meant: str) -> None:
    for keys_first in (True, False):
        assert keys_of(answer(word, keys_first=keys_first)) == [*own, meant]
    with pytest.raises(ScenarioError, match=f"did you mean '{meant}'"):
        Scenario.load("quickstart", f"{word}=32")


def test_a_key_is_explained_with_its_unit_default_example_and_section() -> None:
    text = text_of("latency")
    for words in ("cluster.network.latency", "a time", "ms, us", "here or by a profile", "cluster.network.latency='2 ms'"):
        assert words in text
    text = text_of("protocol.n")
    assert "whole number ≥ 1 or learners" in text
    assert "kind n-softsync" in text
    (line,) = [line for line in text.splitlines() if line.split()[:1] == ["default"]]
    assert "hardsync" not in line
    assert "under protocol" in text
    (line,) = [line for line in text_of("evaluate").splitlines() if "example" in line]
    (word,) = shlex.split(line)[1:]
    Scenario.load("quickstart", word)


def test_json_has_the_facts_one_by_one() -> None:
    (learners,) = describe_answer(answer("learners", keys_first=True))["found"]
    assert (learners["is"], learners["key"], learners["section"]) == ("key", "cluster.learners", "cluster")
    (form,) = learners["forms"]
    assert (form["required"], form["default"], form["example"]) == (True, None, "8")
    (cv,) = describe_answer(answer("compute.cv", keys_first=True))["found"][0]["forms"]
    assert (cv["required"], cv["default"]) == (False, None)
    (duplex,) = describe_answer(answer("duplex", keys_first=True))["found"][0]["forms"]
    assert (duplex["default"], duplex["choices"]) == ("full", ["half", "full"])


def test_a_key_of_several_kinds_says_what_it_is_in_each() -> None:
    text = text_of("optimizer.weight_decay")
    assert "Of kinds sgd, adagrad, adam and rmsprop:" in text
    assert "Of kind adamw:" in text
    assert "decoupled weight decay" in text


def test_keys_of_items_of_a_list_and_of_variants() -> None:
    assert "in an item of the list cluster.faults.crashes" in text_of("crashes.learner")
    assert keys_of(answer("variants.fast.cluster.learners", keys_first=True)) == ["cluster.learners"]
    assert keys_of(answer("protocol.kind", keys_first=True)) == ["protocol"]
    assert len(keys_of(answer("kind", keys_first=True))) == len(WORDS)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("lr", "learning.optimizer.learning_rate"),
        ("batch size", "workload.mini_batch"),
        ("workers", "cluster.learners"),
        ("num_epochs", "stop.epochs"),
        ("BSP", "hardsync"),
        ("allreduce", "all-reduce"),
        ("gaussian", "lognormal"),
        ("1/tau", "inverse-staleness"),
    ],
)
def test_users_words_are_answered_by_ours(word: str, expected: str) -> None:
    found = answer(word, keys_first=True)
    assert found.meant[0] == expected
    assert expected in text_of(word).splitlines()[0]
    assert describe_answer(found)["meant"][0] == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("hardsink", "did you mean 'hardsync'"),
        ("quickstar", "'quickstart'"),
        ("learning_rat", "learning_rate"),
        ("p757", "'p775'"),
        ("wrokers", "did you mean 'cluster.learners'?"),
        ("dropout", "the models have none"),
        ("qqqqqqqq", "'simasgd list' shows the names"),
        ("topology=tre", "topology=tre: there is no network topology 'tre'; did you mean 'tree'?"),
        ("sinc", "did you mean 'hardsync', 'all-reduce' or 'since'?"),
        ("protocol=sinc", "did you mean 'hardsync' or 'all-reduce'?"),
        ("100M", "as a value, it has the unknown unit 'M'; did you mean 'MB', 'Mbit', 'ms' or 'min'?"),
        ("10gbps", "has the unknown unit 'gbps'; did you mean 'Gbit/s'?"),
        ("10ms", "nothing is named '10ms'; it is a time, a value of keys"),
        ("protocol=sync", "did you mean 'hardsync' or 'all-reduce'?"),
        ("profile=p757", "there is no profile 'p757'; did you mean 'p775'?"),
        ("learners=8", "'learners' chooses no kind"),
    ],
)
def test_an_unknown_word_leads_to_a_known_one(word: str, expected: str) -> None:
    with pytest.raises(UsageError) as complaint:
        answer(word, keys_first=False)
    assert expected in str(complaint.value)


@pytest.mark.parametrize(
    ("word", "term", "meant"),
    [
        ("λ", "λ, µ, α₀", ["cluster.learners"]),
        ("lambda", "λ, µ, α₀", ["cluster.learners"]),
        ("µ", "λ, µ, α₀", ["workload.mini_batch"]),
        ("μ", "λ, µ, α₀", ["workload.mini_batch"]),
        ("speed-up", "Speed-up", []),
        ("staleness", "Staleness, σ or τ", ["protocol.slack", "inverse-staleness"]),
        ("test error", "Test error, test loss", ["stop.test_error"]),
        ("samples_per_simulated_second", "Samples/s", []),
        ("Pareto front", "Pareto front", []),
    ],
)
def test_words_of_results_are_explained_too(word: str, term: str, meant: list[str]) -> None:
    found = answer(word, keys_first=True)
    assert list(found.meant) == meant
    assert isinstance(found.found[0], Term)
    assert found.found[0].name == term
    assert f"{term}: a term of results" in text_of(word)
    assert describe_answer(found)["found"][0] == {"is": "term", "name": term, "text": found.found[0].text}
    assert text_of("learners").startswith("cluster.learners\n"), "a key is one before all else"


def test_every_term_is_found_by_its_name_and_no_two_by_the_same_further_word() -> None:
    for term in TERMS:
        assert term in answer(term.name, keys_first=True).found
    asked = [word for term in TERMS for word in term.asked.split()]
    assert len(set(asked)) == len(asked)


def test_a_value_is_explained_by_its_key() -> None:
    text = text_of("pareto")
    assert "a value of cluster.compute.distribution" in text
    assert "with the shape, more than 2" in text
    assert "cluster.network.sharing" in text_of("fair")
