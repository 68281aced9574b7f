"""`omniops config init | show`: the file of settings, and what holds now."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from omniops.cli.context import as_they_are, emit, streams
from omniops.cli.options import Json

SCHEMA = "omniops.config/1"

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.command()
def init(
    force: Annotated[bool, typer.Option("--force", help="Overwrite the one that is there.")] = False,
    json: Json = False,
) -> None:
    """Write a commented config file, with every setting in it, for your eyes only."""
    from omniops.config.file import config_path
    from omniops.config.writing import write

    path = config_path(os.environ)
    write(path, force=force)
    if json:
        emit({"schema": SCHEMA, "path": str(path), "written": True})
        return
    streams().result(str(path))
    streams().say("Written; every setting in it is commented out. Edit it, then: omniops doctor", "dim")


@app.command()
def show(json: Json = False) -> None:
    """Show every setting, its value, and where it came from. Secrets are never shown."""
    from omniops.config.showing import show as look

    shown = look(as_they_are())
    if json:
        rows = [{**row._asdict(), "value": row.value or None} for row in shown.settings]
        emit({"schema": SCHEMA, **shown._asdict(), "settings": rows})
        return
    from omniops.terminal.views.config import lines

    for line in lines(shown._asdict(), [row._asdict() for row in shown.settings], streams().width()):
        streams().result(line)
