"""Drawings as files: which networks stand for a recipe, how large they are, and who is refused."""

import re
import xml.etree.ElementTree as ET

import pytest
from PIL import Image

from bimt_bench.ground import InputError
from bimt_bench.results import best, gallery, knee, median

TASK = "symbolic/independence"
CHOICES = ("best", "median", "knee")


@pytest.fixture(scope="module")
def tradeoff(few):
    return few.tradeoff()


def names(files) -> set[str]:
    return {file.name for file in files}


def test_best_median_and_knee_of_each_recipe_are_drawn(few, tmp_path):
    files = few.save_drawings(folder=tmp_path)
    wanted = {
        f"network-{recipe}-{which}.{kind}"
        for recipe in ("vanilla", "bimt")
        for which in CHOICES
        for kind in ("png", "svg")
    }
    assert names(files) == wanted == names(tmp_path.iterdir())
    for file in files:
        if file.suffix == ".png":
            with Image.open(file) as picture:
                assert max(picture.size) >= 1200
        else:
            assert ET.parse(file).getroot().tag.endswith("svg")


def test_they_are_the_members_that_python_chooses(few, tradeoff):
    found = gallery.of_recipes(few.frame, tradeoff)
    rows = few.frame[few.frame["recipe"] == "bimt"]
    assert [found[f"network-bimt-{which}"] for which in CHOICES] == [
        best(rows),
        median(rows),
        knee(few.frame, tradeoff, recipe="bimt"),
    ]
    assert found["network-bimt-best"] == few.best(recipe="bimt").member


def test_a_member_that_is_several_is_drawn_once(few, tmp_path, monkeypatch):
    drawn: list[str] = []
    network = type(few).network
    monkeypatch.setattr(
        type(few), "network", lambda self, member: drawn.append(member) or network(self, member)
    )
    one, other = few.members[:2]
    wanted = {"first": one, "second": other, "third": one}
    found = gallery.draw(few, wanted, folder=tmp_path, formats=("svg",))
    assert drawn == [one, other]
    assert [names(one.files) for one in found] == [{"first.svg", "third.svg"}, {"second.svg"}]
    assert (tmp_path / "first.svg").read_bytes() == (tmp_path / "third.svg").read_bytes()
    assert (tmp_path / "first.svg").read_bytes() != (tmp_path / "second.svg").read_bytes()


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_equal_networks_give_equal_bytes_in_any_process(few, tmp_path, monkeypatch, kind):
    wanted = {"a/one": few.members[0], "other": few.members[1]}
    gallery.draw(few, wanted, folder=tmp_path / "here", formats=(kind,))
    monkeypatch.setattr(gallery, "_FEW", 1)
    gallery.draw(few, wanted, folder=tmp_path / "there", formats=(kind,))
    for name in wanted:
        here, there = (tmp_path / place / f"{name}.{kind}" for place in ("here", "there"))
        assert here.read_bytes() == there.read_bytes()


def test_one_member_is_drawn_by_any_name(few, tmp_path):
    digest = few.members[4]
    (file,) = few.save_drawings(digest[:7], folder=tmp_path, formats=["pdf"])
    assert file.name == f"network-{digest}.pdf"
    (file,) = few.save_drawings("knee", recipe="bimt", folder=tmp_path, formats=["svg"])
    assert file.name == "network-bimt-knee.svg"


def test_results_in_a_folder_keep_their_drawings(few, tmp_path):
    from bimt_bench import load

    kept = load(few.save(tmp_path / "kept"))
    files = kept.save_drawings("best", formats=("png",))
    assert [file.relative_to(tmp_path).as_posix() for file in files] == [
        "kept/figures/symbolic-independence/network-best.png"
    ]


def test_a_sweep_draws_all_configurations_on_request(few, tradeoff, tmp_path):
    from bimt_bench import load

    kept = load(few.save(tmp_path / "kept"))
    found = gallery.of_sweep(kept, TASK, tradeoff, which="all")
    folder = tmp_path / "kept" / "figures" / "symbolic-independence"
    of_configurations = names((folder / "configurations").iterdir())
    assert len(of_configurations) == 2 * few.frame["configuration"].nunique()
    # the first file of a configuration is its median's
    firsts = {one.configuration: one.files[0] for one in reversed(found)}
    assert set(firsts) == set(few.frame["configuration"])
    assert all(re.search(rf"configurations/.*-{c}\.png$", str(f)) for c, f in firsts.items())
    # and they are found again by what they are called
    assert gallery.drawn_before(kept.frame, tradeoff, folder=folder) == found
    assert {file.parent for one in found for file in one.of_recipe} == {folder}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"formats": ["pgn"]}, ["format: 'pgn'", "did you mean 'png'?"]),
        ({"which": "bst"}, ["member: 'bst'", "did you mean 'best'?"]),
        ({"recipe": "bmt"}, ["recipe: 'bmt'", "did you mean 'bimt'?"]),
        ({"which": "best", "recipe": "bmt"}, ["recipe: 'bmt'", "did you mean 'bimt'?"]),
        ({"task": "symbolic/independance"}, ["did you mean 'symbolic/independence'?"]),
    ],
)
def test_what_is_not_there_is_refused_with_the_nearest(few, tmp_path, asked, words):
    with pytest.raises(InputError) as refused:
        few.save_drawings(**asked, folder=tmp_path)
    assert all(word in str(refused.value) for word in words)
    assert not list(tmp_path.iterdir())
