"""`omniops slo`: is each SLO in budget, how fast does the error budget burn, and when is it spent?"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from omniops.cli.context import clock, emit, settings, streams
from omniops.cli.options import Json

if TYPE_CHECKING:
    from omniops.errors import OmniopsError
    from omniops.runner.slo import Evaluator, Report

CLEAR = "\x1b[H\x1b[2J"


def slo(
    file: Annotated[
        str, typer.Option(metavar="FILE", help="SLOs from this file: omniops' format, or the owners' ops/slos.yaml.")
    ] = "",
    watch: Annotated[bool, typer.Option("--watch", help="Look again and again, and redraw; Ctrl-C ends it.")] = False,
    every: Annotated[str, typer.Option(metavar="TIME", help="With --watch: how often.")] = "30s",
    times: Annotated[int, typer.Option(metavar="N", help="With --watch: end after so many looks.")] = 0,
    json: Json = False,
) -> None:
    """Evaluate the SLOs against Prometheus, or without it against OmniRoute's own figures.

    Exit 0: all in budget. 1: one is burning, or it cannot be told. 5: there is nothing to measure with.
    """
    from omniops.cli.waiting import interval
    from omniops.runner.slo import Evaluator, definitions

    wait_s = interval(every, "omniops slo --watch --every 30s")
    given = definitions(settings(), file)
    if given.error is not None:
        from omniops.terminal.errors import show_error

        show_error(given.error, streams())
    evaluator = Evaluator(settings(), clock(), given)
    if not watch:
        found = evaluator.report()
        if json:
            emit(found.as_json())
        else:
            _table(found)
        raise typer.Exit(int(found.exit))
    raise typer.Exit(_watch(evaluator, wait_s, times, json))


def _watch(evaluator: Evaluator, wait_s: float, times: int, json: bool) -> int:
    from omniops.errors import Refused, Unreachable

    looks, code = 0, 0
    while True:
        try:
            found = evaluator.report()
            code = int(found.exit)
            _show(found, json)
        except (Unreachable, Refused) as error:
            code = int(error.exit)
            _failed(error, json)
        looks += 1
        if looks == times:
            return code
        clock().sleep(wait_s)


def _show(found: Report, json: bool) -> None:
    """One look of many: JSON on a line, a redrawn table on a terminal, else a line for a log."""
    if json:
        import json as encoder

        streams().result(encoder.dumps(found.as_json(), ensure_ascii=False))
    elif _redraws():
        streams().stdout.write(CLEAR)
        _table(found)
    else:
        from omniops.terminal.views.slo import log_line

        streams().result(log_line(found.statuses, found.at))


def _failed(error: OmniopsError, json: bool) -> None:
    """A look that found nothing; the next one may. It is shown like a look, so that the series has no hole."""
    if json:
        import json as encoder

        said = {"what": error.what, "why": error.why, "state": error.state, "next": error.next}
        streams().result(encoder.dumps({"schema": "omniops.error/1", "exit": int(error.exit), "error": said}))
        return
    streams().result(f"{clock().now():%H:%M:%S}Z  cannot tell: {error.what}: {error.why}", "warn")


def _table(found: Report) -> None:
    from omniops.terminal.views import slo as view

    width = streams().width()
    lines = view.head(found.about, found.fallback, found.partial, found.notes, found.at, width)
    lines += view.table(found.statuses, width, streams().ascii) + view.budget(found.statuses, width)
    for line, tone in lines:
        streams().result(line, tone)


def _redraws() -> bool:
    return sys.stdout.isatty() and not streams().dumb
