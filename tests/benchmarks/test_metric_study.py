"""The metric study on a frame whose correlations and effects are known."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import metric_study as study


@pytest.fixture(scope="module")
def frame():
    """Two tasks of other scales; Q falls where circuits grow; BIMT beats vanilla in both."""
    rng = np.random.default_rng(0)
    rows = []
    for scale, task in enumerate(("symbolic/a", "symbolic/b"), start=1):
        for recipe, gain in (("vanilla", 0.0), ("l1", 0.0), ("bimt", 0.5)):
            for seed in range(8):
                q = scale * (0.2 + gain + 0.1 * rng.random())
                rows.append(
                    {
                        "task": task,
                        "recipe": recipe,
                        "strength": 0.0 if recipe == "vanilla" else 1.0 + seed % 2,
                        "seed": seed,
                        "steps": 100,
                        "shuffles": 20,
                        "member": f"{task}{recipe}{seed}",
                        "status": "ok",
                        "modularity_q": q,
                        "circuit_size": np.exp(-q),
                        "mean_wire_length": rng.random(),
                        "fourier_gini": np.nan,
                        "accuracy": 1.0,
                    }
                )
    rows.append({**rows[0], "member": "lost", "status": "diverged", "modularity_q": np.nan})
    return pd.DataFrame(rows)


@pytest.fixture
def rows(frame, tmp_path):
    frame.to_parquet(tmp_path / "frame.parquet")
    return study.read([tmp_path, tmp_path])


def test_members_count_once_and_only_if_trained(rows):
    assert len(rows) == 48
    assert set(rows["family"]) == {"symbolic"}
    assert study.measured(rows) == ["mean_wire_length", "circuit_size", "modularity_q"]


def test_correlations_are_of_ranks_within_tasks(rows):
    found = study.correlations(rows, study.measured(rows))
    assert found.loc["modularity_q", "circuit_size"] == pytest.approx(-1.0)
    assert abs(found.loc["modularity_q", "mean_wire_length"]) < 0.4


def test_effects_point_to_the_better_side(rows):
    found = study.effects(rows, study.measured(rows)).set_index(["metric", "recipe"])
    for name in ("modularity_q", "circuit_size"):
        assert tuple(found.loc[(name, "bimt")]) == (1.0, 1.0, 1.0)
        assert found.loc[(name, "l1"), "low"] < 0 < found.loc[(name, "l1"), "high"]
    assert (
        study.eta_squared(rows, "modularity_q") > 0.6 > study.eta_squared(rows, "mean_wire_length")
    )


def test_figures_and_the_table_are_written(rows, tmp_path):
    files = study.write(rows, family="symbolic", out=tmp_path)
    assert sorted({file.suffix for file in files}) == [".md", ".pdf", ".png"]
    assert all(file.stat().st_size > 0 for file in files)
    lines = (tmp_path / "symbolic" / "metrics.md").read_text().splitlines()
    assert lines[2].startswith("| `modularity_q` | higher |")
    assert len(lines) == 5
    assert lines[-1].startswith("| `mean_wire_length` | lower |")
    assert "+1.00 [+1.00, +1.00]" in lines[2]


def test_recipes_are_compared_at_equal_strength(rows):
    shifted = rows.assign(modularity_q=rows["modularity_q"] + 10.0 * rows["strength"])
    found = study.effects(shifted, ["modularity_q"], against="l1").set_index("recipe")
    assert list(found.index) == ["bimt"]
    assert found.loc["bimt", "delta"] == 1.0


def test_what_sparsity_explains_is_taken_off(rows):
    """Recipes that differ in sparsity alone are no further apart beyond it."""
    rng = np.random.default_rng(1)
    sparse = (rows["recipe"] == "bimt") + rng.random(len(rows))
    known = rows.assign(
        effective_connections=sparse, circuit_size=np.exp(sparse), modularity_q=rows["modularity_q"]
    )
    assert study.eta_squared(known, "circuit_size") > 0.4
    assert np.isnan(study.beyond_sparsity(known, "circuit_size"))  # nothing at all is left
    known["ncut"] = sparse + 0.3 * rng.random(len(rows))
    assert study.beyond_sparsity(known, "ncut") < 0.1
    known["effective_connections"] = rng.random(len(rows))
    assert study.beyond_sparsity(known, "modularity_q") > 0.6


def test_kept_frames_are_small_and_stand_for_the_run(rows, tmp_path):
    (file,) = study.keep(rows, tmp_path / "kept")
    again = study.read([file])
    assert list(again["member"]) == list(rows["member"])
    assert "fourier_gini" not in again
    assert study.measured(again) == study.measured(rows)
