"""Reports that are made before a sweep ends: the same files, made anew where they do not fit."""

from pathlib import Path

import pytest

from bimt_bench.results import Reporter, Results, load
from bimt_bench.results.gallery import folder_name


@pytest.fixture
def kept(few: Results, tmp_path: Path) -> Results:
    """Results in a folder of this test's own."""
    return load(few.save(tmp_path / "kept"))


def test_a_report_made_ahead_is_the_one_made_at_the_end(kept: Results) -> None:
    task, folder = kept.task(), kept.folder
    assert folder is not None
    early = Reporter("chosen")
    early.task_done(task, folder, lambda: (kept.frame, kept.curves))
    early.finish()
    place = folder / "figures" / folder_name(task.name)
    files = {file.name: file.read_bytes() for file in place.iterdir()}
    assert "tradeoff.png" in files and "network-bimt-best.svg" in files
    for file in place.iterdir():
        file.unlink()
    ahead = early.report(kept, task, kept.curves)
    assert ahead is not None and not [*place.iterdir()], "nothing is made twice"
    late = Reporter("chosen").report(kept, task, kept.curves)
    assert ahead == late
    assert {file.name: file.read_bytes() for file in place.iterdir()} == files


@pytest.mark.parametrize("fault", ["another member", "no frame"])
def test_a_report_that_does_not_fit_is_made_at_the_end(kept: Results, fault: str) -> None:
    def gathered():
        if fault == "no frame":
            raise OSError("the disk is gone")
        return kept.frame.iloc[1:], kept.curves

    task = kept.task()
    assert kept.folder is not None
    reporter = Reporter("chosen")
    reporter.task_done(task, kept.folder, gathered)
    reporter.finish()
    report = reporter.report(kept, task, kept.curves)
    assert report is not None and report.tradeoff.members == len(kept)


def test_a_task_without_members_has_no_report(kept: Results, shortened) -> None:
    other = shortened("vision/digits")
    assert Reporter("chosen").report(kept, other, kept.curves) is None
