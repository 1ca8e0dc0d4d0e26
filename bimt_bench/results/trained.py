"""What was trained: the frame of members, their learning curves, trade-offs and networks.

What only networks and trade-offs need is imported with the first of them: a frame is opened in a
fraction of the time that torch takes to load.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pandas as pd

from bimt_bench.ground import InputError, bar, closest
from bimt_bench.results.frames import (
    check_members,
    check_same,
    in_frame,
    kept_tasks,
    of_recipe,
    only_task,
    task_in,
)
from bimt_bench.results.keeping import keep
from bimt_bench.results.weights import Shelf
from bimt_bench.spec import (
    GeometrySpec,
    TaskSpec,
    TrainingSpec,
    carried_geometries,
    named,
    results_in,
    settings_of,
    trained_as,
)

if TYPE_CHECKING:
    from bimt_bench.results.corner import Corner
    from bimt_bench.results.curves import Curves
    from bimt_bench.results.drawn import DrawnTradeOff
    from bimt_bench.results.network import Network

_SHOWN = 5  # names in a message


class Results:
    """What was trained: the frame, and by its members curves, trade-offs and networks.

    `frame` has one row a member. `folder` is where it all lies, None for what this process
    trained or a single file. `failed`: reason by pack of those that a sweep could not compute.
    Curves and weights are read when they are asked for, weights one member at a time.

    >>> results
    <Results: 1 member of 1 recipe on symbolic/independence>
    >>> results.frame.shape[0] == len(results) == len(results.members)
    True
    """

    folder: Path | None
    frame: pd.DataFrame
    failed: Mapping[str, str]

    def __init__(
        self,
        frame: pd.DataFrame,
        *,
        curves: Callable[[], pd.DataFrame],
        weights: Shelf,
        folder: Path | None = None,
        failed: Mapping[str, str] | None = None,
        data_dir: Path | None = None,
        tasks_dir: Path | None = None,
    ) -> None:
        """`curves` reads the learning curves; `data_dir` and `tasks_dir` serve networks."""
        check_members(frame)
        self.frame, self.folder, self.failed = frame, folder, dict(failed or {})
        self._read_curves, self._weights = curves, weights
        self._curves: Curves | None = None
        self._data_dir, self._tasks_dir = data_dir, tasks_dir

    @property
    def members(self) -> tuple[str, ...]:
        """The digests of the members, in the order of the frame.

        >>> results.members == tuple(results.frame["member"])
        True
        """
        return tuple(str(member) for member in self.frame["member"])

    @property
    def tasks(self) -> tuple[str, ...]:
        """The names of the tasks, in the order of the frame.

        >>> results.tasks
        ('symbolic/independence',)
        """
        return tuple(str(name) for name in self.frame["task"].unique())

    def task(self, name: str | None = None) -> TaskSpec:
        """A task as it was when its members were trained; of a single one no name is needed.

        InputError for a task that is not in the results, that is nowhere to be had, or whose
        content here is another than the members were trained on.

        >>> results.task().performance.kind
        'r2'
        """
        chosen = self._task_name(name)
        return self._task_of(self.frame[self.frame["task"] == chosen].iloc[:1])

    @property
    def curves(self) -> "Curves":
        """The learning curves, one row a member and evaluation; `curves.plot()` draws them.

        InputError if they were not kept, or are damaged.

        >>> results.curves[["member", "step"]].nunique().tolist()
        [1, 11]
        """
        from bimt_bench.results.curves import Curves  # here, as it brings matplotlib

        if self._curves is None:
            self._curves = Curves.of(self._read_curves(), self.frame)
        return self._curves

    def tradeoff(
        self,
        task: str | None = None,
        *,
        x: str | None = None,
        y: str | None = None,
        steps: int | None = None,
        corner: "Corner" = "task",
    ) -> "DrawnTradeOff":
        """The trade-off of one task: `.table()` has a row a configuration, `.plot()` draws it.

        `x` and `y` name metrics, else the task's modularity axis and performance. `steps` picks one
        of several lengths of training. `corner` is what volumes are counted from: 'task', 'nadir'
        or two numbers (docs/method-of-comparison.md). InputError, with the nearest name, for what
        is not there.

        >>> found = results.tradeoff("symbolic/independence", x="modularity_q")
        >>> found.table()[["recipe", "n_seeds", "x"]].values.tolist()
        [['bimt', 1, 'modularity_q']]
        >>> found.plot(plt.gca()).get_title(loc="left")
        'Independence'
        """
        rows = self._rows(task, None)
        if steps is not None:
            rows = _at_length(rows, steps)
        return self._tradeoff(rows, x=x, y=y, corner=corner)

    def network(
        self,
        member: str | None = None,
        *,
        task: str | None = None,
        recipe: str | None = None,
        data_dir: Path | None = None,
    ) -> "Network":
        """The network of one member, ready to be run, measured, drawn, pruned and exported.

        `member`: its digest, a start of it that no other member has, or 'best', 'median' or 'knee'
        (docs/python.md); nothing where there is only one. `task` and `recipe` narrow the choice.
        InputError for a member that is not there, or whose weights were not kept or are damaged.

        >>> digest = results.frame["member"].iloc[0]
        >>> results.network(digest).member == results.network(digest[:6]).member == digest
        True
        """
        from bimt_bench.results.choice import CHOICES
        from bimt_bench.results.network import Network

        rows = self._rows(task, recipe) if member in CHOICES else self._narrowed(task, recipe)
        row = self._row(rows, _found(rows, member, self._chosen))
        arrays = self._weights.arrays({str(name): cell for name, cell in row.items()})
        spec = self._task_of(row.to_frame().T)
        return Network(
            _as_trained(spec, row),
            arrays,
            row,
            geometry=self._geometry(row),
            data_dir=data_dir or self._data_dir,
        )

    def best(self, task: str | None = None, *, recipe: str | None = None) -> "Network":
        """The network of best performance on a task, of all recipes or of one; see `network`.

        >>> best = results.best(recipe="bimt").performance()
        >>> bool(best == results.frame["performance"].max())
        True
        """
        return self.network("best", task=task, recipe=recipe)

    def median(self, task: str | None = None, *, recipe: str | None = None) -> "Network":
        """The network of median performance on a task, of all recipes or of one; see `network`.

        >>> results.median("symbolic/independence").member in results.members
        True
        """
        return self.network("median", task=task, recipe=recipe)

    def knee(self, task: str | None = None, *, recipe: str | None = None) -> "Network":
        """The median network of the configuration at the knee of the front; see `network`.

        >>> results.knee().member in results.members
        True
        """
        return self.network("knee", task=task, recipe=recipe)

    def score(
        self, *names: str, members: str | Sequence[str] = "all", progress: bool | None = None
    ) -> pd.DataFrame:
        """Metrics of members, measured now from their weights; one row a member.

        Names of metrics or families, all without any. `members`: 'all'; 'front', all seeds of the
        configurations on the front of each task; 'best', 'median' or 'knee' of each recipe and
        task; or digests. What is found is kept in `metrics.parquet` of the folder, if there is one,
        where trade-offs find it; the frame stays as it is. `progress`: a bar, on a terminal and in
        a notebook if absent. InputError, with the nearest name, for what is not there.

        >>> results.score("modularity_q", members="best").columns[-5:].tolist()
        ['metric_faults', 'metric_gaps', 'metric_versions', 'shuffles', 'scoring_digest']
        """
        from bimt_bench.results.scores import score

        with bar("metrics", shown=progress) as on_progress:
            return score(self, names, members=members, on_progress=on_progress)

    def save_drawings(
        self,
        which: str | None = None,
        *,
        task: str | None = None,
        recipe: str | None = None,
        folder: str | Path | None = None,
        formats: Sequence[str] = ("png", "svg"),
    ) -> tuple[Path, ...]:
        """Draws networks into files and returns their paths.

        `which`: a member, as for `network`; absent: the best, the median and the knee of each
        recipe. `folder`: absent, `figures/<task>` of the results' own. `formats`: of png, svg and
        pdf. InputError for what is not there.

        >>> [file.name for file in results.save_drawings("best", folder="drawn")]
        ['network-best.png', 'network-best.svg']
        """
        from bimt_bench.results.gallery import save_drawings

        return save_drawings(self, which, task=task, recipe=recipe, folder=folder, formats=formats)

    def save(self, folder: str | Path) -> Path:
        """Keeps all of it in a new folder, which `bimt_bench.load` reads; returns the folder.

        InputError if the folder holds results already or cannot be written to.

        >>> bimt_bench.load(results.save("mine")).members == results.members
        True
        """
        place = Path(folder).expanduser()
        tasks = [self.task(name) for name in self.tasks]
        keep(place, self.frame, pd.DataFrame(self.curves), self._weights, tasks=tasks)
        return place

    def __len__(self) -> int:
        """The number of members."""
        return len(self.frame)

    def __repr__(self) -> str:
        tasks, recipes = ", ".join(self.tasks[:_SHOWN]), self.frame["recipe"].nunique()
        where = "" if self.folder is None else f" in {self.folder}"
        members = "1 member" if len(self) == 1 else f"{len(self)} members"
        word = "recipe" if recipes == 1 else "recipes"
        return f"<Results: {members} of {recipes} {word} on {tasks}{where}>"

    def __getitem__(self, key: object) -> NoReturn:
        raise InputError(
            f"results[{key!r}]: results are no frame; the frame is one attribute away: "
            f"results.frame[{key!r}]"
        )

    def __getattr__(self, name: str) -> NoReturn:
        if not name.startswith("_") and hasattr(pd.DataFrame, name):
            raise AttributeError(
                f"results have no '{name}', but their frame has: results.frame.{name}"
            )
        own = [known for known in dir(type(self)) if not known.startswith("_")]
        raise AttributeError(
            f"results have no '{name}'{closest(name, [*own, 'frame', 'folder', 'failed'])}"
        )

    # ----------------------------------------------------------------------- parts

    def _task_name(self, task: str | None) -> str:
        return only_task(self.tasks) if task is None else in_frame(task, self.tasks)

    def _rows(self, task: str | None, recipe: str | None) -> pd.DataFrame:
        """The results of one task, which must be named if there are several, and of one recipe."""
        return results_in(self._narrowed(self._task_name(task), recipe))

    def _narrowed(self, task: str | None, recipe: str | None) -> pd.DataFrame:
        """The rows of a task and a recipe, of all where neither is named."""
        rows = self.frame
        if task is not None:
            rows = rows[rows["task"] == in_frame(task, self.tasks)]
        return of_recipe(rows, recipe)

    def _chosen(self, which: str, rows: pd.DataFrame) -> str | None:
        from bimt_bench.results.choice import choose

        return choose(which, rows, lambda: self._tradeoff(rows))

    def _tradeoff(self, rows: pd.DataFrame, **asked: Any) -> "DrawnTradeOff":
        from bimt_bench.results.drawn import tradeoff_of
        from bimt_bench.results.scores import with_scores

        return tradeoff_of(self._task_of(rows), with_scores(rows, self.folder), **asked)

    def _task_of(self, rows: pd.DataFrame) -> TaskSpec:
        """The published task of some rows of one task, which is the one they were trained on."""
        name = str(rows["task"].iloc[0])
        kept = {} if self.folder is None else kept_tasks(self.folder)
        task = task_in(self.frame, name, self._tasks_dir, kept=kept)
        check_same(task, rows)
        return task

    def _row(self, rows: pd.DataFrame, member: str) -> "pd.Series[Any]":
        """The row of a member; of several, that of today's code, else the last."""
        from bimt_bench.identity import training_digest

        own = rows[rows["member"] == member]
        if len(own) > 1 and "training_digest" in own:
            code = training_digest(self._task_of(own), str(own["recipe"].iloc[0]))
            today = own[own["training_digest"] == code]
            own = own if today.empty else today
        return own.iloc[-1]

    def _geometry(self, row: "pd.Series[Any]") -> GeometrySpec | None:
        """The geometry that a row names, if the frame carries it; named ones need not be."""
        from bimt_bench.results.columns import plain_cell

        for one in carried_geometries(self.frame):
            told = {
                "geometry": one.name,
                "placement": one.placement,
                "distance": named(one.distance),
            }
            if all(name not in row or plain_cell(row[name]) == word for name, word in told.items()):
                return one
        return None


