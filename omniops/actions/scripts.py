"""What the actions that run a script share: finding it, its folders, its environment, and reading how it ended.

The scripts' behaviour and traps: OmniRoute's bin/*.sh. They print to stderr, exit 0 without proof, and exit 1 with
half of the work done; so every action here concludes from what it reads back, not from the exit code alone.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omniops.actions.base import Applied, Args, Context
from omniops.actions.specs import SPECS
from omniops.config import Settings
from omniops.errors import BadInput, OmniopsError
from omniops.jobs.contract import LOST, NOT_STARTED, TIMED_OUT, JobResult
from omniops.text import one_line

if TYPE_CHECKING:
    from omniops.jobs.host import HostProof

DATABASE = "storage.sqlite"


def check_present(settings: Settings, ctx: Context, names: Sequence[str]) -> None:
    """Before a walk begins: raise BadInput where a script is missing on the server's own host.

    On another host its steps are done by hand, so nothing is missing there.
    """
    problems = _problems(settings, names)
    # A server on this machine that is down cannot be proved to be here, but what was configured for it can be wrong.
    if problems and (here(ctx).here or _meant_here(settings, ctx)):
        raise BadInput(
            "A script that this runbook may run cannot be run here",
            why="; ".join(problems),
            state="nothing was started",
            next="set OMNIROUTE_BIN to the folder that holds OmniRoute's bin/*.sh",
        )


def _meant_here(settings: Settings, ctx: Context) -> bool:
    from urllib.parse import urlsplit

    from omniops.jobs.host import is_local

    return bool(settings.get("OMNIROUTE_BIN")) and is_local(urlsplit(ctx.omniroute.url).hostname or "")


def _problems(settings: Settings, names: Sequence[str]) -> list[str]:
    from omniops.jobs.host import compose_file, find_program
    from omniops.jobs.local import check_program

    problems = []
    for name in names:
        if name == "docker":  # without a compose file its steps are done by hand
            if settings.get("OMNIROUTE_COMPOSE_FILE") and compose_file(settings) is None:
                problems.append("docker: OMNIROUTE_COMPOSE_FILE is not there")
            elif compose_file(settings) and not find_program(settings, "docker"):
                problems.append("docker: it is not installed here")
            continue
        path = script_path(settings, name)
        if not path:
            problems.append(f"{name}: OMNIROUTE_BIN is not set")
            continue
        try:
            check_program(settings, path)
        except (OSError, OmniopsError) as error:
            problems.append(f"{name}: {getattr(error, 'why', '') or error}")
    return problems


def script_path(settings: Settings, name: str) -> str:
    """Return the full path of a script in OMNIROUTE_BIN, "" where that is not set."""
    folder = settings.get("OMNIROUTE_BIN")
    return str(Path(folder).expanduser().absolute() / name) if folder else ""


def ready(settings: Settings, name: str) -> str:
    """Return the full path of a script that can be run here. Raises BadInput where it cannot."""
    from omniops.jobs.local import check_program

    path = script_path(settings, name)
    try:
        if not path:
            raise FileNotFoundError("OMNIROUTE_BIN is not set")
        check_program(settings, path)
    except OSError as error:
        raise BadInput(
            f"{name} cannot be run",
            why=str(error),
            state="nothing was started",
            next="set OMNIROUTE_BIN to the folder that holds OmniRoute's bin/*.sh",
        ) from None
    return path


def here(ctx: Context) -> HostProof:
    """Prove that the server runs on this host (see `jobs/host.py`)."""
    from omniops.jobs.host import prove

    return prove(ctx.settings, ctx.omniroute)


def by_hand(settings: Settings, name: str, *arguments: str) -> str:
    """Return the command line that does it on the server's host."""
    line = [script_path(settings, name) or f"bin/{name}", *arguments]
    named = [f"{key}={shlex.quote(value)}" for key, value in _folders_of(settings).items()]
    return " ".join([*named, shlex.join(line)])


def _folders_of(settings: Settings) -> dict[str, str]:
    data, backups = settings.get("OMNIROUTE_DATA_DIR"), settings.get("DB_BACKUPS_DIR")
    return {key: value for key, value in (("DATA_DIR", data), ("DB_BACKUPS_DIR", backups)) if value}


def data_folder(ctx: Context) -> Path:
    """Return the server's data folder on this host: OMNIROUTE_DATA_DIR, else what the server says, where that is here.

    Raises BadInput where neither is a folder here, where both are and differ, or, in a drill, outside its folder.
    """
    configured = ctx.settings.get("OMNIROUTE_DATA_DIR")
    try:
        told = ctx.omniroute.data_folder()
    except OmniopsError:
        told = ""  # it is down, or refuses; the setting has to do
    told_here = bool(told) and (Path(told) / DATABASE).is_file()
    folder = Path(configured or (told if told_here else "")).expanduser().absolute()
    why = ""
    if not configured and not told_here:
        why = "OMNIROUTE_DATA_DIR is not set, and the server names no folder that is here"
    elif not folder.is_dir():
        why = f"{folder} is not a folder here"
    elif configured and told_here and not folder.samefile(told):
        why = f"OMNIROUTE_DATA_DIR is {folder}, but the server uses {told}"
    elif ctx.settings.drill and not _in_drill(ctx.settings, folder):
        why = f"{folder} is outside the drill's folder"
    if why:
        raise BadInput(
            "The server's data folder is not known",
            why=why,
            state="nothing was started",
            next="export OMNIROUTE_DATA_DIR=/path (a docker volume: its mountpoint)",
        )
    return folder


