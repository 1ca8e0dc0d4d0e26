from bimt_bench import api, recipes
from bimt_bench.spec import Configuration, catalog
from bimt_bench.tuning.plan import pack_digest
from bimt_bench.version import code_version


def test_a_pack_trained_here_is_named_as_a_sweep_names_it():
    configuration = Configuration(recipe="l1")
    found = api.train_pack(
        "symbolic/independence", [configuration], seeds=[3, 4], steps=2, shuffles=1
    )
    task = catalog.shorten(catalog.task("symbolic/independence"), 2)
    members = [recipes.resolve(task, configuration, seed) for seed in (3, 4)]
    digest = pack_digest(task, members, shuffles=1, code=code_version())
    assert list(found.frame["pack"]) == [digest] * 2
