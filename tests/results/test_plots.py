"""Figures: what they show, in which place and colour, and that equal input gives equal bytes."""

import time

import hypothesis
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st
from matplotlib import pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.mathtext import MathTextParser
from matplotlib.patches import PathPatch
from matplotlib.text import Text
from scipy.interpolate import interp1d

from bimt_bench.ground import InputError
from bimt_bench.network import Wiring
from bimt_bench.results.drawing import NetworkDrawing
from bimt_bench.results.plots import curves_figure, network_figure, save, theme, tradeoff_figure
from bimt_bench.results.plots.curves import PANELS, seed_means
from bimt_bench.results.plots.network import _mathematical
from bimt_bench.results.tradeoff import TradeOff, tradeoff
from bimt_bench.results.words import in_order
from bimt_bench.spec import ReferencePoint
from tests import hand_made
from tests.rows import member

RECIPES = {"vanilla": 0.0, "l1": 0.12, "l1_local": 0.2, "l1_swap": 0.24, "bimt": 0.36}
STRENGTHS = (0.1, 0.3, 1.0, 3.0, 10.0)


def row(recipe, strength, seed, *, x, y, status="ok", **other):
    lost = {"x": np.nan, "y": np.nan, "status": status} if status != "ok" else {"x": x, "y": y}
    settings = {"task": "symbolic/independence", "steps": 2000, "shortened": True} | other
    return member(recipe, strength, seed, **lost, **settings)


def sweep_frame(seeds=5) -> pd.DataFrame:
    """A grid over recipe and strength, with the noise and the collapse of a real sweep."""
    rng = np.random.default_rng(0)
    rows = []
    for recipe, gain in RECIPES.items():
        for strength in (0.0,) if recipe == "vanilla" else STRENGTHS:
            for seed in range(seeds):
                push = np.log10(strength) + 1 if strength else 0.0
                x = 0.25 + gain * (0.5 + 0.45 * push) + rng.normal(0, 0.02)
                collapse = 0.0015 * 6.5**push * (1 + gain) + rng.normal(0, 0.01) * (0.2 + push)
                status = "diverged" if (recipe, strength, seed) == ("l1", 10.0, 1) else "ok"
                rows.append(row(recipe, strength, seed, x=x, y=0.985 - collapse, status=status))
    return pd.DataFrame(rows)


def scattered_frame() -> pd.DataFrame:
    """What a sampler proposes: no two configurations agree in anything."""
    rng = np.random.default_rng(1)
    rows = []
    for recipe in ("vanilla", "l1", "bimt"):
        for _ in range(14):
            strength, rate = 10 ** rng.uniform(-1, 1), 10 ** rng.uniform(-4, -2)
            x0 = 0.3 + RECIPES[recipe] * (1 + np.log10(strength)) + rng.normal(0, 0.03)
            y0 = 0.98 - 0.02 * strength * rng.random() - (0.1 if rate < 3e-4 else 0)
            rows += [
                row(
                    recipe,
                    0.0 if recipe == "vanilla" else strength,
                    seed,
                    x=x0 + rng.normal(0, 0.02),
                    y=y0 + rng.normal(0, 0.01),
                    learning_rate=rate,
                )
                for seed in range(3)
            ]
    return pd.DataFrame(rows)


