"""Imports typer without the modules that typer imports and no command of omniops uses: 0.5 of a bare Python start."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

# typer opens browsers and asks shells with subprocess; shutil packs archives with the next three; ipaddress, tokenize
# and ntpath serve corners of urllib, inspect and pathlib. All are imported whole, so a stand-in can wait for its use.
UNUSED = ("subprocess", "bz2", "lzma", "zlib", "ipaddress", "tokenize", "ntpath")


class StandIn(ModuleType):
    """Stands for a module until something of it is asked for; the real one is imported then."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        from importlib import import_module

        return getattr(import_module(self.__name__), name)


def import_typer() -> None:
    """Import typer. Who imports one of the modules afterwards gets the real one."""
    stand_ins = {name: StandIn(name) for name in UNUSED if name not in sys.modules}
    sys.modules.update(stand_ins)
    try:
        import typer  # noqa: F401
    finally:
        for name, stand_in in stand_ins.items():
            if sys.modules.get(name) is stand_in:
                del sys.modules[name]
