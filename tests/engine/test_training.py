import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.speed.plain import PlainNetwork, copy_from, train_plain
from bimt_bench import data, recipes
from bimt_bench.data import TaskData
from bimt_bench.engine import loop as training
from bimt_bench.engine.feed import Feed
from bimt_bench.engine.population import Population
from bimt_bench.network import build
from bimt_bench.spec import Configuration, Phase, catalog
from tests.configurations import configuration
from tests.published import golden_data, published_name

SMALL = ["symbolic/independence", "symbolic/feature_sharing", "symbolic/compositionality",
         "modular/addition_59", "vision/digits"]  # fmt: skip
ALL_RECIPES = [configuration(name, swap_every=3, top_k=4) for name in recipes.RECIPES]


def resolve(task, configurations, seeds=(0,)):
    return [recipes.resolve(task, c, seed) for c in configurations for seed in seeds]


def curve(trained, index, column="train_loss"):
    rows = trained.curves[trained.curves.member == trained.members[index].digest]
    return rows[column].to_numpy()


def charged(trained, index):
    """What a member was charged, at strength 1: the charge over lambda and the phase's factor."""
    member, steps = trained.members[index], trained.curves["step"].unique()
    factors = np.ones(len(steps))
    for phase in member["phases"]:
        factors[steps >= int(phase["start"] * member["steps"])] = phase["factor"]
    return curve(trained, index, "charged_cost") / (member.lam * factors)


@pytest.mark.parametrize("name", ["independence", "modular_addition"])
def test_a_member_follows_the_published_trajectory(golden, shortened, name):
    arrays = golden(name)
    steps = 401
    catalogue = {"independence": "symbolic/independence", "modular_addition": "modular/addition_59"}
    task = shortened(catalogue[name], steps=steps, log_every=1)
    # the first quarter of the published schedule: one phase, biases as they are there
    opening = {"phases": (Phase(start=0, factor=1),)}
    if task.penalty.bias_from > 0:
        opening["bias_from"] = 1.0
    task = task.model_copy(update={"penalty": task.penalty.model_copy(update=opening)})
    loaded = golden_data(arrays)
    members = resolve(task, [Configuration(recipe=r) for r in ("vanilla", "bimt", "l1_swap")])
    population = training.start(task, loaded, members)
    for parameter, view in population.parameters.items():
        view[1] = torch.from_numpy(arrays[f"init/{published_name(parameter)}"])

    trained = training.train_population(task, loaded, members, population=population)

    for column, key in (("train_loss", "loss"), ("test_loss", "loss_test")):
        expected = arrays[f"trajectory/{key}"][:400]
        np.testing.assert_allclose(curve(trained, 1, column)[:400], expected, rtol=1e-3)
    cost = arrays["trajectory/cc"][:400]
    np.testing.assert_allclose(charged(trained, 1)[:400], cost, rtol=1e-3)
    if "trajectory/acc_test" in arrays:
        expected = arrays["trajectory/acc_test"][:400]
        np.testing.assert_allclose(curve(trained, 1, "performance")[:400], expected, atol=0.0075)


@pytest.mark.slow
def test_from_the_published_start_a_full_run_ends_where_the_published_one_does(golden):
    arrays = golden("independence")
    task = catalog.task("symbolic/independence")
    loaded = golden_data(arrays)
    members = resolve(task, [Configuration()])
    population = training.start(task, loaded, members)
    for parameter, view in population.parameters.items():
        view[0] = torch.from_numpy(arrays[f"init/{published_name(parameter)}"])

    trained = training.train_population(task, loaded, members, population=population)

    # rounding grows over 20,000 steps and 100 relocations, but not out of the basin
    logged = np.isin(arrays["trajectory/step"], [5000, 10000, 15000, 19999])
    ours = np.isin(trained.curves["step"], [5000, 10000, 15000, 19999])
    for found, key in ((curve(trained, 0, "test_loss"), "loss_test"), (charged(trained, 0), "cc")):
        np.testing.assert_allclose(found[ours], arrays[f"trajectory/{key}"][logged], rtol=0.03)


