"""Whether a kind keeps the contract of its set, asked before anything of it is used."""

import inspect
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError

from bimt_bench.ground import InputError, Kinds, Source, closest, lies_in
from bimt_bench.spec import METRICS, RECIPES, SETS

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def check(kinds: Kinds[Any], kind: Any) -> None:
    """InputError that lists, in one line, everything about a kind that breaks its contract."""
    if kinds is RECIPES:
        from bimt_bench.engine import check_recipe  # torch takes seconds

        check_recipe(kind, taken=METRICS)
        return
    contract: Any = kinds.contract
    if isinstance(kind, contract):  # it judged itself when it was made
        return
    if not (inspect.isclass(kind) and issubclass(kind, contract)):
        raise InputError(f"{kinds.word}: {kind!r} is not a subclass of {contract.__name__}")
    own: Any = kind
    faults = [
        *_facts(own),
        *_further(own, contract),
        *_settings(own, contract),
        *_hooks(own, contract),
    ]
    if faults:
        raise InputError(f"{kinds.word} '{own.name}': {'; '.join(faults)}")


def check_all(source: Source) -> None:
    """InputError if nothing comes from a source, or a kind that breaks its contract."""
    brought = [(kinds, kind) for kinds in SETS for kind in kinds.of(source).values()]
    if not brought:
        raise InputError(
            "registers nothing; write @RECIPES.register above a recipe, @MODELS.register above a "
            "model, and so on"
        )
    for kinds, kind in brought:
        check(kinds, kind)


@contextmanager
def unless_refused(module: str) -> Iterator[None]:
    """What a module registers is undone if it is refused, and the next import tries anew."""
    before = set(sys.modules)
    try:
        with ExitStack() as stack:
            for kinds in SETS:
                stack.enter_context(kinds.unless_refused(module))
            yield
    except BaseException:
        for name in [name for name in set(sys.modules) - before if lies_in(name, module)]:
            del sys.modules[name]
        raise


def _facts(kind: Any) -> Iterator[str]:
    for fact in ("name", "title"):
        value = getattr(kind, fact, None)
        if not isinstance(value, str) or not value.strip():
            yield f"{fact} is missing" if value is None else f"{fact}: {value!r} is not a text"
    if not _NAME.fullmatch(str(kind.name)):
        yield f"name: '{kind.name}' given; small letters, digits and _ are allowed"
    if kind.__init__ is not object.__init__:
        yield "__init__: a kind holds nothing of its own; what it needs comes with its settings"


def _further(kind: Any, contract: Any) -> Iterator[str]:
    """What the facts of this contract beside name and title lack, or are though they must not."""
    for fact, hint in inspect.get_annotations(contract).items():
        if fact in ("name", "title"):
            continue
        if not hasattr(kind, fact):
            yield f"{fact} is missing"
            continue
        value = getattr(kind, fact)
        try:
            TypeAdapter(get_args(hint)[0]).validate_python(value)
        except ValidationError as error:
            told = error.errors(include_url=False)[0]["msg"].replace("Input should", "should")
            yield f"{fact}: {value!r} given; {told}"


def _settings(kind: Any, contract: Any) -> Iterator[str]:
    wanted = contract.Settings.__mro__[1]  # the class that 'No settings.' is written on
    if not (inspect.isclass(kind.Settings) and issubclass(kind.Settings, wanted)):
        yield f"Settings is not a subclass of {wanted.__name__}"


def _hooks(kind: Any, contract: Any) -> Iterator[str]:
    """What is called in another way than it is written, is not written, or is nearly a hook."""
    hooks = {name: one for name, one in vars(contract).items() if inspect.isfunction(one)}
    for name, one in hooks.items():
        own = getattr(kind, name)
        if own is one:
            users = [n for n, other in hooks.items() if name in _names(other) and n != name]
            written = any(getattr(kind, user) is not hooks[user] for user in users)
            if "NotImplementedError" in _names(one) and not written:
                yield " or ".join([name, *users]) + " is missing"
            continue
        if not callable(own) or isinstance(
            inspect.getattr_static(kind, name), staticmethod | classmethod
        ):
            yield f"{name} is not a method"
            continue
        yield from _signature(name, own, one)
    for name, _ in inspect.getmembers(kind, inspect.isfunction):
        near = "" if name in hooks or name.startswith("_") else closest(name, hooks)
        if near:
            yield f"'{name}' is not a hook{near} (begin the names of other methods with _)"


def _names(hook: Any) -> set[str]:
    """The names that a hook of a contract uses: NotImplementedError, other hooks."""
    codes, names = [inspect.unwrap(hook).__code__], set[str]()
    while codes:
        code = codes.pop()
        names.update(code.co_names)
        codes += [inner for inner in code.co_consts if inspect.iscode(inner)]
    return names


def _signature(name: str, own: Any, contract: Any) -> Iterator[str]:
    """Whether a hook takes what the contract's is called with."""
    signature, parameters = inspect.signature(own), inspect.signature(contract).parameters.values()
    by_name = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    by_place = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]
    try:
        signature.bind(*by_place, **dict.fromkeys(by_name))
    except TypeError:
        called = ", ".join([*by_place, *(f"{one}=..." for one in by_name)])
        yield f"{name}{signature}: is called as {name}({called})"
