"""The agenda, without Ray: order, rounds, replay after an interruption, damage, failure."""

import random
from types import SimpleNamespace

import pytest

from bimt_bench.recipes import resolve
from bimt_bench.spec import Configuration
from bimt_bench.store import open_store
from bimt_bench.tuning.agenda import Agenda, seed_means
from bimt_bench.tuning.prepare import check
from bimt_bench.tuning.proposals import GridProposals, OptunaProposals

OPTUNA = {
    "search": {
        "kind": "optuna",
        "sampler": "nsga2",
        "trials": 12,
        "round": 4,
        "objectives": [{"metric": "performance"}, {"metric": "modularity_q"}],
    },
    "space": {"recipe": ["l1", "bimt"], "strength": {"low": 0.01, "high": 3.0, "log": True}},
}


class Heard:
    def __init__(self):
        self.computed, self.found, self.lost, self.notes = [], [], [], []
        self.taken = []

    def pack_taken(self, pack):
        self.taken.append(pack)

    def pack_done(self, task, pack, results, *, found):
        (self.found if found else self.computed).append(pack.digest)

    def pack_failed(self, task, pack, reason):
        self.lost.append(pack.digest)

    def note(self, line):
        self.notes.append(line)


@pytest.fixture
def start(tmp_path, sweep_spec):
    def begin(folder="a", **changes):
        spec = sweep_spec(**changes)
        store = open_store(tmp_path / folder, spec=spec, environment={}, resume=True)
        heard = Heard()
        checked = check(spec)
        sizes = {task.spec.name: spec.pack_size for task in checked.tasks}
        searches = checked.searches(circumstances=[{"device": "cpu"}], sizes=sizes)
        agenda = Agenda(searches, store=store, listener=heard)
        return agenda, store, heard

    return begin


def work(agenda, store, run_pack, *, task, workers=1, stop_after=None):
    """Computes packs, up to `workers` at a time, finished in random order."""
    live, count, order = [], 0, random.Random(workers)
    while not agenda.finished or live:
        while len(live) < workers and (pack := agenda.take()) is not None:
            live.append(pack)
        if not live:
            assert agenda.finished
            return
        pack = live.pop(order.randrange(len(live)))
        results = run_pack(task, pack.members, validation=pack.validation)
        store.keep(
            pack.digest,
            frame=results.frame.assign(pack=pack.digest),
            curves=results.curves,
            weights=results.weights,
        )
        agenda.done(pack)
        count += 1
        if count == stop_after:
            return


@pytest.fixture
def task(sweep_spec):
    return check(sweep_spec()).tasks[0].spec


def frame(agenda, store):
    store.collect(agenda.packs(), members=agenda.members(), marks=agenda.marks())
    return store.frame().drop(columns="seconds")


def test_vanilla_is_trained_once_whatever_the_strength(start, task, fake_pack_function):
    agenda, store, heard = start()
    work(agenda, store, fake_pack_function(), task=task)
    table = frame(agenda, store)
    assert len(table) == 10
    assert list(table["recipe"]) == ["vanilla"] * 2 + ["l1"] * 4 + ["bimt"] * 4
    assert list(table["seed"]) == [0, 1] * 5
    assert len(heard.computed) == 3


def test_a_task_that_has_ended_is_told_of_with_all_its_members(start, task, fake_pack_function):
    agenda, store, _ = start()
    work(agenda, store, fake_pack_function(), task=task, stop_after=2)
    assert not agenda.has_work() or not agenda.ended()
    work(agenda, store, fake_pack_function(), task=task)
    ((packs, members),) = agenda.ended().values()
    table, curves = store.gather(packs, members=members)
    assert table.drop(columns="seconds").equals(frame(agenda, store))
    assert curves.equals(store.curves())


def test_a_task_that_lacks_a_pack_has_not_ended(start, task, fake_pack_function):
    agenda, store, _ = start()
    lost = agenda.take()
    assert lost is not None
    agenda.failed(lost, "no luck")
    work(agenda, store, fake_pack_function(), task=task)
    assert agenda.finished and not agenda.ended()


@pytest.mark.parametrize("changes", [{}, OPTUNA], ids=["grid", "optuna"])
def test_results_do_not_depend_on_the_number_of_workers(start, task, fake_pack_function, changes):
    tables = []
    for workers in (1, 3):
        agenda, store, _ = start(folder=str(workers), **changes)
        work(agenda, store, fake_pack_function(), task=task, workers=workers)
        tables.append(frame(agenda, store))
    assert tables[0].equals(tables[1])


