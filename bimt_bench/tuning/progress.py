"""Progress of a sweep: what goes on, members done, members a second, time left, best so far."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from bimt_bench.ground import Pane
from bimt_bench.recipes import RECIPES, differing, said, settings_for
from bimt_bench.tuning.plan import Pack

PLAIN_SECONDS = 10.0  # between two lines
PANE_SECONDS = 1.0  # between two pictures in a notebook
SCORING_SHARE = 0.3  # of a pack's time, before one is done that tells: from a tenth to a half
ENOUGH = 0.05  # of the work done before it tells anything of the rest
TABLES_SECONDS = 3.0  # a task's share of what follows the last pack: tables and figures


@dataclass(frozen=True)
class Best:
    """The best seed mean of one metric on one task so far, and the configuration it is of."""

    task: str
    metric: str
    value: float
    configuration: str
    row: "pd.Series[Any]" = field(repr=False, compare=False)


@dataclass
class Board:
    """What is known of a sweep under way.

    `watched`: by task name, metrics and which of their values are better. `members` and `seconds`
    (expected core-seconds) are totals; with Optuna they are upper bounds (`at_most`), as repeated
    proposals are not computed again. `doing`: what goes on while no pack is under way, or besides.
    """

    members: int
    seconds: float
    watched: Mapping[str, Mapping[str, str]]
    clock: Callable[[], float] = time.monotonic
    at_most: bool = False
    doing: str = ""
    done: int = 0
    found: int = 0
    failed: int = 0
    best: dict[tuple[str, str], Best] = field(default_factory=dict)
    _telling: dict[tuple[str, str], list[Mapping[str, Any]]] = field(default_factory=dict)
    _seconds_done: float = 0.0
    _seconds_skipped: float = 0.0
    _fractions: dict[str, float] = field(default_factory=dict)
    _running: dict[str, Pack] = field(default_factory=dict)
    _began: float = 0.0
    _training_since: float | None = None
    _trained: dict[str, float] = field(default_factory=dict)
    _started: dict[str, float] = field(default_factory=dict)
    _training: float = 0.0
    _scoring: float = 0.0

    def __post_init__(self) -> None:
        self._began = self.clock()

    def start(self, pack: Pack) -> None:
        """A pack was handed out."""
        self._running[pack.digest] = pack

    def update(self, fractions: Mapping[str, float]) -> None:
        """How far the training of the packs under way is; 1 while they are scored."""
        self._fractions = dict(fractions)
        for digest in self._fractions.keys() & self._running.keys():
            self._started.setdefault(digest, self.clock())
            if self._fractions[digest] >= 1.0:
                self._trained.setdefault(digest, self.clock())
        if self._started and self._training_since is None:
            self._training_since = self.clock()

    def finish(self, pack: Pack, frame: pd.DataFrame | None, *, found: bool) -> None:
        """A pack is done, `found` in the store, or failed (no frame)."""
        self._running.pop(pack.digest, None)
        if not found and self._training_since is None:
            self._training_since = self._began
        if pack.digest in self._trained:
            self._training += self._trained[pack.digest] - self._started[pack.digest]
            self._scoring += self.clock() - self._trained[pack.digest]
        count = len(pack.members)
        if frame is None:
            self.failed += count
        elif found:
            self.found += count
        else:
            self.done += count
        if frame is None or found:
            self._seconds_skipped += pack.expected_seconds
        else:
            self._seconds_done += pack.expected_seconds
        if frame is not None:
            for _, row in frame.drop_duplicates("configuration").iterrows():
                self._learn(pack.task, row)
            for metric in self.watched.get(pack.task, {}):
                self._compare(pack.task, metric, frame)
                self._say(pack.task, metric)

    def end(self) -> None:
        """No pack is under way any more, whatever became of it, and nothing else goes on."""
        self._running.clear()
        self.doing = ""

    @property
    def elapsed(self) -> float:
        """Seconds since the board was made."""
        return self.clock() - self._began

    @property
    def rate(self) -> float:
        """Members computed a second since the first pack began, those under way in part."""
        under_way = sum(len(pack.members) * self._part(digest) for digest, pack in self._packs())
        return (self.done + under_way) / max(self._spent(), 1e-9)

    @property
    def left(self) -> float | None:
        """Seconds that remain if the rest goes as what was computed; None before that tells.

        Set-up is not counted, nor what was found; tables and figures are.
        """
        computed, skipped = self._computed_seconds(), self._seconds_skipped
        total = self.seconds - skipped
        if computed < ENOUGH * total or computed <= 0.0:
            return None
        return self._spent() * max(0.0, total - computed) / computed + self._after()

    def fraction(self) -> float:
        """Share of the expected work that is behind us, in [0, 1]."""
        behind = self._computed_seconds() + self._seconds_skipped
        return min(1.0, behind / self.seconds) if self.seconds > 0.0 else 1.0

    def line(self) -> str:
        """All of it in one line."""
        parts = [f"{self.done + self.found} / {self.members} members"]
        if self.found:
            parts.append(f"{self.found} from before")
        if self.failed:
            parts.append(f"{self.failed} failed")
        parts += [words for words in (self._under_way(), self.doing) if words]
        if self.done or self._computed_seconds() > 0.0:
            parts.append(f"{self.rate:.2f} members/s")
        parts.append(f"{duration(self.elapsed)} gone")
        if self._running:
            parts.append(self._left_words())
        return " · ".join(parts)

    def _left_words(self) -> str:
        if self.left is None:
            return "time left unknown"
        return f"{'at most' if self.at_most else 'about'} {duration(self.left)} left"

    def _under_way(self) -> str:
        """How many packs are in which phase."""
        phases = {"starting": 0, "training": 0, "scoring": 0}
        for digest in self._running:
            fraction = self._fractions.get(digest)
            phase = "starting" if fraction is None else "training" if fraction < 1.0 else "scoring"
            phases[phase] += 1
        told = ", ".join(f"{count} {phase}" for phase, count in phases.items() if count)
        return f"packs: {told}" if told else ""

    def _packs(self) -> list[tuple[str, Pack]]:
        return list(self._running.items())

    def _part(self, digest: str) -> float:
        """How much of a pack under way is behind us; scoring follows training."""
        seen = self._training + self._scoring
        scoring = self._scoring / seen if seen > 0.0 else SCORING_SHARE
        return self._fractions.get(digest, 0.0) * (1.0 - scoring)

    def _spent(self) -> float:
        """Seconds since the first pack began."""
        return 0.0 if self._training_since is None else self.clock() - self._training_since

    def _after(self) -> float:
        """Seconds that tables and figures will take, roughly."""
        return TABLES_SECONDS * len(self.watched)

    def _computed_seconds(self) -> float:
        under_way = sum(
            pack.expected_seconds * self._part(digest) for digest, pack in self._packs()
        )
        return self._seconds_done + under_way

    def _compare(self, task: str, metric: str, frame: pd.DataFrame) -> None:
        if metric not in frame or frame.empty:
            return
        sign = 1.0 if self.watched[task][metric] == "higher" else -1.0
        for _, rows in frame.groupby("configuration"):
            value = float(rows[metric].astype(float).mean(skipna=False))
            held = self.best.get((task, metric))
            if value == value and (held is None or sign * value > sign * held.value):
                self.best[task, metric] = Best(task, metric, value, "", rows.iloc[0])

    def _learn(self, task: str, row: "pd.Series[Any]") -> None:
        """Keeps a configuration if it shows more of what the recipe's configurations differ in."""
        cells, dial = _cells(row), _cell(row["dial"])
        held = self._telling.setdefault((task, str(row["recipe"])), [])
        places = {(one.get("geometry"), one.get("distance")) for one in held}
        is_new_place = (cells.get("geometry"), cells.get("distance")) not in places
        if is_new_place or differing([*held, cells], dial) != differing(held, dial):
            held.append(cells)

    def _say(self, task: str, metric: str) -> None:
        """Names the best so that it is told from all other configurations known by now."""
        if held := self.best.get((task, metric)):
            telling = self._telling[task, str(held.row["recipe"])]
            self.best[task, metric] = replace(held, configuration=_label(held.row, telling))


