"""From what an operator types to the thing meant: connections by id, name or provider; versions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from omniops.errors import BadInput
from omniops.text import one_line

if TYPE_CHECKING:
    from omniops.config import Settings
    from omniops.services.omniroute import Connection, OmniRoute

MOST_SHOWN = 20
LEAST_PREFIX = 4
_UUID_LENGTH = 36
VERSION = re.compile(r"[vV]?([0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6}(?:-[0-9A-Za-z][0-9A-Za-z.-]{0,63})?)")
_SHA = re.compile(r"[0-9a-f]{7,40}")
_TYPABLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,39}(?:/[A-Za-z0-9][A-Za-z0-9._:-]{0,39})?")


def version(text: str, settings: Settings | None = None) -> str:
    """Read a version such as ``v3.7.8`` or ``3.8.49-koosha.0``; return it without the ``v``. A commit is mapped to the
    version whose tag names it in OMNIROUTE_REPO (4.2.2 speaks of a SHA). Raises BadInput."""
    found = VERSION.fullmatch(text.strip())
    if found is None and settings is not None and _SHA.fullmatch(text.strip()):
        return _version_of_commit(text.strip(), settings)
    if found is None:
        raise BadInput(
            f"{one_line(text, 60)!r} is not a version",
            why="a version has three numbers",
            state="nothing was attempted",
            next="write it like v3.7.8",
        )
    return found[1]


def _version_of_commit(sha: str, settings: Settings) -> str:
    from omniops.services.checkout import Checkout

    found = Checkout(settings).version_of(sha)
    if not found:
        raise BadInput(
            f"no version is known for the commit {sha}",
            why="no tag v... names it in OMNIROUTE_REPO"
            if settings.get("OMNIROUTE_REPO")
            else "OMNIROUTE_REPO is not set, so commits cannot be looked up",
            state="nothing was attempted",
            next="give the version instead, like v3.7.8",
        )
    return version(found)


def connections(client: OmniRoute, text: str) -> list[dict[str, Any]]:
    """Find the connections meant, in the server's order: an id, a unique start of one (4 characters or more), a name,
    or a provider (id, prefix or name) for all of its connections; several separated by commas.

    Raises BadInput for what is unknown or ambiguous, with what is near; Refused and Unreachable from the server.
    """
    known = client.connections()
    whole = _meant(known, text.strip())
    if whole:  # a name may hold a comma
        return [item(connection) for connection in whole]
    words = [word.strip() for word in text.split(",") if word.strip()] or [""]
    ids = {found.id for word in words for found in _meant(known, word) or _refuse(known, word)}
    return [item(connection) for connection in known if connection.id in ids]


def item(connection: Connection) -> dict[str, Any]:
    """A connection as runbooks carry it; plain JSON."""
    return {
        "id": connection.id,
        "provider": connection.provider,
        "name": one_line(connection.name, 80),
        "label": one_line(connection.label, 80),
        "prefix": connection.prefix,
        "active": connection.active,
        "target": target(connection),
    }


def target(connection: Connection) -> str:
    """How people name it: ``openai/main (8ae76e54)``; no control characters, whatever the server holds."""
    label, name = one_line(connection.label, 40), one_line(connection.name, 40)
    short = connection.id[:8] if len(connection.id) == _UUID_LENGTH else one_line(connection.id, 40)
    return f"{label}/{name} ({short})" if name else f"{label} ({short})"


def typable(connection: Connection) -> str:
    """What a destructive approval types: ``openai/main`` where a keyboard has it, else the id."""
    for label in (connection.label, connection.prefix, connection.provider):
        words = f"{label}/{connection.name}"
        if _TYPABLE.fullmatch(words):
            return words
    return one_line(connection.id, 80)


def _meant(known: list[Connection], word: str) -> list[Connection]:
    """The connections a word stands for; the narrowest reading wins. Raises BadInput where it could be several."""
    folded = word.casefold()
    if not folded:
        return []
    exact = [c for c in known if c.id == word] or [c for c in known if c.id.casefold() == folded]
    if exact:
        return exact[:1]
    named = [c for c in known if folded in _called(c)]
    provided = [c for c in known if folded in (c.provider.casefold(), c.prefix.casefold(), c.label.strip().casefold())]
    if named and provided and {c.id for c in named} != {c.id for c in provided}:
        raise _ambiguous(word, [*named, *provided], "it is the name of a connection and of a provider")
    if provided:
        _one_provider(word, provided)
        return provided
    if len(named) > 1:
        raise _ambiguous(word, named, "several connections have that name")
    if named:
        return named
    started = [c for c in known if len(folded) >= LEAST_PREFIX and c.id.casefold().startswith(folded)]
    if len(started) > 1:
        raise _ambiguous(word, started, "several ids begin so")
    return started


def _called(connection: Connection) -> set[str]:
    """What a connection answers to: its name, alone or after its provider's ("openai/main")."""
    name = connection.name.strip()
    if not name:
        return set()
    return {name.casefold(), *(f"{p.strip()}/{name}".casefold() for p in (connection.label, connection.prefix))}


def _one_provider(word: str, provided: list[Connection]) -> None:
    if len({c.provider for c in provided}) > 1 and not any(c.provider.casefold() == word.casefold() for c in provided):
        raise _ambiguous(word, provided, "several providers have that name")


def _ambiguous(word: str, found: list[Connection], why: str) -> BadInput:
    seen = {c.id: f"{target(c)} = {one_line(c.id, 60)}" for c in found}
    return BadInput(
        f"{one_line(word, 60)!r} could be {len(seen)} connections",
        why=f"{why}: {_some(list(seen.values()))}",
        state="nothing was attempted",
        next="name one by its id, or several ids separated by commas",
    )


def _refuse(known: list[Connection], word: str) -> list[Connection]:
    from difflib import get_close_matches

    words = {name.casefold(): name for c in known for name in _names(c)}
    near = [words[match] for match in get_close_matches(word.casefold()[:120], list(words), 3, 0.6)]
    if near:
        why = "near it: " + ", ".join(near)
    elif known:
        why = "there are: " + _some([target(c) for c in known])
    else:
        why = "the server has no provider connections"
    raise BadInput(
        f"no connection or provider {one_line(word, 60)!r}" if word else "no connection was named",
        why=why,
        state="nothing was attempted",
        next="give a connection's id, its name, or a provider for all of its connections",
    )


def _names(connection: Connection) -> Iterator[str]:
    every = (connection.name, connection.label, connection.prefix, connection.provider, connection.id)
    return (word for word in (one_line(text, 60) for text in every) if word)


def _some(words: list[str]) -> str:
    more = len(words) - MOST_SHOWN
    return ", ".join(words[:MOST_SHOWN]) + (f" and {more} more" if more > 0 else "")
