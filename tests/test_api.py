from bimt_bench import api, recipes
from bimt_bench.identity import pack_digest
from bimt_bench.provenance import circumstances
from bimt_bench.spec import Configuration, catalog


def test_a_pack_trained_here_is_named_as_a_sweep_names_it():
    configuration = Configuration(recipe="l1", steps=2)
    found = api.train_pack(
        "symbolic/independence", [configuration], seeds=[3, 4], device="cpu", shuffles=1
    )
    task = catalog.task("symbolic/independence")
    members = [recipes.resolve(task, configuration, seed) for seed in (3, 4)]
    digest = pack_digest(task, members, circumstances=circumstances("cpu"))
    assert list(found.frame["pack"]) == [digest] * 2
