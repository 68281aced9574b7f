"""The settings as they are: every value, where it came from, and never a secret."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from omniops.config import Settings
from omniops.config.file import config_path
from omniops.config.names import GROUPS, Setting
from omniops.text import one_line, redact


class Row(NamedTuple):
    """One setting. ``value`` is "" for a secret and for what is not set; ``origin`` is that of `Settings.origin`."""

    group: str
    name: str
    value: str
    secret: bool
    set: bool
    origin: str


class Shown(NamedTuple):
    """All of them, and the file: ``found`` says whether it is there."""

    path: str
    found: bool
    environment: str
    environments: list[str]
    settings: list[Row]


def show(settings: Settings) -> Shown:
    """Look every setting up. No secret is resolved: neither its file is read nor its command run."""
    rows = [_row(settings, group.title, setting) for group in GROUPS for setting in group.settings]
    path = settings.file.path if settings.file else config_path(settings.env)
    environments = settings.file.environments if settings.file else []
    return Shown(str(path), settings.file is not None, one_line(settings.environment, 60), environments, rows)


def _row(settings: Settings, group: str, setting: Setting) -> Row:
    origin = settings.origin(setting.name)
    if setting.kind == "secret":
        return Row(group, setting.name, "", True, settings.has_secret(setting.name), origin)
    value = settings.get(setting.name) or _default(settings, setting)
    if setting.kind in ("url", "urls"):
        value = " ".join(_without_secrets(url) for url in value.replace(",", " ").split())
    return Row(group, setting.name, one_line(redact(value), 300), False, origin != "default", origin)


def _default(settings: Settings, setting: Setting) -> str:
    if setting.name == "OMNIOPS_OPERATOR":
        return settings.operator
    if setting.name == "OMNIOPS_JOURNAL":
        return str(settings.journal_path)
    return setting.default


def _without_secrets(url: str) -> str:
    """An address without what may be a password in it; using it is refused elsewhere."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(no address)"
    if "@" in parts.netloc or parts.query or parts.fragment:
        return f"{parts.scheme}://{parts.hostname or '?'} (not a plain base URL; the rest is not shown)"
    return url
