"""What counts as the address of a service: read once, for the settings, for the config file and for who connects."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from omniops.text import one_line

WANTED = "http:// or https://, a host, and no user, query or fragment"
_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?")  # or an IPv4 address
_IPV6 = re.compile(r"[0-9a-f:]*:[0-9a-f:.]*")
"""Whether there is such a host, the network tells."""


def plain(url: str) -> SplitResult | None:
    """The parts of a plain http(s) base URL; None for anything else. Raises nothing, whatever the text is."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    extra = parts.username is not None or parts.password is not None or parts.query or parts.fragment
    host = (_IPV6 if "[" in parts.netloc else _NAME).fullmatch(parts.hostname or "")
    good = parts.scheme in ("http", "https") and host and port != 0
    return parts if good and not extra and url.isprintable() and " " not in url else None


def shown(url: str) -> str:
    """What may be said of an address that is none: it may hold a password."""
    try:
        parts = urlsplit(url)
        return one_line(f"{parts.scheme}://{parts.hostname}", 80) if parts.hostname else "what it holds"
    except ValueError:
        return "what it holds"
