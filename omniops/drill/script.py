"""The stand-in scripts' common part: how they talk, refuse and reach the simulator; ``python -m omniops.drill.script``.

They behave as the real bin/*.sh do, defects included: messages on stderr as ``[name] text``, exit 1 for errors.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from omniops.drill import faults
from omniops.drill.world import virtual_now

CONTROL_TIMEOUT_S = 5.0


class Failed(Exception):
    """The script ends with ``code``; what was to be said has been said."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Script:
    """One run of a stand-in: its name, its arguments, the drill's state folder."""

    def __init__(self, name: str, argv: list[str], state: Path) -> None:
        self.name, self.argv, self.state = name, argv, state

    @property
    def world(self) -> dict[str, Any]:
        """The simulator's state as it was last written."""
        data: dict[str, Any] = json.loads((self.state / "world.json").read_text(encoding="utf-8"))
        return data

    def fault(self, kind: str) -> faults.Fault | None:
        """Return a fault of the world that is set, or None."""
        return faults.find(faults.parse(self.world["faults"]), kind)

    def now(self) -> datetime:
        """The drill's time."""
        return virtual_now(self.world)

    def say(self, text: str) -> None:
        """One line on stderr, as the scripts write them."""
        print(f"[{self.name.removesuffix('.sh')}] {text}", file=sys.stderr, flush=True)

    def fail(self, text: str, code: int = 1) -> NoReturn:
        """Say what is wrong and end."""
        self.say(f"ERROR: {text}")
        raise Failed(code)

    def confirm(self, question: str, yes: bool) -> None:
        """Ask on a terminal; refuse without one, unless told yes."""
        if yes or os.environ.get("ASSUME_YES") == "1":
            return
        if not sys.stdin.isatty():
            self.fail("refusing a destructive action without a TTY; pass --yes to proceed non-interactively")
        print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            self.fail("aborted")

    def tell(self, name: str, body: dict[str, Any]) -> None:
        """Let the simulator do something. Where none runs, it is left in the spool for the next one."""
        raw = json.dumps(body)
        try:
            control = urlsplit(json.loads((self.state / "ready.json").read_text(encoding="utf-8"))["control"])
            link = http.client.HTTPConnection(str(control.hostname), control.port, timeout=CONTROL_TIMEOUT_S)
            link.request("POST", f"{control.path}/{name}", raw, {"content-type": "application/json"})
            answer = link.getresponse()
            answer.read()
            link.close()
            if answer.status == 200:
                return
            raise OSError(f"the simulator answers {answer.status}")
        except (OSError, http.client.HTTPException):
            with (self.state / "spool.jsonl").open("a", encoding="utf-8") as spool:
                spool.write(json.dumps({"name": name, "body": body}) + "\n")


def main(argv: list[str]) -> int:
    """``--state FOLDER NAME ARGUMENTS...``: run one stand-in and note that it was called."""
    state, name, rest = Path(argv[1]), argv[2], argv[3:]
    script = Script(name, rest, state)
    slow = script.fault("slow-script") if name.endswith(".sh") else None
    if slow:
        time.sleep(slow.seconds)
    try:
        code = _find(name)(script)
    except Failed as failed:
        code = failed.code
    script.tell("script", {"name": name, "argv": rest, "exit": code})
    return code


def _find(name: str) -> Callable[[Script], int]:
    if name in ("rollback.sh", "docker", "npm", "pm2", "systemctl"):
        from omniops.drill import script_deploy

        return script_deploy.RUN[name]
    if name == "gh":
        from omniops.drill import script_gh

        return script_gh.RUN[name]
    from omniops.drill import script_data

    return script_data.RUN[name]


if __name__ == "__main__":
    # The module that the stand-ins import, not this second copy of it: there is one class Failed.
    from omniops.drill.script import main as run

    raise SystemExit(run(sys.argv[1:]))