def curves_of(frame: pd.DataFrame) -> pd.DataFrame:
    """Learning curves that fall to what the frame says, with the kinks of the lambda phases."""
    steps = np.arange(0, 2001, 50)
    rng = np.random.default_rng(2)
    parts = []
    for one in frame.itertuples():
        noise = np.exp(rng.normal(0, 0.08, len(steps)) + rng.normal(0, 0.2))
        floor = max(1 - one.performance, 1e-3) if one.status == "ok" else 1.0
        loss = (np.exp(-steps / 150) + floor) * noise
        cost = (
            2 + 20 * np.exp(-steps * (0.0 if pd.isna(one.dial_value) else one.dial_value) / 400)
        ) * noise**0.3
        parts.append(
            pd.DataFrame(
                {
                    "member": one.member,
                    "step": steps,
                    "train_loss": loss * 0.8,
                    "test_loss": loss,
                    "performance": 1 - np.minimum(loss, 1.0),
                    "cost": cost,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def line(n):
    return np.stack([(np.arange(n) + 0.5) / n, np.full(n, 0.5)], axis=1)


def grid(side):
    v, u = np.divmod(np.arange(side * side), side)
    return np.stack([(u + 0.5) / side, (v + 0.5) / side], axis=1)


def ring(n, radius=0.25):
    angle = 2 * np.pi * (np.arange(n) + 0.5) / n
    return 0.5 + radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def local_weights(target, source, *, folds=1, width=0.12, seed=0):
    """Sparse weights that prefer short wires, as BIMT leaves them."""
    rng = np.random.default_rng(seed)
    distance = np.abs(target[:, None] - source[None]).sum(-1)
    shape = np.exp(-distance / width) * (rng.random(distance.shape) < 0.5)
    matrices = [shape * rng.normal(size=distance.shape) + 1e-4 for _ in range(folds)]
    return np.concatenate(matrices, axis=1)


def build(groups, *, input_folds=1, inputs=(), outputs=(), labels=None, embedding=False):
    """A drawing of a multilayer perceptron whose groups have these coordinates."""
    sizes = tuple(len(g) for g in groups)
    wiring = Wiring.layered(sizes, input_folds=input_folds, embedding=embedding)
    pairs = list(zip(groups[1:], groups[:-1], strict=True))
    weights = {
        f"layers.{i}.weight": local_weights(t, s, folds=input_folds if i == 0 else 1, seed=i)[None]
        for i, (t, s) in enumerate(pairs)
    }
    names = [g.name for g in wiring.groups]
    places = dict(zip(names, groups, strict=True))
    standing = {name: order[None] for name, order in (labels or {}).items()}
    population = hand_made.population(wiring, weights, labels=standing, coordinates=places)
    return NetworkDrawing.of(population, inputs, outputs)


def drawings() -> dict[str, NetworkDrawing]:
    return {
        "independence": build(
            [line(4), line(20), line(20), line(2)],
            inputs=("x1", "x2", "x3", "x4"),
            outputs=("(x1 + x3)^3", "x2^2 + sin(pi x4)"),
            labels={"input": np.array([2, 0, 3, 1]), "output": np.array([1, 0])},
        ),
        "modular addition": build(
            [line(32), line(50), line(50), line(59)],
            input_folds=2,
            inputs=("a", "b"),
            outputs=tuple(str(i) for i in range(59)),
            embedding=True,
        ),
        "mnist": build(
            [grid(28), grid(10), grid(10), ring(10)],
            inputs=tuple(f"pixel {i}" for i in range(784)),
            outputs=tuple("0123456789"),
            labels={"output": np.random.default_rng(0).permutation(10)},
        ),
        "digits": build(
            [grid(8), line(30), line(10)],
            inputs=tuple(f"pixel {i}" for i in range(64)),
            outputs=tuple("0123456789"),
        ),
    }


ORIGIN = ReferencePoint(modularity=0.0, performance=0.0)
LABELS = {"title": "Independence", "x_label": "modularity Q", "y_label": "test accuracy"}


def trade(frame, **other) -> TradeOff:
    given = {"x": "modularity_q", "x_direction": "higher", "reference": ORIGIN}
    return tradeoff(frame, **(given | other))


def words(figure: Figure) -> str:
    """Everything that is written in the figure."""
    figure.draw_without_rendering()
    return "\n".join(text.get_text() for text in figure.findobj(Text))


# --------------------------------------------------------------------------- theme


@pytest.mark.parametrize("choose", [theme.colours, theme.markers])
def test_a_recipe_looks_the_same_whoever_is_beside_it(choose):
    everyone = choose([*RECIPES, "rival"])
    assert len(set(everyone.values())) == len(RECIPES) + 1
    for recipe in everyone:
        assert choose([recipe])[recipe] == everyone[recipe]


def test_built_in_recipes_keep_the_colours_of_published_figures():
    assert theme.colours(RECIPES) == {
        "vanilla": "#6b6b6b",
        "l1": "#E69F00",
        "l1_local": "#56B4E9",
        "l1_swap": "#009E73",
        "bimt": "#D55E00",
    }


def test_recipes_never_share_a_colour_however_many():
    rivals = [f"rival_{i}" for i in range(40)]
    assert len(set(theme.colours([*RECIPES, *rivals]).values())) == 45
    assert theme.colours(rivals) == theme.colours(reversed(rivals))


def test_legends_keep_the_papers_order():
    assert in_order(["zebra", "bimt", "ant", "l1", "vanilla"]) == [
        *("vanilla", "l1", "bimt"),
        *("ant", "zebra"),
    ]


def test_drawing_changes_no_global_state():
    before, held = dict(mpl.rcParams), plt.get_fignums()
    trade_figure = tradeoff_figure(trade(sweep_frame(2)), **LABELS)
    network_figure(drawings()["independence"], title="one")
    assert dict(mpl.rcParams) == before
    assert plt.get_fignums() == held
    assert isinstance(trade_figure, Figure)


def test_saving_twice_gives_the_same_bytes(tmp_path):
    written = []
    for folder in ("one", "two"):
        figure = tradeoff_figure(trade(sweep_frame(2)), **LABELS)
        written.append(save(figure, tmp_path / folder, "tradeoff"))
    (png, pdf), (png_again, pdf_again) = written
    assert (png.name, pdf.name) == ("tradeoff.png", "tradeoff.pdf")
    assert png.read_bytes() == png_again.read_bytes()
    assert pdf.read_bytes() == pdf_again.read_bytes()
    assert b"CreationDate" not in pdf.read_bytes()
    height, width, _ = plt.imread(png).shape
    assert (width, height) == (700, 740)


# --------------------------------------------------------------------------- trade-off


def test_lines_follow_the_dial_in_the_recipes_colour():
    result = trade(sweep_frame())
    axes = tradeoff_figure(result, **LABELS).axes[0]
    by_colour = {line.get_color(): line.get_xydata() for line in axes.lines}
    for line in result.lines[1:]:
        drawn = by_colour[theme.colours([line.recipe])[line.recipe]]
        expected = [(p.x.mean, p.y.mean) for p in line.points]
        np.testing.assert_allclose(drawn, expected)
    assert theme.colours(["vanilla"])["vanilla"] not in by_colour


@pytest.mark.parametrize("direction", ["higher", "lower"])
def test_stairs_part_what_the_front_dominates_from_the_rest(direction):
    sign = 1 if direction == "higher" else -1
    frame = sweep_frame(2)
    frame["modularity_q"] *= sign
    corner = ReferencePoint(modularity=-10.0 if sign > 0 else 10.0, performance=-1.0)
    result = trade(frame, x_direction=direction, reference=corner)
    axes = tradeoff_figure(result, **LABELS).axes[0]
    (stairs,) = [line for line in axes.lines if line.get_drawstyle() != "default"]
    step = {"steps-pre": "next", "steps-post": "previous"}[stairs.get_drawstyle()]
    xs, ys = stairs.get_xdata()[1:-1], stairs.get_ydata()[1:-1]
    np.testing.assert_allclose(xs, [p.x.mean for p in result.front])
    height = interp1d(xs, ys, kind=step)
    middles = (np.array(xs)[1:] + np.array(xs)[:-1]) / 2
    best = [max(y for x, y in zip(xs, ys, strict=True) if sign * x >= sign * m) for m in middles]
    np.testing.assert_allclose(height(middles), best)


def test_every_point_of_the_front_has_a_ring():
    result = trade(sweep_frame())
    axes = tradeoff_figure(result, **LABELS).axes[0]
    rings = [c for c in axes.collections if len(c.get_facecolor()) == 0]
    assert len(rings) == 1
    np.testing.assert_allclose(
        np.asarray(rings[0].get_offsets()), [(p.x.mean, p.y.mean) for p in result.front]
    )


def test_bands_have_no_darker_overlaps():
    axes = tradeoff_figure(trade(sweep_frame()), **LABELS).axes[0]
    bands = [p for p in axes.patches if isinstance(p, PathPatch)]
    assert len(bands) == len(RECIPES)
    for band in bands:
        figure = Figure(figsize=(3, 3))
        canvas = FigureCanvasAgg(figure)
        alone = figure.add_axes((0, 0, 1, 1), xlim=axes.get_xlim(), ylim=axes.get_ylim())
        alone.axis("off")
        alone.add_patch(PathPatch(band.get_path(), facecolor="black", alpha=0.2, linewidth=0))
        canvas.draw()
        shades = np.asarray(canvas.buffer_rgba())[..., 0]
        assert shades.min() == 204


def test_a_band_holds_the_intervals_of_its_points():
    result = trade(sweep_frame())
    axes = tradeoff_figure(result, **LABELS).axes[0]
    bands = [p.get_path() for p in axes.patches if isinstance(p, PathPatch)]
    for line, band in zip(result.lines, bands, strict=True):
        low, high = band.get_extents().get_points()
        assert low[0] <= min(p.x.low for p in line.points) + 1e-3
        assert high[1] >= max(p.y.high for p in line.points) - 1e-3
        for point in line.points:
            assert band.contains_point((point.x.mean, point.y.mean))


def test_higher_dials_have_larger_markers():
    result = trade(sweep_frame())
    axes = tradeoff_figure(result, **LABELS).axes[0]
    bimt = next(line for line in result.lines if line.recipe == "bimt")
    first = (bimt.points[0].x.mean, bimt.points[0].y.mean)
    found = [
        c.get_sizes()
        for c in axes.collections
        if len(c.get_offsets()) == len(bimt.points) and np.allclose(c.get_offsets()[0], first)
    ]
    assert np.all(np.diff(found[0]) > 0)


def test_the_figure_says_what_it_rests_on():
    said = words(tradeoff_figure(trade(sweep_frame()), **LABELS))
    assert "means of 5 seeds" in said
    assert "1 of 105 members lost" in said
    assert "shortened to 2,000 steps" in said
    assert "modularity Q  (better →)" in said
    assert "L1 + locality" in said


def test_the_figure_says_on_which_data_it_was_searched():
    told = "20 % of the training data, held out"
    said = words(tradeoff_figure(trade(sweep_frame(2), searched_on=told), **LABELS))
    assert f"searched on {told}" in said
    assert "searched" not in words(tradeoff_figure(trade(sweep_frame(2)), **LABELS))


def test_a_full_run_is_not_called_shortened_and_lower_can_be_better():
    frame = sweep_frame(1).assign(shortened=False)
    corner = ReferencePoint(modularity=1.0, performance=0.0)
    said = words(tradeoff_figure(trade(frame, x_direction="lower", reference=corner), **LABELS))
    assert "shortened" not in said
    assert "one seed, so no intervals" in said
    assert "95 % interval" not in said
    assert "(← better)" in said


@pytest.mark.parametrize("name", ["short", "a recipe with a title as long as a line of text"])
def test_the_legend_fits_whatever_is_in_it(name, monkeypatch):
    monkeypatch.setattr("bimt_bench.results.tradeoff.estimation.title_of", f"{name} {{}}".format)
    dials = {f"rival_{i}": f"dial_{i}" for i in range(5)}
    rows = [
        row(recipe, value, seed, x=0.3 + value / 50, y=0.9 - value / 50) | {"dial": dial}
        for recipe, dial in {**dict.fromkeys(["l1", "bimt"], "strength"), **dials}.items()
        for value in (1.0, 10.0)
        for seed in range(2)
    ]
    figure = tradeoff_figure(trade(pd.DataFrame(rows)), **LABELS)
    figure.draw_without_rendering()
    legend = figure.legends[0].get_window_extent()
    axes = figure.axes[0].get_tightbbox()
    assert legend.x0 >= 0 and legend.x1 <= figure.bbox.width
    assert 0 <= legend.y0 < legend.y1 < axes.y0
    assert figure.axes[0].get_window_extent().height > 180  # the figure grew, not the axes shrank
    said = words(figure)
    assert "strength 1 to 10" in said and "dial 4 1 to 10" in said


def test_members_worse_than_the_reference_do_not_squeeze_the_rest():
    frame = sweep_frame(1)
    frame = pd.concat([frame, pd.DataFrame([row("l1", 99.0, 0, x=0.4, y=-500.0)])])
    figure = tradeoff_figure(trade(frame), **LABELS)
    assert figure.axes[0].get_ylim()[0] > -0.1
    assert "1 members beyond" not in words(figure)
    assert "1 member beyond the axes" in words(figure)


def drawn_lines(result, recipe):
    """The lines of a recipe in the figure, each a list of (x, y)."""
    colour = theme.colours(line.recipe for line in result.lines)[recipe]
    lines = tradeoff_figure(result, **LABELS).axes[0].lines
    return [line.get_xydata().tolist() for line in lines if line.get_color() == colour]


def test_no_line_joins_what_differs_in_more_than_the_dial():
    """A sampled sweep, in which no two configurations agree in anything, has no lines."""
    result = trade(scattered_frame())
    assert [drawn_lines(result, recipe) for recipe in ("vanilla", "l1", "bimt")] == [[], [], []]


def test_lines_join_all_that_agrees_in_every_other_setting():
    rows = [
        row(recipe, strength, 0, x=0.3 + strength / 50, y=0.9 - rate * 10, learning_rate=rate)
        for recipe, strengths in {"l1": (1.0, 3.0), "bimt": (1.0,), "vanilla": (1.0,)}.items()
        for strength in strengths
        for rate in (0.003, 0.01)
    ]
    result = trade(pd.DataFrame(rows))
    np.testing.assert_allclose(
        drawn_lines(result, "l1"), [[(0.32, 0.87), (0.36, 0.87)], [(0.32, 0.8), (0.36, 0.8)]]
    )
    assert drawn_lines(result, "bimt") == drawn_lines(result, "vanilla") == []
    assert "points also differ in learning rate" in words(tradeoff_figure(result, **LABELS))


def test_the_words_below_the_title_stay_inside_the_figure():
    lost = [row("l1", 99.0, 0, x=0.4, y=-500.0), row("bimt", 99.0, 0, x=0.4, y=0.5, spacing=0.2)]
    frame = pd.concat([sweep_frame(2), pd.DataFrame(lost)])
    figure = tradeoff_figure(trade(frame), **LABELS)
    figure.draw_without_rendering()
    said = [t for t in figure.findobj(Text) if "beyond" in t.get_text()]
    assert len(said) == 1 and "shortened to 2,000 steps\n" in said[0].get_text()
    assert "points also differ in spacing" in said[0].get_text()
    assert said[0].get_window_extent().x1 <= figure.bbox.width


def test_curves_say_what_else_a_recipes_configurations_differ_in():
    rates = {"l1": (0.003, 0.01), "bimt": (0.003,)}
    rows = [
        row(recipe, 1.0, 0, x=0.3, y=0.9, learning_rate=rate)
        for recipe, found in rates.items()
        for rate in found
    ]
    frame = pd.DataFrame(rows)
    figure = curves_figure(curves_of(frame), frame)
    said = [text.get_text() for text in figure.legends[0].get_texts()]
    assert said == ["L1, strength 1, learning rate 0.003", "BIMT, strength 1"]


def test_a_long_legend_of_curves_stays_inside_the_figure():
    different = {"learning_rate": 0.01, "geometry": "a geometry with a long name", "top_k": 9}
    rows = [
        row(recipe, 1.0, 0, x=0.3, y=0.9, **other)
        for recipe in RECIPES
        for other in ({}, different)
    ]
    frame = pd.DataFrame(rows)
    figure = curves_figure(curves_of(frame), frame)
    figure.draw_without_rendering()
    legend = figure.legends[0].get_window_extent()
    assert legend.x0 >= 0 and legend.x1 <= figure.bbox.width and legend.y0 >= 0
    assert legend.y1 < figure.axes[0].get_tightbbox().y0


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame([row("bimt", 1.0, 0, x=0.5, y=1.0)]),
        pd.DataFrame([row("bimt", 1.0, 0, x=0.5, y=1.0, status="diverged")]),
        pd.DataFrame([row("bimt", 1.0, s, x=0.1 * s, y=1.0) for s in range(3)]),
        pd.DataFrame([row("bimt", s, 0, x=0.0, y=0.0) for s in (0.1, 1.0, 10.0)]),
    ],
    ids=["one member", "none finished", "equal performance", "all at zero"],
)
def test_little_data_still_makes_a_figure(frame, tmp_path):
    png, pdf = save(tradeoff_figure(trade(frame), **LABELS), tmp_path, "little")
    assert png.stat().st_size > 10_000
    assert pdf.read_bytes().startswith(b"%PDF")


# --------------------------------------------------------------------------- network


def wires_of(figure: Figure):
    """End points [k, 2, 2] and colours [k, 4] of all wires."""
    found = [c for c in figure.axes[0].collections if isinstance(c, LineCollection)]
    ends = np.concatenate([np.array(c.get_segments()) for c in found])
    return ends, np.concatenate([c.get_colors() for c in found])


def small(weights, labels=None, inputs=("x1", "x2"), outputs=("sum", "product")):
    wiring = Wiring.layered((2, 2))
    weights = {"layers.0.weight": np.array(weights, dtype=float)[None]}
    standing = {name: order[None] for name, order in (labels or {}).items()}
    population = hand_made.population(wiring, weights, labels=standing)
    return NetworkDrawing.of(population, inputs, outputs)


def test_wires_join_their_neurons_in_the_colour_of_their_sign():
    figure = network_figure(small([[2.0, 0.0], [-1.0, 0.0]]), title="small")
    ends, colours = wires_of(figure)
    np.testing.assert_allclose(ends[:, :, 0], [[0.25, 0.75], [0.25, 0.25]])
    assert np.all(ends[:, 0, 1] < ends[:, 1, 1])
    np.testing.assert_allclose(colours[:, :3], [to_rgb(theme.NEGATIVE), to_rgb(theme.POSITIVE)])
    assert colours[0, 3] < colours[1, 3]
    (collection,) = [c for c in figure.axes[0].collections if isinstance(c, LineCollection)]
    assert collection.get_linewidths()[0] == pytest.approx(collection.get_linewidths()[1] / 2)


def test_labels_stand_where_relocation_put_them():
    labels = {"input": np.array([1, 0]), "output": np.array([1, 0])}
    axes = network_figure(small(np.eye(2), labels), title="small").axes[0]
    where = {text.get_text(): text.xy for text in axes.texts}
    assert where["$x_{2}$"][0] == pytest.approx(0.25)
    assert where["$x_{1}$"][0] == pytest.approx(0.75)
    assert where["product"][0] == pytest.approx(0.25)
    assert where["product"][1] > where["$x_{1}$"][1]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("x1", "$x_{1}$"),
        ("x2^2 + sin(pi*x4)", r"$x_{2}$$^{2}$ + sin($\pi$ $x_{4}$)"),
        ("(x1 + x3)**3", r"($x_{1}$ + $x_{3}$)$^{3}$"),
        ("7", "7"),
        ("cost in $", r"cost in \$"),
    ],
)
def test_formulas_are_written_as_mathematics(name, shown, tmp_path):
    figure = network_figure(small(np.eye(2), inputs=(name, "x9")), title="small")
    assert shown in [text.get_text() for text in figure.axes[0].texts]
    assert save(figure, tmp_path, "formula")[0].exists()


