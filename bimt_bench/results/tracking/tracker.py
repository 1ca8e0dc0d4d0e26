"""The tracker: one parent run a task and sweep, one child run a configuration."""

import json
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pandas as pd

from bimt_bench.ground import InputError, quiet
from bimt_bench.results.tracking import address, summary, view
from bimt_bench.spec import digest_of

if TYPE_CHECKING:
    from mlflow import MlflowClient

# MLflow takes 1,000 entries a batch; 100 of them are kept for parameters.
_METRICS_PER_BATCH = 900
_TABLE = "tradeoff.json"
_DRAWING = "network.png"
# They tell of a database that is made, or is not there.
_LOGGERS = ("mlflow", "alembic", "sqlalchemy")


class Tracker:
    """Writes a sweep to MLflow; every call may be repeated, as a resumed sweep does."""

    def __init__(self, client: "MlflowClient", experiment_id: str, *, uri: str) -> None:
        self.client = client
        self.experiment_id = experiment_id
        self.uri = uri
        self._children: dict[str, dict[str, str]] = {}

    @classmethod
    def open(cls, tracking_uri: str | None = None, experiment: str = "bimt_bench") -> Self:
        """Connect to a server or database and find or make the experiment.

        Call it before training: an address that cannot be used raises InputError within about
        five seconds. A new SQLite database takes some seconds to be made; its artifacts go to
        the folder `mlartifacts` beside it.
        """
        uri = address.resolve_uri(tracking_uri)
        address.check_reachable(uri)
        file = address.sqlite_file(uri)
        # An absolute path, so that a later change of folder does not start a second database.
        absolute = f"sqlite:///{file}" if file else uri
        # MLflow 3 reports usage to its makers unless told otherwise; a benchmark should not.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        with quiet(*_LOGGERS), address.short_requests():
            try:
                client = MlflowClient(tracking_uri=absolute)
                return cls(client, _experiment_id(client, experiment, file), uri=uri)
            except (MlflowException, ImportError) as error:
                raise InputError(
                    f"tracking_uri: no MLflow at '{address.masked(uri)}': {_cause(error)}"
                ) from error

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
        found = self.client.search_runs(
            [self.experiment_id],
            f"tags.`bimt_bench.kind` = 'task' and tags.`bimt_bench.task` = '{task_name}' "
            f"and tags.`bimt_bench.sweep_digest` = '{sweep_digest}'",
            order_by=["attributes.start_time ASC"],
            max_results=1,
        )
        if found:
            parent = found[0].info.run_id
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
        self._children[parent] = self._written_children(parent)
        return parent

    def log_configuration(
        self,
        parent: str,
        rows: pd.DataFrame,
        curves: pd.DataFrame,
        *,
        published: Mapping[str, object] | None = None,
        drawing: bytes | Path | None = None,
    ) -> str:
        """The child run of one configuration; a configuration already written is left alone.

        rows: the frame's rows of its members. curves: columns member, step and quantities (rows
        of other members are ignored). published: the recipe's settings as the task has them; the
        run's name says which differ. drawing: the PNG of the median seed's network. Returns the
        child's run id; its status is FAILED if every member diverged.
        """
        configuration = summary.configuration_of(rows)
        children = self._children.setdefault(parent, {})
        if configuration not in children:
            name = summary.run_name(rows.iloc[0], published or {})
            children[configuration] = self._write_child(parent, name, rows, curves, drawing)
        return children[configuration]

    def draw(self, parent: str, drawings: Mapping[str, Path]) -> None:
        """Adds the drawing of a network (PNG) to the child runs of some configurations."""
        children = self._children.get(parent, {})
        for configuration, drawing in drawings.items():
            if configuration in children:
                self._log_drawing(children[configuration], drawing)

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
        values = {name: {0: value} for name, value in summary.finite(metrics or {}).items()}
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

    def _written_children(self, parent: str) -> dict[str, str]:
        """Configuration -> run id of the children that are complete; half-written ones go."""
        complete: dict[str, str] = {}
        token = None
        while True:
            page = self.client.search_runs(
                [self.experiment_id],
                f"tags.`mlflow.parentRunId` = '{parent}' "
                "and tags.`bimt_bench.kind` = 'configuration'",
                max_results=1000,
                page_token=token,
            )
            for run in page:
                if run.info.status == "RUNNING":  # the driver was stopped while writing it
                    self.client.delete_run(run.info.run_id)
                else:
                    complete[run.data.tags["bimt_bench.configuration"]] = run.info.run_id
            token = page.token
            if not token:
                return complete

    def _write_child(
        self,
        parent: str,
        name: str,
        rows: pd.DataFrame,
        curves: pd.DataFrame,
        drawing: bytes | Path | None,
    ) -> str:
        first = rows.iloc[0]
        tags = {
            "mlflow.parentRunId": parent,
            "mlflow.source.name": "bimt-bench",
            "bimt_bench.kind": "configuration",
            "bimt_bench.configuration": str(first["configuration"]),
            "bimt_bench.task": str(first["task"]),
        }
        if why := summary.reasons(rows):
            tags["mlflow.note.content"] = f"Diverged:\n\n{why}"
        run = self.client.create_run(self.experiment_id, tags=tags, run_name=name)
        child = run.info.run_id
        if drawing is not None:
            self._log_drawing(child, drawing)
        values = {name: {0: value} for name, value in summary.seed_statistics(rows).items()}
        values |= summary.mean_curves(rows, curves)
        self._log_batches(child, values, parameters=summary.parameters(rows))
        status = "FAILED" if summary.all_diverged(rows) else "FINISHED"
        self.client.set_terminated(child, status=status)
        return child

    def _log_drawing(self, child: str, drawing: bytes | Path) -> None:
        content = drawing if isinstance(drawing, bytes) else drawing.read_bytes()
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / _DRAWING
            file.write_bytes(content)
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
        self.client.log_batch(
            run,
            metrics=metrics[:_METRICS_PER_BATCH],
            params=[Param(name, value) for name, value in (parameters or {}).items()],
            tags=[RunTag(name, value) for name, value in (tags or {}).items()],
        )
        for start in range(_METRICS_PER_BATCH, len(metrics), _METRICS_PER_BATCH):
            self.client.log_batch(run, metrics=metrics[start : start + _METRICS_PER_BATCH])


def _experiment_id(client: "MlflowClient", name: str, file: Path | None) -> str:
    """Find or make the experiment; artifacts of a SQLite database lie beside it."""
    found = client.get_experiment_by_name(name)
    if found is None:
        location = (file.parent / "mlartifacts").as_uri() if file else None
        tags = view.view_tags()
        return client.create_experiment(name, artifact_location=location, tags=tags)
    if found.lifecycle_stage == "deleted":
        raise InputError(
            f"experiment: '{name}' was deleted in MLflow; restore it with "
            f"`mlflow experiments restore --experiment-id {found.experiment_id}`, "
            "or choose another name"
        )
    if view.VIEW_TAG not in found.tags:
        for key, value in view.view_tags().items():
            client.set_experiment_tag(found.experiment_id, key, value)
    return found.experiment_id


def _cause(error: BaseException) -> str:
    """The innermost cause in one short line: MLflow wraps connection errors several deep."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    line = " ".join(str(error).split())
    return line if len(line) <= 200 else f"{line[:200]}..."
