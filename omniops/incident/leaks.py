"""What must not be read outside: every connection, host, person and channel name that an incident's record holds, and
what looks like a host, an address, a mention or a channel. Pure.

Words that a person adds to what goes to customers are compared with all of them (`spelling`, `shapes`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple
from unicodedata import normalize

from omniops.incident import shapes
from omniops.incident.ordinary import ORDINARY
from omniops.incident.outbox import slack_channel
from omniops.incident.spelling import Index, letters, written
from omniops.journal.events import Event

CONNECTION, PROVIDER, HOST, PERSON, CHANNEL = "connection", "provider", shapes.HOST, "person", shapes.CHANNEL
PUBLIC = "public"
"""The kind of what customers know anyway: where such a one is among the names, shapes are looked for as well."""

_ID = re.compile(r"\s*\(([^()]+)\)\s*$")
_IN_PROSE = re.compile(
    r"(?<![\w/.+-])((?:[A-Z][\w.+-]{0,40} ){0,2}[\w.+-]{2,60})/([^()/\n]{1,80}?)\s?"
    r"\(([0-9a-f]{8}(?:-[0-9a-f]{4}){0,4}[0-9a-f]{0,8})\)"
)
"""``openai/main (8ae76e54)`` in a sentence; only a provider in capitals may be of several words there."""
_PEOPLE = frozenset((
    "actor", "acknowledged_by", "assignee", "assignees", "attendees", "by", "holder", "incoming", "operator",
    "outgoing", "owner", "person", "primary", "reviewer", "secondary", "user", "who",
))  # fmt: skip
_HOSTS = frozenset(("host", "hostname", "hosts", "replica", "replicas", "server", "instance", "node"))
_LOGINS = """
actions admin administrator automation bot call channel ci commander comms cron daemon debian deploy deployer drill
engineer engineering everyone github here incident lead maintainer maintainers management manager mgmt nobody omniops
omniroute on oncall ops owner pager pagerduty person primary release robot root runner scribe secondary security
service svc system systemd team the tick ubuntu user vendor www
"""
_NOBODY = frozenset(_LOGINS.split())
"""Words of logins, roles and mentions that are no person's name, and some of them of every report: root cause."""
_OWN = re.compile(r"run r[0-9a-f]+|uid-[0-9]+")
_PART = re.compile(r"[^\W\d_]+(?:['`\u2018\u2019\u02bc][^\W\d_]+)*")
LEAST = 2
"""A name of one character would be found in every sentence."""
LEAST_PART = 3
"""A part of a person's name that is shorter than that is no name (de, Mc)."""


class Name(NamedTuple):
    """One name. ``exact``: found only as it is written, because it is a part of a name and an ordinary word (Will)."""

    text: str
    kind: str
    exact: bool = False


def names(events: Iterable[Event], public: Iterable[str] = (), servers: Iterable[str] = ()) -> list[Name]:
    """Every name in the events of an incident and its runs, but for those that are ``public`` anyway; these end the
    list. ``servers``: addresses of the servers that omniops talks to, whether or not the record holds them."""
    found: dict[Name, None] = {}
    known = tuple(public)
    actors: dict[str, None] = {}
    for event in events:
        actors[event.actor] = None
        found.update(dict.fromkeys(_host(event.host)))
        kind, _, id = event.stream.partition("/")
        if kind == "incident":
            found[Name(slack_channel("incident", id).removeprefix("#"), CHANNEL)] = None
        found.update(dict.fromkeys(_walk(event.data, "", event.kind)))
    found.update(dict.fromkeys(name for server in servers for name in _host(server)))
    people = [name for actor in actors for name in _person(actor)]
    open = {letters(part) for one in known for part in (one, *one.split("@"))}
    secret = [name for name in dict.fromkeys([*people, *found]) if _counts(name) and letters(name.text) not in open]
    return [*secret, *(Name(one, PUBLIC) for one in known)]


def leaks(text: str, forbidden: Iterable[Name]) -> list[Name]:
    """The names that stand in a text, in the order in which they became known, then what only looks like one; each
    once."""
    forbidden = list(forbidden)
    known = [name for name in forbidden if name.kind != PUBLIC]
    public = [name.text for name in forbidden if name.kind == PUBLIC]
    found: dict[tuple[str, str], Name] = {}
    there = {
        number
        for number, seen in Index([name.text for name in known]).find(text)
        if not known[number].exact or seen == written(known[number].text)
    }
    for name in (known[number] for number in sorted(there)):
        found.setdefault((letters(name.text) or name.text, name.kind), name)
    told = {key for key, _ in found}
    for shape, kind in shapes.shapes(text, public) if public else ():
        if letters(shape) not in told:
            found.setdefault((letters(shape) or shape, kind), Name(shape, kind))
    return list(found.values())


def same(name: str, other: str) -> bool:
    """Are they one name, as far as a reader is concerned?"""
    return letters(name) == letters(other)


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
    for found in shapes.URL_HOST.findall(text):
        yield from _host(found)
    yield from (Name(found, HOST) for found in shapes.IP.findall(text))
    for found in shapes.DOMAIN.findall(shapes.MAIL.sub(" ", text)):
        yield from _host(found)
    yield from (Name(found, CHANNEL) for found in shapes.CHANNELS.findall(text))
    for local, domain in shapes.MAIL.findall(text):
        yield Name(f"{local}@{domain}", PERSON)
        yield from _person(local)
    for found in shapes.MENTIONS.findall(text):
        yield from _person(found)
    for provider, name, id in _IN_PROSE.findall(text):
        yield from _target(f"{provider}/{name} ({id})")
        last = provider.rpartition(" ")[2]  # of "Asked openai/main"
        yield from _target(f"{last}/{name}" if len(last) >= LEAST_PART else "")


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
    bare = shapes.URL_HOST.sub(lambda match: match[1], text.strip()).partition("/")[0].strip("[]")
    host, colon, port = bare.rpartition(":")
    bare = host if colon and port.isdecimal() and ":" not in host else bare
    yield Name(bare, HOST)
    first = bare.partition(".")[0]
    if first != bare and re.search(r"[0-9-]", first) and not first.isdecimal():
        yield Name(first, HOST)


def _person(text: str) -> Iterator[Name]:
    """A name, and each of its parts (of ``eve.adams`` too); of an address, what is before the @."""
    bare = text.strip().removeprefix("@")
    local = shapes.MAIL.fullmatch(bare)
    if _OWN.fullmatch(bare):
        return
    if local:
        yield Name(bare, PERSON)
        yield from _person(local[1])
        return
    parts = _PART.findall(normalize("NFC", bare))
    if not (parts == [bare] and parts[0].casefold() in ORDINARY):
        yield Name(bare, PERSON)
    yield from (_part(part) for part in parts if len(letters(part)) >= LEAST_PART and letters(part) not in _NOBODY)


def _part(part: str) -> Name:
    """A part of a name; one that is an ordinary word is found with its capital alone."""
    if letters(part) in ORDINARY:
        return Name(part[0].upper() + part[1:], PERSON, exact=True)
    return Name(part, PERSON)


def _counts(name: Name) -> bool:
    """Is it a name at all, no login of a machine, and no host that is called as an ordinary word is?"""
    bare = name.text.strip()
    if len(bare) < LEAST and bare.isalnum():
        return False
    if name.kind == PERSON:
        parts = {letters(part) for part in _PART.findall(bare)}
        return bool(bare) and not (parts and parts <= _NOBODY)
    return bool(bare) and not (name.kind == HOST and bare.casefold() in ORDINARY)
