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
from simasgd.scenario.reading import catalogue, text
from simasgd.scenario.reading.load import override_layer, typed
from simasgd.scenario.schema import Scenario
from simasgd.scenario.vocabulary.merge import Layer, Mark, Path

_MOST_CHARACTERS = 100  # of a variant's name


class _Contestant(NamedTuple):
    """One protocol as written, the name of its variant, and what the variant changes."""

    written: str
    name: str
    layer: Layer


def compared(source: str | FilePath, arguments: Sequence[str]) -> Scenario:
    """The scenario with a variant for each protocol among the arguments, in place of its own, and changed by the others, which
    are `key=value`. Without any protocol its own variants stay. Raises ScenarioError."""
    protocols = [argument for argument in arguments if is_protocol(argument)]
    overrides = [argument for argument in arguments if not is_protocol(argument)]
    file = text.read(catalogue.scenario_file(source))
    scenario = typed(_contested(file, protocols, overrides) if protocols else file, overrides)
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


def target_of(written: str, scenario: Scenario) -> float:
    """The test error, or loss, that `--target` asks for: `5%`, `0.05`. Raises ScenarioError."""
    learning = [one.learning for one in scenario.variants.values() if one.learning is not None]
    if not learning:
        raise _wrong_target(written, "nothing is learned, so there is no error to reach")
    value = _number(written)
    if value is None:
        raise _wrong_target(written, "a test error is wanted, such as 5% or 0.05, or a test loss")
    if any(one.data.shape.label == "class" for one in learning):
        if not 0.0 <= value < 1.0:
            percent = _number(f"{written.strip()}%")
            meant = f"; did you mean {written.strip()}%?" if percent is not None and 0.0 < percent < 1.0 else ""
            raise _wrong_target(written, f"a test error is at least 0 and less than 1{meant}")
    elif "%" in written:
        raise _wrong_target(written, "a test loss is a plain number; this scenario has no test error")
    return value


def _number(written: str) -> float | None:
    plain = written.strip()
    try:
        # Of 3.3 % the float must be that of 0.033, which 3.3 / 100 is not.
        value = float(Decimal(plain.removesuffix("%").strip()) / (100 if plain.endswith("%") else 1))
    except InvalidOperation:
        return None
    return value if math.isfinite(value) else None


def _wrong_target(written: str, message: str) -> ScenarioError:
    return ScenarioError(f"command line: --target {written}: {message}")


def _contested(file: Layer, protocols: Sequence[str], overrides: Sequence[str]) -> Layer:
    """The file's layer with the protocols for variants."""
    contestants = [_contestant(written) for written in protocols]
    _refuse_twins(contestants)
    _refuse_shared(contestants, overrides)
    _refuse_rules_without_learning(contestants, file)
    rest = file.without("variants")
    marks = dict(rest.marks)
    for one in contestants:
        marks[("variants",)] = marks["variants", one.name] = _mark(one.written, 0, 0, ())
        marks.update({("variants", one.name, *path): mark for path, mark in one.layer.marks.items()})
    return Layer({**rest.tree, "variants": {one.name: one.layer.tree for one in contestants}}, marks)


def _contestant(written: str) -> _Contestant:
    protocol, *rules = _parts(written)
    if len(rules) > 1:
        raise _wrong(written, len(protocol) + 1 + len(rules[0]), "a protocol has one modulation at most")
    layer = _section(written, protocol, 0, ("protocol",))
    if rules:
        rule = _section(written, rules[0], len(protocol) + 1, ("learning", "modulation"))
        layer = layer.under(rule)
    return _Contestant(written, _name(written), layer)


def _parts(written: str) -> list[str]:
    """The protocol and its modulation; a sign within a number or brackets parts nothing."""
    found: list[str] = []
    for piece in _pieces(written, "+", written):
        if found and not piece[:1].isalpha() and "=" in found[-1]:
            found[-1] = f"{found[-1]}+{piece}"
        else:
            found.append(piece)
    return found


