"""Values of YAML scalars, by their tags or by the core schema of YAML 1.2."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple

from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.resolver import VersionedResolver

from simasgd.printable import shortened

VERSION = (1, 2)
TAG_PREFIX = "tag:yaml.org,2002:"
_MAX_DIGITS = 1000
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:_\d{3})+(?:\.\d*)?(?:[eE][-+]?\d+)?")
_SURROGATE = re.compile("[\ud800-\udfff]")


class TextPlace(NamedTuple):
    """A line and a column, both from 0."""

    line: int
    column: int


class YamlError(Exception):
    """The text is not a YAML document, or uses YAML that a scenario may not use.

    `place` is None where it is not known.
    """

    def __init__(self, problem: str, place: TextPlace | None) -> None:
        super().__init__(problem)
        self.place = place


def read_scalar(event: Any, place: TextPlace) -> Any:
    """Return the value of ruamel's event for a scalar. Raises YamlError."""
    text, tag = check_text(event.value, place), event.tag
    if tag is None or tag == "!":
        return _resolve(text, place) if event.implicit[0] and tag is None else text
    if tag == TAG_PREFIX + "str":
        return text
    kind = {"int": int, "float": int | float, "bool": bool, "null": type(None)}.get(str(tag).removeprefix(TAG_PREFIX))
    if kind is None:
        raise YamlError(f"the tag {format_tag(tag)!r} is not supported here", place)
    value: Any = _resolve(text, place)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise YamlError(f"the tag {format_tag(tag)!r} does not match its value", place)
    number: Any = value
    return float(number) if tag == TAG_PREFIX + "float" else number


def check_text(text: str, place: TextPlace) -> str:
    """Return the text; raises YamlError if it has a lone surrogate."""
    surrogate = _SURROGATE.search(text)
    if surrogate is not None:
        raise YamlError(f"the character U+{ord(surrogate[0]):04X} is not allowed", place)
    return str(text)


def format_tag(tag: Any) -> str:
    """Return a tag in the short form that documents use."""
    return shortened(str(tag).replace(TAG_PREFIX, "!!"), 60)


@cache
def _make_resolver() -> VersionedResolver:
    return VersionedResolver(version=VERSION)


def _resolve(text: str, place: TextPlace) -> Any:
    """Return the value of a scalar without a tag and without quotes."""
    kind = str(_make_resolver().resolve(ScalarNode, text, (True, False))).removeprefix(TAG_PREFIX)
    match kind:
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int" | "float":
            return _parse_number(text, kind, place)
        case _:  # Dates stay text, and so do values that only YAML 1.1 converts.
            return text


def _parse_number(text: str, kind: str, place: TextPlace) -> int | float | str:
    """Return the number.

    Underscores may divide a decimal number into thousands, as in 50_000. Text with others stays
    text: 1_0.5 is more likely a slip than 10.5.
    """
    if len(text) > _MAX_DIGITS:
        raise YamlError(f"a number of {len(text):,} characters is too long; the limit is {_MAX_DIGITS:,} characters", place)
    if "_" in text and _THOUSANDS.fullmatch(text) is None:
        return text
    digits = text.replace("_", "").lower()
    if kind == "float":
        digits = digits.replace(".inf", "inf").replace(".nan", "nan")
    prefix = digits.lstrip("+-")[:2]
    try:
        return float(digits) if kind == "float" else int(digits, {"0x": 16, "0o": 8, "0b": 2}.get(prefix, 10))
    except ValueError:
        return text
