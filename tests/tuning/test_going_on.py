"""`--resume` of a sweep that has changed says what has; `--resume-as` reuses what still fits."""

import io
import json
import os

import pytest
from rich.console import Console

from bimt_bench.ground import InputError
from bimt_bench.recipes import resolve
from bimt_bench.spec import Configuration, catalog
from bimt_bench.store import Store, open_store
from bimt_bench.tuning import earlier, runner
from bimt_bench.tuning.earlier import Adopting, check_same
from bimt_bench.tuning.prepare import check

SPACE = {"recipe": ["l1", "bimt"], "strength": [0.5, 1.0]}
NOTED = {
    "tasks": {"symbolic/independence": "t1"},
    "training": {"symbolic/independence": {"bimt": "c1", "l1": "c2"}},
    "modules": {"bimt_bench.engine.loop": "m1", "bimt_bench.recipes.bimt": "m2"},
    "plugins": {"mine 1.0": "p1"},
}


@pytest.fixture
def begun(tmp_path, sweep_spec, fake_pack_function):
    """A results folder of the sweep with one pack in it."""

    def begin(letter="a", *, noted=NOTED, **changes):
        spec = sweep_spec(**changes)
        folder = tmp_path / f"small-{letter * 12}"
        store = open_store(folder, spec=spec, environment=noted, resume=True)
        task = catalog.task("symbolic/independence")
        (search, *_) = check(spec).searches(circumstances=[{}], sizes={task.name: 2})
        found = fake_pack_function()(task, _members(task, search))
        store.keep(letter, frame=found.frame, curves=found.curves, weights=found.weights)
        return store

    return begin


def _members(task, search):
    return [
        resolve(task, Configuration.model_validate({"recipe": "l1", "steps": 1000}), seed)
        for seed in search.seeds
    ]


def refused(folder, spec, now):
    with pytest.raises(InputError, match="^resume: ") as caught:
        check_same(folder, spec=spec, now=now)
    line = str(caught.value)
    assert "\n" not in line and "--resume-as" in line and "--fresh" in line
    return line


CODE = {"training": {"symbolic/independence": {"bimt": "c9", "l1": "c2"}}}


@pytest.mark.parametrize(
    ("changes", "now", "told"),
    [
        ({"seeds": [0, 1, 2]}, {}, "settings differ (seeds: [0, 1] -> [0, 1, 2])"),
        (
            {"space": {**SPACE, "strength": [0.5, 2.0]}},
            {},
            "settings differ (space.recipe: ['vanilla', 'l1', 'bimt'] -> ['l1', 'bimt'], "
            "space.strength: [0.5, 1.0] -> [0.5, 2.0])",
        ),
        (
            {"tasks": [{"task": "symbolic/independence", "steps": 500}]},
            {},
            "settings differ (tasks.0.steps: 1000 -> 500)",
        ),
        ({}, {"tasks": {"symbolic/independence": "t2"}}, "tasks differ (symbolic/independence)"),
        (
            {},
            {**CODE, "modules": {"bimt_bench.engine.loop": "m3", "bimt_bench.recipes.bimt": "m2"}},
            "the code that trains differs (engine/loop.py)",
        ),
        (
            {},
            {**CODE, "modules": {}},
            "the code that trains differs (engine/loop.py, recipes/bimt.py)",
        ),
        ({}, {"plugins": {"mine 1.0": "p2"}}, "plug-ins differ (mine 1.0 p1 -> p2)"),
        ({}, {"plugins": {}}, "plug-ins differ (mine 1.0 p1 -> none)"),
    ],
)
def test_what_differs_is_said_in_one_line(begun, sweep_spec, tmp_path, changes, now, told):
    begun()
    line = refused(tmp_path / f"small-{'f' * 12}", sweep_spec(**changes), {**NOTED, **now})
    assert f"small-{'a' * 12} (interrupted, 1 pack) is not quite this sweep: {told};" in line


def test_a_plug_in_that_was_edited_is_noticed_in_the_folder_itself(begun, sweep_spec):
    folder = begun().folder
    check_same(folder, spec=sweep_spec(), now=NOTED)
    line = refused(folder, sweep_spec(), {**NOTED, "plugins": {"mine 1.0": "p7"}})
    assert "is not quite this sweep: plug-ins differ (mine 1.0 p1 -> p7);" in line


def test_the_newest_of_several_folders_is_compared(begun, sweep_spec, tmp_path):
    for letter, seeds, when in (("a", [1, 2], 2_000), ("b", [3, 4], 3_000), ("c", [5, 6], 1_000)):
        os.utime(begun(letter, seeds=seeds).folder / "packs", (when, when))
    line = refused(tmp_path / f"small-{'f' * 12}", sweep_spec(), NOTED)
    assert "seeds: [3, 4] -> [0, 1]" in line