@pytest.mark.parametrize("products", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", [*SMALL, "vision/digits, blank pixels apart"])
def test_a_pack_equals_solo_runs_to_the_bit(shortened, monkeypatch, name, products):
    name, _, blank_apart = name.partition(", ")
    if blank_apart:
        monkeypatch.setattr("bimt_bench.network.columns.WIDE", 16)
        monkeypatch.setattr("bimt_bench.network.mlp.WIDE", 16)
        monkeypatch.setattr("bimt_bench.network.columns._WORTH", 1.0)
    task = shortened(name, steps=8, log_every=3, products=products)
    loaded = data.load(task.data)
    members = resolve(task, [*ALL_RECIPES, Configuration(learning_rate=0.02)], seeds=(0, 1))
    pack = training.train_population(task, loaded, members)
    for index, member in enumerate(members):
        solo = training.train_population(task, loaded, [member])
        assert torch.equal(solo.population.flat[0], pack.population.flat[index]), member
        for column in ("train_loss", "test_loss", "cost", "charged_cost"):
            np.testing.assert_allclose(
                curve(solo, 0, column), curve(pack, index, column), rtol=1e-6
            )


@settings(max_examples=15, deadline=None)
@given(
    mates=st.lists(
        st.tuples(
            st.sampled_from(sorted(recipes.RECIPES)),
            st.floats(0.0, 10.0),
            st.sampled_from([1e-4, 1e-3, 1e-2, 1e6]),
            st.sampled_from(["line", "ring"]),
            st.integers(0, 5),
        ),
        max_size=6,
    ),
    place=st.integers(0, 6),
)
def test_a_members_result_does_not_depend_on_its_pack_mates(mates, place):
    task = catalog.task("symbolic/independence")
    short = task.training.model_copy(update={"steps": 12, "log_every": 5})
    task = task.model_copy(update={"training": short})
    loaded = data.load(task.data)
    me = recipes.resolve(task, Configuration(swap_every=4), 99)
    others = [
        recipes.resolve(
            task,
            configuration(r, strength=s, learning_rate=lr, geometry=g, swap_every=5),
            seed,
        )
        for r, s, lr, g, seed in mates
    ]
    members = [*others[:place], me, *others[place:]]
    pack = training.train_population(task, loaded, members)
    alone = training.train_population(task, loaded, [me])
    found = pack.population.flat[members.index(me)]
    assert torch.equal(found, alone.population.flat[0])


def test_a_diverging_member_is_marked_and_leaves_its_mates_alone(shortened):
    task = shortened("symbolic/independence", steps=40, log_every=10)
    loaded = data.load(task.data)
    good = resolve(task, [Configuration()], seeds=(0, 1))
    bad = resolve(task, [Configuration(learning_rate=1e6)])[0]
    trained = training.train_population(task, loaded, [good[0], bad, good[1]])
    assert trained.status == ("ok", "diverged", "ok")
    assert trained.reason[1] == "diverged by step 10"
    assert torch.equal(trained.population.flat[1], torch.zeros_like(trained.population.flat[1]))
    without = training.train_population(task, loaded, good)
    assert torch.equal(trained.population.flat[[0, 2]], without.population.flat)
    assert np.isfinite(curve(trained, 0)).all()


def test_those_that_stay_train_on_alone_and_to_the_same_bits(shortened, monkeypatch):
    """Divergence at several times, among relocating and other members, in two geometries."""
    task = shortened("symbolic/independence", steps=60, log_every=1)
    loaded = data.load(task.data)
    good = resolve(
        task,
        [configuration(r, swap_every=7, top_k=5) for r in recipes.RECIPES]
        + [Configuration(geometry="ring", swap_every=4), Configuration(learning_rate=0.02)],
    )
    bad = resolve(task, [Configuration(learning_rate=r) for r in (1e38, 20.0, 1e4)], seeds=(1, 2))
    members = [m for trio in zip(bad, good, strict=False) for m in trio] + good[len(bad) :]
    sizes = []
    keep = Population.keep

    def counted(population, rows):
        sizes.append(len(rows))
        return keep(population, rows)

    monkeypatch.setattr(Population, "keep", counted)
    trained = training.train_population(task, loaded, members)
    assert sizes.pop(0) == len(members)  # a copy with those of a recipe side by side
    assert len(sizes) > 1 and sizes == sorted(sizes, reverse=True) and sizes[-1] >= len(good)
    assert len(set(trained.reason)) == len(sizes) + 1
    assert trained.population.size == len(members) == len(trained.population.flat)
    for index, member in enumerate(members):
        solo = training.train_population(task, loaded, [member])
        assert torch.equal(solo.population.flat[0], trained.population.flat[index]), member
        for name, labels in solo.population.labels.items():
            assert torch.equal(labels[0], trained.population.labels[name][index])
        assert solo.reason[0] == trained.reason[index]
        lost = trained.reason[index]
        last = trained.curves[trained.curves.member == member.digest]["step"].max()
        assert last == (59 if lost is None else int(lost.split()[-1]))
        for column in ("train_loss", "test_loss", "performance", "cost", "charged_cost"):
            np.testing.assert_allclose(
                curve(solo, 0, column), curve(trained, index, column), rtol=1e-6
            )


def test_a_member_that_diverges_after_the_last_evaluation_is_marked(shortened):
    task = shortened("symbolic/independence", steps=2, log_every=1)
    task = task.model_copy(update={"loss": "mse"})
    loaded = data.load(task.data)
    member = resolve(task, [Configuration(learning_rate=1e38)])
    trained = training.train_population(task, loaded, member)
    assert trained.status == ("diverged",)


@pytest.mark.parametrize("name", ["symbolic/feature_sharing", "modular/addition_59"])
@pytest.mark.parametrize("recipe", ["l1", "l1_local", "bimt"])
def test_members_follow_a_plain_one_network_loop(shortened, name, recipe):
    task = shortened(name, steps=24, log_every=1, dtype="float64")
    loaded = data.load(task.data)
    members = resolve(task, [configuration(recipe, swap_every=5, top_k=3)], seeds=(0, 1))
    population = training.start(task, loaded, members)
    networks = []
    for index, member in enumerate(members):
        network = PlainNetwork(task, loaded, member)
        copy_from(network, {k: v[index] for k, v in population.parameters.items()})
        networks.append(network)
    trained = training.train_population(task, loaded, members, population=population)
    for index, member in enumerate(members):
        _, history = train_plain(task, loaded, member, steps=24, network=networks[index])
        for key in ("train_loss", "test_loss", "charged_cost"):
            expected = [row[key] for row in history]
            np.testing.assert_allclose(curve(trained, index, key), expected, rtol=2e-6)


def test_each_epoch_leaves_out_other_samples():
    """So over a whole training every sample counts alike, though no minibatch is a partial one."""
    task = catalog.task("symbolic/independence")
    task = task.model_copy(update={"training": task.training.model_copy(update={"batch_size": 30})})
    loaded = data.load(task.data)
    count, size = len(loaded.train_inputs), 30
    assert count % size
    feed = Feed(task, loaded, build(task, loaded), torch.zeros(1, dtype=torch.float64))
    known = {tuple(target): i for i, target in enumerate(loaded.train_targets.double().tolist())}
    batches, left_out = feed.batches(), []
    for _ in range(200):
        seen = [tuple(t) for _ in range(count // size) for t in next(batches)[1].T.tolist()]
        assert len(set(seen)) == len(seen) == count - count % size
        left_out.append(set(range(count)) - {known[target] for target in seen})
    assert len({frozenset(one) for one in left_out}) > 150
    assert set.union(*left_out) == set(range(count))


def test_minibatch_members_follow_a_plain_loop_on_the_same_batches(shortened):
    from bimt_bench.ground import torch_generator

    task = shortened("vision/digits", steps=30, log_every=1, dtype="float64")
    loaded = data.load(task.data)
    members = resolve(task, [Configuration(swap_every=10, top_k=5)])
    population = training.start(task, loaded, members)
    network = PlainNetwork(task, loaded, members[0])
    copy_from(network, {k: v[0] for k, v in population.parameters.items()})
    size, count = task.training.batch_size, len(loaded.train_inputs)
    batches: list[torch.Tensor] = []
    for epoch in range(4):
        generator = torch_generator("batches", task.name, task.data.seed, epoch)
        batches += torch.randperm(count, generator=generator)[: count - count % size].split(size)
    trained = training.train_population(task, loaded, members, population=population)
    _, history = train_plain(task, loaded, members[0], steps=30, network=network, batches=batches)
    expected = [row["train_loss"] for row in history]
    np.testing.assert_allclose(curve(trained, 0), expected, rtol=1e-6)


def test_the_same_seed_gives_the_same_bits(shortened):
    task = shortened("symbolic/independence", steps=30, log_every=10)
    loaded = data.load(task.data)
    members = resolve(task, ALL_RECIPES, seeds=(0, 1))
    first, second = (training.train_population(task, loaded, members) for _ in range(2))
    assert torch.equal(first.population.flat, second.population.flat)
    assert first.curves.equals(second.curves)


def test_uint8_images_are_scaled(shortened):
    task = shortened("vision/digits", steps=3, log_every=1)
    loaded = data.load(task.data)
    raw = TaskData(
        train_inputs=(loaded.train_inputs * 16).to(torch.uint8),
        train_targets=loaded.train_targets,
        test_inputs=(loaded.test_inputs * 16).to(torch.uint8),
        test_targets=loaded.test_targets,
        input_names=loaded.input_names,
        output_names=loaded.output_names,
        tokens=None,
        scale=1 / 16,
    )
    members = resolve(task, [Configuration()])
    a = training.train_population(task, loaded, members)
    b = training.train_population(task, raw, members)
    assert torch.equal(a.population.flat, b.population.flat)