def _section(written: str, part: str, start: int, path: Path) -> Layer:
    """The layer of `KIND:KEY=VALUE,…`, which stands at `start` in what was written, under a path."""
    kind, colon, given = part.partition(":")
    if not kind.strip():
        what = "protocol" if path == ("protocol",) else "modulation"
        raise _wrong(written, start, f"the kind of the {what} is missing")
    section: dict[str, Any] = {"kind": kind.strip()}
    marks = {path[:size]: _mark(written, start, start, path[:size]) for size in range(1, len(path) + 1)}
    marks[*path, "kind"] = marks[path]
    place = start + len(kind) + 1
    for piece in _pieces(given, ",", written) if colon else ():
        key, equals, value = piece.partition("=")
        mark = _mark(written, place, place + len(key) + 1, (*path, key.strip()))
        if not equals or not key.strip():
            raise _wrong(written, place, f"{piece.strip()!r} is not key=value")
        if key.strip() in section:
            raise _wrong(written, place, f"{key.strip()} is given twice")
        try:
            section[key.strip()] = text.scalar(value)
        except ValueError as error:
            raise ScenarioError(text.complaint(mark, str(error))) from None
        marks[*path, key.strip()] = mark
        place += len(piece) + 1
    tree: Any = section
    for name in reversed(path):
        tree = {name: tree}
    return Layer(tree, marks)


def _pieces(part: str, separator: str, written: str) -> list[str]:
    try:
        return text.pieces(part, separator)
    except ValueError as error:
        raise _wrong(written, 0, str(error)) from None


def _name(written: str) -> str:
    """The variant's name: what was written, in the characters that a folder and a key may have."""
    name = re.sub(r"[^a-z0-9_]+", "-", re.sub(r"\s*=\s*", "", written.lower()).replace(".", "_")).strip("-_")
    if not name:
        raise _wrong(written, 0, "no protocol is named")
    if len(name) > _MOST_CHARACTERS:
        raise _wrong(written, 0, f"is too long to name a variant; {_MOST_CHARACTERS} characters are the most")
    return name


def _refuse_twins(contestants: Sequence[_Contestant]) -> None:
    named: dict[str, str] = {}
    for one in contestants:
        first = named.get(one.name)
        if first is not None:
            same = first == one.written
            raise _wrong(one.written, 0, "is given twice" if same else f"would be named {one.name}, as {first!r} is")
        named[one.name] = one.written


def _refuse_shared(contestants: Sequence[_Contestant], overrides: Sequence[str]) -> None:
    """Complain about a change for all that would make the compared ones the same."""
    ruled = any("learning" in one.layer.tree for one in contestants)
    for override in overrides:
        tree = override_layer(override).tree
        protocol, learning = tree.get("protocol"), tree.get("learning")
        if "protocol" in tree and (not isinstance(protocol, dict) or "kind" in protocol):
            raise _wrong(override, 0, "would hold for all, but protocols are what is compared")
        modulation = isinstance(learning, dict) and "modulation" in learning
        if ruled and (modulation or ("learning" in tree and not isinstance(learning, dict))):
            raise _wrong(override, 0, "would hold for all, but some are compared with a modulation of their own")


def _refuse_rules_without_learning(contestants: Sequence[_Contestant], file: Layer) -> None:
    for one in contestants:
        if "learning" in one.layer.tree and not isinstance(file.tree.get("learning"), dict):
            column = one.written.index("+")
            raise _wrong(one.written, column, "the scenario has no learning section that a modulation could change")


def _mark(written: str, key_column: int, value_column: int, path: Path) -> Mark:
    return Mark("command line", 0, written, key_column, value_column, ".".join(map(str, path)))


def _wrong(written: str, column: int, message: str) -> ScenarioError:
    return ScenarioError(text.complaint(_mark(written, column, column, ()), f"{written}: {message}"))
