"""The catalogue: every runbook there is, compiled and checked. What the command line and the runner ask.

    get("4.1", settings)      one runbook by its id or section, fit to be walked
    all(settings)             every runbook that is fit to be walked
    entries(settings)         every file, fit or not, for `omniops runbook list`

Where the sources have not changed nothing but JSON is read: neither pydantic nor yaml is imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from omniops.catalog import cache, load
from omniops.errors import BadInput, OmniopsError
from omniops.text import one_line
from omniops.value import Value

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from omniops.catalog.compile import Compiled
    from omniops.catalog.findings import Finding
    from omniops.config import Settings
    from omniops.engine.graph import Graph

MOST_FINDINGS = 20
"""Findings kept with a runbook that is not fit; `omniops runbook lint` shows them all."""


class Entry(Value):
    """One runbook. ``graph`` is None where it has errors; ``findings`` are (file:line:column: what, mend)."""

    id: str
    layer: str  # "shipped", "yours" or "file"
    file: str
    graph: Graph | None
    findings: list[tuple[str, str]]


class Checked(Value):
    """What `check` found out about one runbook. ``compiled`` is None where it could not be read."""

    id: str
    compiled: Compiled | None
    findings: list[Finding]


def get(id: str, settings: Settings) -> Graph:
    """Return a runbook by its id or section (``4.1``). Raises BadInput: unknown, or it has lint errors."""
    known = entries(settings)
    entry = find(id, known)
    if entry.graph is None:
        count = len(entry.findings)
        raise BadInput(
            f"the runbook {entry.id} has {count} error{'s' if count > 1 else ''} and is not walked",
            why=entry.findings[0][0],
            state="nothing was attempted",
            next=f"{entry.findings[0][1]}; then `omniops runbook lint {entry.id}`",
        )
    return entry.graph


def all(settings: Settings) -> list[Graph]:
    """Return every runbook that can be walked, by section."""
    return sorted(
        (entry.graph for entry in entries(settings) if entry.graph is not None),
        key=lambda graph: (graph["section"], graph["id"]),
    )


def find(id: str, known: Iterable[Entry]) -> Entry:
    """Pick an entry by id or section. Raises BadInput with the nearest names and the list."""
    known = list(known)
    wanted = id.strip().removeprefix("§").strip()
    by_id = [entry for entry in known if entry.id == wanted]
    found = by_id or [entry for entry in known if entry.graph is not None and entry.graph["section"] == wanted]
    if len(found) == 1:
        return found[0]
    names = sorted(entry.id for entry in found or known)
    if found:
        raise BadInput(
            f"section {one_line(wanted, 40)} is more than one runbook",
            why=", ".join(names),
            state="nothing was attempted",
            next=f"name one: {names[0]}",
        )
    import difflib

    near = difflib.get_close_matches(wanted.lower()[:80], names, n=1)
    raise BadInput(
        ("which runbook?" if not wanted else f"there is no runbook {one_line(id, 60)!r}")
        + (f"; did you mean {near[0]!r}?" if near else ""),
        why=one_line(f"known: {', '.join(names)}", 400),
        state="nothing was attempted",
        next="omniops runbook list",
    )


def entries(settings: Settings) -> list[Entry]:
    """Return every runbook, fit or not: the user's layered over the shipped ones, by id."""
    found = load.texts(settings)
    parts = [part for text in found for part in (text.layer.encode(), str(text.path).encode(), text.data)]
    key = cache.key_of([cache.code(), *parts, _slo_text(settings)])
    cached = cache.read(settings.cache_folder, key)
    if cached is not None:
        try:
            return [_entry(value) for value in cached["entries"]]
        except (KeyError, TypeError, ValueError):
            pass  # sealed, and yet of another shape: made anew
    fresh = _build(found, settings)
    cache.write(settings.cache_folder, key, {"entries": [entry._asdict() for entry in fresh]})
    return fresh


def check(found: Iterable[load.Text], settings: Settings) -> list[Checked]:
    """Read, compile and check files from nothing, layered by id; never cached. Order: as given."""
    from omniops.catalog import lint
    from omniops.catalog.compile import compile_runbook

    sources = load.layered(load.parse(text) for text in found)
    slos = slo_names(settings)
    checked = []
    for id, source in sources.items():
        if source.runbook is None:
            checked.append(Checked(id, None, source.findings))
        else:
            compiled = compile_runbook(id, sources)
            checked.append(Checked(id, compiled, lint.check(compiled, slos=slos)))
    between = lint.check_all(one.compiled for one in checked if one.compiled is not None)
    return [_with(one, between) for one in checked]


def _with(one: Checked, between: list[Finding]) -> Checked:
    if one.compiled is None:
        return one
    file = one.compiled.document.file
    return one._replace(findings=[*one.findings, *(finding for finding in between if finding.file == file)])


def slo_names(settings: Settings) -> Collection[str]:
    """The objectives that a `verify` step may name: the shipped ones, or those of the user's slos.yaml."""
    from omniops.catalog.lint import SLOS

    folder = settings.user_runbooks
    if folder is None or not (folder / "slos.yaml").is_file():
        return SLOS
    try:
        from omniops.catalog.ladder import slos_for

        return [slo.id for slo in slos_for(folder).slos]
    except OmniopsError:
        return SLOS  # what is wrong with slos.yaml is told where it is used


def _slo_text(settings: Settings) -> bytes:
    folder = settings.user_runbooks
    try:
        return (folder / "slos.yaml").read_bytes() if folder is not None else b""
    except OSError:
        return b""


def _build(found: list[load.Text], settings: Settings) -> list[Entry]:
    places: Mapping[str, load.Text] = {str(text.path): text for text in found}
    result = []
    for one in check(found, settings):
        file = one.compiled.document.file if one.compiled is not None else one.findings[0].file
        errors = [(str(finding), finding.mend) for finding in one.findings if finding.level == "error"]
        graph = one.compiled.graph if one.compiled is not None and not errors else None
        result.append(Entry(one.id, places[file].layer, file, graph, errors[:MOST_FINDINGS]))
    return result


def _entry(value: dict[str, Any]) -> Entry:
    findings = [(what, mend) for what, mend in value["findings"]]
    return Entry(value["id"], value["layer"], value["file"], cast("Graph | None", value["graph"]), findings)
