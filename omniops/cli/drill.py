"""`omniops drill SCENARIO`: the same runbooks, prompts and clocks, against a simulated OmniRoute."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omniops.cli.context import emit, streams
from omniops.cli.options import Json
from omniops.config import Settings
from omniops.drill.scenarios import SCENARIOS
from omniops.errors import NeedsPerson

if TYPE_CHECKING:
    from omniops.drill.launcher import Simulator
    from omniops.runner.session import Result

app = typer.Typer(rich_markup_mode=None, context_settings={"token_normalize_func": str.lower})  # SEV-1, too
Auto = Annotated[bool, typer.Option("--auto", help="Answer by itself, and fast.")]
Speed = Annotated[
    float | None,
    typer.Option(min=0.01, help="Virtual seconds per second; default: 1, and 60 with --auto.", show_default=False),
]
AUTO_SPEED = 60.0
WHOLE = "page"
"""The scenario of a plain `omniops drill`."""


def _attended(auto: bool, typed: str) -> None:
    """Raises NeedsPerson where a drill, begun by ``typed``, would stop at its first question: it takes no answers."""
    if not auto and not streams().interactive:
        raise NeedsPerson(
            "a drill asks questions, and nobody is at a terminal",
            why="stdin and stderr are not both a terminal",
            state="nothing was started",
            next=f"run it in a terminal, or let it answer by itself: {typed} --auto",
        )


def _base() -> Path:
    """Where drills lie. The config file is not read: it must neither steer a drill nor stand in its way."""
    return Settings(os.environ).drills_folder


def _command(name: str) -> Callable[..., None]:
    def drill(
        auto: Auto = False,
        flavour: Annotated[str, typer.Option(help="Which OmniRoute: 3.7.9 or fork.")] = "3.7.9",
        faults: Annotated[str, typer.Option(help="Nasty cases, such as applied-500@PUT#1.")] = "",
        speed: Speed = None,
        seed: Annotated[int, typer.Option(help="Another seed, other traffic.")] = 1,
        until: Annotated[str, typer.Option(metavar="STEP", help="End after this step.")] = "",
        json: Json = False,
    ) -> None:
        from omniops.cli.practice import new_folder, walk
        from omniops.cli.practice_rest import play_on
        from omniops.drill.launcher import start

        _attended(auto, f"omniops drill {name}")
        rate = speed or (AUTO_SPEED if auto else 1.0)
        state = new_folder(_base(), name)
        with start(name, state=state, flavour=flavour, faults=faults, seed=seed, speed=rate) as simulator:
            result = walk(simulator, auto, until)
            raise typer.Exit(_conclude(play_on(simulator, auto, until) or result, simulator, json))

    drill.__doc__ = SCENARIOS[name].title
    return drill


for _name in SCENARIOS:
    app.command(_name, help=f"{SCENARIOS[_name].title}.")(_command(_name))


def _conclude(result: Result, simulator: Simulator, json: bool) -> int:
    from omniops.cli.practice import score
    from omniops.cli.practice_rest import closing_of, left
    from omniops.cli.walking import conclude

    streams().say("This is a drill; `omniops drill show` tells what happened.", "dim")
    scored = score(simulator, result) if result.outcome else None
    if scored is not None:
        streams().say("From the page on:", "head")
        for line in [*scored.lines(), *closing_of(simulator)]:
            streams().say(f"  {line}")
    code = conclude(result, json)
    if result.error is None and left(simulator):  # it was left after the mitigation
        streams().say("next: omniops drill resume   (it goes on to the filed postmortem)", "key")
    return code


@app.callback(invoke_without_command=True)
def whole(
    context: typer.Context,
    auto: Auto = False,
    flavour: Annotated[str, typer.Option(help="Which OmniRoute: 3.7.9 or fork.")] = "3.7.9",
    speed: Speed = None,
    json: Json = False,
) -> None:
    """Practise: the same runbooks against simulated services. Without a scenario: the whole path, from a page on."""
    if context.invoked_subcommand is None:
        _command(WHOLE)(auto=auto, flavour=flavour, faults="", speed=speed, seed=1, until="", json=json)


@app.command()
def resume(auto: Auto = False, json: Json = False) -> None:
    """Go on with the last drill, with the same simulated world and clocks."""
    from omniops.cli.practice import go_on, newest_folder
    from omniops.cli.practice_rest import play_on
    from omniops.drill.launcher import attach

    folder = newest_folder(_base())
    _attended(auto, "omniops drill resume")
    with attach(folder) as simulator:
        result = go_on(simulator, auto)
        result = play_on(simulator, auto) or result
        if result is None:
            streams().say("Nothing to resume: the last drill has ended.")
            return
        raise typer.Exit(_conclude(result, simulator, json))


@app.command()
def undo(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID...]", help="m12 ...; none: all but repairs.")] = None,
    auto: Auto = False,
    force: Annotated[
        bool, typer.Option("--force", help="Put back even what fails its own test, or may not be ours.")
    ] = False,
    json: Json = False,
) -> None:
    """Put back what the last drill changed; what had failed there has recovered meanwhile."""
    from omniops.cli.practice import newest_folder, session
    from omniops.cli.walking import conclude_undo
    from omniops.drill.launcher import attach
    from omniops.runner.putting_back import put_back

    with attach(newest_folder(_base())) as simulator:
        if not force:
            simulator.control("heal", {})
            streams().say("DRILL · whatever had failed by itself is well again", "warn")
        done = put_back(session(simulator, auto), ids or [], force=force)
    raise typer.Exit(conclude_undo(done, json, drill=True))


@app.command()
def show(json: Json = False) -> None:
    """Show what happened in the last drill, in order, as `omniops incident show` would."""
    from omniops.cli.practice import newest_folder, record
    from omniops.incident.story import story, story_json
    from omniops.runner.known import open_runs, record_of
    from omniops.terminal.views.incidents import story_lines

    journal, incident, now = record(newest_folder(_base()))
    events = record_of(journal, incident.id)
    if json:
        emit(story_json(incident, events, open_runs(journal)))
        return
    for line in story_lines(incident, story(events), now, streams().width()):
        streams().result(line)


@app.command()
def mitigations(json: Json = False) -> None:
    """What is still in force in the last drill, as `omniops mitigations` would."""
    from omniops.cli.practice import newest_folder, record
    from omniops.incident.typed import Commands
    from omniops.incident.view import MITIGATION_KINDS
    from omniops.incident.view import mitigations as in_force
    from omniops.terminal.views.incidents import mitigation_lines

    journal, _, now = record(newest_folder(_base()))
    found = [one._replace(undo=Commands(drill=True).undo(one.id)) for one in in_force(journal.kinds(MITIGATION_KINDS))]
    if json:
        emit({"schema": "omniops.mitigations/1", "mitigations": [one.as_json() for one in found]})
        return
    for line in mitigation_lines(found, now, streams().width()):
        streams().result(line)


@app.command()
def faults(json: Json = False) -> None:
    """List the nasty cases that a drill can inject."""
    from omniops.drill.faults import REQUEST_KINDS, WORLD_KINDS

    if json:
        emit({"schema": "omniops.faults/1", "request": REQUEST_KINDS, "world": WORLD_KINDS})
        return
    for title, kinds in (("of a request (KIND@METHOD#N)", REQUEST_KINDS), ("of the world", WORLD_KINDS)):
        streams().result(title)
        for kind, words in kinds.items():
            streams().result(f"  {kind:<20} {words}")


@app.command("list")
def list_(json: Json = False) -> None:
    """List the scenarios."""
    found: list[dict[str, Any]] = [
        {"scenario": one.name, "runbook": one.runbook, "title": one.title} for one in SCENARIOS.values()
    ]
    if json:
        emit({"schema": "omniops.scenarios/1", "scenarios": found})
        return
    from omniops.terminal.layout import wrap

    for one in found:
        for line in wrap(one["title"], streams().width(), f"{one['scenario']:<25} ", " " * 26):
            streams().result(line)