def test_what_was_begun_so_goes_on_and_titles_do_not_count(begun, sweep_spec, tmp_path):
    begun("a", seeds=[7, 8])
    mine = tmp_path / f"small-{'f' * 12}"
    open_store(mine, spec=sweep_spec(), environment=NOTED)  # interrupted before its first pack
    check_same(mine, spec=sweep_spec(), now=NOTED)
    check_same(tmp_path / "nowhere" / "small-1", spec=sweep_spec(), now=NOTED)
    told = earlier._changes(
        earlier._plain(sweep_spec()), earlier._plain(sweep_spec(title="Other", shuffles=3))
    )
    assert [*told] == []


@pytest.mark.parametrize("text", ["[", "- 1", "\x00", "{a: " * 2000, ""])
def test_a_damaged_specification_is_no_traceback(begun, sweep_spec, tmp_path, text):
    (begun().folder / "spec.yaml").write_text(text)
    assert "settings differ" in refused(tmp_path / f"small-{'f' * 12}", sweep_spec(), NOTED)


def test_packs_of_others_are_taken_if_they_are_sound(begun, tmp_path, sweep_spec):
    donor, broken = begun("a"), begun("b")
    (broken.folder / "packs/b.parquet").write_bytes(b"broken")
    store = Adopting(tmp_path / "small-1", donors=(donor.folder, broken.folder))
    open_store(store.folder, spec=sweep_spec(), environment={})
    assert store.has("a") and not store.has("b") and not store.has("c")
    assert Store(store.folder).read("a").frame.equals(donor.read("a").frame)
    assert store.packs() == ["a"]


@pytest.mark.usefixtures("ray_session")
def test_a_pack_that_is_damaged_at_the_end_is_one_line(tmp_path, sweep_spec, fake_pack_function):
    kept = []

    def damage(task, results):
        """The first pack is broken when the last one is in."""
        kept.append(results.frame["pack"].iloc[0])
        if len(kept) == 3:
            (folder,) = [one for one in tmp_path.iterdir() if one.is_dir()]
            (folder / f"packs/{kept[0]}.parquet").write_bytes(b"broken")

    with pytest.raises(InputError, match=r"^results: packs/.* was truncated .*--resume trains"):
        runner.sweep(
            check(sweep_spec()),
            results_dir=tmp_path,
            run_pack=fake_pack_function(),
            workers=1,
            device="cpu",
            on_pack=damage,
            console=Console(file=io.StringIO()),
        )


@pytest.mark.usefixtures("ray_session")
def test_an_edited_sweep_goes_on_when_told_so(
    tmp_path, sweep_spec, fake_pack_function, monkeypatch
):
    log = tmp_path / "log"

    def run(space, **how):
        said = io.StringIO()
        console = Console(file=said, width=600)
        spec = sweep_spec(space=space, pack_size=2, seeds=[0, 1])
        found = runner.sweep(
            check(spec),
            results_dir=tmp_path / "results",
            run_pack=fake_pack_function(log=log),
            workers=1,
            device="cpu",
            console=console,
            **how,
        )
        return found, said.getvalue(), len(log.read_text().splitlines())

    first, _, trained = run(SPACE)
    assert trained == 4
    wider = {**SPACE, "strength": [0.5, 1.0, 3.0]}
    with pytest.raises(InputError, match=r"finished, 4 packs\) is not quite .*strength: \[0\.5"):
        run(wider, resume=True)
    assert len([one for one in (tmp_path / "results").iterdir() if one.is_dir()]) == 1
    second, told, trained = run(wider, resume_as=True)
    assert "resume-as: 4 of 6 packs are reused; 2 are trained" in told
    assert trained == 6 and len(second.frame) == 12 and second.folder != first.folder
    rows = second.frame.set_index("member").loc[first.frame["member"]]
    assert rows["seconds"].tolist() == first.frame["seconds"].tolist()  # the very packs
    _, _, trained = run(wider, resume=True)
    assert trained == 6
    with pytest.raises(InputError, match="choose one"):
        run(wider, resume_as=True, fresh=True)

    # as after an edit of a plug-in: the sweep's folder is the same, its members are not
    path = second.folder / "environment.json"
    noted = json.loads(path.read_text())
    assert noted["plugins"] == {} and "bimt_bench.engine.loop" in noted["modules"]
    path.write_text(json.dumps({**noted, "plugins": {"mine 1.0": "p1"}}))
    with pytest.raises(InputError, match=r"plug-ins differ \(mine 1\.0 p1 -> none\)"):
        run(wider, resume=True)
    _, told, trained = run(wider, resume_as=True)
    assert trained == 6 and "6 of 6 packs are reused; 0 are trained" in told
