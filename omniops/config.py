"""Settings: named values from the environment, secrets as references until the moment of use, and where files live.

A secret may be given as NAME, NAME_FILE (a path) or NAME_COMMAND (a command line, run without a shell). Its value is
resolved at the moment of use, remembered for redaction, and kept nowhere else.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from omniops.errors import BadInput
from omniops.text import is_secret

SECRETS = (
    "OMNIROUTE_PASSWORD",
    "OMNIROUTE_API_KEY",
    "PAGERDUTY_ROUTING_KEY",
    "PAGERDUTY_ROUTING_KEY_SECONDARY",
    "PAGERDUTY_ROUTING_KEY_SECURITY",
    "PAGERDUTY_ROUTING_KEY_DATA",
    "PAGERDUTY_TOKEN",
    "SLACK_BOT_TOKEN",
    "STATUSPAGE_TOKEN",
    "SMTP_URL",
    "GH_TOKEN",
)
SECRET_COMMAND_TIMEOUT_S = 15


class Settings:
    """The settings of one command. ``env`` is the environment, or for a drill a mapping made by the drill."""

    def __init__(self, env: Mapping[str, str], *, drill: bool = False) -> None:
        self.env = env
        self.drill = drill
        for name in SECRETS:  # redacted from the first word on, used or not
            is_secret(env.get(name, "").strip())

    def get(self, name: str, default: str = "") -> str:
        """Return a setting that is not secret, or ``default`` where it is unset or empty."""
        return self.env.get(name, "").strip() or default

    def has_secret(self, name: str) -> bool:
        """Say whether a secret is configured, without resolving it."""
        return any(self.env.get(name + ending, "").strip() for ending in ("", "_FILE", "_COMMAND"))

    def secret(self, name: str) -> str:
        """Resolve a secret, "" where there is none. Raises BadInput when its file or command fails."""
        value = self.env.get(name, "").strip() or self._from_file(name) or self._from_command(name)
        is_secret(value)
        return value

    def _from_file(self, name: str) -> str:
        path = self.env.get(f"{name}_FILE", "").strip()
        if not path:
            return ""
        try:
            return Path(path).expanduser().read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(
                f"{name}_FILE cannot be read: {path}",
                why=str(error),
                state="nothing was attempted",
                next=f"mend the file, or set {name} or {name}_COMMAND",
            ) from None

    def _from_command(self, name: str) -> str:
        line = self.env.get(f"{name}_COMMAND", "").strip()
        if not line:
            return ""
        import shlex
        import subprocess

        try:
            done = subprocess.run(
                shlex.split(line),
                capture_output=True,
                check=False,
                text=True,
                timeout=SECRET_COMMAND_TIMEOUT_S,
                env={k: v for k, v in self.env.items() if not k.startswith(SECRETS)},
            )
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            why = f"{type(error).__name__}"
        else:
            if done.returncode == 0 and done.stdout.strip():
                return done.stdout.strip()
            why = f"it exited with {done.returncode}" if done.returncode else "it printed nothing"
        # The command's output may hold the secret, so it is not shown.
        raise BadInput(
            f"{name}_COMMAND failed: {why}", state="nothing was attempted", next="run it by hand and mend it"
        )

    @property
    def environment(self) -> str:
        return self.get("OMNIOPS_ENV", "default")

    @property
    def operator(self) -> str:
        """Who acts: OMNIOPS_OPERATOR, else the login name."""
        name = self.get("OMNIOPS_OPERATOR")
        if name:
            return name
        import getpass

        try:
            return getpass.getuser()
        except (KeyError, OSError):
            return f"uid-{os.getuid()}"

    @property
    def omniroute_url(self) -> str:
        """The server's base URL. Raises BadInput where it is unset or no plain http(s) URL."""
        url = self.get("OMNIROUTE_URL").rstrip("/")
        if not url:
            raise BadInput(
                "OMNIROUTE_URL is not set",
                why="omniops does not know which server to talk to",
                state="nothing was attempted",
                next="export OMNIROUTE_URL=https://your-omniroute",
            )
        return _plain_url("OMNIROUTE_URL", url)

    @property
    def replica_urls(self) -> list[str]:
        """The replicas' own URLs (OMNIROUTE_URLS, separated by commas or spaces); empty where unset."""
        return [
            _plain_url("OMNIROUTE_URLS", url.rstrip("/"))
            for url in self.get("OMNIROUTE_URLS").replace(",", " ").split()
        ]

    def service_url(self, name: str, default: str = "") -> str:
        """The base URL of an outside system, "" where there is none. Raises BadInput for one that is not plain."""
        url = self.get(name, default).rstrip("/")
        return _plain_url(name, url) if url else ""

    @property
    def home(self) -> Path | None:
        """OMNIOPS_HOME: config, state and cache in one folder."""
        home = self.get("OMNIOPS_HOME")
        return Path(home).expanduser() if home else None

    @property
    def state_folder(self) -> Path:
        return self._folder("state", "XDG_STATE_HOME", ".local/state")

    @property
    def cache_folder(self) -> Path:
        return self._folder("cache", "XDG_CACHE_HOME", ".cache")

    @property
    def journal_path(self) -> Path:
        """OMNIOPS_JOURNAL, else journal.db (drill.db in a drill) in the state folder."""
        path = self.get("OMNIOPS_JOURNAL")
        return Path(path).expanduser() if path else self.state_folder / ("drill.db" if self.drill else "journal.db")

    @property
    def user_runbooks(self) -> Path | None:
        path = self.get("OMNIOPS_RUNBOOKS")
        return Path(path).expanduser() if path else None

    def _folder(self, name: str, xdg: str, fallback: str) -> Path:
        if self.home:
            return self.home / name
        base = self.get(xdg)
        return (Path(base) if base else Path.home() / fallback) / "omniops"


def _plain_url(name: str, url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        shown = f"{parts.scheme}://{parts.hostname}" if parts.hostname else "what it holds"
        raise BadInput(
            f"{name} is not a plain base URL: {shown}",
            why="it must be http:// or https://, a host, and no user, query or fragment",
            state="nothing was attempted",
            next=f"export {name}=https://your-omniroute",
        )
    return url
