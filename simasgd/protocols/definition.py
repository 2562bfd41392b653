"""Mistakes in the definition of a protocol's class, for protocols of other packages: they are found before a run."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any

import pydantic
from pydantic import PydanticUserError, TypeAdapter, ValidationError
from pydantic.errors import PydanticErrorMixin
from pydantic.fields import FieldInfo
from pydantic_core import PydanticSerializationError, PydanticUndefined

from simasgd.protocols.base import AbstractPeerProtocol, AbstractProtocol
from simasgd.scenario.vocabulary.values import shown

_SIMASGD = "simasgd."
_NOT_THE_USERS = (str(Path(__file__).parents[1]), str(Path(pydantic.__file__).parent), "<")  # "<" as in <frozen importlib>
_STANDARD = str(Path(inspect.__file__).parent)
_INSTALLED = ("site-packages", "dist-packages")
_FOR_A_THREAD = (("thread", "communicate"), ("has_centre", "serve"))


def find_mistake(protocol: type[AbstractProtocol], kind: str) -> str:
    """Return the first mistake in a class whose entry point has this name, "" if there is none."""
    found = next(_iterate_mistakes(protocol, kind), "")
    return found and f"{locate(protocol)}: protocol {kind!r}, class {protocol.__name__}: {found}"


def locate(protocol: type[AbstractProtocol]) -> str:
    """Return `FILE:LINE` of a class; the name of its module if the source is not there."""
    try:
        return f"{inspect.getfile(protocol)}:{inspect.getsourcelines(protocol)[1]}"
    except (OSError, TypeError):
        return protocol.__module__


def describe_error(error: BaseException) -> str:
    """Return the type and the text of an error in a user's code, with its place if that is known."""
    text = error.message if isinstance(error, PydanticErrorMixin) else str(error)
    name = "" if isinstance(error, PydanticErrorMixin) else type(error).__name__
    place = _find_place(error.__traceback__)
    return ": ".join(filter(None, (name, text))) + (f" ({place})" if place and not isinstance(error, SyntaxError) else "")


def _find_place(link: TracebackType | None) -> str:
    """Return the innermost line that is neither simasgd's, pydantic's nor of the standard library; "" if there is none."""
    place = ""
    while link is not None:
        file = link.tb_frame.f_code.co_filename
        is_standard = file.startswith(_STANDARD) and not any(part in _INSTALLED for part in Path(file).parts)
        if not file.startswith(_NOT_THE_USERS) and not is_standard:
            place = f"{file}:{link.tb_lineno}"
        link = link.tb_next
    return place


def _iterate_mistakes(protocol: type[AbstractProtocol], kind: str) -> Iterator[str]:
    own_kind = protocol.model_fields["kind"].default if "kind" in protocol.model_fields else None
    if own_kind is PydanticUndefined or not isinstance(own_kind, str):
        yield f"has no kind; write: kind: Literal[{kind!r}] = {kind!r}"
    elif own_kind != kind:
        yield f"has the kind {own_kind!r}, but its entry point is named {kind!r}; they must agree"
    if issubclass(protocol, AbstractPeerProtocol):
        yield from _iterate_lost_roles(protocol)
    if protocol.__abstractmethods__:
        lacking = [_describe_method(protocol, name) for name in sorted(protocol.__abstractmethods__)]
        yield f"lacks {'; and '.join(lacking)}"
    yield from _iterate_misfits(protocol)
    yield from _iterate_wrong_types(protocol)
    yield from _iterate_wrong_defaults(protocol)


def _iterate_lost_roles(protocol: type[AbstractPeerProtocol]) -> Iterator[str]:
    own = {name for base in protocol.__mro__[: protocol.__mro__.index(AbstractPeerProtocol)] for name in vars(base)}
    if "talks" in own:
        yield "has 'talks'; it is now 'has_direct_messages'"
    for name, role in _FOR_A_THREAD:
        if name in own and role not in own:
            yield f"has '{name}' but no role '{role}'"


def _describe_method(protocol: type[AbstractProtocol], name: str) -> str:
    """Return the signature of a method that is to be written, and what the method does."""
    method = inspect.getattr_static(protocol, name)
    text = f"{name}{_signature_of(method)}"
    if not _is_ours(method):
        return text
    verb, _, rest = (inspect.getdoc(method) or "").partition("\n")[0].rstrip(".").partition(" ")
    does = f"which {verb.lower()}s {rest}"
    is_role = inspect.signature(method).return_annotation == "Role"
    return f"{text}, {does}{' and calls verbs with yield from' if is_role else ''}"