@pytest.mark.parametrize(
    "name",
    [
        "a $x^{ b",
        r"\frac",
        r"\x1 \frac \x2",
        "$x1$",
        "x1^2^3",
        r"\$x1\$",
        "\x1b[31m",
        "x" * 7000,
        "\ud800",
    ],
)
def test_any_name_and_title_makes_a_figure(name, tmp_path):
    figure = network_figure(small(np.eye(2), inputs=(name, "x9")), title=name[:200])
    assert save(figure, tmp_path, "odd")[0].exists()
    labels = [text.get_text() for text in figure.axes[0].texts]
    assert max(map(len, labels)) < 200


@hypothesis.given(st.text("x1$\\^_{}*p i2", max_size=30))
def test_any_label_can_be_read_as_mathematics(name):
    MathTextParser("agg").parse(_mathematical(name))


def test_dollars_in_a_title_are_dollars(tmp_path):
    title = r"from $x^{ to \frac$"
    for figure in (
        tradeoff_figure(trade(sweep_frame(2)), title=title, x_label="$x^{", y_label=r"\frac$$"),
        network_figure(small(np.eye(2)), title=title),
    ):
        assert save(figure, tmp_path, "dollars")[0].exists()


def test_folds_are_rows_of_their_own():
    axes = network_figure(drawings()["modular addition"], title="modular").axes[0]
    where = {text.get_text(): text.xy for text in axes.texts}
    assert set(where) == {"a", "b"}
    assert where["a"][1] > where["b"][1]


