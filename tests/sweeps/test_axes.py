from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simasgd.errors import ScenarioError
from simasgd.sweeps.axes import Axis, combinations, parse
from simasgd.sweeps.spelling import spell_axis


def values(argument: str) -> tuple[str, ...]:
    (axis,), fixed = parse([argument])
    assert fixed == []
    return axis.values


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("learners=1,2,4", ("1", "2", "4")),
        ("learners= 1 , 2 ", ("1", "2")),
        ("latency=1 us,2 us", ("1 us", "2 us")),
        ("protocol=async,{kind: n-softsync, n: 2},hardsync", ("async", "{kind: n-softsync, n: 2}", "hardsync")),
        ("hidden=[32],[32, 16]", ("[32]", "[32, 16]")),
        ("title='a, b',\"c, d\"", ("'a, b'", '"c, d"')),
        ("title='a [',b", ("'a ['", "b")),
        ("seed=range(3)", ("0", "1", "2")),
        ("seed=range(1,4)", ("1", "2", "3")),
        ("seed=range(0, 10, 4)", ("0", "4", "8")),
        ("seed=range(3,0,-1)", ("3", "2", "1")),
        ("seed=range(3),7", ("0", "1", "2", "7")),
        ("learners=choice(1,5,9)", ("1", "5", "9")),
        ("learners=choice(3)", ("3",)),
        ("momentum=linspace(0,0.8,5)", ("0", "0.2", "0.4", "0.6", "0.8")),
        ("latency=linspace(1 ms,5 ms,5)", ("1 ms", "2 ms", "3 ms", "4 ms", "5 ms")),
        ("latency=logspace(1 us,1 ms,4)", ("1 us", "10 us", "0.1 ms", "1 ms")),
        ("latency=logspace(1us,1ms,2)", ("1 us", "1 ms")),
        ("learning_rate=logspace(1e-3,1,4)", ("0.001", "0.01", "0.1", "1")),
        ("network.bandwidth=linspace(1 Gbit/s,3 Gbit/s,3)", ("125 MB/s", "250 MB/s", "375 MB/s")),
        ("payload=logspace(1 MB,1 kB,2)", ("1 MB", "1 kB")),
    ],
)
def test_several_values(argument: str, expected: tuple[str, ...]) -> None:
    assert values(argument) == expected


@pytest.mark.parametrize(
    "argument",
    ["learners=3", "hidden=[32, 16]", "protocol={kind: n-softsync, n: 2}", "title='a, b'", "title=", "title=f (x)"],
)
def test_a_single_value_is_an_override(argument: str) -> None:
    assert parse([argument]) == ([], [argument])


def test_axes_have_full_keys_and_keep_their_order() -> None:
    axes, fixed = parse(["mini_batch=4,8", "seed=3", "learners=1,2", "momentum=0"])
    assert [axis.key for axis in axes] == ["workload.mini_batch", "cluster.learners"]
    assert fixed == ["seed=3", "momentum=0"]
    assert axes[1].overrides("2") == ["cluster.learners=2"]


