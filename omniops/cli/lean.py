"""Imports typer without what typer imports for features that omniops does not use: one bare start of Python."""

from __future__ import annotations

from omniops.lean import StandIn, standing_in

UNUSED = {
    "subprocess": "",  # typer opens browsers and asks shells
    "platform": "",
    "difflib": "get_close_matches",  # "did you mean"
    "gettext": "gettext",  # words of help and of errors
    "shutil": "get_terminal_size",
    "traceback": "FrameSummary StackSummary",  # of its own except hook, which is not installed
    "uuid": "UUID",  # a type of parameters
    "bz2": "", "lzma": "", "zlib": "",  # shutil packs archives
    "shellingham": "",  # installs completion
    "ipaddress": "", "tokenize": "", "ntpath": "",  # corners of urllib, inspect and pathlib
}  # fmt: skip
"""Module -> what typer takes out of it by name, or "" where it only imports the module."""


def import_typer() -> None:
    """Import typer. Who imports one of the modules afterwards gets the real one."""
    with standing_in({name: StandIn(name, taken) for name, taken in UNUSED.items()}):
        import typer  # noqa: F401