def test_planes_are_drawn_where_a_group_fills_one():
    drawn = {
        name: [
            c
            for c in network_figure(drawing, title=name).axes[0].collections
            if isinstance(c, PolyCollection)
        ]
        for name, drawing in drawings().items()
    }
    assert [name for name, sheets in drawn.items() if sheets] == ["mnist", "digits"]
    assert len(drawn["mnist"][0].get_paths()) == 4


def test_thousands_of_wires_are_drawn_in_time_and_say_what_is_left_out():
    drawing = drawings()["mnist"]
    began = time.process_time()
    figure = network_figure(drawing, title="MNIST")
    FigureCanvasAgg(figure).draw()
    assert time.process_time() - began < 3.0
    assert len(wires_of(figure)[0]) == drawing.drawn
    assert f"the 2,000 strongest wires of each layer, {drawing.drawn:,} of 89,400" in words(figure)


def test_a_network_without_wires_is_drawn_pale(tmp_path):
    figure = network_figure(small(np.full((2, 2), np.nan)), title="nothing")
    colours = [c.get_facecolor() for c in figure.axes[0].collections]
    assert all(np.allclose(c[:, :3], to_rgb("#cfcfcf")) for c in colours)
    assert save(figure, tmp_path, "nothing")[0].exists()


# --------------------------------------------------------------------------- curves


