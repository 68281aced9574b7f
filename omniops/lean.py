"""Imports a library without what it imports for features that omniops does not use."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any


class StandIn(ModuleType):
    """Stands for a module until something of it is used; the real one is imported then. ``taken``: what is taken out
    of it by name, and called later."""

    def __init__(self, name: str, taken: str = "") -> None:
        super().__init__(name)
        for word in taken.split():
            setattr(self, word, self._caller(word))

    def _caller(self, word: str) -> Any:
        return lambda *args, **named: self._real(word)(*args, **named)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # the import system asks; this is no use yet
            raise AttributeError(name)
        return self._real(name)

    def _real(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


class Empty(ModuleType):
    """A module of which every name is a class of nothing: what is imported from it is never used."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


@contextmanager
def standing_in(modules: Mapping[str, ModuleType | None]) -> Iterator[None]:
    """While it lasts, these stand for modules that are not imported yet; None: as if it were not installed. Who imports
    one of them afterwards gets the real one."""
    missing = {name: module for name, module in modules.items() if name not in sys.modules}
    sys.modules.update(missing)  # type: ignore[arg-type]  # None is what the import system takes for "not there"
    try:
        yield
    finally:
        for name, module in missing.items():
            if name in sys.modules and sys.modules[name] is module:  # another thread may have been here
                del sys.modules[name]
