"""Sweeps on a real Ray that find results of other metrics, shuffles or settings."""

import io
import json

import pytest
from rich.console import Console

from bimt_bench.ground import InputError
from bimt_bench.tuning.prepare import check
from bimt_bench.tuning.runner import sweep

SPACE = {"recipe": ["l1", "bimt"], "strength": [0.5, 1.0]}


@pytest.mark.usefixtures("ray_session")
def test_a_resumed_sweep_trains_nothing_where_only_scoring_differs(
    tmp_path, sweep_spec, fake_pack_function
):
    log = tmp_path / "log"

    def score_again(task, members, *, frame, weights, shuffles, **how):
        assert set(weights) == {member.digest for member in members}
        found = frame.assign(shuffles=shuffles, modularity_q=0.25)
        return found.assign(**{name: 0.5 for name in how["metrics"] if name not in found})

    def run(spec, **how):
        console = Console(file=io.StringIO(), width=400)
        found = sweep(
            check(spec),
            results_dir=tmp_path / "results",
            run_pack=fake_pack_function(log=log),
            score_again=score_again,
            workers=1,
            device="cpu",
            console=console,
            **how,
        )
        return found, console.file.getvalue()

    first, told = run(sweep_spec(space=SPACE))
    assert len(log.read_text().splitlines()) == 2 and "results:" not in told
    second, told = run(sweep_spec(space=SPACE, shuffles=4, title="Again"), resume=True)
    assert second.folder == first.folder
    assert len(log.read_text().splitlines()) == 2
    assert told.count("scored again, not trained") == 2
    assert (second.frame["shuffles"] == 4).all() and (second.frame["modularity_q"] == 0.25).all()
    assert second.frame["performance"].equals(first.frame["performance"])

    more = sweep_spec(space=SPACE, shuffles=4, metrics=["input_leakage", "lesion_effect"])
    third, told = run(more, resume=True)
    assert third.folder == first.folder and len(log.read_text().splitlines()) == 2
    assert told.count("scored again, not trained") == 2
    assert (third.frame["lesion_effect"] == 0.5).all() and "lesion_effect" not in second.frame
    assert third.frame["performance"].equals(first.frame["performance"])
    _, told = run(sweep_spec(space=SPACE, shuffles=4), resume=True)  # fewer: nothing to do
    assert "scored again" not in told

    path = first.folder / "environment.json"
    environment = json.loads(path.read_text())
    environment["circumstances"][0]["numpy"] = "1.0"
    path.write_text(json.dumps(environment))
    with pytest.raises(InputError, match=r"numpy 1\.0 -> .*--mixed-versions"):
        run(sweep_spec(space=SPACE), resume=True)

    _, told = run(sweep_spec(space=SPACE, seeds=[0]))
    assert f"{first.folder} (finished, 2 packs) holds this sweep, but is not used" in told
    assert "settings differ (seeds: [0, 1] -> [0])" in told
