"""The tracker: one parent run a task and sweep, one child run a configuration."""

import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

import pandas as pd

from bimt_bench.ground import InputError, quiet, undisturbed
from bimt_bench.results.tracking import address, bulk, database, summary, view
from bimt_bench.spec import digest_of

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment, Run

# MLflow takes 1,000 entries a batch, of which 100 may be parameters.
_METRICS_PER_BATCH = 900
_PARAMETERS_PER_BATCH = 100
_PAGE = 1000
_TABLE = "tradeoff.json"
_DRAWING = "network.png"
# They tell of a database that is made, or is not there.
_LOGGERS = ("mlflow", "alembic", "sqlalchemy")
# A server that is lost for a minute is waited for; one that stays away does not hold up a sweep.
_PATIENCE = {"seconds": 30, "retries": 4}


class Tracker:
    """Writes a sweep to MLflow; every call may be repeated, as a resumed sweep does."""

    def __init__(self, client: "MlflowClient", experiment_id: str, *, uri: str) -> None:
        self.client = client
        self.experiment_id = experiment_id
        self.uri = uri
        self._children: dict[str, dict[str, str]] = {}

    @classmethod
    def open(cls, tracking_uri: str | None = None, experiment: str | None = None) -> Self:
        """Connect to a server or database and find or make the experiment.

        Call it before training: an address that cannot be used raises InputError within about
        five seconds. A new SQLite database takes some seconds to be made; its artifacts go to
        the folder `mlartifacts` beside it.
        """
        uri = address.resolve_uri(tracking_uri)
        name = address.resolve_experiment(experiment)
        address.check_reachable(uri)
        file = address.sqlite_file(uri)
        # MLflow 3 reports usage to its makers unless told otherwise; a benchmark should not.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        # Else a server's client prints two lines a run, and asks for the run to do so.
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
        try:
            with undisturbed():
                import mlflow  # noqa: F401 - it sets its loggers when loaded: before they are quiet

            with quiet(*_LOGGERS), address.requests_within(address.PROBE_SECONDS, retries=0):
                client = _client(uri, file)
                return cls(client, _experiment_id(client, name, uri), uri=uri)
        except InputError:
            raise
        except Exception as error:  # each kind of database and server has errors of its own
            raise InputError(
                f"tracking_uri: no MLflow at '{address.masked(uri)}': {cause(error)}"
            ) from error

    @contextmanager
    def patience(self) -> Iterator[None]:
        """Within, MLflow is silent, and waits for a lost server as long as a sweep can."""
        with quiet(*_LOGGERS), address.requests_within(**_PATIENCE, unless_told=True):
            yield

    @contextmanager
    def impatience(self) -> Iterator[None]:
        """Within, a server that does not answer at once is not waited for."""
        with address.requests_within(address.PROBE_SECONDS, retries=0):
            yield

    def start_task(
        self,
        task_name: str,
        sweep_name: str,
        *,
        sweep_digest: str,
        spec_text: str,
        environment: Mapping[str, object],
    ) -> str:
        """The parent run of a task in a sweep: made now, or found and taken up again.

        Returns its run id. The sweep's specification and the environment are kept as artifacts;
        a resume in another environment adds a second file rather than replace the first.
        """
        where = (
            f"tags.`bimt_bench.kind` = 'task' and tags.`bimt_bench.task` = '{task_name}' "
            f"and tags.`bimt_bench.sweep_digest` = '{sweep_digest}'"
        )
        standing = list(self._runs(where))
        if standing:
            parent = standing[0].info.run_id
            self.client.update_run(parent, status="RUNNING")
        else:
            tags = {
                "mlflow.source.name": "bimt-bench",
                "bimt_bench.kind": "task",
                "bimt_bench.task": task_name,
                "bimt_bench.sweep": sweep_name,
                "bimt_bench.sweep_digest": sweep_digest,
            }
            name = f"{sweep_name} · {task_name}"
            run = self.client.create_run(self.experiment_id, tags=tags, run_name=name)
            parent = run.info.run_id
        self._log_provenance(parent, spec_text, environment)
        gone = [run.info.run_id for run in self._runs(where, deleted=True)]
        self._children[parent] = self._written_children(parent, gone)
        return parent

    def log_configurations(
        self,
        parent: str,
        rows: pd.DataFrame,
        curves: pd.DataFrame,
        *,
        published: Mapping[str, Mapping[str, object]] | None = None,
        axis: str | None = None,
        drawings: Mapping[str, bytes] = MappingProxyType({}),
    ) -> dict[str, str]:
        """A child run for each configuration in the rows; one already written is left alone.

        rows: the frame's rows of their members. curves: columns member, step and quantities (rows
        of other members are ignored). published: by recipe, its settings as the task has them; a
        run's name says which differ. axis: the task's modularity axis. drawings: PNGs by
        configuration. Returns each configuration's run id; a run is FAILED if every member
        diverged.
        """
        children = self._children.setdefault(parent, {})
        asked = list(dict.fromkeys(rows["configuration"].astype(str)))
        new = rows[~rows["configuration"].isin(list(children))]
        if not new.empty:
            values = summary.seed_statistics(new, axis)
            learned = summary.mean_curves(new, curves)
            told = summary.parameters(new, axis)
            whole: dict[str, bulk.Child] = {}
            for name, own in new.groupby("configuration", sort=False):
                key = str(name)
                usual = (published or {}).get(str(own["recipe"].iloc[0]), {})
                metrics = {metric: {0: value} for metric, value in values[key].items()}
                metrics |= learned.get(key, {})
                whole[key] = _child(parent, own, usual, metrics, told[key])
            ids = bulk.write(self.client, self.experiment_id, list(whole.values()))
            if ids is None:
                for key, child in whole.items():
                    children[key] = self._write_child(child)
            else:
                children |= dict(zip(whole, ids, strict=True))
            for key in whole.keys() & drawings.keys():
                self._log_drawing(children[key], drawings[key])
        return {name: children[name] for name in asked}

    def written(self, parent: str) -> set[str]:
        """The configurations that have a child run under a parent, as far as is known here."""
        return set(self._children.get(parent, {}))

    def draw(self, parent: str, drawings: Mapping[str, Path]) -> None:
        """Adds the drawing of a network (PNG) to the child runs of some configurations."""
        children = self._children.get(parent, {})
        for configuration, drawing in drawings.items():
            if configuration in children:
                self._log_drawing(children[configuration], drawing.read_bytes())

    def finish_task(
        self,
        parent: str,
        table: pd.DataFrame,
        *,
        figures: Sequence[Path] = (),
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        """Complete the parent: the trade-off frame as a table, figures, front and hypervolume.

        Values that are not finite are left out of the metrics and null in the table.
        """
        # client.log_table would append to the table of an earlier finish.
        text = table.to_json(orient="split", index=False, date_format="iso")
        self.client.log_text(parent, text, _TABLE)
        for figure in figures:
            self.client.log_artifact(parent, str(figure), "figures")
        shown = json.dumps([{"path": _TABLE, "type": "table"}])
        held = self.client.get_run(parent).data.metrics
        new = {n: v for n, v in summary.finite(metrics or {}).items() if held.get(n) != v}
        values = {name: {0: value} for name, value in new.items()}
        self._log_batches(parent, values, tags={"mlflow.loggedArtifacts": shown})
        self.client.set_terminated(parent, status="FINISHED")

    def fail(self, parent: str) -> None:
        """Mark the parent as failed; `start_task` takes it up again."""
        self.client.set_terminated(parent, status="FAILED")

    def page(self) -> str:
        """Where a browser finds this experiment's configurations side by side.

        For a database: once `open_command(tracker.uri)` runs, on its usual port 5000.
        """
        local = not self.uri.startswith(("http://", "https://"))
        server = "http://127.0.0.1:5000" if local else address.masked(self.uri)
        return view.page(server, self.experiment_id)

    # ----------------------------------------------------------------------- parts

    def _log_provenance(
        self, parent: str, spec_text: str, environment: Mapping[str, object]
    ) -> None:
        content = dict(environment)
        digest = digest_of(content)
        tags = self.client.get_run(parent).data.tags
        first = tags.get("bimt_bench.environment", digest)
        name = "environment.json" if first == digest else f"environment-{digest}.json"
        self.client.log_text(parent, spec_text, "sweep.yaml")
        self.client.log_dict(parent, content, name)
        self.client.set_tag(parent, "bimt_bench.environment", first)

    def _runs(self, where: str, *, deleted: bool = False) -> Iterator["Run"]:
        """The experiment's runs, oldest first."""
        from mlflow.entities import ViewType

        token = None
        while True:
            page = self.client.search_runs(
                [self.experiment_id],
                where,
                run_view_type=ViewType.DELETED_ONLY if deleted else ViewType.ACTIVE_ONLY,
                order_by=["attributes.start_time ASC"],
                max_results=_PAGE,
                page_token=token,
            )
            yield from page
            token = page.token
            if not token:
                return

    def _written_children(self, parent: str, gone: Sequence[str]) -> dict[str, str]:
        """Configuration -> run id of the children that are complete.

        Half-written ones go, and so do second ones. Children of earlier parents that were deleted
        (`gone`) become this parent's: MLflow leaves them without one.
        """
        complete: dict[str, str] = {}
        for owner in (parent, *gone):
            where = (
                f"tags.`mlflow.parentRunId` = '{owner}' "
                "and tags.`bimt_bench.kind` = 'configuration'"
            )
            for run in list(self._runs(where)):
                child = run.info.run_id
                configuration = run.data.tags["bimt_bench.configuration"]
                # Running: what wrote it was stopped meanwhile.
                if run.info.status == "RUNNING" or configuration in complete:
                    self.client.delete_run(child)
                    continue
                if owner != parent:
                    self.client.set_tag(child, "mlflow.parentRunId", parent)
                complete[configuration] = child
        return complete

    def _write_child(self, child: bulk.Child) -> str:
        run = self.client.create_run(self.experiment_id, tags=dict(child.tags), run_name=child.name)
        self._log_batches(run.info.run_id, child.metrics, parameters=child.parameters)
        self.client.set_terminated(run.info.run_id, status=child.status)
        return run.info.run_id

    def _log_drawing(self, child: str, drawing: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / _DRAWING
            file.write_bytes(drawing)
            self.client.log_artifact(child, str(file))

    def _log_batches(
        self,
        run: str,
        values: Mapping[str, Mapping[int, float]],
        *,
        parameters: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """{metric: {step: value}}, parameters and tags in as few requests as MLflow allows."""
        from mlflow.entities import Metric, Param, RunTag

        now = int(time.time() * 1000)
        metrics = [
            Metric(name, value, now, step)
            for name, steps in values.items()
            for step, value in steps.items()
        ]
        params = [Param(name, value) for name, value in (parameters or {}).items()]
        shown = [RunTag(name, value) for name, value in (tags or {}).items()]
        while metrics or params or shown:
            self.client.log_batch(
                run,
                metrics=metrics[:_METRICS_PER_BATCH],
                params=params[:_PARAMETERS_PER_BATCH],
                tags=shown,
            )
            metrics, params = metrics[_METRICS_PER_BATCH:], params[_PARAMETERS_PER_BATCH:]
            shown = []


def _child(
    parent: str,
    rows: pd.DataFrame,
    published: Mapping[str, object],
    metrics: bulk.Values,
    parameters: Mapping[str, str],
) -> bulk.Child:
    """The run of the configuration of which these are the members."""
    first = {str(name): value for name, value in rows.iloc[0].items()}
    tags = {
        "mlflow.parentRunId": parent,
        "mlflow.source.name": "bimt-bench",
        "bimt_bench.kind": "configuration",
        "bimt_bench.configuration": str(first["configuration"]),
        "bimt_bench.task": str(first["task"]),
    }
    if why := summary.reasons(rows):
        tags["mlflow.note.content"] = f"Diverged:\n\n{why}"
    return bulk.Child(
        name=summary.run_name(first, published),
        tags=tags,
        parameters=parameters,
        metrics=metrics,
        status="FAILED" if summary.all_diverged(rows) else "FINISHED",
    )


def _client(uri: str, file: Path | None) -> "MlflowClient":
    from mlflow import MlflowClient

    if file is None:
        return MlflowClient(tracking_uri=uri)
    # An absolute path, so that a later change of folder does not start a second database.
    with database.as_written(file):
        database.prepare(file)
        client = MlflowClient(tracking_uri=address.sqlite_uri(file))
        client.search_experiments(max_results=1)
        return client


def _experiment_id(client: "MlflowClient", name: str, uri: str) -> str:
    """Find or make the experiment; artifacts of a SQLite database lie beside it."""
    found = client.get_experiment_by_name(name) or _new_experiment(client, name, uri)
    if found.lifecycle_stage == "deleted":
        file = address.sqlite_file(uri)
        where = address.sqlite_uri(file) if file else uri
        raise InputError(
            f"experiment: '{name}' was deleted in MLflow; restore it with "
            f"`{address.restore_command(where, found.experiment_id)}`, "
            "or choose another name with --experiment"
        )
    if found.tags.get(view.VERSION_TAG) != view.VERSION:
        for key, value in view.view_tags().items():
            client.set_experiment_tag(found.experiment_id, key, value)
    return found.experiment_id


def _new_experiment(client: "MlflowClient", name: str, uri: str) -> "Experiment":
    from mlflow.exceptions import MlflowException

    file = address.sqlite_file(uri)
    location = (file.parent / "mlartifacts").as_uri() if file else None
    try:
        return client.get_experiment(
            client.create_experiment(name, artifact_location=location, tags=view.view_tags())
        )
    except MlflowException:
        # Another sweep may have made it just now.
        if (found := client.get_experiment_by_name(name)) is not None:
            return found
        raise


def cause(error: BaseException) -> str:
    """The innermost cause in one short line: MLflow wraps connection errors several deep."""
    while not isinstance(error, InputError) and (inner := error.__cause__ or error.__context__):
        error = inner
    line = " ".join(str(error).split()) or type(error).__name__
    whole = isinstance(error, InputError) or len(line) <= 200
    return line if whole else f"{line[:200]}..."
