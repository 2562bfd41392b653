"""Every kind of every union can be shown, with all its keys, by a choice that a scenario accepts."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import get_args

import pytest
from pydantic import BaseModel

from simasgd.asking import kinds as kinds_module
from simasgd.asking.answers import answer
from simasgd.asking.as_json import describe_answer
from simasgd.asking.kind_facts import KindFacts, describe_kind
from simasgd.asking.kinds import list_families
from simasgd.asking.terminal import write_answer, write_choice
from simasgd.protocols import verbs
from simasgd.scenario.reading import keys, yaml_layer
from simasgd.scenario.schema import Scenario

MEMBERS = [(family, kind) for family in list_families() for kind in family.members]
of_every_kind = pytest.mark.parametrize(("family", "kind"), MEMBERS, ids=[f"{one.key}={kind}" for one, kind in MEMBERS])


def kinds(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every kind that a section below a class may have, with the key of the section."""
    for name, field in model.model_fields.items():
        for section in keys.find_nested_sections(field.annotation) if name != "variants" else ():
            kind = section.model_fields.get("kind")
            if kind is not None and len(get_args(kind.annotation)) == 1:
                yield prefix + name, kind.default
            yield from kinds(section, f"{prefix}{name}.")


def test_the_families_are_the_unions_of_the_schema() -> None:
    found = set(kinds(Scenario))
    assert {key for key, _ in found} == set(kinds_module.WORDS)
    assert {(family.key, kind) for family, kind in MEMBERS} == found


@of_every_kind
def test_a_kind_is_shown_whole(family: kinds_module.Family, kind: str) -> None:
    found = answer(f"{family.key}={kind}", keys_first=False)
    (facts,) = found.found
    assert isinstance(facts, KindFacts)
    text = "\n".join(write_answer(found, 1000))
    section = family.members[kind]
    assert " ".join((section.__doc__ or "").split("\n\n")[0].split()) in text
    for name, field in section.model_fields.items():
        if name != "kind":
            assert f"{family.key}.{name}" in text
            assert " ".join((field.description or "").split()) in text
    assert all(len(line) <= 60 or " " not in line.strip() for line in write_answer(found, 60) if not line.startswith("    "))
    (described,) = describe_answer(found)["found"]
    assert [key["key"].rpartition(".")[2] for key in described["keys"]] == [
        name for name in section.model_fields if name != "kind"
    ]


@of_every_kind
def test_the_choice_that_is_shown_is_accepted(family: kinds_module.Family, kind: str) -> None:
    facts = describe_kind(family, kind)
    ((key, value),) = [word.partition("=")[::2] for word in shlex.split(write_choice(facts))]
    assert keys.resolve_key(Scenario, key) == family.key
    chosen = yaml_layer.parse_scalar(value)
    family.members[kind].model_validate({"kind": chosen} if isinstance(chosen, str) else chosen)


def test_every_role_of_a_protocol_has_verbs_that_the_vocabulary_has() -> None:
    known = {name for one in vars(verbs).values() if isinstance(one, type) for name in dir(one)}
    protocols = next(family for family in list_families() if family.key == "protocol")
    for kind in protocols.members:
        roles = describe_kind(protocols, kind).roles
        assert roles
        for role in roles:
            assert role.verbs, (kind, role)
            assert set(role.verbs) <= known


def test_roles_are_read_through_their_helpers_in_the_order_of_the_text() -> None:
    protocols = next(family for family in list_families() if family.key == "protocol")
    roles = {kind: {role.role: role.verbs for role in describe_kind(protocols, kind).roles} for kind in ("ssp", "easgd", "sgp")}
    assert roles["ssp"]["server"] == ("collect", "update")
    assert roles["easgd"]["learner"] == ("fetch_centre", "difference", "push", "compute", "step", "subtract")
    assert roles["easgd"]["centre"] == ("collect", "move")
    assert "send" in roles["sgp"]["learner"]


def test_a_protocol_says_its_paper_its_law_and_its_server() -> None:
    text = "\n".join(write_answer(answer("async", keys_first=False), 100))
    assert "async: a protocol with a server" in text
    assert "https://arxiv.org/abs/1509.04210" in text
    assert "29 updates on average with 30 learners" in text
    assert "docs/papers.md B3.1" in text
    assert "(verified" in text
    assert "α₀/τ" in "\n".join(write_answer(answer("inverse-staleness", keys_first=False), 100))