@pytest.mark.parametrize("stop_after", [1, 2, 3])
def test_an_interrupted_search_proposes_the_same(start, task, fake_pack_function, stop_after):
    agenda, store, whole = start(folder="whole", **OPTUNA)
    work(agenda, store, fake_pack_function(), task=task, workers=2)
    expected = frame(agenda, store)

    agenda, store, before = start(folder="cut", **OPTUNA)
    work(agenda, store, fake_pack_function(), task=task, workers=2, stop_after=stop_after)
    agenda, store, after = start(folder="cut", **OPTUNA)
    work(agenda, store, fake_pack_function(), task=task, workers=2)
    assert frame(agenda, store).equals(expected)
    assert set(after.found) == set(before.computed)
    assert len(after.computed) == len(whole.computed) - stop_after


def test_a_damaged_pack_is_computed_again_and_said_so(start, task, fake_pack_function):
    agenda, store, first = start()
    work(agenda, store, fake_pack_function(), task=task)
    expected = frame(agenda, store)
    damaged = first.computed[1]
    path = store.folder / f"packs/{damaged}.parquet"
    path.write_bytes(path.read_bytes()[:100])

    agenda, store, second = start()
    work(agenda, store, fake_pack_function(), task=task)
    assert second.computed == [damaged]
    assert len(second.notes) == 1 and damaged in second.notes[0]
    assert "computing it again" in second.notes[0]
    assert frame(agenda, store).equals(expected)


def test_a_pack_of_other_members_is_computed_again_and_said_so(start, task, fake_pack_function):
    """Sound in itself, its checksums and names too: nobody is in the frame twice, or missing."""
    agenda, store, first = start()
    work(agenda, store, fake_pack_function(), task=task)
    expected = frame(agenda, store)
    mine, other = first.computed[:2]
    theirs = store.read(other)
    rows = theirs.frame.assign(pack=mine)
    store.keep(mine, frame=rows, curves=theirs.curves, weights=theirs.weights)

    agenda, store, second = start()
    work(agenda, store, fake_pack_function(), task=task)
    assert second.computed == [mine]
    assert second.notes == [f"pack {mine} holds other members than it should; computing it again"]
    assert frame(agenda, store).equals(expected)


def test_objectives_that_are_no_numbers_are_computed_again(start, task, fake_pack_function):
    agenda, store, first = start(**OPTUNA)
    work(agenda, store, fake_pack_function(), task=task, stop_after=1)
    (mine,) = first.computed
    held = store.read(mine)
    rows = held.frame.assign(validation_performance="good")
    store.keep(mine, frame=rows, curves=held.curves, weights=held.weights)

    agenda, store, second = start(**OPTUNA)
    agenda.has_work()
    assert second.notes == [
        f"pack {mine}: column 'validation_performance' holds no numbers; computing it again"
    ]


def test_a_failed_pack_fails_its_configurations_only(start, task, fake_pack_function):
    agenda, store, heard = start(**OPTUNA)
    lost = agenda.take()
    agenda.failed(lost, "no luck")
    work(agenda, store, fake_pack_function(), task=task)
    assert agenda.finished
    assert agenda.failures == {lost.digest: "no luck"}
    assert heard.lost == [lost.digest]
    held = set(frame(agenda, store)["member"])
    assert held == set(agenda.members()) - {member.digest for member in lost.members}


def test_diverged_configurations_do_not_stop_a_search(start, task, fake_pack_function):
    agenda, store, _ = start(**OPTUNA)
    work(agenda, store, fake_pack_function(diverge="bimt"), task=task)
    table = frame(agenda, store)
    assert agenda.finished and set(table["status"]) == {"ok", "diverged"}


def test_repeated_proposals_are_computed_once(start, task, fake_pack_function):
    few = {**OPTUNA, "space": {"recipe": ["vanilla", "l1"], "strength": [1.0, 2.0]}}
    agenda, store, _ = start(**few)
    work(agenda, store, fake_pack_function(), task=task)
    table = frame(agenda, store)
    assert agenda.finished
    assert len(table) == table["member"].nunique() <= 6


def test_the_dearest_task_comes_first(start):
    tasks = [
        {"task": "symbolic/independence", "steps": 1000},
        {"task": "symbolic/compositionality"},
    ]
    agenda, _, _ = start(tasks=tasks)
    order = [agenda.take().task for _ in range(6)]
    assert order == ["symbolic/compositionality"] * 3 + ["symbolic/independence"] * 3
    assert agenda.take() is None and not agenda.finished


