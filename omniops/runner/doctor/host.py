"""This machine: the settings, the scripts, what ticks, what logind kills, and what the terminal can do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from omniops.actions.specs import SPECS
from omniops.config import SECRETS, Settings
from omniops.errors import OmniopsError
from omniops.runner.doctor.base import Finding, Look, fail, ok, unset, warn
from omniops.text import LEAST_SECRET

LEAST_COLUMNS, LEAST_LINES = 80, 24


def settings(look: Look) -> Iterator[Finding]:
    """The config file (a wrong one has ended the command before this), the environment's name, and who acts."""
    here = look.settings
    if here.file is None:
        yield unset("config file", "there is none; settings come from the shell alone", "omniops config init")
    elif here.file.path.stat().st_mode & 0o022:
        mend = f"chmod 600 {here.file.path}"
        yield warn("config file", f"others may write to {here.file.path}, and it can name commands", mend)
    else:
        count = len(here.file.values)
        yield ok("config file", f"{here.file.path}: {count} setting{'' if count == 1 else 's'} for this environment")
    shadowed = here.shadowed()
    if shadowed:
        names = ", ".join(shadowed)
        yield warn("environment", f"{here.environment}, but the shell overrides its {names}", f"unset {names}")
    elif here.environment == "default":
        yield unset("environment", "it has no name, so approvals do not show which one it is", "set OMNIOPS_ENV")
    else:
        yield ok("environment", f"{here.environment} ({here.origin('OMNIOPS_ENV')})")
    yield ok("operator", f"{here.operator} ({here.origin('OMNIOPS_OPERATOR')})")
    short = [name for name in SECRETS if 0 < len(_value(here, name)) < LEAST_SECRET]
    if short:
        detail = f"shorter than {LEAST_SECRET} characters, so not taken out of the journal and the screen"
        yield warn("secrets", f"{', '.join(short)}: {detail}", "use longer ones")


def _value(here: Settings, name: str) -> str:
    """A secret's value. One that a command gives is not asked for here: it may take long, or want a password."""
    if not here.has_secret(name) or here.by_command(name):
        return ""
    try:
        return here.secret(name)
    except OmniopsError:
        return ""  # told where it is used


def scripts(look: Look) -> Iterator[Finding]:
    """The scripts that runbooks may run, docker, and the compose file."""
    from omniops.actions.scripts import script_path
    from omniops.jobs.host import compose_file, find_program
    from omniops.jobs.local import check_program

    here = look.settings
    names = sorted({spec.script for spec in SPECS.values() if spec.script.endswith(".sh")})
    if not here.get("OMNIROUTE_BIN"):
        yield unset("scripts", f"{', '.join(names)} are steps by hand", "set OMNIROUTE_BIN on the server's host")
    else:
        problems: dict[str, list[str]] = {}  # what is wrong -> the scripts of which it is true
        for name in names:
            path = script_path(here, name)
            try:
                check_program(here, path)
            except (OSError, OmniopsError) as error:
                why = str(error) if isinstance(error, OSError) else error.why
                problems.setdefault(why.removeprefix(f"{path} "), []).append(name)
        if problems:
            words = "; ".join(f"{', '.join(of)}: {why}" for why, of in problems.items())
            mend = "set OMNIROUTE_BIN to the folder that holds OmniRoute's bin/*.sh, and chmod +x them"
            yield fail("scripts", f"{words} ({here.get('OMNIROUTE_BIN')})", mend)
        else:
            yield ok("scripts", f"{', '.join(names)} in {here.get('OMNIROUTE_BIN')}")
    yield _checkout(here.get("OMNIROUTE_REPO"))
    if not here.get("OMNIROUTE_COMPOSE_FILE"):
        yield unset(
            "compose", "stopping and starting the cluster is by hand", "set OMNIROUTE_COMPOSE_FILE if it is used"
        )
    elif compose_file(here) is None:
        yield fail("compose", f"{here.get('OMNIROUTE_COMPOSE_FILE')} is not there", "mend OMNIROUTE_COMPOSE_FILE")
    elif not find_program(here, "docker"):
        yield fail("compose", "docker is not installed here", "install it, or unset OMNIROUTE_COMPOSE_FILE")
    else:
        yield ok("compose", f"{here.get('OMNIROUTE_COMPOSE_FILE')}, and docker is there")


def _checkout(repo: str) -> Finding:
    folder = Path(repo).expanduser()
    if not repo:
        return unset("checkout", "commits of deploys are asked of GitHub, if GH_REPO is set", "set OMNIROUTE_REPO")
    if not (folder / ".git").exists():
        return fail("checkout", f"{folder} is no git checkout", "mend OMNIROUTE_REPO")
    return ok("checkout", str(folder))


def tick(look: Look) -> Iterator[Finding]:
    """Without something that ticks, messages wait for the next command, and nobody says what is due."""
    from omniops.runner.ticking import installed

    where = installed(look.settings.env)
    if where:
        yield ok("tick", f"omniops tick is run by {where} (whether it is enabled is not asked)")
    else:
        mend = "install the systemd timer or the cron line that README shows"
        yield warn("tick", "nothing runs omniops tick between commands: messages wait for the next one", mend)


def background(look: Look) -> Iterator[Finding]:
    """A script has to outlive a closed SSH session, and logind may kill what that leaves behind."""
    from omniops.jobs.host import find_program, probe

    if not Path("/run/systemd/system").is_dir():
        yield ok("background", "no logind here that kills what a closed session leaves")
        return
    if not find_program(look.settings, "loginctl"):
        yield warn(
            "background", "loginctl is not there to ask whether logind kills what a session leaves", "install it"
        )
        return
    answer = probe(look.settings, ["loginctl", "show-session", "--property=KillUserProcesses"], timeout_s=5.0)
    if "KillUserProcesses=yes" not in answer.out:
        told = "KillUserProcesses=no" in answer.out
        yield (
            ok("background", "logind lets a script outlive a closed session")
            if told
            else warn(
                "background",
                f"logind does not say whether it kills what a session leaves: {answer.error}",
                "see logind.conf",
            )
        )
    elif find_program(look.settings, "systemd-run") and os.environ.get("XDG_RUNTIME_DIR"):
        yield ok("background", "logind kills what a session leaves; scripts run in a systemd scope of their own")
    else:
        mend = "loginctl enable-linger, and install systemd-run; or set KillUserProcesses=no in logind.conf"
        yield warn("background", "logind kills a running script when the SSH session closes", mend)


def terminal(look: Look) -> Iterator[Finding]:
    """What the prompts need. Without a terminal nothing is asked, and flags have to answer."""
    screen = look.screen
    if not screen.interactive:
        yield unset("terminal", "stdin and stderr are no terminal: nothing can be asked from here", "run it in one")
    else:
        size = f"{screen.columns}x{screen.lines}"
        if screen.columns < LEAST_COLUMNS or screen.lines < LEAST_LINES:
            mend = "make the window larger"
            yield warn("terminal", f"{size} is smaller than {LEAST_COLUMNS}x{LEAST_LINES}", mend)
        else:
            yield ok("terminal", f"{size}, interactive")
    if screen.interactive and screen.term in ("", "dumb", "unknown"):
        yield warn("TERM", f"{screen.term or 'not set'}: no live clocks, no menus", "export TERM=xterm-256color")
    elif screen.interactive:
        yield ok("TERM", f"{screen.term}, colour {'on' if screen.colour else 'off'}")
    if screen.unicode:
        yield ok("characters", "UTF-8")
    else:
        yield warn("characters", "not UTF-8: arrows and sparklines are drawn in ASCII", "export LANG=C.UTF-8")
