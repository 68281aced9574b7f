"""Builds the command line: only the command that was asked for is imported."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

import typer
import typer.main

from omniops.cli.commands import COMMANDS

# A command's signature is read twice, and that costs a tenth of a bare start of Python.
typer.main.get_params_from_function = cache(typer.main.get_params_from_function)  # type: ignore[attr-defined]

ABOUT = """omniops: the incident tool of the OmniRoute on-call.

Woken up? `omniops page ack` stops the paging and leads into the checklist; `omniops mitigate provider-outage ID` takes
a broken provider out; `omniops resume` goes on after anything that went wrong; `omniops undo` puts it back.
"""


def build(wanted: str = "") -> typer.Typer:
    """The application with one command, or with all of them where ``wanted`` is none of them (help, typing errors)."""
    app = typer.Typer(
        name="omniops",
        help=ABOUT,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(root)
    for name in [wanted] if wanted in COMMANDS else COMMANDS:
        place, words = COMMANDS[name]
        module, _, attribute = place.partition(":")
        thing: Any = getattr(import_module(module), attribute)
        if isinstance(thing, typer.Typer):
            app.add_typer(thing, name=name, help=words, rich_help_panel=None)
        else:
            app.command(name, help=words)(thing)
    return app


def root(
    version: bool = typer.Option(False, "--version", help="Show the version and exit."),
    color: str = typer.Option("auto", "--color", metavar="auto|always|never", help="Colour; see also NO_COLOR."),
    env: str = typer.Option("", "--env", metavar="NAME", help="An environment of the config file: [env.NAME]."),
    runbooks: str = typer.Option(
        "", "--runbooks", metavar="FOLDER", help="Your own runbooks, layered over the shipped."
    ),
) -> None:
    """Read by ``entry`` before anything is imported; declared here so that help and errors know them."""
