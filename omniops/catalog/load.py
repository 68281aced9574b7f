"""Reads the runbooks from disk: the shipped folder, and the user's own layered over it by id."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from omniops.errors import BadInput
from omniops.value import Value

if TYPE_CHECKING:
    from omniops.catalog.findings import Finding
    from omniops.catalog.models import Runbook
    from omniops.catalog.strict_yaml import Document
    from omniops.config import Settings

NOT_RUNBOOKS = frozenset(("severity", "slos", "detection", "communication", "oncall"))
"""Files of the same folders that hold something else."""

MOST_BYTES = 1 << 20
"""`strict_yaml` refuses more than this; what lies beyond is not even read."""

_LOOKS_LIKE_ONE = re.compile(rb"^(?:steps|start)[ ]*:", re.MULTILINE)


class Text(Value):
    """A file as it was read. ``layer`` is "shipped", "yours", or "file" for one named on the command line."""

    layer: str
    path: Path
    data: bytes


class Source(Value):
    """A file, read. ``document`` and ``runbook`` are None where it could not be; ``findings`` then say why."""

    id: str
    layer: str
    file: str
    document: Document | None
    runbook: Runbook | None
    findings: list[Finding]


def shipped_folder() -> Path:
    """The folder of the shipped runbooks: inside the package where it is installed, else beside it."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "_runbooks"
    return inside if inside.is_dir() else package.parent / "runbooks"


def texts(settings: Settings) -> list[Text]:
    """Read every runbook file, shipped ones first. Raises BadInput where a folder or file cannot be read."""
    found = _folder("shipped", shipped_folder())
    user = settings.user_runbooks
    return found + (_folder("yours", user) if user is not None else [])


def text_of(path: Path) -> Text:
    """Read one file that the user named. Raises BadInput."""
    return Text("file", path, _read(path))


def layered_file(name: str, folder: Path | None) -> str:
    """A text file of the runbooks' folder: the user's own where there is one, else the shipped. Raises BadInput."""
    own = folder / name if folder else None
    path = own if own and own.exists() else shipped_folder() / name
    try:
        return _read(path).decode()
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not UTF-8", state="nothing was attempted", next="save it as UTF-8") from None


def _folder(layer: str, folder: Path) -> list[Text]:
    try:
        paths = sorted(p for p in folder.iterdir() if p.suffix in (".yaml", ".yml") and not p.name.startswith("."))
    except OSError as error:
        raise BadInput(
            f"the runbooks cannot be read: {folder}",
            why=error.strerror or str(error),
            state="nothing was attempted",
            next="correct OMNIOPS_RUNBOOKS" if layer == "yours" else "install omniops again",
        ) from None
    found = [Text(layer, path, _read(path)) for path in paths if path.stem not in NOT_RUNBOOKS and path.is_file()]
    return [text for text in found if _LOOKS_LIKE_ONE.search(text.data)]


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{path} cannot be read",
            why=getattr(error, "strerror", None) or str(error),
            state="nothing was attempted",
            next="check the path and its permissions",
        ) from None


def parse(text: Text) -> Source:
    """Read one file as a runbook. What is wrong with it becomes findings; nothing is raised."""
    from omniops.catalog.findings import Finding
    from omniops.catalog.problems import read
    from omniops.catalog.strict_yaml import BadYaml
    from omniops.catalog.strict_yaml import parse as parse_yaml

    file = str(text.path)
    try:
        document = parse_yaml(text.data, file)
    except BadYaml as bad:
        finding = Finding("error", text.path.stem, bad.problem, bad.mend, file, bad.line, bad.column)
        return Source(text.path.stem, text.layer, file, None, None, [finding])
    parsed = read(document)
    return Source(parsed.id or text.path.stem, text.layer, file, document, parsed.runbook, parsed.findings)


def layered(sources: Iterable[Source]) -> dict[str, Source]:
    """One source for each id: later layers replace earlier ones; the same id twice in one layer is a finding."""
    from omniops.catalog.findings import Finding

    result: dict[str, Source] = {}
    for source in sources:
        other = result.get(source.id)
        if other is not None and other.layer == source.layer:
            what = f"the id {source.id!r} is taken by {Path(other.file).name}"
            finding = Finding("error", source.id, what, "give each runbook an id of its own", source.file, 1, 1)
            source = source._replace(findings=[*source.findings, finding], runbook=None)
        result[source.id] = source
    return result
