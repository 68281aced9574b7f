"""The options that several commands have, spelled once."""

from __future__ import annotations

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Answer as JSON on stdout.")]
Yes = Annotated[
    bool, typer.Option("--yes", help="Approve every change that is not destructive; nothing else is assumed.")
]
Confirm = Annotated[
    list[str] | None,
    typer.Option("--confirm", metavar="ENVIRONMENT/TARGET", help="Approve this destructive change; may be repeated."),
]
Answers = Annotated[
    str, typer.Option("--answers", metavar="FILE", help="YAML: step id -> answer, for questions that would be asked.")
]
IncidentId = Annotated[str, typer.Option("--incident", metavar="ID", help='The incident this belongs to, or "new".')]


def all_given(example: str, **given: str) -> None:
    """Raises BadInput that names everything that was not given, and not one thing at a time. ``example``: the whole."""
    missing = [name for name, value in given.items() if not value.strip()]
    if missing:
        from omniops.errors import BadInput

        names = ", ".join(name if name.isupper() else f"--{name}" for name in missing)
        raise BadInput(f"missing: {names}", state="nothing was written", next=example)
