"""The scenario that `simasgd compare` runs: one variant for each protocol on the command line, as `async+inverse-staleness` or
`n-softsync:n=4,spread=10`."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path as FilePath
from typing import Any, NamedTuple

from simasgd.errors import ScenarioError
from simasgd.scenario.reading import catalogue, yaml_layer
from simasgd.scenario.reading.load import parse_override
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary.merge import Layer, Mark, Path

_MOST_CHARACTERS = 100  # of a variant's name


class _Variant(NamedTuple):
    """One protocol as written, the name of its variant, and what the variant changes."""

    written: str
    name: str
    layer: Layer


def build_comparison(source: str | FilePath, arguments: Sequence[str]) -> Scenario:
    """The scenario with a variant for each protocol among the arguments, in place of its own, and changed by the others, which
    are `key=value`. Without any protocol its own variants stay. Raises ScenarioError."""
    protocols = [argument for argument in arguments if is_protocol(argument)]
    overrides = [argument for argument in arguments if not is_protocol(argument)]
    file = yaml_layer.read_layer(catalogue.find_scenario_file(source))
    scenario = Scenario.from_layer(_replace_variants(file, protocols, overrides) if protocols else file, overrides)
    if not scenario.variants:
        raise ScenarioError(
            f"{source}: has no variants to compare; name protocols, as in: simasgd compare {source} hardsync async"
        )
    if len(scenario.variants) == 1:
        (only,) = protocols or scenario.variants
        raise ScenarioError(f"command line: {only} alone is no comparison; two protocols or variants are wanted")
    return scenario


def is_protocol(argument: str) -> bool:
    """Whether an argument names a protocol to compare, and is no `key=value`."""
    key, equals, _ = argument.partition("=")
    return not equals or ":" in key or "+" in key


def parse_target(written: str, scenario: Scenario) -> float:
    """The test error, or loss, that `--target` asks for: `5%`, `0.05`. Raises ScenarioError."""
    learning = [one.learning for one in scenario.variants.values() if one.learning is not None]
    if not learning:
        raise _target_error(written, "nothing is learned, so there is no error to reach")
    value = _parse_number(written)
    if value is None:
        raise _target_error(written, "a test error is wanted, such as 5% or 0.05, or a test loss")
    if any(one.data.shape.label == "class" for one in learning):
        if not 0.0 <= value < 1.0:
            percent = _parse_number(f"{written.strip()}%")
            meant = f"; did you mean {written.strip()}%?" if percent is not None and 0.0 < percent < 1.0 else ""
            raise _target_error(written, f"a test error is at least 0 and less than 1{meant}")
    elif "%" in written:
        raise _target_error(written, "a test loss is a plain number; this scenario has no test error")
    return value


def _parse_number(written: str) -> float | None:
    plain = written.strip()
    try:
        # Of 3.3 % the float must be that of 0.033, which 3.3 / 100 is not.
        value = float(Decimal(plain.removesuffix("%").strip()) / (100 if plain.endswith("%") else 1))
    except InvalidOperation:
        return None
    return value if math.isfinite(value) else None


def _target_error(written: str, message: str) -> ScenarioError:
    return ScenarioError(f"command line: --target {written}: {message}")


def _replace_variants(file: Layer, protocols: Sequence[str], overrides: Sequence[str]) -> Layer:
    """The file's layer with the protocols for variants."""
    contestants = [_parse_variant(written) for written in protocols]
    _refuse_duplicates(contestants)
    _refuse_common_overrides(contestants, overrides)
    _refuse_modulation_without_learning(contestants, file)
    rest = file.without("variants")
    marks = dict(rest.marks)
    for one in contestants:
        marks[("variants",)] = marks["variants", one.name] = _make_mark(one.written, 0, 0, ())
        marks.update({("variants", one.name, *path): mark for path, mark in one.layer.marks.items()})
    return Layer({**rest.tree, "variants": {one.name: one.layer.tree for one in contestants}}, marks)


def _parse_variant(written: str) -> _Variant:
    protocol, *rules = _split_modulation(written)
    if len(rules) > 1:
        raise _error(written, len(protocol) + 1 + len(rules[0]), "a protocol has one modulation at most")
    layer = _parse_section(written, protocol, 0, ("protocol",))
    if rules:
        rule = _parse_section(written, rules[0], len(protocol) + 1, ("learning", "modulation"))
        layer = layer.under(rule)
    return _Variant(written, _make_name(written), layer)


