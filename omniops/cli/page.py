"""`omniops page ack | list | escalate | open`: what woke somebody up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from omniops.cli.context import clock, emit, open_journal, person, read_input, settings, streams, typed_in
from omniops.cli.options import Json

if TYPE_CHECKING:
    from omniops.incident.detection import Source
    from omniops.incident.page import Acked, Page
    from omniops.runner.desk import Desk, Request, Result

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
InIncident = Annotated[
    str, typer.Option("--incident", metavar="ID", help="The incident it belongs to; default: its own, else a new one.")
]


@app.command()
def ack(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID...]", help="Which; none: the one that is yours. - reads ids from stdin."),
    ] = None,
    take: Annotated[bool, typer.Option("--take", help="Also what somebody else has acknowledged.")] = False,
    all: Annotated[bool, typer.Option("--all", help="Every page of yours that nobody has acknowledged.")] = False,
    alertmanager: Annotated[
        str,
        typer.Option(
            metavar="FILE|-|api",
            help="The page of an Alertmanager group: its webhook's payload, or ask ALERTMANAGER_URL.",
        ),
    ] = "",
    route: Annotated[
        str, typer.Option(metavar="PATH", help='With "api": the path of the route, such as {}/{severity="critical"}.')
    ] = "{}",
    incident: InIncident = "",
    json: Json = False,
) -> None:
    """Acknowledge a page. Looks first, never re-opens what is resolved, and is safe to repeat."""
    from omniops.runner.acknowledging import acknowledge

    desk = _desk()
    request = _request(desk, ids or [], take, all, (alertmanager, route), incident)
    result = acknowledge(desk, request)
    _show(result, json)
    worst = max((one.exit for one in result.pages), default=0)
    ours = next((one for one in result.pages if one.ours and one.incident), None)
    if ours is not None and not json:
        offer_checklist(ours)
    raise typer.Exit(int(worst))


def offer_checklist(one: Acked) -> None:
    """Go on into the first-15-minutes checklist, on one key, where there is somebody to press it; else say how."""
    if streams().interactive and settings().get("OMNIROUTE_URL"):
        from omniops.runner.person import Option, PauseAsked

        options = [Option("yes", "Go on into the checklist"), Option("no", "Not now")]
        try:
            chosen = person().choose("checklist", "The first 15 minutes: go on?", options, None)
        except PauseAsked:
            chosen = "no"
        if chosen == "yes":
            from omniops.cli.checklist import checklist

            checklist(one.incident)
            return
    streams().say(f"next: omniops checklist {one.incident}", "key")


@app.command("list")
def list_(
    everybodys: Annotated[bool, typer.Option("--all", help="Everybody's, not only yours.")] = False, json: Json = False
) -> None:
    """List the open pages that are yours, and when each un-acknowledges itself."""
    from omniops.runner.pages import rows

    found = rows(_desk(reading=True), everybodys=everybodys)
    if json:
        emit({"schema": "omniops.pages/1", "pages": [row.as_json() for row in found]})
        return
    from omniops.terminal.views.pages import list_lines

    for line, tone in list_lines(found, clock().now(), streams().width()):
        streams().result(line, tone)


@app.command()
def escalate(
    id: Annotated[str, typer.Argument(metavar="[ID]", help="Which; without it: the one of the open incident.")] = "",
    message: Annotated[str, typer.Option("--message", "-m", help="What they are told.")] = "",
    again: Annotated[bool, typer.Option("--again", help="Though it was done before.")] = False,
    json: Json = False,
) -> None:
    """Call the secondary in: PagerDuty asks them to join, and the page stays yours."""
    from omniops.runner.escalating import escalate as call

    done = call(_desk(), _id(id) if id else "", message=message, again=again)
    for warning in done.warnings:
        streams().say(f"warning: {warning}", "warn")
    if json:
        answer = {"page": done.page._asdict(), "to": done.to, "how": done.how, "confirmed": done.confirmed}
        emit({"schema": "omniops.escalation/1", **answer, "at": done.at or None, "incident": done.incident or None})
        return
    from omniops.terminal.views.pages import escalated_line

    streams().result(*escalated_line(done.page, done.to, done.how, done.at, clock().now()))


@app.command("open")
def open_(
    source: Annotated[
        str, typer.Option("--source", help="Who saw it: user-report, uptime-probe, ...; none: list them.")
    ] = "",
    title: Annotated[str, typer.Option("--title", help="One line that says what is wrong.")] = "",
    text: Annotated[str, typer.Option("--text", help="More about it, for whoever is told; - is stdin.")] = "",
    onset: Annotated[str, typer.Option("--onset", help="When it began: now, 10m ago, 02:15 (UTC).")] = "",
    json: Json = False,
) -> None:
    """Open what no pager knows, and tell it where section 2 of the runbook routes it."""
    from omniops.catalog.detection import sources_for
    from omniops.runner.page_opening import find, open_page

    sources = sources_for(settings().user_runbooks)
    if not source:
        raise typer.Exit(_list_sources(sources, json))
    chosen, now = find(sources, source), clock().now()
    from omniops.runner.opening import read_onset

    began = read_onset(onset, now) if onset else now
    words = " ".join(_stdin_words()) if text == "-" else text
    done = open_page(_desk(), chosen, title or _ask_title(), words, began)
    if json:
        emit({"schema": "omniops.opened/1", **done.as_json()})
        return
    from omniops.terminal.views.pages import opened_lines

    for line, tone in opened_lines(done.as_json(), streams().width()):
        streams().result(line, tone)
    then = f"omniops mitigate {chosen.then}" if chosen.then else f"omniops checklist {done.incident}"
    streams().say(f"next: {then}" + (" (4.5)" if chosen.then == "security" else ""), "key")


def _ask_title() -> str:
    """Ask for it where there is somebody to ask; "" otherwise, which is refused in words."""
    if not streams().interactive:
        return ""
    return person().text("title", "What is wrong, in one line?", None, lambda text: "" if text.strip() else "!") or ""


def _list_sources(sources: tuple[Source, ...], json: bool) -> int:
    if json:
        rows = [{key: getattr(one, key) for key in ("id", "source", "signal", "routing")} for one in sources]
        emit({"schema": "omniops.sources/1", "sources": rows})
        return 0
    from omniops.terminal.views.plain import table

    rows_of_text = [[one.id, one.source, one.signal, one.routing] for one in sources]
    streams().result(table(["--source", "source", "signal", "routing"], rows_of_text, streams().width()))
    return 0


def _show(result: Result, json: bool) -> None:
    """The answer on stdout, warnings on stderr, and the reason for every page that was not acknowledged."""
    from omniops.terminal.errors import show_error

    for warning in result.warnings:
        streams().say(f"warning: {warning}", "warn")
    for one in result.pages:
        if one.error is not None:
            show_error(one.error, streams())
    if json:
        pages = [one.as_json() for one in result.pages]
        emit({"schema": "omniops.acknowledgement/1", "pages": pages, "warnings": result.warnings})
        return
    from omniops.terminal.views.pages import acked_lines

    if not result.pages:
        streams().result("No page of yours is open.")
    for one in result.pages:
        for line, tone in acked_lines(one, clock().now(), streams().width()):
            streams().result(line, tone)


def _desk(*, reading: bool = False) -> Desk:
    from omniops.runner.desk import Desk
    from omniops.runner.wiring import clients_of

    here = settings()
    return Desk(here, clock(), person(), clients_of(here, clock()), lambda: open_journal(create=not reading))


def _request(
    desk: Desk, ids: list[str], take: bool, all: bool, alertmanager: tuple[str, str], incident: str
) -> Request:
    from omniops.errors import BadInput
    from omniops.runner.desk import Request

    named = [word for text in ids for word in (_stdin_words() if text == "-" else [text])]
    if sum(map(bool, (ids, all, alertmanager[0]))) > 1:
        raise BadInput(
            "which page is meant?",
            why="ids, --all and --alertmanager are three ways of saying it",
            state="nothing was acknowledged",
            next="omniops page ack ID",
        )
    if ids and not named:
        raise BadInput("stdin holds no id", state="nothing was acknowledged", next="omniops page list")
    group = _group(desk, *alertmanager) if alertmanager[0] else None
    return Request(tuple(_id(word) for word in named), take, all, incident, group)


def _group(desk: Desk, source: str, route: str) -> Page:
    """The page of an Alertmanager group: of a file, of stdin, or of Alertmanager's API."""
    from omniops.runner.alert_group import from_api, from_webhook

    if source == "api":
        return from_api(desk, route)
    return from_webhook(_bytes(source), "stdin" if source == "-" else source)


def _id(word: str) -> str:
    """An id, a number, or the address of the page in a browser. Raises BadInput."""
    from omniops.errors import BadInput
    from omniops.text import one_line

    address = word.startswith("https://")
    id = word.partition("/incidents/")[2].partition("/")[0] if address else word.removeprefix("#")
    if not id.isascii() or not id.isalnum() or len(id) > 40:
        raise BadInput(
            f"{one_line(word, 60)!r} is no id of a page",
            why="it is letters and digits (Q3OMNI01), the incident's number, or its address in the browser",
            state="nothing was acknowledged",
            next="omniops page list",
        )
    return id


def _stdin_words() -> list[str]:
    return typed_in(64 * 1024, "omniops page list").split()


def _bytes(path: str) -> bytes:
    from omniops.services.alertmanager import MAX_WEBHOOK

    state = "nothing was acknowledged"
    return read_input(path, MAX_WEBHOOK, what="the payload", option="--alertmanager", state=state)
