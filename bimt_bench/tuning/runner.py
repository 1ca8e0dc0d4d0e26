"""Runs a sweep from its specification to the collected frame: check, open, compute, collect."""

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import ray
from ray import tune
from rich.console import Console

from bimt_bench.ground import (
    InputError,
    circumstances,
    code_of,
    environment,
    from_here,
    on_processor,
    quiet,
    terminable,
    write,
)
from bimt_bench.identity import (
    scoring_digest,
    scoring_modules,
    training_digests,
    training_modules,
    validation_modules,
)
from bimt_bench.metrics import direction, fault_lines, omissions_line, others_line
from bimt_bench.plugins import Plugin, used_by
from bimt_bench.spec import (
    METRICS,
    OptunaSearch,
    SweepSpec,
    TaskSpec,
    catalog,
    digest_of,
    of_validation,
    searched_on,
)
from bimt_bench.store import CorruptPack, Store, StoredPack, folder_for, locked, open_store
from bimt_bench.tuning import session as sessions
from bimt_bench.tuning.address import cluster_address
from bimt_bench.tuning.agenda import Agenda
from bimt_bench.tuning.collector import start_collector
from bimt_bench.tuning.earlier import Adopting, check_same, lines_of_others, noted, others
from bimt_bench.tuning.early import Early, OnTask
from bimt_bench.tuning.endings import interruptible, no_room, writing
from bimt_bench.tuning.own_ray import OwnRay
from bimt_bench.tuning.packing import SweepTask
from bimt_bench.tuning.plan import Pack
from bimt_bench.tuning.prepare import Checked
from bimt_bench.tuning.progress import Board, Display
from bimt_bench.tuning.search import Heartbeat, PackSearcher
from bimt_bench.tuning.sizes import pack_sizes
from bimt_bench.tuning.trainable import Job, PackTrainable, RunPack, ScoreAgain

RETRIES = 2
BEAT_SECONDS = 1.0
# They log what the display reports already, tracebacks of trials above all.
TUNE_LOGGERS = ("ray.tune", "ray.air", "ray.train")

OnPack = Callable[[TaskSpec, StoredPack], None]


@dataclass(frozen=True)
class SweepResult:
    """A finished sweep: one row a member, the learning curves, and where it all lies.

    `failed`: reason by pack digest of packs that could not be computed; their members are not in
    the frame. `seconds`: wall time of this call.
    """

    frame: pd.DataFrame
    curves: pd.DataFrame
    folder: Path
    seconds: float
    failed: Mapping[str, str]