def test_seed_means_and_their_bands():
    rows = pd.DataFrame(
        {
            "configuration": "c",
            "recipe": "bimt",
            "dial": "strength",
            "dial_value": 1.0,
            "seed": [0, 0, 1, 1],
            "step": [0, 10, 0, 10],
            "test_loss": [1.0, 0.5, 3.0, 0.5],
        }
    )
    (curve,) = seed_means(rows, "test_loss")
    assert (curve.seeds, curve.steps.tolist()) == (2, [0.0, 10.0])
    np.testing.assert_allclose(curve.mean, [2.0, 0.5])
    np.testing.assert_allclose((curve.low[0], curve.high[0]), (1.0, 3.0))
    np.testing.assert_allclose((curve.low[1], curve.high[1]), (0.5, 0.5))


def test_a_single_seed_has_a_band_of_no_width():
    frame = sweep_frame(1)
    joined = curves_of(frame).merge(frame.drop(columns="performance"), on="member")
    for curve in seed_means(joined, "cost"):
        np.testing.assert_array_equal(curve.low, curve.high)


def test_curves_show_the_published_strength_of_each_recipe():
    frame = sweep_frame()
    figure = curves_figure(curves_of(frame), frame)
    said = words(figure)
    assert "BIMT, strength 1" in said.splitlines()
    assert "symbolic/independence" in said
    assert "shortened to 2,000 steps" in said
    assert "1 of 105 members diverged" in said
    assert [axes.get_ylabel() for axes in figure.axes] == list(PANELS.values())
    # 20 configurations with a strength and one vanilla, each a line in each panel.
    assert [len(axes.lines) for axes in figure.axes] == [21, 21, 21]


def test_diverged_members_have_no_part_in_curves():
    frame = sweep_frame(2)
    curves = curves_of(frame)
    gone = frame.loc[frame["status"] == "diverged", "member"]
    curves.loc[curves["member"].isin(gone), ["test_loss", "cost"]] = 1e30
    axes = curves_figure(curves, frame).axes[0]
    assert len(gone) == 1
    assert max(line.get_ydata().max() for line in axes.lines) < 10


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda c, f: (c.drop(columns="cost"), f), "curves: has no column 'cost'"),
        (lambda c, f: (c, f.rename(columns={"recipe": "recipes"})), "did you mean 'recipes'"),
        (lambda c, f: (c, f.assign(status="diverged")), "no member of the frame finished"),
    ],
)
def test_curves_that_cannot_be_drawn(break_it, message):
    frame = sweep_frame(1)
    with pytest.raises(InputError, match=message):
        curves_figure(*break_it(curves_of(frame), frame))
