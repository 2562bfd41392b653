"""The roles that wait when a run hangs, and the verbs in which they wait. They are known for protocols of other packages."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from numbers import Real
from typing import Any, NamedTuple

_MOST_RANGES = 3
_MOST_CALLS = 4
_PLACES = {"serve": "the server", "learn": "learner", "communicate": "the second thread of learner"}


class Waiting(NamedTuple):
    """A role that waits in a verb, and the learner's number; -1 for the server and the centre."""

    role: str
    number: int
    verb: str


def spell_call(verb: str, given: Sequence[Any], named: Mapping[str, Any]) -> str:
    """Return a call of a verb in short: `collect(1)`, or `push(…)` where the arguments are no numbers."""
    values = (*given, *named.values())
    if not all(isinstance(value, Real | None) for value in values):
        return f"{verb}(…)"
    return f"{verb}({', '.join([*map(str, given), *(f'{name}={value}' for name, value in named.items())])})"


def describe_waiting(roles: Collection[Waiting]) -> str:
    """Return in which verbs roles wait: `the server waits in collect(1), learners 0 to 3 wait in settle()`; "" for no roles.

    Where there are many different calls, they have no arguments.
    """
    groups = _group(roles)
    if len(groups) > _MOST_CALLS:
        groups = _group([one._replace(verb=one.verb.partition("(")[0]) for one in roles])
    return ", ".join(_describe_group(role, verb, numbers) for (role, verb), numbers in groups.items())


def _group(roles: Collection[Waiting]) -> dict[tuple[str, str], list[int]]:
    """Return the numbers of those that wait in the same verb, the server first, then by the lowest number."""
    groups: dict[tuple[str, str], list[int]] = {}
    for one in sorted(roles, key=lambda one: (list(_PLACES).index(one.role), one.number)):
        groups.setdefault((one.role, one.verb), []).append(one.number)
    return groups


def _describe_group(role: str, verb: str, numbers: Sequence[int]) -> str:
    if numbers[0] < 0:
        return f"{_PLACES[role]} waits in {verb}"
    several = len(numbers) > 1
    who = f"{_PLACES[role]}{'s' if several else ''} {_list_numbers(numbers)}"
    return f"{who} {'wait' if several and role == 'learn' else 'waits'} in {verb}"


def _list_numbers(numbers: Sequence[int]) -> str:
    """Return ascending numbers as ranges: `0 to 3, 5 and 8`."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][-1] + 1:
            ranges[-1].append(number)
        else:
            ranges.append([number])
    ranges = [part for one in ranges for part in (([one[0]], [one[1]]) if len(one) == 2 else (one,))]
    texts = [str(one[0]) if len(one) == 1 else f"{one[0]} to {one[-1]}" for one in ranges[:_MOST_RANGES]]
    left = sum(len(one) for one in ranges[_MOST_RANGES:])
    if left:
        return f"{', '.join(texts)} and {left:,} more"
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