class Display:
    """Shows a board: live in a terminal or a notebook, one line every ten seconds elsewhere."""

    def __init__(self, board: Board, console: Console) -> None:
        self.board, self._console = board, console
        self._last = board.elapsed
        self._live = Live(get_renderable=self._render, console=console, refresh_per_second=4)
        self._pane = Pane() if console.is_jupyter else None

    def __enter__(self) -> "Display":
        if self._console.is_terminal and self._pane is None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.board.end()
        if self._live.is_started:
            self._live.stop()
        elif self._pane is not None:
            self._print()
        elif not self._console.is_terminal:
            self._print()
            for best in self.board.best.values():
                self._console.print(f"best {_best(best)}", highlight=False, soft_wrap=True)

    def tick(self) -> None:
        """Called often; shows the board again where it is time for that."""
        every = PLAIN_SECONDS if self._pane is None else PANE_SECONDS
        if not self._live.is_started and self.board.elapsed - self._last >= every:
            self._print()

    def say(self, doing: str) -> None:
        """What goes on from now, told at once; nothing but packs if empty."""
        self.board.doing = doing
        if doing and not self._live.is_started:
            self._print()

    def _print(self) -> None:
        """The board as a line of its own, or in place of what the notebook shows of it."""
        self._last = self.board.elapsed
        if self._pane is None:
            self._console.print(self.board.line(), highlight=False, soft_wrap=True)
        else:
            best = (f"best {_best(one)}" for one in self.board.best.values())
            self._pane.show("\n".join([self.board.line(), *best]))

    def note(self, line: str) -> None:
        """A line that stays."""
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def _render(self) -> Group:
        bar = ProgressBar(total=1.0, completed=self.board.fraction(), width=60)
        parts: list[ProgressBar | Text | Table] = [bar, Text(self.board.line())]
        if self.board.best:
            table = Table("task", "metric", "best seed mean", "of", box=None, pad_edge=False)
            for best in self.board.best.values():
                table.add_row(best.task, best.metric, f"{best.value:.4g}", best.configuration)
            parts.append(table)
        return Group(*parts)


