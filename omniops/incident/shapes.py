"""What is an address, a host, a mention or a channel by its looks, whether or not a record holds it. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator

from omniops.incident.spelling import plain, undisguised

HOST, ADDRESS, CHANNEL, MENTION = "host", "address", "channel", "mention"

# Each begins where nothing of its own kind stands before it, so that a long word is gone through once.
URL_HOST = re.compile(r"(?<![a-z0-9+.-])[a-z][a-z0-9+.-]*://(?:[^\s/@?#]*@)?(\[[0-9a-f:.]+\]|[\w.-]*)", re.IGNORECASE)
IP = re.compile(r"(?<![\w.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?!\w|\.\w)")
DOMAIN = re.compile(r"(?<![\w.@-])(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.){2,}[a-z]{2,}(?![\w-])", re.IGNORECASE)
CHANNELS = re.compile(r"(?<![\w&/#])#([^\W_][\w-]{1,80})")
MAIL = re.compile(r"(?<![\w.+-])([\w.+-]+)@([\w-]+(?:\.[\w-]+)+)")
MENTIONS = re.compile(r"(?<![\w./@])@([^\W_][\w.-]{1,80})")

_IP6 = re.compile(r"(?<![\w:.])[0-9a-f:.]{3,45}(?![\w:])", re.IGNORECASE)
_DOTTED = re.compile(r"(?<![\w.@-])(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}(?![\w-])", re.IGNORECASE)
_NUMBERED = re.compile(
    r"(?<![\w.-])(?:localhost|(?:gw|srv|vm|lb)-?[0-9][0-9a-z-]*|(?:app|db|host|ip|node|web|worker)(?:-[0-9]|0)[0-9a-z-]*)(?![\w-])",
    re.IGNORECASE,
)
_HEX = re.compile(r"(?<!\w)0x[0-9a-f]{8}(?!\w)", re.IGNORECASE)
_DEFANGED = re.compile(
    r"\s?[\[({]\s?(?:\.|dot)\s?[\])}]\s?|(?<=[0-9]) ?(?: \.|dot|[\u00b7\u2022\u2219\u22c5]) ?(?=[0-9])|[\u3002\uff61]",
    re.IGNORECASE,
)
"""A dot as it is written so that nobody clicks: ``[.]``, ``(dot)``, and between digits alone."""
_MENTION = re.compile(r"(?<![\w.@/])@[^\W\d_][\w.-]*")
_CHANNEL = re.compile(r"(?<![\w&/#])#(?![0-9]+(?![\w-]))[^\W_][\w-]*")
_SLACK = re.compile(r"<[!@#][^<>\n]{1,200}>")
_VERSION = re.compile(r"v?[0-9]+", re.IGNORECASE)
_ENDINGS = """
ai app arpa au biz br ca ch cloud cluster cn co com consul corp de dev edu es eu example fr gov home info int internal
intranet invalid io jp lan local localdomain localhost mil net network nl online org pl private ru se site svc systems
tech test uk xyz
"""
"""What a name of two parts ends with. ``in``, ``sh`` or ``md`` are not among them: a blank that is missing after a full
stop, or a file, is no host."""
_TOPS = frozenset(_ENDINGS.split())


def shapes(text: str, public: Iterable[str]) -> Iterator[tuple[str, str]]:
    """What customers are not told, by its looks: (as written, kind). ``public``: hosts and mail addresses that they
    know; any other address in the domain of such a one is public too. A text in disguise is looked at without, too."""
    hosts = {known for one in public for known in _hosts(one)}
    for shown in dict.fromkeys((plain(text), _DEFANGED.sub(".", undisguised(text)))):
        yield from _shapes(shown, hosts)


def _shapes(shown: str, hosts: set[str]) -> Iterator[tuple[str, str]]:
    for match in _SLACK.finditer(shown):
        yield match[0], MENTION
    shown = _SLACK.sub(" ", shown)
    for match in URL_HOST.finditer(shown):
        if match[1].rstrip(".").casefold() not in hosts:
            yield match[1] or match[0], HOST
    shown = URL_HOST.sub(" /", shown)
    for match in MAIL.finditer(shown):
        if match[2].rstrip(".").casefold() not in hosts:
            yield match[0], ADDRESS
    shown = MAIL.sub(" ", shown)
    yield from ((match[0], ADDRESS) for match in IP.finditer(shown))
    yield from ((match[0], ADDRESS) for match in _HEX.finditer(shown))
    yield from ((match[0], ADDRESS) for match in _IP6.finditer(shown) if _is_ip6(match[0]))
    for match in _DOTTED.finditer(shown):
        if _is_host(match[0]) and match[0].casefold() not in hosts:
            yield match[0], HOST
    yield from ((match[0], HOST) for match in _NUMBERED.finditer(shown))
    yield from ((match[0], MENTION) for match in _MENTION.finditer(shown))
    yield from ((match[0], CHANNEL) for match in _CHANNEL.finditer(shown))


def _hosts(public: str) -> Iterator[str]:
    bare = public.strip().casefold()
    url = URL_HOST.match(bare)
    yield url[1] if url else bare.rpartition("@")[2]


def _is_host(dotted: str) -> bool:
    """Two parts with a known ending, or three and more; no version, and no two sentences without a blank."""
    *parts, last = dotted.split(".")
    if all(_VERSION.fullmatch(part) for part in parts):
        return False
    if len(parts) > 1:
        return max(map(len, parts)) > 1
    return last.casefold() in _TOPS and (last.islower() or last.isupper())


def _is_ip6(text: str) -> bool:
    try:
        return ipaddress.IPv6Address(text.rstrip(".")).packed != bytes(16)
    except ValueError:
        return False