LONG = {
    "tasks": [{"task": "symbolic/independence"}],
    "space": {"recipe": ["l1"], "strength": [1.0 + i for i in range(32)]},
    "pack_size": 8,
}
TWO = {**LONG, "tasks": [{"task": "symbolic/compositionality"}, *LONG["tasks"]]}


def test_a_long_sweep_begins_with_a_small_pack_and_its_results_are_the_same(
    start, task, fake_pack_function, monkeypatch
):
    tables, sizes = [], []
    for least in (8, 1000):
        monkeypatch.setattr("bimt_bench.tuning.packing.OPENED_PACKS", least)
        agenda, store, heard = start(folder=str(least), **LONG)
        work(agenda, store, fake_pack_function(), task=task)
        tables.append(frame(agenda, store).drop(columns="pack"))
        sizes.append([len(pack.members) for pack in heard.taken])
    assert sizes == [[2, *[8] * 7, 6], [8] * 8]
    assert tables[0].equals(tables[1])


@pytest.mark.parametrize("stop_after", [1, 9])
def test_a_sweep_that_was_opened_goes_on_with_the_same_packs(
    start, task, fake_pack_function, stop_after
):
    agenda, store, first = start(**LONG)
    work(agenda, store, fake_pack_function(), task=task, stop_after=stop_after)
    agenda, store, second = start(**LONG)
    work(agenda, store, fake_pack_function(), task=task)
    assert len(second.found) == stop_after and {*second.found} == {*first.computed}
    assert len(second.found) + len(second.computed) == 9


def test_a_first_pack_that_was_trained_whole_is_used(start, task, fake_pack_function, monkeypatch):
    monkeypatch.setattr("bimt_bench.tuning.packing.OPENED_PACKS", 1000)
    agenda, store, whole = start(**LONG)
    work(agenda, store, fake_pack_function(), task=task)
    monkeypatch.undo()
    agenda, store, again = start(**LONG)
    assert not agenda.has_work() and {*again.found} == {*whole.computed}


def test_one_pack_opens_a_sweep_of_several_tasks(start):
    agenda, _, _ = start(**TWO)
    taken = [agenda.take() for _ in range(17)]
    assert len(taken[0].members) == 2 and taken[0].task == "symbolic/compositionality"
    assert sorted(len(pack.members) for pack in taken[1:]) == [6, *[8] * 15]
    assert agenda.take() is None and not agenda.finished


def test_a_task_goes_on_with_the_small_pack_that_opened_a_sweep_of_its_own(
    start, task, fake_pack_function
):
    agenda, store, alone = start(**LONG)
    work(agenda, store, fake_pack_function(), task=task)
    agenda, _, beside = start(**TWO)
    agenda.has_work()
    assert {*beside.found} == {*alone.computed}


def test_seed_means_need_every_seed():
    import pandas as pd

    rows = pd.DataFrame(
        {
            "configuration": ["a", "a", "b", "c", "c", "d", "d"],
            "status": ["ok", "ok", "ok", "ok", "diverged", "ok", "ok"],
            "q": [1.0, 2.0, 1.0, 1.0, None, 1.0, None],
        }
    )
    means = seed_means([rows], objectives=["q"], seeds=2)
    assert means == {"a": (1.5,), "b": None, "c": None, "d": None}


# ------------------------------------------------------------------------- validation data

SEARCHES = {
    "anew": {**OPTUNA, "tasks": [{"task": "symbolic/independence", "steps": 1000}]},
    "held out": {
        **OPTUNA,
        "tasks": [{"task": "vision/digits", "steps": 1000}],
        "search": {**OPTUNA["search"], "held_out": 0.25, "finals": 3},
    },
}
COLUMNS = ["validation_performance", "validation_modularity_q"]


@pytest.fixture
def searched(start, sweep_spec, fake_pack_function, monkeypatch):
    """Runs a search; what its proposals were told, its table, and what was heard."""

    def run(which, *, folder="a", stop_after=None, **how):
        told = []
        for kind in (OptunaProposals, GridProposals):
            told_before = kind.tell
            monkeypatch.setattr(
                kind, "tell", lambda self, s, tell=told_before: (told.extend(s), tell(self, s))
            )
        changes = SEARCHES[which] if isinstance(which, str) else which
        agenda, store, heard = start(folder=folder, **changes)
        task = check(sweep_spec(**changes)).tasks[0].spec
        work(agenda, store, fake_pack_function(**how), task=task, stop_after=stop_after)
        monkeypatch.undo()
        table = frame(agenda, store) if stop_after is None else None
        return SimpleNamespace(told=told, table=table, heard=heard, task=task, agenda=agenda)

    return run