def _iterate_misfits(protocol: type[AbstractProtocol]) -> Iterator[str]:
    """Find methods in place of properties, the reverse, and methods with other arguments than those of simasgd's class."""
    for name, base in _overridable(protocol).items():
        own = inspect.getattr_static(protocol, name)
        if own is base:
            continue
        if isinstance(base, property):
            if inspect.isfunction(own):
                yield f"{name} is a method; write @property in the line above it"
        elif not callable(getattr(protocol, name)):
            yield f"{name} is no method; write it as {name}{_signature_of(base)}"
        elif not _accepts(protocol, name, len(inspect.signature(base).parameters)):
            yield f"{name} has other arguments than {name}{_signature_of(base)}"


def is_property(protocol: type[AbstractProtocol], name: str) -> bool:
    """Return whether simasgd's base classes have a property of this name, and no method."""
    return isinstance(_overridable(protocol)[name], property)


def _overridable(protocol: type[AbstractProtocol]) -> dict[str, Any]:
    """Return the properties and methods of simasgd's base classes by their names."""
    bases = [base for base in protocol.__mro__ if issubclass(base, AbstractProtocol) and base.__module__.startswith(_SIMASGD)]
    found = {name: member for base in reversed(bases) for name, member in vars(base).items() if not name.startswith("_")}
    return {name: member for name, member in found.items() if isinstance(member, property) or inspect.isfunction(member)}


def _accepts(protocol: type[AbstractProtocol], name: str, arguments: int) -> bool:
    """Return whether a method can be called on an instance with so many arguments, `self` among them.

    Python passes `self` to a function and to a wrapper of one, such as that of functools.cache, and not to a static method, a
    class method or an object that is callable.
    """
    own = inspect.getattr_static(protocol, name)
    is_bound = inspect.ismethoddescriptor(own) and not isinstance(own, staticmethod | classmethod)
    takes_self = inspect.isfunction(own) or is_bound
    try:
        inspect.signature(getattr(protocol, name)).bind(*range(arguments if takes_self else arguments - 1))
    except (TypeError, ValueError):
        return False
    return True


def _signature_of(method: Any) -> str:
    return f"({', '.join(inspect.signature(method).parameters)})"


def _is_ours(method: Any) -> bool:
    return str(method.__module__).startswith(_SIMASGD)


def _iterate_wrong_types(protocol: type[AbstractProtocol]) -> Iterator[str]:
    try:
        protocol.model_rebuild(raise_errors=True)
    except NameError as error:
        texts = {name: text for base in protocol.__mro__ for name, text in inspect.get_annotations(base).items()}
        users = [name for name, text in texts.items() if isinstance(text, str) and str(error.name) in re.findall(r"\w+", text)]
        yield ": ".join((*users[:1], describe_error(error)))
    except PydanticUserError as error:
        unreadable = [name for name, field in protocol.model_fields.items() if not _is_readable(field)]
        words = "pydantic cannot read values of its type; choose one of Python's or of simasgd.protocols"
        yield f"{unreadable[0]}: {words}" if unreadable else describe_error(error)


def _is_readable(field: FieldInfo) -> bool:
    """Return whether pydantic can read values of a field's type."""
    try:
        annotation: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
        TypeAdapter(annotation)
    except PydanticUserError:
        return False
    return True


def _iterate_wrong_defaults(protocol: type[AbstractProtocol]) -> Iterator[str]:
    """Find defaults that a scenario could not give: it is written into run.json and read again."""
    given: dict[str, Any] = {}
    try:
        default = protocol.by_default()
        values = dict(default)
    except Exception:  # noqa: BLE001  # the class needs its parameters: its errors are reported where a scenario has it
        return
    for name in (name for name in protocol.model_fields if name in values):
        try:
            given |= default.model_dump(mode="json", include={name}, warnings="none")
            json.dumps(given, allow_nan=False)
        except (PydanticSerializationError, ValueError):
            yield f"{name}: the default {_quote(values[name])} is not of the field's type"
            return
    try:
        protocol.model_validate(given)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            if detail["loc"] and detail["type"] != "missing":
                name = str(detail["loc"][0])
                yield f"{name}: the default {_quote(values.get(name))} is not valid: {detail['msg']}"
    except Exception:  # noqa: BLE001  # as above
        return


def _quote(value: Any) -> str:
    return shown(value) if isinstance(value, int | float | str | bool | None) else repr(value)
