"""A mistake in the class of a protocol of another package is one message with its file, for every command."""

from __future__ import annotations

import importlib
import re

import pytest

from simasgd.asking.answers import answer
from simasgd.asking.terminal import write_answer
from simasgd.errors import ScenarioError, UsageError
from tests.build import TIMING, scenario
from tests.documents.installed import forget_installed, install
from tests.protocols.foreign.mistakes import PEER, peer_protocol, server_protocol

ENTRY_POINTS = "[simasgd.protocols]\nmine = mine:Mine\n"
KIND = '    kind: Literal["mine"] = "mine"\n'
NOMINAL = "    def nominal_staleness(self, learners):\n        return None\n"
PROPERTY = "\n    @property\n    def {}(self):\n        return {}\n"
METHOD = "\n    def {}:\n        return {}\n"
VALIDATOR = "from pydantic import model_validator\n\n    @model_validator(mode='after')\n    def check(self):\n        {}\n"


def change(old: str, new: str, source: str = server_protocol()) -> str:
    assert old in source
    return source.replace(old, new)


def key(field: str) -> str:
    """Return a protocol with a further key."""
    return change(KIND, f"{KIND}    {field}\n")


# For each: the source, and the message. Such a class is wrong whatever the scenario.
OF_THE_CLASS = {
    "lacks nominal_staleness": (
        change(NOMINAL, ""),
        r"lacks nominal_staleness\(self, learners\), which returns ⟨σ⟩, the mean staleness .* or None$",
    ),
    "lacks two": (
        change(NOMINAL, "", change("serve", "server")),
        r"which returns .*; and serve\(self, server\), which runs",
    ),
    "lacks learn": (change("learn", "work", peer_protocol()), r"lacks learn\(self, peer\), which runs a learner's role"),
    "between": (
        change(NOMINAL, "", change("class Mine", "class Middle")) + f"\nclass Mine(Middle):\n{KIND}",
        r"class Mine: lacks nominal_staleness",
    ),
    "no kind": (change(KIND, ""), r"has no kind; write: kind: Literal\['mine'\] = 'mine'"),
    "kind of another type": (change(KIND, '    kind: int = "mine"\n'), r"kind: the default 'mine' is not valid"),
    "kind without a type": (
        change(KIND, '    kind = "mine"\n'),
        r"'kind' .* non-annotated attribute.* \(.*mine.py:\d+\)",
    ),
    "unknown type": ("from __future__ import annotations\n" + key("limit: Conut = 1"), r"limit: name 'Conut' is not defined"),
    "unreadable type": (key("limit: type('Thing', (), {}) = None"), r"limit: pydantic cannot read values of its type"),
    "default of another type": (key("limit: int = 'five'"), r"limit: the default 'five' is not valid: "),
    "default as text": (
        "from simasgd.protocols import Seconds\n" + key("wait: Seconds = '5 ms'"),
        r"wait: the default '5 ms' is not of the field's type",
    ),
    "default without a form": (key("limit: object = print"), r"limit: the default <built-in function print> is not of"),
    "key of a property's name": (
        key("thread: str = 'x'\n    modulation: str = 'none'"),
        r"a key 'modulation', but Abstract",
    ),
    "error at import": (
        "1 / 0\n",
        r"mine:Mine \(of outsider\): ZeroDivisionError: division by zero \(.*mine.py:1\)",
    ),
    "exit at import": ("raise SystemExit(3)\n", r"SystemExit: 3 \(.*mine.py:1\)"),
    "error without text": ("assert False\n", r"AssertionError \(.*mine.py:1\)"),
    "no such module": ("import nowhere\n", r"ModuleNotFoundError: No module named 'nowhere' \(.*mine.py:1\)"),
    "arguments": (
        change("(self, learners)", "(self)"),
        r"nominal_staleness has other arguments than nominal_staleness\(sel",
    ),
    "role's arguments": (change("(self, server)", "(server)"), r"serve has other arguments than serve\(self, server\)"),
    "method for a property": (
        server_protocol() + METHOD.format("has_rounds(self)", "False"),
        r"has_rounds is a method; write @property in the line above it",
    ),
    "property for a method": (change("    def nominal", "    @property\n    def nominal"), r"nominal_staleness is no method"),
    "centre without a role": (peer_protocol() + PROPERTY.format("has_centre", "True"), r"has 'has_centre' but no role 'serve'"),
}
# Such a class is wrong in a scenario.
OF_ITS_ANSWERS = {
    "validator fails": (key(VALIDATOR.format("{}['x']")), r"class Mine: KeyError: 'x' \(.*mine.py:\d+\)"),
    "validator returns nothing": (key(VALIDATOR.format("pass")), r"a validator returns None; it has to return self"),
    "own __init__": (key("\n    def __init__(self):\n        pass\n"), r"TypeError: .*__init__\(\) got an unexpected keyword"),
    "nominal staleness fails": (
        change("return None", "return learners / 0"),
        r"nominal_staleness: ZeroDivisionError.*:\d+\)",
    ),
    "nominal staleness in words": (change("return None", "return 'three'"), r"found 'three'; expected a finite number of at"),
    "law fails": (server_protocol() + METHOD.format("lawful_staleness(self, learners)", "1 / 0"), r"lawful_staleness: ZeroDiv"),
    "flag in words": (server_protocol() + PROPERTY.format("has_rounds", "'no'"), r"has_rounds: found 'no'; expected True or F"),
    "modulation in words": (
        server_protocol() + PROPERTY.format("modulation", "'none'"),
        r"modulation: found 'none'; expected a",
    ),
    "property fails": (
        server_protocol() + PROPERTY.format("counts_epochs", "nothing"),
        r"counts_epochs: NameError: name",
    ),
    "no inconsistencies": (
        server_protocol() + METHOD.format("inconsistencies(self, learners, model)", "None"),
        r"inconsistencies: found None; expected a list of Inconsistency",
    ),
    "inconsistencies in words": (
        server_protocol() + METHOD.format("inconsistencies(self, learners, model)", "['odd']"),
        r"inconsistencies: found \['odd'\]; expected a list of Inconsistency",
    ),
    "meeting in words": (
        peer_protocol(PEER) + PROPERTY.format("meeting", "'ring'"),
        r"meeting: found 'ring'; expected a Me",
    ),
    "thread's number": (
        peer_protocol() + PROPERTY.format("thread", "3") + "\n    def communicate(self, peer):\n        yield\n",
        r"thread: found 3; expected a name, or None",
    ),
}


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Return a function that installs a protocol `mine`; it is forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(source: str) -> None:
        install(tmp_path, ENTRY_POINTS, mine=source)
        forget_installed("mine")
        importlib.invalidate_caches()

    yield write
    forget_installed("mine")


