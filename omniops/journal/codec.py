"""How an event is stored: one line of canonical JSON, a list that begins with its own hash and the one before it.

All that follows the hash is hashed, byte for byte as it is stored: nothing is serialised again to check it, no column
beside it can disagree with it, and reading one column instead of eleven makes checking twice as fast.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from math import isfinite
from typing import Any

from omniops.digest import sha256
from omniops.errors import BadInput
from omniops.journal.chain import HASH, HASHED
from omniops.journal.events import Event
from omniops.text import redact

LINE = ("hash", "prev", "seq", "stream", "n", "kind", "time", "actor", "host", "version", "data")


def encode(previous: str, event: Event) -> str:
    """The event as it is stored, after the hash of the line before it. ``event.data`` must have been redacted."""
    values: list[Any] = [
        previous, event.seq, event.stream, event.n, event.kind,
        event.time, event.actor, event.host, event.version, event.data,
    ]  # fmt: skip
    hashed = _dump(values)[1:]
    return f'["{sha256(hashed.encode()).hexdigest()}",{hashed}'


def decode(line: str) -> Event:
    """The event of a line. Raises ValueError where the line is not what was written."""
    if sha256(line[HASHED].encode()).hexdigest() != line[HASH]:
        raise ValueError("the hash is another")
    _, _, seq, stream, n, kind, time, actor, host, version, data = json.loads(line)
    return Event(seq, stream, n, time, actor, host, version, kind, data)


def decode_verified(lines: Iterable[str]) -> list[Event]:
    """The events of lines whose hashes have been checked. They are taken apart at the first quotes, which costs a tenth
    of decoding them; stream, kind and time never hold one (``check_name``)."""
    once: dict[str, str] = {}  # the same few names again and again: each is kept once
    keep, make = once.setdefault, Event._make
    events = []
    for line in lines:
        _, _, _, _, seq, stream, n, kind, _, time, rest = line.split('"', 10)
        events.append(make((int(seq[1:-1]), keep(stream, stream), int(n[1:-1]), time, keep(kind, kind), rest)))
    return events


def genesis(id: str, drill: bool) -> str:
    """The hash before the first event: it holds the journal's identity, and whether it is a drill's."""
    return sha256(f"omniops-journal/1 {id} drill={int(drill)}".encode()).hexdigest()


def check_name(name: str) -> str:
    """Return a stream's or kind's name, if it can be stored as it is. Raises BadInput."""
    if redact(name) != name:
        raise BadInput("a name holds a secret", state="nothing was written", next="choose another name, and try again")
    if not name or not name.isprintable() or '"' in name or "\\" in name:
        raise BadInput(f"{name!r} cannot be a name in the journal", state="nothing was written")
    return name


def _dump(values: list[Any]) -> str:
    """Keys keep their order: a runbook's steps are read in the order they were written."""
    try:
        line = json.dumps(values, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_word)
        line.encode()
    except ValueError:  # a lone surrogate (a file name that is no UTF-8), or a NaN: neither is JSON
        line = json.dumps(_plain(values), allow_nan=False, separators=(",", ":"), default=_word)
    return line


def _word(value: object) -> Any:
    return redact(str(value))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return str(value) if isinstance(value, float) and not isfinite(value) else value
