"""`omniops classify`: how bad is it, who is paged, by when is it resolved, and what to type next."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from omniops.cli.context import clock, emit, person, read_input, settings, streams
from omniops.cli.options import Json

if TYPE_CHECKING:
    from omniops.incident.ladder import Ladder
    from omniops.incident.severity import Classification
    from omniops.incident.signals import Signals
    from omniops.runner.live import Live

Many = list[str] | None


def classify(
    severity: Annotated[
        str, typer.Argument(metavar="[SEVERITY]", help="Settled already? SEV1, sev-1 or 1: what the ladder says.")
    ] = "",
    error_ratio: Annotated[
        Many, typer.Option(metavar="RATIO", help="Failing / all requests, last 5 minutes: 0 to 1.")
    ] = None,
    requests: Annotated[
        Many, typer.Option(metavar="[WINDOW=]N", help="Requests in those 5 minutes, or 1h=60000; may be repeated.")
    ] = None,
    burn_rate: Annotated[
        Many, typer.Option(metavar="WINDOW=RATE", help="5m=7.1, 1h=2.4, 7d=0.6 (its highest hour); may be repeated.")
    ] = None,
    slo_breach: Annotated[
        Many, typer.Option(metavar="FACTOR:TIME", help="How far over an SLO, and for how long: 1.8:15m.")
    ] = None,
    p95_seconds: Annotated[Many, typer.Option(metavar="SECONDS", help="p95 latency now.")] = None,
    p95_budget_seconds: Annotated[
        Many, typer.Option(metavar="SECONDS", help="Its budget; default from slos.yaml.")
    ] = None,
    fact: Annotated[
        Many, typer.Option(metavar="FACT", help="single_provider_down, data_loss, security, ...; may be repeated.")
    ] = None,
    signals: Annotated[str, typer.Option(metavar="FILE", help="All of these from YAML or JSON; - is stdin.")] = "",
    onset: Annotated[str, typer.Option(help="When it began: now, 10m, 02:15 (UTC), or ISO.")] = "",
    live: Annotated[
        bool, typer.Option("--live", help="Measure as well; flags and file are laid over what was measured.")
    ] = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 11 to 14 for SEV-1 to SEV-4.")] = False,
    json: Json = False,
) -> None:
    """Say how bad it is. What is not given is unknown; flags win over the file, and facts are added up.

    With nothing given, the signals are measured: PROMETHEUS_URL, or OMNIROUTE_URL with credentials.
    """
    from omniops.incident.severity import classify as judge

    flags = {
        "error_ratio": error_ratio or [],
        "requests": requests or [],
        "burn_rate": burn_rate or [],
        "slo_breach": slo_breach or [],
        "p95_seconds": p95_seconds or [],
        "p95_budget_seconds": p95_budget_seconds or [],
        "facts": fact or [],
    }
    ladder = _ladder()
    now = clock().now()
    since = _since(onset, now)
    if severity:
        answer = _given(severity, bool(signals or any(flags.values())), ladder, since)
        raise typer.Exit(_show(answer, ladder, now, since, json, exit_code))
    known = _known(flags, signals, ladder)
    nothing = not signals and not any(flags.values())
    measured = _measure(ladder, live) if live or nothing else None
    if measured is not None and not nothing:
        from omniops.incident.signals import merge

        known = merge(measured.signals, known)[0]
        measured = measured.over(known, ladder)
    elif measured is not None and measured.source:
        known = measured.signals
    elif nothing and not json and streams().interactive:
        from omniops.cli.classify_questions import ask

        if measured is not None:
            streams().say(f"Nothing could be measured: {measured.trouble}", "warn")
        measured = None
        known = ask(person(), ladder)
    answer = judge(known, ladder, since, measured.doubts if measured else None)
    raise typer.Exit(_show(answer, ladder, now, since, json, exit_code, measured))


def _measure(ladder: Ladder, wanted: bool) -> Live | None:
    """The signals of now; None where nothing is configured to measure with. Raises BadInput where it was asked for."""
    if not (wanted or any(settings().get(name) for name in ("PROMETHEUS_URL", "OMNIROUTE_URL"))):
        return None
    from omniops.runner.live import configured, measure

    if configured(settings()):
        return measure(settings(), clock(), ladder=ladder)
    if not wanted:
        return None
    from omniops.errors import BadInput

    raise BadInput(
        "there is nothing to measure with",
        why="neither PROMETHEUS_URL nor OMNIROUTE_URL with OMNIROUTE_PASSWORD or OMNIROUTE_API_KEY is set",
        state="nothing was judged",
        next="set one of them, or leave --live out",
    )


def _given(severity: str, signals_too: bool, ladder: Ladder, since: datetime) -> Classification:
    from omniops.errors import BadInput
    from omniops.incident.severity import given
    from omniops.incident.signals import parse_severity

    if signals_too:
        raise BadInput(
            "a severity and signals were given",
            why="either the severity is settled, or it is judged",
            state="nothing was judged",
            next=f"omniops classify {severity}",
        )
    return given(parse_severity(severity), ladder, since)


def _show(
    answer: Classification,
    ladder: Ladder,
    now: datetime,
    since: datetime,
    json: bool,
    exit_code: bool,
    live: Live | None = None,
) -> int:
    from omniops.errors import Exit

    if json:
        emit(answer.as_json() | ({"signals": live.as_json()} if live else {}))
    else:
        if live is not None and answer.exit is not Exit.STOP:
            _rows(live)
        from omniops.terminal.views.severity import lines

        for line, tone in lines(answer, ladder, now, since, streams().width()):
            streams().result(line, tone)
    if exit_code and answer.severity:
        return int(Exit(10 + int(answer.severity.removeprefix("SEV-"))))
    return int(answer.exit)


def _rows(live: Live) -> None:
    """Each signal that was measured, and how it was judged."""
    from omniops.terminal.views.live import lines

    if not live.source:
        streams().say(f"Nothing could be measured: {live.trouble}", "warn")
        return
    for line, tone in lines(live.rows, live.about, live.fallback, live.partial, live.notes, streams().width()):
        streams().result(line, tone)
    streams().result("")


def _ladder() -> Ladder:
    """The shipped ladder, or the one in the user's own runbooks folder."""
    folder = settings().user_runbooks
    if folder is None:
        from omniops.incident.ladder import shipped

        return shipped()
    from omniops.catalog.ladder import ladder_for

    return ladder_for(folder)


def _since(onset: str, now: datetime) -> datetime:
    if not onset:
        return now
    from omniops.runner.opening import read_onset

    return read_onset(onset, now)


def _known(flags: dict[str, list[str]], path: str, ladder: Ladder) -> Signals:
    """Signals from the flags, laid over those of the file."""
    from omniops.incident.signals import from_flags, merge, parse

    facts = [fact.id for fact in ladder.facts]
    given = parse(from_flags(flags), facts)
    if not path:
        return given
    from omniops.catalog.signals_file import read

    name = "stdin" if path == "-" else path
    known, replaced = merge(parse(read(_bytes(path), name), facts, name), given)
    if replaced:
        streams().say(f"Flags win over {name}: {', '.join(replaced)}.", "dim")
    return known


def _bytes(path: str) -> bytes:
    from omniops.catalog.signals_file import MAX_BYTES

    return read_input(path, MAX_BYTES, what="the signals", option="--signals", state="nothing was judged")