def duration(seconds: float) -> str:
    """Seconds as people say them: 42 s, 3 min 05 s, 2 h 10 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _label(row: "pd.Series[Any]", telling: Sequence[Mapping[str, Any]]) -> str:
    """A configuration in words: recipe, dial, and in what else the `telling` ones differ."""
    dial = _cell(row["dial"])
    words = [RECIPES[str(row["recipe"])].title]
    if dial is not None:
        words.append(f"{dial.replace('_', ' ')} {row['dial_value']:g}")
    others = said(_cells(row), differing(telling, dial))
    words += [f"{name.replace('_', ' ')} {cell}" for name, cell in others.items()]
    return ", ".join(words)


def _cells(row: "pd.Series[Any]") -> dict[str, Any]:
    """The cells of a row that are settings of its recipe, or the distance."""
    names = (*settings_for(RECIPES[str(row["recipe"])]), "distance")
    return {name: _cell(row[name]) for name in names if name in row}


def _cell(value: Any) -> Any:
    """A cell to compare: None where it is missing, what has parts as text."""
    if not pd.api.types.is_scalar(value):
        return str(value)
    return None if pd.isna(value) else value


def _best(best: Best) -> str:
    return f"{best.task}: {best.metric} {best.value:.4g} ({best.configuration})"
