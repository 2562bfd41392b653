"""How results present themselves, without knowing the room that draws them.

A notebook asks a result for its HTML, and users ask it for its page. `figures` makes both from
`results` and `sweeps`, so these cannot import it. They call the presenter that the package's
`__init__` has registered, which is imported when it is first needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Presenter(Protocol):
    """Functions that present a run, a study or a sweep; the module `figures.display` has them."""

    def show(self, result: Any) -> str:
        """Return a result as HTML for a notebook."""

    def state(self, study: Any) -> str:
        """Return the verdict of a study in plain sentences."""

    def write(self, study: Any) -> str:
        """Return a study as text: its table and its verdict."""

    def write_page(self, result: Any, path: Path) -> Path:
        """Write the page of a result as one HTML file, and return its path; a folder gets it as `index.html`.

        Raises simasgd.UsageError if it cannot be written.
        """


_load: Callable[[], Presenter]


def register_presenter(load: Callable[[], Presenter]) -> None:
    """Set the function that imports the presenter."""
    global _load
    _load = load


def find_presenter() -> Presenter:
    """Return the registered presenter, which is imported by the first call."""
    return _load()
