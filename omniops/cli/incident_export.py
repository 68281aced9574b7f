"""`omniops incident export`: to stdout, or to a file."""

from __future__ import annotations

from omniops.cli.context import clock, emit, its_journal, settings, streams, warn_of_frozen


def export_incident(id: str, format: str, output: str, force: bool, json: bool) -> None:
    """Write the report. ``json`` alone is the JSON report; with a file it says what was written where. ``output``:
    ``-`` is stdout."""
    from omniops.runner.exporting import format_of, named, rendered, report_of, write
    from omniops.runner.meant import pick

    output = "" if output == "-" else output
    wanted = format_of(format or ("json" if json and not output else ""), output)
    journal = its_journal()
    incident = pick(journal, id, last=True)
    warn_of_frozen(incident)
    text = rendered(report_of(journal, incident, clock().now(), settings().user_runbooks), wanted)
    if not output:
        print(text, end="")
        return
    path = named(output)
    write(path, text, force=force)
    if json:
        emit({"schema": "omniops.export/1", "incident": incident.id, "format": wanted, "file": str(path.absolute())})
    else:
        streams().result(f"Written: {path}")