def sweep(
    checked: Checked,
    *,
    results_dir: Path,
    address: str | None = None,
    resume: bool = False,
    resume_as: bool = False,
    fresh: bool = False,
    mixed_versions: bool = False,
    device: sessions.Device = "auto",
    workers: int | None = None,
    packs_per_gpu: int = 4,
    on_pack: OnPack | None = None,
    on_task: OnTask | None = None,
    run_pack: RunPack | None = None,
    score_again: ScoreAgain | None = None,
    plugins: Sequence[Plugin] = (),
    console: Console | None = None,
    own: OwnRay | None = None,
) -> SweepResult:
    """Trains and measures every member of a checked sweep on Ray.

    address: of a running cluster ('auto' or host:port), else RAY_ADDRESS, which `check_address`
    has found to answer; this machine's cores and GPUs without them. resume: go on with a folder of
    the same sweep, whose code and plug-ins have not changed since. resume_as: go on though they
    have, and reuse the packs that are still the same, also from other folders of a sweep of this
    name. fresh: start again, the old folder renamed.
    mixed_versions: go on though libraries or device differ. Packs scored by other metrics, by fewer
    than are asked for or with other shuffles are scored again, not trained.
    workers: packs at a time. on_pack: called with each pack's task and results in the calling
    thread, in whatever order packs finish, also for packs found in the folder. on_task: called with
    a task of which all members are in while others are under way, the folder, and what reads its
    frame and curves, in any thread. plugins: loaded here already; workers load the same bytes, and
    the folder keeps them. own: a Ray that was started ahead. Raises InputError if the address or
    the folder cannot be used, SweepInterrupted on Ctrl-C or SIGTERM.
    """
    started = time.monotonic()
    spec = checked.spec
    address = cluster_address(address)
    folder = folder_for(results_dir.resolve(), spec=spec, digest=sweep_digest(checked))
    with locked(folder):
        if resume and not resume_as:
            check_same(folder, spec=spec, now=noted(checked.tasks, _trained_by(checked)))
        known = [] if fresh else Store(folder).circumstances()
        device = sessions.device_for(device, known, address=address, own=own)
        now = circumstances(device)
        store = open_store(
            folder,
            spec=_beside_its_plugins(spec, plugins),
            environment={
                **environment(),
                # of a cluster's nodes nothing is known
                **({} if address else on_processor()),
                "sweep_digest": sweep_digest(checked),
                **noted(checked.tasks, _trained_by(checked)),
            },
            circumstances=now,
            resume=resume or resume_as,
            fresh=fresh,
            mixed_versions=mixed_versions,
        )
        if resume_as:
            store = Adopting(folder, donors=tuple(others(folder, spec=spec)))
        with writing(store):
            _keep_plugins(folder, plugins)
            _keep_tasks(folder, checked)
        if fresh:
            shutil.rmtree(folder / "checkpoints", ignore_errors=True)
        show = _display(checked, console or Console(stderr=True))
        events = _Events(show, on_pack)
        sizes = pack_sizes(checked, folder, device=device, address=address, note=show.note)
        allowed = [now, *(one for one in store.circumstances() if one != now)]
        searches = checked.searches(circumstances=allowed, sizes=sizes)
        agenda = Agenda(searches, store=store, listener=events)
        with interruptible(store, show.note), show:
            _note_omissions(checked, show, run=from_here(folder))
            _note_validation(checked, show)
            for line in lines_of_others(agenda, store, spec=spec):
                show.note(line)
            if agenda.has_work():
                show.say("starting Ray")
                with sessions.session(address=address, workers=workers, own=own):
                    show.say("")
                    slots = sessions.slots(
                        device=device, workers=workers, packs_per_gpu=packs_per_gpu
                    )
                    job = Job(
                        tasks={task.spec.name: task.spec for task in checked.tasks},
                        run_pack=run_pack,
                        score_again=score_again,
                        device=slots.device,
                        share=slots.share,
                        results=folder,
                        shuffles=spec.shuffles,
                        checkpoint_seconds=spec.checkpoint_seconds,
                        data_dir=checked.data_dir,
                        code=_code(checked),
                        circumstances=now,
                        plugins=(*plugins, *_of_metrics(plugins)),
                        scoring=scoring_digest(),
                        metrics=checked.metrics,
                    )
                    with interruptible(store, show.note):
                        early = Early(agenda, store, checked, on_task)
                        _compute(agenda, job=job, slots=slots, store=store, show=show, early=early)
                    show.board.end()
                    show.say("ending Ray")
            show.say("writing tables")
            _finish(agenda, store, checked)
        if not agenda.failures:
            shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    if events.error is not None:
        raise events.error
    return SweepResult(
        frame=store.frame(),
        curves=store.curves(),
        folder=folder,
        seconds=time.monotonic() - started,
        failed=dict(agenda.failures),
    )


def sweep_digest(checked: Checked) -> str:
    """12 hex digits over the sweep, its tasks in full and the code that trains its recipes."""
    return digest_of({"sweep": checked.spec.digest(), **_trained_by(checked)})


def _trained_by(checked: Checked) -> dict[str, dict[str, Any]]:
    """What the sweep's file does not say of its training: digests of tasks, and of code."""
    return {
        "tasks": {task.spec.name: task.spec.digest() for task in checked.tasks},
        "training": {
            task.spec.name: training_digests(task.spec, task.recipes) for task in checked.tasks
        },
    }


def _code(checked: Checked) -> dict[str, str]:
    """Every module that the sweep's numbers follow from, with its digest."""
    training = [training_modules(t.spec, recipe) for t in checked.tasks for recipe in t.recipes]
    searching = validation_modules() if checked.held_out else []
    return code_of([*scoring_modules(), *searching, *(one for found in training for one in found)])


