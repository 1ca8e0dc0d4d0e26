"""Frames of earlier formats, read as if this version had written them.

Format 1 is that of the first release: the five recipes of the paper, settings that a recipe lacks
set to 0 or 'off', lambda beside strength, no dial. Digests of members and configurations stay as
they are, as labels. What such a frame does not say is null.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from bimt_bench.ground import InputError
from bimt_bench.spec import TaskSpec, catalog, digest_of, format_of

_IDENTITY = ("task", "recipe", "seed", "member", "status")
_OF_1 = (*_IDENTITY, "strength")
"""Of a frame of format 1: a later one has the settings alone that its recipes have."""
FIRST_RELEASE_TASKS = {
    "1a3872917602": ("symbolic/independence", 1),
    "229fa82ebee4": ("symbolic/feature_sharing", 1),
    "df3db96716e9": ("symbolic/compositionality", 1),
    "85c716c976fc": ("modular/addition_59", 1),
    "6124117166b5": ("vision/digits", 1),
    "2815792f5679": ("vision/mnist", 1),
    # The same tasks, once their modularity axis had changed: digests covered it then.
    "47d20c9f0148": ("symbolic/independence", 1),
    "5845e6381d36": ("symbolic/feature_sharing", 1),
    "e8a6df8b228b": ("symbolic/compositionality", 1),
    "04057da7a9c4": ("modular/addition_59", 1),
    "0dcd4a146f0c": ("vision/digits", 1),
    "3eef7c2647f5": ("vision/mnist", 1),
}
"""Digests of tasks in frames of format 1: which task, and which version of it."""


def read_parquet(file: Path) -> pd.DataFrame:
    """A frame of any format, with the columns and the nullable dtypes of this version's.

    Raises InputError for a file that is no frame, is damaged, or is of a newer format.
    """
    frame = _read(file, frame_from_1)
    _check(frame)
    # what a pack wrote has the dtypes already, and knowing them means loading every recipe
    made = _has_number(file) and "dial_value" in frame and frame["dial_value"].dtype == "Float64"
    if made:
        return frame
    try:
        return _typed(frame)
    except (TypeError, ValueError) as error:
        raise _unreadable(file, error) from error


def _has_number(file: Path) -> bool:
    """Whether a store wrote the file and not pandas, which leaves the format's number out."""
    return b"bimt_bench.format" in (pq.read_schema(file).metadata or {})


def read_curves_parquet(file: Path) -> pd.DataFrame:
    """Learning curves of any format; InputError as for frames."""
    curves = _read(file, curves_from_1)
    for column in ("member", "step"):
        if column not in curves.columns:
            raise InputError(f"run: '{file}' has no column '{column}', and holds no curves")
    return curves


def _read(file: Path, from_1: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
    try:
        format_ = format_of(file)
        table = pd.read_parquet(file)
        return from_1(table) if format_ == 1 else table
    except InputError:
        raise
    except Exception as error:  # whatever pyarrow, or what is made of a table, meets there
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: Exception) -> InputError:
    told = " ".join(str(error).split())[:200] or type(error).__name__
    return InputError(f"run: '{file}' is no readable Parquet file: {told}")


def curves_from_1(curves: pd.DataFrame) -> pd.DataFrame:
    """Curves of format 1: their cost was the charged one; the uncharged is not known."""
    return curves.rename(columns={"cost": "charged_cost"}).assign(cost=float("nan"))


def frame_from_1(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame of format 1 in the columns of this version.

    A setting that the recipe does not have is empty, whatever stood there, and so are top_k
    where relocation is not greedy and the locality of a penalty of strength 0, which were 0 for
    want of an effect. Where the file names no configurations, members of equal task, recipe and
    settings are one. Digests of the first release's tasks become those of the shipped tasks of
    that version; of other tasks (also of shortened ones, which had their own) they are null.
    """
    from bimt_bench.recipes import RECIPES, settings_for
    from bimt_bench.results.columns import known_settings

    _check(frame, _OF_1)
    found = frame.drop(columns="lambda", errors="ignore").copy()
    settings = [name for name in known_settings() if name in found]
    for name in settings:
        found[name] = found[name].astype("object")
        for recipe in set(found["recipe"]) & set(RECIPES):
            if name not in settings_for(RECIPES[recipe]):
                found.loc[found["recipe"] == recipe, name] = None
    if "relocation" in found and "top_k" in found:
        found.loc[found["relocation"] != "greedy", "top_k"] = None
    if "locality" in found:
        found.loc[found["strength"] == 0.0, "locality"] = None
    if "configuration" not in found:
        identity = found[["task", "recipe", *settings]]
        found["configuration"] = [_configuration(row) for _, row in identity.iterrows()]
    dials = {name: recipe.dial for name, recipe in RECIPES.items()}
    found["dial"] = found["recipe"].map(dials)
    found["dial_value"] = found["strength"].where(found["dial"] == "strength")
    found["source"] = None
    return _with_tasks(found)


def _check(frame: pd.DataFrame, columns: Sequence[str] = _IDENTITY) -> None:
    for column in columns:
        if column not in frame.columns:
            raise InputError(f"frame: has no column '{column}', and is no frame of members")


def _configuration(row: pd.Series) -> str:
    from bimt_bench.results.columns import plain_cell

    said = {str(name): plain_cell(value) for name, value in row.items()}
    return digest_of({name: value for name, value in said.items() if value is not None})


def _with_tasks(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with task_version, task_digest and shortened as far as they can be known."""
    tasks = {str(name): _shipped(str(name)) for name in set(frame["task"])}
    old = frame["task_digest"] if "task_digest" in frame else pd.Series(None, index=frame.index)
    versions = {digest: version for digest, (_, version) in FIRST_RELEASE_TASKS.items()}
    if "task_version" not in frame:
        frame["task_version"] = old.map(versions)
    frame["task_digest"] = [
        _digest_now(tasks[str(name)], digest)
        for name, digest in zip(frame["task"], old, strict=True)
    ]
    if "shortened" not in frame and "steps" in frame:
        lengths = {name: spec.training.steps for name, spec in tasks.items() if spec is not None}
        published = frame["task"].map(lengths)
        frame["shortened"] = (frame["steps"] < published).where(published.notna(), None)
    return frame.astype(
        {n: d for n, d in (("task_version", "Int64"), ("shortened", "boolean")) if n in frame}
        | {"task_digest": "string"}
    )


def _shipped(name: str) -> TaskSpec | None:
    try:
        return catalog.task(name)
    except InputError:
        return None


def _digest_now(task: TaskSpec | None, old: object) -> str | None:
    """Today's digest of the version of the task that had this one; null if it is not here."""
    known = FIRST_RELEASE_TASKS.get(str(old))
    return task.digest() if task is not None and known == (task.name, task.version) else None


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with every setting in its nullable dtype, however it was stored."""
    from bimt_bench.results.columns import known_settings

    dtypes = {name: one.dtype for name, one in known_settings().items()}
    dtypes |= {"geometry": "string", "dial": "string", "dial_value": "Float64", "source": "string"}
    return frame.astype({name: dtype for name, dtype in dtypes.items() if name in frame})
