"""What a module and its wiring can have wrong is said in one line before anything starts."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from bimt_bench import data
from bimt_bench.ground import InputError, Source, entering
from bimt_bench.network import (
    Attachment,
    Connection,
    Group,
    ModelKind,
    ModuleArchitecture,
    Shapes,
    Wiring,
    build,
)
from bimt_bench.network.fitting import check_fit
from bimt_bench.spec import MODELS, catalog, choose
from tests.some_models import CASES

TASK = catalog.task("symbolic/independence")
SHAPES = Shapes((3,), 2)
WIRING = Wiring(
    (
        Group("input", 3, "input", 0, relabelled=True),
        Group("inner", 4, "hidden", 1, module="active"),
        Group("output", 2, "output", 2, relabelled=True),
    ),
    (
        Connection("inner.weight", "input", "inner"),
        Connection("outer.weight", "inner", "output"),
    ),
    (
        Attachment("inner.bias", "inner", 1, "bias"),
        Attachment("outer.bias", "output", 1, "bias"),
    ),
)


class Small(nn.Module):
    """Two layers, and parts that a test puts in."""

    def __init__(self, **parts):
        super().__init__()
        self.inner = nn.Linear(3, 4)
        self.active = nn.Tanh()
        self.between = nn.Sequential(*parts.get("between", ()))
        self.outer = nn.Linear(4, 2)
        self.frozen = nn.Parameter(torch.ones(2), requires_grad=not parts.get("frozen", False))

    def forward(self, inputs):
        return self.outer(self.between(self.active(self.inner(inputs))))


def architecture(module=Small, wiring=WIRING, shapes=SHAPES, pinned=()):
    class Kind(ModelKind):
        name = "small"
        title = "small"

        def module(self, settings, shapes):
            return module()

        def wiring(self, settings, shapes):
            return wiring

    return ModuleArchitecture(Kind(), Kind.Settings(kind="small"), shapes, pinned=pinned)


def connected(**changes):
    """The wiring with another first connection."""
    first, *others = WIRING.connections
    return replace(WIRING, connections=(replace(first, **changes), *others))


def grouped(place, **changes):
    groups = list(WIRING.groups)
    groups[place] = replace(groups[place], **changes)
    return replace(WIRING, groups=tuple(groups))


class Gains(Small):
    def __init__(self):
        super().__init__()
        self.gains = nn.Parameter(torch.arange(4.0))

    def forward(self, inputs):
        return self.outer(self.active(self.inner(inputs)) * self.gains)


class Wide(Small):
    def forward(self, inputs):
        return super().forward(inputs).repeat(1, 2)


class Unheard(Small):
    def forward(self, inputs):
        return self.outer(torch.tanh(self.inner(inputs)))


class Shuffling(Small):
    def forward(self, inputs):
        return super().forward(inputs) + torch.rand(2)


class Counting(Small):
    calls = 0

    def forward(self, inputs):
        self.calls += 1
        return super().forward(inputs) * self.calls


class Drawn(Small):
    random = np.random.default_rng(0)

    def __init__(self):
        super().__init__()
        self.inner.bias.data = torch.from_numpy(self.random.random(4))


class Zeros(Small):
    def forward(self, inputs):
        return super().forward(inputs @ torch.zeros(3, 3))


class Filled(Small):
    def forward(self, inputs):
        found = torch.zeros(len(inputs), 2)
        found[:] = super().forward(inputs)
        return found


class Broken(Small):
    def forward(self, inputs):
        return self.outer(inputs)


class Misspelt(Small):
    def forward(self, inputs):
        return self.outr(inputs)


class Summed(Small):
    def forward(self, inputs):
        return super().forward(inputs).sum()


class Paired(Small):
    def forward(self, inputs):
        return super().forward(inputs), inputs


class Silent(Small):
    def forward(self, inputs):
        super().forward(inputs)


FAULTS = [
    ({"wiring": connected(parameter="iner.weight")}, "no parameter 'iner.weight'; did you mean"),
    (
        {"wiring": connected(target_folds=2)},
        r"'inner.weight' \(4, 3\) has 4 entries on axis 1, but group 'inner' has 2 x 4 neurons",
    ),
    ({"wiring": connected(parameter="outer.weight")}, "'outer.weight' is named 2 times"),
    (
        {"wiring": replace(WIRING, attachments=(Attachment("inner.bias", "inner", 2, "bias"),))},
        r"'inner.bias' \(4,\) has no axis 2",
    ),
    (
        {"wiring": replace(WIRING, attachments=(Attachment("inner.bias", "inner", 0, "bias"),))},
        r"'inner.bias' \(4,\) has no axis 0",
    ),
    ({"wiring": grouped(1, module="activ")}, "no part 'activ'; did you mean 'active'"),
    ({"wiring": grouped(1, module="")}, "group 'inner': module: the model has no part ''"),
    ({"wiring": grouped(1, module="outer")}, "'inner' has 4 .* 'outer' returns 2 on axis -1"),
    ({"wiring": grouped(1, axis=0)}, "group 'inner': axis 0 is the batch"),
    ({"wiring": grouped(1, role="output")}, "one group of role 'output', but there are 2"),
    ({"shapes": Shapes((3,), 5)}, "'output' has 2 neurons for 5 outputs"),
    ({"shapes": Shapes((4,), 2)}, "'input' has 3 neurons for 4 features"),
    ({"wiring": grouped(0, relabelled=False)}, "group 'input': outputs change when"),
    ({"wiring": replace(WIRING, attachments=())}, "group 'inner': outputs change when"),
    ({"module": Gains}, "group 'inner': outputs change when its neurons change places"),
    ({"module": lambda: Small(between=[nn.Dropout(0.1)])}, "part 'between.0' drops at random"),
    ({"module": lambda: Small(between=[nn.BatchNorm1d(4)])}, "'between.0' keeps running statist"),
    (
        {"module": lambda: Small(between=[nn.BatchNorm1d(4, track_running_stats=False)])},
        "outputs of a sample change with the others of its batch",
    ),
    ({"module": Drawn}, "parameter 'inner.bias' starts otherwise from the same seed"),
    ({"module": Zeros}, r"cannot be run: .*make tensors by inputs.new_zeros"),
    ({"module": Filled}, r"cannot be run: .*make tensors by inputs.new_zeros"),
    ({"module": Counting}, "does not do the same at every call"),
    ({"module": lambda: Small(frozen=True)}, "parameter 'frozen' is not to be trained"),
    ({"module": Wide}, r"returns \(2, 4\) for 2 samples; should be \(2, 2\)"),
    ({"module": Unheard}, "group 'inner': its part 'active' is never called"),
    ({"module": Shuffling}, "test_fitting.py, line [0-9]+: RuntimeError: vmap: called random"),
    (
        {"module": Broken},
        "its module cannot be run: test_fitting.py, line [0-9]+: RuntimeError: ",
    ),
    (
        {"module": Misspelt},
        "cannot be run: test_fitting.py, line [0-9]+: AttributeError: 'Misspelt' .* 'outr'",
    ),
    (
        {"module": Summed},
        r"returns a single number; must return a tensor \[B, outputs\], \(2, 2\) for B = 2",
    ),
    (
        {"module": Paired},
        r"its module returns tuple; must return a tensor \[B, outputs\], \(2, 2\)",
    ),
    ({"module": Silent}, r"its module returns NoneType; must return a tensor \[B, outputs\]"),
]


def test_what_fits_passes():
    check_fit(architecture())
    check_fit(architecture(lambda: Small(between=[nn.Dropout(0.0), nn.Identity()])))
    # pinned neurons need nothing to travel with them
    check_fit(architecture(Gains, pinned=("inner",)))


@pytest.mark.parametrize(("given", "message"), FAULTS, ids=[m[:30] for _, m in FAULTS])
def test_every_fault_is_one_line_that_names_the_model(given, message):
    with pytest.raises(InputError, match=message) as found:
        check_fit(architecture(**given))
    assert str(found.value).startswith("model 'small': ") and "\n" not in str(found.value)


class Nobody(Small):
    def __init__(self):
        super().__init__(between=[nn.Linear(4, 0)])


def test_a_part_without_neurons_is_one_line_and_no_warning(recwarn):
    source = Source("own", "", "0123456789ab")
    kind = type(architecture(Nobody).kind)
    recwarn.clear()  # of the line above, which makes the module without asking
    with entering(source):
        MODELS.register(kind)
    task = TASK.model_copy(update={"model": choose(MODELS, "small")})
    try:
        with pytest.raises(InputError, match="^model 'small': "):
            build(task, data.load(task.data))
    finally:
        MODELS.drop(source)
    assert not recwarn.list


def test_all_faults_are_told_at_once():
    wiring = replace(connected(parameter="x"), attachments=(Attachment("y", "inner", 1, "bias"),))
    with pytest.raises(InputError, match=r"no parameter 'x'.*; .*no parameter 'y'"):
        check_fit(architecture(wiring=wiring))


def test_pinning_knows_groups_by_name():
    found = architecture(pinned=("input", "inner")).wiring
    assert [group.movable for group in found.groups] == [False, False, True]
    with pytest.raises(InputError, match="pinned: unknown group 'inner1'; did you mean 'inner'"):
        architecture(pinned=("inner1",))


@pytest.mark.parametrize("name", CASES)
def test_the_kinds_that_ship_fit(name):
    check_fit(CASES[name].population(1).architecture)


@pytest.mark.parametrize(
    ("model", "shapes", "message"),
    [
        ({"kind": "rnn", "hidden": 3}, Shapes((4,), 2), r"samples have the shape \(4,\)"),
        ({"kind": "cnn", "channels": [2, 2]}, Shapes((10,), 2), "image: none given; .* must be 10"),
        (
            {"kind": "cnn", "channels": [2, 2], "image": [1, 2, 4]},
            Shapes((9,), 2),
            r"model.image: \(1, 2, 4\) given; .* must be 9",
        ),
        ({"kind": "cnn", "channels": [2, 2], "kernel": 2}, Shapes((9,), 2), "kernel: 2 given"),
        ({"kind": "cnn", "channels": [2, 2]}, Shapes((2,), 2, tokens=4), "samples are tokens"),
        (
            {"kind": "transformer", "blocks": 1, "width": 4, "heads": 3},
            Shapes((3, 2), 2),
            "model.heads: 3 given; must divide width, 4",
        ),
        ({"kind": "transformer", "blocks": 1, "width": 4}, Shapes((3,), 2), "must be .time, feat"),
    ],
)
def test_data_that_do_not_fit_a_kind_are_refused(model, shapes, message):
    settings = choose(MODELS, model)
    with pytest.raises(InputError, match=message):
        MODELS.get_kind(settings.kind)().check(settings, shapes)
