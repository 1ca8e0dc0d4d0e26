"""A folder among those of everybody is this user's alone, or another one is taken."""

import os

import pytest

from bimt_bench.ground import folders, private_folder


@pytest.fixture
def name():
    return f"bimt-bench-{os.getuid()}"


def test_it_is_made_for_this_user_alone_and_found_again(tmp_path, name):
    made = private_folder(tmp_path)
    assert made == tmp_path / name and made.stat().st_mode & 0o777 == 0o700
    assert private_folder(tmp_path) == made


@pytest.mark.parametrize("kind", ["open", "link", "file"])
def test_what_others_could_have_put_there_is_passed_over(tmp_path, name, kind):
    taken, elsewhere = tmp_path / name, tmp_path / "elsewhere"
    if kind == "link":
        elsewhere.mkdir(mode=0o700)
        taken.symlink_to(elsewhere)
    elif kind == "file":
        taken.touch(mode=0o700)
    else:
        taken.mkdir()
        taken.chmod(0o777)
    assert private_folder(tmp_path) == tmp_path / f"{name}-1"


def test_another_users_is_not_taken(tmp_path, name, monkeypatch):
    made = private_folder(tmp_path)
    assert folders._is_mine_alone(made)
    mine = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: mine + 1)
    assert not folders._is_mine_alone(made)


def test_where_none_can_be_made_the_system_says_why(tmp_path):
    with pytest.raises(FileNotFoundError):
        private_folder(tmp_path / "absent")
