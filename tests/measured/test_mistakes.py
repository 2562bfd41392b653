"""Logs that cannot be: one message with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from simasgd.errors import UsageError
from simasgd.measured.importing import import_log
from tests.measured.logs import UPDATES, changed, put

CASES = {
    "read after made": (
        changed(4, "update,0,3,3,1,11.0,,10.5,10.9"),
        "log.csv, line 4: the gradient was computed on version 3, which is not there before the update that makes version 3; "
        "expected a read of at most 2",
    ),
    "made twice": (changed(4, "update,0,2,1,1,11.0,,10.5,10.9"), "log.csv, line 4: version 2 is made at 11 s, but "),
    "a gap": (changed(3, ""), "log.csv, line 3: version 3 follows 1 ({folder}log.csv, line 2); version 2 is missing"),
    "a long gap": (changed(5, "update,1,9,2,1,11.2,,,"), "line 5: version 9 follows 3 ({folder}log.csv, line 4); versions"),
    "server's clock": (changed(5, "update,1,4,2,1,7.2,,,"), "line 5: version 4 is made at 7.2 s, before version 3 (11 s, "),
    "applied twice": (
        changed(5, "update,1,4,2,0,11.2,,,"),
        "line 5: mini-batch 0 of learner 1 is applied again; it was applied in {folder}log.csv, line 3",
    ),
    "no version": (changed(5, "update,1,,2,1,11.2,,,"), "line 5: version is missing; expected the number of the weights"),
    "half a version": (changed(5, "update,1,4.5,2,1,11.2,,,"), "line 5: version 4.5 is not a whole number from 1"),
    "version 0": (changed(2, "update,0,0,0,0,10.5,,,"), "line 2: version 0 is not a whole number from 1"),
    "no read": (changed(5, "update,1,4,,1,11.2,,,"), "line 5: read is missing, the version that the gradient was computed on"),
    "half a read": (changed(5, "update,1,4,0.5,1,11.2,,,"), "line 5: read: 0.5 is not a whole number from 0"),
    "no learner": (changed(5, "update,,4,2,1,11.2,,,"), "line 5: learner is missing; expected the learner whose gradient"),
    "some batches": (changed(5, "update,1,4,2,,11.2,,,"), "line 5: batch is missing; expected the number of the learner's"),
    "a learner's clock": (
        changed(5, "update,1,4,2,1,11.2,,10.6,31.1"),
        "line 5: the clock of learner 1 must be at least ",
    ),
    "two runs": (UPDATES + "run,,,,,10,5,,\nrun,,,,,10,6,,\n", "line 7: a second row of the operation run"),
    "a short run": (UPDATES + "run,,,,,10,1,,\n", "line 6: the run lasts from 10 s to 11 s, but updates are made from 10.5"),
    "no update": ("learner,seconds\n0,1\n", "log.csv: there is no update, so nothing is known of versions and staleness"),
    "no start": (
        "operation,learner,version,read,seconds\nupdate,0,1,0,\n",
        "log.csv: there is no start, so it is not known when updates were made",
    ),
    "ahead": (
        "operation,learner,version,read,start,seconds,ahead\nupdate,0,1,0,1,,0\nupdate,0,2,1,2,,3\n",
        "line 3: ahead: the copy is 3 mini-batches ahead, but only 1 of the learner are in earlier rows",
    ),
    "summed": (
        "operation,learner,version,read,start,seconds,summed\nupdate,0,1,0,1,,3\nupdate,1,1,0,1,,3\n",
        "line 2: summed: found 3, but the update has 2 gradients, and its first row says 3",
    ),
    "long before": (
        "operation,learner,version,read,start,seconds\nupdate,0,9000000000000000,3,1,\n",
        "line 2: the gradient was computed on version 3, but the log begins with version 9000000000000000; at most 1,000,000",
    ),
    "sizes": (
        "operation,learner,version,read,start,seconds,mini_batch\nupdate,0,1,0,1,,8\nupdate,0,2,1,2,,9\n",
        "line 3: mini_batch is 9, elsewhere 8",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_one_message_with_its_place(case: str, tmp_path: Path) -> None:
    text, expected = CASES[case]
    with pytest.raises(UsageError) as caught:
        import_log([put(tmp_path, text)], overrides=() if case == "sizes" else ["mini_batch=1"])
    message = str(caught.value)
    assert expected.format(folder=f"{tmp_path}/") in message
    assert message.startswith(str(tmp_path))
    assert "\n" not in message


def test_the_size_of_mini_batches_must_be_known(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no mini_batch, so samples cannot be counted; .* mini_batch=32"):
        import_log([put(tmp_path, UPDATES)])
