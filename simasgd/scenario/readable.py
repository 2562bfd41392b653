"""Scenarios as people read them: in an interpreter, in print, and in a notebook."""

from __future__ import annotations

import abc
from typing import Any

from simasgd.scenario.reading.yaml_layer import dump_yaml
from simasgd.scenario.vocabulary.section import Section


class ReadableScenario(Section):
    """A scenario whose text is YAML with all its values; a notebook shows that, and an interpreter one line."""

    @abc.abstractmethod
    def resolved(self) -> dict[str, Any]:
        """Return every value as a mapping that loads back into an equal scenario."""

    @abc.abstractmethod
    def summary_line(self) -> str:
        """Describe the scenario in a few words."""

    def __str__(self) -> str:
        return dump_yaml(self.resolved())

    def __repr__(self) -> str:
        return f"<Scenario {self.summary_line()}>"

    def _repr_html_(self) -> str:
        from html import escape

        style = "max-height:30em;overflow:auto;padding:.8em;line-height:1.35"
        return f'<pre class="simasgd" style="{style}">{escape(str(self))}</pre>'
