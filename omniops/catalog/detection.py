"""detection.yaml, read strictly into the sources of section 2; this module reads files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from omniops.incident.detection import Source, Step

if TYPE_CHECKING:
    from omniops.catalog.node import Node

ROLES = ("primary", "secondary", "security", "data")
_KINDS = ("page", "slack", "github_issue", "alertmanager")
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_CHANNEL = re.compile(r"#[a-z0-9_-]{1,80}")
_ALERT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def sources_for(folder: Path | None) -> tuple[Source, ...]:
    """The sources in force: those of a user's folder, else the shipped ones. Raises BadInput."""
    from omniops.catalog.load import shipped_folder

    path = folder / "detection.yaml" if folder else None
    return load(path if path and path.exists() else shipped_folder() / "detection.yaml")


def load(path: Path) -> tuple[Source, ...]:
    """Read a detection.yaml. Raises BadInput with file, line and column."""
    from omniops.catalog.node import open_yaml

    top = open_yaml(path).fields(("format", "sources"))
    top["format"].exactly_1()
    sources = tuple(_source(node) for node in top["sources"].items())
    top["sources"].unique([source.id for source in sources], "source")
    if not sources:
        top["sources"].fail("no source is listed", "list one at least")
    return sources


def _source(node: Node) -> Source:
    top = node.fields(("id", "source", "signal", "routing", "by_hand"), ("incident", "then"))
    if "incident" in top and not isinstance(top["incident"].value, bool):
        top["incident"].fail("true or false is wanted here", "incident: false")
    steps = tuple(_step(one) for one in top["by_hand"].items())
    if not steps:
        top["by_hand"].fail("nobody would be told", "name a page, a channel, an issue or an alert")
    return Source(
        id=_shaped(top["id"], _ID, "an id is small letters, digits and hyphens", "user-report"),
        source=top["source"].text(),
        signal=top["signal"].text(),
        routing=top["routing"].text(),
        by_hand=steps,
        incident=bool(top["incident"].value) if "incident" in top else True,
        then=top["then"].text() if "then" in top else "",
    )


def _step(node: Node) -> Step:
    fields = node.fields((), _KINDS)
    if len(fields) != 1:
        node.fail("exactly one thing is done in each step", f"one of {', '.join(_KINDS)}")
    ((kind, value),) = fields.items()
    if kind == "page":
        return Step(kind, value.one_of(ROLES))
    if kind == "github_issue":
        return Step(kind, labels=tuple(label.text() for label in value.items()))
    if kind == "slack":
        return Step(kind, _shaped(value, _CHANNEL, "a channel begins with #", '"#omniroute-ops", in quotes'))
    return Step(kind, _shaped(value, _ALERT, "an alert's name is letters, digits and _", "ErrorBudgetBurnByHand"))


def _shaped(node: Node, shape: re.Pattern[str], problem: str, mend: str) -> str:
    text = node.text()
    if not shape.fullmatch(text):
        node.fail(problem, f"such as {mend}")
    return text
