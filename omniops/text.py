"""Words, durations, and what must never reach a screen or the journal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
# C0 and C1 controls, the bidirectional overrides and the line separators: each can rewrite what a terminal shows.
_SPANS = "\x00\x08 \x0b\x1f \x7f\x9f \u200b\u200f \u2028\u202e \u2060\u2069 \ufeff\ufeff"
_CONTROLS = [code for span in _SPANS.split(" ") for code in range(ord(span[0]), ord(span[1]) + 1)]
_DROPPED = dict.fromkeys(_CONTROLS)  # a table: to compile a pattern costs every command a twentieth of a bare start
_HALF = "[\ud800-\udfff]"
_ESCAPE = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])"

LEAST_SECRET = 6
"""A shorter one would be found inside ordinary words, and names would be redacted with it."""
LEAST_TOKEN = 8
"""A shorter part of an address is no token."""
# Not compiled before an address is among the secrets: most commands hold none.
_WORDS = r"[A-Z]?[a-z]{2,15}(?:(?:[-_./][A-Z]?|[A-Z])[a-z]{2,15})*[-_.]?[0-9]{0,4}|[A-Z]{1,5}|[0-9]+(?:[-_.][0-9]+)*"
"""``services``, ``omniroute-ops``, ``OmniRoute``, ``2016-06-01``: parts of an address, and no tokens."""
_ADDRESS = r"([A-Za-z][A-Za-z0-9+.-]*)://(?:([^/?#]*)@)?([^/?#]*)([^?#]*)\??([^#]*)"

_secrets: tuple[str, ...] = ()
"""Longest first: one that holds another as a part is taken out whole."""


def seconds(text: str) -> float:
    """Read a duration with units (``5m``, ``1h30m``, ``250ms``). Raises ValueError without a unit."""
    compact = text.replace(" ", "")
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", compact)
    if not parts or "".join(number + unit for number, unit in parts) != compact:
        raise ValueError(f"{text!r} is not a duration; write it with units, such as 90s, 5m or 1h30m")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def duration(value: float | timedelta) -> str:
    """Write seconds for people: ``4s``, ``2m 05s``, ``3h 10m``, ``2d 4h``."""
    total = round(value.total_seconds() if isinstance(value, timedelta) else value)
    sign, total = ("-" if total < 0 else ""), abs(total)
    if total < 60:
        return f"{sign}{total}s"
    if total < 3600:
        return f"{sign}{total // 60}m {total % 60:02d}s"
    if total < 86400:
        return f"{sign}{total // 3600}h {total % 3600 // 60:02d}m"
    return f"{sign}{total // 86400}d {total % 86400 // 3600}h"


def unseen_escaped(json: str) -> str:
    """JSON in which what a terminal would act on, or not show, is written as an escape: it means the same."""
    return json.translate({code: f"\\u{code:04x}" for code in _CONTROLS})


JUST_S = 60.0
"""Seconds after which something that was to be told at a moment is late: it is typed after it."""


def lateness(left_s: float, due: str = "", just_s: float = 1.0) -> str:
    """Say how long there is left, or how late something is: ``in 4m 10s``, ``now``, ``12m 03s late``.

    ``due`` goes before the first two (``"due "``); what fell due at most ``just_s`` ago is due now, and nobody is late.
    """
    if left_s > 0:
        return f"{due}in {duration(left_s)}"
    return f"{due}now" if -left_s < just_s else f"{duration(-left_s)} late"


def span(value: float) -> str:
    """Write a limit as rules do: ``30 min``, ``4 h``, ``24 h``, ``7 d``; what is no whole minute as ``duration``."""
    total = round(value)
    if total % 60:
        return duration(total)
    if total % 3600:
        return f"{total // 60} min"
    return f"{total // 86400} d" if total % 86400 == 0 and total > 86400 else f"{total // 3600} h"


def clock(value: float) -> str:
    """Write seconds as the checklist does: ``0:02`` is two minutes, ``1:15`` an hour and a quarter."""
    minutes = int(max(value, 0.0)) // 60
    return f"{minutes // 60}:{minutes % 60:02d}"


def clean(text: object) -> str:
    """Return text safe to show: no escape sequences, no control characters but tab and newline, and what was no UTF-8
    on the command line as U+FFFD, so that it is the same wherever it is written."""
    found = str(text)
    if "\x1b" in found:
        found = re.sub(_ESCAPE, "", found)
    found = found.translate(_DROPPED)
    return found if found.isascii() else re.sub(_HALF, "\ufffd", found)


def one_line(text: object, limit: int = 200) -> str:
    """Return ``clean`` text on one line, cut to ``limit`` characters with an ellipsis."""
    flat = " ".join(clean(text).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def is_secret(value: str) -> None:
    """Remember a secret's value, so that ``redact`` takes it out of everything written from now on; of one that is an
    address, or several, the parts that are secret by themselves too: a server that refuses it repeats only its path."""
    global _secrets
    if value in _secrets:
        return
    new = {one for one in (value, *_parts(value)) if len(one) >= LEAST_SECRET}.difference(_secrets)
    if new:
        # A new one: another thread may be going through the old one.
        _secrets = tuple(sorted((*_secrets, *new), key=lambda secret: (-len(secret), secret)))


def _parts(value: str) -> Iterator[str]:
    """What is secret of the addresses in a secret: the password, the path, and whatever in them looks like a token.
    Each as it is written there, and as it is meant (``%40``)."""
    if "://" not in value:
        return
    from urllib.parse import unquote

    for found in (match for url in {value, *re.split(r"[\s,]+", value)} if (match := re.match(_ADDRESS, url))):
        scheme, who, host, path, query = (part or "" for part in found.groups())
        user, _, password = who.partition(":")
        segments = [one for one in path.split("/") if one]
        looked_at = [*segments, *re.split("[&=]", query), user]
        if "." not in host and scheme.lower() not in ("http", "https", "smtp", "smtps"):
            looked_at += host.split(":")  # Apprise's slack://TOKEN/TOKEN, tgram://NUMBER:TOKEN
        looked_at += ["/".join(segments[first:]) for first in range(len(segments) - 1)]
        for part in (password, *(one for one in looked_at if _is_token(unquote(one)))):
            yield from (part, unquote(part))


def _is_token(part: str) -> bool:
    """Is it no ordinary word, none that are joined, no number, no sentence, and nobody's address?"""
    return len(part) >= LEAST_TOKEN and not re.fullmatch(_WORDS, part.strip("/")) and not re.search(r"[@\s]", part)


def redact(value: Any) -> Any:
    """Return the value with every known secret replaced by ``***``, in strings, lists and dicts (keys too)."""
    if not _secrets:
        return value
    if isinstance(value, str):
        for secret in _secrets:
            if secret in value:
                value = value.replace(secret, "***")
        return value
    if isinstance(value, dict):
        return {redact(key): redact(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [redact(item) for item in value]
    return value