def show() -> str:
    return "\n".join(write_answer(answer("mine", keys_first=False), 100))


@pytest.mark.filterwarnings("ignore:Field name")
@pytest.mark.parametrize("label", OF_THE_CLASS)
def test_a_wrong_class_is_reported_wherever_it_is_named(label, make, tmp_path):
    source, message = OF_THE_CLASS[label]
    make(source)
    with pytest.raises(ScenarioError, match=message) as raised:
        scenario(TIMING, {"protocol": "mine"})
    assert str(tmp_path / "mine.py") in str(raised.value)
    with pytest.raises(UsageError, match=message):
        answer("mine", keys_first=False)


@pytest.mark.parametrize("label", OF_ITS_ANSWERS)
def test_a_wrong_answer_is_reported_in_a_scenario(label, make, tmp_path):
    source, message = OF_ITS_ANSWERS[label]
    make(source)
    with pytest.raises(ScenarioError, match=message) as raised:
        scenario(TIMING, {"protocol": "mine"})
    assert re.search(re.escape(str(tmp_path / "mine.py")) + r":\d+: ", str(raised.value))
    assert "mine: a protocol" in show()


def test_the_protocols_without_a_mistake_are_accepted(make):
    """The cases above must not fail for another reason."""
    for source in (server_protocol(), peer_protocol(), change(KIND, '    kind: str = "mine"\n'), key("limit: int")):
        make(source)
        assert (
            scenario(TIMING, {"protocol": {"kind": "mine", **({"limit": 3} if "limit" in source else {})}}).protocol.kind
            == "mine"
        )
        assert "mine: a protocol" in show()


LAWS = {
    "cached": "    @functools.cache\n    def lawful_staleness(self, learners):\n        return 3.0\n",
    "cached for few": "    @functools.lru_cache(maxsize=1)\n    def lawful_staleness(self, learners):\n        return 3.0\n",
    "partial method": "    def _law(self, law, learners):\n        return law\n"
    "    lawful_staleness = functools.partialmethod(_law, 3.0)\n",
    "partial function": "    lawful_staleness = functools.partial(lambda law, learners: law, 3.0)\n",
    "static method": "    @staticmethod\n    def lawful_staleness(learners):\n        return 3.0\n",
    "class method": "    @classmethod\n    def lawful_staleness(cls, learners):\n        return 3.0\n",
}


@pytest.mark.parametrize("label", LAWS)
def test_a_method_may_be_any_callable_that_takes_the_arguments(label, make):
    make(f"import functools\n{server_protocol()}\n{LAWS[label]}")
    assert scenario(TIMING, {"protocol": "mine"}).protocol.lawful_staleness(4) == 3.0


@pytest.mark.parametrize("label", ["cached", "cached for few", "static method", "class method"])
def test_a_callable_with_other_arguments_is_refused(label, make):
    make(f"import functools\n{server_protocol()}\n{change('learners)', 'learners, more)', LAWS[label])}")
    with pytest.raises(ScenarioError, match="lawful_staleness has other arguments than lawful_staleness"):
        scenario(TIMING, {"protocol": "mine"})
