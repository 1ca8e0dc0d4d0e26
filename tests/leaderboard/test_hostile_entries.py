"""Entries of all sorts: whatever lies in their folder, they are read or refused in clear lines.

Named attacks first; then files with random alterations, 200 in the suite, more with
BIMT_BENCH_FUZZ=10000 in the environment.
"""

import copy
import json
import os
import resource
import shutil
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bimt_bench.ground import InputError, unprintable
from bimt_bench.leaderboard import read
from tests.fuzzing import quiet
from tests.leaderboard import rewriting

EXAMPLES = max(1, int(os.environ.get("BIMT_BENCH_FUZZ", "200")) // 4)
MOST_SECONDS = 10.0  # of this process; most take less than 0.1
MOST_MEMORY = 300 * 2**20  # beyond what was taken before
MOST_LINES = 21


def alter(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    return lambda folder: rewriting.entry(folder, change)


def alter_members(change: Callable[[list[dict[str, Any]]], Any]) -> Callable[[Path], None]:
    return lambda folder: rewriting.members(folder, change)


def alter_header(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def changed(folder: Path) -> None:
        held = (folder / "weights.safetensors").read_bytes()
        rewriting.weights(folder, rewriting.header(held, change))

    return changed


def replace(name: str, before: str, after: str) -> Callable[[Path], None]:
    def changed(folder: Path) -> None:
        text = (folder / name).read_text()
        assert before in text
        (folder / name).write_text(text.replace(before, after, 1))

    return changed


def content(name: str, held: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(held) and None


def sparse(name: str, size: int) -> Callable[[Path], None]:
    def changed(folder: Path) -> None:
        with (folder / name).open("wb") as file:
            file.truncate(size)

    return changed


def linked(name: str, target: str) -> Callable[[Path], None]:
    def changed(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).symlink_to(target)

    return changed


def piped(folder: Path) -> None:
    (folder / "entry.json").unlink()
    os.mkfifo(folder / "entry.json")


def moved(folder: Path) -> None:
    folder.rename(folder.with_name("other"))
    folder.symlink_to(folder.with_name("other"))


def weights(held: bytes) -> Callable[[Path], None]:
    return lambda folder: rewriting.weights(folder, held)


def foreign(**model: Any) -> Callable[[dict[str, Any]], None]:
    """An entry of weights alone whose model is this."""

    def change(told: dict[str, Any]) -> None:
        told.update(retrainable=False, recipe="mine", model=model)

    return change


def first(name: str, value: Any) -> Callable[[list[dict[str, Any]]], None]:
    return lambda told: told[0].update({name: value})


def tensor(**facts: Any) -> Callable[[dict[str, Any]], None]:
    def change(told: dict[str, Any]) -> None:
        next(one for one in told.values() if "shape" in one).update(facts)

    return change


DEEP = b'{"a":' * 30_000 + b"1" + b"}" * 30_000
ATTACKS: dict[str, tuple[Callable[[Path], None], str]] = {
    # files
    "a link": (linked("weights.safetensors", "/etc/passwd"), "is a link"),
    "a link to a device": (linked("entry.json", "/dev/zero"), "is a link"),
    "a pipe": (piped, "is no regular file"),
    "a folder that is a link": (moved, "is no folder"),
    "a folder for a file": (
        lambda f: (f / "entry.json").unlink() or (f / "entry.json").mkdir(),
        "entry.json: is no regular file",
    ),
    "another file": (content("model.pkl", b"\x80\x04."), "'model.pkl' does not belong here"),
    "a hidden file": (content(".git", b"x"), "'.git' does not belong here"),
    "a name for a terminal": (content("a\x1b[31m\u202eb", b"x"), "does not belong here"),
    "many files": (
        lambda f: [(f / f"{i}").write_text("x") for i in range(50)] and None, "more than 20 files"
    ),
    "no members": (lambda f: (f / "members.jsonl").unlink(), "members.jsonl: is missing"),
    "no weights": (lambda f: (f / "weights.safetensors").unlink(), "names no URL"),
    "a huge entry": (sparse("entry.json", 2**40), "at most 65,536"),
    "huge members": (sparse("members.jsonl", 2**40), "at most 4,194,304"),
    "huge weights": (sparse("weights.safetensors", 2**40), "at most 20,971,520"),
    "altered weights": (sparse("weights.safetensors", 29_872), "its SHA-256 is"),
    # JSON
    "nothing": (content("entry.json", b""), "is not valid JSON"),
    "no text": (content("entry.json", b"\xff\xfe\x00"), "is not valid JSON"),
    "no mapping": (content("entry.json", b"[]"), "holds no mapping"),
    "depth": (content("entry.json", DEEP[:65_000]), "nested too deeply|is not valid JSON"),
    "depth in members": (content("members.jsonl", DEEP[:60_000]), "nested too deeply|valid JSON"),
    "depth within limits": (
        alter(lambda e: e["settings"].update(a=json.loads("[" * 20 + "]" * 20))), "too deeply"
    ),
    "a key twice": (replace("entry.json", '"seeds": 5', '"seeds": 5, "seeds": 6'), "stands twice"),
    "NaN": (replace("entry.json", '"steps": 200', '"steps": NaN'), "NaN is no number"),
    "infinity": (replace("members.jsonl", '"seconds":', '"seconds":1e999,"s":'), "not finite"),
    "a long number": (replace("entry.json", '"seeds": 5', f'"seeds": {"9" * 5000}'), "valid JSON"),
    "a large number": (replace("entry.json", '"seeds": 5', f'"seeds": {2**70}'), "beyond"),
    "a number as text": (replace("entry.json", '"seeds": 5', '"seeds": "5"'), "seeds: '5' given"),
    "half a character": (replace("entry.json", '"BIMT"', '"\\ud800"'), "holds the character"),
    "turned text": (alter(lambda e: e.update(title="a\u202eb")), "holds the character"),
    "text without width": (alter(lambda e: e["settings"].update({"a\u200b": 1})), "the character"),
    "an escape": (alter(lambda e: e.update(notes="\x1b]0;x\x07")), "holds the character"),
    "a key that is not known": (alter(lambda e: e.update(plugin="x.py")), "unknown field"),
    "many lines": (content("members.jsonl", b"\n" * 2**22), "has 4,194,304 lines"),
    "a long line": (content("members.jsonl", b'"' + b"x" * 70_000 + b'"'), "at most 65,536"),
    "an empty line": (
        lambda f: (f / "members.jsonl").write_bytes(
            (f / "members.jsonl").read_bytes().replace(b"\n", b"\n\n", 1)
        ) and None,
        "is not valid JSON",
    ),
    # what the entry says
    "another folder": (lambda f: f.rename(f.with_name("else")) and None, "is no folder"),
    "another name": (alter(lambda e: e.update(name="l1-plain")), "not in"),
    "a path for a name": (alter(lambda e: e.update(name="../../x")), "name: '../../x' given"),
    "a path for a task": (alter(lambda e: e.update(task="../x/y")), "task: "),
    "an unknown task": (alter(lambda e: e.update(task="symbolic/independance")), "did you mean"),
    "another digest": (alter(lambda e: e.update(task_digest="0" * 12)), "digest 000000000000"),
    "a page that runs": (alter(lambda e: e.update(link="javascript:alert(1)")), "link: "),
    "a file for a page": (alter(lambda e: e.update(link="file:///etc/passwd")), "link: "),
    "another format": (alter(lambda e: e.update(format=2)), "format: "),
    "an unknown recipe": (alter(lambda e: e.update(recipe="bmit")), "did you mean 'bimt'"),
    "a recipe of code": (alter(lambda e: e.update(recipe="os.system")), "recipe: "),
    "another dial": (alter(lambda e: e.update(dial="locality")), "that of recipe 'bimt' is"),
    "three digits": (alter(lambda e: e.update(grid=[0.312, 3.0])), "two|2 significant digits"),
    "minus nothing": (alter(lambda e: e.update(grid=[-0.0, 3.0])), "-0.0 given"),
    "a falling grid": (alter(lambda e: e.update(grid=[3.0, 0.3])), "its values rise"),
    "more members": (alter(lambda e: e.update(seeds=30)), "60 members; at most 40"),
    "more seeds than members": (alter(lambda e: e.update(seeds=6)), "no seed may be left out"),
    "fewer seeds than members": (
        alter(lambda e: e.update(grid=[3.0])), "is not in the grid or among the seeds"
    ),
    "longer training": (alter(lambda e: e.update(steps=10**6)), "can only be shortened"),
    "other settings": (alter(lambda e: e["settings"].update(locality=2.0)), "give member"),
    "an unknown setting": (alter(lambda e: e["settings"].update(lr=1)), "has no setting 'lr'"),
    "the dial as a setting": (alter(lambda e: e["settings"].update(strength=1.0)), "leave it out"),
    "an odd dtype": (alter(lambda e: e["settings"].update(dtype="int8")), "settings.dtype: "),
    "an odd geometry": (alter(lambda e: e["settings"].update(geometry="home")), "geometry"),
    "an unknown placement": (
        alter(lambda e: e["settings"].update(geometry={"hidden": {"kind": "x.y"}})), "geometry"
    ),
    "another model": (alter(lambda e: e["model"].update(hidden=[20, 20, 20])), "not retrainable"),
    "a model of code": (alter(lambda e: e.update(model={"kind": "os.system"})), "model.kind: "),
    "an unknown metric": (alter(lambda e: e["metrics"].update(my_score=1)), "metrics.my_score"),
    "a metric that is not named": (
        alter(lambda e: e["metrics"].pop("r2")), "r2 is not among those"
    ),
    "float64 of float32": (alter(lambda e: e["weights"].update(dtype="float64")), "float16 is"),
    "a URL beside the file": (
        alter(lambda e: e["weights"].update(url="https://x.org/w", licence="MIT")), "at a URL"
    ),
    "a URL without a licence": (
        alter(lambda e: e["weights"].update(url="https://x.org/w")), "either both are given"
    ),
    "a shipped recipe as another": (
        alter(lambda e: e.update(retrainable=False)), "ships with bimt_bench"
    ),
    # models of strangers
    "a model beyond memory": (alter(foreign(kind="mlp", hidden=[10**9])), "at most 4,096"),
    "a model of many layers": (alter(foreign(kind="mlp", hidden=[1] * 9000)), "at most 32"),
    "a model beyond its weights": (alter(foreign(kind="mlp", hidden=[4096, 4096])), "parameters"),
    "a model of many blocks": (
        alter(foreign(kind="transformer", blocks=10**9, width=8)), "model.blocks: "
    ),
    "a model for other data": (
        alter(foreign(kind="embedding_mlp", embedding=4, hidden=[8])), "embedding_mlp given"
    ),
    "a smaller model": (alter(foreign(kind="mlp", hidden=[20])), "layers.2.weight"),
    # members
    "a seed left out": (alter_members(lambda m: m.pop()), "no seed may be left out"),
    "a seed twice": (alter_members(lambda m: m.append(m[0])), "there are 2 members"),
    "a digest of one's own": (alter_members(first("member", "0" * 12)), "give member"),
    "a configuration of one's own": (alter_members(first("configuration", "0" * 12)), "give "),
    "seeds exchanged": (
        alter_members(lambda m: m[0].update(seed=1) or m[1].update(seed=0)), "give member"
    ),
    "a seed below 0": (alter_members(first("seed", -1)), "seed: -1 given"),
    "a curve that falls back": (
        alter_members(lambda m: m[0]["curve"].reverse()), "its steps must rise"
    ),
    "a curve that goes on": (
        alter_members(lambda m: m[0]["curve"][-1].update(step=300)), "step 300 given"
    ),
    "a long curve": (alter_members(lambda m: m[0].update(curve=m[0]["curve"] * 3)), "curve: "),
    "a lost member with metrics": (alter_members(first("status", "diverged")), "has none"),
    "another status": (alter_members(first("status", "perfect")), "status: "),
    "a metric as text": (alter_members(lambda m: m[0]["metrics"].update(r2="1")), "metrics.r2"),
    # weights
    "empty weights": (weights(b""), "weights.size: 0 given"),
    "no header": (weights(b"abc"), "is no safetensors file"),
    "a pickle": (weights(b"\x80\x04\x95" + bytes(60)), "is no safetensors file"),
    "a header beyond the file": (weights(struct.pack("<Q", 10**9) + b"{}"), "its header says"),
    "a header beyond limits": (
        weights(struct.pack("<Q", 2**20 + 8) + b" " * (2**20 + 8)), "its header says"
    ),
    "a header that is a list": (weights(struct.pack("<Q", 2) + b"[]"), "is no mapping"),
    "an empty header": (weights(struct.pack("<Q", 2) + b"{}"), "is missing"),
    "a deep header": (weights(struct.pack("<Q", len(DEEP)) + DEEP), "deeply|valid JSON"),
    "no member": (alter_header(lambda h: h.pop(next(iter(h)))), "is missing"),
    "coordinates": (
        alter_header(lambda h: h.update({"x/coordinates.input": h[next(iter(h))]})),
        "'x/coordinates.input' does not belong",
    ),
    "another shape": (alter_header(tensor(shape=[1, 1])), "which is not"),
    "a shape below 0": (alter_header(tensor(shape=[-1, 4])), "no whole numbers from 0"),
    "a vast shape": (alter_header(tensor(shape=[2**62, 2**62])), "which is not"),
    "another dtype": (alter_header(tensor(dtype="BOOL")), "is of dtype 'BOOL'"),
    "a dtype that is no word": (alter_header(tensor(dtype=["F32"])), "is of dtype"),
    "data elsewhere": (alter_header(tensor(data_offsets=[10**6, 10**6 + 160])), "|".join(
        ["begins at byte", "which is not"])),
    "more facts": (alter_header(tensor(more=1)), "nothing else"),
    "bytes behind the data": (
        lambda f: rewriting.weights(f, (f / "weights.safetensors").read_bytes() + b"secret"),
        "bytes of data; its tensors are",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ATTACKS)
def test_an_attack_is_refused_in_clear_lines(tampered, case: str) -> None:
    attack, told = ATTACKS[case]
    folder = tampered()
    read(folder)
    attack(folder)
    with pytest.raises(InputError, match=told) as refused:
        read(folder)
    clear(str(refused.value), folder)


def clear(told: str, folder: Path) -> None:
    lines = told.splitlines()
    assert told.strip() and len(lines) <= MOST_LINES
    assert max(map(len, lines)) < 3000
    assert unprintable(told.replace(str(folder), "")) is None, told


# ------------------------------------------------------------------------- all sorts

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(),
    st.sampled_from([0, 1, -1, 2**63, 1e308, "", "x" * 3000, "\u202e", "bimt", "mlp", "line"]),
    st.text(max_size=20),
)  # fmt: skip
STRUCTURES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@st.composite
def altered(draw: st.DrawFn, told: Any) -> Any:
    """JSON with one to three of its values replaced, dropped or renamed."""
    found = copy.deepcopy(told)
    for _ in range(draw(st.integers(1, 3))):
        here = found
        while isinstance(here, dict | list) and here:
            key = draw(st.sampled_from(list(here) if isinstance(here, dict) else range(len(here))))
            if isinstance(here[key], dict | list) and here[key] and draw(st.booleans()):
                here = here[key]
                continue
            match draw(st.sampled_from(["value", "value", "structure", "drop", "rename"])):
                case "value":
                    here[key] = draw(SCALARS)
                case "structure":
                    here[key] = draw(STRUCTURES)
                case "rename" if isinstance(here, dict):
                    here[draw(st.text(max_size=8))] = here.pop(key)
                case _:
                    del here[key]
            break
    return found


@st.composite
def torn(draw: st.DrawFn, held: bytes) -> bytes:
    """Bytes in which some were replaced, most often near the beginning."""
    most = draw(st.sampled_from([20, 3000, len(held)]))
    at = draw(st.integers(0, min(most, len(held))))
    return held[:at] + draw(st.binary(max_size=12)) + held[at + draw(st.integers(0, 12)) :]


QUIET = quiet(EXAMPLES)


def judge(folder: Path) -> None:
    """Reads an entry: it must be accepted or refused in few clear lines, and soon."""
    began, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        found = read(folder)
        for one in found.members:
            if one.status == "ok":
                found.arrays(one.member)
    except InputError as error:
        clear(str(error), folder)
    assert time.process_time() - began < MOST_SECONDS
    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert taken * 1024 < MOST_MEMORY


def dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=True).encode()


@pytest.mark.parametrize("what", ["entry", "members", "header", "bytes"])
def test_any_entry_is_read_or_refused_in_clear_lines(tampered, tmp_path, what: str) -> None:
    sound = tampered()
    kept = Path(shutil.copytree(sound, tmp_path / "kept"))
    entry = json.loads((kept / "entry.json").read_text())
    lines = [json.loads(one) for one in (kept / "members.jsonl").read_text().splitlines()]
    binary = (kept / "weights.safetensors").read_bytes()
    length = struct.unpack("<Q", binary[:8])[0]
    names = ["entry.json", "members.jsonl", "weights.safetensors"]

    @QUIET
    @given(data=st.data())
    def judged(data: st.DataObject) -> None:
        for name in names:
            (sound / name).write_bytes((kept / name).read_bytes())
        match what:
            case "entry":
                (sound / "entry.json").write_bytes(dumped(data.draw(altered(entry))))
            case "members":
                found = data.draw(altered(lines))
                text = b"\n".join(dumped(one) for one in found)
                (sound / "members.jsonl").write_bytes(text)
            case "header":
                told = dumped(data.draw(altered(json.loads(binary[8 : 8 + length]))))
                found = struct.pack("<Q", len(told)) + told + binary[8 + length :]
                rewriting.weights(sound, found)
            case _:
                name = data.draw(st.sampled_from(names))
                found = data.draw(torn((kept / name).read_bytes()))
                if name == "weights.safetensors":
                    rewriting.weights(sound, found)
                else:
                    (sound / name).write_bytes(found)
        judge(sound)

    judged()
