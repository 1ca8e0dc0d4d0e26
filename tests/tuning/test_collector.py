"""The collector on a real Ray: killed, or refused by its disk, in the middle of a sweep."""

import io

import pytest
from rich.console import Console

from bimt_bench.ground import InputError
from bimt_bench.store import Store
from bimt_bench.tuning.prepare import check
from bimt_bench.tuning.runner import sweep

# Waits for processes, which a busy machine may not start for minutes.
pytestmark = [pytest.mark.usefixtures("ray_session"), pytest.mark.timeout(1800)]


def struck(base, marks, strike):
    """A pack function that does something to the collector's process once, in the second pack.

    `strike` is 'kill' or 'full'; nested: Ray ships it by value.
    """

    def run(*given, on_progress, **how):
        import psutil

        packs = len(list(marks.glob("pack-*")))
        (marks / f"pack-{packs}").touch()

        def progress(fraction):
            on_progress(fraction)
            done = marks / "struck"
            if packs != 1 or done.exists():
                return
            siblings = psutil.Process().parent().children()
            (collector,) = [p for p in siblings if p.cmdline()[0].startswith("ray::Collector")]
            done.touch()
            if strike == "kill":
                collector.kill()
            else:
                collector.rlimit(psutil.RLIMIT_FSIZE, (0, 0))

        return base(*given, on_progress=progress, **how)

    return run


@pytest.fixture
def swept(tmp_path, sweep_spec, fake_pack_function):
    """Runs a sweep of three packs, one after another; what it computed is in the log."""

    def run(strike=None, **how):
        base = fake_pack_function(log=tmp_path / "log")
        marks = tmp_path / "marks"
        marks.mkdir(exist_ok=True)
        console = Console(file=io.StringIO(), width=400)
        found = sweep(
            check(sweep_spec()),
            results_dir=tmp_path / "results",
            run_pack=base if strike is None else struck(base, marks, strike),
            workers=1,
            console=console,
            **how,
        )
        return found, console.file.getvalue()

    return run


def computed(folder):
    return len((folder / "log").read_text().splitlines())


def test_a_collector_that_is_killed_is_started_again_and_nothing_is_lost(tmp_path, swept):
    found, told = swept("kill")
    assert (tmp_path / "marks" / "struck").exists()
    assert not found.failed and len(found.frame) == 10
    assert computed(tmp_path) == 3  # no pack was trained twice
    assert "failed" not in told


def test_a_disk_that_refuses_ends_the_sweep_in_one_line_and_nothing_is_trained_again(
    tmp_path, swept
):
    with pytest.raises(InputError, match="--resume goes on") as refused:
        swept("full")
    (line,) = str(refused.value).splitlines()
    assert line.startswith("results: cannot write to ") and "1 finished pack is kept" in line
    assert computed(tmp_path) == 2
    found, _ = swept(resume=True)
    assert computed(tmp_path) == 4
    assert len(found.frame) == 10 and len(Store(found.folder).packs()) == 3
