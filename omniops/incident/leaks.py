"""What must not be read outside: every connection, host, person and channel name that an incident's record holds. Pure.

Words that a person adds to what goes to customers are compared with all of them: as whole words, whatever the case, the
accents, the width of the letters, invisible characters and whatever joins the parts of a name (``openai/main``,
``OpenAI-Main``). Letters of another alphabet that look alike are not found out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from omniops.journal.events import Event

CONNECTION, PROVIDER, HOST, PERSON, CHANNEL = "connection", "provider", "host", "person", "channel"

_WORD = re.compile(r"[^\W_]+")
_URL_HOST = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^\s/@?#]*@)?(\[[0-9a-f:.]+\]|[^\s/:?#\"'<>)]+)", re.IGNORECASE)
_ADDRESS = re.compile(r"(?<![\w.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w.])")
_DOMAIN = re.compile(r"(?<![\w.@-])(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.){2,}[a-z]{2,}(?![\w-])", re.IGNORECASE)
_CHANNEL = re.compile(r"(?<![\w&/#])#([^\W_][\w-]{1,80})")
_MAIL = re.compile(r"([\w.+-]+)@([\w-]+(?:\.[\w-]+)+)")
_MENTION = re.compile(r"(?<![\w./@])@([^\W_][\w.-]{1,80})")
_ID = re.compile(r"\s*\(([^()]+)\)\s*$")
_PEOPLE = frozenset((
    "actor", "acknowledged_by", "assignee", "assignees", "attendees", "by", "holder", "incoming", "operator",
    "outgoing", "owner", "person", "primary", "reviewer", "secondary", "user", "who",
))  # fmt: skip
_HOSTS = frozenset(("host", "hostname", "hosts", "replica", "replicas", "server", "instance", "node"))
_ACCOUNTS = frozenset((
    "root", "admin", "administrator", "nobody", "omniops", "ubuntu", "debian", "runner", "user", "incident-commander",
    "here", "channel", "everyone",
))  # fmt: skip
"""Logins and mentions that are no person's name, and words of every report: root cause."""
_OWN = re.compile(r"run r[0-9a-f]+|uid-[0-9]+")
LEAST = 2
"""A name of one character would be found in every sentence."""


class Name(NamedTuple):
    """One name. ``exact``: found only as it is written, because it is a part of a name and an ordinary word (Will)."""

    text: str
    kind: str
    exact: bool = False


def names(events: Iterable[Event], public: Iterable[str] = ()) -> list[Name]:
    """Every name in the events of an incident and its runs, but for those that are ``public`` anyway."""
    found: dict[Name, None] = {}
    known = {_folded(one) for one in public}
    actors: dict[str, None] = {}
    for event in events:
        actors[event.actor] = found[Name(event.host, HOST)] = None
        found.update(dict.fromkeys(_walk(event.data, "", event.kind)))
    people = [name for actor in actors for name in _person(actor)]
    return [name for name in dict.fromkeys([*people, *found]) if _counts(name) and _folded(name.text) not in known]


def leaks(text: str, forbidden: Iterable[Name]) -> list[Name]:
    """The names that stand in a text, in the order in which they became known; each once."""
    folded, plain = _folded(text), _plain(text)
    exact = f" {' '.join(_WORD.findall(plain))} "
    found: dict[tuple[str, str], Name] = {}
    for name in forbidden:
        wanted = _folded(name.text)
        if name.exact:
            there = f" {' '.join(_WORD.findall(_plain(name.text)))} " in exact
        elif not wanted.strip():  # nothing but signs
            there = _plain(name.text).strip() in plain
        elif _unspaced(wanted):
            there = wanted.strip() in folded
        else:
            there = wanted in folded
        if there:
            found.setdefault((wanted if wanted.strip() else name.text, name.kind), name)
    return list(found.values())


def words(found: Iterable[Name]) -> str:
    """What was found, in words: ``the connection “main”, the person “eve”``."""
    return ", ".join(f"the {one.kind} “{one.text}”" for one in found)


def _walk(value: Any, key: str, kind: str) -> Iterator[Name]:
    """Every name in the data of an event: by the key that it stands under, and by its shape wherever it stands."""
    if isinstance(value, dict):
        if value.get("provider") is not None or key in ("connections", "connection", "combos"):
            yield from _connection(value)
        if kind == "intent" and str(value.get("action", "")).startswith(("connection.", "combo.")):
            yield from _target(str(value.get("target", "")))
        if kind == "channel.created" and not key:
            yield from (Name(str(value.get(field, "")).removeprefix("#"), CHANNEL) for field in ("name", "id"))
        if kind in ("role", "oncall.override", "oncall.swap") and not key:
            yield from (one for field in ("who", "from", "to") for one in _person(str(value.get(field) or "")))
        for inner, item in value.items():
            if inner != "graph":  # the runbook itself: what was used of it stands in other events
                yield from _walk(item, str(inner), kind)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _walk(item, key, kind)
    elif isinstance(value, str):
        yield from _text(value, key)


