"""`omniops probe --region NAME`: the uptime probe as one vantage point runs it from cron."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from omniops.cli.context import clock, emit, open_journal, settings, streams
from omniops.cli.options import Json
from omniops.errors import Exit

if TYPE_CHECKING:
    from omniops.runner.probe import Look


def probe(
    region: Annotated[str, typer.Option(help="The vantage point, such as us-west.")] = "",
    json: Json = False,
) -> None:
    """Ask OmniRoute for a sign of life, and raise an alert at the third failure in a row."""
    from omniops.runner.probe import look
    from omniops.runner.wiring import clients_of

    if not region:
        from omniops.errors import BadInput

        raise BadInput(
            "a probe needs to know from where it looks",
            why="three regions that fail at once are an outage, one is not",
            state="nothing was asked",
            next="omniops probe --region us-west",
        )
    here = settings()
    found = look(here, clock(), open_journal(create=True), clients_of(here, clock()), region)
    if json:
        emit(_json(found))
    else:
        for line, tone in _lines(found):
            streams().result(line, tone)
    if found.trouble is not None:
        raise found.trouble
    raise typer.Exit(int(Exit.NO if found.answer.state == "down" else Exit.DONE))


def _lines(found: Look) -> list[tuple[str, str]]:
    took = f" in {found.answer.took_s * 1000:.0f} ms" if found.answer.took_s is not None else ""
    tone = {"up": "good", "unproven": "warn", "down": "bad"}[found.answer.state]
    lines = [(f"{found.region}: {found.answer.state}{took}: {found.answer.why} ({found.answer.path})", tone)]
    if found.streak.failures:
        raised = ", and its alert is raised" if found.streak.raised else ""
        lines.append((f"{found.streak.failures} in a row since {found.streak.since}{raised}", "bad"))
    if found.paged:
        lines.append((f"{len(found.regions)} regions agree ({', '.join(found.regions)}): this is a page", "bad"))
    return lines


def _json(found: Look) -> dict[str, Any]:
    return {
        "schema": "omniops.probe/1",
        "region": found.region,
        "url": found.url,
        "state": found.answer.state,
        "why": found.answer.why,
        "path": found.answer.path,
        "took_s": found.answer.took_s,
        "failures": found.streak.failures,
        "since": found.streak.since or None,
        "raised": found.streak.raised,
        "regions": list(found.regions),
        "paged": found.paged,
        "trouble": found.trouble.what if found.trouble else None,
    }