def _split_modulation(written: str) -> list[str]:
    """The protocol and its modulation; a sign within a number or brackets parts nothing."""
    found: list[str] = []
    for piece in _split(written, "+", written):
        if found and not piece[:1].isalpha() and "=" in found[-1]:
            found[-1] = f"{found[-1]}+{piece}"
        else:
            found.append(piece)
    return found


def _parse_section(written: str, part: str, start: int, path: Path) -> Layer:
    """The layer of `KIND:KEY=VALUE,…`, which stands at `start` in what was written, under a path."""
    kind, colon, given = part.partition(":")
    if not kind.strip():
        what = "protocol" if path == ("protocol",) else "modulation"
        raise _error(written, start, f"the kind of the {what} is missing")
    section: dict[str, Any] = {"kind": kind.strip()}
    marks = {path[:size]: _make_mark(written, start, start, path[:size]) for size in range(1, len(path) + 1)}
    marks[*path, "kind"] = marks[path]
    place = start + len(kind) + 1
    for piece in _split(given, ",", written) if colon else ():
        key, equals, value = piece.partition("=")
        mark = _make_mark(written, place, place + len(key) + 1, (*path, key.strip()))
        if not equals or not key.strip():
            raise _error(written, place, f"{piece.strip()!r} is not key=value")
        if key.strip() in section:
            raise _error(written, place, f"{key.strip()} is given twice")
        try:
            section[key.strip()] = yaml_layer.parse_scalar(value)
        except ValueError as error:
            raise ScenarioError(yaml_layer.format_complaint(mark, str(error))) from None
        marks[*path, key.strip()] = mark
        place += len(piece) + 1
    tree: Any = section
    for name in reversed(path):
        tree = {name: tree}
    return Layer(tree, marks)


def _split(part: str, separator: str, written: str) -> list[str]:
    try:
        return yaml_layer.split_outside_brackets(part, separator)
    except ValueError as error:
        raise _error(written, 0, str(error)) from None


def _make_name(written: str) -> str:
    """The variant's name: what was written, in the characters that a folder and a key may have."""
    name = re.sub(r"[^a-z0-9_]+", "-", re.sub(r"\s*=\s*", "", written.lower()).replace(".", "_")).strip("-_")
    if not name:
        raise _error(written, 0, "no protocol is named")
    if len(name) > _MOST_CHARACTERS:
        raise _error(written, 0, f"is too long to name a variant; {_MOST_CHARACTERS} characters are the most")
    return name


def _refuse_duplicates(contestants: Sequence[_Variant]) -> None:
    named: dict[str, str] = {}
    for one in contestants:
        first = named.get(one.name)
        if first is not None:
            same = first == one.written
            raise _error(one.written, 0, "is given twice" if same else f"would be named {one.name}, as {first!r} is")
        named[one.name] = one.written


def _refuse_common_overrides(contestants: Sequence[_Variant], overrides: Sequence[str]) -> None:
    """Complain about a change for all that would make the compared ones the same."""
    ruled = any("learning" in one.layer.tree for one in contestants)
    for override in overrides:
        tree = parse_override(Scenario, override).tree
        protocol, learning = tree.get("protocol"), tree.get("learning")
        if "protocol" in tree and (not isinstance(protocol, dict) or "kind" in protocol):
            raise _error(override, 0, "would hold for all, but protocols are what is compared")
        modulation = isinstance(learning, dict) and "modulation" in learning
        if ruled and (modulation or ("learning" in tree and not isinstance(learning, dict))):
            raise _error(override, 0, "would hold for all, but some are compared with a modulation of their own")


def _refuse_modulation_without_learning(contestants: Sequence[_Variant], file: Layer) -> None:
    for one in contestants:
        if "learning" in one.layer.tree and not isinstance(file.tree.get("learning"), dict):
            column = one.written.index("+")
            raise _error(one.written, column, "the scenario has no learning section that a modulation could change")


def _make_mark(written: str, key_column: int, value_column: int, path: Path) -> Mark:
    return Mark("command line", 0, written, key_column, value_column, ".".join(map(str, path)))


def _error(written: str, column: int, message: str) -> ScenarioError:
    return ScenarioError(yaml_layer.format_complaint(_make_mark(written, column, column, ()), f"{written}: {message}"))
