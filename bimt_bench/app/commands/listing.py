"""What there is: `tasks`, `recipes`, `metrics`, ..., each with `show NAME`.

Tables are loaded when they are shown, as the kinds in them bring torch.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from bimt_bench.app import terminal
from bimt_bench.app.commands.looking import score
from bimt_bench.app.terminal import Plugins, TasksDir, refusing
from bimt_bench.ground import InputError, closest

_SCORE = "score"
_PLUGIN = "--plugin"


class Listing(TyperGroup):
    """The group of a listing's commands; a word that is none of them is told of `show`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Ends in one line for a word that is no command, as bad input does everywhere."""
        if args[0] not in self.commands:
            with refusing():
                raise _no_command(str(ctx.info_name), args[0], self.commands)
        return super().resolve_command(ctx, args)


def _no_command(listing: str, given: str, commands: Collection[str]) -> InputError:
    near = closest(given, commands) or f"; one is shown by: bimt-bench {listing} show {given}"
    return InputError(f"{listing}: '{given}' given, which is no command of it{near}")


class Metrics(Listing):
    """`metrics`, whose words are a command or what `metrics score` takes: a run."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Puts `score` before the name of a run, wherever options stand."""
        rest = _without_plugins(args)
        if (
            rest
            and rest[0] not in {*self.commands, "--help"}
            and not closest(rest[0], self.commands)
        ):
            args = [_SCORE, *args]
        return super().parse_args(ctx, args)


def _without_plugins(args: Sequence[str]) -> list[str]:
    """What is left when the options that the group itself has are taken out."""
    found, skip = list[str](), False
    for one in args:
        if not skip and one != _PLUGIN and not one.startswith(f"{_PLUGIN}="):
            found.append(one)
        skip = one == _PLUGIN and not skip
    return found


def add_listings(app: typer.Typer) -> None:
    """Adds a command for each sort of thing there is, in the order of the help."""
    app.add_typer(_tasks(), name="tasks")
    app.add_typer(_recipes(), name="recipes")
    app.add_typer(_of_set("models", "the models", "MODELS"), name="models")
    metrics = _of_set("metrics", "the metrics", "METRICS", cls=Metrics)
    metrics.command(_SCORE)(score)
    app.add_typer(metrics, name="metrics")
    app.add_typer(_of_set("data", "the kinds of data", "DATA"), name="data")
    geometries = "geometries, placements and distances"
    app.add_typer(_listing("geometries", geometries, _geometries, _geometry), name="geometries")
    app.add_typer(_of_set("losses", "the losses", "LOSSES"), name="losses")
    app.add_typer(_of_set("measures", "the performance measures", "MEASURES"), name="measures")
    app.add_typer(_listing("sweeps", "the sweeps that come along", _sweeps, _sweep), name="sweeps")


def _group(what: str, cls: type[TyperGroup] = Listing) -> typer.Typer:
    told = f"List {what}, or show one."
    return typer.Typer(cls=cls, help=told, invoke_without_command=True)


def _listing(
    command: str,
    what: str,
    every: Callable[[], Any],
    one: Callable[[str], Any],
    cls: type[TyperGroup] = Listing,
) -> typer.Typer:
    """`command`, which lists what there is, and `command show NAME`."""
    listed = _group(what, cls)

    @listed.callback()
    def show_all(context: typer.Context, plugin: Plugins = None) -> None:
        with refusing(plugin):
            if context.invoked_subcommand is None:
                terminal.OUT.print(every())

    @listed.command("show", help="Show one: what it states, its settings, where it comes from.")
    def show(
        name: Annotated[str, typer.Argument(help=f"see: bimt-bench {command}")],
        plugin: Plugins = None,
    ) -> None:
        with refusing(plugin):
            terminal.OUT.print(one(name))

    return listed


def _of_set(command: str, what: str, name: str, cls: type[TyperGroup] = Listing) -> typer.Typer:
    """The commands of an open set."""

    def kinds() -> Any:
        from bimt_bench import spec

        return getattr(spec, name)

    def every() -> Any:
        from bimt_bench.app import sets

        return sets.of_set(kinds())

    def one(kind: str) -> Any:
        from bimt_bench.app import sets

        return sets.of_kind(kinds(), kind)

    return _listing(command, what, every, one, cls)


def _geometries() -> Any:
    from bimt_bench.app import sets

    return sets.of_geometries()


def _geometry(name: str) -> Any:
    from bimt_bench.app import sets

    return sets.of_geometry(name)


def _sweeps() -> Any:
    from bimt_bench.app import specs

    return specs.of_sweeps()


def _sweep(name: str) -> Any:
    from bimt_bench.app import specs
    from bimt_bench.spec import catalog

    return specs.of_sweep(catalog.sweep(name))


def _tasks() -> typer.Typer:
    listed = _group("the tasks")

    @listed.callback()
    def list_tasks(
        context: typer.Context, tasks_dir: TasksDir = None, plugin: Plugins = None
    ) -> None:
        """List the tasks: data, network, loss and published settings; or show one."""
        from bimt_bench.app import specs
        from bimt_bench.spec import catalog

        with refusing(plugin):
            if context.invoked_subcommand is None:
                terminal.OUT.print(specs.of_tasks(catalog.tasks(tasks_dir)))

    @listed.command("show")
    def show_task(
        name: Annotated[str, typer.Argument(help="see: bimt-bench tasks; or a file")],
        tasks_dir: TasksDir = None,
        plugin: Plugins = None,
    ) -> None:
        """Show one task: what is learned, by which network, and its published settings."""
        from bimt_bench.app import specs
        from bimt_bench.spec import catalog

        with refusing(plugin):
            terminal.OUT.print(specs.of_task(catalog.task(name, tasks_dir)))

    return listed


def _recipes() -> typer.Typer:
    listed = _group("the recipes")

    @listed.callback()
    def list_recipes(
        context: typer.Context,
        markdown: Annotated[
            bool, typer.Option("--markdown", help="print every setting of all, as docs/settings.md")
        ] = False,
        plugin: Plugins = None,
    ) -> None:
        """List the recipes: how modularity is encouraged; or show one."""
        from bimt_bench.app import listings

        with refusing(plugin):
            if context.invoked_subcommand is None:
                if markdown:
                    typer.echo(listings.settings_page(), nl=False)
                else:
                    terminal.OUT.print(listings.of_recipes())

    @listed.command("show")
    def show_recipe(
        name: Annotated[str, typer.Argument(help="see: bimt-bench recipes")], plugin: Plugins = None
    ) -> None:
        """Show one recipe: what it does, and every setting with its values and default."""
        from bimt_bench.app import listings

        with refusing(plugin):
            terminal.OUT.print(listings.of_recipe(name))

    return listed
