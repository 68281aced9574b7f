"""Writes the drill's bin folder: small shell files that call ``omniops.drill.script`` with this interpreter.

OMNIROUTE_BIN is that folder, and PATH begins with it, so no drill reaches a real docker or a real rollback.sh.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import omniops
from omniops.drill.scenarios import Scenario

SCRIPTS = ("rollback.sh", "restore-policies.sh", "snapshot-data.sh", "restore-data.sh")
COMMANDS = ("docker", "npm", "pm2", "systemctl")
COMPOSE_FILE = "docker-compose.prod.yml"
_COMPOSE = """\
# Of a drill: nothing reads it but the stand-in for docker.
services:
  omniroute-prod:
    image: omniroute:prod
    stop_grace_period: 40s
  redis:
    image: redis:7
"""


def write(state: Path, scenario: Scenario) -> None:
    """Write ``STATE/bin`` and the compose file; running it again changes nothing."""
    folder = state / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    root = Path(omniops.__file__).resolve().parent.parent
    for name in (*SCRIPTS, *COMMANDS, *(("gh",) if scenario.paged and not scenario.lesser else ())):
        line = shlex.join(["--state", str(state), name])
        text = (
            "#!/bin/sh\n"
            "# A stand-in of a drill; it reaches nothing but the drill's own folder and simulator.\n"
            f"PYTHONPATH={shlex.quote(str(root))} exec {shlex.quote(sys.executable)} -P -m omniops.drill.script {line} "
            '"$@"\n'
        )
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
    compose = state / COMPOSE_FILE
    if not compose.exists():
        compose.write_text(_COMPOSE, encoding="utf-8")
