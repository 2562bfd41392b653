"""The origin of a run's times: a simulated clock, or the log of a real system."""

from __future__ import annotations

from typing import Literal, final

from simasgd.results.json_files import Items, Stored

Origin = Literal["simulated", "measured"]


@final
class LogFile(Stored):
    """A file of a log: its name, and the SHA-256 digest of its content in hexadecimal digits."""

    name: str
    digest: str


@final
class MeasuredLog(Stored):
    """The log that a measured run was imported from.

    `has_scenario` says whether the user named a scenario that describes the system; otherwise the
    protocol is unknown. `lacks` lists what the log does not tell, and `remarks` how it was read.
    """

    files: Items[LogFile]
    has_scenario: bool
    lacks: Items[str]
    remarks: Items[str]

    def note(self) -> str:
        """Return sentences for the readers of the results."""
        names = ", ".join(f"{file.name} (sha256 {file.digest[:12]}…)" for file in self.files)
        lacks = f" The log does not tell {_join(self.lacks)}." if self.lacks else ""
        remarks = "".join(f" {remark}." for remark in self.remarks)
        return f"Measured, not simulated: times, updates and staleness come from the log {names}.{lacks}{remarks}"


def _join(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
