"""One configuration trained in this process: its members' scorecards and a drawing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bimt_bench import data as task_data
from bimt_bench.app.folder import RunFolder, check_writable
from bimt_bench.ground import from_here
from bimt_bench.identity import scoring_digest, training_digest
from bimt_bench.metrics import USUAL, measured_of, omissions_line, others_line
from bimt_bench.recipes import RECIPES, resolve, settings_for
from bimt_bench.results import draw_medians
from bimt_bench.spec import Configuration, TaskSpec, catalog, configured
from bimt_bench.tuning import train_pack


@dataclass(frozen=True)
class SingleRun:
    """The frame of a configuration, one row a member, and the files that were written.

    frame: the members of this run and those that earlier runs left in the same folder. note: what
    an earlier run has to do with it, if there was one. baseline: the rows of the baseline recipe
    under the same settings, if it was trained. omissions: which metrics the task cannot have, and
    why, in a line; None if it has them all. others: how others are measured, likewise.
    """

    frame: pd.DataFrame
    note: str | None
    baseline: pd.DataFrame | None
    omissions: str | None
    others: str | None
    files: tuple[Path, ...]


def run(
    task: str,
    wanted: Mapping[str, object],
    *,
    seeds: Sequence[int],
    out: Path,
    device: str = "auto",
    data_dir: Path | None = None,
    tasks_dir: Path | None = None,
    with_baseline: bool = False,
    metrics: Sequence[str] = (USUAL,),
    on_progress: Callable[[float], None] | None = None,
) -> SingleRun:
    """Trains a configuration with some seeds and writes frame, curves, weights and a drawing.

    `wanted` holds the recipe and the settings. Files go to `out/<task>-<recipe>-<configuration>/`,
    where the members of earlier runs stay. `with_baseline` trains the baseline recipe in the same
    pack, under the same settings as far as it has them; without it an earlier run of just that
    serves, if `out` holds one. `metrics`: what is measured.
    """
    spec = catalog.task(task, tasks_dir)
    names = measured_of(spec, metrics)
    chosen = configured(wanted)
    asked = [chosen, *_baselines(chosen)]
    places = [RunFolder.of(out, resolve(spec, one, 0)) for one in asked]
    codes = [code_of(spec, one.recipe) for one in asked]
    count = len(asked) if with_baseline else 1
    check_writable(out)
    before = [place.read(code=code) for place, code in zip(places, codes, strict=True)]
    trained = train_pack(
        spec,
        asked[:count],
        seeds=seeds,
        device=device,
        data_dir=data_dir,
        metrics=names,
        on_progress=on_progress,
    )
    for place, code in zip(places[:count], codes, strict=False):
        place.join(trained, code=code)
    kept = [place.read(code=code) for place, code in zip(places, codes, strict=True)]
    drawings = [
        tuple(draw_medians(spec, one.frame, one.weights, folder=place.path, data_dir=data_dir))
        for place, one in zip(places[:count], kept[:count], strict=True)
    ]
    return SingleRun(
        frame=kept[0].frame,
        note=_note(places[0], before[0].frame, kept[0].frame),
        baseline=next((_trained(one.frame) for one in kept[1:]), None),
        omissions=omissions_line(spec, task_data.load(spec.data, data_dir=data_dir), names),
        others=others_line(names, run=from_here(places[0].path)),
        files=(*places[0].files, *drawings[0]),
    )


def code_of(task: TaskSpec, recipe: str) -> str:
    """The digests of the code that trains a recipe on a task, and of that which scores it."""
    return f"{training_digest(task, recipe)}-{scoring_digest()}"


def _baselines(chosen: Configuration) -> list[Configuration]:
    """The baseline recipe under the settings of `chosen` that it has; none if `chosen` is one."""
    if RECIPES.get_kind(chosen.recipe).baseline:
        return []
    return [
        configured({"recipe": name} | {k: v for k, v in chosen.settings.items() if k in known})
        for name, recipe in RECIPES.items()
        if recipe.baseline
        for known in [settings_for(recipe)]
    ]


def _trained(frame: pd.DataFrame) -> pd.DataFrame | None:
    """The members that did not diverge; None if there are none."""
    rows = frame[frame["status"] == "ok"] if len(frame) else frame
    return None if rows.empty else rows


def _note(folder: RunFolder, before: pd.DataFrame, after: pd.DataFrame) -> str | None:
    """What this run added to earlier ones; None if there were none."""
    held, added = len(before), len(after) - len(before)
    if not held:
        return None
    if not added:
        return f"adds nothing: {folder.path} holds these seeds already; shown are all {held}"
    return f"{added} seeds join the {held} of earlier runs in {folder.path}; shown are all"
