from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from simasgd.errors import RunFailed, UsageError
from simasgd.results import RUN, SWEEP, VARIANTS, refuse_foreign, replacing, staleness_summary


def tree(folder: Path) -> dict[str, str | None]:
    """Every path below a folder, with the text of files."""
    return {
        path.relative_to(folder).as_posix(): path.read_text() if path.is_file() else None for path in sorted(folder.rglob("*"))
    }


def write_half(folder: Path, error: BaseException) -> None:
    with replacing(folder) as fresh:
        (fresh / "half").write_text("half")
        raise error


def test_new_places_are_accepted(tmp_path: Path) -> None:
    refuse_foreign(tmp_path / "absent")
    refuse_foreign(tmp_path / "deep" / "below" / "absent")
    (tmp_path / "empty").mkdir()
    refuse_foreign(tmp_path / "empty")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty"]


@pytest.mark.parametrize("mark", [RUN, VARIANTS])
def test_earlier_results_are_accepted(mark: str, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / mark).write_text("{}")
    (folder / "index.html").write_text("page")
    refuse_foreign(folder)
    (tmp_path / "link").symlink_to(folder)
    refuse_foreign(tmp_path / "link")


def test_a_run_does_not_replace_a_sweep_nor_a_sweep_a_run(tmp_path: Path) -> None:
    for mark in (RUN, SWEEP):
        (tmp_path / mark).mkdir()
        (tmp_path / mark / mark).write_text("{}")
    refuse_foreign(tmp_path / SWEEP, marks=(SWEEP,))
    for folder, marks in ((SWEEP, (RUN, VARIANTS)), (RUN, (SWEEP,))):
        with pytest.raises(UsageError, match="exists and does not hold earlier results"):
            refuse_foreign(tmp_path / folder, marks=marks)


def test_a_name_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="too long"):
        refuse_foreign(tmp_path / ("x" * 300))


def test_what_is_not_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.tex").write_text("precious")
    (tmp_path / "nested").mkdir()
    (tmp_path / "nested" / "run.json").mkdir()  # of the right name, but no file
    (tmp_path / "link-to-file").symlink_to(tmp_path / "file")
    (tmp_path / "link-to-folder").symlink_to(tmp_path / "folder")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    before = tree(tmp_path)
    for name in ("file", "folder", "nested", "link-to-file", "link-to-folder", "dangling"):
        with pytest.raises(UsageError, match=f"{name}: exists and does not hold earlier results"):
            refuse_foreign(tmp_path / name)
    for name in ("file/below", "link-to-file/below/it"):
        with pytest.raises(UsageError, match="is not a folder"):
            refuse_foreign(tmp_path / name)
    assert tree(tmp_path) == before


def test_replacing_puts_the_new_in_place_of_the_old(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "out"
    for content in ("first", "second"):
        with replacing(folder) as fresh:
            assert fresh != folder
            assert fresh.parent == folder.parent  # on the same file system, so that renaming does
            (fresh / content).write_text(content)
            (fresh / "below").mkdir()
        assert tree(folder) == {content: content, "below": None}
        assert [path.name for path in folder.parent.iterdir()] == ["out"]


@pytest.mark.parametrize("error", [ValueError("ours"), KeyboardInterrupt(), UsageError("the user's")])
def test_replacing_leaves_all_as_it_was_where_something_fails(error: BaseException, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    with replacing(folder) as fresh:
        (fresh / "old").write_text("old")
    before = tree(tmp_path)
    with pytest.raises(type(error)):
        write_half(folder, error)
    assert tree(tmp_path) == before


def test_replacing_says_that_it_could_not_write(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match=r"could not be written to .*out: .*No space left"):
        write_half(tmp_path / "out", OSError(28, "No space left on device"))
    (tmp_path / "file").write_text("precious")
    with pytest.raises(RunFailed, match="could not be written"), replacing(tmp_path / "file" / "out"):
        pass
    assert tree(tmp_path) == {"file": "precious"}


@pytest.mark.parametrize(
    ("counts", "mean", "largest", "percentiles", "histogram"),
    [
        ({0: 1}, 0.0, 0, (0, 0, 0), [1]),
        ({0: 1, 1: 2, 5: 1}, 7 / 4, 5, (1, 5, 5), [1, 2, 0, 0, 0, 1]),
        ({3: 10}, 3.0, 3, (3, 3, 3), [0, 0, 0, 10]),
        # Of 100, the 50th, 95th and 99th from below.
        ({0: 50, 1: 45, 2: 4, 9: 1}, 62 / 100, 9, (0, 1, 2), [50, 45, 4, 0, 0, 0, 0, 0, 0, 1]),
        ({0: 49, 1: 45, 2: 4, 9: 2}, 71 / 100, 9, (1, 2, 9), [49, 45, 4, 0, 0, 0, 0, 0, 0, 2]),
    ],
)
def test_staleness_by_hand(
    counts: dict[int, int], mean: float, largest: int, percentiles: tuple[int, int, int], histogram: list[int]
) -> None:
    summary = staleness_summary(Counter(counts))
    assert summary["mean"] == mean
    assert summary["max"] == largest
    assert (summary["p50"], summary["p95"], summary["p99"]) == percentiles
    assert summary["histogram"] == histogram


def test_staleness_of_nothing() -> None:
    nothing = {"mean": None, "max": None, "p50": None, "p95": None, "p99": None, "histogram": []}
    assert staleness_summary(Counter()) == nothing


@pytest.mark.parametrize("size", [1, 2, 7, 100, 1001])
@pytest.mark.parametrize("seed", range(5))
def test_staleness_as_numpy_has_it(size: int, seed: int) -> None:
    drawn = np.random.default_rng(seed).poisson(4.0, size)
    summary = staleness_summary(Counter(drawn.tolist()))
    assert summary["mean"] == pytest.approx(drawn.mean(), rel=1e-12)
    assert summary["max"] == drawn.max()
    assert summary["histogram"] == np.bincount(drawn).tolist()
    for share in (50, 95, 99):
        assert summary[f"p{share}"] == np.percentile(drawn, share, method="inverted_cdf")
