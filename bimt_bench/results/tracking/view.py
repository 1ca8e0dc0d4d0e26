"""The saved view of MLflow's page: every configuration of an experiment side by side.

MLflow 3 opens an experiment on traces of language models and hides parameters and metrics of
runs. Two tags on the experiment change that; the second is what the page itself writes for
'Views / Save as new view' (observed in MLflow 3.17; another version ignores it).
"""

import base64
import json
import time
import zlib

KEY = "bimtbench"
KIND_TAG = {"mlflow.experimentKind": "custom_model_development"}
VIEW_TAG = f"mlflow.sharedViewState.{KEY}"
VERSION_TAG = "bimt_bench.view"
VERSION = "2"  # of the columns below; an experiment with another one is given these
NAME = "configurations side by side"

_PARAMETERS = (
    "task", "recipe", "dial", "dial_value", "geometry", "learning_rate", "modularity_axis",
)  # fmt: skip
_METRICS = (
    "performance",
    "performance_std",
    "modularity",
    "modularity_std",
    "modularity_q",
    "modularity_q_std",
    "mean_wire_length",
    "effective_connections",
    "test_loss",
    "diverged",
)


def view_tags() -> dict[str, str]:
    """The tags of an experiment whose page shows its runs, with the saved view."""
    state = {
        "searchFilter": "tags.`bimt_bench.kind` = 'configuration'",
        "orderByKey": "metrics.`performance`",
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": [
            *(f"params.`{name}`" for name in _PARAMETERS),
            *(f"metrics.`{name}`" for name in _METRICS),
        ],
        "columnOrder": [],
        "columnWidths": {},
        "runsHiddenMode": "SHOWALL",
        "hideEmptyCharts": True,
        "groupBy": None,
        "groupsExpanded": {},
    }
    packed = base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()
    now = int(time.time() * 1000)
    view = {"name": NAME, "createdAt": now, "updatedAt": now, "state": f"deflate;{packed}"}
    return {**KIND_TAG, VIEW_TAG: json.dumps(view), VERSION_TAG: VERSION}


def page(server: str, experiment_id: str) -> str:
    """The address of the saved view on a server such as `http://127.0.0.1:5000`."""
    query = f"workflowType=machine_learning&viewStateShareKey={KEY}"
    return f"{server.rstrip('/')}/#/experiments/{experiment_id}/runs?{query}"
