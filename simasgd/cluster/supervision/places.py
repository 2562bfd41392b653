"""Places in source files: where a role waits, and where an error comes from."""

from __future__ import annotations

from opcode import opmap
from pathlib import Path
from types import CodeType, FrameType, GeneratorType, MethodType
from typing import Any, Final, NamedTuple

_YIELD_FROM: Final = opmap["GET_YIELD_FROM_ITER"]
_SIMASGD = str(Path(__file__).parents[2])


class Place(NamedTuple):
    """A line of a file."""

    file: str
    line: int


def find_place(frame: FrameType) -> Place:
    """Return the line that a frame executes."""
    return Place(frame.f_code.co_filename, frame.f_lineno)


def find_definition(function: Any, default: str) -> Place:
    """Return the first line of a method; line 0 of `default` if it has no source."""
    code = function.__func__.__code__ if isinstance(function, MethodType) else None
    return Place(code.co_filename, code.co_firstlineno) if isinstance(code, CodeType) else Place(default, 0)


def find_waiting_place(role: Any) -> Place:
    """Return the line where a role waits.

    If the role runs another generator of its package, it is the line where that generator waits.
    """
    while isinstance(role.gi_yieldfrom, GeneratorType) and not _is_ours(role.gi_yieldfrom.gi_code):
        role = role.gi_yieldfrom
    return Place(role.gi_code.co_filename, role.gi_frame.f_lineno)


def is_yielded_from(frame: FrameType) -> bool:
    """Return whether a frame asks for an iterator in `yield from`, and not in a loop, a list or a call."""
    return frame.f_code.co_code[frame.f_lasti] == _YIELD_FROM


def find_origin(error: BaseException, default: Place) -> Place:
    """Return the innermost line outside simasgd that an error comes from."""
    place, link = default, error.__traceback__
    while link is not None:
        if not _is_ours(link.tb_frame.f_code):
            place = Place(link.tb_frame.f_code.co_filename, link.tb_lineno)
        link = link.tb_next
    return place


def _is_ours(code: CodeType) -> bool:
    return code.co_filename.startswith(_SIMASGD)
