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
