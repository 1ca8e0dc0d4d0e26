"""The plan of the house: measured on small ones made by hand, and kept by the real one."""

import pytest

from benchmarks.house import Import, page, survey

FILES = {
    "__init__.py": "from demo.top import go",
    "__main__.py": "from demo.top import go",
    "floor.py": "",
    "low/__init__.py": "from demo.low.parts import part",
    "low/parts.py": "import demo.floor",
    "low/inner/__init__.py": "from demo.low import parts",
    "top.py": "from typing import TYPE_CHECKING\n"
    "if TYPE_CHECKING:\n    from demo.low import part\n"
    "def go():\n    from demo import floor",
}
LAYERS = ("(__main__)", "(top)", "(low) | (beside)", "floor")


@pytest.fixture
def house(tmp_path):
    """Surveys a package `demo` of FILES and others."""

    def build(**others):
        for name, text in {**FILES, **others}.items():
            path = tmp_path / "demo" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return survey(tmp_path / "demo", LAYERS)

    return build


def test_rooms_are_folders_and_loose_modules_and_all_imports_count(house):
    found = house()
    assert found.rooms == ("floor", "low", "low.inner", "top")
    assert found.arrows == (
        ("low", "floor"), ("low.inner", "low"), ("top", "floor"), ("top", "low"),
    )  # fmt: skip
    assert (found.upward, found.circles, found.deep) == ((), (), ())
    assert found.largest[0] == ("top.py", 5)


def test_levels_are_those_of_the_longest_path(house):
    assert house().levels == 3
    assert house(**{"top.py": "from demo.low import inner"}).levels == 4


def test_arrows_against_the_layers_are_told(house):
    found = house(**{"floor.py": "def late():\n    from demo import low"})
    assert found.upward == (("floor", "low"),)
    assert found.circles == (("floor", "low"),)


def test_rooms_of_one_layer_may_see_each_other_but_not_in_a_circle(house):
    found = house(**{"beside.py": "import demo.low", "low/more.py": "import demo.beside"})
    assert found.upward == ()
    assert found.circles == (("beside", "low"),)


def test_a_folder_and_its_own_subfolder_are_one_part_of_the_house(house):
    assert house(**{"low/more.py": "from demo.low.inner import parts"}).circles == ()


def test_who_passes_by_a_folders_door_is_told(house):
    found = house(**{"top.py": "from demo.low.parts import part\nimport demo.low.inner"})
    assert found.deep == (Import("top", "low.parts", "low.parts"),)
    inside = house(**{"top.py": "", "low/inner/more.py": "from demo.low.parts import part"})
    assert inside.deep == ()


def test_a_room_without_a_layer_is_refused(house):
    with pytest.raises(KeyError, match="shed"):
        house(**{"shed.py": "import demo.floor"})


def test_our_own_house_keeps_to_the_plan():
    found = survey()
    told = page(found, arrows=True)
    assert len(found.rooms) <= 26, told
    assert len(found.arrows) <= 136, told
    assert not found.upward, told
    assert not found.circles, told
    assert not found.deep, told
