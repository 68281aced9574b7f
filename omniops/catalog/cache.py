"""Compiled runbooks, kept as JSON and keyed by the content of all they were made from; never needed, only fast."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

SCHEMA = "omniops.catalogue/1"
MOST_BYTES = 64 << 20
KEEP = 8
"""Catalogues kept: one for each folder of runbooks and version lately used."""


def key_of(parts: Iterable[bytes]) -> str:
    """The key of a catalogue: omniops' version, and every file that went in. Lengths keep parts apart."""
    from omniops import __version__
    from omniops.digest import sha256

    digest = sha256()
    for part in (SCHEMA.encode(), __version__.encode(), *parts):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def code() -> bytes:
    """What tells this code from another of the same version: the times and sizes of its files."""
    here = os.path.dirname(__file__)
    try:
        files = [f"{here}/{name}" for name in sorted(os.listdir(here)) if name.endswith(".py")]
        files += [f"{here}/../actions/specs.py", f"{here}/../engine/graph.py"]
        found = [(os.path.basename(file), (status := os.stat(file)).st_mtime_ns, status.st_size) for file in files]
    except OSError:
        return b""
    return repr(found).encode()


def read(folder: Path, key: str) -> dict[str, Any] | None:
    """Return the catalogue of this key, or None where there is none that can be trusted: another's, cut, or edited."""
    try:
        with _path(folder, key).open("rb") as file:
            status = os.fstat(file.fileno())
            if status.st_uid != os.getuid() or status.st_mode & 0o022 or status.st_size > MOST_BYTES:
                return None
            seal, _, body = file.read().partition(b"\n")
        if seal.decode() != _seal(body, key):
            return None
        value = json.loads(body)
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and value.get("schema") == SCHEMA else None


def write(folder: Path, key: str, catalogue: dict[str, Any]) -> None:
    """Keep a catalogue: whole or not at all, for its owner's eyes. Where that cannot be done nothing happens."""
    body = json.dumps({"schema": SCHEMA, **catalogue}, separators=(",", ":"), ensure_ascii=False).encode()
    path = _path(folder, key)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(handle, "wb") as file:
            file.write(_seal(body, key).encode() + b"\n" + body)
        unfinished.replace(path)
        _forget_old(folder)
    except OSError:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def _seal(body: bytes, key: str) -> str:
    """A checksum over the content and its key, so that a cut or renamed file is not taken for another."""
    from omniops.digest import sha256

    return sha256(key.encode() + body).hexdigest()


def _path(folder: Path, key: str) -> Path:
    return folder / f"catalogue-{key[:32]}.json"


def _forget_old(folder: Path) -> None:
    found = sorted(folder.glob("catalogue-*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in found[KEEP:]:
        path.unlink(missing_ok=True)
