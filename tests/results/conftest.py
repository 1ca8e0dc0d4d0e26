"""Results of a few configurations, trained once for all tests of what becomes of them."""

import pytest

from bimt_bench import results
from bimt_bench.spec import catalog, configured
from bimt_bench.tuning import train_pack


@pytest.fixture(scope="session")
def few() -> results.Results:
    """Vanilla and BIMT at three strengths, three seeds each, in memory."""
    asked = [configured({"recipe": "vanilla", "steps": 30})]
    asked += [configured({"recipe": "bimt", "steps": 30, "strength": s}) for s in (0.3, 3.0, 30.0)]
    task = catalog.task("symbolic/independence")
    pack = train_pack(task, asked, seeds=(0, 1, 2), device="cpu", shuffles=2, metrics="all")
    return results.of_pack(pack)
