"""Settings: flags above environment above config file; secrets as references until the moment of use; where files live.

A secret may be given as NAME, NAME_FILE (a path) or NAME_COMMAND (a command line, run without a shell), and in the file
as "file:PATH", "cmd:COMMAND" or "env:NAME". Its value is resolved at the moment of use, remembered for redaction, and
kept nowhere else. A drill has a mapping of its own instead of all three.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from omniops.config.address import WANTED, plain, shown
from omniops.errors import BadInput
from omniops.text import is_secret

if TYPE_CHECKING:
    from omniops.config.file import File

SECRETS = (
    "OMNIROUTE_PASSWORD",
    "OMNIROUTE_API_KEY",
    "PAGERDUTY_ROUTING_KEY",
    "PAGERDUTY_ROUTING_KEY_SECONDARY",
    "PAGERDUTY_ROUTING_KEY_SECURITY",
    "PAGERDUTY_ROUTING_KEY_DATA",
    "PAGERDUTY_TOKEN",
    "SLACK_BOT_TOKEN",
    "SLACK_WEBHOOK_URL",
    "DISCORD_WEBHOOK_URL",
    "STATUSPAGE_TOKEN",
    "SMTP_URL",
    "APPRISE_URLS",
    "GH_TOKEN",
)
_SENT_AS_IT_IS = ("SLACK_BOT_TOKEN", "SLACK_WEBHOOK_URL", "DISCORD_WEBHOOK_URL", "STATUSPAGE_TOKEN", "GH_TOKEN")
"""Secrets that become part of a request's head, which takes no other letters than these have."""
SECRET_COMMAND_TIMEOUT_S = 15
MOST_SECRET = 64 * 1024
"""Characters in a secret's file."""
FLAGS = {"OMNIOPS_ENV": "--env", "OMNIOPS_RUNBOOKS": "--runbooks"}
"""Settings that have a flag of their own, anywhere on the line."""


def load(environ: Mapping[str, str], flags: Mapping[str, str] | None = None) -> Settings:
    """The settings of a command; ``flags``: setting -> value. Raises BadInput where the file or the environment's name
    is wrong."""
    from omniops.config.file import read

    flags = flags or {}
    file = read(environ)
    wanted = flags.get("OMNIOPS_ENV") or environ.get("OMNIOPS_ENV", "").strip()
    if file is not None or "OMNIOPS_ENV" in flags:
        from omniops.config.choosing import choose

        choose(file, wanted, by_flag="OMNIOPS_ENV" in flags)
    return Settings(environ, file=file, flags=flags)