def _in_drill(settings: Settings, folder: Path) -> bool:
    drill = settings.get("OMNIOPS_DRILL_FOLDER")
    return bool(drill) and folder.resolve().is_relative_to(Path(drill).resolve())


def backups_folder(ctx: Context, data: Path) -> Path:
    """Return where the scripts keep snapshots: DB_BACKUPS_DIR, else db_backups in the data folder."""
    named = ctx.settings.get("DB_BACKUPS_DIR")
    return Path(named).expanduser().absolute() if named else data / "db_backups"


def folders_env(ctx: Context, data: Path) -> dict[str, str]:
    """Return the folders as the scripts read them from their environment."""
    return {"DATA_DIR": str(data), "DB_BACKUPS_DIR": str(backups_folder(ctx, data))}


def last_words(result: JobResult) -> str:
    """Return the last lines of a script's stderr, on one line."""
    return one_line(" / ".join(line for line in result.stderr.splitlines() if line.strip())[-400:], 400)


def saved_folder(result: JobResult) -> str:
    """Return the folder that a restore script says it saved the old data to, "" if it did not get that far."""
    found = re.findall(r"saved to (/.+?)\s*$", result.stderr, re.MULTILINE)
    return str(found[-1]) if found else ""


class ScriptWrite:
    """A write that runs one script under the supervisor, and concludes from its end and from what is read back."""

    name = ""  # in SPECS
    state_tells = False  # what is observed settles a job whose end is unknown

    def command(self, ctx: Context, args: Args, before: dict[str, Any], key: str, undoing: bool) -> list[str]:
        """Return the argv. Raises OmniopsError where it must not be run (any more)."""
        raise NotImplementedError

    def environment(self, ctx: Context, before: dict[str, Any]) -> dict[str, str]:
        """Return what the script is given besides the allow-list."""
        raise NotImplementedError

    def conclude(
        self, ctx: Context, args: Args, before: dict[str, Any], key: str, result: JobResult, undoing: bool
    ) -> Applied:
        """Say what came of a script that has ended by itself."""
        raise NotImplementedError

    def done_elsewhere(
        self, ctx: Context, args: Args, before: dict[str, Any], began: str, undoing: bool
    ) -> Applied | None:
        """Read back, as after a run of our own, what a person has done on the server's host since ``began`` (ISO).
        None where nothing of it can be seen from here: their word counts then."""
        return None

    def apply(self, ctx: Context, args: Args, before: dict[str, Any], key: str) -> Applied:
        return self._perform(ctx, args, before, key, undoing=False)

    def undo(self, ctx: Context, args: Args, before: dict[str, Any], key: str) -> Applied:
        return self._perform(ctx, args, before, key, undoing=True)

    def reconcile(self, ctx: Context, args: Args, before: dict[str, Any], key: str, undoing: bool) -> Applied | None:
        """Void the job if it has not started; else wait for its end, which outlives omniops, and conclude from it."""
        if ctx.jobs.void(key):
            return Applied("not_applied", "the script was never started")
        result = ctx.jobs.wait(key, SPECS[self.name].timeout_s + 15)
        if result is None:
            return Applied("not_applied", "the script was never started")
        if self.state_tells and result.exit in (TIMED_OUT, LOST):
            return None
        return self._judge(ctx, args, before, key, result, undoing)

    def _perform(self, ctx: Context, args: Args, before: dict[str, Any], key: str, undoing: bool) -> Applied:
        try:
            argv = self.command(ctx, args, before, key, undoing)
            environment = self.environment(ctx, before)
        except OmniopsError as error:
            return Applied("not_applied", error.brief)
        try:
            result = ctx.jobs.run(
                key, argv, timeout_s=SPECS[self.name].timeout_s, env=environment, checkpoint=ctx.checkpoint
            )
        except OSError as error:
            if ctx.jobs.void(key):
                return Applied("not_applied", f"nothing was started: {error}")
            return Applied("in_doubt", f"the script was started, and then: {error}")
        return self._judge(ctx, args, before, key, result, undoing)

    def _judge(
        self, ctx: Context, args: Args, before: dict[str, Any], key: str, result: JobResult, undoing: bool
    ) -> Applied:
        evidence = {"exit": result.exit, "folder": result.folder, "stderr": last_words(result)}
        if result.exit == NOT_STARTED:
            return Applied("not_applied", last_words(result), evidence)
        if result.exit is None:
            return Applied("in_doubt", f"the script is still running; its output is in {result.folder}", evidence)
        if result.exit in (LOST, TIMED_OUT):
            return Applied("in_doubt", last_words(result), evidence)
        concluded = self.conclude(ctx, args, before, key, result, undoing)
        return concluded._replace(evidence={**evidence, **concluded.evidence})
