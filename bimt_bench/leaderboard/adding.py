"""An entry made from what was trained: a sweep's folder becomes the folder of an entry."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bimt_bench import data as task_data
from bimt_bench import results as trained
from bimt_bench.ground import InputError
from bimt_bench.leaderboard import claims, weights_file
from bimt_bench.leaderboard.board import Board
from bimt_bench.leaderboard.chosen import Chosen, choose
from bimt_bench.leaderboard.entry import Author, Said
from bimt_bench.leaderboard.operations import operations
from bimt_bench.leaderboard.origin import environment
from bimt_bench.leaderboard.publishing import Added, check_new, entry_of, said, written
from bimt_bench.network import build
from bimt_bench.recipes import RECIPES


def add(
    results: "trained.Results | str | Path",
    *,
    name: str,
    authors: Sequence[str | Mapping[str, str] | Author],
    tuned: str,
    licence: str,
    task: str | None = None,
    recipe: str | None = None,
    title: str | None = None,
    link: str | None = None,
    notes: str = "",
    dtype: str | None = None,
    url: str | None = None,
    retrainable: bool = True,
    board: Board | Path | str | None = None,
    tasks_dir: Path | None = None,
    data_dir: Path | None = None,
) -> Added:
    """Makes an entry of one recipe on one task from results.

    results: of a sweep or a run, or their folder. task, recipe: which, where there are several.
    tuned: how settings other than the dial were chosen, on which data. dtype: absent, that of
    training; float16 halves the weights, and metrics that rounding moves are left out. url: where
    the weights will lie, under `licence`; their file is then written beside the entry, to be put
    there. retrainable: False enters members of a plug-in recipe by their weights alone. InputError,
    before anything is written, where seeds are missing, dial values differ in their seeds, other
    settings than the dial differ, there are too many members, or weights were not kept.
    """
    board = board if isinstance(board, Board) else Board(Path(board)) if board else Board()
    if not isinstance(results, trained.Results):
        results = trained.load(results, tasks_dir=tasks_dir, data_dir=data_dir)
    chosen = choose(results, task=task, recipe=recipe, retrainable=retrainable)
    told = said(
        name=name,
        authors=authors,
        tuned=tuned,
        licence=licence,
        title=title or RECIPES[chosen.recipe].title,
        link=link,
        notes=notes,
    )
    check_new(board, chosen.task.name, name)
    return publish(
        board,
        chosen,
        told,
        weights=chosen.weights(results),
        curves=pd.DataFrame(results.curves),
        environment=environment(results, chosen),
        dtype=dtype,
        url=url,
        retrainable=retrainable,
        tasks_dir=tasks_dir,
        data_dir=data_dir,
    )


def publish(
    board: Board,
    chosen: Chosen,
    told: Said,
    *,
    weights: claims.Weights,
    curves: pd.DataFrame,
    environment: Mapping[str, Any],
    dtype: str | None,
    url: str | None,
    retrainable: bool,
    tasks_dir: Path | None,
    data_dir: Path | None,
) -> Added:
    """Measures what must be, and writes the entry of these members."""
    data = task_data.load(chosen.task.data, data_dir=data_dir)
    architecture = build(chosen.trained, data)
    stored = _stored(dtype, chosen)
    content = weights_file.written(weights, architecture, stored)
    claimed = claims.of(
        chosen,
        data,
        architecture,
        weights=weights,
        curves=curves,
        content=content,
        dtype=stored,
    )
    taken = operations(chosen.trained, data, architecture, members=len(chosen.rows))
    made = entry_of(
        told,
        content,
        dtype=stored,
        url=url,
        task=chosen.task.name,
        task_version=chosen.task.version,
        task_digest=chosen.published.digest(),
        recipe=chosen.recipe,
        retrainable=retrainable,
        model=chosen.task.model.model_dump(mode="json", by_alias=True),
        settings=chosen.settings,
        dial=chosen.dial,
        grid=chosen.grid,
        seeds=chosen.seeds,
        steps=chosen.trained.training.steps,
        environment=environment,
        cost={"operations": taken, "seconds": float(chosen.rows["seconds"].sum())},
        metrics=claimed.versions,
    )
    return written(board, made, claimed.records, content, tasks_dir=tasks_dir, data_dir=data_dir)


def _stored(dtype: str | None, chosen: Chosen) -> str:
    if dtype not in (None, chosen.dtype, "float16"):
        raise InputError(
            f"dtype: '{dtype}' given; the members were trained in {chosen.dtype}, so allowed are "
            f"{chosen.dtype} and float16"
        )
    return dtype or chosen.dtype
