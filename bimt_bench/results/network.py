"""A network: one trained member that can be run, measured, drawn, pruned, compared and exported."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from bimt_bench import data as task_data
from bimt_bench.engine import Population
from bimt_bench.ground import InputError, bar
from bimt_bench.metrics import FAULTS, GAPS, METRICS, VERSIONS, Scored, circuits, metric_names
from bimt_bench.network import build
from bimt_bench.results.columns import plain_cell
from bimt_bench.results.drawing import NetworkDrawing
from bimt_bench.results.export import export
from bimt_bench.results.exported import exported
from bimt_bench.results.inputs import raw_inputs
from bimt_bench.results.measuring import scorecard
from bimt_bench.results.origin import check_device, check_source, geometry_of
from bimt_bench.results.titles import PRUNED, drawing_title, member_name, settings_beside
from bimt_bench.spec import MODELS, GeometrySpec, TaskSpec

if TYPE_CHECKING:
    from bimt_bench.results.plots import Axes

_SHUFFLES = 20


class Network:
    """One trained member of a task, ready to be run, measured, drawn, pruned and exported.

    task: as the member was trained on it. data: the task's. row: what is known of the member, as
    its row of the frame has it; empty for a network of somebody's own. geometry: where its neurons
    sit and how distance is measured; None where nobody has said, which leaves metrics of wires
    missing. population: the network as a population of one.

    >>> results = bimt_bench.train("symbolic/independence", steps=50)
    >>> net = results.network()
    >>> net
    Network('BIMT, strength 1, seed 0': symbolic/independence, 20-20 silu, r2 0.2...)
    """

    def __init__(
        self,
        task: TaskSpec,
        arrays: Mapping[str, np.ndarray],
        row: Mapping[str, object] | pd.Series,
        *,
        geometry: GeometrySpec | None = None,
        data_dir: Path | None = None,
        device: str = "cpu",
    ) -> None:
        """The member whose arrays these are (`Population.arrays`), in the task's model.

        Without `geometry` it is found by the places that the arrays hold, if it has a name. Raises
        InputError if arrays and model do not fit, if the model's kind is not registered or is
        another than the one that was trained, if the task's data cannot be had, and for a device
        that is not here.
        """
        check_device(device)
        self.task, self.row = task, pd.Series(dict(row), dtype=object)
        check_source(task, self._cell("source"))
        self.data = task_data.load(task.data, data_dir=data_dir)
        self._data_dir, self._device = data_dir, device
        architecture = build(task, self.data)
        self.geometry = geometry or geometry_of(task, self.row, arrays, architecture.wiring)
        places = None if self.geometry is None else [self.geometry]
        self.population = Population.of(architecture, [arrays], places, device=device)

    @property
    def member(self) -> str | None:
        """The digest of the member; None for a network that is none, as a pruned one.

        >>> net.pruned(0.1).member is None
        True
        """
        found = self._cell("member")
        return None if found is None else str(found)

    @property
    def name(self) -> str:
        """What it is called in titles.

        >>> net.name, net.pruned(0.1).name
        ('BIMT, strength 1, seed 0', 'BIMT, strength 1, seed 0, strongest 10%')
        """
        return member_name(self.row)

    @overload
    def __call__(self, inputs: Tensor) -> Tensor: ...
    @overload
    def __call__(self, inputs: object) -> np.ndarray: ...
    def __call__(self, inputs: object) -> np.ndarray | Tensor:
        """Outputs [samples, outputs], or [samples, time, outputs], in the task's order.

        `inputs` are raw data of the task: [samples, features], tokens [samples, folds], or with a
        time axis after the first; an array, lists or a DataFrame, whose outputs are an array, or a
        tensor, whose outputs are a tensor that gradients flow through. Raises InputError for
        another shape, for what are no finite numbers or no tokens of the task, and for columns that
        a DataFrame lacks.

        >>> x = np.zeros((3, 4))
        >>> net(x).shape, type(net(torch.zeros(3, 4)))
        ((3, 2), <class 'torch.Tensor'>)
        """
        raw = raw_inputs(self.data, inputs)
        if isinstance(inputs, Tensor):
            return self._outputs(raw).to(inputs.device)
        with torch.no_grad():
            return self._outputs(raw).cpu().numpy()

    @overload
    def predict(self, inputs: Tensor) -> Tensor: ...
    @overload
    def predict(self, inputs: object) -> np.ndarray: ...
    def predict(self, inputs: object) -> np.ndarray | Tensor:
        """What it answers: of classes their numbers [samples], of quantities the outputs.

        With an answer at every time step classes are [samples, time]. `net.data.output_names[k]`
        is the name of class k. Inputs and errors as for a call.

        >>> net.predict(np.zeros((3, 4))).shape
        (3, 2)
        """
        outputs = self(inputs)
        return outputs if self.data.test_targets.is_floating_point() else outputs.argmax(-1)

    def performance(self) -> float:
        """The task's measure on its test data; NaN where an output is not finite.

        >>> bool(abs(net.performance() - net.row["performance"]) < 1e-6)
        True
        """
        return float(self.metrics("performance").iloc[0])

    def metrics(self, *names: str, progress: bool | None = None) -> pd.Series:
        """Metrics of the network, measured now: those named, or all; [metrics], float64.

        A name is a metric's or a family's ('sparsity', all of it; of a name that is both, the
        metric), or 'usual', what a sweep measures. What is undefined is NaN, and
        `attrs["missing"]` says why. `progress`: a bar, if absent where all are measured on a
        terminal or in a notebook. Raises InputError, with the nearest name, for another name.

        >>> net.metrics("modularity_q", "sparsity").index.tolist()[:3]
        ['modularity_q', 'effective_connections', 'participation_ratio']
        """
        chosen = metric_names(names, self.task)
        shown = False if progress is None and names else progress
        with bar(f"{self.name} · metrics", shown=shown) as on_progress:
            found = scorecard(self._scored, chosen, self._cell("status"), on_progress=on_progress)
        return found.rename(self.name)

    def drawing(self, *, most: int = 2000, faintest: float = 0.03) -> NetworkDrawing:
        """What a drawing shows: neurons in place and the wires between them; see `draw`.

        >>> net.drawing(faintest=0.5).drawn < net.drawing().drawn
        True
        """
        if isinstance(most, bool) or not isinstance(most, int | np.integer) or most < 1:
            raise InputError(f"most: {most!r} given; should be a whole number from 1")
        return NetworkDrawing.of(
            self.population,
            self.data.input_names,
            self.data.output_names,
            most=int(most),
            faintest=_share(faintest, "faintest"),
        )

    def draw(
        self,
        ax: "Axes | None" = None,
        *,
        most: int = 2000,
        faintest: float = 0.03,
        title: str | None = None,
    ) -> "Axes":
        """Draws it onto `ax`, or onto a new figure that a notebook shows, and returns the axes.

        A new figure has all of `title` above it, `ax` the name and the performance. Wires below
        `faintest` of their connection's largest |weight| are left out, and of the rest all but the
        `most` strongest. Raises InputError for what is no Axes, and for numbers outside their
        range.

        >>> figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3))
        >>> net.draw(left) is left
        True
        >>> net.pruned(0.1).draw(right, title="the strongest tenth").get_title(loc="left")
        'the strongest tenth'
        """
        from bimt_bench.results import plots  # matplotlib is loaded when something is drawn

        drawing = self.drawing(most=most, faintest=faintest)
        usual = self.title if ax is None else self._short_title
        return plots.network_axes(drawing, ax, title=usual if title is None else title)

    @property
    def title(self) -> str:
        """What stands above its drawing: the task, the recipe, its settings, the performance.

        >>> print(net.title)
        symbolic/independence: BIMT, strength 1, seed 0
        steps 50
        r2 0.2...
        """
        if {"task", "recipe", "performance_metric", "performance"} - set(self.row.index):
            return f"{self.task.name}: {self.name}"
        return drawing_title(self.row, settings_beside(self.task, self.row))

    def pruned(self, share: float) -> "Network":
        """The network that keeps only the strongest `share` of its connections, 0 to 1.

        As in the pruning curve of the metrics: connections are ranked by |weight|, all layers
        together, a window as one; biases and embeddings stay. Its performance on the test data is
        in its row. Raises InputError for a share outside 0 to 1.

        >>> small = net.pruned(0.1)
        >>> small.performance() < net.performance(), small.row["strongest"]
        (True, 0.1)
        """
        share = _share(share, "share")
        arrays = self.population.arrays(0)
        ranks = circuits.places(self._scored.strengths)
        total = sum(rank.numel() for rank in ranks.values())
        kept = circuits.pruned(self._scored, ranks, torch.tensor([round(share * total)]))
        arrays |= {name: weight[0].cpu().numpy() for name, weight in kept.items()}
        facts = {k: v for k, v in self._facts.items() if k not in (*METRICS, FAULTS, GAPS, VERSIONS)}
        facts |= {"member": None, "pruned_from": self.member, PRUNED: share}
        found = Network(
            self.task,
            arrays,
            facts,
            geometry=self.geometry,
            data_dir=self._data_dir,
            device=self._device,
        )
        found.row["performance"] = found.performance()
        return found

    def compare(self, other: "Network", *names: str) -> pd.DataFrame:
        """Two networks on the task's test data, side by side; columns this, other, difference.

        `difference` is other minus this. The first rows are `outputs`, the root mean square of how
        far their outputs lie apart, and for classes `answers`, the share of them that is the same;
        then come the metrics that are named as for `metrics`, or all. Raises InputError for what is
        no network, and for one whose task has other data.

        >>> net.compare(net.pruned(0.1), "performance").index.tolist()
        ['outputs', 'performance']
        """
        if not isinstance(other, Network):
            raise InputError(f"other: {type(other).__name__} given; should be a Network")
        if other.task.data.identity() != self.task.data.identity():
            raise InputError(
                f"other: a network of '{other.task.name}' given, whose data are not those of "
                f"'{self.task.name}'"
            )
        ours, theirs = self.metrics(*names), other.metrics(*names)
        this, that = (one._scored.test_outputs[0].double() for one in (self, other))
        apart = (that - this).square().mean().sqrt()
        found = {"outputs": (np.nan, np.nan, float(apart))}
        if not self.data.test_targets.is_floating_point():
            same = (this.argmax(-1) == that.argmax(-1)).double().mean()
            found["answers"] = (np.nan, np.nan, float(same))
        found |= {
            name: (ours[name], theirs[name], theirs[name] - ours[name]) for name in ours.index
        }
        return pd.DataFrame.from_dict(
            found, orient="index", columns=["this", "other", "difference"], dtype="float64"
        )

    def module(self) -> nn.Module:
        """A plain module that computes the same, a copy; inputs to outputs as for a call.

        It takes the task's order and knows nothing of positions. Numbers that are not floats, as
        pixels are, go in times `data.scale`, in the type of its parameters. A perceptron is an
        `nn.Sequential`; of another kind it is the module that its class makes.

        >>> net.module()
        Sequential(
          (0): Linear(in_features=4, out_features=20, bias=True)
          (1): SiLU()
          (2): Linear(in_features=20, out_features=20, bias=True)
          (3): SiLU()
          (4): Linear(in_features=20, out_features=2, bias=True)
        )
        """
        return self.population.member(0)

    def save(self, folder: str | Path) -> tuple[Path, ...]:
        """Writes network.safetensors and network.json into a folder, made if absent; their paths.

        `bimt_bench.load_network` takes them back. docs/export.md says what they hold. Raises
        InputError where nothing can be written.

        >>> [file.name for file in net.save("my-network")]
        ['network.safetensors', 'network.json']
        """
        return self.export(folder)

    def export(self, folder: str | Path, *, onnx: bool = False) -> tuple[Path, ...]:
        """Writes what `save` does and, with `onnx`, network.onnx: the same function for anybody.

        Its input `inputs` takes any number of samples, scaled as for `module`; its output is
        `outputs`. Raises InputError where nothing can be written, without the packages of the extra
        `bimt-bench[onnx]`, and for a model that ONNX cannot express.

        >>> [file.name for file in net.export("my-network", onnx=True)]
        ['network.safetensors', 'network.json', 'network.onnx']
        """
        return export(
            self.task,
            self.data,
            self.population,
            Path(folder),
            member=self._facts,
            onnx=onnx,
        )

    @classmethod
    def read(
        cls, folder: str | Path, *, data_dir: Path | None = None, device: str = "cpu"
    ) -> "Network":
        """The network that `save` wrote into a folder; see `bimt_bench.load_network`.

        >>> files = net.save("my-network")
        >>> type(net).read("my-network").member == net.member
        True
        """
        found = exported(Path(folder))
        return cls(
            found.task,
            found.arrays,
            found.member,
            geometry=found.geometry,
            data_dir=data_dir,
            device=device,
        )

    def __repr__(self) -> str:
        model = MODELS[self.task.model.kind]().describe(self.task.model)
        reached = self._cell("performance")
        told = "" if reached is None else f", {self.task.performance.kind} {reached:.3g}"
        return f"Network('{self.name}': {self.task.name}, {model}{told})"

    @cached_property
    def _scored(self) -> Scored:
        """The network as metrics see it; they keep with it what several of them need."""
        seed, shuffles = self._cell("seed"), self._cell("shuffles")
        return Scored(
            self.task,
            self.data,
            self.population,
            seeds=(int(seed or 0),),
            shuffles=int(shuffles or _SHUFFLES),
        )

    @cached_property
    def _module(self) -> nn.Module:
        return self.population.member(0).eval().requires_grad_(False)

    @property
    def _short_title(self) -> str:
        reached = self._cell("performance")
        told = "" if reached is None else f"\n{self.task.performance.kind} {reached:.4g}"
        return self.name + told

    def _outputs(self, raw: Tensor) -> Tensor:
        """Outputs of raw inputs, a few rows at a time."""
        parts = [self._module(part) for part in self._scored.inputs(raw).split(self._scored.rows)]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    @property
    def _facts(self) -> dict[str, object]:
        """The row by name."""
        return {str(name): value for name, value in self.row.items()}

    def _cell(self, name: str) -> Any:
        """What the row says; None where it says nothing."""
        return plain_cell(self.row[name]) if name in self.row else None


def _share(value: Any, name: str) -> float:
    """A number from 0 to 1; InputError for anything else."""
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not (is_number and 0.0 <= value <= 1.0):
        raise InputError(f"{name}: {value!r} given; should be a number from 0 to 1")
    return float(value)