def _beside_its_plugins(spec: SweepSpec, plugins: Sequence[Plugin]) -> SweepSpec:
    """The specification as the results folder holds it, with copies of its plug-ins and tasks."""
    named = (one.module or f"plugins/{one.name}.py" for one in plugins)
    tasks = (
        one if one.file is None else one.model_copy(update={"file": f"tasks/{one.task}.yaml"})
        for one in spec.tasks
    )
    return spec.model_copy(update={"plugins": tuple(named), "tasks": tuple(tasks)})


def _keep_plugins(folder: Path, plugins: Sequence[Plugin]) -> None:
    """The files that made the numbers, as they were when the sweep began."""
    for plugin in plugins:
        if plugin.module:
            continue
        (folder / "plugins").mkdir(exist_ok=True)
        write(folder / "plugins" / f"{plugin.name}.py", plugin.content)


def _keep_tasks(folder: Path, checked: Checked) -> None:
    """All tasks as they were when the sweep began, so that results can be read without theirs."""
    for task in checked.tasks:
        file = folder / "tasks" / f"{task.spec.name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        write(file, catalog.dump(task.spec).encode())


class _Events:
    """Passes what happens on to the display and to `on_pack`, whose first error is kept.

    An error of `on_pack` (a full disk, a server gone) must not end the computing.
    """

    def __init__(self, show: Display, on_pack: OnPack | None) -> None:
        self._show, self._on_pack = show, on_pack
        self._failing: set[tuple[str, str]] = set()
        self.error: Exception | None = None

    def pack_taken(self, pack: Pack) -> None:
        self._show.board.start(pack)

    def pack_done(self, task: SweepTask, pack: Pack, results: StoredPack, *, found: bool) -> None:
        self._show.board.finish(pack, results.frame, found=found)
        self._note_faults(task.spec.name, results.frame)
        if self._on_pack is None or self.error is not None:
            return
        self._show.board.doing = "logging"
        try:
            self._on_pack(task.spec, results)
        except Exception as error:  # noqa: BLE001 - raised at the end, when all is kept
            self.error = error
            self.note(f"on_pack failed and will not be called again: {error}")
        finally:
            self._show.board.doing = ""

    def _note_faults(self, task: str, frame: pd.DataFrame) -> None:
        """Each metric that fails on a task is said once, of the first pack where it does."""
        for metric, line in fault_lines(frame):
            if (task, metric) not in self._failing:
                self._failing.add((task, metric))
                self.note(f"{task}: {line}")

    def pack_failed(self, task: SweepTask, pack: Pack, reason: str) -> None:
        self._show.board.finish(pack, None, found=False)
        self.note(f"{task.spec.name}: pack {pack.digest} failed: {reason}")

    def note(self, line: str) -> None:
        self._show.note(line)


def _compute(
    agenda: Agenda,
    *,
    job: Job,
    slots: sessions.Slots,
    store: Store,
    show: Display,
    early: Early,
) -> None:
    """Runs the agenda to its end on Ray Tune."""
    collector = start_collector(store.folder)
    searcher = PackSearcher(
        agenda,
        slots=slots.count,
        reason_of=lambda pack: ray.get(collector.reason.remote(pack.digest)) or _died(pack, job),
    )
    trainable = tune.with_resources(
        tune.with_parameters(PackTrainable, job=job, collector=collector), slots.resources
    )
    # Tune's own files are of no use afterwards: the store is what a sweep resumes from.
    scratch = Path(tempfile.mkdtemp(prefix="bimt-bench-tune-"))
    try:
        with (
            quiet(*TUNE_LOGGERS),
            sessions.pending_trials(slots.count),
            sessions.plain_workers(),
            sessions.untagged(),
            terminable(),
        ):
            tune.Tuner(
                trainable,
                tune_config=tune.TuneConfig(search_alg=searcher, num_samples=-1, reuse_actors=True),
                run_config=tune.RunConfig(
                    name="sweep",
                    storage_path=str(scratch),
                    verbose=0,
                    callbacks=[Heartbeat(_beat(collector, show, early))],
                    failure_config=tune.FailureConfig(max_failures=RETRIES),
                    checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                ),
            ).fit()
        _show_notes(collector, show)
        # Tune keeps what it handed to the trainable as long as the session lasts, and the
        # collector with it; in a session of the user's own one more would stay with each sweep.
        ray.kill(collector)
    except KeyboardInterrupt:
        # Packs under way stop by themselves where the Ray session goes on without us.
        collector.stop.remote()
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _of_metrics(plugins: Sequence[Plugin]) -> tuple[Plugin, ...]:
    """The installed plug-ins that bring metrics, which all packs need, besides those given."""
    sources = " ".join(f"{source}:{source.digest}" for source in METRICS.sources())
    return tuple(one for one in used_by(sources) if one.source not in {p.source for p in plugins})