@lru_cache(maxsize=4096)  # thousands of samples say the same few things
def _text(text: str, key: str) -> tuple[Name, ...]:
    return tuple(_in_text(text, key))


def _in_text(text: str, key: str) -> Iterator[Name]:
    if key in _PEOPLE:
        yield from _person(text)
    if key in _HOSTS and " " not in text.strip():
        yield from _host(text)
    if key in ("connection", "worst_text"):
        yield from _target(text if text != "none" else "")
    for found in _URL_HOST.findall(text):
        yield from _host(found)
    yield from (Name(found, HOST) for found in _ADDRESS.findall(text))
    for found in _DOMAIN.findall(_MAIL.sub(" ", text)):
        yield from _host(found)
    yield from (Name(found, CHANNEL) for found in _CHANNEL.findall(text))
    for local, domain in _MAIL.findall(text):
        yield Name(f"{local}@{domain}", PERSON)
        yield from _person(local)
    for found in _MENTION.findall(text):
        yield from _person(found)


def _connection(row: dict[str, Any]) -> Iterator[Name]:
    """A connection or a combo as runbooks carry it."""
    yield Name(str(row.get("provider") or ""), PROVIDER)
    yield Name(str(row.get("label") or ""), PROVIDER)
    yield from (Name(str(row.get(key) or ""), CONNECTION) for key in ("name", "id"))
    yield from _target(str(row.get("target") or ""))


def _target(target: str) -> Iterator[Name]:
    """``openai/main (8ae76e54)``: the whole, the id, and what stands on each side of the stroke."""
    inside = _ID.search(target)
    bare = _ID.sub("", target)
    provider, stroke, name = bare.partition("/")
    yield Name(bare, CONNECTION)
    yield Name(inside[1] if inside else "", CONNECTION)
    if stroke:
        yield Name(provider, PROVIDER)
        yield Name(name, CONNECTION)


def _host(text: str) -> Iterator[Name]:
    """A host, and its short name where that is no ordinary word (``gw-3`` of ``gw-3.example.net``)."""
    bare = _URL_HOST.sub(lambda match: match[1], text.strip()).partition("/")[0].strip("[]")
    host, colon, port = bare.rpartition(":")
    bare = host if colon and port.isdecimal() and ":" not in host else bare
    yield Name(bare, HOST)
    first = bare.partition(".")[0]
    if first != bare and re.search(r"[0-9-]", first) and not first.isdecimal():
        yield Name(first, HOST)


def _person(text: str) -> Iterator[Name]:
    """A name; the parts of one of several words, or of a login such as ``eve.adams``, count as a name is written (Eve);
    of an address, what is before the @."""
    if _OWN.fullmatch(text.strip()):
        return
    bare = text.strip().removeprefix("@")
    yield Name(bare, PERSON)
    local = _MAIL.fullmatch(bare)
    if local:
        yield from _person(local[1])
        return
    parts = _WORD.findall(bare)
    if len(parts) > 1 and " " in bare:
        yield from (Name(part, PERSON, exact=True) for part in parts if len(part) > LEAST and part[0].isupper())
    elif len(parts) > 1 and "." in bare:
        yield from (
            Name(part[0].upper() + part[1:], PERSON, exact=True)
            for part in parts
            if len(part) > LEAST and part.isalpha() and part.casefold() not in _ACCOUNTS
        )


def _counts(name: Name) -> bool:
    """Is it a name at all, and no login of a machine?"""
    bare = name.text.strip()
    if len(bare) < LEAST and bare.isalnum():
        return False
    return bool(bare) and not (name.kind == PERSON and (bare.casefold() in _ACCOUNTS or _OWN.fullmatch(bare)))


def _plain(text: str) -> str:
    """Without accents, invisible characters and width: what a reader sees."""
    folded = unicodedata.normalize("NFKD", text)
    return "".join(char for char in folded if unicodedata.category(char) not in ("Mn", "Cf", "Cc") or char in "\n\t")


def _folded(text: str) -> str:
    """The words of a text, lower case, each between two blanks; nothing else of it."""
    found = _WORD.findall(_plain(text).casefold())
    return f" {' '.join(found)} "


def _unspaced(folded: str) -> bool:
    """A script that puts no blanks between words."""
    return any(unicodedata.category(char) == "Lo" for char in folded)
