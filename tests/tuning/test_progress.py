"""The board's arithmetic, and what is shown where there is no terminal."""

import io

import pandas as pd
import pytest
from rich.console import Console

from bimt_bench.recipes import RECIPES
from bimt_bench.tuning.plan import Pack
from bimt_bench.tuning.progress import TABLES_SECONDS, Board, Display, duration


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def pack(name, members, seconds):
    return Pack(name, "t/a", tuple(range(members)), seconds)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def board(clock):
    return Board(
        members=20,
        seconds=100.0,
        watched={"t/a": {"performance": "higher", "loss": "lower"}},
        clock=clock,
    )


def rows(*values, recipe="l1"):
    return pd.DataFrame(
        {
            "configuration": [str(i // 2) + recipe for i in range(len(values))],
            "recipe": recipe,
            "dial": None if recipe == "vanilla" else "strength",
            "dial_value": None if recipe == "vanilla" else 2.0,
            "performance": values,
            "loss": values,
        }
    )


def test_rate_and_time_left_count_packs_under_way_and_what_follows_but_not_set_up(board, clock):
    first, second = pack("p1", 10, 50.0), pack("p2", 6, 30.0)
    board.start(first)
    board.start(second)
    clock.now = 60.0  # Ray and its workers have started
    board.update({"p1": 0.0})
    assert board.left is None
    clock.now = 68.0
    board.update({"p1": 1.0, "p2": 0.5})
    clock.now = 70.0
    board.finish(first, rows(0.5, 0.5), found=False)
    scoring = 2.0 / 10.0  # of a pack's time, as the first one took it
    assert board.rate == pytest.approx((10 + 6 * 0.5 * (1 - scoring)) / 10)
    computed = 50.0 + 15.0 * (1 - scoring)
    assert board.left == pytest.approx(10.0 * (100 - computed) / computed + TABLES_SECONDS)
    assert board.fraction() == pytest.approx(computed / 100)


def test_found_and_failed_packs_do_not_speed_up_the_estimate(board, clock):
    board.finish(pack("p0", 8, 40.0), rows(0.5, 0.5), found=True)
    board.start(pack("p2", 5, 25.0))
    board.update({"p2": 0.0})
    board.finish(pack("p1", 2, 10.0), None, found=False)
    clock.now = 5.0
    board.finish(pack("p2", 5, 25.0), rows(0.5, 0.5), found=False)
    assert board.left == pytest.approx(5.0 + TABLES_SECONDS)
    assert "13 / 20 members · 8 from before · 2 failed · 1.00 members/s" in board.line()


def test_a_resumed_sweep_makes_no_wild_guess_of_its_last_pack(board, clock):
    board.finish(pack("p0", 19, 99.0), rows(0.5, 0.5), found=True)
    board.start(pack("p1", 1, 1.0))
    clock.now = 30.0
    board.update({"p1": 0.0})
    clock.now = 30.1
    board.update({"p1": 0.001})
    assert board.left is None and "time left unknown" in board.line()
    clock.now = 35.0
    board.update({"p1": 0.5})
    assert board.left is not None and 5.0 < board.left < 20.0


def test_the_line_says_what_goes_on_in_every_phase_and_never_0_s_left(board, clock):
    first, second = pack("p1", 10, 50.0), pack("p2", 10, 50.0)
    board.doing = "starting Ray"
    assert board.line() == "0 / 20 members · starting Ray · 0 s gone"
    board.doing = ""
    board.start(first)
    board.start(second)
    assert "packs: 2 starting" in board.line()
    board.update({"p1": 0.0})
    assert "packs: 1 starting, 1 training" in board.line()
    clock.now = 50.0
    board.update({"p1": 1.0, "p2": 1.0})
    assert "packs: 2 scoring" in board.line() and " left" in board.line()
    assert " 0 s left" not in board.line()
    for one in (first, second):
        board.finish(one, rows(0.5, 0.5), found=False)
    board.doing = "writing tables"
    assert board.line() == "20 / 20 members · writing tables · 0.40 members/s · 50 s gone"


def test_time_left_of_a_search_is_an_upper_bound(board, clock):
    board.at_most = True
    board.start(pack("p1", 10, 50.0))
    board.update({"p1": 0.0})
    clock.now = 10.0
    board.update({"p1": 0.5})
    assert "at most" in board.line()


def test_best_is_by_seed_mean_and_direction(board):
    board.finish(pack("p1", 4, 1.0), rows(0.9, 0.1, 0.6, 0.6), found=False)
    board.finish(pack("p2", 2, 1.0), rows(0.2, 0.3, recipe="bimt"), found=False)
    board.finish(pack("p3", 2, 1.0), rows(5.0, None), found=False)
    assert board.best["t/a", "performance"].value == pytest.approx(0.6)
    assert board.best["t/a", "loss"].value == pytest.approx(0.25)
    assert board.best["t/a", "loss"].configuration == "BIMT, strength 2"


def test_the_best_says_what_else_its_recipes_configurations_differ_in(board):
    frame = rows(0.9, 0.9, 0.5, 0.5).assign(learning_rate=0.003, geometry="line")
    board.finish(pack("p1", 4, 1.0), frame, found=False)
    assert board.best["t/a", "performance"].configuration == "L1, strength 2"
    later = rows(0.1, 0.1).assign(learning_rate=0.01, geometry="line", configuration="other")
    board.finish(pack("p2", 2, 1.0), later, found=False)
    assert board.best["t/a", "performance"].configuration == "L1, strength 2, learning rate 0.003"
    assert board.best["t/a", "loss"].configuration == "L1, strength 2, learning rate 0.01"


def test_a_recipe_without_a_dial_goes_by_its_title(board):
    board.finish(pack("p1", 2, 1.0), rows(0.9, 0.9, recipe="vanilla"), found=False)
    assert board.best["t/a", "loss"].configuration == RECIPES["vanilla"].title


def test_plain_lines_every_ten_seconds(board, clock):
    out = io.StringIO()
    with Display(board, Console(file=out, width=200)) as display:
        for second in range(25):
            clock.now = float(second)
            display.tick()
        board.finish(pack("p1", 2, 1.0), rows(0.5, 0.5), found=False)
    lines = out.getvalue().splitlines()
    assert len(lines) == 2 + 1 + 2
    assert lines[0].startswith("0 / 20 members")
    assert lines[-2] == "best t/a: performance 0.5 (L1, strength 2)"


def test_packs_that_were_stopped_are_not_under_way_at_the_end(board):
    out = io.StringIO()
    with Display(board, Console(file=out, width=20)):
        board.start(pack("p1", 10, 50.0))
        board.update({"p1": 0.5})
    (line,) = out.getvalue().splitlines()
    assert "pack" not in line and "left" not in line


def test_a_notebook_shows_one_text_that_changes_in_its_place(board, clock, shown):
    with Display(board, Console(force_jupyter=True)) as display:
        display.say("starting Ray")
        for tenth in range(50):
            clock.now = tenth / 10
            display.tick()
        board.finish(pack("p1", 2, 1.0), rows(0.5, 0.5), found=False)
    assert "starting Ray" in shown[0] and "starting Ray" not in shown[-1]
    assert len(shown) == 1 + 4 + 1, "told at once, each second, and at the end"
    assert shown[-1].splitlines()[1] == "best t/a: performance 0.5 (L1, strength 2)"


def test_what_goes_on_is_told_at_once(board):
    out = io.StringIO()
    with Display(board, Console(file=out, width=200)) as display:
        display.say("starting Ray")
        display.say("")
        display.tick()
    assert [line.count("starting Ray") for line in out.getvalue().splitlines()] == [1, 0]


def test_a_terminal_shows_bar_and_table(board, clock):
    out = io.StringIO()
    with Display(board, Console(file=out, width=120, force_terminal=True)) as display:
        board.finish(pack("p1", 2, 50.0), rows(0.5, 0.5), found=False)
        display.tick()
    assert "2 / 20 members" in out.getvalue()
    assert "best seed mean" in out.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"), [(41.6, "42 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")]
)
def test_durations_read_well(seconds, text):
    assert duration(seconds) == text