@pytest.mark.parametrize("which", SEARCHES)
def test_a_search_is_told_validation_figures_and_no_others(searched, which):
    found = searched(which)
    assert len(found.told) == 2 * 12
    searched_rows = found.table[found.table["validation_performance"].notna()]
    means = {
        tuple(one) for one in searched_rows.groupby("configuration")[COLUMNS].mean().to_numpy()
    }
    assert {one for one in found.told if one is not None} == means
    on_test = searched_rows.groupby("configuration")[["performance", "modularity_q"]].mean()
    assert not means & {tuple(one) for one in on_test.to_numpy()}


def test_what_is_searched_on_points_drawn_anew_is_a_result(searched):
    table = searched("anew").table
    assert set(table["phase"]) == {"final"} and "held_out" not in table
    assert set(table["searched_on"]) == {"validation points drawn anew"}


def test_what_is_found_on_held_out_data_is_trained_on_all_of_it(searched):
    found = searched("held out")
    parts = dict(list(found.table.groupby("phase")))
    search, final = parts["search"], parts["final"]
    assert (search["held_out"] == 0.25).all() and final["held_out"].isna().all()
    assert final[COLUMNS].isna().all().all()
    assert set(found.table["searched_on"]) == {"25 % of the training data, held out"}
    assert not {*search["member"]} & {*final["member"]}
    assert not {*search["configuration"]} & {*final["configuration"]}
    wanted = {
        resolve(
            found.task,
            Configuration(recipe=row["recipe"], steps=1000, strength=row["strength"]),
            row["seed"],
        ).digest
        for _, row in final.iterrows()
    }
    assert {*final["member"]} == wanted
    means = search.groupby(["recipe", "strength"])[COLUMNS].mean().reset_index()
    for recipe, own in final.groupby("recipe"):
        assert own["strength"].nunique() <= 3 and (own.groupby("strength").size() == 2).all()
        values = means[means["recipe"] == recipe].set_index("strength")[COLUMNS]
        for strength in own["strength"].unique():
            beaten = (values >= values.loc[strength]).all(axis=1) & (
                values > values.loc[strength]
            ).any(axis=1)
            assert not beaten.any()


def test_packs_tell_in_which_phase_they_are(start, sweep_spec, fake_pack_function):
    phases = []
    changes = SEARCHES["held out"]
    agenda, store, heard = start(**changes)
    heard.pack_done = lambda task, pack, results, found: phases.extend(results.frame["phase"])
    task = check(sweep_spec(**changes)).tasks[0].spec
    work(agenda, store, fake_pack_function(), task=task)
    assert phases == sorted(phases, reverse=True) and set(phases) == {"search", "final"}


@pytest.mark.parametrize("which", SEARCHES)
@pytest.mark.parametrize("left", [1, 4])
def test_a_search_goes_on_in_either_phase(searched, which, left):
    whole = searched(which, folder="whole")
    packs = len(whole.heard.computed)
    before = searched(which, folder="cut", stop_after=packs - left)
    after = searched(which, folder="cut")
    assert after.table.equals(whole.table)
    assert set(after.heard.found) == set(before.heard.computed)
    assert len(after.heard.computed) == left


def test_a_recipe_that_the_search_loses_has_no_finals(searched):
    found = searched("held out", diverge="bimt")
    assert {*found.table.loc[found.table["phase"] == "final", "recipe"]} == {"l1"}
    only = {**SEARCHES["held out"], "space": {"recipe": ["bimt"], "strength": [0.5, 1.0]}}
    lost = searched(only, folder="lost", diverge="bimt")
    assert set(lost.table["phase"]) == {"search"} and lost.agenda.finished
    (line,) = lost.heard.notes
    assert line.startswith("vision/digits: no configuration was measured in the search, so that")


@pytest.mark.parametrize("sampler", ["grid", "random"])
def test_a_sweep_that_reads_nothing_knows_no_validation_data(searched, sampler):
    search = {**SEARCHES["held out"]["search"], "sampler": sampler}
    changes = {"search": search} if sampler == "random" else {}
    found = searched({"tasks": SEARCHES["held out"]["tasks"], "pack_size": 4, **changes})
    assert not {"phase", "searched_on", "held_out", *COLUMNS} & {*found.table}
    assert all(not pack.validation for pack in found.heard.taken)