def _died(pack: Pack, job: Job) -> str:
    """Why a worker is gone that could not say so itself."""
    sources = {name for member in pack.members for name in member.source.split(", ") if name}
    suspects = {plugin.name for plugin in job.plugins} | {one.split(":")[0] for one in sources}
    if not suspects:
        return "its worker died (memory exhausted, or node lost)"
    named = ", ".join(f"'{one}'" for one in sorted(suspects))
    return f"its worker died; the likely cause is plug-in {named}, else memory or a lost node"


def _beat(collector: Any, show: Display, early: Early) -> Callable[[], None]:
    """Brings the board up to date, at most once a second."""
    last = 0.0

    def beat() -> None:
        nonlocal last
        if time.monotonic() - last < BEAT_SECONDS:
            return
        last = time.monotonic()
        show.board.update(ray.get(collector.fractions.remote()))
        _show_notes(collector, show)
        early.look()
        show.tick()

    return beat


def _show_notes(collector: Any, show: Display) -> None:
    for line in ray.get(collector.take_notes.remote()):
        show.note(line)


def _note_omissions(checked: Checked, show: Display, *, run: str) -> None:
    """Says here what each task leaves unmeasured: workers would say it once each, to nobody.

    And that there are other metrics, which `run`, the results folder, can be asked for later.
    """
    for task in checked.tasks:
        names = checked.metrics[task.spec.name]
        line = omissions_line(task.spec, checked.data[task.spec.name], names)
        if line is not None:
            show.note(f"{task.spec.name}: {line}")
    line = others_line({name for names in checked.metrics.values() for name in names}, run=run)
    if line is not None:
        show.note(line)


def _note_validation(checked: Checked, show: Display) -> None:
    """Says on which data each task is searched, and that the best are trained again."""
    for task, share in checked.held_out.items():
        told = "; what it finds is trained again on all of it" if share else ""
        show.note(f"{task}: searched on {searched_on(share)}{told}")


def _watched(checked: Checked, task: TaskSpec) -> dict[str, str]:
    """The columns whose best values are shown, and which way is better; a search's own."""
    names = ("performance", *(checked.objectives(task) or [task.modularity_axis]))
    named = of_validation if task.name in checked.held_out else str
    return {named(name): direction(name, task.performance.kind) for name in names}


def _display(checked: Checked, console: Console) -> Display:
    watched = {task.spec.name: _watched(checked, task.spec) for task in checked.tasks}
    board = Board(
        members=checked.members,
        seconds=sum(task.seconds for task in checked.tasks),
        watched=watched,
        at_most=isinstance(checked.spec.search, OptunaSearch),
    )
    return Display(board, console)


def _finish(agenda: Agenda, store: Store, checked: Checked) -> None:
    """Collects the packs; InputError if all failed, or if there was no room for one."""
    if agenda.stopped is not None:
        raise no_room(store, agenda.stopped)
    if not agenda.packs():
        reasons = "; ".join(sorted(set(agenda.failures.values())))
        raise InputError(f"sweep: every pack failed: {reasons}")
    try:
        with writing(store):
            store.collect(
                agenda.packs(),
                members=agenda.members(),
                tasks=[task.spec for task in checked.tasks],
                geometries=checked.geometries,
                marks=agenda.marks(),
            )
    except CorruptPack as error:
        raise InputError(f"results: {error}; --resume trains that pack again") from error
