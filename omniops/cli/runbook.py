"""`omniops runbook`: list, show, draw and check the runbooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from omniops.cli.context import emit, settings
from omniops.cli.options import Json

if TYPE_CHECKING:
    from omniops.catalog.catalogue import Checked
    from omniops.catalog.cost import WorstCase
    from omniops.catalog.findings import Finding

SCHEMA = "omniops.runbooks/1"
MOST_DAYS = 36500

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_(json: Json = False) -> None:
    """List the runbooks: section, id, title, and whose they are."""
    from omniops.catalog import entries
    from omniops.text import one_line

    found = sorted(entries(settings()), key=lambda entry: (entry.graph["section"] if entry.graph else "~", entry.id))
    if json:
        rows = [
            {
                "id": entry.id,
                "section": entry.graph["section"] if entry.graph else None,
                "title": entry.graph["title"] if entry.graph else None,
                "summary": entry.graph["summary"] if entry.graph else None,
                "inputs": entry.graph["inputs"] if entry.graph else None,
                "layer": entry.layer,
                "file": entry.file,
                "errors": len(entry.findings),
            }
            for entry in found
        ]
        emit({"schema": SCHEMA, "runbooks": rows})
        return
    width = max((len(entry.id) for entry in found), default=0)
    for entry in found:
        yours = " (yours)" if entry.layer == "yours" else ""
        title = one_line(entry.graph["title"]) if entry.graph else "has errors: omniops runbook lint " + entry.id
        section = one_line(entry.graph["section"], 12) if entry.graph else "-"
        print(f"{section:<9} {entry.id:<{width}}  {title}{yours}")


@app.command()
def show(
    runbook: Annotated[str, typer.Argument(help="provider-outage, ..., or its section: 4.1")], json: Json = False
) -> None:
    """Show a runbook for reading: every step, its reason, and where it leads."""
    from omniops.catalog import get

    graph = get(runbook, settings())
    if json:
        emit({"schema": SCHEMA, "runbook": graph})
        return
    from omniops.catalog.show import show as text

    print(text(graph), end="")


@app.command()
def graph(
    runbook: Annotated[str, typer.Argument(help="provider-outage, ..., or its section: 4.1")],
    format: Annotated[str, typer.Option("--format", metavar="tree|mermaid|dot", help="How to draw it.")] = "tree",
    json: Json = False,
) -> None:
    """Draw a runbook as a tree, a Mermaid flowchart, or DOT for Graphviz."""
    from omniops.catalog import get
    from omniops.catalog.graph import FORMATS, draw
    from omniops.errors import BadInput

    if format not in FORMATS:
        raise BadInput(
            f"--format {format!r} is not known",
            why=f"it is one of {', '.join(FORMATS)}",
            next="omniops runbook graph --help",
        )
    found = get(runbook, settings())
    drawn = draw(found, format)
    if json:
        emit({"schema": SCHEMA, "id": found["id"], "format": format, "text": drawn})
    else:
        print(drawn, end="")


@app.command()
def lint(
    runbooks: Annotated[list[str] | None, typer.Argument(help="Ids or files; all of them by default.")] = None,
    json: Json = False,
) -> None:
    """Prove the runbooks: every path ends, every outcome is routed, every value is defined. Exit 1 on findings."""
    checked = _chosen(runbooks or [])
    from omniops.catalog.findings import unique

    findings = unique(finding for one in checked for finding in one.findings)
    cases = {one.id: _cases(one) for one in checked}
    notes: list[str] = []
    if not runbooks:
        notes, more = _oncall()
        findings += more
    if json:
        emit(
            {
                "schema": SCHEMA,
                "notes": notes,
                "findings": [finding._asdict() for finding in findings],
                "worst_case": {id: [case._asdict() for case in found] for id, found in cases.items()},
            }
        )
    else:
        _print_lint(findings, cases)
        for note in notes:
            print(f"note: oncall.yaml: {note}")
    if findings:
        raise typer.Exit(1)


def _oncall() -> tuple[list[str], list[Finding]]:
    """What oncall.yaml lacks, which is no error as long as nobody is invented; and what is wrong with it."""
    from omniops.catalog.findings import Finding
    from omniops.errors import BadInput
    from omniops.runner.oncall import lint_notes

    try:
        return lint_notes(settings().user_runbooks), []
    except BadInput as error:
        file, line, column, problem = [*error.what.split(":", 3), "1", "1", ""][:4]
        place = (int(line), int(column)) if line.isdigit() and column.isdigit() else (1, 1)
        return [], [Finding("error", "oncall", problem.strip() or error.what, error.next, file, *place)]


@app.command()
def schema(json: Json = False) -> None:
    """Print the JSON Schema of a runbook (for editors; also in runbooks/schema.json)."""
    from omniops.catalog.schema import schema_text

    print(schema_text(), end="")


@app.command()
def review(
    runbooks: Annotated[list[str] | None, typer.Argument(help="Ids or files; all of them by default.")] = None,
    every: Annotated[str, typer.Option(metavar="TIME", help="How long a review holds.")] = "180d",
    json: Json = False,
) -> None:
    """When was each runbook last reviewed, and which is overdue (section 8)? Exit 1 where one is."""
    from omniops.cli.context import clock, streams
    from omniops.incident.reviews import judge, log_of

    days, today = _days(every), clock().now().date()
    found = [
        judge(one.id, log_of(one.compiled.document.value.get("review_log")), today, days)
        for one in _chosen(runbooks or [])
        if one.compiled is not None
    ]
    if json:
        emit({"schema": "omniops.reviews/1", "every_days": days, "reviews": [one.as_json() for one in found]})
    else:
        from omniops.terminal.views.reviews import review_lines

        for line, tone in review_lines(found, streams().width()):
            streams().result(line, tone)
    raise typer.Exit(1 if any(one.overdue for one in found) else 0)


def _days(text: str) -> int:
    from omniops.errors import BadInput
    from omniops.text import one_line, seconds

    try:
        days = int(seconds(text) // 86400)
    except ValueError:
        days = 0
    if not 1 <= days <= MOST_DAYS:
        raise BadInput(
            f"--every {one_line(text, 40)!r} is no time from a day to a hundred years",
            state="nothing was judged",
            next="--every 180d",
        )
    return days


def _chosen(names: list[str]) -> list[Checked]:
    """Check the catalogue with the named files layered over it; keep what was asked for."""
    from pathlib import Path

    from omniops.catalog import load
    from omniops.catalog.catalogue import Entry, check, find

    texts = load.texts(settings())
    files, ids = [], []
    for name in names:
        if "/" in name or name.endswith((".yaml", ".yml")) or Path(name).is_file():
            files.append(load.text_of(Path(name)))
        else:
            ids.append(name)
    checked = check([*texts, *files], settings())
    if not names:
        return checked
    known = [Entry(one.id, "", "", one.compiled.graph if one.compiled else None, []) for one in checked]
    wanted = {find(id, known).id for id in ids}
    paths = {str(text.path) for text in files}
    return [one for one in checked if one.id in wanted or _file(one) in paths]


def _file(one: Checked) -> str:
    return one.compiled.document.file if one.compiled is not None else one.findings[0].file


def _cases(one: Checked) -> list[WorstCase]:
    from omniops.catalog.cost import worst_cases

    return worst_cases(one.compiled.graph) if one.compiled is not None and not one.findings else []


def _print_lint(findings: list[Any], cases: dict[str, list[WorstCase]]) -> None:
    from omniops.text import one_line

    for finding in findings:
        print(f"{finding.level}: {one_line(finding, 600)}\n  mend: {one_line(finding.mend, 400)}")
    for id, found in cases.items():
        if not found:
            continue
        print(f"{id}: no findings. Worst case, to each end:")
        for case in found:
            print(f"  {case.words()}")
            print(f"    {' → '.join(case.path if len(case.path) < 25 else [*case.path[:12], '…', *case.path[-12:]])}")
    if findings:
        print(f"{len(findings)} finding{'s' if len(findings) > 1 else ''}.")
