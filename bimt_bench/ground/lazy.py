"""Folders whose names are loaded when they are first used."""

from collections.abc import Callable, Mapping
from importlib import import_module


def lazily(folder: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """The `__getattr__` of a folder's `__init__`: a name is that of the module where it is at home.

    homes: the module of each name, within the folder. AttributeError for any other name.
    """

    def found(name: str) -> object:
        if name in homes:
            return getattr(import_module(f"{folder}.{homes[name]}"), name)
        raise AttributeError(f"module {folder!r} has no attribute {name!r}")

    return found