class Settings:
    """The settings of one command. ``env``: every setting that is no reference, whichever layer it came from, and the
    rest of the environment; for a drill a mapping made by the drill."""

    def __init__(
        self,
        env: Mapping[str, str],
        *,
        drill: bool = False,
        file: File | None = None,
        flags: Mapping[str, str] | None = None,
    ) -> None:
        self.drill = drill
        self.file = file
        self._given = env
        self._flags = dict(flags or {})
        self._references: dict[str, str] = {}
        self.env = self._layered() if file or flags else env
        for name in SECRETS:  # redacted from the first word on, used or not
            is_secret(env.get(name, "").strip())
            kind, _, rest = self._references.get(name, "").partition(":")
            if kind == "env":
                is_secret(env.get(rest, "").strip())

    def _layered(self) -> dict[str, str]:
        env = dict(self._given)
        for name, (value, _) in self.file.values.items() if self.file else ():
            if name in SECRETS:
                if not self._in_environment(name):
                    self._references[name] = value
            elif not env.get(name, "").strip():
                env[name] = value
        return {**env, **self._flags}

    def _in_environment(self, name: str) -> str:
        """The variable that gives a setting, "" where none does."""
        endings = ("", "_FILE", "_COMMAND") if name in SECRETS else ("",)
        return next((name + ending for ending in endings if self._given.get(name + ending, "").strip()), "")

    def origin(self, name: str) -> str:
        """Where a setting comes from: "flag --env", "environment NAME", "FILE:LINE" or "default" (set nowhere)."""
        if name in self._flags:
            return f"flag {FLAGS.get(name, name)}"
        variable = self._in_environment(name)
        if variable:
            return f"environment {variable}"
        if self.file and name in self.file.values:
            return f"{self.file.path}:{self.file.values[name][1]}"
        return "default"

    def shadowed(self) -> list[str]:
        """The settings of the chosen environment's own table in the file that the environment's variables override."""
        table = self.file.layers.get(self.file.environment, {}) if self.file and self.file.environment else {}
        return [
            name
            for name, (value, _) in table.items()
            if (variable := self._in_environment(name)) and self._given[variable].strip() != value
        ]

    def get(self, name: str, default: str = "") -> str:
        """Return a setting that is not secret, or ``default`` where it is unset or empty."""
        return self.env.get(name, "").strip() or default

    def has_secret(self, name: str) -> bool:
        """Say whether a secret is configured, without resolving it."""
        return bool(self._in_environment(name)) or name in self._references

    def by_command(self, name: str) -> bool:
        """Say whether a secret is what a command prints."""
        given = self._in_environment(name)
        return given.endswith("_COMMAND") if given else self._references.get(name, "").startswith("cmd:")

    def secret(self, name: str) -> str:
        """Resolve a secret, "" where there is none. Raises BadInput when its file, command or variable fails, and for a
        token in which stands what no token holds."""
        value = self._given.get(name, "").strip()
        path, line = (self._given.get(f"{name}_{ending}", "").strip() for ending in ("FILE", "COMMAND"))
        if not value and path:
            value = self._from_file(f"{name}_FILE", path)
        if not value and line:
            value = self._from_command(f"{name}_COMMAND", line)
        if not value and name in self._references:
            value = self._referred(name)
        is_secret(value)
        if name in _SENT_AS_IT_IS and not (value.isascii() and value.isprintable() and " " not in value):
            why = "a blank, a line end, or a letter that is no ASCII stands in it; its value is not shown"
            _failed(f"{name} is of no use", why, f"give {name} as it was issued")
        return value

    def remember_secrets(self) -> None:
        """Make every secret known to ``redact`` that no command has to be run for, nor a pipe be read, which can be
        done once. One that cannot be read is no secret that could stand anywhere."""
        for name in SECRETS:
            if self.has_secret(name) and not self.by_command(name):
                path = self._file_of(name)
                with suppress(BadInput):
                    if not path or os.path.isfile(os.path.expanduser(path)):
                        self.secret(name)

    def _file_of(self, name: str) -> str:
        """The file that a secret stands in, "" where it stands in none."""
        kind, _, rest = self._references.get(name, "").partition(":")
        if self._given.get(name, "").strip():
            return ""
        return self._given.get(f"{name}_FILE", "").strip() or (rest.strip() if kind == "file" else "")

    def _referred(self, name: str) -> str:
        kind, _, rest = self._references[name].partition(":")
        where = f"{name} of {self.origin(name)}"
        if kind == "file":
            return self._from_file(where, rest.strip())
        if kind == "cmd":
            return self._from_command(where, rest.strip())
        value = self._given.get(rest, "").strip()
        if not value:
            _failed(f"{where} refers to a variable that is not set: {rest}", "", f"export {rest}, or refer to another")
        return value

    def _from_file(self, what: str, path: str) -> str:
        try:
            with Path(path).expanduser().open(encoding="utf-8") as file:
                value = file.read(MOST_SECRET + 1)
            if len(value) > MOST_SECRET:  # a device, which may never end
                raise OSError(None, f"it is longer than {MOST_SECRET // 1024} KB")
            return value.strip()
        except (OSError, ValueError, RuntimeError) as error:
            why = getattr(error, "strerror", None) or (
                "it is no UTF-8" if isinstance(error, ValueError) else str(error)
            )
            _failed(f"{what} cannot be read: {path}", why, "mend the file, or give the secret another way")

    def _from_command(self, what: str, line: str) -> str:
        import shlex
        import subprocess

        hidden = (*SECRETS, *(value[4:] for value in self._references.values() if value.startswith("env:")))
        try:
            done = subprocess.run(
                shlex.split(line),
                capture_output=True,
                check=False,
                text=True,
                timeout=SECRET_COMMAND_TIMEOUT_S,
                env={k: v for k, v in self._given.items() if not k.startswith(hidden)},
            )
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            why = f"{type(error).__name__}"
        else:
            if done.returncode == 0 and done.stdout.strip():
                return done.stdout.strip()
            why = f"it exited with {done.returncode}" if done.returncode else "it printed nothing"
        # The command's output may hold the secret, so it is not shown.
        _failed(f"{what} failed: {why}", "", "run it by hand and mend it")

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
    def has_server(self) -> bool:
        """Is it said where the server is? Whether that is a URL, ``omniroute_url`` tells."""
        return bool(self.get("OMNIROUTE_URL"))

    @property
    def omniroute_url(self) -> str:
        """The server's base URL. Raises BadInput where it is unset or no plain http(s) URL."""
        url = self.get("OMNIROUTE_URL").rstrip("/")
        if not url:
            raise no_server()
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
    def drills_folder(self) -> Path:
        """Where each drill has a folder of its own, journal included."""
        return self.state_folder / "drills"

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


def refuse_no_runbooks(settings: Settings) -> None:
    """Raises BadInput where OMNIOPS_RUNBOOKS leads nowhere: the shipped rules, which name nobody, are not what is meant
    by it."""
    folder = settings.user_runbooks
    if folder is not None and not os.path.isdir(folder):
        _failed(f"OMNIOPS_RUNBOOKS names no folder: {folder}", "", f"mkdir -p {folder}, or correct it, or unset it")


def refuse_no_home(settings: Settings) -> None:
    """Raises BadInput where a journal is to be read from a folder that was named and is not there: "nothing is owed"
    would be said of a place at which nobody has ever written."""
    path = settings.journal_path
    name, folder = (
        ("OMNIOPS_JOURNAL", path.parent) if settings.get("OMNIOPS_JOURNAL") else ("OMNIOPS_HOME", settings.home)
    )
    if folder is not None and not settings.drill and not os.path.isdir(folder):
        _failed(
            f"there is no journal at {path}",
            f"{name} names a folder that is not there",
            f"correct {name}; or, where it is to begin: mkdir -p {folder}",
        )


def _failed(what: str, why: str, mend: str) -> NoReturn:
    raise BadInput(what, why=why, state="nothing was attempted", next=mend) from None


def no_server(without: str = "") -> BadInput:
    """The error of a command that needs OmniRoute's address; ``without``: what can be done while there is none."""
    return BadInput(
        "OMNIROUTE_URL is not set",
        why="omniops does not know which server to talk to",
        state="nothing was attempted",
        next="export OMNIROUTE_URL=https://omniroute.example.net OMNIROUTE_PASSWORD_FILE=FILE, or omniops config init"
        + (f". Without it: {without}" if without else ""),
    )


def _plain_url(name: str, url: str) -> str:
    if plain(url) is None:
        raise BadInput(
            f"{name} is not a plain base URL: {shown(url)}",
            why=f"it must be {WANTED}",
            state="nothing was attempted",
            next=f"export {name}=https://your-omniroute",
        )
    return url