def test_combinations_run_through_the_last_axis_first() -> None:
    axes = [Axis("a", ("1", "2")), Axis("b", ("x", "y", "z"))]
    assert combinations(axes) == [("1", "x"), ("1", "y"), ("1", "z"), ("2", "x"), ("2", "y"), ("2", "z")]
    assert combinations([]) == [()]


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["learners=1,,2"], "a value is empty"),
        (["learners=1,"], "a value is empty"),
        (["learners=choice()"], "there are no values"),
        (["learners=choice(1,,2)"], "a value is empty"),
        (["learners=foo(1)"], "unknown function 'foo'; choose from range, choice, linspace, logspace"),
        (["learnerz=1,2"], "unknown key 'learnerz'; did you mean 'cluster.learners'?"),
        (["kind=async,hardsync"], "'kind' is ambiguous"),
        (["learners=1,2", "cluster.learners=3,4"], "cluster.learners is swept twice"),
        (["learners=1,2", "cluster.learners=3"], "cluster.learners is swept as well"),
        (["learners=3", "learners=1,2"], "cluster.learners is swept as well"),
        (["learners=1,2,1"], "1 is given twice"),
        (["seed=range(3),2"], "2 is given twice"),
        (["learners=[1,2"], "a bracket or quote is not closed"),
        (["learners=1),2"], "a bracket or quote is not closed"),
        (["title='a,b"], "a bracket or quote is not closed"),
        (["learners"], "'learners' is not of the form key=value"),
        (["learnerz=1"], "unknown key 'learnerz'"),
        (["seed=range(0)"], "range(0) is empty"),
        (["seed=range()"], "whole numbers are expected"),
        (["seed=range(a)"], "whole numbers are expected"),
        (["seed=range(1_0)"], "whole numbers are expected"),
        (["momentum=linspace(0,1_0,3)"], "'1_0' is neither a number nor a quantity"),
        (["seed=range(1.5)"], "whole numbers are expected"),
        (["seed=range(1,2,0)"], "a step other than 0"),
        (["seed=range(1,2,3,4)"], "one to three whole numbers"),
        (["seed=range(1000000)"], "has 1000000 values"),
        (["seed=range(0,99999999999999999999)"], "has 99999999999999999999 values; at most 10,000 are allowed"),
        (["seed=range(99999999999999999999,0,-3)"], "values; at most 10,000 are allowed"),
        (["seed=" + ",".join(map(str, range(10_001)))], "there are 10,001 values; at most 10,000 are allowed"),
        (["seed=range(" + "9" * 5000 + ")"], "whole numbers are expected"),
        (["momentum=linspace(0,1,²)"], "two ends and a number of values"),
        (["momentum=linspace(0,1," + "9" * 5000 + ")"], "two ends and a number of values"),
        (["momentum=linspace(-1e308,1e308,3)"], "too far apart"),
        (["momentum=linspace(0,1)"], "two ends and a number of values"),
        (["momentum=linspace(0,1,1)"], "two ends and a number of values"),
        (["momentum=linspace(0,1,x)"], "two ends and a number of values"),
        (["momentum=linspace(0,1,1000000)"], "two ends and a number of values"),
        (["momentum=linspace(,1,3)"], "'' is neither a number nor a quantity"),
        (["momentum=linspace(a,1,3)"], "'a' is neither a number nor a quantity"),
        (["momentum=linspace(nan,1,3)"], "'nan' is not finite"),
        (["momentum=linspace(0,inf,3)"], "'inf' is not finite"),
        (["latency=linspace(1 us,1 kB,3)"], "the two ends are of different kinds"),
        (["latency=linspace(0,1 us,3)"], "the two ends are of different kinds"),
        (["latency=logspace(0 us,1 us,3)"], "logspace needs positive ends"),
        (["latency=linspace(1 us,1 us,3)"], "1 us is given twice"),
    ],
    ids=str,
)
def test_wrong_axes(arguments: list[str], fragment: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse(arguments)
    assert fragment in str(caught.value)
    assert str(caught.value).startswith("argument: ")


def test_combinations_are_counted_before_they_are_made() -> None:
    axes = [Axis(key, tuple(map(str, range(10_000)))) for key in "abcdefgh"]
    with pytest.raises(ScenarioError, match=r"the axes have 100(,000)+ combinations; at most 10,000 are allowed"):
        combinations(axes)


def test_the_message_about_a_long_axis_is_short() -> None:
    with pytest.raises(ScenarioError) as caught:
        parse(["title=" + "x" * 100_000 + ",," + "\x1b[2J"])
    assert len(str(caught.value)) < 1000
    assert "\x1b" not in str(caught.value)


_token = st.text(st.sampled_from("abcxyz0123456789.-_ "), min_size=1, max_size=8).map(str.strip).filter(bool)
_part = st.one_of(
    _token,
    st.lists(_token, max_size=3).map(lambda tokens: f"[{', '.join(tokens)}]"),
    st.lists(_token, max_size=3).map(lambda tokens: f'"{", ".join(tokens)}"'),
    st.lists(_token, max_size=3).map(lambda tokens: f"{{{', '.join(f'{token}: 1' for token in tokens)}}}"),
)


@settings(deadline=None)
@given(st.lists(_part, min_size=2, max_size=6, unique=True))
def test_what_is_joined_with_commas_is_split_there(parts: list[str]) -> None:
    assert values("title=" + ",".join(parts)) == tuple(parts)


@settings(deadline=None)
@given(st.floats(1e-6, 1e6), st.floats(1.5, 1e6), st.integers(2, 20))
def test_logspace_has_its_ends_and_equal_ratios(start: float, factor: float, count: int) -> None:
    found = [float(value) for value in values(f"learning_rate=logspace({start!r},{start * factor!r},{count})")]
    assert (found[0], found[-1], len(found)) == (start, start * factor, count)
    for before, after in pairwise(found):
        assert math.isclose(after / before, factor ** (1 / (count - 1)), rel_tol=1e-4)


def test_an_axis_without_values_is_named_so() -> None:
    with pytest.raises(ScenarioError, match=r"^learners: there are no values$"):
        spell_axis("learners", [])
    with pytest.raises(ScenarioError, match=r"learners=choice\(\): there are no values"):
        parse(["learners=choice()"])
