"""Stored weights are measured again or further; the frame stays, and nothing found is lost."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from bimt_bench import load, tradeoff
from bimt_bench.app import tables
from bimt_bench.ground import InputError
from bimt_bench.metrics import GAPS, METRICS, versions_in
from bimt_bench.results import SCORES, scores

NAMES = [name for name, one in METRICS.items() if one.family == "sparsity"]


@pytest.fixture
def kept(few, tmp_path):
    return load(few.save(tmp_path / "kept"))


def held(results) -> pd.DataFrame:
    return pd.read_parquet(results.folder / SCORES)


def test_all_metrics_are_those_of_the_frame(kept):
    before = (kept.folder / "frame.parquet").read_bytes()
    found = kept.score()
    assert list(found["member"]) == list(kept.members)
    for name in METRICS:
        np.testing.assert_allclose(found[name], kept.frame[name], rtol=1e-6, err_msg=name)
    pd.testing.assert_frame_equal(held(kept), found)
    assert (kept.folder / "frame.parquet").read_bytes() == before


def test_what_was_found_before_stays_when_more_is_asked(kept):
    first = kept.score("sparsity", members="best")
    assert [name for name in first if name in METRICS] == NAMES
    assert len(first) == 2
    kept.score("modularity_q", members="front")
    together = held(kept).set_index("member")
    assert list(together.index) == [m for m in kept.members if m in together.index]
    own = first.set_index("member")[NAMES]
    pd.testing.assert_frame_equal(together.loc[own.index, NAMES], own)
    front = {p.settings.configuration for p in kept.tradeoff().front}
    on_front = set(kept.frame.loc[kept.frame["configuration"].isin(front), "member"])
    assert set(together.index[together["modularity_q"].notna()]) == on_front


def test_what_other_code_found_is_replaced(kept):
    kept.score("r2")
    held(kept).assign(r2=-7.0, scoring_digest="0" * 12).to_parquet(kept.folder / SCORES)
    one, other = kept.members[:2]
    kept.score("sparsity", members=[one])
    found = held(kept).set_index("member")
    assert np.isnan(found.loc[one, "r2"]) and found.loc[other, "r2"] == -7.0
    assert found.loc[one, NAMES].notna().all()


@pytest.mark.parametrize("members", ["best", "median", "knee"])
def test_one_of_each_recipe(few, members):
    found = few.score("r2", members=members)
    assert list(found["recipe"]) == ["vanilla", "bimt"]
    chosen = [few.network(members, recipe=recipe).member for recipe in found["recipe"]]
    assert list(found["member"]) == chosen


def test_members_that_diverged_have_no_metrics(few, tmp_path):
    folder = few.save(tmp_path / "kept")
    frame = pd.read_parquet(folder / "frame.parquet")
    frame.loc[0, "status"] = "diverged"
    frame.to_parquet(folder / "frame.parquet")
    found = load(folder).score("sparsity")
    assert found.loc[0, NAMES].isna().all()
    np.testing.assert_allclose(found.loc[1:, NAMES], few.frame.loc[1:, NAMES])


def test_tradeoffs_find_metrics_that_were_measured_later(few, tmp_path):
    folder = few.save(tmp_path / "kept")
    frame = pd.read_parquet(folder / "frame.parquet")
    axes = {"x": "mean_wire_length", "y": "lesion_effect"}
    wanted = few.tradeoff(**axes).table()
    frame.drop(columns=list(axes.values())).to_parquet(folder / "frame.parquet")
    found = load(folder)
    with pytest.raises(InputError, match="x: 'mean_wire_length' was not measured"):
        found.tradeoff(**axes)
    found.score(*axes.values())
    for table in (found.tradeoff(**axes).table(), tradeoff(folder, **axes)):
        pd.testing.assert_frame_equal(table, wanted)
    assert "lesion_effect" not in found.frame


def test_a_cheap_pass_and_the_rest_for_the_front(few, tmp_path):
    folder = few.save(tmp_path / "kept")
    frame = pd.read_parquet(folder / "frame.parquet")
    dear = [name for name, one in METRICS.items() if name.startswith("modularity_z")]
    frame.drop(columns=dear).to_parquet(folder / "frame.parquet")
    found = load(folder)
    scored = found.score("modularity_z", members="front")
    assert 0 < len(scored) < len(few)
    tradeoff = found.tradeoff(x="modularity_z")
    assert tradeoff.members == len(scored) and tradeoff.without == len(few) - len(scored)
    assert tradeoff.lost == 0 and not tradeoff.missing
    front = {p.settings.configuration for p in few.tradeoff().front}
    assert {p.settings.configuration for p in tradeoff.points} == front
    console = Console(file=io.StringIO(), width=200)
    console.print(tables.of_tradeoff(tradeoff, performance="r2"))
    assert f"measured of {len(scored)} of {len(few)} members" in console.file.getvalue()
    whole = few.tradeoff(x="modularity_z")
    assert whole.without == 0 and whole.members == len(few)


def test_a_column_of_other_members_is_filled_and_what_is_undefined_stays(kept):
    first, second, third = kept.members[:3]
    frame = kept.frame.copy()
    frame.loc[:2, "live_neurons"] = np.nan
    frame.loc[0, GAPS] = json.dumps({"live_neurons": "it is empty"})
    kept.score("live_neurons", members=[first, second])
    found = scores.with_scores(frame, kept.folder).set_index("member")["live_neurons"]
    assert np.isnan(found[first]) and np.isnan(found[third])
    assert found[second] == pytest.approx(
        kept.frame.set_index("member").loc[second, "live_neurons"]
    )


def test_what_stands_in_the_frame_is_not_replaced(kept):
    kept.score("r2")
    held(kept).assign(r2=-7.0).to_parquet(kept.folder / SCORES)
    pd.testing.assert_frame_equal(scores.with_scores(kept.frame, kept.folder), kept.frame)


def test_a_later_version_takes_the_place_of_what_stands_in_the_frame(kept):
    kept.score("r2", "accuracy", members="best")
    later = held(kept).assign(r2=-7.0, metric_versions='{"r2": 2}')
    later.to_parquet(kept.folder / SCORES)
    found = scores.with_scores(kept.frame, kept.folder).set_index("member")
    best = found.index.isin(later["member"])
    assert (found.loc[best, "r2"] == -7.0).all() and (found.loc[~best, "r2"] != -7.0).all()
    assert versions_in(found, "r2").tolist() == [1 + one for one in best]
    named = "isolated_ratio"
    pd.testing.assert_series_equal(
        versions_in(found, named).reset_index(drop=True), versions_in(kept.frame, named)
    )
    with pytest.raises(InputError, match="y: 'r2'|'r2' was measured in versions 1 and 2"):
        kept.tradeoff(y="r2")


def test_progress_is_told_and_populations_are_bounded(few, monkeypatch):
    monkeypatch.setattr(scores, "_TOGETHER", 5)
    told: list[float] = []
    found = scores.score(few, ["r2"], on_progress=told.append)
    assert told == [5 / 12, 10 / 12, 1.0]
    np.testing.assert_allclose(found["r2"], few.frame["r2"], rtol=1e-6)


def test_what_is_measured_further_says_its_version(kept):
    kept.score("isolated_ratio")
    found = kept.score("r2")
    assert found["metric_versions"].isna().all()
    assert versions_in(held(kept), "isolated_ratio").eq(METRICS["isolated_ratio"].version).all()


@pytest.mark.parametrize(
    ("names", "members", "words"),
    [
        (["modularityq"], "all", ["'modularityq'", "did you mean 'modularity_q'?"]),
        (["sparse"], "all", ["'sparse'", "did you mean 'sparsity'?"]),
        ([], "frnt", ["'frnt'", "did you mean 'front'?"]),
        ([], [], ["members: none given"]),
        ([], ["zzz"], ["member: 'zzz'"]),
    ],
)
def test_what_is_not_there_is_refused(few, names, members, words):
    with pytest.raises(InputError) as refused:
        few.score(*names, members=members)
    assert all(word in str(refused.value) for word in words)


@pytest.mark.parametrize("content", [b"nothing", None])
def test_a_damaged_file_of_metrics_is_one_line(kept, content):
    if content is None:
        pd.DataFrame({"a": [1]}).to_parquet(kept.folder / SCORES)
    else:
        (kept.folder / SCORES).write_bytes(content)
    with pytest.raises(InputError, match=r"metrics: .*metrics\.parquet.*move it away"):
        kept.score("r2")