def _found(
    rows: pd.DataFrame,
    member: str | None,
    chosen: Callable[[str, pd.DataFrame], str | None],
) -> str:
    """The digest of the member that is meant among some rows."""
    from bimt_bench.results.choice import CHOICES

    members = list(dict.fromkeys(str(one) for one in rows["member"]))
    allowed = "a digest, or the start of one, as in results.frame['member']; best, median or knee"
    if member is None:
        if len(members) == 1:
            return members[0]
        raise InputError(f"member: there are {len(members)}; give one: {allowed}")
    if not isinstance(member, str) or not member:
        raise InputError(f"member: {member!r} given; should be {allowed}")
    if member in CHOICES:
        found = chosen(member, rows)
        if found is None:
            raise InputError(f"member: no {member} one, since none of {len(members)} finished")
        return found
    starting = [one for one in members if one.startswith(member)]
    if member in members or len(starting) == 1:
        return member if member in members else starting[0]
    if starting:
        raise InputError(
            f"member: '{member}' begins {len(starting)} digests, {starting[0]} and others"
        )
    raise InputError(
        f"member: '{member}' is not in these results{closest(member, [*CHOICES, *members])} "
        f"({len(members)} members; give {allowed})"
    )


def _at_length(rows: pd.DataFrame, steps: int) -> pd.DataFrame:
    lengths = sorted(rows["steps"].dropna().unique().tolist()) if "steps" in rows else []
    if steps not in lengths:
        raise InputError(
            f"steps: {steps!r} given; the members were trained for {', '.join(map(str, lengths))}"
        )
    return rows[rows["steps"] == steps]


def _as_trained(task: TaskSpec, row: "pd.Series[Any]") -> TaskSpec:
    """The task with the training settings that a row of the frame has."""
    from bimt_bench.results.columns import plain_cell

    shared = [one.name for one in settings_of(TrainingSpec) if one.traits.shared]
    told = {name: plain_cell(row[name]) for name in shared if name in row}
    known = {name: cell for name, cell in told.items() if cell is not None}
    settings: Any = {name: getattr(task.training, name) for name in shared} | known
    return trained_as(task, settings)  # asked for the settings only, as a member is
