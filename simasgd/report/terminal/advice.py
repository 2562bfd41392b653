"""The end of a search for advice: the answers, and the sentences of the page's verdict."""

from __future__ import annotations

from simasgd.advising.findings import Findings
from simasgd.printable import printable
from simasgd.report.advice.blocks import tabulate_answers
from simasgd.report.advice.sentences import list_reasons, state_headline
from simasgd.report.advice.wording import say_stages
from simasgd.report.facts.formats import capitalise, use_plain_spaces
from simasgd.report.terminal.conclusion import Conclusion
from simasgd.report.terminal.text_table import TextColumn, TextTable


def conclude_advice(found: Findings) -> Conclusion:
    """Return the end of a command that searched for advice."""
    sentences = (state_headline(found), *list_reasons(found))
    return Conclusion(
        table=_tabulate(found),
        remark=f"{capitalise(say_stages(found))}.",
        verdict=tuple(printable(use_plain_spaces(sentence)) for sentence in sentences),
        content=found.model_dump(mode="json"),
    )


def _tabulate(found: Findings) -> TextTable | None:
    answers = tabulate_answers(found)
    if answers is None:
        return None
    cells = [[printable(use_plain_spaces(cell.text)) for cell in row] for row in answers.rows]
    columns = [
        TextColumn(title.title, tuple(row[place] for row in cells), len(answers.columns) - place, numeric=False)
        for place, title in enumerate(answers.columns)
    ]
    return TextTable(tuple(columns), emphasised=frozenset({0}))
