"""Imports typer without what typer imports for features that omniops does not use: one bare start of Python."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

UNUSED = {
    "subprocess": "",  # typer opens browsers and asks shells
    "platform": "",
    "difflib": "get_close_matches",  # "did you mean"
    "gettext": "gettext",  # words of help and of errors
    "shutil": "get_terminal_size",
    "traceback": "FrameSummary StackSummary",  # of its own except hook, which is not installed
    "uuid": "UUID",  # a type of parameters
    "bz2": "", "lzma": "", "zlib": "",  # shutil packs archives
    "shellingham": "", "typer._completion_classes": "completion_init",  # completion, which is not offered
    "ipaddress": "", "ntpath": "", "fnmatch": "",  # corners of urllib and pathlib
    "ast": "", "linecache": "", "token": "", "tokenize": "",  # with which inspect finds sources
}  # fmt: skip
"""Module -> what typer takes out of it by name, or "" where it only imports the module."""


class StandIn(ModuleType):
    """Stands for a module until something of it is used; the real one is imported then."""

    def __init__(self, name: str, taken: str) -> None:
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


class NodeVisitor:
    """What ``inspect`` derives a class from: ``ast.NodeVisitor`` from the moment on that it visits anything."""

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module("ast").NodeVisitor, name).__get__(self)


def import_typer() -> None:
    """Import typer. Who imports one of the modules afterwards gets the real one."""
    stand_ins = {name: StandIn(name, taken) for name, taken in UNUSED.items() if name not in sys.modules}
    if "ast" in stand_ins:
        vars(stand_ins["ast"])["NodeVisitor"] = NodeVisitor
    sys.modules.update(stand_ins)
    try:
        import typer  # noqa: F401
    finally:
        for name, stand_in in stand_ins.items():
            if sys.modules.get(name) is stand_in:
                del sys.modules[name]
